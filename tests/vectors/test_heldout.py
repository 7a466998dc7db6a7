"""Held-out losses are those of the objectives, pair by pair; a split keeps every sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from firth.errors import InputError
from firth.learning import objectives
from firth.progress import Progress
from firth.text.corpus import Corpus, EncodedCorpus, encode
from firth.vectors import heldout
from firth.vectors.cooccurrence import Cooccurrences, count
from firth.vectors.exact_softmax import ExactSoftmax
from firth.vectors.heldout import Patience, negative_sampling_loss, perplexity, softmax_loss, split
from firth.vectors.word_vectors import WordVectors


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
    monkeypatch.setattr(heldout, "_MEMORY", 1_000)  # several blocks
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
    monkeypatch.setattr(heldout, "_MEMORY", 1_000)
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


def test_perplexity_of_a_text_from_outside(tmp_path: Path) -> None:
    train, other = _sentences(2_000), _sentences(300, seed=9)
    vectors = ExactSoftmax(dim=4, epochs=6, min_count=1, threads=1).fit(train, progress=Progress())
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


def _cut(ids: np.ndarray) -> list[tuple[int, ...]]:
    """Return the sentences of an encoded text."""
    assert ids[-1] == -1
    return [tuple(part.tolist()) for part in np.split(ids, np.flatnonzero(ids < 0) + 1)[:-1]]


@pytest.mark.parametrize("fraction", [0.1, 0.5])
def test_split_deals_out_whole_sentences(encoded: EncodedCorpus, tmp_path: Path, fraction: float) -> None:
    train, held_out = split(encoded, fraction, tmp_path)
    assert sorted(_cut(train.ids) + _cut(held_out.ids)) == sorted(_cut(encoded.ids))
    assert len(held_out.ids) == pytest.approx(fraction * len(encoded.ids), rel=0.3)
    for part in (train, held_out):
        assert part.vocabulary is encoded.vocabulary
        assert (part.n_kept, part.n_sentences) == ((part.ids >= 0).sum(), (part.ids < 0).sum())
        assert not part.ids.flags.writeable
    assert train.n_words + held_out.n_words == pytest.approx(encoded.n_words, abs=1)
    assert len({encoded.fingerprint, train.fingerprint, held_out.fingerprint}) == 3


def test_split_keeps_neighbours_together_and_depends_on_the_seed(
    encoded: EncodedCorpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heldout, "_COPIED", 7)  # sentences reach over several reads
    held_out = split(encoded, 0.2, tmp_path, seed=3)[1].ids.tobytes()
    monkeypatch.undo()
    assert held_out == split(encoded, 0.2, tmp_path, seed=3)[1].ids.tobytes()
    assert held_out != split(encoded, 0.2, tmp_path, seed=4)[1].ids.tobytes()
    starts = heldout._passages(encoded.ids, 100)
    assert starts[0] == 0 and starts[-1] == len(encoded.ids)
    assert (encoded.ids[starts[1:] - 1] == -1).all()
    assert (np.diff(starts)[:-1] >= 100).all() and np.diff(starts).max() < 120


def test_split_of_long_and_few_sentences(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heldout, "_PASSAGE", 10)
    sentences = [["a", "b"] * 100, ["b", "a"] * 50, ["a"] * 3]
    encoded = encode(Corpus(sentences), tmp_path, min_count=1)
    train, held_out = split(encoded, 0.4, tmp_path)
    assert (train.n_sentences, held_out.n_sentences) == (2, 1)
    for fraction in (0, 1, -0.5, float("nan")):
        with pytest.raises(InputError, match="between 0 and 1"):
            split(encoded, fraction, tmp_path)
    with pytest.raises(InputError, match="too few"):
        split(encode(Corpus([["a", "b"]]), tmp_path, min_count=1), 0.5, tmp_path)


def test_patience() -> None:
    patience = Patience(2)
    assert [patience.update(loss) for loss in (3.0, 2.0, 2.0)] == [True, True, False]
    assert not patience.exhausted
    assert patience.update(1.5)
    assert [patience.update(loss) for loss in (1.6, float("nan"))] == [False, False]
    assert patience.exhausted
    assert patience.best == 1.5
    with pytest.raises(InputError, match="patience"):
        Patience(0)
