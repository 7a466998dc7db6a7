"""Perplexity of a text by finished vectors: read and weighed as in training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from firth import ExactSoftmax
from firth.errors import InputError
from firth.vectors.prediction import perplexity
from firth.vectors.word_vectors import WordVectors


def _sentences(n: int, seed: int = 0) -> list[list[str]]:
    rng = np.random.default_rng(seed)
    return [[f"w{int(word)}" for word in 30 * rng.random(rng.integers(1, 12)) ** 2] for _ in range(n)]


def test_perplexity_of_a_text_from_outside(tmp_path: Path) -> None:
    train, other = _sentences(2_000), _sentences(300, seed=9)
    vectors = ExactSoftmax(dim=4, epochs=6, min_count=1, threads=1).fit(train)
    result = perplexity(vectors, train)
    assert result.loss == pytest.approx(vectors.metadata["loss"], rel=1e-9)
    assert result.perplexity == pytest.approx(np.exp(result.loss))
    assert result.coverage == 100

    text = tmp_path / "other.txt"
    text.write_text("\n".join(" ".join([*sentence, "Unheard"]) for sentence in other))
    from_file = perplexity(vectors, text)
    assert from_file.loss == pytest.approx(perplexity(vectors, other).loss)
    assert (from_file.words - from_file.known, from_file.words) == (300, sum(map(len, other)) + 300)
    assert from_file.coverage == pytest.approx(100 * from_file.known / from_file.words)
    assert perplexity(vectors, other, window=1, sample=0).loss != pytest.approx(from_file.loss, rel=1e-3)


def test_perplexity_says_what_is_missing() -> None:
    words, matrix = ["tea", "milk"], np.eye(2)
    with pytest.raises(InputError, match="no outside vectors"):
        perplexity(WordVectors(words, matrix), [words])
    bare = WordVectors(words, matrix, outside=matrix)
    with pytest.raises(InputError, match="set sample to 0"):
        perplexity(bare, [words])
    assert perplexity(bare, [words], sample=0).pairs == 2
    with pytest.raises(InputError, match="no pairs"):
        perplexity(bare, [["tea"], ["milk"]], sample=0)
    with pytest.raises(InputError, match="none of the 2 words"):
        perplexity(bare, [["coffee", "water"]], sample=0)


def test_perplexity_reads_and_weighs_text_as_in_training() -> None:
    train, other = _sentences(500), [list(map(str.upper, s)) for s in _sentences(100, seed=9)]
    vectors = ExactSoftmax(dim=8, epochs=6, min_count=1, threads=1, window=2, sample=0, lowercase=False).fit(
        [*train, *other]
    )
    assert perplexity(vectors, other).loss == perplexity(vectors, other, window=2, sample=0).loss
    assert perplexity(vectors, other).loss != perplexity(vectors, other, window=5).loss
    assert perplexity(vectors, other, threads=3) == perplexity(vectors, other)
    assert "W1" in vectors and perplexity(vectors, other).coverage == 100


def test_perplexity_of_vectors_that_are_far_off_is_infinite() -> None:
    far = WordVectors(["tea", "milk"], np.diag([1e3, 1e3]), outside=np.diag([1e3, 1e3]))
    assert perplexity(far, [["tea", "milk"]], sample=0).perplexity == np.inf
