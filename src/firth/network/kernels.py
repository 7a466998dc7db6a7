"""The compiled loops of the network.

For training: sums over rows that are picked by number (`add_rows`, `sum_slots`, `spread_slots`) and the step
of Adam. For use: the encoder without a backward pass (`embed`, `convolve`), and decisions that read one unit
(`best_outputs`). The formulas are those of `firth.network.layers` and `firth.learning.optimizers.Adam`.
"""

from __future__ import annotations

import numpy as np

from firth.compute.compiled import kernel
from firth.compute.quantized import QuantizedMatrix, multiply
from firth.compute.rows import argmax_sum

_NEGLIGIBLE = np.float32(1e-30)
"""`adam_step` sets running means that are smaller than this to 0. The smallest normal float32 is 1.2e-38.
Below it are the denormal numbers, with which processors are up to a hundred times slower."""


@kernel()
def add_rows(target: np.ndarray, ids: np.ndarray, rows: np.ndarray) -> None:
    """Compute ``target[ids[i]] += rows[i]`` for all i, in order. An id may occur several times."""
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
    """Take a step of `firth.learning.optimizers.Adam`.

    The gradient is ``scale · gradient + l2 · parameter``. All arrays are flat; they and the numbers have one
    dtype. The entries of `gradient` become 0, because the gradients of the next step are summed there.

    The running means of an embedding that no batch looks up any more shrink by a factor in each step. They
    would end as denormal numbers, stay there, and make every later step slow. They are therefore set to 0
    when they are negligible.

    `firth.classification.kernels` has another kernel of Adam. It steps only rows that occur, each with its
    own number of steps, so it needs no such guard. It multiplies by the bias corrections, where this one
    divides: the two round differently. Merging them would change the bits of every trained model, so both
    stay.
    """
    one, zero = np.float32(1), np.float32(0)
    for i in range(len(parameter)):
        g = scale * gradient[i] + l2 * parameter[i]
        gradient[i] = 0
        m = first[i] + (one - beta1) * (g - first[i])
        v = second[i] + (one - beta2) * (g * g - second[i])
        m = zero if abs(m) < _NEGLIGIBLE else m  # NaN stays NaN, and training finds it
        v = zero if v < _NEGLIGIBLE else v
        first[i], second[i] = m, v
        parameter[i] -= lr * (m / correction1) / (np.sqrt(v / correction2) + eps)


@kernel()
def sum_slots(
    products: np.ndarray, units: np.ndarray, label_table: np.ndarray, labels: np.ndarray, bias: np.ndarray
) -> np.ndarray:
    """Sum the bias and the contributions of all slots for each decision; see `firth.network.layers.slots`."""
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
    """Add the gradient of each decision to everything that `sum_slots` summed for it: its backward pass."""
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
    """Find the output with the highest score for each of the first n rows.

    Parameters
    ----------
    choices
        (n,): the numbers of the outputs are written here.
    rows
        (n, width), or more rows.
    hidden, bias
        The hidden layer, with ReLU.
    output, biases
        The output layer, padded to a multiple of 16 outputs. The biases of the padding are -inf.
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
    """Sum the embeddings of each unit, which are already projected to one width, and normalise the sum.

    Parameters
    ----------
    ids, first, table
        (n, channels), (channels,) and (rows of all tables, width). Channel c of unit i has the embedding
        ``table[first[c] + ids[i, c]]``.
    gain, shift, epsilon
        See `firth.network.layers.layer_norm`.
    lengths
        Number of units of each sentence.
    rows
        Written here: a row for each unit, and empty rows around the sentences.
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
                embedding = table[first[c] + ids[unit, c]]
                for j in range(width):
                    line[j] += embedding[j]
            _normalise(line, gain, shift, epsilon)
            unit += 1
        row += 1
        rows[row] = 0


@kernel(error_model="numpy", fastmath=True)
def _normalise(line: np.ndarray, gain: np.ndarray, shift: np.ndarray, epsilon: float) -> None:
    """Normalise one row to mean 0 and variance 1, then multiply by `gain` and add `shift`."""
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
    rows: np.ndarray, products: np.ndarray, matrix: QuantizedMatrix, bias: np.ndarray, gain: np.ndarray,
    shift: np.ndarray, epsilon: float, lengths: np.ndarray,
) -> None:  # fmt: skip
    """Add a residual convolution to all rows: ``rows += norm(relu(window @ weight + bias))``.

    Parameters
    ----------
    rows
        See `embed`; `firth.network.runner.SPARE_ROWS` more rows come after them. Changed in place.
    products
        Of the shape of `rows`; overwritten.
    matrix
        ``quantize(weight, 3)``.
    bias
        See `firth.network.layers.convolution`, which also has the weight.
    gain, shift, epsilon
        See `firth.network.layers.layer_norm`.
    lengths
        Number of units of each sentence.
    """
    width = rows.shape[1]
    inner = lengths.sum() + len(lengths) - 1  # rows, without the empty ones at both ends
    multiply(products, rows, inner, matrix)
    row = 0
    for length in lengths:
        for _ in range(length):
            row += 1
            line = products[row - 1]
            for j in range(width):
                value = line[j] + bias[j]
                line[j] = value if value > 0 else np.float32(0)
            _normalise(line, gain, shift, epsilon)
            for j in range(width):
                rows[row, j] += line[j]
        row += 1
