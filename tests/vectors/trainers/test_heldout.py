"""Held-out text judges epochs, and changes nothing else; the best vectors are there whatever happens."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import firth
from firth.errors import InputError
from firth.progress import Progress
from firth.text.corpus import Corpus
from firth.text.encoded import EncodedCorpus, encode
from firth.vectors.cooccurrence import count
from firth.vectors.losses import negative_sampling_loss, softmax_loss
from firth.vectors.prediction import perplexity
from firth.vectors.split import split
from firth.vectors.trainers.exact_softmax import ExactSoftmax


def _sentences(n: int, seed: int = 0) -> list[list[str]]:
    rng = np.random.default_rng(seed)
    return [[f"w{int(word)}" for word in 30 * rng.random(rng.integers(1, 12)) ** 2] for _ in range(n)]


@pytest.fixture(scope="module")
def encoded(tmp_path_factory: pytest.TempPathFactory) -> EncodedCorpus:
    return encode(Corpus(_sentences(2_000)), tmp_path_factory.mktemp("corpus"), min_count=1)


class _Display(Progress):
    """Remember what is shown, and break off in the training at some time."""

    def __init__(self, after: int = -1, by_crash: bool = False) -> None:
        self.notes: list[str] = []
        self.shown: list[dict[str, float]] = []
        self.left, self.by_crash = after, by_crash

    def begin(self, stage: str, total: int | None = None, unit: str = "words") -> None:
        self.training = stage.startswith("epoch")

    def advance(self, done: int, **figures: float) -> None:
        self.shown.append(figures)
        self.left -= self.training
        if self.left == -1 and self.training:
            if self.by_crash:
                raise SystemError
            signal.raise_signal(signal.SIGINT)

    def end(self, **figures: float) -> None:
        self.shown.append(figures)

    def note(self, message: str) -> None:
        self.notes.append(message)


def _skipgram(**settings: Any) -> firth.SkipGram:
    settings = {"dim": 8, "epochs": 3, "min_count": 1, "threads": 1, "sample": 0} | settings
    return firth.SkipGram(**settings)


def _softmax(**settings: Any) -> ExactSoftmax:
    return ExactSoftmax(**{"dim": 8, "epochs": 6, "min_count": 1, "threads": 1} | settings)


TRAINERS = pytest.mark.parametrize("trainer", [_skipgram, _softmax])


@TRAINERS
def test_the_held_out_loss_is_that_of_the_vectors(trainer: Callable[..., Any], tmp_path: Path) -> None:
    train, other = _sentences(1_000), _sentences(200, seed=9)
    display = _Display()
    model = trainer()
    vectors = model.fit(train, heldout=[[*sentence, "Unheard"] for sentence in other], progress=display)
    vocabulary = encode(Corpus(train), tmp_path / "a", min_count=1).vocabulary
    counts = count(encode(Corpus(other), tmp_path / "b", vocabulary=vocabulary), 5, model.sample)
    V, U = vectors.matrix, vectors.outside
    if trainer is _softmax:
        expected = softmax_loss(V, U, counts)
        assert perplexity(vectors, other).loss == pytest.approx(expected, rel=1e-6)
    else:
        expected = negative_sampling_loss(V, U, counts, vocabulary.noise_distribution(), model.negative)
    losses = [entry["heldout"] for entry in vectors.history]
    assert len(losses) == model.epochs
    assert losses[-1] == pytest.approx(expected, rel=1e-6)
    assert [figures["heldout"] for figures in display.shown if "heldout" in figures] == losses
    words = sum(map(len, other))
    assert vectors.metadata["heldout"] == {
        "epoch": model.epochs, "loss": losses[-1], "words": words + 200, "known": words,
    }  # fmt: skip
    assert (
        f"held out: {words + 200:,} words, 200 of them are not in the vocabulary and left out"
        in display.notes
    )


@TRAINERS
def test_held_out_text_changes_nothing_but_the_figures(trainer: Callable[..., Any]) -> None:
    train = _sentences(500)
    alone = trainer().fit(train)
    judged = trainer().fit(train, heldout=_sentences(50, seed=3))
    assert judged.matrix.tobytes() == alone.matrix.tobytes()
    assert "heldout" not in alone.metadata and "heldout" not in alone.history[0]


@TRAINERS
def test_a_share_is_held_out_of_the_training(
    trainer: Callable[..., Any], encoded: EncodedCorpus, tmp_path: Path
) -> None:
    display = _Display()
    vectors = trainer(seed=4).fit(_sentences(2_000), heldout=0.1, progress=display)
    train, held_out = split(encoded, 0.1, tmp_path, seed=4)
    assert vectors.metadata["corpus"]["words"] == train.n_words
    assert vectors.metadata["heldout"]["words"] == held_out.n_words
    assert vectors.history[0]["pairs"] == pytest.approx(count(train, 5, trainer().sample).pairs, rel=1e-3)
    assert any(note.startswith(f"held out: {held_out.n_words:,} words, about 0") for note in display.notes)


@TRAINERS
def test_a_share_is_the_same_for_any_number_of_threads(trainer: Callable[..., Any]) -> None:
    more = {"deterministic": True} if trainer is _skipgram else {}
    one, two = (
        trainer(threads=threads, **more).fit(_sentences(500), heldout=0.1, patience=1) for threads in (1, 2)
    )
    assert one.matrix.tobytes() == two.matrix.tobytes()
    assert [e["heldout"] for e in one.history] == [e["heldout"] for e in two.history]


def _overfitting(tmp_path: Path) -> tuple[Path, Path]:
    """Write so few sentences that what is learned of them soon does harm elsewhere."""
    rng = np.random.default_rng(0)
    paths = []
    for name, n in (("train.txt", 200), ("heldout.txt", 200)):
        lines = []
        for _ in range(n):
            subject = "sea" if rng.random() < 0.5 else "hill"
            lines.append(" ".join(f"{subject}{int(k)}" for k in 15 * rng.random(8)))
        paths.append(tmp_path / name)
        paths[-1].write_text("\n".join(lines))
    return paths[0], paths[1]


# Settings with which the held-out loss falls for some epochs, and then rises, for a while at least.
EARLY = pytest.mark.parametrize(
    ("trainer", "settings"), [(_skipgram, {"epochs": 30, "lr": 0.05}), (_softmax, {"epochs": None})]
)


@EARLY
def test_early_stopping_keeps_the_vectors_of_the_best_epoch(
    trainer: Callable[..., Any], settings: dict[str, Any], tmp_path: Path
) -> None:
    train, other = _overfitting(tmp_path)
    display = _Display()
    vectors = trainer(**settings).fit(train, heldout=other, patience=3, progress=display)
    losses = [entry["heldout"] for entry in vectors.history]
    best = int(np.argmin(losses)) + 1
    assert 1 < best == len(losses) - 3
    assert vectors.metadata["heldout"]["epoch"] == best
    assert vectors.metadata["heldout"]["loss"] == losses[best - 1] == min(losses)
    assert f"stopped early, after epoch {len(losses)}: these are the vectors of epoch {best}" in " ".join(
        display.notes
    )
    if trainer is _softmax:
        assert perplexity(vectors, other).loss == pytest.approx(losses[best - 1], rel=1e-6)
        assert perplexity(vectors, train).loss == pytest.approx(vectors.metadata["loss"], rel=1e-6)
    whole = trainer(**settings).fit(train, heldout=other)
    assert [entry["heldout"] for entry in whole.history][: len(losses)] == losses
    assert len(whole.history) > len(losses)
    assert whole.metadata["heldout"]["epoch"] == len(whole.history), "without patience, the last one"
    assert whole.matrix.tobytes() != vectors.matrix.tobytes()


@pytest.mark.parametrize("by_crash", [False, True])
@pytest.mark.parametrize("share", [None, 0.5])
@EARLY
def test_after_a_break_it_stops_at_the_same_epoch_with_the_same_bits(
    trainer: Callable[..., Any],
    settings: dict[str, Any],
    share: float | None,
    by_crash: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    train, other = _overfitting(tmp_path)
    heldout = other if share is None else share
    model = trainer(**settings)
    whole = model.fit(train, heldout=heldout, patience=2)
    folder = tmp_path / "checkpoints"
    if by_crash:
        monkeypatch.setattr("firth.runs.checkpoints._SECONDS_BETWEEN", 0)
    breaks = 0
    # The skip-gram trainer reports once an epoch of so short a text, and after a crash in it does it again.
    for after in (0, *[int(by_crash)] * 3, 40, 90, 10_000):
        display = _Display(after, by_crash)
        try:
            again = model.fit(
                train, heldout=heldout, patience=2, checkpoint_dir=folder, resume=True, progress=display
            )
        except (KeyboardInterrupt, SystemError):
            breaks += 1
    assert breaks >= 4
    assert again.matrix.tobytes() == whole.matrix.tobytes()
    assert again.outside.tobytes() == whole.outside.tobytes()
    for name in ("loss", "heldout"):
        assert [e[name] for e in again.history] == [e[name] for e in whole.history]
    assert again.metadata["heldout"] == whole.metadata["heldout"]
    kept = [path.name for path in (folder / "firth-work").glob("best-*")]
    assert kept == [f"best-{whole.metadata['heldout']['epoch']}.safetensors"]

    resume = {"checkpoint_dir": folder, "resume": True}
    other_text = tmp_path / "more.txt"
    other_text.write_text("w1 w2 w3")
    with pytest.raises(InputError, match="made with another held-out text"):
        model.fit(train, heldout=other_text, patience=2, **resume)
    with pytest.raises(InputError, match="made with patience = 2"):
        model.fit(train, heldout=heldout, patience=3, **resume)
    (folder / "firth-work" / kept[0]).unlink()
    with pytest.raises(InputError, match=r"best-\d+\.safetensors: is missing"):
        model.fit(train, heldout=heldout, patience=2, **resume)


def test_the_best_vectors_are_there_whenever_the_process_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between any two steps that change the folder, its checkpoint has the vectors that it calls the best."""
    train, other = _overfitting(tmp_path)
    model = _softmax(epochs=None)
    whole = model.fit(train, heldout=other, patience=2)
    for name in ("firth.vectors.trainers.best.save_arrays", "firth.runs.checkpoints.save_arrays", "unlink"):
        for calls in range(1, 4):
            folder = tmp_path / f"{name}-{calls}"
            with monkeypatch.context() as patch:
                _die_after(patch, name, calls)
                with pytest.raises(SystemError):
                    model.fit(train, heldout=other, patience=2, checkpoint_dir=folder)
            again = model.fit(train, heldout=other, patience=2, checkpoint_dir=folder, resume=True)
            assert again.matrix.tobytes() == whole.matrix.tobytes()


def _die_after(patch: pytest.MonkeyPatch, name: str, calls: int) -> None:
    """Let a function end the training right after some calls of it."""
    owner, attribute = (
        (Path, name) if name == "unlink" else (sys.modules[name.rsplit(".", 1)[0]], "save_arrays")
    )
    real = getattr(owner, attribute)
    left = [calls]

    def function(*arguments: Any, **options: Any) -> None:
        real(*arguments, **options)
        # Other files come and go too.
        left[0] -= name != "unlink" or arguments[0].name.startswith("best-")
        if left[0] == 0:
            raise SystemError

    patch.setattr(owner, attribute, function)


@TRAINERS
def test_what_cannot_be_held_out(trainer: Callable[..., Any], tmp_path: Path) -> None:
    train, other = _overfitting(tmp_path)
    (tmp_path / "unknown.txt").write_text("nobody knows these")
    (tmp_path / "single.txt").write_text("sea1\nsea2\n")
    (tmp_path / "link.txt").symlink_to(train)
    model = trainer()
    for text, message in (
        (0.0, "between 0 and 1"),
        (1, "between 0 and 1"),
        (float("nan"), "between 0 and 1"),
        (tmp_path / "absent.txt", r"absent\.txt: no such file"),
        (tmp_path / "unknown.txt", r"held-out text, .*unknown\.txt: none of the 3 words"),
        (tmp_path / "single.txt", r"held-out text, .*single\.txt, has no pairs"),
        (tmp_path / "link.txt", "is part of the corpus, so it cannot be held out"),
        ([other, train], r"train\.txt: is part of the corpus"),
    ):
        with pytest.raises(InputError, match=message):
            model.fit(train, heldout=text)
    with pytest.raises(InputError, match="patience needs a held-out text"):
        model.fit(train, patience=2)
    for patience in (0, 1.5, -1):
        with pytest.raises(InputError, match="patience must be a whole number"):
            model.fit(train, heldout=0.1, patience=patience)
