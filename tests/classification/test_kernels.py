"""The compiled loops against the formulas, and without a compiler."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firth.classification.kernels.arguments import (
    UNIT_PHRASE,
    ClassifierParameters,
    PhraseLabels,
    Phrases,
    TrainingSettings,
)
from firth.classification.kernels.forward import score
from firth.classification.kernels.training import learning_rate, train_in_minibatches, train_sgd_singly
from firth.classification.training import new_adam_state, train_block
from firth.learning.optimizers import Adam
from firth.learning.phrase_objective import phrase_loss
from firth.learning.schedules import linear_decay

NORMALIZE = ("none", "words", "phrase")
# A word twice in a phrase, a phrase without words, words in several phrases; row 6 occurs nowhere.
ROWS = np.array([0, 3, 3, 1, 2, 5, 4], dtype=np.uint32)
OFFSETS = np.array([0, 4, 4, 6, 7])
SINGLE = [2, 0, 1, 2]
SEVERAL: list[list[int]] = [[0, 2], [], [1], [0, 1, 2]]


class Problem:
    """Random parameters, and phrases with labels."""

    def __init__(
        self, several: bool, normalize: str, adam: bool = False, weighted: bool = False, **settings: Any
    ) -> None:
        random = np.random.default_rng(1)
        n, k, dim = 7, 3, 5
        self.factors = random.uniform(0.5, 1.5, size=n).astype(np.float32)
        self.weights = random.uniform(0.5, 1.5, size=k).astype(np.float32)
        self.labels: list[Any] = list(SEVERAL) if several else list(SINGLE)
        self.normalize = normalize
        self.parameters = ClassifierParameters(
            *(random.normal(size=shape).astype(np.float32) for shape in ((n, dim), (k, dim), (1, k)))
        )
        self.parameters.vectors[5] = 0  # has no direction
        lists = [x if several else [x] for x in self.labels]
        self.encoded = Phrases(ROWS, OFFSETS, self.factors)
        self.targets = PhraseLabels(
            np.array([y for ys in lists for y in ys], dtype=np.uint32),
            np.concatenate([[0], np.cumsum([len(ys) for ys in lists])]),
            self.weights,
            np.array([1.0, 0.5, 2.0, 0.0] if weighted else np.ones(4), dtype=np.float32),
        )
        defaults = {
            "normalize": NORMALIZE.index(normalize), "multi_label": several, "frozen": 0, "biased": True,
            "batch": 4, "lr": 0.1, "total": 1e9, "keep": 1.0,
        }  # fmt: skip
        self.settings = TrainingSettings(**defaults | settings)
        self.adam = adam

    def gradients(self, phrases: list[int], at: ClassifierParameters) -> tuple[float, dict[str, Any]]:
        """Return the summed loss of some phrases and the mean gradients, by the formulas."""
        exact = [np.asarray(array, dtype=np.float64) for array in at]
        loss, sums = 0.0, [np.zeros_like(array) for array in exact]
        for i in phrases:
            rows = ROWS[OFFSETS[i] : OFFSETS[i + 1]]
            value, by_words, by_outside, by_bias = phrase_loss(
                exact[0][rows], self.factors[rows].astype(np.float64), exact[1], exact[2][0], self.labels[i],
                l2_normalize=self.normalize, weights=self.weights.astype(np.float64),
            )  # fmt: skip
            weight = float(self.targets.phrase_weights[i])
            share = weight / len(phrases)
            loss += weight * float(value)
            np.add.at(sums[0], rows, share * by_words)
            sums[1] += share * by_outside
            sums[2] += share * by_bias[None]
        return loss, dict(zip(("vectors", "outside", "bias"), sums, strict=True))

    def train(self, order: list[int], seed: int = 1) -> tuple[float, ClassifierParameters]:
        """Return the loss and the parameters after training on phrases in this order."""
        after = ClassifierParameters(*(array.copy() for array in self.parameters))
        adam = new_adam_state(after) if self.adam else None
        loss = train_block(
            self.encoded, self.targets, np.array(order), 0, after, adam, self.settings, np.uint64(seed)
        )
        return loss, after


@pytest.mark.parametrize("normalize", NORMALIZE)
@pytest.mark.parametrize("several", [False, True], ids=["softmax", "several labels"])
@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("weighted", [False, True], ids=["", "weights of phrases"])
def test_a_step_of_sgd_is_along_the_gradients(
    several: bool, normalize: str, batch: int, weighted: bool
) -> None:
    problem = Problem(several, normalize, batch=batch, weighted=weighted)
    loss, after = problem.train([2, 0, 1, 3])
    expected, expected_loss = problem.parameters, 0.0
    for minibatch in [[2], [0], [1], [3]] if batch == 1 else [[2, 0, 1, 3]]:
        value, gradients = problem.gradients(minibatch, expected)
        expected_loss += value
        expected = ClassifierParameters(
            *(np.asarray(a) - 0.1 * g for a, g in zip(expected, gradients.values(), strict=True))
        )
    assert loss == pytest.approx(expected_loss, rel=1e-5)
    for array, right in zip(after, expected, strict=True):
        np.testing.assert_allclose(array, right, rtol=2e-4, atol=1e-6)


@pytest.mark.parametrize("normalize", ["none", "phrase"])
def test_both_kernels_of_sgd_take_the_same_steps(normalize: str) -> None:
    problem = Problem(False, normalize, batch=1, keep=0.5)
    singly, in_minibatches = (
        ClassifierParameters(*(array.copy() for array in problem.parameters)) for _ in range(2)
    )
    given = problem.encoded, problem.targets, np.array([2, 0, 1, 3]), 0
    loss = train_sgd_singly(*given, singly, problem.settings, np.uint64(1))
    expected = train_in_minibatches(*given, in_minibatches, None, None, problem.settings, np.uint64(1))
    assert loss == pytest.approx(expected, rel=1e-5)
    for array, right in zip(singly, in_minibatches, strict=True):
        np.testing.assert_allclose(array, right, rtol=2e-4, atol=1e-6)


def test_the_learning_rate_is_that_of_learning() -> None:
    """To the bit, also after the end."""
    for lr, total in ((0.1, 1e6), (0.3, 7.0), (1e-3, 12345.0)):
        for done in [0, 1, 2, 3, 5, 6, 7, 8, *range(10, 12345, 97), 999_999]:
            assert learning_rate(lr, done, total) == linear_decay(lr, done, total, floor=0.0)


def test_the_learning_rate_falls_within_a_block() -> None:
    """A phrase moves a bias by the rate at its place in the order times its gradient."""
    problem = Problem(False, "none", batch=1, frozen=7, lr=0.5, total=3.0)
    problem.parameters.outside[:] = 0
    _, gradients = problem.gradients([1], problem.parameters)
    _, after = problem.train([1])
    np.testing.assert_allclose(problem.parameters.bias - after.bias, 0.5 * gradients["bias"], rtol=1e-5)
    done = np.array([3, 1]), 2  # the second phrase is the last of three: nothing is left of the rate
    after = ClassifierParameters(*(array.copy() for array in problem.parameters))
    train_sgd_singly(problem.encoded, problem.targets, *done, after, problem.settings, np.uint64(1))
    _, gradients = problem.gradients([3], problem.parameters)
    rate = linear_decay(0.5, 2, 3.0, floor=0.0)
    np.testing.assert_allclose(
        problem.parameters.bias - after.bias, rate * gradients["bias"], rtol=1e-4, atol=1e-7
    )


@pytest.mark.parametrize("several", [False, True], ids=["softmax", "several labels"])
def test_adam_is_that_of_learning(several: bool) -> None:
    """All parameters occur in each minibatch here, so that no vector stands still."""
    problem = Problem(several, "none", adam=True, lr=0.01)
    parameters = {
        name: np.asarray(array, dtype=np.float64) for name, array in problem.parameters._asdict().items()
    }
    adam = Adam(lr=0.01)
    for _ in range(2):
        _, gradients = problem.gradients([0, 1, 2, 3], ClassifierParameters(**parameters))
        adam.step(parameters, gradients)
    _, after = problem.train([0, 1, 2, 3, 0, 1, 2, 3])
    for name, array in after._asdict().items():
        np.testing.assert_allclose(array, parameters[name], rtol=1e-3, atol=1e-5)


def test_adam_leaves_vectors_alone_that_do_not_occur() -> None:
    problem = Problem(False, "none", adam=True, batch=1)
    _, after = problem.train([0, 3])  # phrase 2, with rows 2 and 5, is not among them
    same = (after.vectors == problem.parameters.vectors).all(axis=1)
    assert same.tolist() == [False, False, True, False, False, True, True]


def test_frozen_vectors_stay() -> None:
    problem = Problem(False, "none", frozen=3)
    _, after = problem.train([0, 1, 2, 3])
    np.testing.assert_array_equal(after.vectors[:3], problem.parameters.vectors[:3])
    assert (after.vectors[[3, 4]] != problem.parameters.vectors[[3, 4]]).any(axis=1).all()


def test_dropout_keeps_the_expected_share() -> None:
    """With one phrase and its label weight 1, the gradient of the outside vectors shows the mask."""
    problem = Problem(False, "none", keep=0.75, lr=1e-3, batch=1)
    kept = []
    for seed in range(300):
        _, after = problem.train([0], seed)
        kept.append((after.outside != problem.parameters.outside).any(axis=0).mean())
    assert np.mean(kept) == pytest.approx(0.75, abs=0.04)


def test_score_is_the_product_plus_the_bias() -> None:
    problem = Problem(False, "phrase")
    scores = np.empty((4, 3), np.float32)
    score(problem.encoded, problem.parameters, UNIT_PHRASE, scores)
    np.testing.assert_allclose(scores[1], problem.parameters.bias[0])  # no word
    words = ROWS[:4]
    mean = (problem.factors[words, None] * problem.parameters.vectors[words]).sum(axis=0)
    unit = mean / np.linalg.norm(mean)
    np.testing.assert_allclose(
        scores[0], problem.parameters.outside @ unit + problem.parameters.bias[0], rtol=1e-5
    )


def test_without_a_compiler() -> None:
    """The same functions as plain Python give the same steps."""
    code = (
        f"import numpy as np, sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from test_kernels import Problem\n"
        "for several, normalize in ((False, 'words'), (True, 'phrase')):\n"
        "    loss, after = Problem(several, normalize, batch=2, adam=several).train([2, 0, 1, 3])\n"
        "    print(repr(float(loss)), *after.vectors.ravel().tolist())\n"
    )
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    for line, (several, normalize) in zip(
        done.stdout.splitlines(), ((False, "words"), (True, "phrase")), strict=True
    ):
        loss, after = Problem(several, normalize, batch=2, adam=several).train([2, 0, 1, 3])
        plain = np.array(line.split(), dtype=np.float64)
        np.testing.assert_allclose(plain, [loss, *after.vectors.ravel()], rtol=2e-3, atol=1e-5)
