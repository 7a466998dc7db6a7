"""Training that is interrupted and resumed, and what it keeps."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firth.classification import training
from firth.classification.classifier import PhraseClassifier
from firth.errors import InputError
from firth.files.arrays_file import load_arrays, save_arrays
from firth.progress import Progress
from firth.runs.checkpoints import Checkpoints
from firth.vectors.word_vectors import WordVectors

# Few epochs are enough to compare bits; that the loss hardly fell is told in test_doubts.py.
pytestmark = pytest.mark.filterwarnings("ignore:the loss hardly fell")

WORDS = ["good", "fine", "bad", "awful", "the", "film", "plot", "of", "a"]


def make_texts(n: int, seed: int) -> tuple[list[str], list[str]]:
    random = np.random.default_rng(seed)
    texts = [" ".join(random.choice(WORDS, 5)) for _ in range(n)]
    return texts, ["yes" if text.count("good") > text.count("bad") else "no" for text in texts]


TEXTS, LABELS = make_texts(150, 1)
DEV = make_texts(60, 2)
VECTORS = WordVectors(WORDS, np.random.default_rng(3).normal(size=(len(WORDS), 6)))


class InterruptsAfter(Progress):
    """Presses Ctrl-C at the end of an epoch."""

    def __init__(self, epoch: int) -> None:
        self._left = epoch

    def advance(self, done: int, **figures: float) -> None:
        self._left -= 1
        if self._left == 0:
            signal.raise_signal(signal.SIGINT)


def model(**parameters: Any) -> PhraseClassifier:
    return PhraseClassifier(**{"dim": 8, "epochs": 6} | parameters)


@pytest.fixture
def always_due(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Checkpoints, "due", True)


def interrupt(fitted: PhraseClassifier, folder: Path, epoch: int, **more: Any) -> None:
    with pytest.raises(KeyboardInterrupt):
        fitted.fit(TEXTS, LABELS, checkpoint_dir=folder, progress=InterruptsAfter(epoch), **more)


def without_seconds(history: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in entry.items() if name != "seconds"} for entry in history]


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"dropout": 0.3, "batch_size": 4},
        {"optimizer": "adam", "bigrams": True, "dropout": 0.1},
        {"patience": 2, "epochs": 30, "lr": 1.0},
        {"vectors": VECTORS, "fine_tune": False, "optimizer": "adam", "end_of_phrase": False},
        {"class_weight": {"no": 2.0}, "weighting": "sif"},
    ],
    ids=str,
)
@pytest.mark.parametrize("dev", [None, DEV], ids=["alone", "with dev texts"])
@pytest.mark.usefixtures("always_due")
def test_resumed_training_ends_with_the_same_bits(
    parameters: dict[str, Any], dev: Any, tmp_path: Path
) -> None:
    uninterrupted = model(**parameters).fit(TEXTS, LABELS, dev=dev)
    for epoch in (1, 2):
        folder = tmp_path / str(epoch)
        interrupt(model(**parameters), folder, epoch, dev=dev)
        resumed = model(**parameters).fit(TEXTS, LABELS, dev=dev, checkpoint_dir=folder, resume=True)
        for array, expected in zip(resumed._parameters, uninterrupted._parameters, strict=True):
            np.testing.assert_array_equal(array, expected)
        assert without_seconds(resumed.history_) == without_seconds(uninterrupted.history_)
        assert resumed.best_epoch_ == uninterrupted.best_epoch_


@pytest.mark.usefixtures("always_due")
def test_a_complete_training_is_found_again(tmp_path: Path) -> None:
    fitted = model().fit(TEXTS, LABELS, dev=DEV, checkpoint_dir=tmp_path)
    again = model().fit(TEXTS, LABELS, dev=DEV, checkpoint_dir=tmp_path, resume=True)
    assert again.history_ == fitted.history_  # the seconds too: nothing was trained
    np.testing.assert_array_equal(again.predict_proba(TEXTS), fitted.predict_proba(TEXTS))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lr": 0.2}, "was made with lr = None, not 0.2"),
        ({"seed": 2}, "with seed = 1, not 2"),
        ({"class_weight": "balanced"}, "with class_weight = None, not 'balanced'"),
        ({"vectors": VECTORS}, "from other data"),
        ({"X": ["new words", *TEXTS[1:]]}, "from other data"),
        ({"y": [*LABELS[::-1]]}, "from other data"),
        ({"dev": (DEV[0], DEV[1][::-1])}, "from other data"),
        ({"dev": None}, "from other data"),
    ],
    ids=str,
)
@pytest.mark.usefixtures("always_due")
def test_foreign_checkpoints_are_refused(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    interrupt(model(), tmp_path, 1, dev=DEV)
    given = {"X": TEXTS, "y": LABELS, "dev": DEV}
    parameters = {name: value for name, value in change.items() if name not in given}
    given |= {name: value for name, value in change.items() if name in given}
    with pytest.raises(InputError, match=message):
        model(**parameters).fit(**given, checkpoint_dir=tmp_path, resume=True)


@pytest.mark.usefixtures("always_due")
def test_checkpoints_need_resume_and_any_number_of_threads(tmp_path: Path) -> None:
    interrupt(model(), tmp_path, 2)
    with pytest.raises(InputError, match="holds checkpoints of a training"):
        model().fit(TEXTS, LABELS, checkpoint_dir=tmp_path)
    assert len(model(threads=2).fit(TEXTS, LABELS, checkpoint_dir=tmp_path, resume=True).history_) == 6
    with pytest.raises(InputError, match="name the folder of the checkpoints"):
        model().fit(TEXTS, LABELS, resume=True)


def test_a_finished_training_is_kept(tmp_path: Path) -> None:
    finished = model().fit(TEXTS, LABELS, checkpoint_dir=tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["firth-classifier-training.checkpoint"]
    again = model().fit(TEXTS, LABELS, checkpoint_dir=tmp_path, resume=True)
    assert again.history_ == finished.history_  # with the same seconds: nothing was trained


def test_a_checkpoint_is_saved_after_ctrl_c(tmp_path: Path) -> None:
    interrupt(model(), tmp_path, 2)
    assert [file.name for file in tmp_path.iterdir()] == ["firth-classifier-training.checkpoint"]


class PowerCutError(Exception):
    """Stands for an end that the program does not see coming."""


@pytest.mark.parametrize("parameters", [{"optimizer": "adam", "dropout": 0.2}, {"patience": 3}], ids=str)
@pytest.mark.usefixtures("always_due")
def test_training_goes_on_in_the_middle_of_an_epoch(
    parameters: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "_BLOCK_WORDS", 100)
    uninterrupted = model(**parameters).fit(TEXTS, LABELS)
    save, left = Checkpoints.save, [12]  # of 9 blocks in an epoch

    def save_until_the_power_is_cut(*arguments: Any) -> None:
        save(*arguments)
        left[0] -= 1
        if left[0] == 0:
            raise PowerCutError

    monkeypatch.setattr(Checkpoints, "save", save_until_the_power_is_cut)
    with pytest.raises(PowerCutError):
        model(**parameters).fit(TEXTS, LABELS, checkpoint_dir=tmp_path)
    position = load_arrays(tmp_path / "firth-classifier-training.checkpoint")[1]["state"]["position"]
    assert 0 < len(position["blocks"]) < 9
    monkeypatch.setattr(training, "_BLOCK_WORDS", 1000)  # the blocks of the checkpoint count
    resumed = model(**parameters).fit(TEXTS, LABELS, checkpoint_dir=tmp_path, resume=True)
    for array, expected in zip(resumed._parameters, uninterrupted._parameters, strict=True):
        np.testing.assert_array_equal(array, expected)
    assert without_seconds(resumed.history_) == without_seconds(uninterrupted.history_)


@pytest.mark.usefixtures("always_due")
def test_a_checkpoint_of_other_sizes_is_refused(tmp_path: Path) -> None:
    interrupt(model(), tmp_path, 1)
    path = tmp_path / "firth-classifier-training.checkpoint"
    arrays, metadata = load_arrays(path, mmap=False)
    save_arrays(path, arrays | {"now/bias": np.zeros((1, 5), np.float32)}, metadata)
    with pytest.raises(InputError, match="holds arrays of other sizes, so it cannot be resumed"):
        model().fit(TEXTS, LABELS, checkpoint_dir=tmp_path, resume=True)


def test_a_fit_that_fails_leaves_the_classifier_as_it_was() -> None:
    fitted = model().fit(TEXTS, LABELS)
    before = fitted.predict_proba(TEXTS)
    with np.errstate(all="ignore"), pytest.raises(InputError, match="diverged"):
        fitted.set_params(lr=1e30).fit(TEXTS[:100], LABELS[:100])
    np.testing.assert_array_equal(fitted.predict_proba(TEXTS), before)
    assert len(fitted.history_) == 6
