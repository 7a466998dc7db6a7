"""Compiled loops of the layers: sums over rows that an index picks, and the encoder in one go."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from firth.learning.compiled import kernel
from firth.learning.simd import BYTES, argmax_sum, product_tile, round_row, scaled_tile

_PANEL = 64  # columns at a time: few enough that their weights stay in the fast caches
_ZERO = 128  # the code of 0 in `round_row`
_TINY = np.float32(1e-30)


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
    """Sum what the slots of each decision bring; see `firth.learning.layers.slots`."""
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


class Matrix(NamedTuple):
    """A matrix in 8 bits, as `multiply` reads it; made by `quantize`.

    Entries are whole numbers, from -127 to 127, times the scale of their column.

    Attributes
    ----------
    codes
        The whole numbers: the first 64 columns, then the next 64. In the order of the matrix, the columns
        that one loop needs would be far apart, and push each other out of the cache.
    starts
        (taps, columns): the sum of what a row of the matrix brings if all codes of an input are 0.
    scales
        (columns,)
    """

    codes: np.ndarray
    starts: np.ndarray
    scales: np.ndarray


def whole_numbers(x: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a matrix as whole numbers from -127 to 127, and their scales, one for all along an axis."""
    scales = np.maximum(np.abs(x).max(axis=axis, keepdims=True, initial=0), _TINY) / np.float32(127)
    rounded = x / scales
    return np.rint(rounded, out=rounded), scales


def quantize(weight: np.ndarray, taps: int = 1) -> Matrix:
    """Round a matrix to 8 bits, a scale for each column.

    Parameters
    ----------
    weight
        (inputs, columns), multiples of 4 and of 16; float32.
    taps
        Rows that `multiply` reads at a time: the inputs are theirs, one after the other.
    """
    rounded, scales = whole_numbers(weight, axis=0)
    starts = np.zeros((taps, weight.shape[1]), np.int32)
    if not BYTES:
        floats = rounded * scales
        panels = [floats[:, column : column + _PANEL] for column in range(0, weight.shape[1], _PANEL)]
        return Matrix(np.concatenate([panel.reshape(-1) for panel in panels]), starts, scales[0])
    codes = np.empty(weight.size, np.int8)
    _lay_out(codes, starts, rounded)
    return Matrix(codes, starts, scales[0])


@kernel()
def _lay_out(codes: np.ndarray, starts: np.ndarray, rounded: np.ndarray) -> None:
    """Write the codes and the starts of a matrix of whole numbers; see `Matrix`.

    In a panel, four inputs of a column lie together: so many products the processor adds up at once.
    """
    n_inputs, n_columns = rounded.shape
    width = n_inputs // len(starts)
    for column in range(0, n_columns, _PANEL):
        n = min(_PANEL, n_columns - column)
        for k in range(n_inputs):
            first, tap = column * n_inputs + k // 4 * 4 * n + k % 4, k // width
            for c in range(n):
                code = np.int32(rounded[k, column + c])
                codes[first + 4 * c] = code
                starts[tap, column + c] -= _ZERO * code


@kernel(error_model="numpy")
def _round_to_bytes(codes: np.ndarray, scales: np.ndarray, x: np.ndarray, n: int) -> None:
    """See `round_rows`."""
    width, flat_codes, flat_x = x.shape[1], codes.reshape(-1), x.reshape(-1)
    for i in range(n):
        scales[i] = round_row(flat_codes, i * width, flat_x, i * width, width)


@kernel(error_model="numpy", fastmath=True)
def _round_floats(codes: np.ndarray, scales: np.ndarray, x: np.ndarray, n: int) -> None:
    """See `round_rows`; the codes have their scale in them."""
    width = x.shape[1]
    for i in range(n):
        largest = np.float32(0)
        for j in range(width):
            largest = max(largest, abs(x[i, j]))
        inverse = np.float32(127) / max(largest, _TINY)
        scales[i] = largest / np.float32(127)
        for j in range(width):
            codes[i, j] = np.rint(x[i, j] * inverse) * scales[i]


@kernel(error_model="numpy")
def _multiply_bytes(
    y: np.ndarray, codes: np.ndarray, scales: np.ndarray, n: int, matrix: Matrix
) -> None:  # fmt: skip
    """See `multiply_rounded`; the products are of bytes, and exact."""
    (taps, columns), width = matrix.starts.shape, codes.shape[1]
    flat_y, flat_codes, starts = y.reshape(-1), codes.reshape(-1), matrix.starts.reshape(-1)
    for column in range(0, columns, _PANEL):
        n_columns = min(_PANEL, columns - column)
        for tap in range(taps):
            panel = (column * taps + n_columns * tap) * width
            for i in range(0, n, 4):
                scaled_tile(
                    flat_y, i * columns + column, columns, flat_codes, (i + tap) * width, width,
                    scales, i + tap, matrix.codes, panel, starts, tap * columns + column,
                    matrix.scales, column, width, n_columns, tap > 0,
                )  # fmt: skip


@kernel(error_model="numpy")
def _multiply_floats(
    y: np.ndarray, codes: np.ndarray, scales: np.ndarray, n: int, matrix: Matrix
) -> None:  # fmt: skip
    """See `multiply_rounded`; the products are of floats, where the processor cannot multiply bytes."""
    (taps, columns), width = matrix.starts.shape, codes.shape[1]
    flat_y, flat_codes = y.reshape(-1), codes.reshape(-1)
    for column in range(0, columns, _PANEL):
        n_columns = min(_PANEL, columns - column)
        for i in range(0, n, 4):
            product_tile(
                flat_y, i * columns + column, columns, flat_codes, i * width, width, 1, taps * width,
                matrix.codes, column * taps * width, n_columns, n_columns,
            )  # fmt: skip


CODE = np.uint8 if BYTES else np.float32
"""The dtype of rows that are rounded to 8 bits."""
_round = _round_to_bytes if BYTES else _round_floats
_multiply = _multiply_bytes if BYTES else _multiply_floats


@kernel()
def round_rows(codes: np.ndarray, scales: np.ndarray, x: np.ndarray, n: int) -> None:
    """Round the first `n` rows of `x` to 8 bits, with a scale for each, for `multiply_rounded`."""
    _round(codes, scales, x, n)


@kernel()
def multiply_rounded(
    y: np.ndarray, codes: np.ndarray, scales: np.ndarray, n: int, matrix: Matrix
) -> None:  # fmt: skip
    """Write the products of rounded rows and a matrix to the first `n` rows of `y`.

    See `multiply`; `codes` and `scales` must have as many rows more as `y`.
    """
    _multiply(y, codes, scales, n, matrix)


@kernel()
def multiply(y: np.ndarray, x: np.ndarray, n: int, matrix: Matrix) -> None:
    """Write to each of the first `n` rows of `y` the product of as many rows of `x` and a matrix, in 8 bits.

    Row i of `y` comes from the rows of `x` from i on, as many as the matrix has taps. They are rounded to 8
    bits, with a scale for each row: what that changes is far below what sets two trainings of a network
    apart. All arrays are float32; `y` must have space for `n` rounded up to a multiple of 4.
    """
    n_read = n + len(matrix.starts) - 1
    codes, scales = np.empty((n_read + 3, x.shape[1]), CODE), np.zeros(n_read + 3, np.float32)
    codes[n_read:] = 0
    round_rows(codes, scales, x, n_read)
    multiply_rounded(y, codes, scales, n, matrix)


@kernel(error_model="numpy", fastmath=True)
def choose(
    choices: np.ndarray, rows: np.ndarray, hidden: Matrix, bias: np.ndarray, output: Matrix,
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
        See `firth.learning.layers.layer_norm`.
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
    rows: np.ndarray, space: np.ndarray, matrix: Matrix, bias: np.ndarray, gain: np.ndarray,
    shift: np.ndarray, epsilon: float, lengths: np.ndarray,
) -> None:  # fmt: skip
    """Add a residual convolution to all rows: ``rows += norm(relu(window @ weight + bias))``.

    Parameters
    ----------
    rows
        See `embed`, with `firth.learning.network.SPARE_ROWS` more.
    space
        Of the same shape; for the products.
    matrix
        ``quantize(weight, 3)``.
    bias, gain, shift, epsilon
        And the weight: see `firth.learning.layers.convolution` and `layer_norm`.
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
