"""Projectivity, and lifting arcs and lowering them again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firth.errors import InputError
from firth.parsing.transitions.projectivity import LIFTED, deprojectivize, is_projective, projectivize
from firth.text import conllu

# "A hearing is scheduled on the issue today ." has an arc from "hearing" to "on" across "is scheduled".
HEARING = [2, 3, 0, 3, 2, 7, 5, 4, 3]
RELATIONS = ["det", "nsubj", "root", "xcomp", "nmod", "det", "obj", "advmod", "punct"]


@st.composite
def labelled_trees(draw: st.DrawFn, labels: Sequence[str] = "abc") -> tuple[list[int], list[str]]:
    n = draw(st.integers(1, 12))
    order = draw(st.permutations(range(1, n + 1)))
    heads = [0] * n
    for place, word in enumerate(order[1:], start=1):
        heads[word - 1] = draw(st.sampled_from(order[:place]))
    return heads, [draw(st.sampled_from(labels)) for _ in heads]


def arcs_cross(heads: list[int]) -> bool:
    """Say whether two arcs cross when they are drawn above the sentence, with ROOT at the left."""
    arcs = [sorted((head, word)) for word, head in enumerate(heads, start=1)]
    return any(a < c < b < d for a, b in arcs for c, d in arcs)


def crossed(heads: list[int]) -> list[int]:
    """Return the words whose arcs are not projective, those with the shortest arcs first."""

    def ancestors(word: int) -> set[int]:
        return {word, *ancestors(heads[word - 1])} if word else {0}

    arcs = [(abs(head - word), word) for word, head in enumerate(heads, start=1)]
    return [
        word
        for _, word in sorted(arcs)
        if any(
            heads[word - 1] not in ancestors(between)
            for between in range(*sorted((word, heads[word - 1])))
            if between not in (word, heads[word - 1])
        )
    ]


def depth(heads: list[int], word: int) -> int:
    steps = 0
    while word:
        word, steps = heads[word - 1], steps + 1
        assert steps <= len(heads), "a cycle"
    return steps


def test_an_arc_that_crosses_is_lifted_to_the_next_head() -> None:
    assert not is_projective(HEARING)
    heads, labels = projectivize(HEARING, RELATIONS)
    assert heads == [2, 3, 0, 3, 3, 7, 5, 3, 3]
    assert labels[4] == f"nmod{LIFTED}nsubj"
    assert labels[7] == f"advmod{LIFTED}xcomp"
    assert deprojectivize(heads, labels) == (HEARING, RELATIONS)


def test_short_arcs_are_lifted_first() -> None:
    """The arc 4 → 2 goes to the head of 4, which is 1, and only then 1 → 4 is lifted."""
    heads, labels = projectivize([3, 4, 0, 1], list("abcd"))
    assert heads == [3, 1, 0, 3]
    assert labels == ["a", f"b{LIFTED}d", "c", f"d{LIFTED}a"]
    assert deprojectivize(heads, labels) == ([3, 4, 0, 1], list("abcd"))


@given(tree=labelled_trees())
def test_projective_is_without_crossing_arcs(tree: tuple[list[int], list[str]]) -> None:
    assert is_projective(tree[0]) == (not arcs_cross(tree[0]))


@given(tree=labelled_trees())
def test_projectivize(tree: tuple[list[int], list[str]]) -> None:
    heads, labels = tree
    lifted_heads, lifted_labels = projectivize(heads, labels)
    by_definition = list(heads)
    while crossed(by_definition):
        word = crossed(by_definition)[0]
        by_definition[word - 1] = by_definition[by_definition[word - 1] - 1]
    assert lifted_heads == by_definition
    assert is_projective(lifted_heads)
    for word, (new, old, label) in enumerate(zip(lifted_heads, heads, lifted_labels, strict=True), start=1):
        own, mark, lost = label.partition(LIFTED)
        assert own == labels[word - 1]
        assert bool(mark) == (new != old)
        if mark:
            assert lost == labels[old - 1]
    if is_projective(heads):
        assert (lifted_heads, lifted_labels) == (heads, labels)


@given(tree=labelled_trees())
def test_unlike_labels_tell_the_way_back(tree: tuple[list[int], list[str]]) -> None:
    heads = tree[0]
    labels = [f"r{word}" for word in range(len(heads))]
    assert deprojectivize(*projectivize(heads, labels)) == (heads, labels)


@given(tree=labelled_trees(labels=["a", "b", f"a{LIFTED}b", f"b{LIFTED}a", f"a{LIFTED}", f"b{LIFTED}x"]))
def test_whatever_is_predicted_becomes_a_tree(tree: tuple[list[int], list[str]]) -> None:
    heads, labels = tree
    lowered, plain = deprojectivize(heads, labels)
    assert [head == 0 for head in lowered] == [head == 0 for head in heads]
    assert all(depth(lowered, word) for word in range(1, len(heads) + 1))
    assert set(plain) <= {"a", "b"}
    for old, new, label in zip(heads, lowered, labels, strict=True):
        assert new == old or LIFTED in label


def test_a_lost_head_is_one_that_would_not_be_projective() -> None:
    """Words 2 and 4 have the label that is looked for; an arc from word 2, a neighbour, is never lifted."""
    assert deprojectivize([0, 1, 1, 1], ["root", "x", f"y{LIFTED}x", "z"])[0] == [0, 1, 2, 1]
    assert deprojectivize([0, 1, 1, 1, 1], ["root", "x", f"y{LIFTED}x", "z", "x"])[0] == [0, 1, 5, 1, 1]


@pytest.mark.parametrize(
    ("heads", "labels", "message"),
    [
        ([0, 3, 2], ["a", "b", "c"], "word 2 is in a cycle"),
        ([0, 0], ["a", "b"], "2 words have head 0"),
        ([0, 1], ["a", f"b{LIFTED}c"], "of word 2 contains"),
    ],
)
def test_what_cannot_be_projectivized(heads: list[int], labels: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        projectivize(heads, labels)


def test_no_words() -> None:
    assert is_projective([])
    assert deprojectivize([], []) == ([], [])


def test_long_sentences() -> None:
    n = 50_000
    for heads in (list(range(n)), [*range(2, n + 1), 0], [0] + [1] * (n - 1)):
        assert projectivize(heads, ["x"] * n) == (heads, ["x"] * n)


@pytest.mark.parametrize(
    ("treebank", "recovered"), [("hu_szeged", 0.996), ("en_ewt", 0.999), ("ko_gsd", 0.996)]
)
def test_real_trees_come_back(treebank: str, recovered: float, shared_data: Path) -> None:
    right = total = 0
    for sentence in conllu.load(shared_data / "ud" / treebank / "dev.conllu"):
        heads, labels = [token.head or 0 for token in sentence], [token.deprel for token in sentence]
        lifted = projectivize(heads, labels)
        assert is_projective(lifted[0])
        lowered, plain = deprojectivize(*lifted)
        assert plain == labels
        right += sum(a == b for a, b in zip(lowered, heads, strict=True))
        total += len(heads)
    assert right / total > recovered
