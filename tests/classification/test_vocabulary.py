"""The rows that words, pairs of words and the ends of phrases have, and their weights."""

from __future__ import annotations

import numpy as np
import pytest

from firth.classification.encoding import split_texts
from firth.classification.settings import ClassifierSettings
from firth.classification.vocabulary import (
    PhraseVocabulary,
    build_vocabulary,
    frequent_words,
    row_factors,
)
from firth.vectors.word_vectors import WordVectors

NO_PAIRS = np.empty(0, dtype=np.int64)


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


def test_pretrained_words_come_first_and_rare_ones_get_no_vector() -> None:
    split = split_texts(["a b a", "c a b"], lowercase=True, pretokenized=False)
    vectors = WordVectors(["z", "c"], np.ones((2, 3)))
    settings = ClassifierSettings(min_count=2)
    assert build_vocabulary(split, vectors, settings).words == ["z", "c", "a", "b"]
    assert build_vocabulary(split, None, settings).words == ["a", "b"]
    frozen = ClassifierSettings(fine_tune=False, bigrams=True, min_count=2)
    vocabulary = build_vocabulary(split, WordVectors(["a", "b"], np.ones((2, 3))), frozen)
    assert (vocabulary.words, len(vocabulary)) == (["a", "b"], 4)  # the pair "a b" occurs twice


def test_weights_of_words() -> None:
    split = split_texts(["a b a", "a"], lowercase=True, pretokenized=False)
    vocabulary = PhraseVocabulary(["a", "b"], 0, NO_PAIRS, end=False)
    encoded = vocabulary.encode(split)
    assert row_factors(2, encoded, None, "mean").tolist() == [1, 1]
    expected = [0.001 / (0.001 + 3 / 4), 0.001 / (0.001 + 1 / 4)]
    assert row_factors(2, encoded, None, "sif") == pytest.approx(expected)
    counted = WordVectors(["a", "b"], np.ones((2, 3)), counts=[9, 1])
    expected = [0.001 / (0.001 + 0.9), 0.001 / (0.001 + 0.1)]
    assert row_factors(2, encoded, counted, "sif") == pytest.approx(expected)
    expected = [1 + np.log(3 / 3), 1 + np.log(3 / 2)]
    assert row_factors(2, encoded, None, "idf") == pytest.approx(expected)
