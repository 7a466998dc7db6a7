"""The dynamic oracle of the arc-hybrid system in compiled code (Goldberg & Nivre 2013).

Tests compare it with `firth.parsing.transitions.systems.ArcHybrid.costs`, which is the same in readable form.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from firth.compute.compiled import kernel
from firth.parsing.transitions.codes import LEFT_ARC, N_KINDS, SHIFT, SWAP
from firth.parsing.transitions.kernels.configurations import (
    BUFFER,
    BUFFER_START,
    LENGTH,
    ON_STACK,
    STACK,
    STACK_SIZE,
    Machine,
)


class Gold(NamedTuple):
    """Gold trees, with an entry for each row of a unit.

    Attributes
    ----------
    heads, labels
        The head and the label of the arc of each word.
    first, children
        The children of the word in row u are those from ``first[u]`` to ``first[u + 1]``. The row before the
        first word of a sentence stands for ROOT.
    available
        (N_KINDS, labels): whether there is an action of this kind with this label. If there is no action with
        the gold label, because its arc cannot be made any more, all labels are right.
    follow_best
        For each step whether to take the best action in any case. Otherwise the best optimal one is taken.
    """

    heads: np.ndarray
    labels: np.ndarray
    first: np.ndarray
    children: np.ndarray
    available: np.ndarray
    follow_best: np.ndarray


@kernel()
def _lost_arcs(
    kind: int, states: np.ndarray, words: np.ndarray, lane: int, gold: Gold, root_row: int
) -> int:  # fmt: skip
    """Return how many gold arcs a legal action puts out of reach.

    `root_row` is the row of `gold` that stands for ROOT. The buffer is in order, so a comparison tells
    whether it holds a word.
    """
    size, front, length = states[lane, STACK_SIZE], states[lane, BUFFER_START], states[lane, LENGTH]
    s0 = words[lane, STACK, size - 1]
    b0 = words[lane, BUFFER, front] if front < length else length + 1
    moved = root_row + (b0 if kind == SHIFT else s0)
    head = gold.heads[moved]
    lost = 0
    if kind == SHIFT:
        lost += words[lane, ON_STACK, head] and head != s0
    elif kind == LEFT_ARC:
        lost += head > b0 or head == words[lane, STACK, size - 2]
    else:
        lost += head >= b0
    for k in range(gold.first[moved], gold.first[moved + 1]):
        child = gold.children[k]
        lost += words[lane, ON_STACK, child] != 0 if kind == SHIFT else child >= b0
    return int(lost)


@kernel()
def find_optimal(
    optimal: np.ndarray, at: int, machine: Machine, legal: int,
    states: np.ndarray, words: np.ndarray, lane: int, gold: Gold, root_row: int,
) -> None:  # fmt: skip
    """Write to row `at` which actions are optimal: those that put the fewest gold arcs out of reach.

    `legal` are bits, as `legal_kinds` returns them.
    """
    costs = np.zeros(N_KINDS, np.int64)
    least = states[lane, LENGTH] + 1
    for kind in range(SWAP):
        if legal >> kind & 1:
            costs[kind] = _lost_arcs(kind, states, words, lane, gold, root_row)
            least = min(least, costs[kind])
    s0 = words[lane, STACK, states[lane, STACK_SIZE] - 1]
    right = machine.none_label if s0 == 0 else gold.labels[root_row + s0]
    for a in range(optimal.shape[1]):
        kind = machine.kinds[a]
        has_label = kind == SHIFT or machine.arc_labels[a] == right or not gold.available[kind, right]
        optimal[at, a] = (legal >> kind & 1) and costs[kind] == least and has_label
