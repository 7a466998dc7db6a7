"""Transition systems: legality, oracles, and the costs of the dynamic oracle against brute force."""

from __future__ import annotations

from copy import deepcopy
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firth.errors import InputError
from firth.parsing.transitions.projectivity import is_projective, projectivize
from firth.parsing.transitions.systems import (
    SYSTEMS,
    ArcHybrid,
    ArcStandard,
    ArcStandardSwap,
    Configuration,
    Kind,
    Transition,
    TransitionSystem,
    system_named,
)
from firth.text import conllu

# "I parsed this sentence correctly"
HEADS = [2, 0, 4, 2, 2]
LABELS = ["nsubj", "root", "det", "obj", "advmod"]

each_system = pytest.mark.parametrize("system", SYSTEMS.values(), ids=SYSTEMS.keys())


@st.composite
def trees(draw: st.DrawFn, projective: bool = False) -> list[int]:
    """Draw the heads of a tree with one root: words hang on words that were attached before."""
    n = draw(st.integers(1, 12))
    order = draw(st.permutations(range(1, n + 1)))
    heads = [0] * n
    for place, word in enumerate(order[1:], start=1):
        heads[word - 1] = draw(st.sampled_from(order[:place]))
    return projectivize(heads, ["x"] * n)[0] if projective else heads


def all_trees(n: int) -> list[list[int]]:
    """Return all trees of n words with one root."""
    return [
        list(heads)
        for heads in product(range(n + 1), repeat=n)
        if heads.count(0) == 1 and all(reaches_root(heads, word) for word in range(1, n + 1))
    ]


def reaches_root(heads: tuple[int, ...], word: int) -> bool:
    for _ in range(len(heads) + 1):
        if word == 0:
            return True
        word = heads[word - 1]
    return False


def labels_of(heads: list[int]) -> list[str]:
    return [f"r{word}" for word in range(1, len(heads) + 1)]


def build(system: TransitionSystem, transitions: list[Transition], n: int) -> Configuration:
    configuration = Configuration.initial(n)
    for transition in transitions:
        system.apply(configuration, transition)
    return configuration


def test_arc_standard_as_in_the_literature() -> None:
    transitions = ArcStandard().oracle(HEADS, LABELS)
    assert [str(transition) for transition in transitions] == [
        "SHIFT",
        "SHIFT",
        "LEFT-ARC(nsubj)",
        "SHIFT",
        "SHIFT",
        "LEFT-ARC(det)",
        "RIGHT-ARC(obj)",
        "SHIFT",
        "RIGHT-ARC(advmod)",
        "RIGHT-ARC(root)",
    ]
    arcs = build(ArcStandard(), transitions, 5).arcs
    assert [(arc.head, arc.dependent) for arc in arcs] == [(2, 1), (4, 3), (2, 4), (2, 5), (0, 2)]


def test_arc_hybrid_takes_left_arcs_from_the_buffer() -> None:
    transitions = ArcHybrid().oracle(HEADS, LABELS)
    assert [str(transition) for transition in transitions[:3]] == ["SHIFT", "LEFT-ARC(nsubj)", "SHIFT"]


def test_systems_are_found_by_name() -> None:
    assert list(SYSTEMS) == ["arc-standard", "arc-hybrid", "arc-standard-swap"]
    assert all(system_named(name).name == name for name in SYSTEMS)
    for name in ("arc-eager", "", 1, None, ["arc-hybrid"]):
        with pytest.raises(InputError, match=r"choose one of arc-standard, arc-hybrid, arc-standard-swap$"):
            system_named(name)  # type: ignore[arg-type]


def test_numbers_in_model_files() -> None:
    """They must never change."""
    assert [system.code for system in SYSTEMS.values()] == [0, 1, 2]


def test_swap_waits_until_a_component_is_built() -> None:
    """The example of Nivre, Kuhlmann & Hall (2009): two swaps move "on the issue", not six word by word."""
    sentence = "A hearing is scheduled on the issue today ."
    heads = [2, 3, 0, 3, 2, 7, 5, 4, 3]
    assert len(sentence.split()) == len(heads)
    kinds = [transition.kind for transition in ArcStandardSwap().oracle(heads, labels_of(heads))]
    assert kinds.count(Kind.SWAP) == 2


@each_system
@given(heads=trees(projective=True))
def test_projective_trees_in_2n_steps(system: TransitionSystem, heads: list[int]) -> None:
    transitions = system.oracle(heads, labels_of(heads))
    assert len(transitions) == 2 * len(heads)
    assert build(system, transitions, len(heads)).tree() == (heads, labels_of(heads))


@given(heads=trees())
def test_swap_builds_every_tree(heads: list[int]) -> None:
    system = ArcStandardSwap()
    transitions = system.oracle(heads, labels_of(heads))
    assert build(system, transitions, len(heads)).tree() == (heads, labels_of(heads))
    n_swaps = sum(transition.kind == Kind.SWAP for transition in transitions)
    assert len(transitions) == 2 * len(heads) + 2 * n_swaps
    assert (n_swaps == 0) == is_projective(heads)


@each_system
@given(n=st.integers(1, 10), choices=st.data())
def test_legal_transitions_end_in_a_tree_with_one_root(
    system: TransitionSystem, n: int, choices: st.DataObject
) -> None:
    configuration = Configuration.initial(n)
    while not configuration.is_final:
        kind = choices.draw(st.sampled_from(system.legal(configuration)))
        system.apply(configuration, Transition(kind))
    heads, _ = configuration.tree()
    assert len(heads) == n
    assert heads.count(0) == 1
    assert all(reaches_root(tuple(heads), word) for word in range(1, n + 1))
    assert system.legal(configuration) == []


@each_system
def test_nothing_but_the_last_arc_is_from_root(system: TransitionSystem) -> None:
    configuration = Configuration.initial(2)
    assert system.legal(configuration) == [Kind.SHIFT]
    system.apply(configuration, Transition(Kind.SHIFT))
    assert Kind.RIGHT_ARC not in system.legal(configuration)
    with pytest.raises(
        InputError, match=r"RIGHT-ARC\(root\) is not legal with 2 on the stack, 1 in the buffer"
    ):
        system.apply(configuration, Transition(Kind.RIGHT_ARC, "root"))


def test_words_are_not_swapped_back() -> None:
    system, configuration = ArcStandardSwap(), Configuration.initial(2)
    for kind in (Kind.SHIFT, Kind.SHIFT, Kind.SWAP, Kind.SHIFT):
        system.apply(configuration, Transition(kind))
    assert configuration.stack == [0, 2, 1]
    assert Kind.SWAP not in system.legal(configuration)


@pytest.mark.parametrize("system", [ArcStandard(), ArcHybrid()], ids=lambda system: system.name)
def test_projective_systems_refuse_other_trees(system: TransitionSystem) -> None:
    with pytest.raises(InputError, match="not projective"):
        system.oracle([3, 4, 0, 3], ["x"] * 4)


@each_system
@pytest.mark.parametrize(
    ("heads", "message"),
    [([0, 3, 2], "word 2 is in a cycle"), ([0, 0], "2 words have head 0"), ([2, 1], "0 words have head 0")],
)
def test_oracles_refuse_what_is_no_tree(system: TransitionSystem, heads: list[int], message: str) -> None:
    with pytest.raises(InputError, match=message):
        system.oracle(heads, ["x"] * len(heads))


def fewest_lost(system: ArcHybrid, configuration: Configuration, heads: list[int]) -> int:
    """Return how many gold arcs the best tree that can still be built lacks, by trying all."""
    if configuration.is_final:
        return sum(head != gold for head, gold in zip(configuration.tree()[0], heads, strict=True))
    return min(
        fewest_lost(system, after(system, configuration, kind), heads) for kind in system.legal(configuration)
    )


def after(system: ArcHybrid, configuration: Configuration, kind: Kind) -> Configuration:
    following = deepcopy(configuration)
    system.apply(following, Transition(kind))
    return following


def reachable(system: ArcHybrid, n: int) -> list[Configuration]:
    """Return all configurations of n words, those with mistakes too, but final ones."""
    found, frontier = [], [Configuration.initial(n)]
    while frontier:
        configuration = frontier.pop()
        if not configuration.is_final:
            found.append(configuration)
            frontier += [after(system, configuration, kind) for kind in system.legal(configuration)]
    return found


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_costs_are_the_arcs_lost(n: int) -> None:
    system = ArcHybrid()
    for heads in filter(is_projective, all_trees(n)):
        for configuration in reachable(system, n):
            lost = fewest_lost(system, configuration, heads)
            brute_force = {
                kind: fewest_lost(system, after(system, configuration, kind), heads) - lost
                for kind in system.legal(configuration)
            }
            assert system.costs(configuration, heads) == brute_force


@given(heads=trees(projective=True), choices=st.data())
def test_following_the_dynamic_oracle_builds_the_tree(heads: list[int], choices: st.DataObject) -> None:
    system, configuration = ArcHybrid(), Configuration.initial(len(heads))
    while not configuration.is_final:
        optimal = system.optimal(configuration, heads, labels_of(heads))
        system.apply(configuration, choices.draw(st.sampled_from(optimal)))
    assert configuration.tree() == (heads, labels_of(heads))


@given(heads=trees(projective=True), choices=st.data())
def test_there_is_always_a_way_without_further_loss(heads: list[int], choices: st.DataObject) -> None:
    system, configuration = ArcHybrid(), Configuration.initial(len(heads))
    expected = 0
    while not configuration.is_final:
        costs = system.costs(configuration, heads)
        assert min(costs.values()) == 0
        kind = choices.draw(st.sampled_from(sorted(costs)))
        expected += costs[kind]
        system.apply(configuration, Transition(kind))
    wrong = sum(head != gold for head, gold in zip(configuration.tree()[0], heads, strict=True))
    assert wrong == expected


def test_long_sentences() -> None:
    n = 20_000
    for heads in (list(range(n)), [*range(2, n + 1), 0], [0] + [1] * (n - 1)):
        for system in SYSTEMS.values():
            assert len(system.oracle(heads, ["x"] * n)) == 2 * n


@each_system
def test_real_trees(system: TransitionSystem, shared_data: Path) -> None:
    for sentence in conllu.load(shared_data / "ud" / "hu_szeged" / "dev.conllu"):
        heads, labels = [token.head or 0 for token in sentence], [token.deprel for token in sentence]
        if not isinstance(system, ArcStandardSwap):
            heads, labels = projectivize(heads, labels)
        transitions = system.oracle(heads, labels)
        assert build(system, transitions, len(heads)).tree() == (heads, labels)
