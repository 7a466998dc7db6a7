"""A run of long work: its folder for checkpoints, whether it is resumed, and its progress display."""

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
from firth.runs.checkpoints import SUFFIX, Checkpoints

_WORK_FOLDER = "firth-work"
# A temporary file that did not change for this long belongs to a process that is gone.
_SECONDS_LEFT_BEHIND = 600.0


@dataclass(frozen=True)
class Run:
    """A run of long work; made by `open_run`.

    Attributes
    ----------
    folder
        Where to work: the folder for checkpoints, or a temporary one.
    is_kept
        Whether the folder stays when the run ends.
    progress
        What to report to.
    """

    folder: Path
    is_kept: bool
    progress: Progress

    @property
    def work_folder(self) -> Path:
        """Where a training keeps what its checkpoints need beside them, such as an encoded corpus."""
        return self.folder / _WORK_FOLDER

    def checkpoints(
        self, stage: str, settings: Mapping[str, Any], *, seconds_between: float = 30.0
    ) -> Checkpoints:
        """Return the checkpoints of a stage; see `firth.runs.checkpoints.Checkpoints`."""
        path = self.folder / f"{stage.replace(',', '').replace(' ', '-')}{SUFFIX}"
        return Checkpoints(path, settings, seconds_between=seconds_between, is_active=self.is_kept)


@contextmanager
def open_run(
    checkpoint_dir: PathLike | None = None, resume: bool = False, progress: Progress | None = None
) -> Iterator[Run]:
    """Begin a run, or go on with one.

    Parameters
    ----------
    checkpoint_dir
        The folder for checkpoints, which is made if need be. None: a temporary folder, and no checkpoints.
    resume
        Go on from the checkpoints in the folder, or begin if there are none.
    progress
        What to report to; None is silent.

    Raises
    ------
    InputError
        The folder cannot be used; it holds checkpoints but `resume` was not asked for; or there is nothing
        to resume from.
    """
    progress = Progress() if progress is None else progress
    if checkpoint_dir is None:
        if resume:
            raise InputError("to resume, say which checkpoint_dir to resume from")
        with tempfile.TemporaryDirectory(prefix="firth-") as temporary:
            yield Run(Path(temporary), False, progress)
        return
    folder = Path(checkpoint_dir)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be used for checkpoints: {error.strerror}") from None
    if not resume and holds_checkpoints(folder):
        raise InputError(
            f"{folder}: holds a training that was interrupted: resume it, or choose another folder to start "
            "afresh"
        )
    _remove_left_behind(folder)
    yield Run(folder, True, progress)


def holds_checkpoints(folder: Path) -> bool:
    """Return whether there is something to resume from."""
    return any(folder.glob(f"*{SUFFIX}"))


def remove_run(folder: Path) -> None:
    """Remove what a run has written to its folder, and the folder unless there is something else in it."""
    if not folder.is_dir():
        return
    for file in (*folder.glob(f"*{SUFFIX}"), *folder.glob(".firth-*")):
        file.unlink(missing_ok=True)
    shutil.rmtree(folder / _WORK_FOLDER, ignore_errors=True)
    with suppress(OSError):
        folder.rmdir()


def _remove_left_behind(folder: Path) -> None:
    """Remove temporary files of a run that was killed while it wrote them."""
    for file in folder.glob(".firth-*"):
        if file.is_file() and time.time() - file.stat().st_mtime > _SECONDS_LEFT_BEHIND:
            file.unlink(missing_ok=True)
