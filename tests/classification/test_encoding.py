"""From texts to rows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firth.classification.encoding import Coverage, Text, split_texts
from firth.errors import InputError
from firth.text.splitting import split


def words_of(texts: list[Text], **options: bool) -> list[list[str]]:
    """Split texts, and put the words back."""
    done = split_texts(texts, **{"lowercase": True, "pretokenized": False} | options)
    return [
        [done.words[number] for number in done.numbers[begin:end]]
        for begin, end in zip(done.offsets[:-1], done.offsets[1:], strict=True)
    ]


@given(st.lists(st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"))), st.booleans())
def test_texts_are_split_by_the_rule(texts: list[str], lowercase: bool) -> None:
    expected = [split(text.replace("\n", " "), lowercase=lowercase) for text in texts]
    assert words_of(list(texts), lowercase=lowercase) == expected


def test_empty_texts_keep_their_place() -> None:
    assert words_of(["", "Tea, 0 milk", " ", "0"]) == [[], ["tea", "0", "milk"], [], ["0"]]
    assert words_of([]) == []
    assert words_of([[], ["Tea"], []]) == [[], ["tea"], []]


def test_options() -> None:
    assert words_of(["A-b !"], pretokenized=True) == [["a-b", "!"]]
    assert words_of(["ΟΔΟΣ οδος"]) == [["οδος", "οδος"]]
    assert words_of([["ΟΔΟΣ"]], lowercase=False) == [["ΟΔΟΣ"]]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["a", ["b"]], "text 1 is a string, but others are not"),
        (
            ["a", float("nan")],
            "1 texts are missing; the first is text 2, which is nan: leave it out",
        ),
        ([None, "a", None], "2 texts are missing; the first is text 1, which is None"),
        ([["a"], None], "the first is text 2, which is None"),
        (["a", "b", ["c"]], r"text 3 is \['c'\], but others are strings"),
        ([["a"], ["b"], "c"], "text 3 is a string, but others are not"),
        (["a", 3, "b"], "text 2 is 3, but others are strings"),
        ([b"a", b"b"], "text 1 holds bytes: decode it"),
        ([["a"], 3], "text 2 is 3: it must be a string or a list of words"),
        (["a", "b\0"], "text:2: holds a NUL byte"),
        (["a", "b\ud800"], "text 2 holds half a surrogate pair"),
        ([["a", 3]], "3 is not a string"),
    ],
)
def test_what_is_no_text(texts: list[Text], message: str) -> None:
    with pytest.raises(InputError, match=message):
        split_texts(texts, lowercase=True, pretokenized=False)


def test_coverages_add_up() -> None:
    total = Coverage() + Coverage(5, 9, 7, 1, 2) + Coverage(1, 1, 1, 0, 0)
    assert total == Coverage(texts=6, words=10, known=8, empty=1, unknown=2)


def test_missing_texts_of_pandas_are_named() -> None:
    pandas = pytest.importorskip("pandas")
    for texts in (["a", pandas.NA], list(pandas.Series(["a", None], dtype="string"))):
        with pytest.raises(InputError, match="1 texts are missing; the first is text 2"):
            split_texts(texts, lowercase=True, pretokenized=False)
