"""Held-out losses are those of the objectives, pair by pair."""

from __future__ import annotations

import numpy as np
import pytest

from firth.errors import InputError
from firth.learning import objectives
from firth.text.corpus import Corpus
from firth.text.encoded import EncodedCorpus, encode
from firth.vectors import losses
from firth.vectors.cooccurrence import Cooccurrences, count
from firth.vectors.losses import negative_sampling_loss, softmax_loss


def _sentences(n: int, seed: int = 0) -> list[list[str]]:
    rng = np.random.default_rng(seed)
    return [[f"w{int(word)}" for word in 30 * rng.random(rng.integers(1, 12)) ** 2] for _ in range(n)]


@pytest.fixture(scope="module")
def encoded(tmp_path_factory: pytest.TempPathFactory) -> EncodedCorpus:
    return encode(Corpus(_sentences(2_000)), tmp_path_factory.mktemp("corpus"), min_count=1)


@pytest.fixture(scope="module")
def counts(encoded: EncodedCorpus) -> Cooccurrences:
    return count(encoded, window=3)


def _vectors(n: int, dtype: type = np.float64) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    return rng.normal(size=(n, 4)).astype(dtype), rng.normal(size=(n, 4)).astype(dtype)


def _weighted(counts: Cooccurrences, loss) -> float:
    """Return the mean of a loss of pairs, by their weights."""
    total = 0.0
    for c in range(len(counts)):
        row = slice(counts.starts[c], counts.starts[c + 1])
        for o, weight in zip(counts.outsides[row], counts.weights[row], strict=True):
            total += weight * loss(c, int(o))
    return total / counts.pairs


@pytest.mark.parametrize(("dtype", "precision"), [(np.float64, 1e-12), (np.float32, 1e-6)])
def test_softmax_loss_is_the_mean_of_the_objective(
    counts: Cooccurrences, dtype: type, precision: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    V, U = _vectors(len(counts), dtype)
    monkeypatch.setattr(losses, "_BYTES_OF_SCORES", 1_000)  # several blocks
    V64, U64 = V.astype(np.float64), U.astype(np.float64)
    expected = _weighted(counts, lambda c, o: objectives.naive_softmax(V64[c], o, U64)[0])
    assert softmax_loss(V, U, counts) == pytest.approx(expected, rel=precision)
    assert softmax_loss(V, U, counts) > counts.entropy()


@pytest.mark.parametrize(("dtype", "precision"), [(np.float64, 1e-12), (np.float32, 1e-6)])
def test_negative_sampling_loss_is_the_mean_over_all_negatives(
    encoded: EncodedCorpus,
    counts: Cooccurrences,
    dtype: type,
    precision: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    V, U = _vectors(len(counts), dtype)
    monkeypatch.setattr(losses, "_BYTES_OF_SCORES", 1_000)
    noise = encoded.vocabulary.noise_distribution()
    V64, U64 = V.astype(np.float64), U.astype(np.float64)

    def loss(c: int, o: int) -> float:
        alone = objectives.negative_sampling(V64[c], o, [], U64)[0]
        with_each = [objectives.negative_sampling(V64[c], o, [w], U64)[0] - alone for w in range(len(U))]
        return alone + 7 * (noise @ with_each)

    expected = _weighted(counts, loss)
    assert negative_sampling_loss(V, U, counts, noise, 7) == pytest.approx(expected, rel=precision)


def test_vectors_that_know_nothing(encoded: EncodedCorpus, counts: Cooccurrences) -> None:
    zeros = np.zeros((len(counts), 3), np.float32)
    noise = encoded.vocabulary.noise_distribution()
    assert softmax_loss(zeros, zeros, counts) == pytest.approx(np.log(len(counts)))
    assert negative_sampling_loss(zeros, zeros, counts, noise, 5) == pytest.approx(6 * np.log(2))


def test_scores_of_any_size_give_a_finite_loss(encoded: EncodedCorpus, counts: Cooccurrences) -> None:
    V, U = _vectors(len(counts), np.float32)
    noise = encoded.vocabulary.noise_distribution()
    assert 1e5 < softmax_loss(1e3 * V, 1e3 * U, counts) < 1e8
    assert 1e5 < negative_sampling_loss(1e3 * V, 1e3 * U, counts, noise) < 1e8


def test_losses_refuse_what_does_not_fit(encoded: EncodedCorpus, counts: Cooccurrences) -> None:
    V, U = _vectors(len(counts))
    with pytest.raises(InputError, match="row for each of the 30 words"):
        softmax_loss(V[1:], U[1:], counts)
    with pytest.raises(InputError, match="same type"):
        softmax_loss(V.astype(np.float32), U, counts)
    with pytest.raises(InputError, match="noise"):
        negative_sampling_loss(V, U, counts, encoded.vocabulary.noise_distribution()[1:])
    with pytest.raises(InputError, match="finite"):
        softmax_loss(V * np.nan, U, counts)
