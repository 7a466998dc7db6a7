"""Holding training sentences out where there is no development set."""

from __future__ import annotations

import pytest

from firth.errors import InputError
from firth.parsing.parser.treebank import hold_out
from firth.text.document import Sentence, Token


def sentences(n: int, paragraph: int = 0) -> list[Sentence]:
    return [
        Sentence([Token(1, f"w{i}", head=0)], ["# newpar"] if paragraph and i % paragraph == 0 else [])
        for i in range(n)
    ]


@pytest.mark.parametrize(("n", "expected"), [(2, 1), (9, 1), (40, 4), (100, 10), (1000, 100)])
def test_a_tenth_is_held_out(n: int, expected: int) -> None:
    treebank = sentences(n)
    train, dev = hold_out(treebank, seed=1)
    assert len(dev) == expected
    forms = [[s[0].form for s in part] for part in (train, dev, treebank)]
    assert sorted(forms[0] + forms[1]) == sorted(forms[2])
    for part in forms:
        assert part == [form for form in forms[2] if form in set(part)], "the order stays"
    assert hold_out(treebank, seed=1) == (train, dev)
    if n >= 40:
        assert hold_out(treebank, seed=2) != (train, dev)


def test_paragraphs_stay_together() -> None:
    _, dev = hold_out(sentences(1000, paragraph=5), seed=3)
    numbers = [int(s[0].form[1:]) for s in dev]
    assert len(numbers) == 100
    assert all(numbers[i : i + 5] == list(range(numbers[i], numbers[i] + 5)) for i in range(0, 100, 5))


def test_something_is_left_to_learn() -> None:
    assert [len(part) for part in hold_out(sentences(3, paragraph=100), seed=1)] == [2, 1]
    with pytest.raises(InputError, match=r"1 sentence is too small.*--dev"):
        hold_out(sentences(1), seed=1)
