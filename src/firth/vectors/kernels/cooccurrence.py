"""The compiled loops of `firth.vectors.cooccurrence`: counting pairs, and sums over sparse rows of counts."""

from __future__ import annotations

import numpy as np

from firth.arrays import Float32s, Float64s, Floats, Ids, Indices, Int64s
from firth.compute.compiled import kernel

# The search for outside words stops at a word that is inside the window with a lower probability.
_SMALLEST_PROBABILITY = 1e-9


@kernel()
def count_pairs(ids: Ids, keep: Float64s, nearness: Float64s, first: int, dense: Float64s) -> None:
    """Add up the weights of all pairs whose centre word is one of those from `first` on.

    Parameters
    ----------
    ids : int32
        The text, −1 after each sentence.
    keep : float64 (n,)
        Probability that subsampling keeps a word.
    nearness : float64 (reach,)
        Probability that a word is inside the window, by the number of kept words between it and the centre.
        It is 0 for more words than these.
    first : int
        The centre word that row 0 belongs to.
    dense : float64 (rows, n)
        N(c, o) is added to ``dense[c - first, o]``.
    """
    reach = len(nearness)
    # between[k] is the probability that the centre is kept, and so are k of the words passed so far.
    between = np.empty(reach)
    for t in range(len(ids)):
        row = ids[t] - first
        if ids[t] < 0 or row < 0 or row >= len(dense):
            continue
        for step in (-1, 1):
            between[:] = 0.0
            between[0] = keep[ids[t]]
            inside = 1.0
            p = t + step
            while inside > _SMALLEST_PROBABILITY and 0 <= p < len(ids) and ids[p] >= 0:
                kept = keep[ids[p]]
                inside = 0.0
                for k in range(reach - 1, -1, -1):
                    inside += between[k] * nearness[k]
                    nearer = between[k - 1] if k > 0 else 0.0
                    between[k] += kept * (nearer - between[k])
                dense[row, ids[p]] += kept * inside
                p += step


@kernel()
def compress(dense: Float64s, outsides: Ids, weights: Float32s) -> None:
    """Write the nonzero entries of `dense`, row by row: columns to `outsides`, values to `weights`."""
    at = 0
    for row in range(dense.shape[0]):
        for o in range(dense.shape[1]):
            if dense[row, o] != 0.0:
                outsides[at] = o
                weights[at] = dense[row, o]
                at += 1


@kernel()
def weighted_sum(starts: Int64s, outsides: Ids, weights: Float32s, centers: Indices, scores: Floats) -> float:
    """Return the sum of N(c, o) times ``scores[row, o]``; ``centers[row]`` is the word c of a row."""
    total = 0.0
    for row in range(len(centers)):
        for at in range(starts[centers[row]], starts[centers[row] + 1]):
            total += np.float64(weights[at]) * np.float64(scores[row, outsides[at]])
    return total


@kernel()
def subtract(starts: Int64s, outsides: Ids, weights: Float32s, centers: Indices, predicted: Floats) -> None:
    """Subtract N(c, o) from ``predicted[row, o]``; ``centers[row]`` is the word c of a row."""
    for row in range(len(centers)):
        for at in range(starts[centers[row]], starts[centers[row] + 1]):
            predicted[row, outsides[at]] -= weights[at]
