r"""Activation functions and their derivatives.

Every function works elementwise on arrays of any shape, except `softmax`, which works along the last
axis. ``f_gradient(x)`` is the derivative of ``f`` **at x**, not at ``f(x)``. float64 stays float64 and
float32 stays float32.

No finite input gives NaN or a warning, because exponentials are taken only of numbers that are not positive.
Where the true value lies beyond the range of the float type (`cube` of 1e200), the result is infinite.

The derivations are in ``docs/mathematics.md``.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from firth.arrays import Floats
from firth.errors import InputError


def as_floats(x: npt.ArrayLike, name: str, ndim: int | None = None) -> Floats:
    """Return `x` as an array of finite float32 or float64 numbers; refuse anything else.

    Parameters
    ----------
    x
        An array, or anything that NumPy converts to one. An array is not copied.
    name
        Its name in error messages.
    ndim
        The number of axes that it must have; any number if None.

    Raises
    ------
    InputError
        If `x` has another dtype or another number of axes, or holds NaN or infinity. Integers and float16 are
        refused too: a cast would hide mistakes.
    """
    try:
        array = np.asarray(x)
    except ValueError as error:
        raise InputError(f"{name} is not an array: its rows differ in length") from error
    if array.dtype not in (np.float32, np.float64):
        raise InputError(f"{name} has dtype {array.dtype}: cast it to float32 or float64")
    if ndim is not None and array.ndim != ndim:
        raise InputError(f"{name} has shape {array.shape}: it must have {ndim} axes, not {array.ndim}")
    finite = np.isfinite(array)
    if not finite.all():
        where = tuple(int(i) for i in np.argwhere(~finite)[0])
        raise InputError(f"{name} holds {array[where]} at index {where}: every entry must be finite")
    return array


def sigmoid(x: npt.ArrayLike) -> Floats:
    r"""Return the logistic function :math:`\sigma(x) = 1 / (1 + e^{-x})`.

    For x < 0 it is computed as :math:`e^x / (1 + e^x)`, the same number without overflow.
    """
    x = as_floats(x, "x")
    decay: Floats = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, decay) / (1 + decay)


def sigmoid_gradient(x: npt.ArrayLike) -> Floats:
    r"""Return :math:`\sigma'(x) = \sigma(x)(1 - \sigma(x))`.

    The form :math:`e^{-|x|} / (1 + e^{-|x|})^2` keeps its relative precision where :math:`1 - \sigma(x)`
    would round to zero.
    """
    x = as_floats(x, "x")
    decay: Floats = np.exp(-np.abs(x))
    return decay / np.square(1 + decay)


def log_sigmoid(x: npt.ArrayLike) -> Floats:
    r"""Return :math:`\log\sigma(x) = \min(x, 0) - \log(1 + e^{-|x|})`.

    It is finite for every finite x, unlike ``log(sigmoid(x))``. For x → −∞ it approaches x.
    """
    x = as_floats(x, "x")
    decay: Floats = np.exp(-np.abs(x))
    return np.minimum(x, 0) - np.log1p(decay)


def log_sigmoid_gradient(x: npt.ArrayLike) -> Floats:
    r"""Return :math:`(\log\sigma)'(x) = 1 - \sigma(x) = \sigma(-x)`, the factor of negative sampling."""
    return sigmoid(-as_floats(x, "x"))


def relu(x: npt.ArrayLike) -> Floats:
    """Return the rectified linear unit, max(x, 0)."""
    rectified: Floats = np.maximum(as_floats(x, "x"), 0)
    return rectified


def relu_gradient(x: npt.ArrayLike) -> Floats:
    """Return 1 where x > 0 and 0 elsewhere.

    ReLU has no derivative at 0. Every number in [0, 1] is a subgradient there; by convention, it is 0.
    """
    x = as_floats(x, "x")
    return (x > 0).astype(x.dtype)


def leaky_relu(x: npt.ArrayLike, alpha: float = 0.01) -> Floats:
    """Return the leaky rectified linear unit, max(αx, x) with 0 < α < 1 (Maas et al. 2013)."""
    x = as_floats(x, "x")
    leaky: Floats = np.maximum(_slope(alpha) * x, x)
    return leaky


def leaky_relu_gradient(x: npt.ArrayLike, alpha: float = 0.01) -> Floats:
    """Return 1 where x > 0 and α elsewhere. At 0 there is no derivative; α is a subgradient."""
    x = as_floats(x, "x")
    return np.where(x > 0, 1, _slope(alpha)).astype(x.dtype)


def cube(x: npt.ArrayLike) -> Floats:
    """Return x³, the activation of Chen and Manning (2014)."""
    x = as_floats(x, "x")
    with np.errstate(over="ignore"):
        return x * x * x


def cube_gradient(x: npt.ArrayLike) -> Floats:
    """Return 3x²."""
    x = as_floats(x, "x")
    with np.errstate(over="ignore"):
        return 3 * x * x


def softmax(x: npt.ArrayLike) -> Floats:
    r"""Return :math:`e^{x_i} / \sum_j e^{x_j}` along the last axis.

    The largest entry is subtracted first. The result is the same, but no exponential overflows.

    Parameters
    ----------
    x
        Scores, shape (..., n) with n ≥ 1.

    Returns
    -------
    array (..., n)
        Probabilities: not negative, and each row sums to 1.
    """
    x = _scores(x)
    with np.errstate(over="ignore"):  # two scores may be further apart than the largest float
        weights: Floats = np.exp(x - x.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    return weights


def softmax_gradient(x: npt.ArrayLike) -> Floats:
    r"""Return the Jacobian :math:`\partial p_i / \partial x_j = p_i (\delta_{ij} - p_j)` of `softmax`.

    Parameters
    ----------
    x
        Scores, shape (..., n) with n ≥ 1.

    Returns
    -------
    array (..., n, n)
        One symmetric matrix for each row of scores.
    """
    p = softmax(x)
    return p[..., :, None] * (np.eye(p.shape[-1], dtype=p.dtype) - p[..., None, :])


def _scores(x: npt.ArrayLike) -> Floats:
    x = as_floats(x, "x")
    if x.ndim == 0 or x.shape[-1] == 0:
        raise InputError(f"x has shape {x.shape}: softmax needs at least one score on the last axis")
    return x


def _slope(alpha: float) -> float:
    if not 0 < alpha < 1:
        raise InputError(f"alpha is {alpha}: it must lie between 0 and 1, both excluded")
    return alpha
