"""What every trainer of vectors needs around its epochs: a folder, checkpoints, Ctrl-C, and where it is."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy.typing as npt

from firth.arrays import Arrays, PathLike
from firth.errors import InputError
from firth.files.arrays_file import load_arrays, save_arrays
from firth.text.corpus import Corpus
from firth.version import __version__

_CHECKPOINT = "checkpoint.safetensors"
_TEXTS = {"corpus": "of another corpus", "heldout": "with another held-out text"}  # settings that are hashes
_CHECKPOINT_SHARE = 0.05  # of the time, at most, goes into saving checkpoints
_SECONDS_LEFT_BEHIND = 600.0  # by then, whoever wrote a temporary file is no more


@dataclass
class Position:
    """How far a training is."""

    done: int = 0  # parts of the epoch
    loss: float = 0.0  # summed over the epoch so far
    pairs: float = 0.0
    seconds: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)

    @property
    def epoch(self) -> int:
        """The number of whole epochs."""
        return len(self.history)

    @property
    def mean_loss(self) -> float:
        """The mean loss of a pair in the epoch so far."""
        return self.loss / self.pairs if self.pairs else 0.0

    def after_epoch(self, words: int, lr: float, **figures: float) -> Position:
        """Return the position at the start of the next epoch, with this one and `figures` in the history."""
        entry = {
            "epoch": self.epoch + 1,
            "loss": self.mean_loss,
            "pairs": self.pairs,
            "words": words,
            "seconds": self.seconds,
            "lr": float(lr),
            **figures,
        }
        return Position(history=[*self.history, entry])


class Checkpoints:
    """Saves a training now and then, and finds it again.

    Parameters
    ----------
    folder
        Where the encoded corpus and the checkpoint are.
    settings
        All that the result depends on; a checkpoint is good for the same settings only.
    seconds_between
        Time between two checkpoints; longer if saving one takes long.
    active
        Whether to save anything: nobody could resume from a temporary folder.
    """

    def __init__(
        self, folder: Path, settings: Mapping[str, Any], seconds_between: float, active: bool
    ) -> None:
        self._path = folder / _CHECKPOINT
        self._settings = {"firth": __version__, **settings}
        self._active = active
        self._seconds = seconds_between
        self._next = time.perf_counter() + seconds_between

    def load(self, resume: bool) -> tuple[dict[str, npt.NDArray[Any]], Position] | None:
        """Return the arrays and the position of the checkpoint, or None if there is none.

        Raises
        ------
        InputError
            There is one, but `resume` was not asked for, or it is of other settings, or broken.
        """
        if not self._path.exists():
            return None
        if not resume:
            raise InputError(f"{self._path} exists: resume from it, or choose another folder")
        try:
            arrays, metadata = load_arrays(self._path, mmap=False)
        except InputError as error:
            raise InputError(f"{error}; or choose another folder to start afresh") from None
        try:
            then, position = metadata["settings"], Position(**metadata["position"])
        except (KeyError, TypeError) as error:
            raise InputError(
                f"{self._path}: not a checkpoint of this version of firth ({error}); choose another folder"
            ) from None
        for name, value in self._settings.items():
            if then.get(name) != value:
                other = _TEXTS.get(name, f"with {name} = {then.get(name)!r}")
                raise InputError(
                    f"{self._path}: was made {other}, so it cannot be resumed with this; "
                    "use the same as then, or another folder to start afresh"
                )
        return arrays, position

    def save(self, arrays: Arrays, position: Position) -> None:
        """Save a checkpoint."""
        if not self._active:
            return
        started = time.perf_counter()
        save_arrays(self._path, arrays, {"settings": self._settings, "position": asdict(position)})
        ended = time.perf_counter()
        self._next = ended + max(self._seconds, (ended - started) / _CHECKPOINT_SHARE)

    @property
    def due(self) -> bool:
        """Whether it is time for the next one."""
        return time.perf_counter() >= self._next


@contextmanager
def working_folder(checkpoint_dir: PathLike | None, corpus: Corpus) -> Iterator[Path]:
    """Give the folder to work in: the one for checkpoints, or one that is removed afterwards."""
    if checkpoint_dir is None:
        with tempfile.TemporaryDirectory(prefix="firth-") as temporary:
            yield Path(temporary)
        return
    folder = Path(checkpoint_dir)
    corpus.check_output(folder / "ids.bin")  # the next reading of the corpus must not find it
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be used for checkpoints: {error.strerror}") from None
    for left_behind in folder.glob(".firth-*"):  # by a training that was killed while it wrote
        status = left_behind.stat()
        if left_behind.is_file() and time.time() - status.st_mtime > _SECONDS_LEFT_BEHIND:
            left_behind.unlink(missing_ok=True)
    yield folder
