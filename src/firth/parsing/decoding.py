"""Decoding: from the vectors of words to trees, and to what a parser sees on its way there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from firth.errors import InputError
from firth.learning.activations import FloatArray
from firth.learning.kernels import multiply, quantize
from firth.learning.layers import ACTIVATIONS, Ints
from firth.learning.network import Decider, places
from firth.learning.simd import padded
from firth.parsing import kernels
from firth.parsing.kernels import (
    ARC_HYBRID,
    ARC_STANDARD,
    ARC_STANDARD_SWAP,
    KINDS,
    LEFT,
    RIGHT,
    ROOT_ARC,
    SHIFT,
    SLOTS,
    SWAP,
)
from firth.parsing.transitions import (
    ArcHybrid,
    ArcStandard,
    ArcStandardSwap,
    Kind,
    Transition,
    TransitionSystem,
)

Bools = npt.NDArray[np.bool_]

READABLE: dict[int, TransitionSystem] = {
    ARC_STANDARD: ArcStandard(),
    ARC_HYBRID: ArcHybrid(),
    ARC_STANDARD_SWAP: ArcStandardSwap(),
}
"""The readable form of each transition system that `firth.parsing.kernels` has compiled."""

_NO_INTS = np.zeros(0, np.int64)
_NO_GOLD = kernels.Gold(
    _NO_INTS, _NO_INTS, _NO_INTS, _NO_INTS, np.zeros((0, 0), np.bool_), np.zeros(0, np.bool_)
)


class Actions:
    """What the parser can do: SHIFT, and an arc in either direction for each relation.

    Parameters
    ----------
    relations
        The relations between words.
    roots
        The relations of the root of a sentence to ROOT: ``root``.
    swap
        Whether there is SWAP too.

    Raises
    ------
    InputError
        There are no relations, or none of roots: then there are sentences that cannot be parsed to the end.
    """

    def __init__(self, relations: Sequence[str], roots: Sequence[str], swap: bool = False) -> None:
        if not relations or not roots:
            raise InputError("a parser needs a relation between words, and one for roots: name at least one")
        self.relations, self.roots, self.swap = list(relations), list(roots), swap
        self.labels = self.relations + self.roots
        """The relations by number; the number after the last stands for none."""
        n, m = len(relations), len(roots)
        none = n + m
        kinds = [SHIFT, *[LEFT] * n, *[RIGHT] * n, *[ROOT_ARC] * m, *[SWAP] * swap]
        labels = [none, *range(n), *range(n), *range(n, n + m), *[none] * swap]
        self.kinds, self.arc_labels = np.array(kinds), np.array(labels)
        self.available = np.zeros((KINDS, none + 1), np.bool_)
        self.available[self.kinds, self.arc_labels] = True
        self._numbers = {label: k for k, label in enumerate(self.relations)}
        self._root_numbers = {label: k for k, label in enumerate(self.roots, n)}
        self._steps = {self.transition(k): k for k, kind in enumerate(kinds) if kind != ROOT_ARC}
        self._last_steps = {self.transition(k): k for k, kind in enumerate(kinds) if kind == ROOT_ARC}

    @property
    def none(self) -> int:
        """The number that stands for no relation."""
        return len(self.labels)

    def transition(self, action: int) -> Transition:
        """Return an action as the readable systems have it."""
        kind, label = int(self.kinds[action]), int(self.arc_labels[action])
        if kind == ROOT_ARC:
            kind = RIGHT
        readable = {SHIFT: Kind.SHIFT, LEFT: Kind.LEFT_ARC, RIGHT: Kind.RIGHT_ARC, SWAP: Kind.SWAP}[kind]
        return Transition(readable, None if label == self.none else self.labels[label])

    def number(self, heads: Sequence[int], deprels: Sequence[str]) -> Ints:
        """Return the numbers of the relations of a tree; that of a relation that is not known is `none`."""
        ordinary, root, none = self._numbers, self._root_numbers, self.none
        return np.array(
            [
                (root if head == 0 else ordinary).get(deprel, none)
                for head, deprel in zip(heads, deprels, strict=True)
            ],
            np.int64,
        )

    def number_steps(self, transitions: Sequence[Transition]) -> Ints:
        """Return the numbers of the transitions that build a tree; the last one is the arc from ROOT.

        Raises
        ------
        InputError
            There is no such action.
        """
        *steps, last = transitions
        try:
            return np.array([*(self._steps[step] for step in steps), self._last_steps[last]])
        except KeyError as error:
            raise InputError(
                f"{error.args[0]} is not among the actions: the treebank has no such relation"
            ) from None


@dataclass(frozen=True)
class Walk:
    """The steps of some sentences through their configurations.

    Attributes
    ----------
    unit_slots, label_slots
        (steps, K) and (steps, J): what each step read, as `firth.learning.layers.slots` takes it.
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
        `ARC_STANDARD`, `ARC_HYBRID` or `ARC_STANDARD_SWAP` of `firth.parsing.kernels`.
    unit_slots, label_slots
        What the decider reads: names in `firth.parsing.kernels.SLOTS`.
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

    def decode(self, rows: FloatArray, lengths: Ints) -> tuple[Ints, Ints]:
        """Parse sentences greedily.

        Parameters
        ----------
        rows
            The vectors of words as `firth.learning.network.EncoderRunner` returns them. Its spare rows are
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

    def actions(self, rows: FloatArray, lengths: Ints) -> list[Ints]:
        """Return the actions with which `decode` parses each sentence."""
        # How many there are is known only when they have been taken, if words can be swapped.
        nothing = self._space(np.zeros_like(lengths))
        counts = self._run(rows, lengths, _NO_GOLD, nothing)[2]
        ends, actions = np.cumsum(counts), np.zeros(counts.sum(), np.int64)
        self._run(rows, lengths, _NO_GOLD, nothing._replace(first=ends - counts, actions=actions))
        return np.split(actions, ends)[:-1]

    def explore(
        self, rows: FloatArray, lengths: Ints, gold_heads: Ints, gold_labels: Ints, follow_best: Bools
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
        self, rows: FloatArray, lengths: Ints, gold: kernels.Gold, steps: kernels.Steps
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
    words = places(lengths)
    root_rows = np.repeat(np.cumsum(lengths + 1) - lengths - 1, lengths)
    row_heads, row_labels = np.full(n_rows, -1), np.zeros(n_rows, np.int64)
    row_heads[words], row_labels[words] = heads, labels
    head_rows = root_rows + heads
    order = np.argsort(head_rows, kind="stable")
    first = np.searchsorted(head_rows[order], np.arange(n_rows + 1))
    return row_heads, row_labels, first, (words - root_rows)[order]
