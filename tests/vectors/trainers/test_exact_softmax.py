"""The exact softmax: its gradients and its minimum are those of the objective; it repeats to the bit."""

from __future__ import annotations

import itertools
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import firth
from firth.errors import InputError
from firth.learning import objectives
from firth.progress import Progress
from firth.text.corpus import Corpus
from firth.text.encoded import encode
from firth.vectors.cooccurrence import count
from firth.vectors.losses import softmax_loss
from firth.vectors.trainers import exact_softmax, softmax
from firth.vectors.trainers import trainer as trainer_module
from firth.vectors.trainers.exact_softmax import ExactSoftmax


def _sentences(n: int = 1_500, seed: int = 0) -> list[list[str]]:
    """Sentences about one of two subjects, with function words in both."""
    rng = np.random.default_rng(seed)
    subjects = [[f"{name}{k}" for k in range(10)] for name in ("sea", "hill")]
    sentences = []
    for _ in range(n):
        words = [*rng.choice(subjects[rng.integers(2)], 8), *rng.choice(["the", "of", "and"], 4)]
        rng.shuffle(words)
        sentences.append(words)
    return sentences


def _fit(corpus=None, **settings) -> firth.WordVectors:
    settings = {"dim": 12, "min_count": 1, "epochs": 4, "threads": 1} | settings
    model = ExactSoftmax(**settings)
    return model.fit(_sentences() if corpus is None else corpus)


def test_words_of_one_subject_become_neighbours() -> None:
    vectors = _fit(epochs=20, sample=0)
    for word in ("sea3", "hill7"):
        subject = word[:-1]
        assert all(near.startswith(subject) for near, _ in vectors.most_similar(word, topn=9))


def test_reaches_the_minimum_of_per_pair_gradient_descent(tmp_path: Path) -> None:
    """Descend on the per-pair objective itself, all pairs at a time, far too slowly for more than 6 words."""
    rng = np.random.default_rng(0)
    sentences = [[f"w{w}" for w in rng.choice(6, 5, p=[0.3, 0.25, 0.2, 0.1, 0.1, 0.05])] for _ in range(40)]
    encoded = encode(Corpus(sentences), tmp_path, min_count=1)
    counts = count(encoded, window=1, sample=0)  # all weights are whole numbers: plain pairs
    pairs = []
    for sentence in sentences:
        ids = [encoded.vocabulary.index(word) for word in sentence]
        for left, right in itertools.pairwise(ids):
            pairs += [(left, right), (right, left)]
    assert len(pairs) == counts.pairs
    by_center = [[o for c, o in pairs if c == center] for center in range(6)]

    for dim in (2, 5):
        V, U = rng.normal(size=(6, dim)), rng.normal(size=(6, dim))
        for _ in range(1_000):
            loss, grad_V, grad_U = 0.0, np.zeros_like(V), np.zeros_like(U)
            for center, outsides in enumerate(by_center):
                each = objectives.skip_gram(center, outsides, V, U)
                loss, grad_V, grad_U = loss + each[0], grad_V + each[1], grad_U + each[2]
            V -= 3 * grad_V / len(pairs)
            U -= 3 * grad_U / len(pairs)
        plain = loss / len(pairs)
        vectors = _fit(sentences, dim=dim, window=1, sample=0, epochs=300)
        exact = vectors.metadata["loss"]
        assert exact == pytest.approx(plain, abs=2e-4)
        entropy = counts.entropy()
        assert min(plain, exact) >= entropy - 1e-7
        if dim == 5:  # as many free scores as there are words to predict: nothing stands in the way
            assert exact == pytest.approx(entropy, abs=2e-4)
        else:
            assert exact > entropy + 0.01


def test_errors_are_the_gradients_of_the_objective(tmp_path: Path) -> None:
    counts = count(encode(Corpus(_sentences(50)), tmp_path, min_count=1), window=2, sample=0)
    n = len(counts)
    rng = np.random.default_rng(0)
    V, U = rng.normal(size=(2, n, 5)).astype(np.float32)
    centers = np.array([7, 0, 12])
    errors = V[centers] @ U.T
    loss = softmax._softmax_errors(errors, centers, counts)
    expected_loss, grad_V, grad_U = 0.0, np.zeros((n, 5)), np.zeros((n, 5))
    for c in centers:
        row = slice(counts.starts[c], counts.starts[c + 1])
        for o, weight in zip(counts.outsides[row], counts.weights[row], strict=True):
            each = objectives.naive_softmax(V[c].astype(float), int(o), U.astype(float))
            expected_loss += weight * each[0]
            grad_V[c] += weight * each[1]
            grad_U += weight * each[2]
    assert loss == pytest.approx(expected_loss, rel=1e-6)
    np.testing.assert_allclose(errors @ U, grad_V[centers], rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(errors.T @ V[centers], grad_U, rtol=1e-4, atol=1e-3)


def test_begins_with_the_frequencies_and_their_entropy(tmp_path: Path) -> None:
    counts = count(encode(Corpus(_sentences()), tmp_path, min_count=1))
    frequencies = counts.totals / counts.pairs
    history = _fit(epochs=1, lr=1e-12).history
    assert history[0]["loss"] == pytest.approx(-frequencies @ np.log(frequencies), rel=1e-4)
    assert history[0]["pairs"] == pytest.approx(counts.pairs)
    assert history[0]["words"] == 18_000


def test_history_and_metadata_have_the_exact_loss(tmp_path: Path) -> None:
    vectors = _fit(epochs=9)
    losses = [epoch["loss"] for epoch in vectors.history]
    assert losses == sorted(losses, reverse=True)
    counts = count(encode(Corpus(_sentences()), tmp_path, min_count=1))
    loss = softmax_loss(vectors.matrix.astype(float), vectors.outside.astype(float), counts)
    assert vectors.metadata["loss"] == pytest.approx(loss, rel=1e-6)
    assert vectors.metadata["loss"] < losses[-1]
    assert vectors.metadata["perplexity"] == pytest.approx(np.exp(loss), rel=1e-5)
    assert vectors.metadata["objective"] == "softmax"
    vectors.save(tmp_path / "x.safetensors")
    again = firth.load_vectors(tmp_path / "x.safetensors")
    np.testing.assert_array_equal(again.outside, vectors.outside)


def test_learning_rate_is_level_for_a_third_and_then_falls() -> None:
    rates = [epoch["lr"] for epoch in _fit(epochs=6, lr=0.2).history]  # each at the end of its epoch
    np.testing.assert_allclose(rates, [0.2, 0.2, 0.15, 0.1, 0.05, 0], atol=1e-12)


def test_by_itself_it_trains_until_it_converges() -> None:
    vectors = _fit(epochs=None)
    losses = [epoch["loss"] for epoch in vectors.history]
    third = len(losses) // 3
    assert len(losses) == 3 * third
    gains = -np.diff(losses) / losses[0]
    assert (gains[: third - 2] > 1e-4).all() and gains[third - 2] <= 1e-4
    assert vectors.history[-1]["lr"] == 0
    longer = _fit(epochs=4 * len(losses))
    assert vectors.metadata["loss"] == pytest.approx(longer.metadata["loss"], rel=2e-3)


def test_a_seed_gives_the_same_bits_for_any_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(softmax, "_FEWEST_MINIBATCHES", 3)
    monkeypatch.setattr(softmax, "_CENTERS_AT_A_TIME", 2)  # several pieces, to be shared out
    monkeypatch.setattr(softmax, "_OUTSIDES_AT_A_TIME", 4)
    one, two, three = (_fit(seed=5, threads=threads) for threads in (1, 2, 3))
    for vectors in (two, three):
        assert vectors.matrix.tobytes() == one.matrix.tobytes()
        assert vectors.outside.tobytes() == one.outside.tobytes()
        assert [e["loss"] for e in vectors.history] == [e["loss"] for e in one.history]
    assert _fit(seed=6).matrix.tobytes() != one.matrix.tobytes()


@pytest.mark.parametrize("n", [1, 39, 40, 41, 1_000, 20_000, 100_000])
def test_minibatches_are_alike_and_bounded(n: int) -> None:
    batches = softmax._number_of_minibatches(n)
    words = softmax._deal_into_minibatches(n, batches, np.random.default_rng(0))
    np.testing.assert_array_equal(np.sort(words), np.arange(n))
    bounds = np.arange(batches + 1) * n // batches
    sizes = np.diff(bounds)
    assert sizes.min() >= 1 and sizes.max() - sizes.min() <= 1
    assert sizes.max() * n * 4 <= softmax._BYTES_OF_SCORES + 4 * n
    frequent = np.add.reduceat(words < n // 10, bounds[:-1])  # of each minibatch
    assert frequent.max() <= -(-n // 10 // batches) + 2


def test_too_many_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact_softmax, "_MOST_WORDS", 22)
    with pytest.raises(InputError, match=r"23 words are too many.*--max-vocab"):
        _fit()
    assert len(_fit(max_vocab=22)) == 22


def test_nothing_to_learn_from() -> None:
    with pytest.raises(InputError, match="beside it"):
        _fit([["alone"], ["here"]] * 5)


def test_divergence_is_an_error() -> None:
    with pytest.raises(InputError, match="diverged in epoch 1: lower the learning rate, which was 1000"):
        _fit(lr=1_000)


class _Stop(Progress):
    """Break off after some minibatches."""

    def __init__(self, after: int, by_crash: bool) -> None:
        self.left, self.by_crash = after, by_crash

    def begin(self, stage: str, total: int | None = None, unit: str = "words") -> None:
        self.training = stage.startswith("epoch")

    def advance(self, done: int, **figures: float) -> None:
        self.left -= self.training
        if self.left == -1:
            if self.by_crash:
                raise SystemError
            signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("by_crash", [False, True])
@pytest.mark.parametrize("epochs", [5, None])
def test_after_a_break_training_goes_on_to_the_same_bits(
    tmp_path: Path, by_crash: bool, epochs: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C saves a checkpoint; after a crash there is the last one that was due."""
    monkeypatch.setattr(trainer_module, "_SECONDS_BETWEEN_LOOKS", 0)  # one minibatch at a time
    corpus = tmp_path / "text.txt"
    corpus.write_text("\n".join(" ".join(s) for s in _sentences(300)))
    model = ExactSoftmax(dim=6, min_count=1, epochs=epochs, lr=0.3, threads=1)
    whole = model.fit(corpus)
    folder = tmp_path / "checkpoints"
    if by_crash:
        monkeypatch.setattr("firth.runs.checkpoints._SECONDS_BETWEEN", 0)
    breaks = 0
    for after in (0, 22, 23, 40, 10_000):
        try:
            again = model.fit(corpus, checkpoint_dir=folder, resume=True, progress=_Stop(after, by_crash))
        except (KeyboardInterrupt, SystemError):
            breaks += 1
    assert breaks == 4
    assert again.matrix.tobytes() == whole.matrix.tobytes()
    assert again.outside.tobytes() == whole.outside.tobytes()
    assert [e["loss"] for e in again.history] == [e["loss"] for e in whole.history]


def test_checkpoints_are_not_overwritten_or_mixed_up(tmp_path: Path) -> None:
    corpus = tmp_path / "text.txt"
    corpus.write_text("\n".join(" ".join(s) for s in _sentences(200)))
    folder = tmp_path / "c"
    model = ExactSoftmax(dim=4, epochs=1, threads=1)
    whole = model.fit(corpus, checkpoint_dir=folder)
    with pytest.raises(InputError, match="holds checkpoints of a training: resume it"):
        model.fit(corpus, checkpoint_dir=folder)
    for other, what in (
        (ExactSoftmax(dim=4, epochs=1, window=4, threads=1), "window = 5"),
        (firth.SkipGram(dim=4, epochs=1, threads=1), "objective = 'softmax'"),
    ):
        with pytest.raises(InputError, match=what):
            other.fit(corpus, checkpoint_dir=folder, resume=True)
    again = model.fit(corpus, checkpoint_dir=folder, resume=True)
    assert again.matrix.tobytes() == whole.matrix.tobytes()
    corpus.write_text("other words here " * 50)
    with pytest.raises(InputError, match="of another corpus"):
        model.fit(corpus, checkpoint_dir=folder, resume=True)
    with pytest.raises(InputError, match="checkpoint_dir"):
        model.fit(corpus, resume=True)
    skipgram = tmp_path / "s"
    firth.SkipGram(dim=4, epochs=1, threads=1, negative=2).fit(corpus, checkpoint_dir=skipgram)
    with pytest.raises(InputError, match="objective = 'negative-sampling'"):
        model.fit(corpus, checkpoint_dir=skipgram, resume=True)


def test_importing_it_does_not_load_numba() -> None:
    program = (
        "import sys, firth, firth.vectors.split, firth.vectors.prediction; "
        "firth.ExactSoftmax(); firth.SkipGram(); sys.exit('numba' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_on_real_text_it_converges(shared_data: Path) -> None:
    import lzma

    with lzma.open(shared_data / "corpus" / "enwiki.txt.xz", "rt", encoding="utf-8") as file:
        lines = [next(file) for _ in range(1_500)]
    text = iter(lines)
    vectors = ExactSoftmax(dim=20, max_vocab=500, threads=2).fit(text)
    losses = [epoch["loss"] for epoch in vectors.history]
    assert losses[-1] < losses[0] - 0.2
