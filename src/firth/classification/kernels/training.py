"""Training of the phrase classifier with SGD or Adam, compiled.

All gradients of a minibatch are taken at the values that the parameters have when the minibatch starts. Then
one step is taken along their mean. Only vectors of words that occur in the minibatch are changed. The running
means that Adam keeps for a vector, and the number of its steps, do not change while its word does not occur.

`train_sgd_singly` trains with SGD and one phrase at a time, the default. `train_in_minibatches` trains with
SGD or with Adam. Both are made of the same steps.

Several threads may train at once without locks (Hogwild; Niu et al. 2011).
"""

from __future__ import annotations

import numpy as np

from firth.classification.kernels.arguments import UNIT_PHRASE, UNIT_WORDS
from firth.classification.kernels.forward import (
    BACK,
    DROPPED,
    HIDDEN,
    add_scaled_row,
    classifier_kernel,
    clear_row,
    drop,
    phrase_vector,
    scale_row,
    score_labels,
)
from firth.classification.kernels.gradients import (
    assign_slots,
    label_errors,
    new_buffers,
    new_gradients,
    through_hidden,
    through_labels,
    through_unit_words,
    through_words,
)
from firth.compute.rows import prefetch

# How many phrases ahead the offsets of a phrase are loaded, and then its rows, whose place the offsets say.
_PHRASES_TO_OFFSETS, _PHRASES_TO_ROWS = 12, 6


@classifier_kernel
def learning_rate(lr, done, total):
    """Return the learning rate after `done` of `total` phrases.

    It is `firth.learning.schedules.linear_decay` with a floor of 0, to the bit. The rate is computed for each
    minibatch. A line between the rates at the two ends of a block would be rounded differently, and would
    change the bits of every trained classifier.
    """
    return lr * max(1 - done / total, 0.0)


@classifier_kernel
def _fetch(order, at, offsets, label_offsets, ids, rows, flat_vectors, dim):
    """Ask the processor to load into its caches what the next phrases of the order need."""
    last = len(order) - 1
    far, near = order[min(at + _PHRASES_TO_OFFSETS, last)], order[min(at + _PHRASES_TO_ROWS, last)]
    following = order[min(at + 1, last)]
    prefetch(offsets, far, 2)
    prefetch(label_offsets, far, 2)
    prefetch(rows, offsets[near], offsets[near + 1] - offsets[near])
    prefetch(ids, label_offsets[near], 1)
    for p in range(offsets[following], offsets[following + 1]):
        prefetch(flat_vectors, np.int64(rows[p]) * dim, dim)


@classifier_kernel
def _step_labels(scores, lr, phrase, row, outside, bias, biased):
    """Let the labels take a step of SGD; compute the gradient by the phrase's vector."""
    clear_row(phrase, BACK)
    for k in range(scores.shape[1]):
        error = scores[0, k]
        step = lr * error
        if biased:
            bias[0, k] -= step
        for j in range(phrase.shape[1]):
            phrase[BACK, j] += error * outside[k, j]
            outside[k, j] -= step * phrase[row, j]


@classifier_kernel
def _step_words(rows, start, stop, factors, lr, vectors, frozen, phrase):
    """Let the words of a phrase take a step of SGD; `lr` is divided by the sum of their factors."""
    for p in range(start, stop):
        row = rows[p]
        if row >= frozen:
            add_scaled_row(vectors, row, -lr * factors[row], phrase, BACK)


@classifier_kernel
def train_sgd_singly(phrases, labels, order, done, parameters, settings, seed):
    """Train with SGD, one phrase at a time; see `train_in_minibatches` for the arguments.

    It needs no room for gradients. It cannot train with UNIT_WORDS, where the gradient by a word depends on
    its vector: a word that occurs twice in a phrase would take its second step from where the first one led.
    """
    rows, offsets, factors = phrases
    ids, label_offsets, weights, phrase_weights = labels
    vectors, outside, bias = parameters
    dim, normalize, keep = vectors.shape[1], settings.normalize, settings.keep
    phrase, scores, present_weights = new_buffers(dim, len(outside))
    seen_by_labels = DROPPED if keep < 1 else HIDDEN
    flat_vectors = vectors.reshape(-1)
    random_state = np.array([seed], np.uint64)
    loss = 0.0
    for at in range(len(order)):
        i = order[at]
        lr = np.float32(learning_rate(settings.lr, done + at, settings.total))
        _fetch(order, at, offsets, label_offsets, ids, rows, flat_vectors, dim)
        start, stop = offsets[i], offsets[i + 1]
        total, length = phrase_vector(rows, start, stop, factors, vectors, normalize, phrase)
        if keep < 1:
            drop(phrase, keep, random_state)
        score_labels(outside, bias, phrase, seen_by_labels, scores, 0)
        loss += label_errors(
            scores,
            ids,
            label_offsets[i],
            label_offsets[i + 1],
            weights,
            settings.multi_label,
            present_weights,
            phrase_weights[i],
        )
        _step_labels(scores, lr, phrase, seen_by_labels, outside, bias, settings.biased)
        if total == 0 or (normalize == UNIT_PHRASE and length == 0):
            continue  # there is no word to move
        through_hidden(phrase, length, keep)
        _step_words(rows, start, stop, factors, lr / total, vectors, settings.frozen, phrase)
    return loss


@classifier_kernel
def _sgd_step(values, rows, gradients, n, lr):
    """Move `n` rows against their gradients, and clear these."""
    for slot in range(n):
        row = rows[slot]
        for j in range(values.shape[1]):
            values[row, j] -= lr * gradients[slot, j]
            gradients[slot, j] = 0


@classifier_kernel
def _adam_step(values, rows, gradients, n, first, second, steps, lr, constants):
    """Let `n` rows take a step of Adam by their gradients, and clear these.

    `firth.learning.optimizers.Adam` is the formula. `firth.network.kernels.adam_step` is another kernel of
    it, which steps all rows at once and divides by the bias corrections. This one steps single rows, each
    with its own number of steps, and multiplies by the inverse corrections. The two round differently.
    Merging them would change the bits of every trained model, so both stay.

    `adam_step` sets negligible means to 0, because the means of a row that does not occur would shrink to
    denormal numbers, which are slow. Here the means of a word that does not occur stand still, and all labels
    have a gradient in every minibatch. The guard would be of use only once the losses of all phrases are 0:
    in 150 epochs over texts of which one word is the label, there were no denormal numbers at the default
    learning rate of 0.001, at most 0.2 % at 0.1, and many at 1.0, where an epoch took twice as long.
    """
    beta1, beta2, eps = constants
    new1, new2 = np.float32(1 - beta1), np.float32(1 - beta2)
    for slot in range(n):
        row = rows[slot]
        steps[row] += 1
        rate = np.float32(lr / (1 - beta1 ** steps[row]))
        correction = np.float32(1 / (1 - beta2 ** steps[row]))
        for j in range(values.shape[1]):
            g = gradients[slot, j]
            first[row, j] += new1 * (g - first[row, j])
            second[row, j] += new2 * (g * g - second[row, j])
            values[row, j] -= rate * first[row, j] / (np.sqrt(second[row, j] * correction) + np.float32(eps))
            gradients[slot, j] = 0


@classifier_kernel
def _adam_steps(parameters, gradients, n_touched, adam, lr, constants, biased):
    """Let all parameters that a minibatch has gradients of take a step of Adam, and clear the gradients."""
    vectors, outside, bias = parameters
    first, second, steps = adam
    n_labels = len(outside)
    of_vectors, of_labels, of_bias = steps[: len(vectors)], steps[len(vectors) : -1], steps[-1:]
    _adam_step(
        vectors, gradients.touched, gradients.vectors, n_touched, first.vectors, second.vectors, of_vectors,
        lr, constants,
    )  # fmt: skip
    label_rows = np.arange(n_labels)
    _adam_step(
        outside, label_rows, gradients.outside, n_labels, first.outside, second.outside, of_labels, lr,
        constants,
    )  # fmt: skip
    if biased:
        _adam_step(bias, label_rows, gradients.bias, 1, first.bias, second.bias, of_bias, lr, constants)


@classifier_kernel
def train_in_minibatches(phrases, labels, order, done, parameters, adam, constants, settings, seed):
    """Train with Adam, or with SGD if `adam` is None: Numba compiles a kernel for each of the two.

    Parameters
    ----------
    phrases : Phrases
    labels : PhraseLabels
    order : int64 (o,)
        The phrases to train on, in this order.
    done : int
        The number of phrases trained on before, which the learning rate depends on.
    parameters : ClassifierParameters
        Changed in place.
    adam : AdamState or None
        Changed in place.
    constants : AdamConstants
    settings : TrainingSettings
    seed : uint64
        Seed of the dropout.

    Returns
    -------
    float
        The summed loss; that of each phrase is computed with the parameters that its gradient is taken at.
    """
    rows, offsets, factors = phrases
    ids, label_offsets, weights, phrase_weights = labels
    vectors, outside, bias = parameters
    dim, normalize, frozen, keep = vectors.shape[1], settings.normalize, settings.frozen, settings.keep
    n_labels, flat_vectors = len(outside), vectors.reshape(-1)
    phrase, scores, present_weights = new_buffers(dim, n_labels)
    gradients = new_gradients(offsets, order, settings.batch, len(vectors), outside, bias)
    grad_vectors, grad_outside, grad_bias, slots, touched = gradients
    seen_by_labels = DROPPED if keep < 1 else HIDDEN
    label_rows = np.arange(n_labels).astype(np.uint32)
    random_state = np.array([seed], np.uint64)
    loss = 0.0
    for begin in range(0, len(order), settings.batch):
        end = min(begin + settings.batch, len(order))
        share = np.float32(1 / (end - begin))
        n_touched = 0
        for at in range(begin, end):
            i = order[at]
            _fetch(order, at, offsets, label_offsets, ids, rows, flat_vectors, dim)
            start, stop = offsets[i], offsets[i + 1]
            total, length = phrase_vector(rows, start, stop, factors, vectors, normalize, phrase)
            if keep < 1:
                drop(phrase, keep, random_state)
            score_labels(outside, bias, phrase, seen_by_labels, scores, 0)
            loss += label_errors(
                scores, ids, label_offsets[i], label_offsets[i + 1], weights, settings.multi_label,
                present_weights, phrase_weights[i],
            )  # fmt: skip
            through_labels(scores, share, phrase, seen_by_labels, outside, grad_outside, grad_bias)
            if total == 0 or (normalize == UNIT_PHRASE and length == 0):
                continue  # there is no word to move
            through_hidden(phrase, length, keep)
            scale_row(phrase, BACK, np.float32(1) / total)
            n_touched = assign_slots(rows, start, stop, frozen, slots, touched, n_touched)
            if normalize == UNIT_WORDS:
                through_unit_words(rows, start, stop, factors, vectors, frozen, phrase, grad_vectors, slots)
            else:
                through_words(rows, start, stop, factors, frozen, phrase, grad_vectors, slots)
        lr = learning_rate(settings.lr, done + begin, settings.total)
        if adam is None:
            _sgd_step(vectors, touched, grad_vectors, n_touched, np.float32(lr))
            _sgd_step(outside, label_rows, grad_outside, n_labels, np.float32(lr))
            if settings.biased:
                _sgd_step(bias, label_rows, grad_bias, 1, np.float32(lr))
        else:
            _adam_steps(parameters, gradients, n_touched, adam, lr, constants, settings.biased)
        for slot in range(n_touched):
            slots[touched[slot]] = -1
    return loss
