"""A run of long work: the folder it keeps checkpoints in, whether it is resumed, and what it reports to.

The folder holds a checkpoint for each stage, ``firth-KIND-STAGE.checkpoint``, and in ``firth-work`` what the
checkpoints need beside them, such as an encoded corpus.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from firth.arrays import PathLike
from firth.errors import InputError
from firth.progress import Progress
from firth.runs.checkpoints import Checkpoints

_WORK_FOLDER = "firth-work"
# A temporary file that is older than this was left behind by a run that was killed while it wrote it.
_SECONDS_UNTIL_LEFT_BEHIND = 600.0


@dataclass(frozen=True)
class Run:
    """A run of long work; made by `open_run`.

    Attributes
    ----------
    kind
        The kind of the training, such as ``"vectors"``.
    folder
        Where to work: the folder for checkpoints, or a temporary one.
    is_kept
        Whether the folder stays when the run ends.
    progress
        What to report to.
    """

    kind: str
    folder: Path
    is_kept: bool
    progress: Progress

    @property
    def work_folder(self) -> Path:
        """Where a training keeps what its checkpoints need beside them, such as an encoded corpus."""
        return self.folder / _WORK_FOLDER

    def checkpoints(self, stage: str, settings: Mapping[str, Any]) -> Checkpoints:
        """Return the checkpoints of a stage; see `firth.runs.checkpoints.Checkpoints`."""
        name = stage.replace(",", "").replace(" ", "-")
        path = self.folder / f"firth-{self.kind}-{name}.checkpoint"
        return Checkpoints(path, settings, is_active=self.is_kept)


@contextmanager
def open_run(
    kind: str,
    checkpoint_dir: PathLike | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> Iterator[Run]:
    """Begin a run, or go on with one.

    Parameters
    ----------
    kind
        The kind of the training. Checkpoints of another kind are refused.
    checkpoint_dir
        The folder for checkpoints, which is made if need be. None: a temporary folder, and no checkpoints.
    resume
        Go on from the checkpoints in the folder. If there are none, begin, and note that.
    progress
        What to report to; None is silent.

    Raises
    ------
    InputError
        The folder cannot be used; it holds checkpoints but `resume` was not asked for, or those of another
        kind of training; or `resume` was asked for without a folder.
    """
    progress = Progress() if progress is None else progress
    if checkpoint_dir is None:
        if resume:
            raise InputError("to resume, name the folder of the checkpoints: checkpoint_dir")
        with tempfile.TemporaryDirectory(prefix="firth-") as temporary:
            yield Run(kind, Path(temporary), False, progress)
        return
    folder = Path(checkpoint_dir)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be used for checkpoints: {error.strerror}") from None
    _check_checkpoints(folder, kind, resume)
    if resume and not holds_checkpoints(folder):
        progress.note(f"{folder}: holds no checkpoint to resume from: starting from the beginning")
    _remove_left_behind(folder)
    yield Run(kind, folder, True, progress)


def holds_checkpoints(folder: Path) -> bool:
    """Return whether there is something to resume from."""
    return any(_checkpoints_in(folder))


def remove_run(folder: Path) -> None:
    """Remove what a run has written to its folder, and the folder unless there is something else in it."""
    if not folder.is_dir():
        return
    for file in (*_checkpoints_in(folder), *folder.glob(".firth-*")):
        file.unlink(missing_ok=True)
    shutil.rmtree(folder / _WORK_FOLDER, ignore_errors=True)
    with suppress(OSError):
        folder.rmdir()


def _checkpoints_in(folder: Path, kind: str = "*") -> Iterator[Path]:
    return folder.glob(f"firth-{kind}-*.checkpoint")


def _check_checkpoints(folder: Path, kind: str, resume: bool) -> None:
    """Check that the checkpoints in a folder may be gone on from."""
    if not resume and holds_checkpoints(folder):
        raise InputError(
            f"{folder}: holds checkpoints of a training: resume it, or choose another folder to start afresh"
        )
    own = set(_checkpoints_in(folder, kind))
    for path in sorted(set(_checkpoints_in(folder)) - own):
        raise InputError(f"{path}: is of another kind of training; choose another folder")


def _remove_left_behind(folder: Path) -> None:
    """Remove temporary files of a run that was killed while it wrote them."""
    for file in folder.glob(".firth-*"):
        if file.is_file() and time.time() - file.stat().st_mtime > _SECONDS_UNTIL_LEFT_BEHIND:
            file.unlink(missing_ok=True)
