"""Greedy parsing in compiled code: `parse`, `trace` and `explore`, and `follow`, which takes given actions.

The first three share their steps, but each has its own loop. It reads the slots of all lanes, computes their
hidden layers, and then all scores in one small matrix product, for which the weights are read once. Then each
lane takes an action. A lane whose sentence is parsed takes the next one.

The beginning of the loop stands here three times on purpose. A function for it needs 27 arrays. To pass them
at each step makes `parse` 7 % slower; if Numba inlines the function, each step counts 27 references, and most
of their counters are shared by all threads.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from firth.compute.compiled import kernel
from firth.compute.quantized import CODE_DTYPE, QuantizedMatrix, multiply_rounded, round_rows
from firth.compute.rows import argmax_sum, copy_row, sum_rows
from firth.parsing.transitions.codes import CUBE, LEAKY_RELU, LEAKY_RELU_SLOPE
from firth.parsing.transitions.kernels.configurations import (
    HEAD,
    LABEL,
    N_STATE,
    N_WORD_ROWS,
    NONE,
    SENTENCE,
    STEP,
    Machine,
    Sentences,
    apply,
    begin,
    begin_next,
    is_final,
    legal_kinds,
    longest,
    read_slots,
)
from firth.parsing.transitions.kernels.oracle import Gold, find_optimal

N_LANES = 4
"""Sentences that are parsed side by side: the rows of a product that are computed together."""


class Scorer(NamedTuple):
    """The network over the slots; see `firth.network.layers.slots`. Arrays are float32.

    Attributes
    ----------
    products
        (units * K h,): what each unit brings to the hidden layer in each slot.
    label_table
        (labels * J h,): what each label brings in each label slot.
    bias
        (h,)
    activation
        `RELU`, `LEAKY_RELU` or `CUBE`.
    output
        The output layer, (h, A'), where A' is the padded number of actions.
    output_biases
        (2 ** N_KINDS * A',): row i is for configurations in which kind k is legal if bit k of i is 1. The
        biases of illegal actions are -inf.
    """

    products: np.ndarray
    label_table: np.ndarray
    bias: np.ndarray
    activation: int
    output: QuantizedMatrix
    output_biases: np.ndarray


class Steps(NamedTuple):
    """Space for what was seen in the steps of sentences; those of sentence i begin at ``first[i]``.

    Attributes
    ----------
    first
        (sentences,)
    unit_slots, label_slots
        (steps, K) and (steps, J): the units and the labels that were read.
    legal, optimal
        (steps, A): which actions were so.
    """

    first: np.ndarray
    unit_slots: np.ndarray
    label_slots: np.ndarray
    legal: np.ndarray
    optimal: np.ndarray


class _Lanes(NamedTuple):
    """Space for the configurations in all lanes, and for the next decision of each.

    Attributes
    ----------
    states, words
        See `firth.parsing.transitions.kernels.configurations`.
    units, labels
        (lanes, K) and (lanes, J): what the decisions read.
    scores, flat_scores
        (lanes, A') and (lanes * A',): the same numbers, without the biases.
    hidden, flat_hidden
        (lanes, h) and (lanes * h,): the same numbers, the hidden layers.
    codes, scales
        The hidden layers, rounded; see `firth.compute.quantized.round_rows`.
    found, starts
        Space for the words in slots, and for the places where rows begin.
    """

    states: np.ndarray
    words: np.ndarray
    units: np.ndarray
    labels: np.ndarray
    scores: np.ndarray
    flat_scores: np.ndarray
    hidden: np.ndarray
    flat_hidden: np.ndarray
    codes: np.ndarray
    scales: np.ndarray
    found: np.ndarray
    starts: np.ndarray


@kernel()
def _make_lanes(machine: Machine, sentences: Sentences, scorer: Scorer) -> _Lanes:
    """Return space for lanes; all are to begin a sentence, or to be idle."""
    width, n_units, n_labels = len(scorer.bias), len(machine.unit_slots), len(machine.label_slots)
    scores = np.empty((N_LANES, len(scorer.output.scales)), np.float32)
    hidden = np.zeros((N_LANES, width), np.float32)
    return _Lanes(
        np.zeros((N_LANES, N_STATE), np.int64),
        np.empty((N_LANES, N_WORD_ROWS, longest(sentences.lengths) + 1), np.int32),
        np.empty((N_LANES, n_units), np.int64),
        np.empty((N_LANES, n_labels), np.int64),
        scores,
        scores.reshape(-1),
        hidden,
        hidden.reshape(-1),
        np.zeros((N_LANES, width), CODE_DTYPE),
        np.zeros(N_LANES, np.float32),
        np.empty(len(machine.slot_table), np.int64),
        np.empty(max(n_units, n_labels), np.int64),
    )


@kernel()
def _begin_first(states: np.ndarray, words: np.ndarray, lengths: np.ndarray, none_label: int) -> int:
    """Begin a sentence in each lane; return the number of the sentence after these."""
    coming = 0
    for lane in range(N_LANES):
        coming = begin_next(states, words, lane, coming, lengths, none_label)
    return coming


@kernel()
def _is_any_busy(states: np.ndarray) -> bool:
    """Say whether any lane has a sentence."""
    busy = False
    for lane in range(N_LANES):
        busy |= states[lane, SENTENCE] != NONE
    return bool(busy)


@kernel(error_model="numpy")
def _hidden_layer(
    hidden: np.ndarray, hidden_at: int, products: np.ndarray, label_table: np.ndarray, bias: np.ndarray,
    units: np.ndarray, labels: np.ndarray, lane: int, starts: np.ndarray,
) -> None:  # fmt: skip
    """Write the hidden layer of a decision before its activation to `hidden`, from `hidden_at` on.

    The decision reads row `lane` of `units` and `labels`. `hidden`, `products` and `label_table` are flat;
    `starts` is space for the places where their rows begin.
    """
    width, n_units, n_labels = len(bias), units.shape[1], labels.shape[1]
    copy_row(hidden, hidden_at, bias, 0, width)
    for k in range(n_units):
        starts[k] = (units[lane, k] * n_units + k) * width
    sum_rows(hidden, hidden_at, products, starts, n_units, width)
    for k in range(n_labels):
        starts[k] = (labels[lane, k] * n_labels + k) * width
    sum_rows(hidden, hidden_at, label_table, starts, n_labels, width)


@kernel(error_model="numpy")
def _activate(hidden: np.ndarray, lane: int, activation: int) -> None:
    """Apply the activation to a row."""
    if activation == CUBE:
        for j in range(hidden.shape[1]):
            hidden[lane, j] = hidden[lane, j] * hidden[lane, j] * hidden[lane, j]
    else:
        slope = np.float32(LEAKY_RELU_SLOPE if activation == LEAKY_RELU else 0)
        for j in range(hidden.shape[1]):
            hidden[lane, j] = hidden[lane, j] if hidden[lane, j] > 0 else slope * hidden[lane, j]


@kernel(error_model="numpy")
def _best_action(
    scores: np.ndarray, lane: int, n_scores: int, output_biases: np.ndarray, legal: int, kinds: np.ndarray
) -> int:
    """Return the legal action with the highest score; `scores` and `output_biases` are flat."""
    action = argmax_sum(scores, lane * n_scores, output_biases, legal * n_scores, n_scores)
    if action < len(kinds) and legal >> kinds[action] & 1:
        return int(action)
    # The scores are no numbers, because training has diverged: take the first legal action.
    for a in range(len(kinds)):
        if legal >> kinds[a] & 1:
            return a
    return 0


@kernel(error_model="numpy")
def parse(
    machine: Machine, sentences: Sentences, scorer: Scorer,
    heads: np.ndarray, labels: np.ndarray, counts: np.ndarray,
) -> None:  # fmt: skip
    """Parse sentences greedily.

    Parameters
    ----------
    machine, sentences, scorer
        The rules, the sentences, and the network that scores their actions.
    heads, labels
        One entry for each unit; those of words are written.
    counts
        (sentences,): the number of steps is written.
    """
    system, kinds, arc_labels, slot_table, unit_slots, label_slots, none_label = machine
    lengths, rows, root_row, none_row = sentences
    products, label_table, bias, activation, output, output_biases = scorer
    (
        states, words, units, unit_labels, scores, flat_scores, hidden, flat_hidden, codes, scales, found,
        starts,
    ) = _make_lanes(machine, sentences, scorer)  # fmt: skip
    width, n_scores = len(bias), scores.shape[1]
    coming = _begin_first(states, words, lengths, none_label)
    while _is_any_busy(states):
        for lane in range(N_LANES):
            if states[lane, SENTENCE] != NONE:
                read_slots(
                    units, unit_labels, lane, found, slot_table, unit_slots, label_slots, none_label,
                    rows, root_row, none_row, states, words, lane,
                )  # fmt: skip
                _hidden_layer(
                    flat_hidden, lane * width, products, label_table, bias, units, unit_labels, lane, starts
                )
                _activate(hidden, lane, activation)
        round_rows(codes, scales, hidden, N_LANES)
        multiply_rounded(scores, codes, scales, N_LANES, output)
        for lane in range(N_LANES):
            sentence = states[lane, SENTENCE]
            if sentence == NONE:
                continue
            legal = legal_kinds(system, states, words, lane)
            action = _best_action(flat_scores, lane, n_scores, output_biases, legal, kinds)
            apply(kinds[action], arc_labels[action], system, states, words, lane)
            if is_final(states, lane):
                row = rows[sentence] - 1
                for word in range(1, lengths[sentence] + 1):
                    heads[row + word] = words[lane, HEAD, word]
                    labels[row + word] = words[lane, LABEL, word]
                counts[sentence] = states[lane, STEP]
                coming = begin_next(states, words, lane, coming, lengths, none_label)


@kernel(error_model="numpy")
def trace(
    machine: Machine, sentences: Sentences, scorer: Scorer, first: np.ndarray, actions: np.ndarray
) -> None:
    """Parse sentences greedily, and write the actions; those of sentence i begin at ``first[i]``.

    Other parameters are those of `parse`, which counts the actions.
    """
    system, kinds, arc_labels, slot_table, unit_slots, label_slots, none_label = machine
    lengths, rows, root_row, none_row = sentences
    products, label_table, bias, activation, output, output_biases = scorer
    (
        states, words, units, unit_labels, scores, flat_scores, hidden, flat_hidden, codes, scales, found,
        starts,
    ) = _make_lanes(machine, sentences, scorer)  # fmt: skip
    width, n_scores = len(bias), scores.shape[1]
    coming = _begin_first(states, words, lengths, none_label)
    while _is_any_busy(states):
        for lane in range(N_LANES):
            if states[lane, SENTENCE] != NONE:
                read_slots(
                    units, unit_labels, lane, found, slot_table, unit_slots, label_slots, none_label,
                    rows, root_row, none_row, states, words, lane,
                )  # fmt: skip
                _hidden_layer(
                    flat_hidden, lane * width, products, label_table, bias, units, unit_labels, lane, starts
                )
                _activate(hidden, lane, activation)
        round_rows(codes, scales, hidden, N_LANES)
        multiply_rounded(scores, codes, scales, N_LANES, output)
        for lane in range(N_LANES):
            sentence = states[lane, SENTENCE]
            if sentence == NONE:
                continue
            legal = legal_kinds(system, states, words, lane)
            action = _best_action(flat_scores, lane, n_scores, output_biases, legal, kinds)
            actions[first[sentence] + states[lane, STEP]] = action
            apply(kinds[action], arc_labels[action], system, states, words, lane)
            if is_final(states, lane):
                coming = begin_next(states, words, lane, coming, lengths, none_label)


@kernel(error_model="numpy")
def _best_optimal(
    scores: np.ndarray, lane: int, output_biases: np.ndarray, legal: int, optimal: np.ndarray, at: int
) -> int:
    """Return the optimal action with the highest score."""
    biases_at = legal * scores.shape[1]
    best, highest = NONE, np.float32(0)
    for a in range(optimal.shape[1]):
        score = scores[lane, a] + output_biases[biases_at + a]
        if optimal[at, a] and (best == NONE or score > highest):
            best, highest = a, score
    return best


@kernel(error_model="numpy")
def explore(machine: Machine, sentences: Sentences, scorer: Scorer, gold: Gold, steps: Steps) -> None:
    """Parse sentences where the best action or the best optimal one leads, and note the steps.

    For the arc-hybrid system, and for training with its dynamic oracle.

    Parameters
    ----------
    machine, sentences, scorer
        The rules, the sentences, and the network that scores their actions.
    gold
        The gold trees, and which steps may be wrong.
    steps
        All is written but `first`.
    """
    system, kinds, arc_labels, slot_table, unit_slots, label_slots, none_label = machine
    lengths, rows, root_row, none_row = sentences
    products, label_table, bias, activation, output, output_biases = scorer
    (
        states, words, units, unit_labels, scores, flat_scores, hidden, flat_hidden, codes, scales, found,
        starts,
    ) = _make_lanes(machine, sentences, scorer)  # fmt: skip
    width, n_scores = len(bias), scores.shape[1]
    coming = _begin_first(states, words, lengths, none_label)
    while _is_any_busy(states):
        for lane in range(N_LANES):
            if states[lane, SENTENCE] != NONE:
                read_slots(
                    units, unit_labels, lane, found, slot_table, unit_slots, label_slots, none_label,
                    rows, root_row, none_row, states, words, lane,
                )  # fmt: skip
                _hidden_layer(
                    flat_hidden, lane * width, products, label_table, bias, units, unit_labels, lane, starts
                )
                _activate(hidden, lane, activation)
        round_rows(codes, scales, hidden, N_LANES)
        multiply_rounded(scores, codes, scales, N_LANES, output)
        for lane in range(N_LANES):
            sentence = states[lane, SENTENCE]
            if sentence == NONE:
                continue
            at = steps.first[sentence] + states[lane, STEP]
            legal = legal_kinds(system, states, words, lane)
            action = _best_action(flat_scores, lane, n_scores, output_biases, legal, kinds)
            steps.unit_slots[at] = units[lane]
            steps.label_slots[at] = unit_labels[lane]
            for a in range(len(kinds)):
                steps.legal[at, a] = legal >> kinds[a] & 1
            find_optimal(steps.optimal, at, machine, legal, states, words, lane, gold, rows[sentence] - 1)
            if not gold.follow_best[at]:
                action = _best_optimal(scores, lane, output_biases, legal, steps.optimal, at)
            apply(kinds[action], arc_labels[action], system, states, words, lane)
            if is_final(states, lane):
                coming = begin_next(states, words, lane, coming, lengths, none_label)


@kernel()
def follow(machine: Machine, sentences: Sentences, actions: np.ndarray, steps: Steps) -> None:
    """Take given actions, and note what each one reads and what is legal there.

    Parameters
    ----------
    machine, sentences
        The rules, and the sentences.
    actions
        (steps,): they take each sentence from the beginning to the end.
    steps
        All is written but `first` and `optimal`.
    """
    words = np.empty((1, N_WORD_ROWS, longest(sentences.lengths) + 1), np.int32)
    states = np.zeros((1, N_STATE), np.int64)
    found = np.empty(len(machine.slot_table), np.int64)
    for i in range(len(sentences.lengths)):
        begin(states, words, 0, i, sentences.lengths[i], machine.none_label)
        while not is_final(states, 0):
            at = steps.first[i] + states[0, STEP]
            read_slots(
                steps.unit_slots, steps.label_slots, at, found,
                machine.slot_table, machine.unit_slots, machine.label_slots, machine.none_label,
                sentences.rows, sentences.root_row, sentences.none_row, states, words, 0,
            )  # fmt: skip
            legal = legal_kinds(machine.system, states, words, 0)
            for a in range(len(machine.kinds)):
                steps.legal[at, a] = legal >> machine.kinds[a] & 1
            action = actions[at]
            apply(machine.kinds[action], machine.arc_labels[action], machine.system, states, words, 0)
