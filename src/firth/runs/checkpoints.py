"""Checkpoints: the state of long work, kept in a folder so that it can be resumed."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy.typing as npt

from firth.arrays import Arrays
from firth.errors import InputError
from firth.files.arrays_file import load_arrays, save_arrays
from firth.version import __version__

SUFFIX = ".checkpoint"
"""The end of the name of a checkpoint. Each stage of a training has one, ``STAGE.checkpoint``."""

# Saving checkpoints may take at most this share of the time.
_LARGEST_SHARE_OF_TIME = 0.05
# These settings are hashes of data. An error says what differs, because the values mean nothing to people.
_HASHES = {
    "corpus": "of another corpus",
    "heldout": "with another held-out text",
    "data": "from other data",
}


class Checkpoints:
    """Saves and loads the checkpoint of one stage of a training.

    Parameters
    ----------
    path
        The file.
    settings
        Everything that the result depends on, as values for JSON. A checkpoint with other settings, or of
        another version of firth, is refused.
    seconds_between
        The time after which the next checkpoint is `due`; longer if saving takes long.
    is_active
        Whether to save anything: nobody could resume from a temporary folder.
    """

    def __init__(
        self,
        path: Path,
        settings: Mapping[str, Any],
        *,
        seconds_between: float = 30.0,
        is_active: bool = True,
    ) -> None:
        self._path, self._is_active = path, is_active
        self._settings = json.loads(json.dumps({"firth": __version__, **settings}))
        self._seconds_between = seconds_between
        self._next = time.perf_counter() + seconds_between

    def load(self) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]] | None:
        """Return the arrays and the state that were saved, or None if there is no checkpoint.

        Raises
        ------
        InputError
            The checkpoint is of other settings, or broken.
        """
        if not self._path.exists():
            return None
        try:
            arrays, metadata = load_arrays(self._path, mmap=False)
        except InputError as error:
            raise InputError(f"{error}; or choose another folder to start afresh") from None
        settings, state = metadata.get("settings"), metadata.get("state")
        if not isinstance(settings, dict) or not isinstance(state, dict):
            raise InputError(f"{self._path}: is no checkpoint; choose another folder")
        for name, value in self._settings.items():
            if settings.get(name) != value:
                other = _HASHES.get(name, f"with {name} = {settings.get(name)!r}, not {value!r}")
                raise self.refusal(f"was made {other}")
        return arrays, state

    def refusal(self, reason: str) -> InputError:
        """Return the error that says why this checkpoint cannot be resumed."""
        return InputError(
            f"{self._path}: {reason}, so it cannot be resumed with this; use the same as then, or another "
            "folder to start afresh"
        )

    def save(self, arrays: Arrays, state: Mapping[str, Any]) -> None:
        """Replace the checkpoint: arrays, and all else as far as JSON can hold it."""
        if not self._is_active:
            return
        started = time.perf_counter()
        save_arrays(self._path, arrays, {"settings": self._settings, "state": state})
        ended = time.perf_counter()
        self._next = ended + max(self._seconds_between, (ended - started) / _LARGEST_SHARE_OF_TIME)

    @property
    def due(self) -> bool:
        """Whether it is time for the next one: never in a temporary folder."""
        return self._is_active and time.perf_counter() >= self._next
