r"""What the phrase classifier minimises, and its gradients, in plain NumPy.

A phrase of words with vectors :math:`x_1, \ldots, x_m` and factors :math:`a_1, \ldots, a_m` has the vector

.. math::

    h = \frac{\sum_i a_i x_i}{\sum_i a_i},

or the same of the unit vectors :math:`x_i / |x_i|`, or :math:`h / |h|`. Labels are predicted from it as
outside words are from a centre word: by the naive softmax, in which each label has an outside vector and a
bias. A phrase that may have several labels, or none, is predicted by one logistic loss for each label, which
is negative sampling with all labels that it does not have as negatives.

These functions define what is right: the compiled kernels are tested against them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from firth.arrays import Floats
from firth.errors import InputError
from firth.learning import objectives
from firth.learning.activations import as_floats, log_sigmoid, log_sigmoid_gradient

L2Normalize = Literal["none", "words", "phrase"]


def phrase_loss(
    vectors: npt.ArrayLike,
    factors: npt.ArrayLike,
    outside: npt.ArrayLike,
    bias: npt.ArrayLike,
    labels: int | Sequence[int],
    *,
    l2_normalize: L2Normalize = "none",
    weights: npt.ArrayLike | None = None,
) -> tuple[Any, Floats, Floats, Floats]:
    r"""Return the loss of one phrase, and its gradients.

    Parameters
    ----------
    vectors : array (m, d)
        The vectors of its words. There may be none: h is 0 then.
    factors : array (m,)
        What each of them weighs in the mean, positive.
    outside : array (k, d)
        The vectors of the labels.
    bias : array (k,)
        The biases of the labels.
    labels
        An integer: the label, and the loss is the softmax's. A list of integers: all its labels, and the
        loss is the sum of the logistic ones.
    l2_normalize
        Scale to length 1: nothing, the vector of each word, or that of the phrase. A zero vector stays zero.
    weights : array (k,)
        What each label weighs: it multiplies the softmax loss, or the logistic loss of a label that the
        phrase has; 1 if None.

    Returns
    -------
    loss
        In nats.
    grad_vectors : array (m, d)
    grad_outside : array (k, d)
    grad_bias : array (k,)

    Raises
    ------
    InputError
        If a shape or dtype does not fit or an entry is not finite.
    """
    vectors, factors = as_floats(vectors, "vectors", ndim=2), as_floats(factors, "factors", ndim=1)
    outside, bias = as_floats(outside, "outside", ndim=2), as_floats(bias, "bias", ndim=1)
    weights = np.ones_like(bias) if weights is None else as_floats(weights, "weights", ndim=1)
    if l2_normalize not in ("none", "words", "phrase"):
        raise InputError(f"l2_normalize is {l2_normalize!r}: choose none, words or phrase")

    words, lengths = _unit(vectors) if l2_normalize == "words" else (vectors, None)
    shares = factors / factors.sum() if len(factors) else factors
    mean = shares @ words
    hidden, length = _unit(mean[None]) if l2_normalize == "phrase" else (mean[None], None)

    loss, grad_hidden, grad_outside, grad_bias = _label_loss(hidden[0], outside, bias, labels, weights)
    if length is not None:
        grad_hidden = _through_unit(grad_hidden[None], hidden, length)[0]
    grad_words = np.outer(shares, grad_hidden)
    if lengths is not None:
        grad_words = _through_unit(grad_words, words, lengths)
    return loss, grad_words, grad_outside, grad_bias


def _label_loss(
    hidden: Floats,
    outside: Floats,
    bias: Floats,
    labels: int | Sequence[int],
    weights: Floats,
) -> tuple[Any, Floats, Floats, Floats]:
    """Return the loss of the labels, and its gradients by `hidden`, `outside` and `bias`."""
    # The bias is one more column of the outside vectors, which meets a 1 in the vector of the phrase.
    center = np.append(hidden, 1).astype(hidden.dtype)
    U = np.column_stack([outside, bias])
    if np.ndim(labels) == 0:
        loss, grad_center, grad_U = objectives.naive_softmax(center, labels, U)  # type: ignore[arg-type]
        weight = weights[labels]
        return weight * loss, weight * grad_center[:-1], weight * grad_U[:, :-1], weight * grad_U[:, -1]
    present = np.zeros(len(bias), dtype=bool)
    present[np.asarray(labels, dtype=np.intp)] = True
    signs = np.where(present, 1, -1).astype(hidden.dtype)
    arguments = signs * (U @ center)
    terms = np.where(present, weights, 1).astype(hidden.dtype)
    factors = -terms * signs * log_sigmoid_gradient(arguments)
    grad_outside = np.outer(factors, hidden)
    return -(terms * log_sigmoid(arguments)).sum(), factors @ outside, grad_outside, factors


def _unit(rows: Floats) -> tuple[Floats, Floats]:
    """Return the rows scaled to length 1, and their lengths, as a column; 1 for a row of zeros."""
    lengths: Floats = np.linalg.norm(rows, axis=1, keepdims=True)
    lengths = np.where(lengths > 0, lengths, 1).astype(rows.dtype)
    return rows / lengths, lengths


def _through_unit(gradients: Floats, unit: Floats, lengths: Floats) -> Floats:
    """Turn gradients by x / |x| into those by x: the part along x is lost, the rest divided by its length."""
    along = (gradients * unit).sum(axis=1, keepdims=True)
    # A row of zeros stays zero whatever its gradient, as in the kernels.
    across: Floats = np.where(unit.any(axis=1, keepdims=True), (gradients - along * unit) / lengths, 0)
    return across
