"""Actions and relations, and their numbers."""

from __future__ import annotations

import pytest

from firth.errors import InputError
from firth.parsing.transitions.actions import Actions
from firth.parsing.transitions.codes import LEFT_ARC, ROOT_ARC, SHIFT
from firth.parsing.transitions.systems import ArcStandard


def test_numbers_of_actions() -> None:
    actions = Actions(["det", "obj"], ["root"], swap=True)
    assert [str(actions.transition(k)) for k in range(len(actions.kinds))] == [
        "SHIFT",
        "LEFT-ARC(det)",
        "LEFT-ARC(obj)",
        "RIGHT-ARC(det)",
        "RIGHT-ARC(obj)",
        "RIGHT-ARC(root)",
        "SWAP",
    ]
    assert actions.number_labels([2, 0, 2], ["det", "root", "nsubj"]).tolist() == [0, 2, actions.none_label]
    with pytest.raises(InputError, match=r"LEFT-ARC\(nsubj\) is not among the actions"):
        actions.number_steps(ArcStandard().oracle([2, 0], ["nsubj", "root"]))
    for relations, roots in (([], ["root"]), (["det"], [])):
        with pytest.raises(InputError, match="at least one"):
            Actions(relations, roots)


def test_a_relation_of_roots_and_others() -> None:
    """The arc from ROOT is another action than that between words, even if their relation is one."""
    actions = Actions(["dep"], ["dep"])
    assert actions.number_labels([2, 0], ["dep", "dep"]).tolist() == [0, 1]
    steps = actions.number_steps(ArcStandard().oracle([2, 0], ["dep", "dep"]))
    assert actions.kinds[steps].tolist() == [SHIFT, SHIFT, LEFT_ARC, ROOT_ARC]
