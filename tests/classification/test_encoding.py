"""From texts to rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firth.classification.encoding import Text, split_texts
from firth.classification.vocabulary import PhraseVocabulary, frequent_words
from firth.errors import InputError
from firth.text.splitting import split

NO_PAIRS = np.empty(0, dtype=np.int64)


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
        ([["a"], 3], "text 2 is 3: it must be a string or a list of words"),
        (["a", "b\0"], "text:2: holds a NUL byte"),
        (["a", "b\ud800"], "text 2 holds half a surrogate pair"),
        ([["a", 3]], "3 is not a string"),
    ],
)
def test_what_is_no_text(texts: list[Text], message: str) -> None:
    with pytest.raises(InputError, match=message):
        split_texts(texts, lowercase=True, pretokenized=False)


def test_rows_of_words_pairs_and_end() -> None:
    """A pair needs two known words side by side in one text; what is not known is counted."""
    done = split_texts(["a b c", "b a", "x a b", "x", ""], lowercase=True, pretokenized=False)
    bare = PhraseVocabulary(["a", "b", "c"], 1 << 30, NO_PAIRS, end=True)
    buckets, texts = bare.hashed_pairs(done)
    assert texts.tolist() == [0, 0, 0, 1, 1, 2, 2]
    ab, bc, c_end, ba, a_end, again, b_end = buckets.tolist()
    assert ab == again
    assert len({ab, bc, c_end, ba, a_end, b_end}) == 6
    assert PhraseVocabulary(["a", "b", "c"], 1 << 30, NO_PAIRS, end=False).hashed_pairs(done)[0].tolist() == [
        ab,
        bc,
        ba,
        ab,
    ]
    vocabulary = PhraseVocabulary(["a", "b", "c"], 1 << 30, np.array(sorted([ab, ba])), end=True)
    encoded = vocabulary.encode(done)
    rows = [
        sorted(encoded.rows[begin:end].tolist())
        for begin, end in zip(encoded.offsets[:-1], encoded.offsets[1:], strict=True)
    ]
    row = {bucket: 3 + place for place, bucket in enumerate(sorted([ab, ba]))}
    assert rows == [
        sorted([0, 1, 2, row[ab], 5]),
        sorted([1, 0, row[ba], 5]),
        sorted([0, 1, row[ab], 5]),
        [5],
        [5],
    ]
    coverage = encoded.coverage
    assert (coverage.texts, coverage.words, coverage.known, coverage.empty, coverage.unknown) == (
        5,
        9,
        7,
        1,
        1,
    )


def test_frequent_words() -> None:
    done = split_texts(["a b a", "c a b"], lowercase=True, pretokenized=False)
    assert frequent_words(done, 2) == ["a", "b"]
    assert frequent_words(done, 1) == ["a", "b", "c"]
