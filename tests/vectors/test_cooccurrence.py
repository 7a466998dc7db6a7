"""Counting pairs: exactly what negative sampling sees on average, for any text and any number of threads."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from firth import SkipGram
from firth.progress import Progress
from firth.text.corpus import Corpus
from firth.text.encoded import EncodedCorpus, encode
from firth.text.vocabulary import Vocabulary
from firth.vectors import cooccurrence
from firth.vectors.cooccurrence import Cooccurrences, count


def _encoded(ids: list[int], counts: list[int]) -> EncodedCorpus:
    """Stand for a corpus of these numbers, with a vocabulary that need not be that of the text."""
    words = [f"w{k}" for k in range(len(counts))]
    vocabulary = Vocabulary(words, np.array(counts), sum(counts))
    kept = sum(word >= 0 for word in ids)
    return EncodedCorpus(vocabulary, np.array(ids, np.int32), kept, kept, len(ids) - kept, "")


def _dense(pairs: Cooccurrences) -> np.ndarray:
    dense = np.zeros((len(pairs), len(pairs)))
    for c in range(len(pairs)):
        row = slice(pairs.starts[c], pairs.starts[c + 1])
        assert (np.diff(pairs.outsides[row]) > 0).all()
        dense[c, pairs.outsides[row]] = pairs.weights[row]
    return dense


def _random_text(seed: int, n: int, words: int) -> list[int]:
    rng = np.random.default_rng(seed)
    ids = rng.integers(0, words, n)
    ids[rng.random(n) < 0.15] = -1
    return [*ids.tolist(), -1]


def test_pairs_weigh_less_with_distance_and_end_with_the_sentence() -> None:
    dense = _dense(count(_encoded([0, 1, 2, 3, -1, 3, 1, -1], [2, 2, 2, 2]), window=2, sample=0))
    expected = np.zeros((4, 4))
    for a, b, weight in ((0, 1, 1), (1, 2, 1), (2, 3, 1), (0, 2, 0.5), (1, 3, 0.5), (3, 1, 1)):
        expected[a, b] += weight
        expected[b, a] += weight
    np.testing.assert_array_equal(dense, expected)


@pytest.mark.parametrize("window", [1, 2, 4])
def test_is_the_mean_over_everything_that_subsampling_may_drop(window: int) -> None:
    ids = [0, 3, 0, 1, 0, 2, 0, 0, 3, -1, 1, 0, 2, -1]
    encoded = _encoded(ids, [600, 60, 30, 2])
    keep = encoded.vocabulary.keep_probabilities(0.01).astype(np.float64)
    assert keep.min() < 0.2 and keep.max() == 1
    places = [place for place, word in enumerate(ids) if word >= 0]
    expected = np.zeros((4, 4))
    for outcome in itertools.product([False, True], repeat=len(places)):
        kept = dict(zip(places, outcome, strict=True))
        probability = np.prod([keep[ids[p]] if kept[p] else 1 - keep[ids[p]] for p in places])
        left = [word for place, word in enumerate(ids) if word < 0 or kept[place]]
        for p, q in itertools.permutations(range(len(left)), 2):
            between = left[min(p, q) : max(p, q) + 1]
            if min(between) >= 0 and len(between) - 1 <= window:
                expected[left[p], left[q]] += probability * (window - len(between) + 2) / window
    np.testing.assert_allclose(_dense(count(encoded, window, 0.01)), expected, rtol=1e-6)


def test_negative_sampling_sees_as_many_pairs(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    sentences = [
        [f"w{int(word)}" for word in 40 * rng.random(rng.integers(1, 30)) ** 3] for _ in range(2_000)
    ]
    encoded = encode(Corpus(sentences), tmp_path, min_count=1)
    pairs = count(encoded, window=3, sample=0.01).pairs
    model = SkipGram(dim=4, window=3, epochs=3, min_count=1, sample=0.01, threads=1)
    history = model.fit(sentences, progress=Progress()).history
    assert np.mean([epoch["pairs"] for epoch in history]) == pytest.approx(pairs, rel=0.01)


def test_neither_threads_nor_memory_change_a_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    encoded = _encoded(_random_text(0, 3_000, 50), list(range(60, 10, -1)))
    whole = count(encoded)
    np.testing.assert_array_equal(_dense(whole), _dense(whole).T)
    monkeypatch.setattr(cooccurrence, "_BYTES_OF_ROWS", 8 * 50 * 3)
    monkeypatch.setattr(cooccurrence, "_FEWEST_ROWS", 1)
    for threads in (1, 2, 7):
        parts = count(encoded, threads=threads)
        for name in ("starts", "outsides", "weights"):
            np.testing.assert_array_equal(getattr(parts, name), getattr(whole, name))


def test_frequent_pairs_are_counted_to_the_last_one() -> None:
    # 20 million tenths: in float32 additions would stop having an effect long before.
    n = 500_000
    pairs = count(_encoded([0, 1] * n + [-1], [n, n]), window=10, sample=0)
    expected = sum((2 * n - j) * (11 - j) / 10 for j in range(1, 11, 2))
    np.testing.assert_allclose(_dense(pairs)[0, 1], expected, rtol=1e-7)


def test_figures_of_the_matrix() -> None:
    # Word 1 has no pairs at all, word 3 is always beside word 0.
    pairs = count(_encoded([0, 2, -1, 0, 3, -1, 1, -1], [9, 8, 7, 6]), sample=0)
    np.testing.assert_array_equal(pairs.totals, [2, 0, 1, 1])
    assert pairs.pairs == 4
    assert pairs.entropy() == pytest.approx(np.log(2) / 2)  # two pairs of four begin with word 0
    scores = np.arange(8.0).reshape(2, 4)
    assert pairs.dot(np.array([3, 0]), scores) == scores[0, 0] + scores[1, 2] + scores[1, 3]
    predicted = np.ones((2, 4), np.float32)
    pairs.subtract_from(predicted, np.array([3, 1]))
    np.testing.assert_array_equal(predicted, [[0, 1, 1, 1], [1, 1, 1, 1]])


def test_a_text_without_pairs() -> None:
    pairs = count(_encoded([0, -1, 1, -1], [1, 1]))
    assert len(pairs) == 2
    assert pairs.pairs == 0


def test_runs_uncompiled() -> None:
    program = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_cooccurrence import _dense, _encoded, _random_text, count
print(_dense(count(_encoded(_random_text(1, 200, 5), [90, 50, 9, 5, 1]), 3, 0.05)).tolist())
"""
    environment = {**os.environ, "PYTHONWARNINGS": "error::RuntimeWarning"}
    compiled, plain = (
        subprocess.run(
            [sys.executable, "-c", program],
            env=environment | {"NUMBA_DISABLE_JIT": disabled},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for disabled in "01"
    )
    np.testing.assert_allclose(np.array(eval(plain)), np.array(eval(compiled)), rtol=1e-6)
