"""Layers: formulas written out, dtypes, stability, and that `firth gradcheck` checks the gradients of all."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from firth import FirthError
from firth.learning import activations, gradcheck, objectives
from firth.network import layers
from firth.network.cases import CASES

RANDOM = np.random.default_rng(0)


def test_every_layer_is_in_the_gradient_check() -> None:
    public = {
        name
        for name, function in inspect.getmembers(layers, inspect.isfunction)
        if function.__module__ == layers.__name__ and not name.startswith("_")
    }
    assert len(public) > 5
    names = {f"{name} layer" for name in layers.ACTIVATIONS} | public - {"activation"}
    checked = gradcheck.check_all(CASES)
    assert {result.name.split(",")[0] for result in checked} >= names | {"encoder", "decider", "l2 penalty"}
    assert [result for result in checked if not result.passed] == []


def _linear(dtype: type) -> Any:
    return layers.linear(_array(5, 4, dtype=dtype), _array(4, 3, dtype=dtype), _array(3, dtype=dtype))


def _array(*shape: int, dtype: type = np.float64) -> np.ndarray:
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(dtype)


def _slots(dtype: type) -> Any:
    unit_slots, label_slots = np.array([[0, 3], [3, 3]]), np.array([[1], [0]])
    arrays = [_array(*shape, dtype=dtype) for shape in ((4, 2), (2, 6), (2, 3), (3,))]
    return layers.slots(*arrays, unit_slots, label_slots)


def _optimal_softmax(dtype: type) -> Any:
    legal = np.ones((3, 4), np.bool_)
    return layers.optimal_softmax(_array(3, 4, dtype=dtype), legal, np.eye(3, 4, dtype=np.bool_))


LAYERS: dict[str, Callable[[type], Any]] = {
    "linear": _linear,
    **{
        name: lambda dtype, name=name: layers.activation(_array(3, 4, dtype=dtype), name)
        for name in layers.ACTIVATIONS
    },
    "dropout": lambda dtype: layers.dropout(_array(3, 4, dtype=dtype), 0.3, np.random.default_rng(1)),
    "layer_norm": lambda dtype: layers.layer_norm(*(_array(*s, dtype=dtype) for s in ((3, 4), (4,), (4,)))),
    "convolution": lambda dtype: layers.convolution(
        *(_array(*s, dtype=dtype) for s in ((5, 2), (6, 4), (4,)))
    ),
    "slots": _slots,
    "optimal_softmax": _optimal_softmax,
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
def test_layers_keep_the_dtype(layer: Callable[[type], Any], dtype: type) -> None:
    y, backward = layer(dtype)
    assert y.dtype == dtype
    assert {gradient.dtype for gradient in backward(np.ones_like(y))} == {np.dtype(dtype)}


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
def test_backward_can_be_called_again_and_leaves_its_argument_alone(layer: Callable[[type], Any]) -> None:
    y, backward = layer(np.float64)
    dy = np.random.default_rng(3).normal(size=y.shape)
    given = dy.copy()
    first = [gradient.copy() for gradient in backward(dy)]
    for a, b in zip(first, backward(dy), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(dy, given)


def test_linear_by_hand() -> None:
    y, backward = layers.linear(np.array([[1.0, 2.0]]), np.array([[3.0], [-1.0]]), np.array([0.5]))
    assert y == [[1.5]]
    dx, dweight, dbias = backward(np.array([[2.0]]))
    np.testing.assert_array_equal(dx, [[6, -2]])
    np.testing.assert_array_equal(dweight, [[2], [4]])
    np.testing.assert_array_equal(dbias, [2])


@pytest.mark.parametrize("name", layers.ACTIVATIONS)
def test_activations_are_those_of_the_formulas(name: str) -> None:
    x = np.array([[-3.0, -0.5, 0.0], [0.5, 2.0, 1e3]])
    y, backward = layers.activation(x, name)
    np.testing.assert_allclose(y, getattr(activations, name)(x), rtol=1e-15)
    slope = getattr(activations, f"{name}_gradient")(x)
    np.testing.assert_allclose(backward(np.full_like(x, 2))[0], 2 * slope, rtol=1e-15)


def test_an_activation_that_there_is_not_is_refused() -> None:
    with pytest.raises(FirthError, match="no activation 'tanh': choose one of relu, leaky_relu, cube"):
        layers.activation(np.ones(2), "tanh")


@pytest.mark.parametrize("p", [0.1, 0.25, 0.5, 0.9])
def test_dropout_keeps_the_mean(p: float) -> None:
    x = np.array([1.0, -2.0, 30.0]).repeat(100_000).reshape(3, -1)
    y, _ = layers.dropout(x, p, np.random.default_rng(1))
    standard_error = np.sqrt(p / (1 - p) / x.shape[1])
    np.testing.assert_allclose((y / x).mean(axis=1), 1, atol=5 * standard_error)
    kept = y != 0
    np.testing.assert_allclose(y[kept], x[kept] / (1 - p), rtol=2**-16 / (1 - p))
    assert abs(kept.mean() - (1 - p)) < 5 * np.sqrt(p * (1 - p) / x.size) + 2**-16


def test_dropout_draws_each_entry_by_itself() -> None:
    y, _ = layers.dropout(np.ones((400, 250)), 0.5, np.random.default_rng(2))
    kept = (y > 0) - 0.5
    for other in (np.roll(kept, 1), np.roll(kept, 2), np.roll(kept, 4), np.roll(kept, 1, axis=0)):
        assert abs((kept * other).mean()) < 5 * 0.25 / np.sqrt(kept.size)


def test_dropout_sends_gradients_back_through_the_same_mask() -> None:
    x = RANDOM.normal(size=(7, 9))
    y, backward = layers.dropout(x, 0.4, np.random.default_rng(1))
    np.testing.assert_allclose(backward(x)[0], y)
    again, _ = layers.dropout(x, 0.4, np.random.default_rng(1))
    np.testing.assert_array_equal(again, y)


@pytest.mark.parametrize(("p", "random"), [(0.5, None), (0.0, np.random.default_rng(1))])
def test_without_dropout_nothing_happens(p: float, random: np.random.Generator | None) -> None:
    x = RANDOM.normal(size=(3, 4))
    y, backward = layers.dropout(x, p, random)
    np.testing.assert_array_equal(y, x)
    np.testing.assert_array_equal(backward(x)[0], x)


def test_layer_norm_gives_each_row_mean_and_variance() -> None:
    x = RANDOM.normal(loc=5, scale=3, size=(6, 50))
    y, _ = layers.layer_norm(x, np.ones(50), np.zeros(50))
    np.testing.assert_allclose(y.mean(axis=1), 0, atol=1e-12)
    np.testing.assert_allclose(y.var(axis=1), 1, rtol=1e-4)
    gain, bias = RANDOM.normal(size=(2, 50))
    scaled, _ = layers.layer_norm(x, gain, bias)
    np.testing.assert_allclose(scaled, y * gain + bias)


def test_layer_norm_forgets_size_and_offset_of_a_row() -> None:
    x = RANDOM.normal(scale=100, size=(4, 8))
    y, backward = layers.layer_norm(x, np.ones(8), np.zeros(8))
    np.testing.assert_allclose(layers.layer_norm(7 * x + 3, np.ones(8), np.zeros(8))[0], y, atol=1e-6)
    dx, *_ = backward(RANDOM.normal(size=x.shape))
    # So neither direction changes the loss.
    np.testing.assert_allclose(dx.sum(axis=1), 0, atol=1e-15)
    np.testing.assert_allclose((dx * x).sum(axis=1), 0, atol=1e-6)


def test_layer_norm_of_a_constant_row_is_its_bias() -> None:
    x, bias = np.full((2, 4), 1e3), np.arange(4.0)
    y, backward = layers.layer_norm(x, np.ones(4), bias)
    np.testing.assert_array_equal(y, [bias, bias])
    assert all(np.isfinite(gradient).all() for gradient in backward(np.ones_like(x)))


@pytest.mark.parametrize("n", [2, 3, 4, 9])
def test_convolution_is_a_sum_over_its_window(n: int) -> None:
    x, weight, bias = RANDOM.normal(size=(n, 3)), RANDOM.normal(size=(9, 4)), RANDOM.normal(size=4)
    y, _ = layers.convolution(x, weight, bias)
    left, middle, right = np.split(weight, 3)
    expected = np.zeros((n, 4))
    for i in range(1, n - 1):
        expected[i] = x[i - 1] @ left + x[i] @ middle + x[i + 1] @ right + bias
    np.testing.assert_allclose(y, expected, atol=1e-14)


def test_the_backward_pass_of_a_convolution_is_a_convolution() -> None:
    n, width = 7, 3
    x, weight, bias = RANDOM.normal(size=(n, width)), RANDOM.normal(size=(3 * width, width)), np.zeros(width)
    dy = RANDOM.normal(size=(n, width))
    dy[[0, -1]] = 0
    dx, _, _ = layers.convolution(x, weight, bias)[1](dy)
    turned = np.concatenate([part.T for part in np.split(weight, 3)[::-1]])
    np.testing.assert_allclose(dx[1:-1], layers.convolution(dy, turned, bias)[0][1:-1])


def test_slots_are_one_linear_layer_of_what_they_hold() -> None:
    units, weight, bias = RANDOM.normal(size=(5, 3)), RANDOM.normal(size=(3, 2 * 4)), RANDOM.normal(size=4)
    labels = RANDOM.normal(size=(6, 2 * 4))
    unit_slots, label_slots = np.array([[0, 4], [1, 1], [4, 0]]), np.array([[5, 0], [2, 2], [0, 5]])
    y, backward = layers.slots(units, weight, labels, bias, unit_slots, label_slots)
    # The same with one-hot labels: [unit; unit; one-hot; one-hot] @ W + b.
    read = np.concatenate([units[unit_slots].reshape(3, -1), np.eye(6)[label_slots].reshape(3, -1)], axis=1)
    stacked = np.concatenate([*np.split(weight, 2, axis=1), *np.split(labels, 2, axis=1)])
    np.testing.assert_allclose(y, read @ stacked + bias)

    dy = RANDOM.normal(size=y.shape)
    dunits, dweight, dlabels, dbias = backward(dy)
    dstacked = read.T @ dy
    np.testing.assert_allclose(np.concatenate(np.split(dweight, 2, axis=1)), dstacked[:6])
    np.testing.assert_allclose(np.concatenate(np.split(dlabels, 2, axis=1)), dstacked[6:])
    np.testing.assert_allclose(dbias, dy.sum(axis=0))
    expected = np.zeros_like(units)
    np.add.at(expected, unit_slots, (dy @ stacked[:6].T).reshape(3, 2, 3))
    np.testing.assert_allclose(dunits, expected)


def test_with_one_optimal_decision_the_loss_is_naive_softmax() -> None:
    scores = RANDOM.normal(size=(4, 6))
    optimal = np.eye(6, dtype=np.bool_)[[3, 0, 5, 3]]
    losses, backward = layers.optimal_softmax(scores, np.ones_like(optimal), optimal)
    (gradient,) = backward(np.ones(4))
    for i, o in enumerate([3, 0, 5, 3]):
        loss, grad_scores, _ = objectives.naive_softmax(scores[i], o, np.eye(6))
        np.testing.assert_allclose(losses[i], loss)
        np.testing.assert_allclose(gradient[i], grad_scores)


def test_optimal_softmax_by_hand() -> None:
    # Of three legal decisions with probabilities 1/2, 1/4, 1/4, the first two are right.
    scores = np.log([[2.0, 1.0, 1.0, 8.0]])
    legal, optimal = np.array([[True, True, True, False]]), np.array([[True, True, False, False]])
    losses, backward = layers.optimal_softmax(scores, legal, optimal)
    np.testing.assert_allclose(losses, np.log(4 / 3))
    (gradient,) = backward(np.array([6.0]))
    np.testing.assert_allclose(gradient, [[6 * (1 / 2 - 2 / 3), 6 * (1 / 4 - 1 / 3), 6 / 4, 0]])
    assert gradient[0, 3] == 0


def test_there_is_nothing_to_learn_where_all_that_is_legal_is_optimal() -> None:
    legal = np.array([[True, False, True], [True, True, True], [False, True, False]])
    losses, backward = layers.optimal_softmax(RANDOM.normal(size=(3, 3)), legal, legal)
    np.testing.assert_allclose(losses, 0, atol=1e-15)
    np.testing.assert_allclose(backward(np.ones(3))[0], 0, atol=1e-15)


def test_optimal_softmax_stays_finite() -> None:
    scores = np.array([[1e4, -1e4, 0.0], [-1e4, -1e4, 1e4]])
    optimal = np.array([[False, True, False], [True, True, False]])
    losses, backward = layers.optimal_softmax(scores, np.ones_like(optimal), optimal)
    np.testing.assert_allclose(losses, [2e4, 2e4 - np.log(2)])
    np.testing.assert_allclose(backward(np.ones(2))[0], [[1, -1, 0], [-0.5, -0.5, 1]])


def test_shares_of_what_is_as_good_as_impossible_are_zero() -> None:
    """Gradients of 1e-40 would slow down all that comes after."""
    scores = np.array([[0, -50, -60, -95, -200]], np.float32)
    legal, optimal = np.ones((1, 5), np.bool_), np.arange(5)[None] == 0
    _, backward = layers.optimal_softmax(scores, legal, optimal)
    (gradient,) = backward(np.ones(1, np.float32))
    assert (gradient != 0).tolist() == [[False, True, False, False, False]]
    assert gradient[0, 1] == np.float32(np.exp(-50))
