"""Each slot, as the compiled table finds it, is the word that its name says."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest

from firth.errors import InputError
from firth.parsing.transitions.actions import Actions
from firth.parsing.transitions.kernels.configurations import (
    FROM_BUFFER,
    FROM_STACK,
    L1,
    L2,
    N_STATE,
    N_WORD_ROWS,
    NONE,
    R1,
    apply,
    begin,
    find_words,
)
from firth.parsing.transitions.slots import SLOTS, check_slots, table, with_parents
from firth.parsing.transitions.systems import SYSTEMS, Configuration


def word_in(slot: str, configuration: Configuration) -> int:
    """Find the word in a slot of a readable configuration, from its name alone."""
    place, *path = slot.split(".")
    words = configuration.stack[::-1] if place[0] == "s" else list(configuration.buffer)
    word = words[int(place[1:])] if int(place[1:]) < len(words) else NONE
    for step in path:
        children = sorted(arc.dependent for arc in configuration.arcs if arc.head == word)
        on_side = (
            [c for c in children if c < word] if step[0] == "l" else [c for c in children[::-1] if c > word]
        )
        word = on_side[int(step[1:]) - 1] if int(step[1:]) <= len(on_side) else NONE
    return word


def random_walks(name: str, slots: tuple[str, ...]) -> Iterator[tuple[Configuration, list[int]]]:
    """Yield random configurations, and the words that the compiled table finds in them."""
    system, random = SYSTEMS[name], np.random.default_rng(len(name))
    actions, addresses = Actions(["dep"], ["root"], swap=system.has_swap), table(slots)
    found = np.empty(len(slots), np.int64)
    for n in (1, 2, 3, 5, 8, 12, 20):
        for _ in range(10):
            states = np.zeros((1, N_STATE), np.int64)
            words = np.empty((1, N_WORD_ROWS, n + 1), np.int32)
            begin(states, words, 0, 0, n, actions.none_label)
            configuration = Configuration.initial(n)
            while not configuration.is_final:
                find_words(found, addresses, states, words, 0)
                yield configuration, found.tolist()
                kind = random.choice(system.legal(configuration))
                possible = [k for k in range(len(actions.kinds)) if actions.transition(k).kind == kind]
                apply(actions.kinds[possible[0]], 0, system.code, states, words, 0)
                system.apply(configuration, actions.transition(possible[0]))


@cache
def seen(system: str) -> dict[str, list[tuple[int, int]]]:
    """Return for each slot the words by its name and by the table, in random configurations."""
    walks = [
        ([word_in(slot, configuration) for slot in SLOTS], found)
        for configuration, found in random_walks(system, SLOTS)
    ]
    return {slot: [(right[k], found[k]) for right, found in walks] for k, slot in enumerate(SLOTS)}


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("slot", SLOTS)
def test_a_slot_is_the_word_that_its_name_says(slot: str, system: str) -> None:
    right, found = zip(*seen(system)[slot], strict=True)
    assert found == right
    # Words of the buffer have children only where arcs lead from it, or words go back to it.
    is_always_empty = slot.startswith("b0.") and system == "arc-standard"
    assert set(right) == {NONE} if is_always_empty else len(set(right)) > 5


def test_some_slots_are_found_as_all_are() -> None:
    names = with_parents(["s1.r1.r1", "b0.l2", "s0"])
    assert names == ("s0", "s1", "b0", "s1.r1", "s1.r1.r1", "b0.l2")
    for (_, some), (configuration, _) in zip(
        random_walks("arc-hybrid", names), random_walks("arc-hybrid", SLOTS), strict=True
    ):
        assert some == [word_in(slot, configuration) for slot in names]


def test_the_table() -> None:
    names = ("s0", "b1", "s0.l1", "s0.l1.r1", "b1.l2")
    rows = [[FROM_STACK, 0], [FROM_BUFFER, 1], [0, L1], [2, R1], [1, L2]]
    assert table(names).tolist() == rows
    assert table(()).shape == (0, 2)


def test_names_of_slots() -> None:
    assert with_parents(SLOTS) == SLOTS
    assert with_parents([]) == ()
    check_slots(SLOTS)
    for name in ("s9", "", "s0.", "s0.l3"):
        with pytest.raises(InputError, match=f"there is no slot {name!r}: choose one of s0, s1, "):
            check_slots(["b0", name])
