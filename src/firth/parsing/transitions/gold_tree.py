"""A gold tree, as static oracles look at it while they build it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from firth.errors import InputError
from firth.parsing.transitions.projectivity import children_of, top_down


class GoldTree:
    """A tree to be built, and how much of it is not built yet.

    Parameters
    ----------
    heads, labels
        The head of each word, 0 for the root of the sentence, and the label of its arc.

    Attributes
    ----------
    head_of
        The head of each word, by its number; the head of ROOT is -1.
    labels
        The label of each arc.
    children
        The children of ROOT and of each word.
    missing
        How many children ROOT and each word do not have yet. The oracle counts them down.

    Raises
    ------
    InputError
        The heads form no tree with one root.
    """

    def __init__(self, heads: Sequence[int], labels: Sequence[str]) -> None:
        self.head_of = [-1, *heads]
        self.labels = labels
        self.children = children_of(heads)
        if heads and len(self.children[0]) != 1:
            raise InputError(f"a tree has one root, but {len(self.children[0])} words have head 0")
        self._top_down = top_down(self.children)
        self.missing = [len(children) for children in self.children]

    @cached_property
    def rank(self) -> list[int]:
        """The place of each word in the projective order: each word between its left and right children."""
        rank = [0] * len(self.head_of)
        pending, place = [(0, False)], 0
        while pending:
            word, expanded = pending.pop()
            if expanded:
                rank[word] = place
                place += 1
            else:
                around = sorted([*self.children[word], word], reverse=True)
                pending += [(other, other == word) for other in around]
        return rank

    @cached_property
    def component(self) -> list[int]:
        """The top of the maximal projective component of each word.

        A component is what the arc-standard system builds without SWAP (Nivre, Kuhlmann & Hall 2009).
        """
        component = list(range(len(self.head_of)))
        missing, stack = [len(children) for children in self.children], []
        for word in range(len(self.head_of)):
            stack.append(word)
            while len(stack) > 1:
                s1, s0 = stack[-2:]
                if self.head_of[s1] == s0 and not missing[s1]:
                    head, child = s0, s1
                elif self.head_of[s0] == s1 and not missing[s0]:
                    head, child = s1, s0
                else:
                    break
                component[child] = head
                missing[head] -= 1
                stack[-2:] = [head]
        for word in self._top_down:
            component[word] = component[component[word]]
        return component
