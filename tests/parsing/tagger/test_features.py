"""What the network sees of a word."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pytest

from firth.errors import InputError
from firth.parsing.tagger import features
from firth.parsing.tagger.features import WordFeatures, shape

SENTENCES = [["The", "cat", "saw", "the", "dog", "."], ["the", "cat", "slept", "."]]
FORM, SUFFIX_1, SHAPE = 0, 3, 7  # columns


@dataclass
class Vectors:
    words: Sequence[str]
    matrix: np.ndarray


def make_vectors(words: Sequence[str], width: int = 5, scale: float = 3.0) -> Vectors:
    random = np.random.default_rng(len(words))
    return Vectors(words, random.normal(size=(len(words), width), scale=scale).astype(np.float32))


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("Firth-2026", "Xxxx-ddd"),
        ("NATO", "XXX"),
        ("iPhone", "xXxxx"),
        ("......", "..."),
        ("日本語学会", "ooo"),
        ("3.14", "d.dd"),
        ("aB" * 20, "xXxXxXxXxXxX"),
        ("", ""),
    ],
)
def test_shape(form: str, expected: str) -> None:
    assert shape(form) == expected


def test_frequent_words_have_numbers_of_their_own() -> None:
    numbers = WordFeatures.learn(SENTENCES).number(["the", "The", "cat", ".", "dog", "unheard"])
    the, also_the, cat, stop, dog, unheard = numbers[:, FORM].tolist()
    assert the == also_the == 1  # the most frequent one
    assert sorted([the, cat, stop]) == [1, 2, 3]
    assert dog == unheard == 0  # once, or never


def test_parts_of_unseen_words_are_known() -> None:
    """A word that was never seen shares its shape and suffixes with others."""
    learned = WordFeatures.learn([["walked", "talked"], ["Paris", "Rome"]])
    walked, jumped, oslo = learned.number(["walked", "jumped", "Oslo"])
    assert walked[FORM] == jumped[FORM] == oslo[FORM] == 0
    assert 0 < walked[SUFFIX_1] == jumped[SUFFIX_1]
    assert 0 < oslo[SHAPE] != jumped[SHAPE] > 0


def test_numbers_fit_the_tables() -> None:
    learned = WordFeatures.learn(SENTENCES, make_vectors(["cat", "cow"]))
    numbers = learned.number([*SENTENCES[0], "cow", "zebra"])
    sizes = [size for size, _ in learned.tables] + [len(learned.vectors)]
    assert numbers.shape == (8, len(sizes))
    assert (numbers >= 0).all() and (numbers.max(axis=0) < sizes).all()
    assert learned.number([]).shape == (0, len(sizes))


def test_vectors_of_words_that_the_treebank_does_not_show() -> None:
    learned = WordFeatures.learn(SENTENCES, make_vectors(["cow", "Cow", "cat"]))
    cow, capital, shouted, unknown = learned.number(["cow", "Cow", "COW", "zebra"])[:, -1].tolist()
    assert (cow, capital, unknown) == (1, 2, 0)
    assert shouted == cow  # in lower case, since the vectors have no such form
    assert not learned.vectors[0].any()


def test_vectors_are_kept_in_8_bits() -> None:
    """Each entry is within half of 1/127 of the largest of its vector, whatever their sizes."""
    given = make_vectors([f"w{k}" for k in range(50)])
    given.matrix[1] *= 1000
    given.matrix[2] = 0
    learned = WordFeatures.learn(SENTENCES, given).vectors[1:]
    expected = given.matrix / np.sqrt(np.mean(given.matrix**2))
    largest = np.abs(expected).max(axis=1, keepdims=True)
    assert (np.abs(learned - expected) <= largest / 127 * 0.501).all()
    assert not learned[2].any()
    assert np.sqrt(np.mean(learned**2)) == pytest.approx(1, abs=0.01)


def test_only_the_first_vectors_are_kept() -> None:
    learned = WordFeatures.learn(SENTENCES, make_vectors(["a", "b", "c"]), max_vectors=2)
    assert learned.number(["a", "b", "c"])[:, -1].tolist() == [1, 2, 0]


@pytest.mark.parametrize(
    "vectors",
    [
        Vectors([], np.zeros((0, 5), np.float32)),
        Vectors(["a", "b"], np.zeros((2, 5), np.float32)),
        Vectors(["a"], np.array([[1.0, np.nan]], np.float32)),
    ],
    ids=["none", "zeros", "nan"],
)
def test_vectors_that_cannot_be_used(vectors: Vectors) -> None:
    with pytest.raises(InputError, match="the vectors cannot be used"):
        WordFeatures.learn(SENTENCES, vectors)


@pytest.mark.parametrize("vectors", [None, make_vectors(["cow", "cat", "größer"])], ids=["none", "vectors"])
def test_round_trip(vectors: Vectors | None) -> None:
    learned = WordFeatures.learn([*SENTENCES, ["größer", "größer", "🙂"]], vectors)
    restored = WordFeatures.from_arrays(learned.arrays())
    words = ["the", "größer", "🙂", "cow", "Zebra"]
    np.testing.assert_array_equal(restored.number(words), learned.number(words))
    np.testing.assert_array_equal(restored.vectors, learned.vectors)
    assert restored.tables == learned.tables


def test_something_is_missing() -> None:
    arrays = WordFeatures.learn(SENTENCES).arrays()
    del arrays["shape.text"]
    with pytest.raises(KeyError):
        WordFeatures.from_arrays(arrays)


def test_a_stream_with_no_end_of_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache is emptied now and then; the numbers of words stay the same."""
    learned = WordFeatures.learn(SENTENCES)
    expected = learned.number(["cat", "zebra7"])
    monkeypatch.setattr(features, "_MOST_CACHED_WORDS", 100)
    for k in range(40):
        stream = [f"zebra{j}" for j in range(50 * k, 50 * k + 50)]
        np.testing.assert_array_equal(learned.number([*stream, "cat", "zebra7"])[-2:], expected)
    assert len(learned._cached_rows) < 200


def test_threads() -> None:
    learned, fresh = WordFeatures.learn(SENTENCES), WordFeatures.learn(SENTENCES)
    parts = [[f"{word}{k % 97}" for word in ("cat", "the", "Rome")] for k in range(3000)]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(learned.number, parts))
    np.testing.assert_array_equal(together, [fresh.number(part) for part in parts])
