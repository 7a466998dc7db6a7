r"""The layers of the network: each returns its output and its backward pass.

``y, backward = layer(x, …)``: `backward` takes the gradient of the loss with respect to `y`, and returns the
gradients with respect to the arguments of the layer, in the same order. Everything that the backward pass
needs is kept in that function, so a network is the composition of its layers and nothing else.
The derivations are in ``docs/mathematics.md``. ``firth gradcheck`` compares all gradients with finite
differences.

The output has the dtype of the input: float32 in training, float64 in gradient checks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from firth.arrays import Bools, Floats, Ints
from firth.errors import InputError
from firth.network import kernels

Backward: TypeAlias = Callable[[Floats], Any]

ACTIVATIONS = ("relu", "leaky_relu", "cube")
"""The activations of a hidden layer, by name."""

EPSILON = 1e-5
"""`layer_norm` adds this to the variance, so that a constant row is not divided by 0."""

_LOG_NEGLIGIBLE_SHARE = np.log(1e-25)
"""Shares of a softmax below 1e-25 become 0. A sum of shares is the same without them, but the gradients that
they lead to would be denormal numbers, with which processors are many times slower."""


def linear(x: Floats, weight: Floats, bias: Floats) -> tuple[Floats, Backward]:
    """Return ``x @ weight + bias``.

    Parameters
    ----------
    x
        (n, d).
    weight, bias
        (d, m) and (m,).
    """

    def backward(dy: Floats) -> tuple[Floats, Floats, Floats]:
        return dy @ weight.T, x.T @ dy, dy.sum(axis=0)

    return x @ weight + bias, backward


def activation(x: Floats, name: str) -> tuple[Floats, Backward]:
    """Apply one of `ACTIVATIONS` to each entry; see `firth.learning.activations`, which checks its input.

    Raises
    ------
    InputError
        There is no such activation.
    """
    if name == "relu":
        y = np.maximum(x, 0)
        return y, lambda dy: (dy * (y > 0),)
    if name == "leaky_relu":
        slope = np.where(x > 0, x.dtype.type(1), x.dtype.type(0.01))
        return x * slope, lambda dy: (dy * slope,)
    if name == "cube":
        square = x * x
        return square * x, lambda dy: (dy * (3 * square),)
    raise InputError(f"there is no activation {name!r}: choose one of {', '.join(ACTIVATIONS)}")


def dropout(x: Floats, p: float, random: np.random.Generator | None) -> tuple[Floats, Backward]:
    r"""Set entries to 0 with probability `p`, and multiply the others by :math:`\gamma = 1/(1-p)`.

    The mean of the output over all masks is the input, so evaluation needs no correction.

    Parameters
    ----------
    x
        Of any shape.
    p
        In [0, 1); rounded to a multiple of 2⁻¹⁶.
    random
        Draws the mask; None at evaluation, when nothing is dropped.

    References
    ----------
    Srivastava et al. (2014), Dropout: a simple way to prevent neural networks from overfitting.
    """
    if random is None or p == 0:
        return x, lambda dy: (dy,)
    # 16 random bits are precise enough, and one draw of 64 bits serves four entries.
    bits = random.bit_generator.random_raw(-(-x.size // 4)).view(np.uint16)[: x.size].reshape(x.shape)
    dropped = round(p * 2**16)
    mask = (bits >= dropped) * x.dtype.type(1 / (1 - dropped / 2**16))
    return x * mask, lambda dy: (dy * mask,)


def layer_norm(x: Floats, gain: Floats, bias: Floats) -> tuple[Floats, Backward]:
    r"""Normalise each row to mean 0 and variance 1, then multiply by `gain` and add `bias`.

    Parameters
    ----------
    x
        (n, d).
    gain, bias
        (d,).

    References
    ----------
    Ba, Kiros & Hinton (2016), Layer normalization.
    """
    width = x.shape[1]
    normal = x - x.mean(axis=1, keepdims=True)
    variance = np.einsum("ij,ij->i", normal, normal)[:, None] / width
    inverse = 1 / np.sqrt(variance + EPSILON)
    normal *= inverse

    def backward(dy: Floats) -> tuple[Floats, Floats, Floats]:
        dnormal = dy * gain
        along = np.einsum("ij,ij->i", dnormal, normal)[:, None] / width
        dx = dnormal - dnormal.mean(axis=1, keepdims=True)
        dx -= normal * along
        dx *= inverse
        return dx, np.einsum("ij,ij->j", dy, normal), dy.sum(axis=0)

    return normal * gain + bias, backward


def convolution(x: Floats, weight: Floats, bias: Floats) -> tuple[Floats, Backward]:
    """Multiply each row and its two neighbours: ``y[i] = [x[i-1]; x[i]; x[i+1]] @ weight + bias``.

    The first and the last row have only one neighbour; their output is 0. In a batch
    (`firth.network.encoder`), these two rows are empty.

    Parameters
    ----------
    x
        (n, d), n ≥ 2.
    weight, bias
        (3 d, m) and (m,).
    """
    n, width = x.shape
    windows = np.concatenate([x[:-2], x[1:-1], x[2:]], axis=1)
    y = np.zeros((n, weight.shape[1]), x.dtype)
    y[1:-1] = windows @ weight + bias

    def backward(dy: Floats) -> tuple[Floats, Floats, Floats]:
        inner = dy[1:-1]
        dwindows = inner @ weight.T
        dx = np.zeros_like(x)
        for k in range(3):
            dx[k : n - 2 + k] += dwindows[:, k * width : (k + 1) * width]
        return dx, windows.T @ inner, inner.sum(axis=0)

    return y, backward


def slots(
    units: Floats,
    weight: Floats,
    label_table: Floats,
    bias: Floats,
    unit_slots: Ints,
    label_slots: Ints,
) -> tuple[Floats, Backward]:
    """Return the hidden layer of m decisions before its activation, from the units and labels in their slots.

    The layer is linear in the concatenation of its slots, ``[units[s_1]; units[s_2]; …] @ W``. So it is a
    sum over the slots, ``units[s_1] @ W_1 + units[s_2] @ W_2 + …``, and all products ``units @ W_k`` can be
    computed at once, before the decisions that need them are known (Chen & Manning 2014, section 3.4).

    Parameters
    ----------
    units
        (n, d): the vectors of n units.
    weight
        (d, K h): ``W_k`` is ``weight[:, k h : (k + 1) h]``.
    label_table
        (L, J h): label l in label slot j adds ``label_table[l, j h : (j + 1) h]``.
    bias
        (h,).
    unit_slots
        (m, K): the number of the unit in each slot of each decision.
    label_slots
        (m, J): the number of the label in each label slot of each decision; J may be 0.

    Returns
    -------
    array
        (m, h).
    """
    products = units @ weight
    y = kernels.sum_slots(products, unit_slots, label_table, label_slots, bias)

    def backward(dy: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        dproducts = np.zeros_like(products)
        dlabels = np.zeros_like(label_table)
        kernels.spread_slots(np.ascontiguousarray(dy), dproducts, unit_slots, dlabels, label_slots)
        return dproducts @ weight.T, units.T @ dproducts, dlabels, dy.sum(axis=0)

    return y, backward


def optimal_softmax(scores: Floats, legal: Bools, optimal: Bools) -> tuple[Floats, Backward]:
    r"""Return the cross-entropy of the softmax over all legal decisions, where several may be optimal.

    .. math:: J = -\log \sum_{a \in \text{optimal}} \hat y_a, \qquad
              \hat y = \operatorname{softmax}(s \text{ over legal } a)

    With one optimal decision this is the naive softmax loss. The gradient is
    :math:`\hat y - \hat y_{|\text{optimal}} / \sum_{\text{optimal}} \hat y`: the true distribution is the
    prediction itself, restricted to the optimal decisions.

    Parameters
    ----------
    scores
        (m, A).
    legal, optimal
        (m, A); optimal decisions are legal, and each row has at least one.

    Returns
    -------
    array
        (m,): the loss of each decision.
    """
    possible = np.where(legal, scores, -np.inf)
    right = np.where(optimal, scores, -np.inf)
    shares, log_total = _softmax(possible)
    right_shares, log_right = _softmax(right)

    def backward(dlosses: Floats) -> tuple[Floats]:
        return (dlosses[:, None] * (shares - right_shares),)

    return log_total - log_right, backward


def _softmax(scores: Floats) -> tuple[Floats, Floats]:
    """Return the softmax of each row, and the logarithm of its divisor. Scores may be -inf.

    Shares below 1e-25 become 0; see `_LOG_NEGLIGIBLE_SHARE`.
    """
    highest = scores.max(axis=1, keepdims=True)
    below = scores - highest
    below[below < _LOG_NEGLIGIBLE_SHARE] = -np.inf
    powers = np.exp(below)
    total = powers.sum(axis=1, keepdims=True)
    powers /= total
    return powers, (np.log(total) + highest)[:, 0]
