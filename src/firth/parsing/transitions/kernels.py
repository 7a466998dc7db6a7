"""The compiled transition machine: the greedy decoder, and the walks through configurations for training.

Words are numbered from 1, 0 is ROOT, as in `firth.parsing.transitions.systems`,
whose readable systems the tests compare with these kernels.

Several sentences are decoded side by side, each in a *lane*: the scores of their configurations are one small
matrix product, with weights read once. A lane whose sentence is parsed takes the next one.

What runs at each step takes whole arrays and the number of the lane. To cut an array out of another, or to
take it out of a named tuple, counts a reference, which would cost more than the step itself.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from firth.compute.compiled import kernel
from firth.compute.quantized import CODE_DTYPE, QuantizedMatrix, multiply_rounded, round_rows
from firth.compute.rows import argmax_sum, copy_row, sum_rows

SHIFT, LEFT, RIGHT, ROOT_ARC, SWAP = range(5)
KINDS = 5
ARC_STANDARD, ARC_HYBRID, ARC_STANDARD_SWAP = range(3)
RELU, LEAKY_RELU, CUBE = range(3)

WIDTH = 4
"""Sentences that are decoded side by side: the rows of a product that are computed together."""

SLOTS = (
    "s0", "s1", "s2", "b0", "b1", "b2",
    "s0.l1", "s0.r1", "s1.l1", "s1.r1", "s0.l2", "s0.r2", "s1.l2", "s1.r2",
    "s0.l1.l1", "s0.r1.r1", "s1.l1.l1", "s1.r1.r1", "b0.l1", "b0.l2",
)  # fmt: skip
"""What can be read of a configuration: ``s`` the stack, ``b`` the buffer, ``l1`` and ``l2`` the first and
second child on the left, from the left; ``r1`` and ``r2`` those on the right, from the right."""

_NONE = -1
_N_SLOTS = len(SLOTS)

# The configurations are two arrays, with an entry for each lane. `states`: which sentence it is of (-1 for
# none), its steps so far, how many words the sentence has, how many are on the stack, and the place of the
# next one in the buffer.
_SENTENCE, _STEP, _LENGTH, _SIZE, _FRONT = range(5)
_N_STATE = 5
# `words`, with a column for ROOT and each word: the stack; the buffer, from `_FRONT` to `_LENGTH`; and of
# each word its head, the label of its arc, whether it is on the stack, and its outermost children.
_STACK, _BUFFER, _HEAD, _LABEL, _ON_STACK, _L1, _L2, _R1, _R2 = range(9)
_N_WORDS = 9


class Machine(NamedTuple):
    """A transition system, its actions, and what is read of a configuration.

    Attributes
    ----------
    system
        `ARC_STANDARD`, `ARC_HYBRID` or `ARC_STANDARD_SWAP`.
    kinds, arc_labels
        (A,): what each action does, `SHIFT` …, and the label of its arc. Each kind but `SWAP` has one.
    slots, label_slots
        (K,) and (J,): indices into `SLOTS`, of the words that are read, and of those whose labels are.
    none_label
        The label of whatever has none.
    """

    system: int
    kinds: np.ndarray
    arc_labels: np.ndarray
    slots: np.ndarray
    label_slots: np.ndarray
    none_label: int


class Sentences(NamedTuple):
    """Sentences, and where their units are.

    Attributes
    ----------
    lengths, rows
        (sentences,): number of words, and the unit of the first.
    root_row, none_row
        The units of ROOT, and of an empty slot.
    """

    lengths: np.ndarray
    rows: np.ndarray
    root_row: int
    none_row: int


class Scorer(NamedTuple):
    """The network over the slots; see `firth.network.layers.slots`. All arrays are float32.

    Attributes
    ----------
    products
        (units, K h): what each unit brings in each slot.
    label_table, bias
        (labels, J h) and (h,).
    activation
        `RELU`, `LEAKY_RELU` or `CUBE`.
    output, biases
        The output layer, with A' columns, the padded number of actions; and (2 ** KINDS, A'): row i is for
        decisions in which kind k is legal if bit k of i is 1; actions that are not are at -inf.
    """

    products: np.ndarray
    label_table: np.ndarray
    bias: np.ndarray
    activation: int
    output: QuantizedMatrix
    biases: np.ndarray


class Gold(NamedTuple):
    """Gold trees for the dynamic oracle of `ARC_HYBRID`, with an entry for each unit; or empty arrays.

    Attributes
    ----------
    heads, labels
        The head and the label of the arc of each word.
    first, children
        The children of unit u are those from ``first[u]`` to ``first[u + 1]``. The row before the first word
        of a sentence stands for its ROOT.
    available
        (KINDS, labels): whether there is an action of this kind with this label. Where the right label cannot
        be given, because its arc cannot be made any more, every label is right.
    follow_best
        For each step whether to take the best action in any case; otherwise, the best optimal one is taken.
    """

    heads: np.ndarray
    labels: np.ndarray
    first: np.ndarray
    children: np.ndarray
    available: np.ndarray
    follow_best: np.ndarray


class Steps(NamedTuple):
    """What is noted of the steps of sentences, from ``first[i]`` on those of sentence i.

    Attributes
    ----------
    first
        (sentences,)
    actions
        (steps,): which were taken, or are to be taken.
    unit_slots, label_slots
        (steps, K) and (steps, J): the units and the labels that were read.
    legal, optimal
        (steps, A).
    """

    first: np.ndarray
    actions: np.ndarray
    unit_slots: np.ndarray
    label_slots: np.ndarray
    legal: np.ndarray
    optimal: np.ndarray


@kernel()
def _longest(lengths: np.ndarray) -> int:
    longest = 0
    for length in lengths:
        longest = max(longest, length)
    return longest


@kernel()
def _begin(states: np.ndarray, words: np.ndarray, lane: int, sentence: int, length: int, none: int) -> None:
    """Set up ([ROOT], w_1 … w_n, ∅)."""
    states[lane, _SENTENCE], states[lane, _STEP], states[lane, _LENGTH] = sentence, 0, length
    states[lane, _SIZE], states[lane, _FRONT] = 1, 0
    for k in range(length + 1):
        for row in (_STACK, _HEAD, _L1, _L2, _R1, _R2):
            words[lane, row, k] = _NONE
        words[lane, _BUFFER, k] = k + 1
        words[lane, _LABEL, k] = none
        words[lane, _ON_STACK, k] = False
    words[lane, _STACK, 0] = 0
    words[lane, _ON_STACK, 0] = True


@kernel()
def _begin_next(
    states: np.ndarray, words: np.ndarray, lane: int, coming: int, lengths: np.ndarray, none: int
) -> int:
    """Begin the next sentence that has words, or none; return the number of the one after that."""
    while coming < len(lengths) and lengths[coming] == 0:
        coming += 1
    if coming < len(lengths):
        _begin(states, words, lane, coming, lengths[coming], none)
    else:
        states[lane, _SENTENCE] = _NONE
    return coming + 1


@kernel()
def _is_final(states: np.ndarray, lane: int) -> bool:
    return bool(states[lane, _SIZE] == 1 and states[lane, _FRONT] == states[lane, _LENGTH])


@kernel()
def _find_legal(legal: np.ndarray, system: int, states: np.ndarray, words: np.ndarray, lane: int) -> int:
    """Write for each kind of transition whether it is legal, and return that as bits.

    The arc from ROOT is the last one, so that a sentence has one root.
    """
    size, more = states[lane, _SIZE], states[lane, _FRONT] < states[lane, _LENGTH]
    legal[SHIFT] = more
    legal[LEFT] = size > 1 and more if system == ARC_HYBRID else size > 2
    legal[RIGHT] = size > 2
    legal[ROOT_ARC] = size == 2 and not more
    legal[SWAP] = (
        system == ARC_STANDARD_SWAP
        and size > 2
        and words[lane, _STACK, size - 2] < words[lane, _STACK, size - 1]
    )
    bits = 0
    for kind in range(KINDS):
        bits |= legal[kind] << kind
    return bits


@kernel()
def _apply(
    kind: int, label: int, system: int, states: np.ndarray, words: np.ndarray, lane: int
) -> None:  # fmt: skip
    """Take a transition."""
    size, front = states[lane, _SIZE], states[lane, _FRONT]
    states[lane, _STEP] += 1
    if kind == SHIFT:
        word = words[lane, _BUFFER, front]
        words[lane, _STACK, size] = word
        words[lane, _ON_STACK, word] = True
        states[lane, _SIZE] += 1
        states[lane, _FRONT] += 1
        return
    s0, s1 = words[lane, _STACK, size - 1], words[lane, _STACK, size - 2]
    states[lane, _SIZE] -= 1
    if kind == SWAP:
        words[lane, _BUFFER, front - 1] = s1
        words[lane, _STACK, size - 2] = s0
        words[lane, _ON_STACK, s1] = False
        states[lane, _FRONT] -= 1
        return
    if kind != LEFT:
        head, child = s1, s0
    elif system == ARC_HYBRID:
        head, child = words[lane, _BUFFER, front], s0
    else:
        head, child = s0, s1
        words[lane, _STACK, size - 2] = s0
    words[lane, _HEAD, child] = head
    words[lane, _LABEL, child] = label
    words[lane, _ON_STACK, child] = False
    _add_child(words, lane, head, child)


@kernel()
def _add_child(words: np.ndarray, lane: int, head: int, child: int) -> None:
    """Keep the two outermost children on each side."""
    outer, inner = (_L1, _L2) if child < head else (_R1, _R2)
    first, second = words[lane, outer, head], words[lane, inner, head]
    if first == _NONE or abs(child - head) > abs(first - head):
        words[lane, inner, head] = first
        words[lane, outer, head] = child
    elif second == _NONE or abs(child - head) > abs(second - head):
        words[lane, inner, head] = child


@kernel()
def _child(words: np.ndarray, lane: int, word: int, which: int) -> int:
    """Return a child of a word, or `_NONE`; that of `_NONE` is that too."""
    return _NONE if word == _NONE else words[lane, which, word]


@kernel()
def _read(found: np.ndarray, states: np.ndarray, words: np.ndarray, lane: int) -> None:
    """Write to `found` the word in each of `SLOTS`, or `_NONE`."""
    size, front, length = states[lane, _SIZE], states[lane, _FRONT], states[lane, _LENGTH]
    for k in range(3):
        found[k] = words[lane, _STACK, size - 1 - k] if size > k else _NONE
        found[3 + k] = words[lane, _BUFFER, front + k] if front + k < length else _NONE
    for k in range(2):
        found[6 + 2 * k] = _child(words, lane, found[k], _L1)
        found[7 + 2 * k] = _child(words, lane, found[k], _R1)
        found[10 + 2 * k] = _child(words, lane, found[k], _L2)
        found[11 + 2 * k] = _child(words, lane, found[k], _R2)
        found[14 + 2 * k] = _child(words, lane, found[6 + 2 * k], _L1)
        found[15 + 2 * k] = _child(words, lane, found[7 + 2 * k], _R1)
        found[18 + k] = _child(words, lane, found[3], _L1 if k == 0 else _L2)


@kernel()
def _look(
    slots: np.ndarray, label_slots: np.ndarray, none_label: int,
    rows: np.ndarray, root_row: int, none_row: int,
    states: np.ndarray, words: np.ndarray, lane: int, found: np.ndarray,
    units: np.ndarray, labels: np.ndarray, at: int,
) -> None:  # fmt: skip
    """Write row `at` of the units and the labels that the network reads; `found` is space for the words."""
    _read(found, states, words, lane)
    row = rows[states[lane, _SENTENCE]]
    for k in range(len(slots)):
        word = found[slots[k]]
        if word == _NONE:
            units[at, k] = none_row
        else:
            units[at, k] = root_row if word == 0 else row + word - 1
    for k in range(len(label_slots)):
        word = found[label_slots[k]]
        labels[at, k] = none_label if word == _NONE else words[lane, _LABEL, word]


@kernel(error_model="numpy")
def _hide(
    hidden: np.ndarray, lane: int, products: np.ndarray, label_table: np.ndarray, bias: np.ndarray,
    activation: int, units: np.ndarray, labels: np.ndarray, starts: np.ndarray,
) -> None:  # fmt: skip
    """Write the hidden layer of a decision to a row of `hidden`; `products` and `label_table` are flat.

    `starts` is space for the places of rows.
    """
    width, n_slots, n_labels = len(bias), units.shape[1], labels.shape[1]
    flat, place = hidden.reshape(-1), lane * width
    copy_row(flat, place, bias, 0, width)
    for k in range(n_slots):
        starts[k] = (units[lane, k] * n_slots + k) * width
    sum_rows(flat, place, products, starts, n_slots, width)
    for k in range(n_labels):
        starts[k] = (labels[lane, k] * n_labels + k) * width
    sum_rows(flat, place, label_table, starts, n_labels, width)
    if activation == CUBE:
        for j in range(width):
            hidden[lane, j] = hidden[lane, j] * hidden[lane, j] * hidden[lane, j]
    else:
        slope = np.float32(0.01 if activation == LEAKY_RELU else 0)
        for j in range(width):
            hidden[lane, j] = hidden[lane, j] if hidden[lane, j] > 0 else slope * hidden[lane, j]


@kernel()
def _first_legal(kinds: np.ndarray, legal: np.ndarray) -> int:
    for a in range(len(kinds)):
        if legal[kinds[a]]:
            return a
    return 0


@kernel(error_model="numpy")
def _best_of(
    scores: np.ndarray, lane: int, biases: np.ndarray, legal: int, optimal: np.ndarray, at: int
) -> int:
    """Return the action with the highest score of those that are optimal."""
    best, highest = _NONE, np.float32(0)
    for a in range(optimal.shape[1]):
        score = scores[lane, a] + biases[legal, a]
        if optimal[at, a] and (best == _NONE or score > highest):
            best, highest = a, score
    return best


@kernel()
def _lost(
    kind: int, states: np.ndarray, words: np.ndarray, lane: int, gold: Gold, root_row: int
) -> int:  # fmt: skip
    """Return how many gold arcs a transition of the arc-hybrid system puts out of reach.

    Goldberg & Nivre (2013), section 3.2; see `firth.parsing.transitions.systems.ArcHybrid.costs`. `root_row`
    is the row that stands for the ROOT of the sentence in `gold`. The buffer is in order, so whether it holds
    a word is a comparison.
    """
    size, front, length = states[lane, _SIZE], states[lane, _FRONT], states[lane, _LENGTH]
    s0 = words[lane, _STACK, size - 1]
    b0 = words[lane, _BUFFER, front] if front < length else length + 1
    moved = root_row + (b0 if kind == SHIFT else s0)
    head = gold.heads[moved]
    lost = 0
    if kind == SHIFT:
        lost += words[lane, _ON_STACK, head] and head != s0
    elif kind == LEFT:
        lost += head > b0 or head == words[lane, _STACK, size - 2]
    else:
        lost += head >= b0
    for k in range(gold.first[moved], gold.first[moved + 1]):
        child = gold.children[k]
        lost += words[lane, _ON_STACK, child] != 0 if kind == SHIFT else child >= b0
    return int(lost)


@kernel()
def _find_optimal(
    optimal: np.ndarray, at: int, machine: Machine, states: np.ndarray, words: np.ndarray, lane: int,
    legal: np.ndarray, gold: Gold, root_row: int,
) -> None:  # fmt: skip
    """Write which actions are optimal: those that put the fewest gold arcs out of reach."""
    costs = np.zeros(KINDS, np.int64)
    least = states[lane, _LENGTH] + 1
    for kind in range(SWAP):
        if legal[kind]:
            costs[kind] = _lost(kind, states, words, lane, gold, root_row)
            least = min(least, costs[kind])
    s0 = words[lane, _STACK, states[lane, _SIZE] - 1]
    right = machine.none_label if s0 == 0 else gold.labels[root_row + s0]
    for a in range(optimal.shape[1]):
        kind = machine.kinds[a]
        has_label = kind == SHIFT or machine.arc_labels[a] == right or not gold.available[kind, right]
        optimal[at, a] = legal[kind] and costs[kind] == least and has_label


@kernel()
def follow(machine: Machine, sentences: Sentences, steps: Steps) -> None:
    """Take the actions in `steps`, and note there what each one reads and what is legal there.

    Parameters
    ----------
    machine, sentences
        The rules, and the sentences.
    steps
        Its `actions` take each sentence from the beginning to the end; all other arrays but `optimal` are
        written.
    """
    words = np.empty((1, _N_WORDS, _longest(sentences.lengths) + 1), np.int32)
    states = np.zeros((1, _N_STATE), np.int64)
    found, legal = np.empty(_N_SLOTS, np.int64), np.empty(KINDS, np.bool_)
    for i in range(len(sentences.lengths)):
        _begin(states, words, 0, i, sentences.lengths[i], machine.none_label)
        while not _is_final(states, 0):
            at = steps.first[i] + states[0, _STEP]
            _look(
                machine.slots, machine.label_slots, machine.none_label,
                sentences.rows, sentences.root_row, sentences.none_row,
                states, words, 0, found, steps.unit_slots, steps.label_slots, at,
            )  # fmt: skip
            _find_legal(legal, machine.system, states, words, 0)
            for a in range(len(machine.kinds)):
                steps.legal[at, a] = legal[machine.kinds[a]]
            action = steps.actions[at]
            _apply(machine.kinds[action], machine.arc_labels[action], machine.system, states, words, 0)


@kernel(error_model="numpy")
def decode(
    machine: Machine, sentences: Sentences, scorer: Scorer, gold: Gold, steps: Steps,
    heads: np.ndarray, labels: np.ndarray, counts: np.ndarray,
) -> None:  # fmt: skip
    """Parse sentences greedily; with gold trees, also note the steps, for training with a dynamic oracle.

    Parameters
    ----------
    machine, sentences, scorer
        The rules, the sentences, and what scores their actions.
    gold
        The gold trees, or empty arrays.
    steps
        With gold trees, where to note all but `actions`. Otherwise, where to note `actions`; none are noted
        if that is empty.
    heads, labels
        One entry for each unit; those of words are written.
    counts
        (sentences,): the number of steps is written.
    """
    training, noting = len(gold.heads) > 0, len(steps.actions) > 0
    system, kinds, arc_labels = machine.system, machine.kinds, machine.arc_labels
    slots, label_slots, none_label = machine.slots, machine.label_slots, machine.none_label
    lengths, rows = sentences.lengths, sentences.rows
    products, label_table = scorer.products.reshape(-1), scorer.label_table.reshape(-1)
    bias, output, biases = scorer.bias, scorer.output, scorer.biases
    first_steps, actions = steps.first, steps.actions

    hidden = np.zeros((WIDTH, len(bias)), np.float32)
    codes, scales = np.zeros((WIDTH, len(bias)), CODE_DTYPE), np.zeros(WIDTH, np.float32)
    scores = np.empty((WIDTH, len(output.scales)), np.float32)
    flat_scores, flat_biases, n_scores = scores.reshape(-1), biases.reshape(-1), scores.shape[1]
    starts = np.empty(max(len(slots), len(label_slots)), np.int64)
    units = np.empty((WIDTH, len(slots)), np.int64)
    unit_labels = np.empty((WIDTH, len(label_slots)), np.int64)
    found, legal = np.empty(_N_SLOTS, np.int64), np.empty(KINDS, np.bool_)
    states = np.zeros((WIDTH, _N_STATE), np.int64)
    words = np.empty((WIDTH, _N_WORDS, _longest(lengths) + 1), np.int32)
    coming = active = 0
    for lane in range(WIDTH):
        coming = _begin_next(states, words, lane, coming, lengths, none_label)
        active += states[lane, _SENTENCE] != _NONE
    while active > 0:
        for lane in range(WIDTH):
            if states[lane, _SENTENCE] != _NONE:
                _look(
                    slots, label_slots, none_label, rows, sentences.root_row, sentences.none_row,
                    states, words, lane, found, units, unit_labels, lane,
                )  # fmt: skip
                _hide(
                    hidden, lane, products, label_table, bias, scorer.activation, units, unit_labels,
                    starts,
                )  # fmt: skip
        round_rows(codes, scales, hidden, WIDTH)
        multiply_rounded(scores, codes, scales, WIDTH, output)
        for lane in range(WIDTH):
            i = states[lane, _SENTENCE]
            if i == _NONE:
                continue
            bits = _find_legal(legal, system, states, words, lane)
            action = argmax_sum(flat_scores, lane * n_scores, flat_biases, bits * n_scores, n_scores)
            if action >= len(kinds) or not legal[kinds[action]]:
                action = _first_legal(kinds, legal)  # the scores are no numbers: training has diverged
            at, row = first_steps[i] + states[lane, _STEP], rows[i]
            if training:
                steps.unit_slots[at] = units[lane]
                steps.label_slots[at] = unit_labels[lane]
                for a in range(len(kinds)):
                    steps.legal[at, a] = legal[kinds[a]]
                _find_optimal(steps.optimal, at, machine, states, words, lane, legal, gold, row - 1)
                if not gold.follow_best[at]:
                    action = _best_of(scores, lane, biases, bits, steps.optimal, at)
            elif noting:
                actions[at] = action
            _apply(kinds[action], arc_labels[action], system, states, words, lane)
            if _is_final(states, lane):
                for k in range(lengths[i]):
                    heads[row + k], labels[row + k] = words[lane, _HEAD, k + 1], words[lane, _LABEL, k + 1]
                counts[i] = states[lane, _STEP]
                coming = _begin_next(states, words, lane, coming, lengths, none_label)
                active -= states[lane, _SENTENCE] == _NONE
