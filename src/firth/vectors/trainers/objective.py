"""The interface of all objectives: the state of a training, and the steps that change it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from firth.arrays import Arrays, Float32s
from firth.errors import InputError
from firth.progress import Progress
from firth.vectors.trainers.settings import VectorSettings

if TYPE_CHECKING:
    from firth.vectors.cooccurrence import Cooccurrences


@dataclass
class Position:
    """How far a training is.

    Attributes
    ----------
    done
        Parts of the epoch that are done.
    loss, pairs
        The summed loss and the number of pairs of these parts.
    seconds
        How long they took.
    history
        Figures of each epoch that is complete.
    """

    done: int = 0
    loss: float = 0.0
    pairs: float = 0.0
    seconds: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)

    @property
    def epoch(self) -> int:
        """The number of complete epochs."""
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


class Objective(ABC):
    """The loss that a training minimises, with the state of the training.

    An epoch consists of `n_parts` parts: blocks of text, or minibatches. The state of a training is

    * `settings`, and the corpus that the objective was made for,
    * `arrays`, all arrays that training changes,
    * `position`, how far it is, with the sums of the epoch so far.

    `begin` makes a new state, and `restore` puts one back that was taken out of another objective with the
    same settings and corpus. `run` trains on a range of parts. Between two calls of `run`, the state can be
    taken out: the same parts, run from the same state, give the same bits, however they are cut into ranges
    (with several threads, as far as the settings promise it). Checkpoints work by this.

    Attributes
    ----------
    settings : VectorSettings
        The settings of the training; `VectorSettings.as_dict` is what two states of one training share.
    arrays : dict of str to ndarray
        The arrays themselves, not copies; ``"V"`` and ``"U"`` are among them. Empty before `begin` or
        `restore`.
    position : Position
        How far the training is.
    initial_lr : float
        The learning rate at the beginning.
    n_parts : int
        Parts of an epoch.
    parts_side_by_side : int
        How many parts are done at the same time, by as many threads.
    total, unit : int, str
        The work of an epoch and its unit, for the progress display; see `done`.
    """

    settings: VectorSettings
    arrays: dict[str, npt.NDArray[Any]]
    position: Position
    initial_lr: float
    n_parts: int
    parts_side_by_side: int
    total: int
    unit: str

    @abstractmethod
    def begin(self) -> None:
        """Make the arrays as they are before the first epoch."""

    def restore(self, arrays: Arrays, position: Position) -> None:
        """Take over a state.

        Parameters
        ----------
        arrays
            Those of the other objective; they may be taken over without a copy.
        position
            Its position.

        Raises
        ------
        InputError
            There is an array missing, or one has another shape or type.
        """
        for name, (shape, dtype) in self.array_shapes().items():
            array = arrays.get(name)
            if array is None or array.shape != shape or array.dtype != dtype:
                raise InputError(f"the array {name!r} is missing or has another size")
        self._take_over(arrays)
        self.position = position

    @abstractmethod
    def array_shapes(self) -> Mapping[str, tuple[tuple[int, ...], np.dtype[Any]]]:
        """Return the shape and type of each of the arrays."""

    @abstractmethod
    def _take_over(self, arrays: Arrays) -> None:
        """Set `arrays` from checked arrays."""

    @abstractmethod
    def run(self, parts: range, pool: ThreadPoolExecutor) -> None:
        """Train on some parts of the epoch; add their figures to `position`, and move it to their end.

        Parameters
        ----------
        parts
            The parts, in ascending order.
        pool
            As many threads as the settings say.

        Raises
        ------
        InputError
            Training diverged.
        """

    @abstractmethod
    def check_epoch(self) -> None:
        """Check the sums of a complete epoch.

        Raises
        ------
        InputError
            Training diverged, or there was nothing to learn from.
        """

    @property
    @abstractmethod
    def n_epochs(self) -> int | None:
        """The number of epochs; None as long as it is open."""

    @abstractmethod
    def learning_rate(self, part: int) -> float:
        """Return the learning rate at a part of this epoch."""

    @property
    @abstractmethod
    def done(self) -> int:
        """How much of the epoch is done, in the unit of `total`."""

    @abstractmethod
    def loss(self, counts: Cooccurrences) -> float:
        """Return the mean loss of a pair of some text, at the vectors as they are."""

    @abstractmethod
    def final_figures(self, progress: Progress) -> dict[str, float]:
        """Return figures of the vectors as they are, for the metadata; note them."""

    @abstractmethod
    def take_vectors(self) -> tuple[Float32s, Float32s]:
        """Return centre and outside vectors, a row for each word. The state is of no use afterwards."""
