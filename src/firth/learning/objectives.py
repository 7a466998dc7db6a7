r"""The objectives of skip-gram word vectors and their gradients, as derived in ``docs/mathematics.md``.

Here :math:`v_c` is the vector of the centre word, :math:`u_w` the outside vector of word w, and U holds all
outside vectors, **one row per word**. These functions are the reference: the compiled training kernels are
tested against them. Their gradients are dense arrays, each of the shape of its argument.

The arithmetic is done in the type of the arguments: float64 in, float64 out; float32 in, float32 out. Any
finite scores give a finite loss.

References
----------
T. Mikolov, K. Chen, G. Corrado and J. Dean (2013), "Efficient estimation of word representations in
vector space", arXiv:1301.3781 (skip-gram). T. Mikolov, I. Sutskever, K. Chen, G. Corrado and J. Dean
(2013), "Distributed representations of words and phrases and their compositionality", arXiv:1310.4546
(negative sampling).
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from firth.arrays import Floats, Indices
from firth.errors import InputError
from firth.learning.activations import as_floats, log_sigmoid, log_sigmoid_gradient

Loss: TypeAlias = "np.floating[Any]"


def naive_softmax(center: npt.ArrayLike, outside: int, U: npt.ArrayLike) -> tuple[Loss, Floats, Floats]:
    r"""Return the naive softmax loss of one word pair, and its gradients.

    With :math:`\hat y = \mathrm{softmax}(U v_c)` and y = 1 at the outside word o, 0 elsewhere,

    .. math::

        J = -\log \hat y_o = -\sum_w y_w \log \hat y_w, \qquad
        \frac{\partial J}{\partial v_c} = U^\top (\hat y - y), \qquad
        \frac{\partial J}{\partial U} = (\hat y - y)\, v_c^\top .

    Parameters
    ----------
    center : array (d,)
        Vector of the centre word.
    outside
        Row of the outside word in `U`.
    U : array (n, d)
        Outside vectors of all words, of the same dtype as `center`.

    Returns
    -------
    loss
        J, in nats.
    grad_center : array (d,)
    grad_U : array (n, d)

    Raises
    ------
    InputError
        If a shape, dtype or index does not fit, an entry is NaN or infinite, or a score overflows.
    """
    v, U = _center_and_rows(center, U)
    return _naive_softmax(v, _ids(outside, "outside", len(U), ndim=0), U)


def negative_sampling(
    center: npt.ArrayLike, outside: int, negatives: npt.ArrayLike, U: npt.ArrayLike
) -> tuple[Loss, Floats, Floats]:
    r"""Return the negative sampling loss of one word pair with K drawn words, and its gradients.

    .. math::

        J = -\log\sigma(u_o^\top v_c) - \sum_{s=1}^{K} \log\sigma(-u_{w_s}^\top v_c)

    The sum runs over the draws, not over the words: a word that was drawn twice counts twice, and the
    outside word itself may have been drawn.

    Parameters
    ----------
    center : array (d,)
        Vector of the centre word.
    outside
        Row of the outside word in `U`.
    negatives : array (K,) of integers
        Rows of the drawn words in `U`.
    U : array (n, d)
        Outside vectors of all words, of the same dtype as `center`.

    Returns
    -------
    loss
        J, in nats.
    grad_center : array (d,)
    grad_U : array (n, d)
        Zero in every row except those of `outside` and `negatives`.

    Raises
    ------
    InputError
        If a shape, dtype or index does not fit, an entry is NaN or infinite, or a score overflows.
    """
    v, U = _center_and_rows(center, U)
    return _negative_sampling(
        v, _ids(outside, "outside", len(U), ndim=0), _ids(negatives, "negatives", len(U), ndim=1), U
    )


def skip_gram(
    center: int,
    outsides: npt.ArrayLike,
    V: npt.ArrayLike,
    U: npt.ArrayLike,
    objective: Literal["naive_softmax", "negative_sampling"] = "naive_softmax",
    negatives: npt.ArrayLike | None = None,
) -> tuple[Loss, Floats, Floats]:
    r"""Return the loss of a centre word and its whole window, and its gradients.

    .. math::

        J(v_c, w_{t-m}, \ldots, w_{t+m}, U) = \sum_{-m \le j \le m,\; j \ne 0} J(v_c, w_{t+j}, U)

    The gradients are sums of the gradients of the pairs; :math:`\partial J / \partial v_w = 0` for w ≠ c.

    Parameters
    ----------
    center
        Row of the centre word in `V`.
    outsides : array (m,) of integers
        Rows in `U` of the words of the window, repeated as often as the word occurs. May be empty.
    V, U : arrays (n, d)
        Centre and outside vectors of all words, of the same shape and dtype.
    objective
        The name of the function that gives the loss of a pair.
    negatives : array (m, K) of integers
        With negative sampling, the words drawn for each word of the window.

    Returns
    -------
    loss
        The sum over the window, in nats.
    grad_V, grad_U : arrays (n, d)

    Raises
    ------
    InputError
        If a shape, dtype or index does not fit, an entry is NaN or infinite, a score overflows, or
        `negatives` are missing or not wanted.
    """
    V, U = as_floats(V, "V", ndim=2), as_floats(U, "U", ndim=2)
    if V.shape != U.shape or V.dtype != U.dtype:
        raise InputError(
            f"V is {V.shape} of {V.dtype} but U is {U.shape} of {U.dtype}: shape and dtype must agree"
        )
    c = _ids(center, "center", len(V), ndim=0)
    words = _ids(outsides, "outsides", len(U), ndim=1)
    if objective == "naive_softmax":
        if negatives is not None:
            raise InputError("negatives are given, but naive_softmax uses none: leave them out")
        loss, grad_center, grad_U = _naive_softmax(V[c], words, U)
    elif objective == "negative_sampling":
        if negatives is None:
            raise InputError("negatives are missing: negative_sampling needs an array (m, K) of words")
        drawn = _ids(negatives, "negatives", len(U), ndim=2)
        if len(drawn) != len(words):
            raise InputError(
                f"negatives has shape {drawn.shape}: it must have one row for each of the "
                f"{len(words)} words in outsides"
            )
        loss, grad_center, grad_U = _negative_sampling(V[c], words, drawn, U)
    else:
        raise InputError(f"objective is {objective!r}: choose naive_softmax or negative_sampling")
    grad_V = np.zeros_like(V)
    grad_V[c] = grad_center
    return loss, grad_V, grad_U


def _naive_softmax(v: Floats, outsides: Indices, U: Floats) -> tuple[Loss, Floats, Floats]:
    """Sum over `outsides`. They share the centre word, and therefore the scores and the prediction."""
    scores = _scores(U, v)
    with np.errstate(over="ignore"):  # two scores may be further apart than the largest float
        log_predicted = scores - scores.max()
    log_predicted -= np.log(np.exp(log_predicted).sum())
    error = np.exp(log_predicted) * outsides.size  # becomes the sum of ŷ − y
    np.subtract.at(error, outsides, 1)
    return (-log_predicted[outsides]).sum(), error @ U, np.outer(error, v)


def _negative_sampling(
    v: Floats, outsides: Indices, negatives: Indices, U: Floats
) -> tuple[Loss, Floats, Floats]:
    """Sum over `outsides` and all their `negatives`. Every term is −log σ(±uᵀv), so one sum serves both."""
    rows = np.concatenate([outsides.ravel(), negatives.ravel()])
    signs = np.ones(rows.size, dtype=U.dtype)
    signs[outsides.size :] = -1
    arguments = signs * _scores(U[rows], v)
    factors = -signs * log_sigmoid_gradient(arguments)  # ∓(1 − σ), once for all three gradients
    grad_U = np.zeros_like(U)
    np.add.at(grad_U, rows, np.outer(factors, v))  # unlike grad_U[rows] += …, this adds repeats up
    return (-log_sigmoid(arguments)).sum(), factors @ U[rows], grad_U


def _scores(rows: Floats, v: Floats) -> Floats:
    with np.errstate(over="ignore", invalid="ignore"):
        scores = rows @ v
    if not np.isfinite(scores).all():
        raise InputError(f"the scores U v overflow {scores.dtype}: the vectors are too long, scale them down")
    return scores


def _center_and_rows(center: npt.ArrayLike, U: npt.ArrayLike) -> tuple[Floats, Floats]:
    v, U = as_floats(center, "center", ndim=1), as_floats(U, "U", ndim=2)
    if v.shape != U.shape[1:]:
        raise InputError(
            f"center has shape {v.shape} but U has shape {U.shape}: center must be as long as a row"
        )
    if v.dtype != U.dtype:
        raise InputError(f"center has dtype {v.dtype} but U has dtype {U.dtype}: cast one of them")
    return v, U


def _ids(ids: npt.ArrayLike, name: str, n: int, ndim: int) -> Indices:
    """Return `ids` as row numbers of a matrix of `n` rows; refuse all other values."""
    try:
        array = np.asarray(ids)
    except ValueError as error:
        raise InputError(f"{name} is not an array: its rows differ in length") from error
    if array.ndim != ndim:
        expected = "one integer" if ndim == 0 else f"an array of integers with {ndim} axes"
        raise InputError(f"{name} has shape {array.shape}: it must be {expected}")
    if array.size and array.dtype.kind not in "iu":  # NumPy makes an empty list an array of floats
        raise InputError(f"{name} has dtype {array.dtype}: it must hold integers")
    outside = (array < 0) | (array >= n)
    if outside.any():
        raise InputError(f"{name} holds {array[outside].flat[0]}, but there are {n} words: 0 to {n - 1}")
    return array.astype(np.intp)
