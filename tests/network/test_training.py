"""The training loop: the same bits however it is run, and what it does when something is wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firth import FirthError
from firth.errors import InputError
from firth.learning.optimizers import Adam
from firth.learning.schedules import linear_decay
from firth.network import layers, training
from firth.network.decider import Decider, DeciderShape
from firth.network.encoder import Batch, Encoder, EncoderShape
from firth.network.gradients import Gradients
from firth.network.parameters import Parameters
from firth.network.training import Schedule, train
from firth.progress import Progress
from firth.runs.run import open_run

SCHEDULE = Schedule(epochs=4, batch=20, lr=0.02)


class Tagging:
    """Sentences of units 0 to 2; the tag of a unit is its sum with the unit before, modulo 3."""

    def __init__(self, interrupt: int | None = None) -> None:
        random = np.random.default_rng(5)
        self._lengths = random.integers(1, 8, size=40)
        self._units = [random.integers(3, size=length) for length in self._lengths]
        self.parameters: Parameters = {}
        self._encoder = Encoder(EncoderShape(((3, 16),), 0, 16, 1), self.parameters)
        self._decider = Decider(DeciderShape(16, 0, 1, 0, 0, 32, 3), self.parameters)
        for part in (self._encoder, self._decider):
            part.initialise(np.random.default_rng(1))
        self._interrupt = interrupt
        self.epochs: list[int] = []

    def lengths(self) -> np.ndarray:
        return self._lengths

    def _forward(self, sentences: Sequence[int], gradients: Gradients, p: float, random: Any) -> Any:
        units = [self._units[k] for k in sentences]
        tags = np.concatenate([(each + np.concatenate([[0], each[:-1]])) % 3 for each in units])
        ids = np.concatenate(units)[:, None]
        batch = Batch(ids, np.zeros((len(ids), 0), np.float32), self._lengths[list(sentences)])
        rows, encoder_backward = self._encoder.forward(batch, gradients, p, random)
        none = np.zeros((len(ids), 0), np.int64)
        scores, backward = self._decider.forward(rows, batch.unit_rows[:, None], none, gradients, p, random)
        return scores, tags, lambda dscores: encoder_backward(backward(dscores))

    def gradient(
        self, sentences: Sequence[int], gradients: Gradients, random: np.random.Generator, epoch: int
    ) -> tuple[float, int]:
        self.epochs.append(epoch)
        if epoch == self._interrupt and 0 in sentences:
            raise KeyboardInterrupt
        scores, tags, backward = self._forward(sentences, gradients, 0.2, random)
        losses, loss_backward = layers.optimal_softmax(
            scores, np.ones(scores.shape, np.bool_), np.eye(3, dtype=np.bool_)[tags]
        )
        backward(*loss_backward(np.ones_like(losses)))
        return float(losses.sum(dtype=np.float64)), len(tags)

    def evaluate(self) -> dict[str, float]:
        scores, tags, _ = self._forward(range(len(self._lengths)), Gradients(), 0.0, None)
        return {"accuracy": float((scores.argmax(axis=1) == tags).mean() * 100), "tags": float(len(tags))}


class EndOfScriptError(Exception):
    pass


class Scripted:
    """A parameter that goes down at each step, with scores as told."""

    def __init__(self, *scores: float, loss: float = 1.0, gradient: float = 1.0) -> None:
        self.parameters = {"w": np.zeros(3, np.float32)}
        self._scores = iter(scores)
        self._loss, self._gradient = loss, np.full(3, gradient, np.float32)
        self.seen: list[float] = []
        self.drawn: list[float] = []

    def lengths(self) -> np.ndarray:
        return np.array([2, 3])

    def gradient(
        self, sentences: Sequence[int], gradients: Gradients, random: np.random.Generator, epoch: int
    ) -> tuple[float, int]:
        gradients.add("w", self._gradient.copy())
        self.drawn.append(random.random())
        return self._loss, 1

    def evaluate(self) -> dict[str, float]:
        score = next(self._scores, None)
        if score is None:
            raise EndOfScriptError
        self.seen.append(float(self.parameters["w"][0]))
        return {"score": score, "other": float(len(self.seen))}


def _train(
    task: Any,
    schedule: Schedule = SCHEDULE,
    threads: int = 1,
    checkpoint: Path | None = None,
    settings: dict[str, Any] | None = None,
) -> list[dict[str, float]]:
    folder = None if checkpoint is None else checkpoint.parent
    with open_run("test", folder, resume=folder is not None) as run:
        return train(task, schedule, name="toy", threads=threads, run=run, settings=settings)


def _bits(parameters: Mapping[str, np.ndarray]) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in parameters.items()}


def _without_time(history: list[dict[str, float]]) -> list[dict[str, float]]:
    return [{name: x for name, x in figures.items() if name != "seconds"} for figures in history]


@pytest.fixture(scope="module")
def straight() -> tuple[dict[str, bytes], list[dict[str, float]]]:
    """Return the parameters and the history of a training that nothing disturbs."""
    task = Tagging()
    history = _train(task)
    return _bits(task.parameters), _without_time(history)


def test_it_learns() -> None:
    task = Tagging()
    history = _train(task, replace(SCHEDULE, epochs=15))
    assert [figures["epoch"] for figures in history] == list(range(1, 1 + len(history)))
    assert list(history[0]) == ["epoch", "seconds", "loss", "accuracy", "tags"]
    assert 0.8 < history[0]["loss"] < 2  # log 3 is 1.1
    assert history[-1]["loss"] < 0.5 * history[0]["loss"]  # with dropout
    assert history[0]["accuracy"] < 80
    assert max(figures["accuracy"] for figures in history) == 100


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_the_same_seed_gives_the_same_bits_with_any_number_of_threads(straight: Any, threads: int) -> None:
    task = Tagging()
    history = _train(task, threads=threads)
    assert (_bits(task.parameters), _without_time(history)) == straight


def test_another_seed_gives_others(straight: Any) -> None:
    task = Tagging()
    _train(task, replace(SCHEDULE, seed=2))
    assert _bits(task.parameters) != straight[0]


@pytest.mark.parametrize("interrupt", [1, 2, 4])
def test_what_was_interrupted_goes_on_to_the_same_bits(straight: Any, tmp_path: Path, interrupt: int) -> None:
    checkpoint = tmp_path / "firth-test-toy.checkpoint"
    with pytest.raises(KeyboardInterrupt):
        _train(Tagging(interrupt), checkpoint=checkpoint, settings={"data": "abc"})
    assert checkpoint.exists() == (interrupt > 1)
    task = Tagging()
    history = _train(task, threads=2, checkpoint=checkpoint, settings={"data": "abc"})
    assert min(task.epochs) == interrupt
    assert (_bits(task.parameters), _without_time(history)) == straight
    assert [path.name for path in tmp_path.iterdir()] == [checkpoint.name]


def test_what_is_finished_is_not_trained_again(straight: Any, tmp_path: Path) -> None:
    checkpoint = tmp_path / "firth-test-toy.checkpoint"
    first = _train(Tagging(), checkpoint=checkpoint)
    task = Tagging()
    assert _train(task, checkpoint=checkpoint) == first
    assert task.epochs == []
    assert _bits(task.parameters) == straight[0]


@pytest.mark.parametrize(
    ("schedule", "settings", "message"),
    [
        (replace(SCHEDULE, lr=0.5), {"data": "abc"}, "was made with lr = 0.02, not 0.5"),
        (replace(SCHEDULE, seed=2), {"data": "abc"}, "seed = 1, not 2"),
        (SCHEDULE, {"data": "abd"}, "was made from other data"),
        (SCHEDULE, {"data": "abc", "width": 3}, "width = None, not 3"),
    ],
)
def test_a_checkpoint_of_other_settings_is_refused(
    tmp_path: Path, schedule: Schedule, settings: dict[str, Any], message: str
) -> None:
    checkpoint = tmp_path / "firth-test-toy.checkpoint"
    _train(Tagging(), replace(SCHEDULE, epochs=4), checkpoint=checkpoint, settings={"data": "abc"})
    task = Tagging()
    before, written = _bits(task.parameters), checkpoint.read_bytes()
    with pytest.raises(InputError, match=message) as caught:
        _train(task, schedule, checkpoint=checkpoint, settings=settings)
    assert str(checkpoint) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert _bits(task.parameters) == before
    assert checkpoint.read_bytes() == written


def test_a_checkpoint_of_another_network_is_refused(tmp_path: Path) -> None:
    checkpoint = tmp_path / "firth-test-toy.checkpoint"
    _train(Tagging(), checkpoint=checkpoint)
    with pytest.raises(InputError, match="holds arrays of other sizes"):
        _train(Scripted(), checkpoint=checkpoint)


def test_a_broken_checkpoint_is_refused(tmp_path: Path) -> None:
    checkpoint = tmp_path / "firth-test-toy.checkpoint"
    checkpoint.write_bytes(b"\x08\0\0\0\0\0\0\0{")
    with pytest.raises(InputError, match=r"toy\.checkpoint"):
        _train(Tagging(), checkpoint=checkpoint)


@pytest.mark.parametrize(
    ("scores", "patience", "epochs"),
    [
        ([1, 2, 3, 4, 5, 6], 1, 6),
        ([1, 2, 2, 3], 1, 3),  # as good as before is no improvement
        ([5, 1, 2, 3, 4, 6], 3, 4),
        ([5, 1, 2, 3, 4, 6], 5, 6),
        ([3, 2, 4, 1, 1, 9], 2, 5),
    ],
)
def test_patience(scores: list[float], patience: int, epochs: int) -> None:
    task = Scripted(*scores)
    history = _train(task, Schedule(epochs=6, patience=patience))
    assert [figures["score"] for figures in history] == scores[:epochs]
    best = int(np.argmax(scores[:epochs]))
    np.testing.assert_array_equal(task.parameters["w"], np.float32(task.seen[best]))


def test_patience_goes_on_after_an_interruption(tmp_path: Path) -> None:
    checkpoint = tmp_path / "firth-test-toy.checkpoint"
    schedule = Schedule(epochs=9, patience=3)
    with pytest.raises(EndOfScriptError):
        _train(Scripted(5, 1), schedule, checkpoint=checkpoint)
    task = Scripted(2, 3, 4, 6)
    assert len(_train(task, schedule, checkpoint=checkpoint)) == 4
    straight = Scripted(5, 1, 2, 3)
    _train(straight, schedule)
    np.testing.assert_array_equal(task.parameters["w"], straight.parameters["w"])


@pytest.mark.parametrize(
    ("task", "what"),
    [
        (Scripted(1, loss=float("nan")), "the loss"),
        (Scripted(1, loss=float("inf")), "the loss"),
        (Scripted(1, gradient=float("nan")), "a parameter"),
    ],
    ids=["nan", "inf", "gradient"],
)
def test_divergence_is_an_error(task: Scripted, what: str, tmp_path: Path) -> None:
    checkpoint = tmp_path / "firth-test-toy.checkpoint"
    with pytest.raises(FirthError, match=f"toy: {what} is not finite any more in epoch 1: .* than 0.002$"):
        _train(task, Schedule(), checkpoint=checkpoint)
    assert task.seen == []
    assert not checkpoint.exists()


def test_a_learning_rate_that_is_far_too_high_is_an_error_without_warnings() -> None:
    with pytest.raises(FirthError, match="not finite any more"):
        _train(Tagging(), replace(SCHEDULE, lr=1e30))


def test_a_step_is_that_of_adam_on_the_mean_loss_with_its_penalty() -> None:
    """Shards are summed and divided by the number of terms; the penalty is added once."""
    schedule = Schedule(epochs=1, batch=1000, lr=0.05, beta2=0.9, l2=0.3)
    task, reference = Tagging(), Tagging()
    rate = linear_decay(schedule.lr, 0, 1)
    before = {name: array.copy() for name, array in reference.parameters.items()}
    recorded: dict[str, np.ndarray] = {}

    original = task.gradient

    def gradient(
        sentences: Sequence[int], gradients: Gradients, random: Any, epoch: int
    ) -> tuple[float, int]:
        result = original(sentences, gradients, random, epoch)
        for name, array in task.parameters.items():
            gradients.add_to(recorded.setdefault(name, np.zeros_like(array)), name)
        return result

    task.gradient = gradient  # type: ignore[method-assign]
    _train(task, schedule)
    terms = int(task.lengths().sum())
    penalised = {name: recorded[name] / terms + schedule.l2 * before[name] for name in before}
    Adam(rate, beta2=schedule.beta2).step(reference.parameters, penalised)
    for name, array in task.parameters.items():
        np.testing.assert_allclose(array, reference.parameters[name], rtol=1e-4, atol=1e-5, err_msg=name)


def test_adam_of_the_loop_is_adam() -> None:
    random = np.random.default_rng(1)
    parameters = {"a": random.normal(size=(3, 2)), "b": random.normal(size=4).astype(np.float32)}
    expected = {name: array.copy() for name, array in parameters.items()}
    schedule = Schedule(lr=0.05, beta2=0.95)
    adam, reference = training._Adam(parameters, schedule), Adam(0.05, beta2=0.95)
    for steps in (1, 2, 3):
        shards = [
            {name: random.normal(size=a.shape).astype(a.dtype) for name, a in parameters.items()}
            for _ in "123"
        ]
        gradients = [Gradients() for _ in shards]
        for each, shard in zip(gradients, shards, strict=True):
            for name, array in shard.items():
                each.add(name, array)
        reference.step(
            expected,
            {n: (sum(s[n] for s in shards) * 0.1 + 0.2 * a).astype(a.dtype) for n, a in expected.items()},
        )
        adam.steps = steps
        for name in parameters:
            adam.update(name, gradients, 0.1, 0.2)
    assert {array.dtype for array in parameters.values()} == {np.dtype(np.float32), np.dtype(np.float64)}
    for name, array in parameters.items():
        tolerance = 1e-5 if array.dtype == np.float32 else 1e-12
        np.testing.assert_allclose(array, expected[name], rtol=tolerance, atol=tolerance)


def test_batches_hold_every_sentence_once() -> None:
    lengths = np.random.default_rng(3).integers(1, 60, size=500)
    schedule = Schedule(batch=200)
    batches = training._batches(lengths, schedule, 1)
    assert sorted(np.concatenate(batches).tolist()) == list(range(500))
    assert all(100 < lengths[batch].sum() < 300 for batch in batches[:-1])
    assert not np.array_equal(batches[0], training._batches(lengths, schedule, 2)[0])


def test_random_numbers_are_drawn_afresh_for_each_epoch_and_shard() -> None:
    tasks = Scripted(1, 2, 3), Scripted(1, 2, 3), Scripted(1, 2, 3)
    for task, seed in zip(tasks, (1, 1, 2), strict=True):
        _train(task, Schedule(epochs=3, seed=seed))
    first, again, other = (task.drawn for task in tasks)
    assert len(first) == len(set(first)) == 6  # two sentences, each a shard
    assert first == again
    assert set(first).isdisjoint(other)


def test_progress_tells_of_each_epoch() -> None:
    class Recorder(Progress):
        def __init__(self) -> None:
            self.told: list[Any] = []

        def begin(self, stage: str, total: int | None = None, unit: str = "words") -> None:
            self.told.append((stage, total))

        def advance(self, done: int, **figures: float) -> None:
            self.last = (done, figures)

        def end(self, **figures: float) -> None:
            self.told.append(self.last)

    recorder = Recorder()
    with open_run("test", progress=recorder) as run:
        train(Scripted(7, 8), Schedule(epochs=2), name="toy", threads=1, run=run)
    assert recorder.told == [
        ("toy, epoch 1 of 2", 5),
        (5, {"loss": 1.0, "score": 7, "other": 1.0}),
        ("toy, epoch 2 of 2", 5),
        (5, {"loss": 1.0, "score": 8, "other": 2.0}),
    ]
