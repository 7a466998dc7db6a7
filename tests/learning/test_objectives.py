"""Objectives: worked examples, definitions written out, PyTorch's autograd, stability, bad input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from firth import FirthError
from firth.learning import activations, objectives

N, D = 7, 4


def vectors(seed: int, dtype: type = np.float64) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    return random.normal(size=(N, D)).astype(dtype), random.normal(size=(N, D)).astype(dtype)


def test_naive_softmax_by_hand() -> None:
    # Scores 0 and log 3, so the prediction is (1/4, 3/4) and the error for outside word 0 is (−3/4, 3/4).
    loss, grad_center, grad_U = objectives.naive_softmax(
        np.array([np.log(3), 0.0]), 0, np.array([[0.0, 5.0], [1.0, 2.0]])
    )
    assert loss == pytest.approx(np.log(4))
    np.testing.assert_allclose(grad_center, [0.75, -2.25])
    np.testing.assert_allclose(grad_U, [[-0.75 * np.log(3), 0], [0.75 * np.log(3), 0]])


def test_naive_softmax_is_cross_entropy() -> None:
    V, U = vectors(0)
    y = np.eye(N)[3]
    predicted = activations.softmax(U @ V[1])
    loss, grad_center, grad_U = objectives.naive_softmax(V[1], 3, U)
    assert loss == pytest.approx(-np.sum(y * np.log(predicted)))
    np.testing.assert_allclose(grad_center, U.T @ (predicted - y))
    np.testing.assert_allclose(grad_U, np.outer(predicted - y, V[1]))


def test_gradient_of_the_centre_vanishes_where_the_expected_outside_vector_is_the_observed_one() -> None:
    # Dependent rows: u_0 is the mean of u_1 and u_2, and the prediction at v = 0 is uniform.
    U = np.array([[1.0, 1.0], [2.0, 0.0], [0.0, 2.0]])
    loss, grad_center, _ = objectives.naive_softmax(np.zeros(2), 0, U)
    assert loss == pytest.approx(np.log(3))
    np.testing.assert_allclose(grad_center, 0, atol=1e-15)


def test_negative_sampling_by_hand() -> None:
    # All scores are 0, so every term is log 2 and every factor 1/2.
    U = np.array([[0.0, 1.0], [0.0, 3.0], [0.0, -1.0]])
    loss, grad_center, grad_U = objectives.negative_sampling(np.array([2.0, 0.0]), 0, [1, 1], U)
    assert loss == pytest.approx(3 * np.log(2))
    np.testing.assert_allclose(grad_center, [0, -0.5 + 2 * 1.5])
    np.testing.assert_allclose(grad_U, [[-1, 0], [2, 0], [0, 0]])


@pytest.mark.parametrize(
    "negatives",
    [[1, 2, 5], [5, 5, 5], [3, 3, 0], [3], []],
    ids=["distinct", "repeats", "outside", "one", "none"],
)
def test_negative_sampling_is_its_definition(negatives: list[int]) -> None:
    V, U = vectors(1)
    v, o = V[0], 3
    loss, grad_center, grad_U = objectives.negative_sampling(v, o, negatives, U)

    def sigma(x: float) -> float:
        return 1 / (1 + np.exp(-x))

    expected_loss = -np.log(sigma(U[o] @ v))
    expected_center = -(1 - sigma(U[o] @ v)) * U[o]
    expected_U = np.zeros_like(U)
    expected_U[o] -= (1 - sigma(U[o] @ v)) * v
    for w in negatives:  # one draw at a time, so a repeated word counts as often as it was drawn
        expected_loss -= np.log(sigma(-U[w] @ v))
        expected_center += (1 - sigma(-U[w] @ v)) * U[w]
        expected_U[w] += (1 - sigma(-U[w] @ v)) * v
    assert loss == pytest.approx(expected_loss)
    np.testing.assert_allclose(grad_center, expected_center)
    np.testing.assert_allclose(grad_U, expected_U)


def test_words_that_were_not_drawn_have_no_gradient() -> None:
    V, U = vectors(2)
    _, _, grad_U = objectives.negative_sampling(V[0], 3, [5, 1], U)
    np.testing.assert_array_equal(np.flatnonzero(grad_U.any(axis=1)), [1, 3, 5])


WINDOW = [2, 0, 2, 6]  # word 2 twice
DRAWN = [[1, 1], [0, 5], [2, 3], [4, 6]]


@pytest.mark.parametrize("objective", ["naive_softmax", "negative_sampling"])
def test_skip_gram_is_the_sum_over_its_window(objective: Any) -> None:
    V, U = vectors(3)
    c = 6  # also one of its own neighbours
    sampling = objective == "negative_sampling"
    loss, grad_V, grad_U = objectives.skip_gram(c, WINDOW, V, U, objective, DRAWN if sampling else None)
    expected_loss, expected_V, expected_U = 0.0, np.zeros_like(V), np.zeros_like(U)
    for outside, negatives in zip(WINDOW, DRAWN, strict=True):
        if sampling:
            pair = objectives.negative_sampling(V[c], outside, negatives, U)
        else:
            pair = objectives.naive_softmax(V[c], outside, U)
        expected_loss += pair[0]
        expected_V[c] += pair[1]
        expected_U += pair[2]
    assert loss == pytest.approx(expected_loss)
    np.testing.assert_allclose(grad_V, expected_V, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(grad_U, expected_U, rtol=1e-12, atol=1e-15)
    assert not np.delete(grad_V, c, axis=0).any()


def test_a_word_without_neighbours_has_no_loss() -> None:
    V, U = vectors(4)
    loss, grad_V, grad_U = objectives.skip_gram(0, [], V, U)
    assert loss == 0
    assert not grad_V.any()
    assert not grad_U.any()


def test_agrees_with_autograd() -> None:
    torch = pytest.importorskip("torch")
    V, U = vectors(5)
    c = 1
    tv, tu = torch.tensor(V, requires_grad=True), torch.tensor(U, requires_grad=True)

    def gradients(loss: Any) -> list[np.ndarray]:
        return [loss.item(), *(g.numpy() for g in torch.autograd.grad(loss, [tv, tu]))]

    window, drawn = torch.tensor(WINDOW), torch.tensor(DRAWN)
    softmax = torch.nn.functional.cross_entropy((tu @ tv[c]).expand(len(WINDOW), N), window, reduction="sum")
    log_sigmoid = torch.nn.functional.logsigmoid
    sampling = -log_sigmoid(tu[window] @ tv[c]).sum() - log_sigmoid(-(tu[drawn] @ tv[c])).sum()
    for ours, theirs in (
        (objectives.skip_gram(c, WINDOW, V, U), gradients(softmax)),
        (objectives.skip_gram(c, WINDOW, V, U, "negative_sampling", DRAWN), gradients(sampling)),
    ):
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-15)


def every_objective(v: np.ndarray, U: np.ndarray) -> list[tuple[Any, np.ndarray, np.ndarray]]:
    V = np.tile(v, (len(U), 1))
    return [
        objectives.naive_softmax(v, 1, U),
        objectives.negative_sampling(v, 1, [0, 2, 2, 1], U),
        objectives.skip_gram(0, [1, 1, 2], V, U),
        objectives.skip_gram(0, [1, 1, 2], V, U, "negative_sampling", [[0], [2], [1]]),
    ]


def test_float32_stays_float32_and_agrees_with_float64() -> None:
    V, U = vectors(6)
    single = every_objective(V[0].astype(np.float32), U.astype(np.float32))
    for ours, exact in zip(single, every_objective(V[0], U), strict=True):
        for a, b in zip(ours, exact, strict=True):
            assert a.dtype == np.float32
            assert b.dtype == np.float64
            np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@settings(deadline=None, derandomize=True)
@given(scores=arrays(np.float64, 3, elements=st.sampled_from([-1e4, -700.0, -1.0, 0.0, 1.0, 90.0, 1e4])))
def test_scores_of_ten_thousand_are_no_trouble(dtype: type, scores: np.ndarray) -> None:
    v, U = np.array([1.0, 0.0], dtype), np.stack([scores, np.ones(3)], axis=1).astype(dtype)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        results = every_objective(v, U)
    for loss, grad_center, grad_U in results:
        assert loss >= 0
        assert all(np.isfinite(x).all() for x in (loss, grad_center, grad_U))
    expected = np.logaddexp.reduce(scores) - scores[1]
    assert results[0][0] == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_limits_of_the_loss() -> None:
    U = np.array([[1e4], [-1e4], [0.0]])
    v = np.ones(1)
    loss, grad_center, _ = objectives.naive_softmax(v, 0, U)
    assert (loss, *grad_center) == (0, 0)  # the prediction is right
    loss, grad_center, _ = objectives.naive_softmax(v, 1, U)
    assert (loss, *grad_center) == (2e4, 2e4)  # it could not be more wrong
    loss, grad_center, _ = objectives.negative_sampling(v, 0, [1], U)
    assert (loss, *grad_center) == (0, 0)
    loss, grad_center, _ = objectives.negative_sampling(v, 1, [0], U)
    assert (loss, *grad_center) == (2e4, 2e4)


def test_scores_that_the_float_type_cannot_hold_are_refused() -> None:
    v, U = np.full(2, 1e30, np.float32), np.full((3, 2), 1e30, np.float32)
    with pytest.raises(FirthError, match="scores U v overflow float32"):
        objectives.naive_softmax(v, 0, U)
    with pytest.raises(FirthError, match="scores U v overflow float32"):
        objectives.negative_sampling(v, 0, [1], U)


V, U = vectors(7)
v = V[0]
NAN = np.where(np.arange(D) == 2, np.nan, v)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: objectives.naive_softmax(v[:3], 0, U), r"center has shape \(3,\) but U has shape \(7, 4\)"),
        (lambda: objectives.naive_softmax(V, 0, U), r"center has shape \(7, 4\): it must have 1 axes"),
        (lambda: objectives.naive_softmax(v, 0, U[0]), r"U has shape \(4,\): it must have 2 axes"),
        (lambda: objectives.naive_softmax(v.astype(np.float32), 0, U), "center has dtype float32 but U has"),
        (lambda: objectives.naive_softmax(v, 0, U.astype(np.float16)), "U has dtype float16"),
        (lambda: objectives.naive_softmax(np.arange(D), 0, U), "center has dtype int64"),
        (lambda: objectives.naive_softmax(NAN, 0, U), r"center holds nan at index \(2,\)"),
        (lambda: objectives.naive_softmax(v, 7, U), "outside holds 7, but there are 7 words: 0 to 6"),
        (lambda: objectives.naive_softmax(v, -1, U), "outside holds -1"),
        (lambda: objectives.naive_softmax(v, 1.0, U), "outside has dtype float64: it must hold integers"),
        (lambda: objectives.naive_softmax(v, True, U), "outside has dtype bool"),
        (lambda: objectives.naive_softmax(v, [1, 2], U), r"outside has shape \(2,\): it must be one integer"),
        (lambda: objectives.negative_sampling(v, 0, [1, 9], U), "negatives holds 9"),
        (lambda: objectives.negative_sampling(v, 0, 1, U), r"negatives has shape \(\): it must be an array"),
        (lambda: objectives.negative_sampling(v, 0, [0.5], U), "negatives has dtype float64"),
        (lambda: objectives.skip_gram(0, [1], V[:5], U), r"V is \(5, 4\) of float64 but U is \(7, 4\)"),
        (lambda: objectives.skip_gram(7, [1], V, U), "center holds 7"),
        (lambda: objectives.skip_gram(0, [1, 8], V, U), "outsides holds 8"),
        (lambda: objectives.skip_gram(0, [[1], [2, 3]], V, U), "outsides is not an array"),
        (lambda: objectives.skip_gram(0, [1], V, U, "softmax"), "choose naive_softmax or negative_sampling"),
        (lambda: objectives.skip_gram(0, [1], V, U, "negative_sampling"), "negatives are missing"),
        (lambda: objectives.skip_gram(0, [1], V, U, negatives=[[1]]), "negatives are given"),
        (
            lambda: objectives.skip_gram(0, [1, 2], V, U, "negative_sampling", [[1, 2]]),
            r"negatives has shape \(1, 2\): it must have one row for each of the 2 words",
        ),
    ],
)
def test_bad_input_is_refused_by_name(call: Any, message: str) -> None:
    with pytest.raises(FirthError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
