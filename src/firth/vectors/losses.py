"""Exact losses of vectors on the pairs of a text, without drawing anything."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from firth.arrays import Float64s, Floats, Indices
from firth.errors import InputError
from firth.learning.activations import log_sigmoid
from firth.runs.workers import worker_threads

if TYPE_CHECKING:
    from firth.vectors.cooccurrence import Cooccurrences


# A thread computes this many bytes of scores at a time. More would not fit into the cache.
_BYTES_OF_SCORES = 8 << 20
# The exponential of a larger loss would overflow float64.
_LARGEST_LOSS_NATS = 700.0


def softmax_loss(V: Floats, U: Floats, counts: Cooccurrences, *, threads: int = 1) -> float:
    r"""Return the mean naive softmax loss of a pair, in nats; its exponential is the perplexity.

    This is the loss of `firth.learning.objectives.naive_softmax`, averaged over all pairs by their weights:
    :math:`\sum_c (N(c) \log \sum_w e^{u_w^\top v_c} - \sum_o N(c,o)\, u_o^\top v_c) / \sum_c N(c)`.

    Parameters
    ----------
    V, U : float32 or float64, shape (n, d)
        Centre and outside vectors. Scores are in their type, sums in float64.
    counts
        Of the held-out text, with the same n words.
    threads
        Number of threads. The result does not depend on it.

    Raises
    ------
    InputError
        The shapes do not match, there are no pairs, or a vector is not finite.
    """

    def loss_of(centers: Indices, scores: Floats) -> float:
        observed = counts.dot(centers, scores)
        highest = scores.max(axis=1, keepdims=True)
        scores -= highest
        np.exp(scores, out=scores)
        normalizers = np.log(scores.sum(axis=1, dtype=np.float64)) + highest[:, 0]
        return float(counts.totals[centers] @ normalizers) - observed

    return _mean_loss(loss_of, V, U, counts, threads)


def negative_sampling_loss(
    V: Floats,
    U: Floats,
    counts: Cooccurrences,
    noise: Float64s,
    negative: int = 5,
    *,
    threads: int = 1,
) -> float:
    r"""Return the mean loss of a pair with negative sampling, in expectation over the negatives, in nats.

    This is the loss of `firth.learning.objectives.negative_sampling`, with
    :math:`-K \sum_w q_w \log\sigma(-u_w^\top v_c)` in the place of the sum over K words drawn from q.

    Parameters
    ----------
    V, U, counts, threads
        As for `softmax_loss`.
    noise : float64, shape (n,)
        The noise distribution q: `firth.text.vocabulary.Vocabulary.noise_distribution`.
    negative
        Negatives a pair, K.

    Raises
    ------
    InputError
        As for `softmax_loss`, or `noise` does not have n entries.
    """
    if noise.shape != (len(counts),):
        raise InputError(f"noise has the shape {noise.shape}, but there are {len(counts)} words")

    def loss_of(centers: Indices, scores: Floats) -> float:
        unlike = -log_sigmoid(-scores)
        expected = negative * float(counts.totals[centers] @ (unlike @ noise))
        unlike -= scores  # −log σ(x) = −log σ(−x) − x
        return expected + counts.dot(centers, unlike)

    return _mean_loss(loss_of, V, U, counts, threads)


def _mean_loss(
    loss_of: Callable[[Indices, Floats], float], V: Floats, U: Floats, counts: Cooccurrences, threads: int
) -> float:
    """Sum a loss over the centre words that have pairs, a few at a time; return its mean over the pairs.

    `loss_of` takes centre words and the scores of all outside words, and may overwrite the scores.
    """
    if V.ndim != 2 or V.shape != U.shape or len(V) != len(counts) or V.dtype != U.dtype:
        raise InputError(
            f"V is {V.shape} of {V.dtype} and U is {U.shape} of {U.dtype}: both must have a row for each of "
            f"the {len(counts)} words, and the same type"
        )
    occurring = np.flatnonzero(counts.totals)
    if not len(occurring):
        raise InputError("the held-out text has no pairs: no two words of the vocabulary beside each other")
    step = max(1, _BYTES_OF_SCORES // (U.itemsize * len(U)))

    def loss_from(start: int) -> float:
        centers = occurring[start : start + step]
        return loss_of(centers, V[centers] @ U.T)

    with worker_threads(threads) as pool:
        loss = sum(pool.map(loss_from, range(0, len(occurring), step)))
    if not math.isfinite(loss):
        raise InputError("the loss is not finite: vectors hold NaN or infinity, or are far too long")
    return loss / counts.pairs


def perplexity_of(loss: float) -> float:
    """Return the exponential of a mean softmax loss: a choice among so many equally likely words."""
    return math.exp(loss) if loss < _LARGEST_LOSS_NATS else math.inf
