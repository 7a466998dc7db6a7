"""The compiled transition machine: the greedy decoder, and the walks through configurations for training.

Words are numbered from 1, 0 is ROOT, as in `firth.parsing.transitions`,
whose readable systems the tests compare with these kernels.

Several sentences are decoded side by side, each in a *lane*: the scores of their configurations are one small
matrix product, with weights read once. A lane whose sentence is parsed takes the next one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from firth.learning.compiled import kernel
from firth.learning.simd import product_tile

SHIFT, LEFT, RIGHT, ROOT_ARC, SWAP = range(5)
KINDS = 5
ARC_STANDARD, ARC_HYBRID, ARC_STANDARD_SWAP = range(3)
RELU, LEAKY_RELU, CUBE = range(3)

WIDTH = 4
"""Sentences that are decoded side by side: the rows of `product_tile`."""

SLOTS = (
    "s0", "s1", "s2", "b0", "b1", "b2",
    "s0.l1", "s0.r1", "s1.l1", "s1.r1", "s0.l2", "s0.r2", "s1.l2", "s1.r2",
    "s0.l1.l1", "s0.r1.r1", "s1.l1.l1", "s1.r1.r1", "b0.l1", "b0.l2",
)  # fmt: skip
"""What can be read of a configuration: ``s`` the stack, ``b`` the buffer, ``l1`` and ``l2`` the first and
second child on the left, from the left; ``r1`` and ``r2`` those on the right, from the right."""

_NONE = -1
_N_SLOTS = len(SLOTS)

# A configuration is two arrays. `state`: which sentence it is of (-1 for none), its steps so far, how many
# words the sentence has, how many are on the stack, and the place of the next one in the buffer.
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
    """The network over the slots; see `firth.learning.layers.slots`. All arrays are float32.

    Attributes
    ----------
    products
        (units, K h): what each unit brings in each slot.
    label_table, bias
        (labels, J h) and (h,).
    activation
        `RELU`, `LEAKY_RELU` or `CUBE`.
    weight, action_bias
        The output layer, (h A',) flat and (A',), A' the padded number of actions.
    """

    products: np.ndarray
    label_table: np.ndarray
    bias: np.ndarray
    activation: int
    weight: np.ndarray
    action_bias: np.ndarray


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
def _begin(state: np.ndarray, words: np.ndarray, sentence: int, length: int, none_label: int) -> None:
    """Set up ([ROOT], w_1 … w_n, ∅)."""
    state[_SENTENCE], state[_STEP], state[_LENGTH], state[_SIZE], state[_FRONT] = sentence, 0, length, 1, 0
    words[:, : length + 1] = _NONE
    words[_LABEL, : length + 1] = none_label
    words[_ON_STACK, : length + 1] = False
    words[_STACK, 0] = 0
    words[_ON_STACK, 0] = True
    for k in range(length):
        words[_BUFFER, k] = k + 1


@kernel()
def _begin_next(
    state: np.ndarray, words: np.ndarray, coming: int, lengths: np.ndarray, none_label: int
) -> int:
    """Begin the next sentence that has words, or none; return the number of the one after that."""
    while coming < len(lengths) and lengths[coming] == 0:
        coming += 1
    if coming < len(lengths):
        _begin(state, words, coming, lengths[coming], none_label)
    else:
        state[_SENTENCE] = _NONE
    return coming + 1


@kernel()
def _is_final(state: np.ndarray) -> bool:
    return bool(state[_SIZE] == 1 and state[_FRONT] == state[_LENGTH])


@kernel()
def _find_legal(legal: np.ndarray, system: int, state: np.ndarray, words: np.ndarray) -> None:
    """Write for each kind of transition whether it is legal.

    The arc from ROOT is the last one, so that a sentence has one root.
    """
    size, more = state[_SIZE], state[_FRONT] < state[_LENGTH]
    legal[SHIFT] = more
    legal[LEFT] = size > 1 and more if system == ARC_HYBRID else size > 2
    legal[RIGHT] = size > 2
    legal[ROOT_ARC] = size == 2 and not more
    legal[SWAP] = (
        system == ARC_STANDARD_SWAP and size > 2 and words[_STACK, size - 2] < words[_STACK, size - 1]
    )


@kernel()
def _apply(kind: int, label: int, system: int, state: np.ndarray, words: np.ndarray) -> None:
    """Take a transition."""
    size, front = state[_SIZE], state[_FRONT]
    state[_STEP] += 1
    if kind == SHIFT:
        word = words[_BUFFER, front]
        words[_STACK, size] = word
        words[_ON_STACK, word] = True
        state[_SIZE] += 1
        state[_FRONT] += 1
        return
    s0, s1 = words[_STACK, size - 1], words[_STACK, size - 2]
    state[_SIZE] -= 1
    if kind == SWAP:
        words[_BUFFER, front - 1] = s1
        words[_STACK, size - 2] = s0
        words[_ON_STACK, s1] = False
        state[_FRONT] -= 1
        return
    if kind != LEFT:
        head, child = s1, s0
    elif system == ARC_HYBRID:
        head, child = words[_BUFFER, front], s0
    else:
        head, child = s0, s1
        words[_STACK, size - 2] = s0
    words[_HEAD, child] = head
    words[_LABEL, child] = label
    words[_ON_STACK, child] = False
    _add_child(words, head, child)


@kernel()
def _add_child(words: np.ndarray, head: int, child: int) -> None:
    """Keep the two outermost children on each side."""
    outer, inner = (_L1, _L2) if child < head else (_R1, _R2)
    first, second = words[outer, head], words[inner, head]
    if first == _NONE or abs(child - head) > abs(first - head):
        words[inner, head] = first
        words[outer, head] = child
    elif second == _NONE or abs(child - head) > abs(second - head):
        words[inner, head] = child


@kernel()
def _child(words: np.ndarray, word: int, which: int) -> int:
    """Return a child of a word, or `_NONE`; that of `_NONE` is that too."""
    return _NONE if word == _NONE else words[which, word]


@kernel()
def _read(found: np.ndarray, state: np.ndarray, words: np.ndarray) -> None:
    """Write to `found` the word in each of `SLOTS`, or `_NONE`."""
    size, front, length = state[_SIZE], state[_FRONT], state[_LENGTH]
    for k in range(3):
        found[k] = words[_STACK, size - 1 - k] if size > k else _NONE
        found[3 + k] = words[_BUFFER, front + k] if front + k < length else _NONE
    for k in range(2):
        found[6 + 2 * k] = _child(words, found[k], _L1)
        found[7 + 2 * k] = _child(words, found[k], _R1)
        found[10 + 2 * k] = _child(words, found[k], _L2)
        found[11 + 2 * k] = _child(words, found[k], _R2)
        found[14 + 2 * k] = _child(words, found[6 + 2 * k], _L1)
        found[15 + 2 * k] = _child(words, found[7 + 2 * k], _R1)
        found[18 + k] = _child(words, found[3], _L1 if k == 0 else _L2)


@kernel()
def _look(
    machine: Machine, sentences: Sentences, state: np.ndarray, words: np.ndarray, found: np.ndarray,
    units: np.ndarray, labels: np.ndarray,
) -> None:  # fmt: skip
    """Write the units and the labels that the network reads; `found` is space for the words."""
    _read(found, state, words)
    row = sentences.rows[state[_SENTENCE]]
    for k in range(len(units)):
        word = found[machine.slots[k]]
        if word == _NONE:
            units[k] = sentences.none_row
        else:
            units[k] = sentences.root_row if word == 0 else row + word - 1
    for k in range(len(labels)):
        word = found[machine.label_slots[k]]
        labels[k] = machine.none_label if word == _NONE else words[_LABEL, word]


@kernel(error_model="numpy")
def _hide(hidden: np.ndarray, scorer: Scorer, units: np.ndarray, labels: np.ndarray) -> None:
    """Write the hidden layer of a decision to `hidden`."""
    width = len(hidden)
    hidden[:] = scorer.bias
    for k in range(len(units)):
        product = scorer.products[units[k], k * width : (k + 1) * width]
        for j in range(width):
            hidden[j] += product[j]
    for k in range(len(labels)):
        product = scorer.label_table[labels[k], k * width : (k + 1) * width]
        for j in range(width):
            hidden[j] += product[j]
    if scorer.activation == CUBE:
        for j in range(width):
            hidden[j] = hidden[j] * hidden[j] * hidden[j]
    else:
        slope = np.float32(0.01 if scorer.activation == LEAKY_RELU else 0)
        for j in range(width):
            hidden[j] = max(hidden[j], slope * hidden[j])


@kernel(error_model="numpy")
def _best(scores: np.ndarray, kinds: np.ndarray, legal: np.ndarray) -> int:
    """Return the action with the highest score whose kind is legal."""
    best = _NONE
    for a in range(len(kinds)):
        if legal[kinds[a]] and (best == _NONE or scores[a] > scores[best]):
            best = a
    return best


@kernel(error_model="numpy")
def _best_of(scores: np.ndarray, optimal: np.ndarray) -> int:
    """Return the action with the highest score of those that are optimal."""
    best = _NONE
    for a in range(len(optimal)):
        if optimal[a] and (best == _NONE or scores[a] > scores[best]):
            best = a
    return best


@kernel()
def _lost(kind: int, state: np.ndarray, words: np.ndarray, gold: Gold, root_row: int) -> int:
    """Return how many gold arcs a transition of the arc-hybrid system puts out of reach.

    Goldberg & Nivre (2013), section 3.2; see `firth.parsing.transitions.ArcHybrid.costs`. `root_row` is the
    row that stands for the ROOT of the sentence in `gold`. The buffer is in order, so whether it holds a word
    is a comparison.
    """
    size, front, length = state[_SIZE], state[_FRONT], state[_LENGTH]
    s0 = words[_STACK, size - 1]
    b0 = words[_BUFFER, front] if front < length else length + 1
    moved = root_row + (b0 if kind == SHIFT else s0)
    head = gold.heads[moved]
    lost = 0
    if kind == SHIFT:
        lost += words[_ON_STACK, head] and head != s0
    elif kind == LEFT:
        lost += head > b0 or head == words[_STACK, size - 2]
    else:
        lost += head >= b0
    for k in range(gold.first[moved], gold.first[moved + 1]):
        child = gold.children[k]
        lost += words[_ON_STACK, child] != 0 if kind == SHIFT else child >= b0
    return int(lost)


@kernel()
def _find_optimal(
    optimal: np.ndarray, machine: Machine, state: np.ndarray, words: np.ndarray, legal: np.ndarray,
    gold: Gold, root_row: int,
) -> None:  # fmt: skip
    """Write which actions are optimal: those that put the fewest gold arcs out of reach."""
    costs = np.zeros(KINDS, np.int64)
    least = state[_LENGTH] + 1
    for kind in range(SWAP):
        if legal[kind]:
            costs[kind] = _lost(kind, state, words, gold, root_row)
            least = min(least, costs[kind])
    s0 = words[_STACK, state[_SIZE] - 1]
    right = machine.none_label if s0 == 0 else gold.labels[root_row + s0]
    for a in range(len(optimal)):
        kind = machine.kinds[a]
        has_label = kind == SHIFT or machine.arc_labels[a] == right or not gold.available[kind, right]
        optimal[a] = legal[kind] and costs[kind] == least and has_label


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
    words = np.empty((_N_WORDS, _longest(sentences.lengths) + 1), np.int32)
    state = np.zeros(_N_STATE, np.int64)
    found, legal = np.empty(_N_SLOTS, np.int64), np.empty(KINDS, np.bool_)
    for i in range(len(sentences.lengths)):
        _begin(state, words, i, sentences.lengths[i], machine.none_label)
        while not _is_final(state):
            at = steps.first[i] + state[_STEP]
            _look(machine, sentences, state, words, found, steps.unit_slots[at], steps.label_slots[at])
            _find_legal(legal, machine.system, state, words)
            for a in range(len(machine.kinds)):
                steps.legal[at, a] = legal[machine.kinds[a]]
            action = steps.actions[at]
            _apply(machine.kinds[action], machine.arc_labels[action], machine.system, state, words)


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
    n_hidden, n_scores = len(scorer.bias), len(scorer.action_bias)
    hidden, scores = np.zeros((WIDTH, n_hidden), np.float32), np.empty((WIDTH, n_scores), np.float32)
    flat_hidden, flat_scores = hidden.reshape(-1), scores.reshape(-1)
    units = np.empty((WIDTH, len(machine.slots)), np.int64)
    unit_labels = np.empty((WIDTH, len(machine.label_slots)), np.int64)
    found, legal = np.empty(_N_SLOTS, np.int64), np.empty(KINDS, np.bool_)
    states = np.zeros((WIDTH, _N_STATE), np.int64)
    lanes = np.empty((WIDTH, _N_WORDS, _longest(sentences.lengths) + 1), np.int32)
    coming = active = 0
    for lane in range(WIDTH):
        coming = _begin_next(states[lane], lanes[lane], coming, sentences.lengths, machine.none_label)
        active += states[lane, _SENTENCE] != _NONE
    while active > 0:
        for lane in range(WIDTH):
            if states[lane, _SENTENCE] != _NONE:
                _look(machine, sentences, states[lane], lanes[lane], found, units[lane], unit_labels[lane])
                _hide(hidden[lane], scorer, units[lane], unit_labels[lane])
        product_tile(
            flat_scores, 0, n_scores, flat_hidden, 0, n_hidden, 1, n_hidden, scorer.weight,
            0, n_scores, n_scores,
        )  # fmt: skip
        for lane in range(WIDTH):
            state, words = states[lane], lanes[lane]
            i = state[_SENTENCE]
            if i == _NONE:
                continue
            scores[lane] += scorer.action_bias
            _find_legal(legal, machine.system, state, words)
            action = _best(scores[lane], machine.kinds, legal)
            at, row = steps.first[i] + state[_STEP], sentences.rows[i]
            if training:
                steps.unit_slots[at] = units[lane]
                steps.label_slots[at] = unit_labels[lane]
                for a in range(len(machine.kinds)):
                    steps.legal[at, a] = legal[machine.kinds[a]]
                _find_optimal(steps.optimal[at], machine, state, words, legal, gold, row - 1)
                if not gold.follow_best[at]:
                    action = _best_of(scores[lane], steps.optimal[at])
            elif noting:
                steps.actions[at] = action
            _apply(machine.kinds[action], machine.arc_labels[action], machine.system, state, words)
            if _is_final(state):
                for k in range(state[_LENGTH]):
                    heads[row + k], labels[row + k] = words[_HEAD, k + 1], words[_LABEL, k + 1]
                counts[i] = state[_STEP]
                coming = _begin_next(state, words, coming, sentences.lengths, machine.none_label)
                active -= state[_SENTENCE] == _NONE
