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
    """Keeps V and U of the epoch with the lowest held-out loss; nothing without patience.

    They are on disk rather than in memory, where they would take as much again as those in training. All
    decisions follow from the history alone, so a training that is resumed comes to the same ones.

    Parameters
    ----------
    folder
        Where to keep them.
    patience
        Stop after so many epochs in a row that were no better than the best before them. None: never stop
        before the last epoch, whose vectors are then the result.
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
        """Check that the vectors of the best epoch are there, when training goes on after this history.

        Raises
        ------
        InputError
            They are not.
        """
        best = self.epoch(history)
        if best and self._patience is not None and not self._path(best).exists():
            raise InputError(f"{self._path(best)}: is gone, so training cannot go on; use another folder")

    def keep(self, objective: Objective, checkpoints: Checkpoints) -> None:
        """After an epoch, keep its vectors if they are the best so far.

        Those that were the best before are deleted only when no checkpoint needs them any more. So wherever
        the process is killed, the last checkpoint has the vectors that its history calls the best.
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
