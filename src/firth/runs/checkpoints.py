"""Checkpoints: the state of long work, kept in a folder so that it can be resumed."""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy.typing as npt

from firth.arrays import Arrays
from firth.errors import InputError
from firth.files.arrays_file import load_arrays, save_arrays
from firth.files.records import check_fields
from firth.version import __version__

# Checkpoints that are saved when they are due are at least so far apart, and take at most this share of the
# time.
_SECONDS_BETWEEN = 30.0
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
    is_active
        Whether to save anything: nobody could resume from a temporary folder.
    """

    def __init__(self, path: Path, settings: Mapping[str, Any], *, is_active: bool = True) -> None:
        self._path, self._is_active = path, is_active
        self._settings = json.loads(json.dumps({"firth": __version__, **settings}))
        self._next = time.perf_counter() + _SECONDS_BETWEEN

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

    def check_state(self, state: Mapping[str, Any], fields: Mapping[str, Any]) -> None:
        """Check what a trainer is about to read of a state; see `firth.files.records.check_fields`.

        Raises
        ------
        InputError
            A field is missing, or is of another type.
        """
        try:
            check_fields(state, fields)
        except InputError as error:
            raise self.refusal(f"is damaged ({error})") from None

    def refusal(self, reason: str) -> InputError:
        """Return the error that says why this checkpoint cannot be resumed."""
        return InputError(
            f"{self._path}: {reason}, so it cannot be resumed with this; use the same as then, or another "
            "folder to start afresh"
        )

    def save(self, arrays: Arrays, state: Mapping[str, Any]) -> None:
        """Replace the checkpoint: arrays, and all else as far as JSON can hold it.

        If it cannot be written, training goes on without checkpoints, and a warning says so: hours of work
        must not end for want of a safety net.
        """
        if not self._is_active:
            return
        started = time.perf_counter()
        try:
            save_arrays(self._path, arrays, {"settings": self._settings, "state": state})
        except InputError as error:
            self._is_active = False
            warnings.warn(f"{error}; training goes on without checkpoints", stacklevel=2)
            return
        ended = time.perf_counter()
        self._next = ended + max(_SECONDS_BETWEEN, (ended - started) / _LARGEST_SHARE_OF_TIME)

    @property
    def due(self) -> bool:
        """Whether it is time for the next one: never in a temporary folder."""
        return self._is_active and time.perf_counter() >= self._next
