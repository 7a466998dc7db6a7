"""Configurations in compiled code: how they begin, which actions are legal, what these do, and the slots.

Words are numbered from 1, and 0 is ROOT, as in `firth.parsing.transitions.systems`. Tests compare these
kernels with the readable systems there.

Several sentences are parsed side by side, each in a *lane*. Their configurations are two arrays:

- ``states[lane]``: the sentence in the lane (`NONE` if it is idle), the steps taken, the number of words of
  the sentence, the size of the stack, and the place where the buffer begins.
- ``words[lane]``: one column for ROOT and for each word. The rows are the stack, the buffer (from its
  beginning to the number of words), and for each word its head, the label of its arc, whether it is on the
  stack, and its outermost children.

Functions that run at each step take whole arrays and the number of the lane. To take an array out of a named
tuple, or a row out of an array, counts a reference, which costs more than the step itself.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from firth.compute.compiled import kernel
from firth.parsing.transitions.codes import (
    ARC_HYBRID,
    ARC_STANDARD_SWAP,
    LEFT_ARC,
    RIGHT_ARC,
    ROOT_ARC,
    SHIFT,
    SWAP,
)

NONE = -1
"""No word, no sentence, no action."""

SENTENCE, STEP, LENGTH, STACK_SIZE, BUFFER_START = range(5)
N_STATE = 5
"""The columns of `states`."""

STACK, BUFFER, HEAD, LABEL, ON_STACK, L1, L2, R1, R2 = range(9)
N_WORD_ROWS = 9
"""The rows of `words`."""

FROM_STACK, FROM_BUFFER = -1, -2
"""Where a slot begins that is no child; see `Machine`."""


class Machine(NamedTuple):
    """A transition system, its actions, and what is read of a configuration.

    Attributes
    ----------
    system
        `ARC_STANDARD`, `ARC_HYBRID` or `ARC_STANDARD_SWAP`.
    kinds, arc_labels
        (A,): the kind of each action, and the label of its arc. Each kind but `SWAP` has an action.
    slot_table
        (S, 2): how to find the words of slots, made by `firth.parsing.transitions.slots.table`. A row is
        (`FROM_STACK`, depth), (`FROM_BUFFER`, distance) or (number of an earlier slot, row of its child in
        `words`).
    unit_slots, label_slots
        (K,) and (J,): rows of `slot_table`: the slots whose words are read, and those whose labels are.
    none_label
        The label of a word without an arc, and of an empty slot.
    """

    system: int
    kinds: np.ndarray
    arc_labels: np.ndarray
    slot_table: np.ndarray
    unit_slots: np.ndarray
    label_slots: np.ndarray
    none_label: int


class Sentences(NamedTuple):
    """The sentences of a batch, and the rows of their units.

    Attributes
    ----------
    lengths, rows
        (sentences,): the number of words, and the row of the first word.
    root_row, none_row
        The rows of ROOT and of an empty slot.
    """

    lengths: np.ndarray
    rows: np.ndarray
    root_row: int
    none_row: int


@kernel()
def longest(lengths: np.ndarray) -> int:
    """Return the largest of some lengths, or 0."""
    largest = 0
    for length in lengths:
        largest = max(largest, length)
    return largest


@kernel()
def begin(
    states: np.ndarray, words: np.ndarray, lane: int, sentence: int, length: int, none_label: int
) -> None:  # fmt: skip
    """Set a lane to the initial configuration of a sentence, ([ROOT], w_1 … w_n, ∅)."""
    states[lane, SENTENCE], states[lane, STEP], states[lane, LENGTH] = sentence, 0, length
    states[lane, STACK_SIZE], states[lane, BUFFER_START] = 1, 0
    for k in range(length + 1):
        for row in (STACK, HEAD, L1, L2, R1, R2):
            words[lane, row, k] = NONE
        words[lane, BUFFER, k] = k + 1
        words[lane, LABEL, k] = none_label
        words[lane, ON_STACK, k] = False
    words[lane, STACK, 0] = 0
    words[lane, ON_STACK, 0] = True


@kernel()
def begin_next(
    states: np.ndarray, words: np.ndarray, lane: int, coming: int, lengths: np.ndarray, none_label: int
) -> int:
    """Begin the next sentence that has words, from `coming` on; return the number of the one after it.

    If there is none, the lane becomes idle.
    """
    while coming < len(lengths) and lengths[coming] == 0:
        coming += 1
    if coming < len(lengths):
        begin(states, words, lane, coming, lengths[coming], none_label)
    else:
        states[lane, SENTENCE] = NONE
    return coming + 1


@kernel()
def is_final(states: np.ndarray, lane: int) -> bool:
    """Say whether the sentence is parsed: only ROOT is left."""
    return bool(states[lane, STACK_SIZE] == 1 and states[lane, BUFFER_START] == states[lane, LENGTH])


@kernel()
def legal_kinds(system: int, states: np.ndarray, words: np.ndarray, lane: int) -> int:
    """Return the kinds of actions that are legal, as bits: bit k is 1 if kind k is legal.

    The arc from ROOT is the last one, so that a sentence has one root.
    """
    size, more = states[lane, STACK_SIZE], states[lane, BUFFER_START] < states[lane, LENGTH]
    left = (size > 1 and more) if system == ARC_HYBRID else size > 2
    swap = (
        system == ARC_STANDARD_SWAP
        and size > 2
        and words[lane, STACK, size - 2] < words[lane, STACK, size - 1]
    )
    return int(
        more << SHIFT
        | left << LEFT_ARC
        | (size > 2) << RIGHT_ARC
        | (size == 2 and not more) << ROOT_ARC
        | swap << SWAP
    )


@kernel()
def apply(
    kind: int, label: int, system: int, states: np.ndarray, words: np.ndarray, lane: int
) -> None:  # fmt: skip
    """Take an action that is legal."""
    size, front = states[lane, STACK_SIZE], states[lane, BUFFER_START]
    states[lane, STEP] += 1
    if kind == SHIFT:
        word = words[lane, BUFFER, front]
        words[lane, STACK, size] = word
        words[lane, ON_STACK, word] = True
        states[lane, STACK_SIZE] += 1
        states[lane, BUFFER_START] += 1
        return
    s0, s1 = words[lane, STACK, size - 1], words[lane, STACK, size - 2]
    states[lane, STACK_SIZE] -= 1
    if kind == SWAP:
        words[lane, BUFFER, front - 1] = s1
        words[lane, STACK, size - 2] = s0
        words[lane, ON_STACK, s1] = False
        states[lane, BUFFER_START] -= 1
        return
    if kind != LEFT_ARC:
        head, child = s1, s0
    elif system == ARC_HYBRID:
        head, child = words[lane, BUFFER, front], s0
    else:
        head, child = s0, s1
        words[lane, STACK, size - 2] = s0
    words[lane, HEAD, child] = head
    words[lane, LABEL, child] = label
    words[lane, ON_STACK, child] = False
    _add_child(words, lane, head, child)


@kernel()
def _add_child(words: np.ndarray, lane: int, head: int, child: int) -> None:
    """Note a child of a head if it is one of the two outermost children on its side."""
    outer, inner = (L1, L2) if child < head else (R1, R2)
    first, second = words[lane, outer, head], words[lane, inner, head]
    if first == NONE or abs(child - head) > abs(first - head):
        words[lane, inner, head] = first
        words[lane, outer, head] = child
    elif second == NONE or abs(child - head) > abs(second - head):
        words[lane, inner, head] = child


@kernel()
def find_words(
    found: np.ndarray, slot_table: np.ndarray, states: np.ndarray, words: np.ndarray, lane: int
) -> None:  # fmt: skip
    """Write the word in each slot of `slot_table` to `found`, or `NONE` if the slot is empty."""
    size, front, length = states[lane, STACK_SIZE], states[lane, BUFFER_START], states[lane, LENGTH]
    for k in range(len(slot_table)):
        base, which = slot_table[k, 0], slot_table[k, 1]
        word = NONE
        if base == FROM_STACK:
            if which < size:
                word = words[lane, STACK, size - 1 - which]
        elif base == FROM_BUFFER:
            if front + which < length:
                word = words[lane, BUFFER, front + which]
        elif found[base] != NONE:
            word = words[lane, which, found[base]]
        found[k] = word


@kernel()
def read_slots(
    units: np.ndarray, labels: np.ndarray, at: int, found: np.ndarray,
    slot_table: np.ndarray, unit_slots: np.ndarray, label_slots: np.ndarray, none_label: int,
    rows: np.ndarray, root_row: int, none_row: int,
    states: np.ndarray, words: np.ndarray, lane: int,
) -> None:  # fmt: skip
    """Write the units and the labels that a decision reads to row `at`; `found` is space for words."""
    find_words(found, slot_table, states, words, lane)
    first_row = rows[states[lane, SENTENCE]]
    for k in range(len(unit_slots)):
        word = found[unit_slots[k]]
        if word == NONE:
            units[at, k] = none_row
        else:
            units[at, k] = root_row if word == 0 else first_row + word - 1
    for k in range(len(label_slots)):
        word = found[label_slots[k]]
        labels[at, k] = none_label if word == NONE else words[lane, LABEL, word]
