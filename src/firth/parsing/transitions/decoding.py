"""Decoding: from the vectors of words to trees, and to what a parser sees on its way there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from firth.arrays import Bools, Floats, Ints
from firth.compute.lanes import padded
from firth.compute.quantized import multiply, quantize
from firth.network.decider import Decider
from firth.network.encoder import unit_rows
from firth.network.layers import ACTIVATIONS
from firth.parsing.transitions import kernels
from firth.parsing.transitions.actions import Actions
from firth.parsing.transitions.kernels import (
    ARC_HYBRID,
    ARC_STANDARD,
    ARC_STANDARD_SWAP,
    KINDS,
    SLOTS,
)
from firth.parsing.transitions.systems import (
    ArcHybrid,
    ArcStandard,
    ArcStandardSwap,
    TransitionSystem,
)

READABLE: dict[int, TransitionSystem] = {
    ARC_STANDARD: ArcStandard(),
    ARC_HYBRID: ArcHybrid(),
    ARC_STANDARD_SWAP: ArcStandardSwap(),
}
"""The readable form of each transition system that `firth.parsing.transitions.kernels` has compiled."""

_NO_INTS = np.zeros(0, np.int64)
_NO_GOLD = kernels.Gold(
    _NO_INTS, _NO_INTS, _NO_INTS, _NO_INTS, np.zeros((0, 0), np.bool_), np.zeros(0, np.bool_)
)


@dataclass(frozen=True)
class Walk:
    """The steps of some sentences through their configurations.

    Attributes
    ----------
    unit_slots, label_slots
        (steps, K) and (steps, J): what each step read, as `firth.network.layers.slots` takes it.
    legal, optimal
        (steps, A): the actions that were possible, and those that lose none of the gold arcs.
    """

    unit_slots: Ints
    label_slots: Ints
    legal: Bools
    optimal: Bools


class Decoder:
    """Runs the transition system, with the scores of a decider as they are now.

    Parameters
    ----------
    decider
        Scores the actions. Its hidden layer is a multiple of 16 wide.
    actions
        What they are.
    system
        `ARC_STANDARD`, `ARC_HYBRID` or `ARC_STANDARD_SWAP` of `firth.parsing.transitions.kernels`.
    unit_slots, label_slots
        What the decider reads: names in `firth.parsing.transitions.kernels.SLOTS`.
    """

    def __init__(
        self,
        decider: Decider,
        actions: Actions,
        system: int,
        unit_slots: Sequence[str],
        label_slots: Sequence[str],
    ) -> None:
        self._actions = actions
        self._machine = kernels.Machine(
            system,
            actions.kinds,
            actions.arc_labels,
            _slot_numbers(unit_slots),
            _slot_numbers(label_slots),
            actions.none,
        )
        self._activation = ACTIVATIONS.index(decider.shape.activation)
        weight, self._labels, self._bias, self._extras = decider.arrays("slots", "labels", "bias", "extras")
        self._slots = quantize(weight)
        output, bias = decider.arrays("output", "output.bias")
        more = padded(len(bias)) - len(bias)  # the kernel multiplies whole vectors
        self._output = quantize(np.pad(output, ((0, 0), (0, more))))
        legal = np.arange(2**KINDS)[:, None] >> actions.kinds & 1
        self._biases = np.full((2**KINDS, padded(len(bias))), -np.inf, np.float32)
        self._biases[:, : len(bias)] = np.where(legal, bias, -np.inf)

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
        heads, labels, _ = self._run(rows, lengths, _NO_GOLD, self._space(np.zeros_like(lengths)))
        return heads, labels

    def actions(self, rows: Floats, lengths: Ints) -> list[Ints]:
        """Return the actions with which `decode` parses each sentence."""
        # How many there are is known only when they have been taken, if words can be swapped.
        nothing = self._space(np.zeros_like(lengths))
        counts = self._run(rows, lengths, _NO_GOLD, nothing)[2]
        ends, actions = np.cumsum(counts), np.zeros(counts.sum(), np.int64)
        self._run(rows, lengths, _NO_GOLD, nothing._replace(first=ends - counts, actions=actions))
        return np.split(actions, ends)[:-1]

    def explore(
        self, rows: Floats, lengths: Ints, gold_heads: Ints, gold_labels: Ints, follow_best: Bools
    ) -> Walk:
        """Parse sentences, and note what is seen on the way and what would be right there; for arc-hybrid.

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
        gold = kernels.Gold(
            *_gold_by_row(gold_heads, gold_labels, lengths), self._actions.available, follow_best
        )
        steps = self._space(2 * lengths)
        self._run(rows, lengths, gold, steps)
        return Walk(steps.unit_slots, steps.label_slots, steps.legal, steps.optimal)

    def follow(self, lengths: Ints, actions: Sequence[Ints]) -> Walk:
        """Take the actions that build a tree (a static oracle), and note what is seen on the way.

        Parameters
        ----------
        lengths
            Words of each sentence.
        actions
            For each sentence all actions, from `Actions.number_steps`.
        """
        taken = np.concatenate(actions)
        steps = self._space(np.array([len(of_sentence) for of_sentence in actions]))._replace(actions=taken)
        kernels.follow(self._machine, _sentences(lengths), steps)
        steps.optimal[np.arange(len(taken)), taken] = True
        return Walk(steps.unit_slots, steps.label_slots, steps.legal, steps.optimal)

    def _space(self, counts: Ints) -> kernels.Steps:
        """Return space for all that is seen in so many steps of each sentence, but not for actions."""
        n, machine = int(counts.sum()), self._machine
        return kernels.Steps(
            np.cumsum(counts) - counts,
            _NO_INTS,
            np.zeros((n, len(machine.slots)), np.int64),
            np.zeros((n, len(machine.label_slots)), np.int64),
            np.zeros((n, len(machine.kinds)), np.bool_),
            np.zeros((n, len(machine.kinds)), np.bool_),
        )

    def _run(
        self, rows: Floats, lengths: Ints, gold: kernels.Gold, steps: kernels.Steps
    ) -> tuple[Ints, Ints, Ints]:
        """Return heads and labels by row, and the number of steps of each sentence."""
        sentences = _sentences(lengths)
        n_rows = sentences.root_row
        rows[n_rows : n_rows + len(self._extras)] = self._extras
        products = np.empty((len(rows), len(self._slots.scales)), np.float32)
        multiply(products, rows, n_rows + len(self._extras), self._slots)
        scorer = kernels.Scorer(
            products, self._labels, self._bias, self._activation, self._output, self._biases
        )
        heads, labels = np.zeros(n_rows, np.int64), np.zeros(n_rows, np.int64)
        counts = np.zeros(len(lengths), np.int64)
        kernels.decode(self._machine, sentences, scorer, gold, steps, heads, labels, counts)
        return heads, labels, counts


def _slot_numbers(names: Sequence[str]) -> Ints:
    return np.array([SLOTS.index(name) for name in names], np.int64)


def _sentences(lengths: Ints) -> kernels.Sentences:
    """Return where the units of sentences are in a batch; those of ROOT and of nothing come after it."""
    n_rows = int(lengths.sum()) + len(lengths) + 1
    return kernels.Sentences(lengths, np.cumsum(lengths + 1) - lengths, n_rows, n_rows + 1)


def _gold_by_row(heads: Ints, labels: Ints, lengths: Ints) -> tuple[Ints, Ints, Ints, Ints]:
    """Return gold trees as `kernels.Gold` has them: heads, labels, first children, children."""
    n_rows = int(lengths.sum()) + len(lengths) + 1
    words = unit_rows(lengths)
    root_rows = np.repeat(np.cumsum(lengths + 1) - lengths - 1, lengths)
    row_heads, row_labels = np.full(n_rows, -1), np.zeros(n_rows, np.int64)
    row_heads[words], row_labels[words] = heads, labels
    head_rows = root_rows + heads
    order = np.argsort(head_rows, kind="stable")
    first = np.searchsorted(head_rows[order], np.arange(n_rows + 1))
    return row_heads, row_labels, first, (words - root_rows)[order]
