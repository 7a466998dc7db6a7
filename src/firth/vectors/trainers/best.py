"""The vectors of the best epoch, kept on disk while training goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from firth.errors import InputError
from firth.files.arrays_file import load_arrays, save_arrays
from firth.runs.best import best_epoch, is_exhausted
from firth.runs.checkpoints import Checkpoints
from firth.vectors.trainers.objective import Objective

_VECTORS = ("V", "U")


class BestVectors:
    """Keeps V and U of the epoch with the lowest held-out loss. Without patience, it keeps nothing.

    The vectors are kept on disk: in memory, they would double the size of a training. All decisions depend on
    the history alone, so a resumed training makes the same ones.

    Parameters
    ----------
    folder
        Where to keep the vectors.
    patience
        Stop after this many epochs in a row without a new best one. None: train to the last epoch, whose
        vectors are then the result.
    """

    def __init__(self, folder: Path, patience: int | None) -> None:
        self._folder, self._patience = folder, patience

    @property
    def has_patience(self) -> bool:
        """Whether training may stop before the last epoch."""
        return self._patience is not None

    def epoch(self, history: Sequence[dict[str, float]]) -> int:
        """Return the number of the epoch whose vectors are the result; 0 before the first."""
        return len(history) if self._patience is None else best_epoch(_losses(history), lowest=True)

    def is_exhausted(self, history: Sequence[dict[str, float]]) -> bool:
        """Return whether it is time to stop."""
        return self._patience is not None and is_exhausted(_losses(history), self._patience, lowest=True)

    def check(self, history: Sequence[dict[str, float]]) -> None:
        """Check that the vectors of the best epoch are in the folder when training is resumed.

        Raises
        ------
        InputError
            They are missing.
        """
        best = self.epoch(history)
        if best and self._patience is not None and not self._path(best).exists():
            raise InputError(f"{self._path(best)}: is missing, so training cannot go on; use another folder")

    def keep(self, objective: Objective, checkpoints: Checkpoints) -> None:
        """After an epoch, keep its vectors if they are the best so far.

        The previous best vectors are deleted only after a new checkpoint is saved. So the last checkpoint
        finds the best vectors of its history, wherever the process is killed.
        """
        position = objective.position
        if self._patience is None or self.epoch(position.history) < position.epoch:
            return
        path = self._path(position.epoch)
        save_arrays(path, {name: objective.arrays[name] for name in _VECTORS}, {})
        checkpoints.save(objective.arrays, asdict(position))
        for other in self._folder.glob(self._path("*").name):
            if other != path:
                other.unlink()

    def put_back(self, objective: Objective) -> None:
        """Set the vectors to those of the best epoch."""
        history = objective.position.history
        best = self.epoch(history)
        if best < len(history):
            kept, _ = load_arrays(self._path(best))
            for name in _VECTORS:
                objective.arrays[name][:] = kept[name]

    def _path(self, epoch: int | str) -> Path:
        return self._folder / f"best-{epoch}.safetensors"


def _losses(history: Sequence[dict[str, float]]) -> list[float]:
    return [epoch["heldout"] for epoch in history]
