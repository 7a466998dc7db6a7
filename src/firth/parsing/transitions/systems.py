"""Transition systems: dependency trees built step by step, with a stack and a buffer.

The systems here are readable Python: for traces, for the training examples of oracles, and for teaching. The
parser runs them compiled (`firth.parsing.transitions.kernels`), and tests compare both. Words are numbered
from 1; 0 is ROOT, at the bottom of the stack.

================= ==================== ==================== ================
system            LEFT-ARC             RIGHT-ARC            builds
================= ==================== ==================== ================
arc-standard      s1 ← s0, s1 leaves   s1 → s0, s0 leaves   projective trees
arc-hybrid        s0 ← b0, s0 leaves   s1 → s0, s0 leaves   projective trees
arc-standard-swap s1 ← s0, s1 leaves   s1 → s0, s0 leaves   all trees
================= ==================== ==================== ================

s0 is the top of the stack, s1 the word below it, and b0 the first word of the buffer. SHIFT moves b0 to the
stack, SWAP moves s1 back to the buffer. A tree of n words takes 2n steps, and two more for each SWAP.

A tree has one root, and its arc from ROOT is the last one: that arc is legal only if the buffer is empty and
no other word is on the stack.

A new system needs a class here and a place in `SYSTEMS`, a number in `firth.parsing.transitions.codes`, and
its rules in `legal_kinds` and `apply` of `firth.parsing.transitions.kernels.configurations`.

References
----------
J. Nivre (2008), Algorithms for deterministic incremental dependency parsing, Computational Linguistics 34(4):
arc-standard.
M. Kuhlmann, C. Gómez-Rodríguez and G. Satta (2011), Dynamic programming algorithms for transition-based
dependency parsers, ACL: arc-hybrid.
Y. Goldberg and J. Nivre (2013), Training deterministic parsers with non-deterministic oracles, TACL 1.
J. Nivre (2009), Non-projective dependency parsing in expected linear time, ACL: SWAP.
J. Nivre, M. Kuhlmann and J. Hall (2009), An improved oracle for dependency parsing with online reordering,
IWPT.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from firth.errors import InputError
from firth.parsing.transitions.codes import ARC_HYBRID, ARC_STANDARD, ARC_STANDARD_SWAP
from firth.parsing.transitions.gold_tree import GoldTree


class Kind(IntEnum):
    """The kinds of transitions."""

    SHIFT = 0
    LEFT_ARC = 1
    RIGHT_ARC = 2
    SWAP = 3

    def __str__(self) -> str:
        return self.name.replace("_", "-")


class Transition(NamedTuple):
    """A step: its kind and, if it makes an arc, the label of the arc."""

    kind: Kind
    label: str | None = None

    def __str__(self) -> str:
        return str(self.kind) if self.label is None else f"{self.kind}({self.label})"


class Arc(NamedTuple):
    """An arc of the tree."""

    head: int
    dependent: int
    label: str | None


@dataclass(slots=True)
class Configuration:
    """The state of a parser.

    Attributes
    ----------
    stack
        ROOT and words, from the bottom to the top.
    buffer
        The words that are still to come, the next one first.
    arcs
        The arcs, in the order in which they were made.
    """

    stack: list[int]
    buffer: deque[int]
    arcs: list[Arc]

    @classmethod
    def initial(cls, n: int) -> Configuration:
        """Return ([ROOT], w_1 … w_n, ∅)."""
        return cls([0], deque(range(1, n + 1)), [])

    @property
    def is_final(self) -> bool:
        """Whether all words have their heads: only ROOT is left."""
        return len(self.stack) == 1 and not self.buffer

    def tree(self) -> tuple[list[int], list[str | None]]:
        """Return the heads and labels of a final configuration."""
        arcs = sorted(self.arcs, key=lambda arc: arc.dependent)
        return [arc.head for arc in arcs], [arc.label for arc in arcs]


class TransitionSystem(ABC):
    """The base of all systems: how to take steps, and a static oracle.

    A configuration that is not final always has a legal transition. Every sequence of legal transitions ends,
    with a tree that has one root.

    Attributes
    ----------
    name
        The name of the system, its key in `SYSTEMS`.
    code
        Its number in compiled code and in model files.
    has_swap
        Whether it has SWAP, and so builds all trees, projective or not.
    has_dynamic_oracle
        Whether it can tell the right actions after mistakes too, so that a parser can learn from its own.
    """

    name: str
    code: int
    has_swap = False
    has_dynamic_oracle = False

    @abstractmethod
    def legal(self, configuration: Configuration) -> list[Kind]:
        """Return the kinds of transitions that are legal; none if the configuration is final."""

    @abstractmethod
    def arc(self, configuration: Configuration, kind: Kind) -> tuple[int, int]:
        """Return the head and the dependent of the arc that LEFT-ARC or RIGHT-ARC would make."""

    @abstractmethod
    def _choose(self, configuration: Configuration, gold: GoldTree) -> Kind:
        """Return the kind of the next transition on the way to a gold tree.

        If there is no way, the transition may be illegal.
        """

    def apply(self, configuration: Configuration, transition: Transition) -> None:
        """Take a step, which changes `configuration`.

        Raises
        ------
        InputError
            The transition is not legal.
        """
        kind = transition.kind
        stack, buffer = configuration.stack, configuration.buffer
        if kind not in self.legal(configuration):
            raise InputError(
                f"{transition} is not legal with {len(stack)} on the stack, {len(buffer)} in the buffer"
            )
        if kind == Kind.SHIFT:
            stack.append(buffer.popleft())
        elif kind == Kind.SWAP:
            buffer.appendleft(stack.pop(-2))
        else:
            head, dependent = self.arc(configuration, kind)
            configuration.arcs.append(Arc(head, dependent, transition.label))
            del stack[-1 if stack[-1] == dependent else -2]

    def oracle(self, heads: Sequence[int], labels: Sequence[str]) -> list[Transition]:
        """Return the transitions that build a tree (a static oracle).

        Parameters
        ----------
        heads, labels
            The head of each word, 0 for the root of the sentence, and the label of its arc.

        Raises
        ------
        InputError
            The heads form no tree with one root, or one that this system cannot build.
        """
        gold = GoldTree(heads, labels)
        configuration = Configuration.initial(len(heads))
        transitions = []
        while not configuration.is_final:
            transition = self._advance(configuration, gold)
            if transition is None:
                raise InputError(
                    f"{self.name} cannot build this tree, which is not projective: projectivize it"
                )
            transitions.append(transition)
        return transitions

    def _advance(self, configuration: Configuration, gold: GoldTree) -> Transition | None:
        """Take the next step on the way to a gold tree and return it; None if there is no such step."""
        transition = Transition(self._choose(configuration, gold))
        if transition.kind not in self.legal(configuration):
            return None
        if transition.kind in (Kind.LEFT_ARC, Kind.RIGHT_ARC):
            head, dependent = self.arc(configuration, transition.kind)
            gold.missing[head] -= 1
            transition = Transition(transition.kind, gold.labels[dependent - 1])
        self.apply(configuration, transition)
        return transition


class ArcStandard(TransitionSystem):
    """The arc-standard system: arcs between the two topmost words of the stack."""

    name = "arc-standard"
    code = ARC_STANDARD

    def legal(self, configuration: Configuration) -> list[Kind]:  # noqa: D102
        size, more = len(configuration.stack), bool(configuration.buffer)
        kinds = [Kind.SHIFT] if more else []
        if size > 2:
            kinds += [Kind.LEFT_ARC, Kind.RIGHT_ARC]
        elif size == 2 and not more:
            kinds.append(Kind.RIGHT_ARC)
        return kinds

    def arc(self, configuration: Configuration, kind: Kind) -> tuple[int, int]:  # noqa: D102
        s1, s0 = configuration.stack[-2:]
        return (s0, s1) if kind == Kind.LEFT_ARC else (s1, s0)

    def _choose(self, configuration: Configuration, gold: GoldTree) -> Kind:
        if len(configuration.stack) > 1:
            s1, s0 = configuration.stack[-2:]
            if gold.head_of[s1] == s0 and not gold.missing[s1]:
                return Kind.LEFT_ARC
            if gold.head_of[s0] == s1 and not gold.missing[s0]:
                return Kind.RIGHT_ARC
        return Kind.SHIFT


class ArcHybrid(TransitionSystem):
    """The arc-hybrid system: left arcs from the buffer, right arcs in the stack; has a dynamic oracle."""

    name = "arc-hybrid"
    code = ARC_HYBRID
    has_dynamic_oracle = True

    def legal(self, configuration: Configuration) -> list[Kind]:  # noqa: D102
        size, more = len(configuration.stack), bool(configuration.buffer)
        kinds = [Kind.SHIFT] if more else []
        if size > 1 and more:
            kinds.append(Kind.LEFT_ARC)
        if size > 2 or (size == 2 and not more):
            kinds.append(Kind.RIGHT_ARC)
        return kinds

    def arc(self, configuration: Configuration, kind: Kind) -> tuple[int, int]:  # noqa: D102
        s0 = configuration.stack[-1]
        return (configuration.buffer[0] if kind == Kind.LEFT_ARC else configuration.stack[-2]), s0

    def _choose(self, configuration: Configuration, gold: GoldTree) -> Kind:
        stack, buffer = configuration.stack, configuration.buffer
        if len(stack) > 1:
            if buffer and gold.head_of[stack[-1]] == buffer[0]:
                return Kind.LEFT_ARC
            if gold.head_of[stack[-1]] == stack[-2] and not gold.missing[stack[-1]]:
                return Kind.RIGHT_ARC
        return Kind.SHIFT

    def costs(self, configuration: Configuration, heads: Sequence[int]) -> dict[Kind, int]:
        """Return how many arcs of a gold tree each legal transition puts out of reach.

        Parameters
        ----------
        configuration
            Any that legal transitions reach, right or wrong.
        heads
            A projective tree with one root. Labels do not matter here.

        Returns
        -------
        dict
            The cost of each legal kind. One of them is 0 at least, if the configuration is not final.

        Notes
        -----
        Goldberg & Nivre (2013). In this system, gold arcs of a projective tree that can be reached one by one
        can be reached together. So it is enough to count the arcs that a transition puts out of reach.
        """
        *below, s0 = configuration.stack
        buffer = configuration.buffer
        head_of = [-1, *heads]
        costs: dict[Kind, int] = {}
        for kind in self.legal(configuration):
            if kind == Kind.SHIFT:
                b0 = buffer[0]
                # b0 can no longer get a head from below s0, or children from the stack.
                costs[kind] = (head_of[b0] in below) + sum(
                    head_of[word] == b0 for word in configuration.stack
                )
            elif kind == Kind.LEFT_ARC:
                # s0 can no longer get another head than b0, or children from the buffer.
                costs[kind] = head_of[s0] == below[-1] or head_of[s0] in list(buffer)[1:]
                costs[kind] += sum(head_of[word] == s0 for word in buffer)
            else:
                # s0 can no longer get another head than s1, or children from the buffer.
                costs[kind] = (head_of[s0] in buffer) + sum(head_of[word] == s0 for word in buffer)
        return costs

    def optimal(
        self, configuration: Configuration, heads: Sequence[int], labels: Sequence[str]
    ) -> list[Transition]:
        """Return the transitions that put no more gold arcs out of reach (a dynamic oracle); see `costs`.

        The label of an arc is the gold label of the dependent, even if its head is wrong.
        """
        s0 = configuration.stack[-1]
        return [
            Transition(kind, None if kind == Kind.SHIFT else labels[s0 - 1])
            for kind, cost in self.costs(configuration, heads).items()
            if cost == 0
        ]


class ArcStandardSwap(ArcStandard):
    """The arc-standard system with SWAP, which changes the order of words: it builds all trees."""

    name = "arc-standard-swap"
    code = ARC_STANDARD_SWAP
    has_swap = True

    def legal(self, configuration: Configuration) -> list[Kind]:  # noqa: D102
        kinds = super().legal(configuration)
        # Words that were swapped cannot be swapped back, so every sequence of transitions ends.
        if len(configuration.stack) > 2 and configuration.stack[-2] < configuration.stack[-1]:
            kinds.append(Kind.SWAP)
        return kinds

    def _choose(self, configuration: Configuration, gold: GoldTree) -> Kind:
        kind = super()._choose(configuration, gold)
        stack, buffer = configuration.stack, configuration.buffer
        if kind != Kind.SHIFT or len(stack) < 3 or gold.rank[stack[-2]] < gold.rank[stack[-1]]:
            return kind
        # s1 must be swapped. But if s0 and b0 are in one component, it is built first, and moves as one word.
        if buffer and gold.component[stack[-1]] == gold.component[buffer[0]]:
            return Kind.SHIFT
        return Kind.SWAP


SYSTEMS: dict[str, TransitionSystem] = {
    system.name: system for system in (ArcStandard(), ArcHybrid(), ArcStandardSwap())
}
"""All transition systems by their names."""


def system_named(name: str) -> TransitionSystem:
    """Return a transition system.

    Raises
    ------
    InputError
        There is none of this name.
    """
    if not isinstance(name, str) or name not in SYSTEMS:
        raise InputError(f"there is no transition system {name!r}: choose one of {', '.join(SYSTEMS)}")
    return SYSTEMS[name]
