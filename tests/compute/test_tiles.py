"""Register tiles compute what their plain twins say, for shapes of one to several vectors."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit

from firth.compute import tiles
from firth.compute.lanes import aligned_zeros

DIMS = [16, 48, 64, 112, 304]


@njit
def _dot(out, o, out_stride, a, i, a_stride, b, j, b_stride, n):
    tiles.dot_tile(out, o, out_stride, a, i, a_stride, b, j, b_stride, n)


@njit
def _add_product(y, i, y_stride, g, o, g_row_stride, g_stride, k, x, j, x_stride, n):
    tiles.add_product_tile(y, i, y_stride, g, o, g_row_stride, g_stride, k, x, j, x_stride, n)


@njit
def _product(y, i, y_stride, g, o, g_row_stride, g_stride, k, x, j, x_stride, n):
    tiles.product_tile(y, i, y_stride, g, o, g_row_stride, g_stride, k, x, j, x_stride, n)


def _random(n: int, seed: int) -> np.ndarray:
    values = aligned_zeros(n)
    values[:] = np.random.default_rng(seed).standard_normal(n)
    return values


@pytest.mark.parametrize("n", DIMS)
def test_dot_tile(n: int) -> None:
    a, b = _random(6 * n, 1), _random(7 * n, 2)
    compiled, plain = np.full(80, -1, np.float32), np.full(80, -1, np.float32)
    arguments = (3, 16, a, 2 * n, n, b, n, n, n)
    _dot(compiled, *arguments)
    tiles._dot_tile(plain, *arguments)
    np.testing.assert_allclose(compiled, plain, rtol=1e-5, atol=1e-5)
    rows, columns = a.reshape(-1, n)[2:6], b.reshape(-1, n)[1:5]
    np.testing.assert_allclose(compiled[3:67].reshape(4, 16)[:, :4], rows @ columns.T, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("n", DIMS)
@pytest.mark.parametrize(("row_stride", "stride", "k"), [(16, 1, 16), (1, 16, 4), (16, 1, 1), (1, 16, 0)])
def test_add_product_tile(n: int, row_stride: int, stride: int, k: int) -> None:
    g, x = _random(300, 3), _random(18 * n, 4)
    compiled = _random(6 * n, 5)
    plain = compiled.copy()
    arguments = (n, n, g, 2, row_stride, stride, k, x, 2 * n, n, n)
    _add_product(compiled, *arguments)
    tiles._add_product_tile(plain, *arguments)
    np.testing.assert_allclose(compiled, plain, rtol=1e-5, atol=1e-5)
    assert np.array_equal(compiled[:n], plain[:n]), "a row outside the tile was written"
    _product(compiled, *arguments)
    tiles._product_tile(plain, *arguments)
    np.testing.assert_allclose(compiled, plain, rtol=1e-5, atol=1e-5)
