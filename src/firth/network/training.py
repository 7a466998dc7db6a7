"""The one training loop of segmenter, tagger and parser.

An epoch goes once through all sentences, in batches of about the same number of units. The gradient of a
batch is the mean over its terms, summed over *shards*, which are computed side by side. Shards, their order
in the sum, and all random numbers depend on the seed alone: the same seed gives the same bits with any number
of threads.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from threadpoolctl import threadpool_limits

from firth.arrays import Int64s, Ints
from firth.errors import FirthError, InputError
from firth.files.arrays_file import load_arrays, save_arrays
from firth.learning.optimizers import Adam, linear_decay
from firth.network import kernels
from firth.network.gradients import Gradients
from firth.network.parameters import Parameters
from firth.progress import Progress
from firth.version import __version__

SHARDS = 2
"""Into how many parts a batch is cut: as many processors can be of use."""


@dataclass(frozen=True)
class Schedule:
    """How to train.

    Attributes
    ----------
    epochs
        How often to go through all sentences, at most.
    batch
        Units (words, characters) in a batch.
    lr
        Adam's learning rate at the beginning; it falls on a straight line, to a hundredth of that.
    beta2
        Adam's β₂.
    l2
        The weight λ of a penalty ½ λ ‖θ‖² on all parameters θ, which is added to the mean loss of a batch.
        It is not in the loss that is reported.
    patience
        Stop when the score has not improved for so many epochs; at least 1.
    seed
        Of everything random.
    """

    epochs: int = 15
    batch: int = 1000
    lr: float = 2e-3
    beta2: float = 0.99
    l2: float = 0.0
    patience: int = 5
    seed: int = 1


class Task(Protocol):
    """What is trained: it knows its data, its network and its score."""

    parameters: Parameters

    def lengths(self) -> Ints:
        """Return the number of units of each sentence."""

    def gradient(
        self, sentences: Sequence[int], gradients: Gradients, random: np.random.Generator, epoch: int
    ) -> tuple[float, int]:
        """Add the gradient of the loss of some sentences, a sum; return that sum and how many terms it has.

        It is called by several threads at once, and depends on nothing but its arguments and the parameters.
        """

    def evaluate(self) -> dict[str, float]:
        """Return scores in percent on other data; the first one says which epoch is the best."""


def train(
    task: Task,
    schedule: Schedule,
    *,
    name: str,
    threads: int,
    progress: Progress,
    checkpoint: Path | None = None,
    settings: Mapping[str, Any] | None = None,
) -> list[dict[str, float]]:
    """Train; afterwards, the parameters of the task are those of its best epoch (the first, of equal ones).

    Parameters
    ----------
    task
        What to train; its parameters are set to their beginnings. They are changed in place.
    schedule
        How.
    name
        What progress is reported of.
    threads
        How many to use.
    progress
        What to report to: a stage for each epoch.
    checkpoint
        A file that is written after each epoch. If it is there already, training goes on from it: to the same
        bits as if it had never stopped. None for none.
    settings
        All that the result depends on apart from `schedule`: a checkpoint of other settings is refused.

    Returns
    -------
    list of dict
        For each epoch its number, mean loss, seconds and scores.

    Raises
    ------
    InputError
        The checkpoint is of another training, broken, or cannot be written.
    FirthError
        The loss or a parameter is not finite any more.
    """
    state = _State(task, schedule, checkpoint, {**(settings or {}), **asdict(schedule)})
    lengths = task.lengths()
    with threadpool_limits(1), ThreadPoolExecutor(threads) as pool:
        while not state.finished:
            epoch = len(state.history) + 1
            batches = _batches(lengths, schedule, epoch)
            total, terms, done, started = 0.0, 0, 0, time.perf_counter()
            with progress.stage(f"{name}, epoch {epoch} of {schedule.epochs}", int(lengths.sum())):
                for k, batch in enumerate(batches):
                    share = (epoch - 1 + k / len(batches)) / schedule.epochs
                    loss, count = _step(task, batch, schedule, state.adam, share, epoch, k, pool)
                    total, terms, done = total + loss, terms + count, done + int(lengths[batch].sum())
                    if not np.isfinite(total):
                        raise _diverged(name, "the loss", epoch, schedule)
                    progress.advance(done, loss=total / max(terms, 1))
                if not all(np.isfinite(parameter).all() for parameter in task.parameters.values()):
                    raise _diverged(name, "a parameter", epoch, schedule)
                scores = task.evaluate()
                figures = {"loss": total / max(terms, 1), **scores}
                progress.advance(done, **figures)
            seconds = time.perf_counter() - started
            state.end_epoch({"epoch": epoch, "seconds": seconds, **figures}, next(iter(scores.values())))
    state.restore_best()
    return state.history


def _diverged(name: str, what: str, epoch: int, schedule: Schedule) -> FirthError:
    return FirthError(
        f"{name}: {what} is not finite any more in epoch {epoch}: train with a lower learning rate than "
        f"{schedule.lr:g}"
    )


def _step(
    task: Task,
    batch: Int64s,
    schedule: Schedule,
    adam: _Adam,
    share: float,
    epoch: int,
    k: int,
    pool: ThreadPoolExecutor,
) -> tuple[float, int]:
    """Take one step of Adam; return the summed loss of the batch and its number of terms."""
    shards = [shard for shard in np.array_split(batch, SHARDS) if len(shard)]
    gradients = [Gradients() for _ in shards]

    def work(i: int) -> tuple[float, int]:
        random = np.random.default_rng([schedule.seed, epoch, k, i])
        with np.errstate(over="ignore", invalid="ignore"):  # `train` says it better, if anything overflows
            return task.gradient(shards[i].tolist(), gradients[i], random, epoch)

    results = list(pool.map(work, range(len(shards))))
    terms = sum(count for _, count in results)
    adam.lr = linear_decay(schedule.lr, share, 1.0, floor=0.01)
    adam.steps += 1
    scale = 1 / max(terms, 1)
    list(pool.map(lambda name: adam.update(name, gradients, scale, schedule.l2), task.parameters))
    return sum(loss for loss, _ in results), terms


class _Adam(Adam):
    """Adam, one parameter at a time and compiled; see `kernels.adam_step`."""

    def __init__(self, parameters: Parameters, schedule: Schedule) -> None:
        super().__init__(schedule.lr, beta2=schedule.beta2)
        self._parameters = parameters
        self.first = _zeros_like(parameters)
        self.second = _zeros_like(parameters)
        self._totals = _zeros_like(parameters)  # all zeros between two steps

    def update(self, name: str, gradients: Sequence[Gradients], scale: float, l2: float) -> None:
        """Change a parameter by the sum of some gradients times `scale`, in step number ``self.steps``."""
        parameter, total = self._parameters[name], self._totals[name]
        for gradient in gradients:
            gradient.add_to(total, name)
        arrays = (parameter, total, self.first[name], self.second[name])
        corrections = (1 - self.beta1**self.steps, 1 - self.beta2**self.steps)
        numbers = (scale, l2, self.lr, self.beta1, self.beta2, self.eps, *corrections)
        kernels.adam_step(*(array.reshape(-1) for array in arrays), *map(parameter.dtype.type, numbers))


def _zeros_like(parameters: Parameters) -> Parameters:
    return {name: np.zeros_like(parameter) for name, parameter in parameters.items()}


class _State:
    """Where a training is: what must be kept to go on from it."""

    def __init__(
        self, task: Task, schedule: Schedule, checkpoint: Path | None, settings: Mapping[str, Any]
    ) -> None:
        self._task, self._schedule, self._checkpoint = task, schedule, checkpoint
        self._settings = json.loads(json.dumps({"firth": __version__, **settings}))
        self.history: list[dict[str, float]] = []
        self._scores: list[float] = []
        self.adam = _Adam(task.parameters, schedule)
        self._best = {name: array.copy() for name, array in task.parameters.items()}
        if checkpoint is not None and checkpoint.exists():
            self._load(checkpoint)

    @property
    def finished(self) -> bool:
        """Whether all epochs are done, or the score has not improved for too long."""
        epochs = len(self.history)
        return epochs >= self._schedule.epochs or (
            epochs > 0 and epochs - self._best_epoch() >= self._schedule.patience
        )

    def end_epoch(self, figures: dict[str, float], score: float) -> None:
        """Note an epoch, and save the checkpoint."""
        self.history.append(figures)
        self._scores.append(score)
        if self._best_epoch() == len(self.history):
            for name, array in self._task.parameters.items():
                self._best[name][:] = array
        if self._checkpoint is not None:
            arrays = {
                f"{kind}/{name}": array
                for kind, named in self._arrays().items()
                for name, array in named.items()
            }
            metadata = {
                "settings": self._settings,
                "history": self.history,
                "scores": self._scores,
                "steps": self.adam.steps,
            }
            save_arrays(self._checkpoint, arrays, metadata)

    def restore_best(self) -> None:
        """Set the parameters to those of the best epoch."""
        for name, array in self._task.parameters.items():
            array[:] = self._best[name]

    def _arrays(self) -> dict[str, Parameters]:
        adam = self.adam
        return {"now": self._task.parameters, "best": self._best, "first": adam.first, "second": adam.second}

    def _best_epoch(self) -> int:
        """Return the number of the first epoch with the highest score."""
        return 1 + int(np.argmax(self._scores))

    def _load(self, checkpoint: Path) -> None:
        arrays, metadata = load_arrays(checkpoint, mmap=False)
        then = metadata.get("settings", {})
        for name, value in self._settings.items():
            if then.get(name) != value and name == "data":
                raise InputError(
                    f"{checkpoint}: was made from other data, so it cannot be resumed; use the same treebank "
                    "and vectors as then, or remove it to start afresh"
                )
            if then.get(name) != value:
                raise InputError(
                    f"{checkpoint}: was made with {name} = {then.get(name)!r}, not {value!r}, so it cannot "
                    "be resumed; use the same as then, or remove it to start afresh"
                )
        for kind, named in self._arrays().items():
            for name, array in named.items():
                saved = arrays.get(f"{kind}/{name}")
                if saved is None or (saved.shape, saved.dtype) != (array.shape, array.dtype):
                    raise InputError(f"{checkpoint}: does not fit this training; remove it to start afresh")
                array[:] = saved
        self.history, self._scores = metadata["history"], metadata["scores"]
        self.adam.steps = metadata["steps"]


def _batches(lengths: Ints, schedule: Schedule, epoch: int) -> list[Int64s]:
    """Shuffle the sentences and cut them into batches of about ``schedule.batch`` units."""
    order = np.random.default_rng([schedule.seed, epoch]).permutation(len(lengths))
    before = np.cumsum(lengths[order]) - lengths[order]
    cuts = np.flatnonzero(np.diff(before // schedule.batch)) + 1
    return [batch for batch in np.split(order, cuts) if len(batch)]
