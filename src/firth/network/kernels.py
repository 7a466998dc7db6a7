"""Compiled loops of the layers: sums over rows that an index picks, and the encoder in one go."""

from __future__ import annotations

import numpy as np

from firth.compute.compiled import kernel
from firth.compute.quantized import _TINY, QuantizedMatrix, multiply
from firth.compute.rows import argmax_sum


@kernel()
def add_rows(target: np.ndarray, ids: np.ndarray, rows: np.ndarray) -> None:
    """target[ids[i]] += rows[i], in order, however often an id occurs."""
    for i in range(len(ids)):
        row = ids[i]
        for k in range(target.shape[1]):
            target[row, k] += rows[i, k]


@kernel(error_model="numpy")
def adam_step(
    parameter: np.ndarray, gradient: np.ndarray, first: np.ndarray, second: np.ndarray,
    scale: float, l2: float, lr: float, beta1: float, beta2: float, eps: float,
    correction1: float, correction2: float,
) -> None:  # fmt: skip
    """Take a step of `firth.learning.optimizers.Adam` with ``scale · gradient + l2 · parameter``.

    All arrays are flat, and all numbers of their dtype, to keep it so. What is in `gradient` becomes 0: it is
    where the gradients of the next step are added up.
    """
    one, zero = np.float32(1), np.float32(0)
    for i in range(len(parameter)):
        g = scale * gradient[i] + l2 * parameter[i]
        gradient[i] = 0
        m = first[i] + (one - beta1) * (g - first[i])
        v = second[i] + (one - beta2) * (g * g - second[i])
        # Means of what has long been 0 would come to rest at the smallest numbers there are, with which
        # processors are a hundred times slower: embeddings of rare words would slow down all training.
        m = zero if abs(m) < _TINY else m  # NaN stays NaN
        v = zero if v < _TINY else v
        first[i], second[i] = m, v
        parameter[i] -= lr * (m / correction1) / (np.sqrt(v / correction2) + eps)


@kernel()
def sum_slots(
    products: np.ndarray, units: np.ndarray, label_table: np.ndarray, labels: np.ndarray, bias: np.ndarray
) -> np.ndarray:
    """Sum what the slots of each decision bring; see `firth.network.layers.slots`."""
    hidden = len(bias)
    y = np.empty((len(units), hidden), products.dtype)
    for i in range(len(units)):
        y[i] = bias
        for k in range(units.shape[1]):
            unit, first = units[i, k], k * hidden
            for j in range(hidden):
                y[i, j] += products[unit, first + j]
        for k in range(labels.shape[1]):
            label, first = labels[i, k], k * hidden
            for j in range(hidden):
                y[i, j] += label_table[label, first + j]
    return y


@kernel()
def spread_slots(
    dy: np.ndarray, dproducts: np.ndarray, units: np.ndarray, dlabels: np.ndarray, labels: np.ndarray
) -> None:
    """Add the gradient of each decision to all that was summed for it: the backward pass of `sum_slots`."""
    hidden = dy.shape[1]
    for i in range(len(units)):
        for k in range(units.shape[1]):
            unit, first = units[i, k], k * hidden
            for j in range(hidden):
                dproducts[unit, first + j] += dy[i, j]
        for k in range(labels.shape[1]):
            label, first = labels[i, k], k * hidden
            for j in range(hidden):
                dlabels[label, first + j] += dy[i, j]


@kernel(error_model="numpy", fastmath=True)
def best_outputs(
    choices: np.ndarray, rows: np.ndarray, hidden: QuantizedMatrix, bias: np.ndarray, output: QuantizedMatrix,
    biases: np.ndarray,
) -> None:  # fmt: skip
    """Write for each of the first rows the number of the output that has the highest score.

    Parameters
    ----------
    choices
        (n,)
    rows
        (n, width), or more.
    hidden, bias
        The hidden layer, with ReLU.
    output, biases
        The output layer. It is padded to a multiple of 16; there, the biases are -inf.
    """
    n, n_scores = len(choices), len(biases)
    y, scores = np.empty((n + 3, len(bias)), np.float32), np.empty((n + 3, n_scores), np.float32)
    flat_scores = scores.reshape(-1)
    multiply(y, rows, n, hidden)
    for i in range(n):
        for j in range(len(bias)):
            value = y[i, j] + bias[j]
            y[i, j] = value if value > 0 else np.float32(0)
    multiply(scores, y, n, output)
    for i in range(n):
        choices[i] = argmax_sum(flat_scores, i * n_scores, biases, 0, n_scores)


@kernel(error_model="numpy", fastmath=True)
def embed(
    ids: np.ndarray, first: np.ndarray, table: np.ndarray, gain: np.ndarray, shift: np.ndarray,
    epsilon: float, lengths: np.ndarray, rows: np.ndarray,
) -> None:  # fmt: skip
    """Sum the embeddings of each unit, which are brought to one width already, and normalise the sum.

    Parameters
    ----------
    ids, first, table
        (n, channels), (channels,) and (numbers, width): row ``first[c] + ids[i, c]`` for each channel c.
    gain, shift, epsilon
        See `firth.network.layers.layer_norm`.
    lengths, rows
        Units of each sentence, and where to write: a row for each, with empty rows around sentences.
    """
    width = table.shape[1]
    unit, row = 0, 0
    rows[0] = 0
    for length in lengths:
        for _ in range(length):
            row += 1
            line = rows[row]
            line[:] = table[first[0] + ids[unit, 0]]
            for c in range(1, ids.shape[1]):
                brought = table[first[c] + ids[unit, c]]
                for j in range(width):
                    line[j] += brought[j]
            _normalise(line, gain, shift, epsilon)
            unit += 1
        row += 1
        rows[row] = 0


@kernel(error_model="numpy", fastmath=True)
def _normalise(line: np.ndarray, gain: np.ndarray, shift: np.ndarray, epsilon: float) -> None:
    """Bring one row to mean 0 and variance 1, then to `gain` and `shift`."""
    width = len(line)
    mean = np.float32(0)
    for j in range(width):
        mean += line[j]
    mean /= np.float32(width)
    variance = np.float32(0)
    for j in range(width):
        line[j] -= mean
        variance += line[j] * line[j]
    inverse = np.float32(1) / np.sqrt(variance / np.float32(width) + np.float32(epsilon))
    for j in range(width):
        line[j] = line[j] * inverse * gain[j] + shift[j]


@kernel(error_model="numpy", fastmath=True)
def convolve(
    rows: np.ndarray, space: np.ndarray, matrix: QuantizedMatrix, bias: np.ndarray, gain: np.ndarray,
    shift: np.ndarray, epsilon: float, lengths: np.ndarray,
) -> None:  # fmt: skip
    """Add a residual convolution to all rows: ``rows += norm(relu(window @ weight + bias))``.

    Parameters
    ----------
    rows
        See `embed`, with `firth.network.runner.SPARE_ROWS` more.
    space
        Of the same shape; for the products.
    matrix
        ``quantize(weight, 3)``.
    bias, gain, shift, epsilon
        And the weight: see `firth.network.layers.convolution` and `layer_norm`.
    lengths
        Units of each sentence.
    """
    width = rows.shape[1]
    inner = lengths.sum() + len(lengths) - 1  # all but the empty rows at both ends
    multiply(space, rows, inner, matrix)
    row = 0
    for length in lengths:
        for _ in range(length):
            row += 1
            line = space[row - 1]
            for j in range(width):
                value = line[j] + bias[j]
                line[j] = value if value > 0 else np.float32(0)
            _normalise(line, gain, shift, epsilon)
            for j in range(width):
                rows[row, j] += line[j]
        row += 1
