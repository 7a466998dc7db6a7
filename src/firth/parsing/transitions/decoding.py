"""Decoding: from the vectors of words to trees, or to the training examples on the way to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from firth.arrays import Bools, Floats, Ints
from firth.compute.lanes import padded
from firth.compute.quantized import multiply, quantize
from firth.network.decider import Decider
from firth.network.encoder import unit_rows
from firth.parsing.transitions import slots
from firth.parsing.transitions.actions import Actions
from firth.parsing.transitions.codes import ACTIVATIONS, N_KINDS
from firth.parsing.transitions.kernels import decoding as kernels
from firth.parsing.transitions.kernels.configurations import Machine, Sentences
from firth.parsing.transitions.kernels.oracle import Gold
from firth.parsing.transitions.systems import system_named


@dataclass(frozen=True)
class Walk:
    """The steps of some sentences through their configurations.

    Attributes
    ----------
    unit_slots, label_slots
        (steps, K) and (steps, J): the slots that each step read, as `firth.network.layers.slots` takes it.
    legal, optimal
        (steps, A): the actions that were legal, and those that lose none of the gold arcs.
    """

    unit_slots: Ints
    label_slots: Ints
    legal: Bools
    optimal: Bools


class Decoder:
    """Runs a transition system with the scores of a decider.

    It keeps the parameters that the decider had when the decoder was made.

    Parameters
    ----------
    decider
        Scores the actions. The width of its hidden layer is a multiple of 16.
    actions
        The actions that it scores.
    system
        The name of a transition system: a key of `firth.parsing.transitions.systems.SYSTEMS`.
    unit_slots, label_slots
        The slots whose words, and whose labels, the decider reads: names in
        `firth.parsing.transitions.slots.SLOTS`.
    """

    def __init__(
        self,
        decider: Decider,
        actions: Actions,
        system: str,
        unit_slots: Sequence[str],
        label_slots: Sequence[str],
    ) -> None:
        self._actions = actions
        names = slots.with_parents([*unit_slots, *label_slots])
        self._machine = Machine(
            system_named(system).code,
            actions.kinds,
            actions.arc_labels,
            slots.table(names),
            np.array([names.index(slot) for slot in unit_slots], np.int64),
            np.array([names.index(slot) for slot in label_slots], np.int64),
            actions.none_label,
        )
        self._activation = ACTIVATIONS[decider.shape.activation]
        weight, labels, self._bias, self._extras = decider.arrays("slots", "labels", "bias", "extras")
        self._slots, self._label_table = quantize(weight), labels.reshape(-1)
        output, bias = decider.arrays("output", "output.bias")
        # The kernel multiplies whole vectors, so the number of actions is padded.
        more = padded(len(bias)) - len(bias)
        self._output = quantize(np.pad(output, ((0, 0), (0, more))))
        self._output_biases = _biases_by_legal_kinds(actions.kinds, bias)

    def decode(self, rows: Floats, lengths: Ints) -> tuple[Ints, Ints]:
        """Parse sentences greedily.

        Parameters
        ----------
        rows
            The vectors of words as `firth.network.runner.EncoderRunner` returns them. Its spare rows are
            written to.
        lengths
            Words of each sentence.

        Returns
        -------
        heads, labels
            For each row of a word the number of its head in the sentence, and of its relation.
        """
        sentences = _sentences(lengths)
        heads, labels, _ = self._parse(sentences, self._scorer(rows, sentences))
        return heads, labels

    def actions(self, rows: Floats, lengths: Ints) -> list[Ints]:
        """Return the actions with which `decode` parses each sentence."""
        sentences = _sentences(lengths)
        scorer = self._scorer(rows, sentences)
        # If words can be swapped, the number of actions is known only when the sentences are parsed.
        _, _, counts = self._parse(sentences, scorer)
        ends, actions = np.cumsum(counts), np.zeros(counts.sum(), np.int64)
        kernels.trace(self._machine, sentences, scorer, ends - counts, actions)
        return np.split(actions, ends)[:-1]

    def explore(
        self, rows: Floats, lengths: Ints, gold_heads: Ints, gold_labels: Ints, follow_best: Bools
    ) -> Walk:
        """Parse sentences; return the slots and the optimal actions of each step. For arc-hybrid only.

        Parameters
        ----------
        rows, lengths
            See `decode`.
        gold_heads, gold_labels
            The right trees, which are projective: an entry for each word, sentence after sentence.
        follow_best
            For each step, two for each word, whether to take the action with the highest score, even if it is
            wrong.
        """
        gold = Gold(*_gold_by_row(gold_heads, gold_labels, lengths), self._actions.available, follow_best)
        sentences, steps = _sentences(lengths), self._space(2 * lengths)
        kernels.explore(self._machine, sentences, self._scorer(rows, sentences), gold, steps)
        return _walk(steps)

    def follow(self, lengths: Ints, actions: Sequence[Ints]) -> Walk:
        """Take the actions that build a tree (a static oracle); return the slots of each step.

        Parameters
        ----------
        lengths
            Words of each sentence.
        actions
            For each sentence all actions, from `Actions.number_steps`.
        """
        taken = np.concatenate(actions)
        steps = self._space(np.array([len(of_sentence) for of_sentence in actions]))
        kernels.follow(self._machine, _sentences(lengths), taken, steps)
        steps.optimal[np.arange(len(taken)), taken] = True
        return _walk(steps)

    def _space(self, counts: Ints) -> kernels.Steps:
        """Return space for so many steps of each sentence."""
        n, machine = int(counts.sum()), self._machine
        return kernels.Steps(
            np.cumsum(counts) - counts,
            np.zeros((n, len(machine.unit_slots)), np.int64),
            np.zeros((n, len(machine.label_slots)), np.int64),
            np.zeros((n, len(machine.kinds)), np.bool_),
            np.zeros((n, len(machine.kinds)), np.bool_),
        )

    def _scorer(self, rows: Floats, sentences: Sentences) -> kernels.Scorer:
        """Return the network, with the products of the words of some sentences; `rows` is written to."""
        n_rows = sentences.root_row
        rows[n_rows : n_rows + len(self._extras)] = self._extras
        products = np.empty((len(rows), len(self._slots.scales)), np.float32)
        multiply(products, rows, n_rows + len(self._extras), self._slots)
        return kernels.Scorer(
            products.reshape(-1),
            self._label_table,
            self._bias,
            self._activation,
            self._output,
            self._output_biases,
        )

    def _parse(self, sentences: Sentences, scorer: kernels.Scorer) -> tuple[Ints, Ints, Ints]:
        """Return heads and labels by row, and the number of steps of each sentence."""
        heads, labels = np.zeros(sentences.root_row, np.int64), np.zeros(sentences.root_row, np.int64)
        counts = np.zeros(len(sentences.lengths), np.int64)
        kernels.parse(self._machine, sentences, scorer, heads, labels, counts)
        return heads, labels, counts


def _biases_by_legal_kinds(kinds: Ints, bias: Floats) -> Floats:
    """Return the biases of actions for each set of legal kinds; see `kernels.Scorer.output_biases`."""
    legal = np.arange(2**N_KINDS)[:, None] >> kinds & 1
    biases = np.full((2**N_KINDS, padded(len(bias))), -np.inf, np.float32)
    biases[:, : len(bias)] = np.where(legal, bias, -np.inf)
    return biases.reshape(-1)


def _walk(steps: kernels.Steps) -> Walk:
    return Walk(steps.unit_slots, steps.label_slots, steps.legal, steps.optimal)


def _sentences(lengths: Ints) -> Sentences:
    """Return where the units of sentences are in a batch; ROOT and the empty slot come after it."""
    n_rows = int(lengths.sum()) + len(lengths) + 1
    return Sentences(lengths, np.cumsum(lengths + 1) - lengths, n_rows, n_rows + 1)


def _gold_by_row(heads: Ints, labels: Ints, lengths: Ints) -> tuple[Ints, Ints, Ints, Ints]:
    """Return gold trees as `Gold` has them: heads, labels, first children, children."""
    n_rows = int(lengths.sum()) + len(lengths) + 1
    words = unit_rows(lengths)
    root_rows = np.repeat(np.cumsum(lengths + 1) - lengths - 1, lengths)
    row_heads, row_labels = np.full(n_rows, -1), np.zeros(n_rows, np.int64)
    row_heads[words], row_labels[words] = heads, labels
    head_rows = root_rows + heads
    order = np.argsort(head_rows, kind="stable")
    first = np.searchsorted(head_rows[order], np.arange(n_rows + 1))
    return row_heads, row_labels, first, (words - root_rows)[order]
