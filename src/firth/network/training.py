"""The one training loop of segmenter, tagger and parser.

An epoch goes once through all sentences, in batches of about the same number of units (words, characters).
A batch is cut into *shards*, which are computed in parallel. The gradient of a batch is the sum over its
shards, divided by the number of its terms. The shards, the order of the sum and all random numbers depend on
the seed alone, so the same seed gives the same bits with any number of threads.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np

from firth.arrays import Arrays, Int64s, Ints
from firth.errors import FirthError
from firth.learning.optimizers import Adam
from firth.learning.schedules import linear_decay
from firth.network import kernels
from firth.network.gradients import Gradients
from firth.network.parameters import Parameters
from firth.progress import Progress
from firth.runs.best import best_epoch, is_exhausted
from firth.runs.checkpoints import Checkpoints
from firth.runs.run import Run
from firth.runs.workers import worker_threads

# The learning rate falls on a straight line, and never below this share of the rate at the beginning.
_LAST_RATE_SHARE = 0.01


@dataclass(frozen=True)
class Schedule:
    """How to train.

    Attributes
    ----------
    epochs
        The largest number of passes through all sentences.
    batch
        Units (words, characters) in a batch.
    lr
        Adam's learning rate at the beginning. It falls on a straight line to a hundredth of that.
    beta2
        Adam's β₂.
    l2
        The weight λ of a penalty ½ λ ‖θ‖² on all parameters θ. It is added to the mean loss of a batch, but
        not to the loss that is reported.
    patience
        Stop after this many epochs in a row without a better score; at least 1.
    seed
        Seed of everything random.
    shards
        Parts of a batch that are computed in parallel. More threads than shards are of no use. The number of
        shards decides the order of sums, and so the bits of the result.
    """

    epochs: int = 15
    batch: int = 1000
    lr: float = 2e-3
    beta2: float = 0.99
    l2: float = 0.0
    patience: int = 5
    seed: int = 1
    shards: int = 2


class Task(Protocol):
    """What `train` trains: data, a network, and a score."""

    parameters: Parameters

    def lengths(self) -> Ints:
        """Return the number of units of each sentence."""

    def gradient(
        self, sentences: Sequence[int], gradients: Gradients, random: np.random.Generator, epoch: int
    ) -> tuple[float, int]:
        """Add the gradient of the summed loss of some sentences; return the sum and its number of terms.

        Several threads call it at once. It depends on its arguments and the parameters only.
        """

    def evaluate(self) -> dict[str, float]:
        """Return scores on other data, in percent. The first score decides which epoch is the best."""


def train(
    task: Task,
    schedule: Schedule,
    *,
    name: str,
    threads: int,
    run: Run,
    settings: Mapping[str, Any] | None = None,
) -> list[dict[str, float]]:
    """Train; afterwards, the task has the parameters of its best epoch (of equal epochs, the first).

    Parameters
    ----------
    task
        What to train, with initialised parameters. They are changed in place.
    schedule
        How to train.
    name
        The name of this stage of the run: of its progress and of its checkpoint.
    threads
        Threads to use.
    run
        Where progress is reported, and where a checkpoint is saved after each epoch. If there is a checkpoint
        already, training goes on from it, and ends with the same bits as without the interruption.
    settings
        All that the result depends on, apart from `schedule`. A checkpoint of other settings is refused.

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
    checkpoints = run.checkpoints(name, {**(settings or {}), **asdict(schedule)})
    state = _State(task, schedule, checkpoints)
    with worker_threads(threads) as pool:
        steps = _Steps(task, schedule, state.adam, pool)
        while not state.is_finished:
            epoch = len(state.history) + 1
            started = time.perf_counter()
            figures, score = _train_epoch(steps, epoch, name, run.progress)
            seconds = time.perf_counter() - started
            state.end_epoch({"epoch": epoch, "seconds": seconds, **figures}, score)
    state.restore_best()
    return state.history


def _train_epoch(steps: _Steps, epoch: int, name: str, progress: Progress) -> tuple[dict[str, float], float]:
    """Go through all sentences once; return the mean loss with all scores, and the score that decides."""
    task, schedule = steps.task, steps.schedule
    lengths = task.lengths()
    batches = _batches(lengths, schedule, epoch)
    total, terms, done = 0.0, 0, 0
    with progress.stage(f"{name}, epoch {epoch} of {schedule.epochs}", int(lengths.sum())):
        for number, batch in enumerate(batches):
            loss, count = steps.take(batch, epoch, number, len(batches))
            total, terms, done = total + loss, terms + count, done + int(lengths[batch].sum())
            if not np.isfinite(total):
                raise _diverged(name, "the loss", epoch, schedule)
            progress.advance(done, loss=total / max(terms, 1))
        if not all(np.isfinite(parameter).all() for parameter in task.parameters.values()):
            raise _diverged(name, "a parameter", epoch, schedule)
        scores = task.evaluate()
        figures = {"loss": total / max(terms, 1), **scores}
        progress.advance(done, **figures)
    return figures, next(iter(scores.values()))


def _diverged(name: str, what: str, epoch: int, schedule: Schedule) -> FirthError:
    return FirthError(
        f"{name}: {what} is not finite any more in epoch {epoch}: train with a lower learning rate than "
        f"{schedule.lr:g}"
    )


@dataclass(frozen=True)
class _Steps:
    """The steps of Adam in a training, and what all of them need."""

    task: Task
    schedule: Schedule
    adam: _Adam
    pool: ThreadPoolExecutor

    def take(self, batch: Int64s, epoch: int, number: int, n_batches: int) -> tuple[float, int]:
        """Take the step of a batch; return its summed loss and its number of terms.

        Parameters
        ----------
        batch
            Numbers of sentences.
        epoch, number, n_batches
            The epoch, from 1; the number of the batch in it, from 0; and how many there are.
        """
        schedule, adam = self.schedule, self.adam
        shards = [shard for shard in np.array_split(batch, schedule.shards) if len(shard)]
        gradients = [Gradients() for _ in shards]

        def loss_of_shard(i: int) -> tuple[float, int]:
            random = np.random.default_rng([schedule.seed, epoch, number, i])
            # An overflow shows in the loss or in the parameters, where it is an error with a remedy.
            with np.errstate(over="ignore", invalid="ignore"):
                return self.task.gradient(shards[i].tolist(), gradients[i], random, epoch)

        losses = list(self.pool.map(loss_of_shard, range(len(shards))))
        terms = sum(count for _, count in losses)
        share_done = (epoch - 1 + number / n_batches) / schedule.epochs
        adam.lr = linear_decay(schedule.lr, share_done, 1.0, floor=_LAST_RATE_SHARE)
        adam.steps += 1
        scale = 1 / max(terms, 1)
        list(
            self.pool.map(lambda name: adam.update(name, gradients, scale, schedule.l2), self.task.parameters)
        )
        return sum(loss for loss, _ in losses), terms


class _Adam(Adam):
    """Adam, one parameter at a time and compiled; see `kernels.adam_step`."""

    def __init__(self, parameters: Parameters, schedule: Schedule) -> None:
        super().__init__(schedule.lr, beta2=schedule.beta2)
        self._parameters = parameters
        self.first = _zeros_like(parameters)
        self.second = _zeros_like(parameters)
        # The sums of gradients. The kernel sets them to 0 again.
        self._totals = _zeros_like(parameters)

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


_STATE = {"history": [dict], "scores": [float], "steps": int}
"""What the state of a checkpoint holds besides its arrays."""


class _State:
    """The state of a training: everything that a checkpoint holds."""

    def __init__(self, task: Task, schedule: Schedule, checkpoints: Checkpoints) -> None:
        self._task, self._schedule, self._checkpoints = task, schedule, checkpoints
        self.history: list[dict[str, float]] = []
        self._scores: list[float] = []
        self.adam = _Adam(task.parameters, schedule)
        self._best = {name: array.copy() for name, array in task.parameters.items()}
        found = checkpoints.load()
        if found is not None:
            self._put_back(*found)

    @property
    def is_finished(self) -> bool:
        """Whether all epochs are done, or patience is exhausted."""
        epochs, patience = self._schedule.epochs, self._schedule.patience
        return len(self.history) >= epochs or (len(self.history) > 0 and is_exhausted(self._scores, patience))

    def end_epoch(self, figures: dict[str, float], score: float) -> None:
        """Record an epoch, and save the checkpoint."""
        self.history.append(figures)
        self._scores.append(score)
        if best_epoch(self._scores) == len(self.history):
            for name, array in self._task.parameters.items():
                self._best[name][:] = array
        state = {"history": self.history, "scores": self._scores, "steps": self.adam.steps}
        self._checkpoints.save(self._arrays(), state)

    def restore_best(self) -> None:
        """Set the parameters to those of the best epoch."""
        for name, array in self._task.parameters.items():
            array[:] = self._best[name]

    def _arrays(self) -> Parameters:
        """Return all arrays that training changes: the parameters, the best ones, Adam's moments."""
        adam = self.adam
        kinds = {"now": self._task.parameters, "best": self._best, "first": adam.first, "second": adam.second}
        return {f"{kind}/{name}": array for kind, named in kinds.items() for name, array in named.items()}

    def _put_back(self, arrays: Arrays, state: Mapping[str, Any]) -> None:
        """Restore the state that a checkpoint holds."""
        self._checkpoints.check_state(state, _STATE)
        for name, array in self._arrays().items():
            saved = arrays.get(name)
            if saved is None or (saved.shape, saved.dtype) != (array.shape, array.dtype):
                raise self._checkpoints.refusal("holds arrays of other sizes")
            array[:] = saved
        self.history, self._scores, self.adam.steps = state["history"], state["scores"], state["steps"]


def _batches(lengths: Ints, schedule: Schedule, epoch: int) -> list[Int64s]:
    """Return the sentences of an epoch, shuffled and cut into batches of about ``schedule.batch`` units."""
    order = np.random.default_rng([schedule.seed, epoch]).permutation(len(lengths))
    before = np.cumsum(lengths[order]) - lengths[order]
    cuts = np.flatnonzero(np.diff(before // schedule.batch)) + 1
    return [batch for batch in np.split(order, cuts) if len(batch)]
