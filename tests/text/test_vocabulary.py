from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firth.errors import InputError, UnknownWordError
from firth.text.vocabulary import Vocabulary

WORDS = ["b", "rare", "a", "the", "é"]
COUNTS = [3, 1, 3, 8, 3]


def test_the_most_frequent_words_come_first() -> None:
    vocabulary = Vocabulary.from_counts(WORDS, COUNTS)
    assert vocabulary.words == ["the", "a", "b", "é", "rare"]
    assert vocabulary.counts.tolist() == [8, 3, 3, 3, 1]
    assert vocabulary.counts.dtype == np.int64
    assert vocabulary.n_words == 18
    assert len(vocabulary) == 5


def test_min_count_and_max_size_keep_the_most_frequent() -> None:
    assert Vocabulary.from_counts(WORDS, COUNTS, min_count=3).words == ["the", "a", "b", "é"]
    assert Vocabulary.from_counts(WORDS, COUNTS, max_size=2).words == ["the", "a"]
    small = Vocabulary.from_counts(WORDS, COUNTS, min_count=3, max_size=3)
    assert small.words == ["the", "a", "b"]
    assert small.n_words == 18  # words that are not in the vocabulary count too


def test_lookup() -> None:
    vocabulary = Vocabulary.from_counts(WORDS, COUNTS)
    assert vocabulary.index("b") == 2
    assert "b" in vocabulary and "c" not in vocabulary and 3 not in vocabulary
    assert vocabulary.indices(["é", "c", "the"]).tolist() == [3, -1, 0]
    with pytest.raises(UnknownWordError, match="'c' is not in the vocabulary of 5 words"):
        vocabulary.index("c")


def test_nobody_can_change_the_counts() -> None:
    vocabulary = Vocabulary.from_counts(WORDS, COUNTS)
    with pytest.raises(ValueError, match="read-only"):
        vocabulary.counts[0] = 1


@pytest.mark.parametrize(
    ("words", "counts", "options", "message"),
    [
        (WORDS, COUNTS, {"min_count": 9}, "no word occurs 9 times: the most frequent, 'the', occurs 8 times"),
        ([], [], {}, "there are no words"),
        (["a", "b", "a"], [1, 2, 3], {}, "the word 'a' is there twice"),
        (WORDS, COUNTS, {"max_size": 0}, "at most 0 words"),
        (WORDS, [1], {}, "5 words, but 1 counts"),
    ],
)
def test_counts_that_make_no_vocabulary(
    words: list[str], counts: list[int], options: dict[str, int], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        Vocabulary.from_counts(words, counts, **options)


def test_keep_probabilities_by_hand() -> None:
    # f = 0.9, 0.09, 0.01; t = 0.01: √(t/f) + t/f = 0.10541 + 0.01111, 0.33333 + 0.11111, 1 + 1
    vocabulary = Vocabulary.from_counts(["a", "b", "c"], [90, 9, 1], n_words=1000)
    probabilities = vocabulary.keep_probabilities(0.01)
    assert probabilities.dtype == np.float32
    assert probabilities == pytest.approx([0.1165204, 0.4444444, 1.0], rel=1e-6)
    assert vocabulary.keep_probabilities(0).tolist() == [1, 1, 1]
    with pytest.raises(InputError, match="sample must be 0 or more"):
        vocabulary.keep_probabilities(-1e-3)


def test_noise_distribution_by_hand() -> None:
    # 81^0.75 = 27, 16^0.75 = 8, 1
    vocabulary = Vocabulary.from_counts(["a", "b", "c"], [81, 16, 1])
    assert vocabulary.noise_distribution() == pytest.approx([27 / 36, 8 / 36, 1 / 36], rel=1e-14)
    assert vocabulary.noise_distribution(0) == pytest.approx([1 / 3] * 3, rel=1e-14)
    assert vocabulary.noise_distribution(1) == pytest.approx([81 / 98, 16 / 98, 1 / 98], rel=1e-14)


def test_file_is_plain_text(tmp_path: Path) -> None:
    Vocabulary.from_counts(WORDS, COUNTS, min_count=3).save(tmp_path / "v.tsv")
    text = (tmp_path / "v.tsv").read_text(encoding="utf-8")
    assert text == "# firth vocabulary, 18 words in all\nthe\t8\na\t3\nb\t3\né\t3\n"
    Vocabulary.from_counts(WORDS, COUNTS).save(tmp_path / "v.tsv.gz")
    assert gzip.decompress((tmp_path / "v.tsv.gz").read_bytes()).endswith(b"rare\t1\n")


@given(
    counts=st.dictionaries(
        st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"])),
        st.integers(1, 10**12),
        min_size=1,
    ),
    others=st.integers(0, 10**12),
)
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, counts: dict[str, int], others: int) -> None:
    path = tmp_path_factory.mktemp("vocabulary") / "v.tsv"
    saved = Vocabulary.from_counts(counts, list(counts.values()), n_words=sum(counts.values()) + others)
    saved.save(path)
    loaded = Vocabulary.load(path)
    assert loaded.words == saved.words
    assert (loaded.counts == saved.counts).all()
    assert loaded.n_words == saved.n_words


HEADER = "# firth vocabulary, 9 words in all\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "v.tsv:1: not a vocabulary"),
        ("the\t8\n", "v.tsv:1: not a vocabulary"),
        (HEADER, "v.tsv: there are no words"),
        (HEADER + "the\t8\na 1\n", "v.tsv:3: not a word, a tab and a count"),
        (HEADER + "the\tx\n", "v.tsv:2: not a word, a tab and a count"),
        (HEADER + "the\t8\na\t0\n", "v.tsv:3: not a word, a tab and a count"),
        (HEADER + "the\t8\na\t-1\n", "v.tsv:3: not a word, a tab and a count"),
        (HEADER + "the\t99999999999999999999\n", "v.tsv:2: not a word, a tab and a count"),
        (HEADER + "the\t8\nthe\t1\n", "v.tsv: the word 'the' is there twice"),
        (HEADER + "the\t8\na\t2\n", "v.tsv: should hold 9 words in all, but its counts sum to 10"),
        (HEADER.encode() + b"\xff\t8\n", "v.tsv:2: not a word, a tab and a count"),
    ],
)
def test_broken_files(tmp_path: Path, content: str | bytes, message: str) -> None:
    path = tmp_path / "v.tsv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError, match=message):
        Vocabulary.load(path)
    with pytest.raises(InputError, match="no such file"):
        Vocabulary.load(tmp_path / "absent.tsv")


def test_word_that_does_not_fit_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'a\\nb' holds a line end"):
        Vocabulary.from_counts(["a\nb"], [1]).save(tmp_path / "v.tsv")
    assert list(tmp_path.iterdir()) == []
