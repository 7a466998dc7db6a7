r"""The layers of the network: each computes its output and hands back its backward pass.

``y, backward = layer(x, …)``: `backward` takes the gradient of the loss with respect to `y`, and returns the
gradients with respect to what the layer was given, in the same order. What a layer has to remember is in
that function, so a network is the composition of its layers and nothing else. The derivations are in
``docs/mathematics.md``; ``firth gradcheck`` compares each gradient with finite differences.

What comes out has the dtype of what goes in: training is in float32, the checks in float64.
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
_LOG_OF_NOTHING = np.log(1e-25)
EPSILON = 1e-5
"""What `layer_norm` adds to the variance, which keeps that of a constant row away from 0."""


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

    The mean of the output over all masks is the input, so nothing has to be done at evaluation.

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
    # 16 random bits decide as well as a float, and four entries share one draw of 64.
    bits = random.bit_generator.random_raw(-(-x.size // 4)).view(np.uint16)[: x.size].reshape(x.shape)
    dropped = round(p * 2**16)
    mask = (bits >= dropped) * x.dtype.type(1 / (1 - dropped / 2**16))
    return x * mask, lambda dy: (dy * mask,)


def layer_norm(x: Floats, gain: Floats, bias: Floats) -> tuple[Floats, Backward]:
    r"""Bring each row to mean 0 and variance 1, then to `gain` and `bias`.

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
    """Look at each row and its two neighbours: ``y[i] = [x[i-1]; x[i]; x[i+1]] @ weight + bias``.

    The output of the first and the last row, which have no two neighbours, is 0: like the sentences of a
    batch (`firth.network.encoder.Batch`), the rows begin and end with an empty one.

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
    """Return what the hidden layer of each decision gets from its slots.

    The layer is linear in the concatenation of its slots, ``[units[s_1]; units[s_2]; …] @ W``, so it is a
    sum over the slots, ``units[s_1] @ W_1 + units[s_2] @ W_2 + …``, and all products ``units @ W_k`` can be
    computed at once, before it is known which decision will need which (Chen & Manning 2014, section 3.4).

    Parameters
    ----------
    units
        (n, d): the vectors of words, or characters.
    weight
        (d, K h): ``W_k`` is ``weight[:, k h : (k + 1) h]``.
    label_table
        (L, J h): what label l in slot j brings is ``label_table[l, j h : (j + 1) h]``.
    bias
        (h,).
    unit_slots
        (m, K): for each decision the unit in each slot.
    label_slots
        (m, J): for each decision the label in each label slot; J may be 0.

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
    r"""Return the cross-entropy of the softmax over what is legal, where several decisions may be right.

    .. math:: J = -\log \sum_{a \in \text{optimal}} \hat y_a, \qquad
              \hat y = \operatorname{softmax}(s \text{ over legal } a)

    With one optimal decision this is the naive softmax loss. The gradient is
    :math:`\hat y - \hat y_{|\text{optimal}} / \sum_{\text{optimal}} \hat y`: the true distribution is the
    prediction itself, restricted to what is right.

    Parameters
    ----------
    scores
        (m, A).
    legal, optimal
        (m, A); whatever is optimal is legal, and at least one decision is optimal.

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
    """Return the softmax of each row, in which scores may be -inf, and the log of its divisor.

    Shares below 1e-25 become 0. A sum of shares does not see them, but the numbers that they make on their
    way back would be so small that processors are many times slower with them.
    """
    highest = scores.max(axis=1, keepdims=True)
    below = scores - highest
    below[below < _LOG_OF_NOTHING] = -np.inf
    powers = np.exp(below)
    total = powers.sum(axis=1, keepdims=True)
    powers /= total
    return powers, (np.log(total) + highest)[:, 0]
