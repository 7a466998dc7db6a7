"""Activations: known values, limits, stability for any finite number, PyTorch's autograd, bad input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from firth import FirthError
from firth.learning import activations

ELEMENTWISE = ["sigmoid", "log_sigmoid", "relu", "leaky_relu", "cube"]
NAMES = [*ELEMENTWISE, "softmax"]
ALL = [name + suffix for name in NAMES for suffix in ("", "_gradient")]


def function(name: str) -> Callable[[Any], Any]:
    return getattr(activations, name)


finite_arrays = st.sampled_from([np.float32, np.float64]).flatmap(
    lambda dtype: arrays(
        dtype,
        array_shapes(max_dims=2, max_side=6),
        elements={"allow_nan": False, "allow_infinity": False},
    )
)


@pytest.mark.parametrize("name", ALL)
@settings(deadline=None, derandomize=True)
@given(x=finite_arrays)
def test_any_finite_number_gives_a_number_without_a_warning(name: str, x: np.ndarray) -> None:
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        y = function(name)(x)
    assert not np.isnan(y).any()
    assert y.dtype == x.dtype
    if not name.startswith("cube"):
        assert np.isfinite(y).all()


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_shape_and_dtype_are_kept(name: str, dtype: type) -> None:
    x = np.linspace(-2, 2, 12, dtype=dtype).reshape(3, 4)
    y = function(name)(x)
    assert y.shape == ((3, 4, 4) if name == "softmax_gradient" else (3, 4))
    assert y.dtype == dtype


def test_limits_at_ten_thousand() -> None:
    x = np.array([-1e4, 0, 1e4])
    np.testing.assert_array_equal(activations.sigmoid(x), [0, 0.5, 1])
    np.testing.assert_array_equal(activations.sigmoid_gradient(x), [0, 0.25, 0])
    np.testing.assert_array_equal(activations.log_sigmoid(x), [-1e4, -np.log(2), 0])
    np.testing.assert_array_equal(activations.log_sigmoid_gradient(x), [1, 0.5, 0])
    np.testing.assert_array_equal(activations.softmax(x), [0, 0, 1])
    np.testing.assert_array_equal(activations.softmax_gradient(x), np.zeros((3, 3)))
    np.testing.assert_array_equal(activations.softmax([1e4, 1e4]), [0.5, 0.5])


def test_small_tails_keep_their_relative_precision() -> None:
    # 1 − σ(50) rounds to zero, so σ(1 − σ) would too; the derivative is e⁻⁵⁰ to 21 digits.
    np.testing.assert_allclose(
        activations.sigmoid_gradient(np.array([-50.0, 50.0])), np.exp(-50.0), rtol=1e-15
    )
    np.testing.assert_allclose(activations.log_sigmoid(np.array(50.0)), -np.exp(-50.0), rtol=1e-15)


def test_known_values() -> None:
    x = np.array([-2.0, 0.0, 3.0])
    np.testing.assert_allclose(activations.sigmoid(np.log([1 / 3, 1.0, 3.0])), [0.25, 0.5, 0.75])
    np.testing.assert_array_equal(activations.relu(x), [0, 0, 3])
    np.testing.assert_array_equal(activations.relu_gradient(x), [0, 0, 1])
    np.testing.assert_array_equal(activations.leaky_relu(x, alpha=0.25), [-0.5, 0, 3])
    np.testing.assert_array_equal(activations.leaky_relu_gradient(x, alpha=0.25), [0.25, 0.25, 1])
    np.testing.assert_array_equal(activations.cube(x), [-8, 0, 27])
    np.testing.assert_array_equal(activations.cube_gradient(x), [12, 0, 27])
    np.testing.assert_allclose(
        activations.softmax(np.log([[1.0, 3.0], [2.0, 2.0]])), [[0.25, 0.75], [0.5, 0.5]]
    )


@settings(deadline=None, derandomize=True)
@given(x=arrays(np.float64, 5, elements=st.floats(-50, 50)), shift=st.floats(-1e3, 1e3))
def test_softmax_is_a_distribution_that_a_shift_does_not_change(x: np.ndarray, shift: float) -> None:
    p = activations.softmax(x)
    assert (p >= 0).all()
    assert p.sum() == pytest.approx(1)
    np.testing.assert_allclose(activations.softmax(x + shift), p, rtol=1e-10, atol=1e-300)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_gradients_agree_with_autograd(name: str) -> None:
    torch = pytest.importorskip("torch")
    counterparts = {
        "sigmoid": torch.sigmoid,
        "log_sigmoid": torch.nn.functional.logsigmoid,
        "relu": torch.relu,
        "leaky_relu": torch.nn.functional.leaky_relu,
        "cube": lambda x: x**3,
    }
    x = np.random.default_rng(0).normal(scale=5, size=(6, 7))
    x[0, :2] = 0, 40  # autograd takes the same subgradients at the kinks
    tensor = torch.tensor(x, requires_grad=True)
    y = counterparts[name](tensor)
    y.sum().backward()
    np.testing.assert_allclose(function(name)(x), y.detach().numpy(), rtol=1e-14)
    np.testing.assert_allclose(function(name + "_gradient")(x), tensor.grad.numpy(), rtol=1e-12, atol=1e-16)


def test_softmax_jacobian_agrees_with_autograd() -> None:
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).normal(scale=3, size=6)
    jacobian = torch.autograd.functional.jacobian(lambda t: torch.softmax(t, -1), torch.tensor(x))
    np.testing.assert_allclose(activations.softmax_gradient(x), jacobian.numpy(), rtol=1e-12, atol=1e-16)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.array([1, 2]), "x has dtype int64"),
        (np.array([1, 2], dtype=np.float16), "x has dtype float16"),
        (np.array([1, 2], dtype=complex), "x has dtype complex128"),
        (["a"], "x has dtype <U1"),
        (np.array([[1.0, 2.0], [3.0, np.nan]]), r"x holds nan at index \(1, 1\)"),
        (np.array([1.0, -np.inf]), r"x holds -inf at index \(1,\)"),
        ([[1.0], [1.0, 2.0]], "its rows differ in length"),
    ],
)
@pytest.mark.parametrize("name", ALL)
def test_bad_input_is_refused_by_name(name: str, x: Any, message: str) -> None:
    with pytest.raises(FirthError, match=message) as caught:
        function(name)(x)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("x", [1.5, np.empty(0), np.empty((3, 0))])
def test_softmax_needs_scores(x: Any) -> None:
    with pytest.raises(FirthError, match="softmax needs at least one score"):
        activations.softmax(x)


@pytest.mark.parametrize("alpha", [0, 1, -0.1, float("nan")])
def test_slope_of_leaky_relu_is_between_0_and_1(alpha: float) -> None:
    for leaky in (activations.leaky_relu, activations.leaky_relu_gradient):
        with pytest.raises(FirthError, match="alpha is"):
            leaky(np.ones(2), alpha=alpha)
