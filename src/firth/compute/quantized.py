"""Matrices in 8 bits, and products with them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from firth.compute.compiled import kernel
from firth.compute.rows import round_row
from firth.compute.tiles import HAS_BYTE_PRODUCTS, product_tile, scaled_tile

# This many columns are computed together. Their weights then stay in the fast caches.
_PANEL_COLUMNS = 64
# The unsigned bytes of `round_row` are whole numbers plus this.
_CODE_OF_ZERO = 128
# The largest entry of a row or column counts as at least this, so that zeros have a positive scale.
_SMALLEST_MAXIMUM = np.float32(1e-30)


class QuantizedMatrix(NamedTuple):
    """A matrix in 8 bits, as `multiply` reads it; made by `quantize`.

    Entries are whole numbers, from -127 to 127, times the scale of their column.

    Attributes
    ----------
    codes
        The whole numbers in panels: the first 64 columns, then the next 64. In row-major order, the columns
        of one loop would be far apart, and evict each other from the cache.
    starts
        (taps, columns): the sums that products start from. They cancel the 128 in every code of an input.
    scales
        (columns,)
    """

    codes: np.ndarray
    starts: np.ndarray
    scales: np.ndarray


def whole_numbers(x: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a matrix as whole numbers from -127 to 127, and the scales that they share along an axis."""
    largest = np.maximum(np.abs(x).max(axis=axis, keepdims=True, initial=0), _SMALLEST_MAXIMUM)
    scales = largest / np.float32(127)
    rounded = x / scales
    return np.rint(rounded, out=rounded), scales


def quantize(weight: np.ndarray, taps: int = 1) -> QuantizedMatrix:
    """Round a matrix to 8 bits, a scale for each column.

    Parameters
    ----------
    weight
        (inputs, columns), multiples of 4 and of 16; float32.
    taps
        The number of rows that `multiply` reads at a time. Their entries, one row after the other, are the
        inputs.
    """
    rounded, scales = whole_numbers(weight, axis=0)
    starts = np.zeros((taps, weight.shape[1]), np.int32)
    if not HAS_BYTE_PRODUCTS:
        floats = rounded * scales
        panels = [
            floats[:, column : column + _PANEL_COLUMNS]
            for column in range(0, weight.shape[1], _PANEL_COLUMNS)
        ]
        return QuantizedMatrix(np.concatenate([panel.reshape(-1) for panel in panels]), starts, scales[0])
    codes = np.empty(weight.size, np.int8)
    _lay_out(codes, starts, rounded)
    return QuantizedMatrix(codes, starts, scales[0])


@kernel()
def _lay_out(codes: np.ndarray, starts: np.ndarray, rounded: np.ndarray) -> None:
    """Write the codes and the starts of a matrix of whole numbers; see `QuantizedMatrix`.

    In a panel, four inputs of a column lie together, because the processor adds up four products at once.
    """
    n_inputs, n_columns = rounded.shape
    width = n_inputs // len(starts)
    for column in range(0, n_columns, _PANEL_COLUMNS):
        n = min(_PANEL_COLUMNS, n_columns - column)
        for k in range(n_inputs):
            first, tap = column * n_inputs + k // 4 * 4 * n + k % 4, k // width
            for c in range(n):
                code = np.int32(rounded[k, column + c])
                codes[first + 4 * c] = code
                starts[tap, column + c] -= _CODE_OF_ZERO * code


@kernel(error_model="numpy")
def _round_to_bytes(codes: np.ndarray, scales: np.ndarray, x: np.ndarray, n: int) -> None:
    """See `round_rows`."""
    width, flat_codes, flat_x = x.shape[1], codes.reshape(-1), x.reshape(-1)
    for i in range(n):
        scales[i] = round_row(flat_codes, i * width, flat_x, i * width, width)


@kernel(error_model="numpy", fastmath=True)
def _round_floats(codes: np.ndarray, scales: np.ndarray, x: np.ndarray, n: int) -> None:
    """See `round_rows`; the codes are floats that are already multiplied by their scale."""
    width = x.shape[1]
    for i in range(n):
        largest = np.float32(0)
        for j in range(width):
            largest = max(largest, abs(x[i, j]))
        inverse = np.float32(127) / max(largest, _SMALLEST_MAXIMUM)
        scales[i] = largest / np.float32(127)
        for j in range(width):
            codes[i, j] = np.rint(x[i, j] * inverse) * scales[i]


@kernel(error_model="numpy")
def _multiply_bytes(
    y: np.ndarray, codes: np.ndarray, scales: np.ndarray, n: int, matrix: QuantizedMatrix
) -> None:  # fmt: skip
    """See `multiply_rounded`; this multiplies bytes, and sums their products exactly."""
    (taps, columns), width = matrix.starts.shape, codes.shape[1]
    flat_y, flat_codes, starts = y.reshape(-1), codes.reshape(-1), matrix.starts.reshape(-1)
    for column in range(0, columns, _PANEL_COLUMNS):
        n_columns = min(_PANEL_COLUMNS, columns - column)
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
    y: np.ndarray, codes: np.ndarray, scales: np.ndarray, n: int, matrix: QuantizedMatrix
) -> None:  # fmt: skip
    """See `multiply_rounded`; this multiplies floats, for processors that cannot multiply bytes."""
    (taps, columns), width = matrix.starts.shape, codes.shape[1]
    flat_y, flat_codes = y.reshape(-1), codes.reshape(-1)
    for column in range(0, columns, _PANEL_COLUMNS):
        n_columns = min(_PANEL_COLUMNS, columns - column)
        for i in range(0, n, 4):
            product_tile(
                flat_y, i * columns + column, columns, flat_codes, i * width, width, 1, taps * width,
                matrix.codes, column * taps * width, n_columns, n_columns,
            )  # fmt: skip


CODE_DTYPE = np.uint8 if HAS_BYTE_PRODUCTS else np.float32
"""The dtype of rows that are rounded to 8 bits."""
_round = _round_to_bytes if HAS_BYTE_PRODUCTS else _round_floats
_multiply = _multiply_bytes if HAS_BYTE_PRODUCTS else _multiply_floats


@kernel()
def round_rows(codes: np.ndarray, scales: np.ndarray, x: np.ndarray, n: int) -> None:
    """Round the first `n` rows of `x` to 8 bits, with a scale for each, for `multiply_rounded`."""
    _round(codes, scales, x, n)


@kernel()
def multiply_rounded(
    y: np.ndarray, codes: np.ndarray, scales: np.ndarray, n: int, matrix: QuantizedMatrix
) -> None:  # fmt: skip
    """Write the products of rounded rows and a matrix to the first `n` rows of `y`.

    See `multiply`. `codes` and `scales` need spare rows after those that are read: as many as `y` has after
    its first `n`.
    """
    _multiply(y, codes, scales, n, matrix)


@kernel()
def multiply(y: np.ndarray, x: np.ndarray, n: int, matrix: QuantizedMatrix) -> None:
    """Write to each of the first `n` rows of `y` the product of as many rows of `x` and a matrix, in 8 bits.

    Row i of `y` is the product of the matrix and the rows of `x` from i on, as many as the matrix has taps.
    The rows are rounded to 8 bits, with a scale for each row. This changes results far less than another seed
    of the training does. All arrays are float32. `y` must have space for `n` rows, rounded up to a multiple
    of 4.
    """
    n_read = n + len(matrix.starts) - 1
    codes, scales = np.empty((n_read + 3, x.shape[1]), CODE_DTYPE), np.zeros(n_read + 3, np.float32)
    codes[n_read:] = 0
    round_rows(codes, scales, x, n_read)
    multiply_rounded(y, codes, scales, n, matrix)
