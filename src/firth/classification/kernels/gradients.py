"""The gradients of the phrase classifier, from the derivatives by the scores down to the words, compiled.

`firth.learning.phrase_objective` has the formulas. Functions that are called once per phrase take arrays; see
`firth.classification.kernels.forward`.
"""

from __future__ import annotations

from collections import namedtuple

import numpy as np

from firth.classification.kernels.forward import (
    BACK,
    HIDDEN,
    MASK,
    add_scaled_row,
    classifier_kernel,
    clear_row,
    dot_rows,
    inlined_kernel,
    logistic_errors,
    scale_row,
    softmax_errors,
)

Gradients = namedtuple("Gradients", "vectors outside bias slots touched")
"""The mean gradients of a minibatch.

vectors : float32 (most words of a minibatch, dim)
    The gradients by the vectors that occur in it, each in a slot, in the order of their first occurrence.
outside : float32 (labels, dim), bias : float32 (1, labels)
    The gradients by the parameters of the labels.
slots : int32 (vectors,)
    The slot of each vector, -1 for those that do not occur.
touched : uint32 (most words of a minibatch,)
    The row of the vector that each slot is for.
"""

Buffers = namedtuple("Buffers", "phrase scores present_weights")
"""Room for the computation of one phrase.

phrase : float32 (4, dim)
    Its rows are HIDDEN, DROPPED, MASK and BACK.
scores : float32 (1, labels)
    The scores of the labels, then the derivatives of the loss by them.
present_weights : float32 (1, labels)
    The weights of the labels that the phrase has, 0 for the other labels.
"""


@classifier_kernel
def new_buffers(dim, n_labels):
    """Return room for the computation of a phrase."""
    scores = np.empty((1, n_labels), np.float32)
    return Buffers(np.empty((4, dim), np.float32), scores, np.empty_like(scores))


@inlined_kernel
def label_errors(scores, ids, start, stop, weights, multi_label, present_weights, phrase_weight):
    """Turn scores into the derivatives of the loss of a phrase by them; return the loss."""
    if multi_label:
        loss = logistic_errors(scores, ids, start, stop, weights, present_weights)
    else:
        loss = softmax_errors(scores, ids[start], weights[ids[start]])
    if phrase_weight != 1:
        scale_row(scores, 0, phrase_weight)
        loss *= phrase_weight
    return loss


@inlined_kernel
def through_hidden(phrase, length, keep):
    """Turn the gradient by what the labels see into that by the mean of the words."""
    if keep < 1:
        for j in range(phrase.shape[1]):
            phrase[BACK, j] *= phrase[MASK, j]
    if length > 0:
        # The gradient by x / |x| becomes that by x. It is perpendicular to x.
        add_scaled_row(phrase, BACK, -dot_rows(phrase, BACK, phrase, HIDDEN), phrase, HIDDEN)
        scale_row(phrase, BACK, np.float32(1) / length)


@classifier_kernel
def through_labels(scores, share, phrase, row, outside, grad_outside, grad_bias):
    """Add `share` times the gradients by the labels' parameters; compute that by the phrase's vector."""
    clear_row(phrase, BACK)
    for k in range(scores.shape[1]):
        error = share * scores[0, k]
        grad_bias[0, k] += error
        for j in range(phrase.shape[1]):
            grad_outside[k, j] += error * phrase[row, j]
            phrase[BACK, j] += error * outside[k, j]


@classifier_kernel
def assign_slots(rows, start, stop, frozen, slots, touched, n_touched):
    """Give a slot to each trained vector of a phrase; return the number of slots given so far."""
    for p in range(start, stop):
        row = rows[p]
        if row >= frozen and slots[row] < 0:
            slots[row] = n_touched
            touched[n_touched] = row
            n_touched += 1
    return n_touched


@classifier_kernel
def through_words(rows, start, stop, factors, frozen, phrase, gradients, slots):
    """Add the gradients by the vectors of the words of a phrase."""
    for p in range(start, stop):
        row = rows[p]
        if row >= frozen:
            add_scaled_row(gradients, slots[row], factors[row], phrase, BACK)


@classifier_kernel
def through_unit_words(rows, start, stop, factors, vectors, frozen, phrase, gradients, slots):
    """Add the gradients by the vectors of the words of a phrase, which were scaled to length 1."""
    for p in range(start, stop):
        row = rows[p]
        squared = dot_rows(vectors, row, vectors, row)
        if row < frozen or squared == 0:
            continue  # a vector of zeros has no direction that could turn
        factor = factors[row] / np.sqrt(squared)
        along = dot_rows(phrase, BACK, vectors, row) / squared
        add_scaled_row(gradients, slots[row], factor, phrase, BACK)
        if along != 0:
            add_scaled_row(gradients, slots[row], -factor * along, vectors, row)


@classifier_kernel
def new_gradients(offsets, order, batch, n_vectors, outside, bias):
    """Return room for the gradients of any minibatch: zeros."""
    most_words = 0
    for begin in range(0, len(order), batch):
        words = 0
        for i in order[begin : begin + batch]:
            words += offsets[i + 1] - offsets[i]
        most_words = max(most_words, words)
    return Gradients(
        np.zeros((most_words, outside.shape[1]), np.float32), np.zeros_like(outside), np.zeros_like(bias),
        np.full(n_vectors, -1, np.int32), np.empty(most_words, np.uint32),
    )  # fmt: skip
