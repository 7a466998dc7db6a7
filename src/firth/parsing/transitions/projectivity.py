"""Non-projective trees for projective parsers: pseudo-projective parsing (Nivre & Nilsson 2005).

A tree is projective if each word and all its descendants are one unbroken part of the sentence, so that no
arcs cross. The parser is trained on trees whose arcs were lifted until they were projective. The head of a
lifted word is an ancestor of its old head, and its label contains the label of the old head: ``obj↑xcomp``.
After parsing, the old head is looked for among the descendants of the new one.

Trees are sequences of heads: ``heads[i]`` is the head of word i + 1, and 0 is ROOT.

References
----------
J. Nivre and J. Nilsson (2005), Pseudo-projective dependency parsing, ACL, https://aclanthology.org/P05-1013/;
the scheme used here is the one they call Head.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heapify, heappop, heappush

from firth.errors import InputError

LIFTED = "↑"
"""Stands between the label of a lifted arc and the label of its old head. No UD label contains it."""


def children_of(heads: Sequence[int]) -> list[list[int]]:
    """Return the children of ROOT and of every word, from left to right.

    Parameters
    ----------
    heads
        The head of each of the n words.

    Returns
    -------
    list of lists, length n + 1
        Element h holds the children of word h; element 0 those of ROOT.
    """
    children: list[list[int]] = [[] for _ in range(len(heads) + 1)]
    for word, head in enumerate(heads, start=1):
        children[head].append(word)
    return children


def top_down(children: Sequence[Sequence[int]]) -> list[int]:
    """Return ROOT and all words, breadth first: each word after its head.

    Raises
    ------
    InputError
        A word cannot be reached from ROOT: the heads are no tree.
    """
    order = [0]
    for word in order:  # the list grows while it is read
        order += children[word]
    if len(order) < len(children):
        lost = min(set(range(len(children))).difference(order))
        raise InputError(f"the heads form no tree: word {lost} is in a cycle or hangs on one")
    return order


def is_projective(heads: Sequence[int]) -> bool:
    """Say whether no arcs of a tree cross. The arc from ROOT, at the left end, counts too.

    Raises
    ------
    InputError
        The heads form no tree.
    """
    return not _heads_with_gaps(heads, children_of(heads))


def projectivize(heads: Sequence[int], deprels: Sequence[str]) -> tuple[list[int], list[str]]:
    """Lift arcs, the shortest first, until the tree is projective, and note it in their labels.

    Parameters
    ----------
    heads, deprels
        The head of each word, and the label of its arc. One word has head 0.

    Returns
    -------
    heads, deprels
        A projective tree. A word whose arc was lifted has the label ``own↑lost``: its own label, and the
        label of the head that it lost.

    Raises
    ------
    InputError
        The heads form no tree with one root, or a label contains ``↑`` already.

    Notes
    -----
    The time is O(n) for a projective tree of n words. In other trees, only the arcs of heads with gaps among
    their descendants are examined, word by word.
    """
    _check_can_be_projectivized(heads, deprels)
    lifted_heads, lifted = _lift(heads)
    labels = [
        f"{deprel}{LIFTED}{deprels[heads[i] - 1]}" if i + 1 in lifted else deprel
        for i, deprel in enumerate(deprels)
    ]
    return lifted_heads, labels


def _check_can_be_projectivized(heads: Sequence[int], deprels: Sequence[str]) -> None:
    """Check that no label contains the mark of lifted arcs, and that there is one root."""
    for word, deprel in enumerate(deprels, start=1):
        if LIFTED in deprel:
            raise InputError(
                f"the label {deprel!r} of word {word} contains {LIFTED!r}, which marks lifted arcs"
            )
    n_roots = sum(head == 0 for head in heads)
    if n_roots != 1:
        raise InputError(f"a tree has one root, but {n_roots} words have head 0")


def _lift(heads: Sequence[int]) -> tuple[list[int], set[int]]:
    """Lift arcs, the shortest first, until the tree is projective; return its heads, and the lifted words."""
    children = children_of(heads)
    head_of = [0, *heads]
    crossed = [
        child
        for head in _heads_with_gaps(heads, children)
        for child in children[head]
        if _is_crossed(head, child, head_of)
    ]
    queue = [(abs(head_of[child] - child), child) for child in crossed]
    heapify(queue)
    waiting = set(crossed)
    lifted: set[int] = set()
    while queue:
        _, word = heappop(queue)
        waiting.discard(word)
        lifted.add(word)
        head = head_of[word]
        head_of[word] = head_of[head]
        children[head].remove(word)
        children[head_of[head]].append(word)
        # Only the old head has lost descendants, so only its arcs can have become non-projective.
        for child in [word, *children[head]]:
            if child not in waiting and _is_crossed(head_of[child], child, head_of):
                waiting.add(child)
                heappush(queue, (abs(head_of[child] - child), child))
    return head_of[1:], lifted


def deprojectivize(heads: Sequence[int], deprels: Sequence[str]) -> tuple[list[int], list[str]]:
    """Undo the lifts that labels record.

    A word with the label ``own↑lost`` gets a new head: a descendant of its head with the label ``lost`` that
    is no descendant of the word itself. If there is none, the word keeps its head. Its label becomes ``own``.

    Parameters
    ----------
    heads, deprels
        A tree as a parser builds it: any word may have any label.

    Returns
    -------
    heads, deprels
        A tree with the same root, and without ``↑``.

    Raises
    ------
    InputError
        The heads form no tree.

    Notes
    -----
    Nivre & Nilsson (2005) take the first such descendant, breadth first. Here descendants to which the arc
    would not be projective are preferred, because projective arcs are never lifted; then those nearest in the
    tree, then those nearest in the sentence.
    """
    labels = [deprel.partition(LIFTED)[0] for deprel in deprels]
    head_of = [0, *heads]
    if not any(LIFTED in deprel for deprel in deprels):
        return head_of[1:], labels
    children = children_of(heads)
    # From the top, because a word that goes down takes its descendants with it.
    for word in top_down(children)[1:]:
        _, lifted, lost = deprels[word - 1].partition(LIFTED)
        head = _find_head(word, lost, labels, head_of, children) if lifted else None
        if head is not None:
            children[head_of[word]].remove(word)
            children[head].append(word)
            head_of[word] = head
    return head_of[1:], labels


def _find_head(
    word: int, label: str, labels: Sequence[str], head_of: Sequence[int], children: Sequence[Sequence[int]]
) -> int | None:
    """Return the head with this label from which a word was lifted, or None."""
    # The best of the heads to which the arc would be projective.
    projective = None
    level = children[head_of[word]]
    while level:
        candidates = [other for other in level if labels[other - 1] == label and other != word]
        for candidate in sorted(candidates, key=lambda other: abs(other - word)):
            if _is_crossed(candidate, word, head_of):
                return candidate
            projective = projective or candidate
        level = [child for other in level if other != word for child in children[other]]
    return projective


def _heads_with_gaps(heads: Sequence[int], children: Sequence[Sequence[int]]) -> list[int]:
    """Return the words that, with all their descendants, are not one unbroken part of the sentence.

    Only these can be heads of non-projective arcs.
    """
    n = len(heads)
    size, first, last = [1] * (n + 1), list(range(n + 1)), list(range(n + 1))
    gaps = []
    for word in reversed(top_down(children)[1:]):
        if last[word] - first[word] + 1 != size[word]:
            gaps.append(word)
        head = heads[word - 1]
        size[head] += size[word]
        first[head] = min(first[head], first[word])
        last[head] = max(last[head], last[word])
    return gaps


def _is_crossed(head: int, word: int, head_of: Sequence[int]) -> bool:
    """Say whether an arc from `head` to `word` is not projective: `head` does not dominate a word between."""
    for between in range(min(head, word) + 1, max(head, word)):
        ancestor = between
        while ancestor not in (0, head, word):
            ancestor = head_of[ancestor]
        if ancestor == 0 != head:
            return True
    return False
