"""The actions of a parser: transitions, with the relations of their arcs, and their numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from firth.arrays import Ints
from firth.errors import InputError
from firth.parsing.transitions.codes import LEFT_ARC, N_KINDS, RIGHT_ARC, ROOT_ARC, SHIFT, SWAP
from firth.parsing.transitions.systems import Kind, Transition

_READABLE = {
    SHIFT: Kind.SHIFT,
    LEFT_ARC: Kind.LEFT_ARC,
    RIGHT_ARC: Kind.RIGHT_ARC,
    ROOT_ARC: Kind.RIGHT_ARC,
    SWAP: Kind.SWAP,
}
"""The kinds of the readable systems, by the kinds in compiled code."""


class Actions:
    """The actions of a parser: SHIFT, and an arc in either direction for each relation.

    Actions and relations are numbered. Arcs from ROOT are actions of their own, with relations of their own.

    Parameters
    ----------
    relations
        The relations between words.
    roots
        The relations between ROOT and the root of a sentence, as a rule only ``root``.
    swap
        Whether SWAP is an action too.

    Attributes
    ----------
    relations, roots, swap
        As given.
    labels
        All relations by their numbers: first those between words, then those of roots.
    kinds
        (A,): the kind of each action, as in `firth.parsing.transitions.codes`.
    arc_labels
        (A,): the number of the relation of its arc; `none_label` if it makes no arc.
    available
        (kinds, relations + 1): whether there is an action of this kind with this relation.

    Raises
    ------
    InputError
        There are no relations, or none of roots, so that some sentences cannot be parsed to the end.
    """

    def __init__(self, relations: Sequence[str], roots: Sequence[str], swap: bool = False) -> None:
        if not relations or not roots:
            raise InputError("a parser needs a relation between words, and one for roots: name at least one")
        self.relations, self.roots, self.swap = list(relations), list(roots), swap
        self.labels = self.relations + self.roots
        n, m, none = len(relations), len(roots), self.none_label
        kinds = [SHIFT, *[LEFT_ARC] * n, *[RIGHT_ARC] * n, *[ROOT_ARC] * m, *[SWAP] * swap]
        labels = [none, *range(n), *range(n), *range(n, n + m), *[none] * swap]
        self.kinds, self.arc_labels = np.array(kinds), np.array(labels)
        self.available = np.zeros((N_KINDS, none + 1), np.bool_)
        self.available[self.kinds, self.arc_labels] = True
        self._numbers = {label: k for k, label in enumerate(self.relations)}
        self._root_numbers = {label: k for k, label in enumerate(self.roots, n)}
        self._steps = {self.transition(k): k for k, kind in enumerate(kinds) if kind != ROOT_ARC}
        self._last_steps = {self.transition(k): k for k, kind in enumerate(kinds) if kind == ROOT_ARC}

    @property
    def none_label(self) -> int:
        """The number that stands for no relation: the one after the last."""
        return len(self.labels)

    def transition(self, action: int) -> Transition:
        """Return the transition of the readable systems that an action stands for."""
        kind, label = int(self.kinds[action]), int(self.arc_labels[action])
        return Transition(_READABLE[kind], None if label == self.none_label else self.labels[label])

    def number_labels(self, heads: Sequence[int], deprels: Sequence[str]) -> Ints:
        """Return the numbers of the relations of a tree; `none_label` for relations that are not known."""
        ordinary, root, none = self._numbers, self._root_numbers, self.none_label
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
