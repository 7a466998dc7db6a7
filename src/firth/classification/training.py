"""Training of the phrase classifier: epochs, blocks of phrases, early stopping, checkpoints."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from firth.arrays import Arrays, Float32s, Int64s
from firth.classification.encoding import Encoded
from firth.classification.kernels.arguments import (
    UNIT_WORDS,
    AdamConstants,
    AdamState,
    ClassifierParameters,
    PhraseLabels,
    Phrases,
    TrainingSettings,
)
from firth.classification.labels import Targets
from firth.classification.linear_model import LinearModel
from firth.classification.settings import NORMALIZATIONS, ClassifierSettings
from firth.errors import InputError
from firth.learning.schedules import linear_decay
from firth.runs.best import best_epoch, is_exhausted
from firth.runs.checkpoints import Checkpoints
from firth.runs.interrupt import deferred_interrupt
from firth.runs.run import Run
from firth.runs.workers import worker_threads

if TYPE_CHECKING:
    from firth.vectors.word_vectors import WordVectors

# A thread trains on a block of so many words, then takes the next one.
_BLOCK_WORDS = 1 << 18
_ADAM = AdamConstants(beta1=0.9, beta2=0.999, eps=1e-8)


@dataclass(frozen=True)
class EncodedExamples:
    """Texts as rows of vectors, with their labels, and their weights in the loss; None: all weigh 1."""

    encoded: Encoded
    targets: Targets
    weights: Float32s | None = None


def initial_parameters(
    n_rows: int, n_labels: int, dim: int, pretrained: WordVectors | None, random: np.random.Generator
) -> ClassifierParameters:
    """Return the parameters that training starts from; the pretrained vectors are the first ones."""
    vectors = np.empty((n_rows, dim), dtype=np.float32)
    first = 0
    if pretrained is not None:
        first = len(pretrained)
        vectors[:first] = pretrained.matrix
        _ = pretrained.norms  # an error if an entry is not finite
    # As fastText begins: uniformly in ±1/dim.
    vectors[first:] = (2 * random.random((n_rows - first, dim), dtype=np.float32) - 1) / dim
    outside = np.zeros((n_labels, dim), dtype=np.float32)
    return ClassifierParameters(vectors, outside, np.zeros((1, n_labels), dtype=np.float32))


@dataclass
class _EpochPosition:
    """How far an epoch is.

    Attributes
    ----------
    blocks
        The numbers of the blocks that are still to be trained on.
    loss
        The summed loss of the other blocks.
    seconds
        The time spent on them.
    """

    blocks: list[int]
    loss: float = 0.0
    seconds: float = 0.0


_POSITION = {"blocks": [int], "loss": float, "seconds": float}
_STATE = {"history": [dict], "position": _POSITION, "block_size": int, "random": dict}
"""What the state of a checkpoint holds besides its arrays."""


class Trainer:
    """Trains a model on blocks of its texts, in an order that is drawn anew for each epoch.

    Parameters
    ----------
    model
        The model, with its parameters as they begin. They are changed in place.
    examples
        What to train on.
    label_weights : ndarray of float32
        The weight of each label in the loss.
    held_out
        What the best epoch is chosen by; None: the last epoch is the best.
    frozen
        The number of vectors, the first ones, that are not trained.
    settings
        How to train.
    random
        The generator of all random numbers. It is part of the state of the training.
    """

    def __init__(
        self,
        model: LinearModel,
        examples: EncodedExamples,
        label_weights: Float32s,
        held_out: EncodedExamples | None,
        frozen: int,
        settings: ClassifierSettings,
        random: np.random.Generator,
    ) -> None:
        encoded, targets = examples.encoded, examples.targets
        self.history: list[dict[str, Any]] = []
        self.words, self._n = len(encoded.rows), len(targets)
        self.n_epochs = settings.n_epochs(self._n)
        self._model, self._held_out, self._settings, self._random = model, held_out, settings, random
        self._phrases = Phrases(encoded.rows, encoded.offsets, model.factors)
        weights = _with_mean_of_1(examples.weights, self._n)
        self._labels = PhraseLabels(targets.ids, targets.offsets, label_weights, weights)
        self._training = TrainingSettings(
            normalize=NORMALIZATIONS.index(settings.l2_normalize),
            multi_label=targets.form != "single",
            frozen=frozen,
            biased=not settings.end_of_phrase,
            batch=settings.minibatch,
            lr=settings.initial_lr,
            total=float(self._n * self.n_epochs),
            keep=1.0 - settings.dropout,
        )
        blocks = max(math.ceil(self.words / _BLOCK_WORDS), settings.threads)
        self._block_size = math.ceil(math.ceil(self._n / settings.minibatch) / blocks) * settings.minibatch
        self._adam = new_adam_state(model.parameters) if settings.optimizer == "adam" else None
        self._best = (
            [array.copy() for array in self._trained(model.parameters)] if held_out is not None else []
        )
        self._begin_epoch()

    @property
    def best_epoch(self) -> int:
        """The number of the best epoch so far."""
        return best_epoch(self._scores) if self._held_out is not None else len(self.history)

    @property
    def is_finished(self) -> bool:
        """Whether all epochs are done, or the score has not improved for too long."""
        if len(self.history) >= self.n_epochs:
            return True
        return len(self._scores) > 0 and is_exhausted(self._scores, self._settings.patience)

    @property
    def loss_without_words(self) -> float:
        """The mean loss of the best probabilities that are the same for all texts."""
        labels = self._labels
        by_text = labels.phrase_weights.astype(np.float64)
        owners = np.repeat(np.arange(self._n), np.diff(labels.offsets))
        present = np.bincount(labels.ids, weights=by_text[owners], minlength=len(labels.weights))
        weights = [labels.weights * present]
        if self._training.multi_label:
            weights.append(by_text.sum() - present)
        totals = np.array(weights).sum(axis=0) if self._training.multi_label else weights[0].sum()
        losses = [part[part > 0] @ -np.log((part / totals)[part > 0]) for part in weights]
        return float(sum(losses)) / self._n

    def train_blocks(self, pool: ThreadPoolExecutor, is_to_pause: Callable[[], bool]) -> bool:
        """Train on blocks of this epoch; return whether the epoch is complete.

        Blocks are left for the next call as soon as `is_to_pause` says so. At least one is trained on.
        """
        started = time.perf_counter()
        blocks = self._position.blocks

        def train_block_unless_paused(block: int) -> float | None:
            return None if block != blocks[0] and is_to_pause() else self._train_block(block)

        left = []
        for block, loss in zip(blocks, pool.map(train_block_unless_paused, blocks), strict=True):
            if loss is None:
                left.append(block)
            else:
                self._position.loss += loss
        self._position.blocks = left
        self._position.seconds += time.perf_counter() - started
        return not left

    def end_epoch(self) -> dict[str, Any]:
        """Score the held-out texts, and begin the next epoch; return the entry of the history.

        Raises
        ------
        InputError
            The training diverged.
        """
        loss, seconds = self._position.loss / self._n, self._position.seconds
        epoch = len(self.history) + 1
        lr = self._settings.initial_lr
        rate = linear_decay(lr, epoch, self.n_epochs, floor=0.0)
        entry = {"epoch": epoch, "loss": loss, "lr": rate, "seconds": seconds}
        if not math.isfinite(loss):
            raise InputError(f"training diverged in epoch {epoch}: lower the learning rate, which was {lr:g}")
        if self._held_out is not None:
            probabilities = self._model.probabilities(self._held_out.encoded)
            entry["dev"] = float(self._model.right_decisions(probabilities, self._held_out.targets).mean())
        self.history.append(entry)
        if self._held_out is not None and self.best_epoch == epoch:
            for best, array in zip(self._best, self._trained(self._model.parameters), strict=True):
                best[:] = array
        self._begin_epoch()
        return entry

    def restore_best(self) -> None:
        """Set the parameters to those of the best epoch."""
        if self._held_out is not None:
            for array, best in zip(self._trained(self._model.parameters), self._best, strict=True):
                array[:] = best

    def state(self) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
        """Return all that training changes: arrays, and what JSON can hold."""
        state = {
            "history": self.history,
            "position": asdict(self._position),
            "block_size": self._block_size,
            "random": self._random_state,
        }
        return self._arrays(), state

    def put_back(self, arrays: Arrays, state: Mapping[str, Any], checkpoints: Checkpoints) -> None:
        """Go on from what `state` returned.

        Raises
        ------
        InputError
            The arrays are of other sizes, or the state is damaged.
        """
        checkpoints.check_state(state, _STATE)
        position = _EpochPosition(**{name: state["position"][name] for name in _POSITION})
        n_blocks = math.ceil(self._n / max(state["block_size"], 1))
        if state["block_size"] < 1 or not set(position.blocks) <= set(range(n_blocks)):
            raise checkpoints.refusal("is damaged (it has no such blocks)")
        for name, array in self._arrays().items():
            saved = arrays.get(name)
            if saved is None or (saved.shape, saved.dtype) != (array.shape, array.dtype):
                raise checkpoints.refusal("holds arrays of other sizes")
            array[:] = saved
        self.history, self._block_size = state["history"], state["block_size"]
        self._random.bit_generator.state = state["random"]
        self._begin_epoch()
        self._position = position

    @property
    def _scores(self) -> list[float]:
        return [entry["dev"] for entry in self.history] if self._held_out is not None else []

    def _trained(self, parameters: ClassifierParameters) -> ClassifierParameters:
        """Return the parts of parameters, or of what Adam keeps for them, that training changes."""
        return ClassifierParameters(
            parameters.vectors[self._training.frozen :], parameters.outside, parameters.bias
        )

    def _arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return all arrays that training changes, by name."""
        kinds = {"now": self._trained(self._model.parameters)}
        if self._best:
            kinds["best"] = ClassifierParameters(*self._best)
        if self._adam is not None:
            kinds["first"] = self._trained(self._adam.first)
            kinds["second"] = self._trained(self._adam.second)
        named = {
            f"{kind}/{name}": array for kind, of in kinds.items() for name, array in of._asdict().items()
        }
        return named if self._adam is None else {**named, "steps": self._adam.steps}

    def _begin_epoch(self) -> None:
        """Draw the order of the texts, and the seeds of the blocks."""
        self._random_state = self._random.bit_generator.state
        self._order: Int64s = self._random.permutation(self._n)
        n_blocks = math.ceil(self._n / self._block_size)
        self._seeds = self._random.integers(2**63, size=n_blocks, dtype=np.uint64)
        self._position = _EpochPosition(list(range(n_blocks)))

    def _train_block(self, block: int) -> float:
        """Train on one block of this epoch; return its summed loss."""
        start = block * self._block_size
        order = self._order[start : start + self._block_size]
        done = len(self.history) * self._n + start
        return train_block(
            self._phrases, self._labels, order, done, self._model.parameters, self._adam, self._training,
            self._seeds[block],
        )  # fmt: skip


def _with_mean_of_1(weights: Float32s | None, n: int) -> Float32s:
    """Return the weights of n texts, scaled so that the learning rate means the same as without weights."""
    if weights is None:
        return np.ones(n, dtype=np.float32)
    if not weights.any():
        raise InputError("the sample_weight of every text to train on is 0: nothing would be learned")
    scaled: Float32s = (weights / weights.mean(dtype=np.float64)).astype(np.float32)
    return scaled


def new_adam_state(parameters: ClassifierParameters) -> AdamState:
    """Return what Adam keeps, before its first step."""
    first, second = (ClassifierParameters(*map(np.zeros_like, parameters)) for _ in range(2))
    steps = np.zeros(len(parameters.vectors) + len(parameters.outside) + 1, dtype=np.int64)
    return AdamState(first, second, steps)


def train_block(
    phrases: Phrases,
    labels: PhraseLabels,
    order: npt.NDArray[np.int64],
    done: int,
    parameters: ClassifierParameters,
    adam: AdamState | None,
    training: TrainingSettings,
    seed: np.uint64,
) -> float:
    """Train on some phrases with Adam, or with SGD if `adam` is None, by the kernel that is the fastest."""
    from firth.classification.kernels import training as kernels

    loss: float
    if adam is None and training.batch == 1 and training.normalize != UNIT_WORDS:
        loss = kernels.train_sgd_singly(phrases, labels, order, done, parameters, training, seed)
    else:
        loss = kernels.train_in_minibatches(
            phrases, labels, order, done, parameters, adam, _ADAM, training, seed
        )
    return loss


def train(trainer: Trainer, settings: ClassifierSettings, checkpoints: Checkpoints, run: Run) -> None:
    """Go on to the end of the training; then set the parameters to those of the best epoch.

    A checkpoint is saved when it is due, and after Ctrl-C. If there is one already, training goes on from it.
    With one thread, the result has the same bits as if training had never stopped.

    Parameters
    ----------
    trainer
        What to train.
    settings
        How to train.
    checkpoints
        Where the state of the trainer is kept.
    run
        What to report to.

    Raises
    ------
    InputError
        The training diverged; or the checkpoint is of another training, broken, or cannot be written.
    KeyboardInterrupt
        Ctrl-C was pressed.
    """
    found = checkpoints.load()
    if found is not None:
        trainer.put_back(*found, checkpoints)
    with (
        run.progress.stage("training", trainer.words * trainer.n_epochs),
        worker_threads(settings.threads) as pool,
        deferred_interrupt() as interrupt,
    ):

        def is_to_pause() -> bool:
            return interrupt.pressed or checkpoints.due

        while not trainer.is_finished:
            if trainer.train_blocks(pool, is_to_pause):
                entry = trainer.end_epoch()
                figures = {name: entry[name] for name in ("loss", "dev") if name in entry}
                run.progress.advance(trainer.words * entry["epoch"], **figures)
            if is_to_pause():
                checkpoints.save(*trainer.state())
            interrupt.check()
        checkpoints.save(*trainer.state())
    trainer.restore_best()


def fingerprint(
    words: list[str], model: LinearModel, examples: EncodedExamples, held_out: EncodedExamples | None
) -> str:
    """Return a hash of all data that a training depends on: texts, labels, and initial parameters."""
    digest = hashlib.sha256(_encoded(words, model.classes.tolist(), model.form))
    for array in (*model.parameters, model.factors):
        digest.update(array.tobytes())
    for given in (examples, held_out):
        if given is not None:
            targets = given.targets
            digest.update(_encoded(targets.classes.tolist(), targets.form))
            for array in (given.encoded.rows, given.encoded.offsets, targets.ids, targets.offsets):
                digest.update(array.tobytes())
            if given.weights is not None:
                digest.update(given.weights.tobytes())
    return digest.hexdigest()


def _encoded(*values: Any) -> bytes:
    """Return values as bytes; labels may be of types that JSON does not have."""
    return json.dumps(values, default=repr).encode()
