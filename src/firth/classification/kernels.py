"""The compiled inner loops of the phrase classifier: scores, and training with SGD or Adam.

A minibatch takes all its gradients, those of `firth.learning.phrase_objective`, at the values that the
parameters have when it starts; then one step is taken along their mean. Only the vectors that occur in it
are touched: the mean and the square that Adam keeps for a vector, and the number of its steps, stand still
while it does not occur.

Several threads may train at once without locks (Hogwild; Niu et al. 2011).

Phrases are short, so what is done once a phrase counts. Functions therefore take the arrays themselves:
taking them out of a named tuple costs Numba two atomic instructions each, and a dozen of them cost more than
the arithmetic.
"""

from __future__ import annotations

from collections import namedtuple

import numpy as np

from firth.compute.compiled import kernel
from firth.compute.rows import prefetch
from firth.compute.splitmix import random_bits

# The order of a sum is the compiler's to choose, which lets it use vector instructions. NaN stays NaN.
_kernel = kernel(error_model="numpy", fastmath={"contract", "reassoc"})

PLAIN, UNIT_WORDS, UNIT_PHRASE = 0, 1, 2
"""What is scaled to length 1: nothing, the vector of each word, the vector of the phrase."""

Phrases = namedtuple("Phrases", "rows offsets factors")
"""n encoded phrases.

rows : uint32 (m,), the rows of all their words in the vectors, one phrase after the other;
offsets : int64 (n + 1,), phrase i has those from ``offsets[i]`` up to ``offsets[i + 1]``;
factors : float32 (vectors,), what each row of the vectors weighs in a mean.
"""

Labels = namedtuple("Labels", "labels offsets weights")
"""The labels of n phrases: one each for the softmax, any number for logistic losses.

labels : uint32 (l,), offsets : int64 (n + 1,), as in `Phrases`;
weights : float32 (number of labels,), what each label weighs in the loss.
"""

Parameters = namedtuple("Parameters", "vectors outside bias")
"""vectors : float32 (vectors, dim); outside : float32 (labels, dim), the vectors of the labels;
bias : float32 (1, labels). What Adam keeps has these shapes too."""

Settings = namedtuple(
    "Settings", "normalize multi_label frozen biased batch lr total keep adam beta1 beta2 eps"
)
"""normalize : PLAIN, UNIT_WORDS or UNIT_PHRASE;
multi_label : logistic losses of all labels, and not their softmax;
frozen : so many vectors, the first ones, are not trained;
biased : whether the biases are trained;
batch : phrases in a minibatch;
lr : learning rate at the start, total : number of phrases after which it is 0;
keep : probability with which dropout keeps an entry of the vector of a phrase;
adam, beta1, beta2, eps : Adam and its constants, or else SGD.
"""

HIDDEN, DROPPED, MASK, BACK = 0, 1, 2, 3
"""Rows of the buffer of a phrase: its vector, the same after dropout, what dropout multiplied it by, the
gradient by it."""


@_kernel
def _dot(a, i, b, k):
    """Return the product of row i of `a` and row k of `b`."""
    total = np.float32(0)
    for j in range(a.shape[1]):
        total += a[i, j] * b[k, j]
    return total


@_kernel
def _add(target, i, factor, x, k):
    """Add `factor` times row k of `x` to row i of `target`."""
    for j in range(target.shape[1]):
        target[i, j] += factor * x[k, j]


@_kernel
def _scale(target, i, factor):
    for j in range(target.shape[1]):
        target[i, j] *= factor


@_kernel
def _clear(target, i):
    for j in range(target.shape[1]):
        target[i, j] = 0


@_kernel
def _phrase_vector(rows, first, last, factors, vectors, normalize, phrase):
    """Compute the vector of a phrase; return the sum of its factors, and its length before it was scaled."""
    total = np.float32(0)
    _clear(phrase, HIDDEN)
    for p in range(first, last):
        row = rows[p]
        factor = factors[row]
        total += factor
        if normalize == UNIT_WORDS:
            squared = _dot(vectors, row, vectors, row)
            factor /= np.sqrt(squared) if squared > 0 else np.float32(1)
        _add(phrase, HIDDEN, factor, vectors, row)
    if total > 0:
        _scale(phrase, HIDDEN, np.float32(1) / total)
    length = np.float32(0)
    if normalize == UNIT_PHRASE:
        length = np.sqrt(_dot(phrase, HIDDEN, phrase, HIDDEN))
        if length > 0:
            _scale(phrase, HIDDEN, np.float32(1) / length)
    return total, length


@_kernel
def _score(outside, bias, phrase, row, scores, i):
    for k in range(outside.shape[0]):
        scores[i, k] = _dot(outside, k, phrase, row) + bias[0, k]


@_kernel
def score(phrases, parameters, normalize, scores):
    """Compute the scores of all phrases, before softmax or sigmoid, into `scores` (n, labels)."""
    rows, offsets, factors = phrases
    vectors, outside, bias = parameters
    phrase = np.empty((1, vectors.shape[1]), np.float32)
    for i in range(len(scores)):
        _phrase_vector(rows, offsets[i], offsets[i + 1], factors, vectors, normalize, phrase)
        _score(outside, bias, phrase, HIDDEN, scores, i)


@_kernel
def _softmax_errors(scores, label, weight):
    """Turn scores into the derivatives of the weighted cross-entropy by them; return it."""
    largest = scores[0, 0]
    for k in range(1, scores.shape[1]):
        largest = max(largest, scores[0, k])
    loss = np.float64(largest - scores[0, label])
    total = np.float32(0)
    for k in range(scores.shape[1]):
        scores[0, k] = np.exp(scores[0, k] - largest)
        total += scores[0, k]
    _scale(scores, 0, weight / total)
    scores[0, label] -= weight
    return weight * (loss + np.log(total))


@_kernel
def _logistic_errors(scores, labels, first, last, weights, targets):
    """Turn scores into the derivatives of the logistic losses by them; return their sum.

    The loss of a label that the phrase has weighs what the label weighs; that of another one weighs 1.
    """
    _clear(targets, 0)
    for p in range(first, last):
        targets[0, labels[p]] = weights[labels[p]]
    loss = 0.0
    for k in range(scores.shape[1]):
        present = targets[0, k] > 0
        weight = targets[0, k] if present else np.float32(1)
        x = -scores[0, k] if present else scores[0, k]  # the loss is w log(1 + exp(x))
        e = np.exp(-abs(x))
        loss += weight * (max(x, np.float32(0)) + np.log1p(e))
        error = weight * (np.float32(1) if x >= 0 else e) / (np.float32(1) + e)
        scores[0, k] = -error if present else error
    return loss


@_kernel
def _drop(phrase, keep, state):
    """Draw a mask, and put the vector of the phrase, times it, in the row DROPPED."""
    threshold, gain = np.uint64(keep * 65536), np.float32(1 / keep)
    bits = np.uint64(0)
    for j in range(phrase.shape[1]):
        bits = bits >> np.uint64(16) if j % 4 else random_bits(state)
        phrase[MASK, j] = gain if (bits & np.uint64(0xFFFF)) < threshold else np.float32(0)
        phrase[DROPPED, j] = phrase[HIDDEN, j] * phrase[MASK, j]


@_kernel
def _through_labels(scores, share, phrase, row, outside, grad_outside, grad_bias):
    """Add `share` times the gradients by the labels' parameters; compute that by the phrase's vector."""
    _clear(phrase, BACK)
    for k in range(scores.shape[1]):
        error = share * scores[0, k]
        grad_bias[0, k] += error
        for j in range(phrase.shape[1]):
            grad_outside[k, j] += error * phrase[row, j]
            phrase[BACK, j] += error * outside[k, j]


@_kernel
def _through_unit_length(phrase, length):
    """Turn the gradient by x / |x| into that by x: what is left is perpendicular to x."""
    _add(phrase, BACK, -_dot(phrase, BACK, phrase, HIDDEN), phrase, HIDDEN)
    _scale(phrase, BACK, np.float32(1) / length)


@_kernel
def _through_words(
    rows,
    first,
    last,
    factors,
    total,
    vectors,
    normalize,
    frozen,
    phrase,
    gradients,
    slots,
    touched,
    n_touched,
):
    """Add the gradients by the vectors of the words of a phrase; return how many vectors have one by now."""
    _scale(phrase, BACK, np.float32(1) / total)
    for p in range(first, last):
        row = rows[p]
        if row < frozen:
            continue
        factor = factors[row]
        along = np.float32(0)
        if normalize == UNIT_WORDS:
            squared = _dot(vectors, row, vectors, row)
            if squared == 0:
                continue  # has no direction to turn
            factor /= np.sqrt(squared)
            along = _dot(phrase, BACK, vectors, row) / squared
        slot = slots[row]
        if slot < 0:
            slot = n_touched
            n_touched += 1
            slots[row] = slot
            touched[slot] = row
        _add(gradients, slot, factor, phrase, BACK)
        if along != 0:
            _add(gradients, slot, -factor * along, vectors, row)
    return n_touched


@_kernel
def _step_labels(scores, lr, phrase, row, outside, bias, biased):
    """Let the labels take a step of SGD at once; compute the gradient by the phrase's vector."""
    _clear(phrase, BACK)
    for k in range(scores.shape[1]):
        error = scores[0, k]
        step = lr * error
        if biased:
            bias[0, k] -= step
        for j in range(phrase.shape[1]):
            phrase[BACK, j] += error * outside[k, j]
            outside[k, j] -= step * phrase[row, j]


@_kernel
def _step_words(rows, first, last, factors, lr, vectors, frozen, phrase):
    """Let the words of a phrase take a step of SGD at once; `lr` is divided by the sum of the factors."""
    for p in range(first, last):
        row = rows[p]
        if row >= frozen:
            _add(vectors, row, -lr * factors[row], phrase, BACK)


@_kernel
def _fetch(order, at, offsets, places, ids, rows, flat, dim):
    """Ask the machine to bring nearer what the phrases after the one at place `at` of the order need."""
    last = len(order) - 1
    far, near, following = order[min(at + 12, last)], order[min(at + 6, last)], order[min(at + 1, last)]
    prefetch(offsets, far, 2)
    prefetch(places, far, 2)
    prefetch(rows, offsets[near], offsets[near + 1] - offsets[near])
    prefetch(ids, places[near], 1)
    for p in range(offsets[following], offsets[following + 1]):
        prefetch(flat, np.int64(rows[p]) * dim, dim)


@_kernel
def _sgd(values, rows, gradients, n, lr):
    """Move `n` rows against their gradients, and clear these."""
    for slot in range(n):
        row = rows[slot]
        for j in range(values.shape[1]):
            values[row, j] -= lr * gradients[slot, j]
            gradients[slot, j] = 0


@_kernel
def _adam(values, rows, gradients, n, first, second, steps, constants):
    """Let `n` rows take a step of Adam by their gradients, and clear these.

    `firth.learning.optimizers.Adam` is the formula. `firth.network.kernels.adam_step` is another kernel of
    it. That one steps all rows at once and divides by the bias corrections; this one steps single rows, each
    with its own number of steps, and multiplies by them. The two round differently. Merging them would change
    the bits of every trained model, so both stay.

    `adam_step` sets negligible means to 0, because the means of a row that does not occur would shrink to
    denormal numbers, which are slow. Here the means of a word that does not occur stand still, and all labels
    have a gradient in every minibatch. The guard would be of use only once the losses of all phrases are 0:
    in 150 epochs over texts of which one word is the label, there were no denormal numbers at the default
    learning rate of 0.001, at most 0.2 % at 0.1, and many at 1.0, where an epoch took twice as long.
    """
    lr, beta1, beta2, eps = constants
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


@_kernel
def _longest_minibatch(offsets, order, batch):
    """Return the largest number of words in a minibatch."""
    longest = 0
    for begin in range(0, len(order), batch):
        words = 0
        for i in order[begin : begin + batch]:
            words += offsets[i + 1] - offsets[i]
        longest = max(longest, words)
    return longest


@_kernel
def train(phrases, labels, order, done, parameters, first, second, steps, settings, seed):
    """Train on some phrases, in minibatches.

    Parameters
    ----------
    phrases : Phrases
    labels : Labels
    order : int64 (o,)
        The phrases to train on, in this order.
    done : int
        Phrases trained on before, by which the learning rate has fallen.
    parameters : Parameters
        Changed in place.
    first, second : Parameters
        Adam's means and squares, changed in place; not touched by SGD.
    steps : int64 (vectors + labels + 1,)
        Adam's number of steps of each vector, each label's vector and the biases; not used by SGD.
    settings : Settings
    seed : uint64
        Seed of the dropout.

    Returns
    -------
    float
        The summed loss, each phrase's at the parameters that its gradient was taken at.
    """
    rows, offsets, factors = phrases
    ids, places, weights = labels
    vectors, outside, bias = parameters
    n_vectors, dim = vectors.shape
    n_labels = len(outside)
    normalize, frozen, batch, keep = settings.normalize, settings.frozen, settings.batch, settings.keep
    longest = _longest_minibatch(offsets, order, batch)
    phrase, scores = np.empty((4, dim), np.float32), np.empty((1, n_labels), np.float32)
    targets = np.empty_like(scores)
    # The gradients of a minibatch; slots says where that by a vector is, touched whose it is.
    gradients, touched = np.zeros((longest, dim), np.float32), np.empty(longest, np.uint32)
    slots = np.full(n_vectors, -1, np.int32)
    grad_outside, grad_bias = np.zeros_like(outside), np.zeros_like(bias)
    # A minibatch of one phrase needs no gradients kept: everything can step at once. (Not where the gradient
    # by a word depends on its vector, because a word that occurs twice would step from where it has stepped
    # to.)
    at_once = batch == 1 and not settings.adam and normalize != UNIT_WORDS
    flat = vectors.reshape(-1)
    of_vectors, of_labels, of_bias = steps[:n_vectors], steps[n_vectors:-1], steps[-1:]
    numbers = np.arange(n_labels).astype(np.uint32)
    state = np.array([seed], np.uint64)
    loss = 0.0
    for begin in range(0, len(order), batch):
        end = min(begin + batch, len(order))
        share = np.float32(1 / (end - begin))
        lr = settings.lr * max(0.0, 1 - (done + begin) / settings.total)
        n_touched = 0
        for at in range(begin, end):
            i = order[at]
            _fetch(order, at, offsets, places, ids, rows, flat, dim)
            start, stop = offsets[i], offsets[i + 1]
            total, length = _phrase_vector(rows, start, stop, factors, vectors, normalize, phrase)
            used = HIDDEN
            if keep < 1:
                _drop(phrase, keep, state)
                used = DROPPED
            _score(outside, bias, phrase, used, scores, 0)
            if settings.multi_label:
                loss += _logistic_errors(scores, ids, places[i], places[i + 1], weights, targets)
            else:
                loss += _softmax_errors(scores, ids[places[i]], weights[ids[places[i]]])
            if at_once:
                _step_labels(scores, np.float32(lr), phrase, used, outside, bias, settings.biased)
            else:
                _through_labels(scores, share, phrase, used, outside, grad_outside, grad_bias)
            if keep < 1:
                for j in range(dim):
                    phrase[BACK, j] *= phrase[MASK, j]
            if length > 0:
                _through_unit_length(phrase, length)
            if total == 0 or (normalize == UNIT_PHRASE and length == 0):
                continue  # there is no word to move
            if at_once:
                _step_words(rows, start, stop, factors, np.float32(lr) / total, vectors, frozen, phrase)
            else:
                n_touched = _through_words(
                    rows, start, stop, factors, total, vectors, normalize, frozen, phrase, gradients, slots,
                    touched, n_touched,
                )  # fmt: skip
        if settings.adam:
            constants = lr, settings.beta1, settings.beta2, settings.eps
            _adam(
                vectors, touched, gradients, n_touched, first.vectors, second.vectors, of_vectors, constants
            )
            _adam(
                outside, numbers, grad_outside, n_labels, first.outside, second.outside, of_labels, constants
            )
            if settings.biased:
                _adam(bias, numbers, grad_bias, 1, first.bias, second.bias, of_bias, constants)
        elif not at_once:
            _sgd(vectors, touched, gradients, n_touched, np.float32(lr))
            _sgd(outside, numbers, grad_outside, n_labels, np.float32(lr))
            if settings.biased:
                _sgd(bias, numbers, grad_bias, 1, np.float32(lr))
        for slot in range(n_touched):
            slots[touched[slot]] = -1
    return loss
