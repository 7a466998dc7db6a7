"""When to stop, and which epoch was the best."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firth.arrays import Arrays, Floats
from firth.errors import InputError
from firth.files.arrays_file import load_arrays, save_arrays
from firth.progress import Progress
from firth.vectors.patience import Patience
from firth.vectors.training_run import Checkpoints, Position

if TYPE_CHECKING:
    from firth.vectors.cooccurrence import Cooccurrences
    from firth.vectors.split import HeldOut

_VECTORS = ("V", "U")


class Validation:
    """What a trainer does after each epoch with the text that is held out; nothing, if there is none.

    All decisions follow from the history alone, so a training that is resumed comes to the same ones.

    Parameters
    ----------
    text
        The text.
    loss
        The trainer's own objective: the mean loss of a pair, by its V and U and the counts of the text.
    patience
        See `Patience`. None: never stop before the last epoch, whose vectors are then the result.
    folder
        Where the vectors of the best epoch are kept.
    history
        Of the checkpoint that the training goes on from.

    Raises
    ------
    InputError
        The vectors that belong to this history are not in the folder.
    """

    def __init__(
        self,
        text: HeldOut | None,
        loss: Callable[[Floats, Floats, Cooccurrences], float],
        patience: int | None,
        folder: Path,
        history: list[dict[str, float]],
    ) -> None:
        self._text, self._loss, self._patience, self._folder = text, loss, patience, folder
        best = self._best_epoch(history)
        if best < len(history) and not self._path(best).exists():
            raise InputError(f"{self._path(best)}: is gone, so training cannot go on; use another folder")

    def figures(self, V: Floats, U: Floats) -> dict[str, float]:
        """Return ``{"heldout": loss}`` of the vectors as they are, or nothing without a text."""
        return {} if self._text is None else {"heldout": self._loss(V, U, self._text.counts)}

    def keep_best(self, arrays: Arrays, position: Position, checkpoints: Checkpoints) -> None:
        """After an epoch, keep its V and U if they are the best so far.

        Those that were the best before are deleted only when no checkpoint needs them any more. So wherever
        the process is killed, the last checkpoint has the vectors that its history calls the best.
        """
        if self._patience is None or self._best_epoch(position.history) < position.epoch:
            return
        path = self._path(position.epoch)
        save_arrays(path, {name: arrays[name] for name in _VECTORS}, {})
        checkpoints.save(arrays, position)
        for other in self._folder.glob(self._path("*").name):
            if other != path:
                other.unlink()

    def exhausted(self, history: list[dict[str, float]]) -> bool:
        """Return whether it is time to stop."""
        return self._patience is not None and len(history) - self._best_epoch(history) >= self._patience

    def finish(self, arrays: Arrays, history: list[dict[str, float]], progress: Progress) -> dict[str, Any]:
        """Put the vectors of the best epoch into V and U; return what metadata should say of the text."""
        if self._text is None:
            return {}
        best = self._best_epoch(history)
        loss = history[best - 1]["heldout"]
        if best < len(history):
            kept, _ = load_arrays(self._path(best))
            for name in _VECTORS:
                arrays[name][:] = kept[name]
        if self._patience is not None:
            when = "stopped early, " if self.exhausted(history) else ""
            progress.note(
                f"{when}after epoch {len(history)}: these are the vectors of epoch {best}, "
                f"whose held-out loss of {loss:.4f} is the lowest"
            )
        text = {"words": self._text.words, "known": self._text.known}
        return {"heldout": {"epoch": best, "loss": loss, **text}}

    def _best_epoch(self, history: list[dict[str, float]]) -> int:
        """Return the number of the epoch whose vectors are the result; 0 before the first."""
        if self._patience is None:
            return len(history)
        patience, best = Patience(self._patience), 0
        for k, entry in enumerate(history):
            if patience.update(entry["heldout"]):
                best = k + 1
        return best

    def _path(self, epoch: int | str) -> Path:
        return self._folder / f"best-{epoch}.safetensors"
