"""From encoded phrases to scores and losses, compiled.

`firth.learning.phrase_objective` has the formulas; the kernels are tested against them.

Phrases are short, so the work that is done once per phrase counts. Functions that are called for every phrase
therefore take the arrays themselves. Numba executes two atomic instructions for each array that is taken out
of a named tuple, and a dozen of them cost more than the arithmetic of a phrase.
"""

from __future__ import annotations

import numpy as np

from firth.classification.kernels.arguments import UNIT_PHRASE, UNIT_WORDS
from firth.compute.compiled import kernel
from firth.compute.splitmix import random_bits

# The compiler may choose the order of a sum, so that it can use vector instructions. NaN stays NaN.
_OPTIONS = {"error_model": "numpy", "fastmath": {"contract", "reassoc"}}
classifier_kernel = kernel(**_OPTIONS)
# For functions that the compiler would call: a call with many arrays costs 5 % of the time of a short phrase.
inlined_kernel = kernel(**_OPTIONS, inline="always")

HIDDEN, DROPPED, MASK, BACK = 0, 1, 2, 3
"""Rows of the buffer of a phrase: its vector; that vector after dropout; the factors of dropout; the gradient
by the vector."""


@classifier_kernel
def dot_rows(a, i, b, k):
    """Return the product of row i of `a` and row k of `b`."""
    total = np.float32(0)
    for j in range(a.shape[1]):
        total += a[i, j] * b[k, j]
    return total


@classifier_kernel
def add_scaled_row(target, i, factor, x, k):
    """Add `factor` times row k of `x` to row i of `target`."""
    for j in range(target.shape[1]):
        target[i, j] += factor * x[k, j]


@classifier_kernel
def scale_row(target, i, factor):
    """Multiply row i of `target` by `factor`."""
    for j in range(target.shape[1]):
        target[i, j] *= factor


@classifier_kernel
def clear_row(target, i):
    """Set row i of `target` to 0."""
    for j in range(target.shape[1]):
        target[i, j] = 0


@classifier_kernel
def phrase_vector(rows, start, stop, factors, vectors, normalize, phrase):
    """Compute the vector of a phrase; return the sum of its factors, and its length before it was scaled."""
    total = np.float32(0)
    clear_row(phrase, HIDDEN)
    for p in range(start, stop):
        row = rows[p]
        factor = factors[row]
        total += factor
        if normalize == UNIT_WORDS:
            squared = dot_rows(vectors, row, vectors, row)
            factor /= np.sqrt(squared) if squared > 0 else np.float32(1)
        add_scaled_row(phrase, HIDDEN, factor, vectors, row)
    if total > 0:
        scale_row(phrase, HIDDEN, np.float32(1) / total)
    length = np.float32(0)
    if normalize == UNIT_PHRASE:
        length = np.sqrt(dot_rows(phrase, HIDDEN, phrase, HIDDEN))
        if length > 0:
            scale_row(phrase, HIDDEN, np.float32(1) / length)
    return total, length


@classifier_kernel
def score_labels(outside, bias, phrase, row, scores, i):
    """Compute the scores of all labels, from a row of the buffer of a phrase, into row i of `scores`."""
    for k in range(outside.shape[0]):
        scores[i, k] = dot_rows(outside, k, phrase, row) + bias[0, k]


@classifier_kernel
def score(phrases, parameters, normalize, scores):
    """Compute the scores of all phrases, before softmax or sigmoid, into `scores` (n, labels)."""
    rows, offsets, factors = phrases
    vectors, outside, bias = parameters
    phrase = np.empty((1, vectors.shape[1]), np.float32)
    for i in range(len(scores)):
        phrase_vector(rows, offsets[i], offsets[i + 1], factors, vectors, normalize, phrase)
        score_labels(outside, bias, phrase, HIDDEN, scores, i)


@classifier_kernel
def softmax_errors(scores, label, weight):
    """Turn scores into the derivatives of the weighted cross-entropy by them; return the cross-entropy."""
    largest = scores[0, 0]
    for k in range(1, scores.shape[1]):
        largest = max(largest, scores[0, k])
    loss = np.float64(largest - scores[0, label])
    total = np.float32(0)
    for k in range(scores.shape[1]):
        scores[0, k] = np.exp(scores[0, k] - largest)
        total += scores[0, k]
    scale_row(scores, 0, weight / total)
    scores[0, label] -= weight
    return weight * (loss + np.log(total))


@classifier_kernel
def logistic_errors(scores, ids, start, stop, weights, present_weights):
    """Turn scores into the derivatives of the logistic losses by them; return the sum of the losses.

    The loss of a label that the phrase has is multiplied by the weight of the label. The losses of the other
    labels have the weight 1.
    """
    clear_row(present_weights, 0)
    for p in range(start, stop):
        present_weights[0, ids[p]] = weights[ids[p]]
    loss = 0.0
    for k in range(scores.shape[1]):
        present = present_weights[0, k] > 0
        weight = present_weights[0, k] if present else np.float32(1)
        x = -scores[0, k] if present else scores[0, k]  # the loss is w log(1 + exp(x))
        e = np.exp(-abs(x))
        loss += weight * (max(x, np.float32(0)) + np.log1p(e))
        error = weight * (np.float32(1) if x >= 0 else e) / (np.float32(1) + e)
        scores[0, k] = -error if present else error
    return loss


@classifier_kernel
def drop(phrase, keep, random_state):
    """Draw the factors of dropout; compute the vector of the phrase times them."""
    threshold, gain = np.uint64(keep * 65536), np.float32(1 / keep)
    bits = np.uint64(0)
    for j in range(phrase.shape[1]):
        bits = bits >> np.uint64(16) if j % 4 else random_bits(random_state)
        phrase[MASK, j] = gain if (bits & np.uint64(0xFFFF)) < threshold else np.float32(0)
        phrase[DROPPED, j] = phrase[HIDDEN, j] * phrase[MASK, j]
