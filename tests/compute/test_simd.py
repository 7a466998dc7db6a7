"""The register tiles compute what their plain twins say, for shapes of one to several vectors."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit

from firth.compute import tiles as simd
from firth.compute.elementwise import _logistic_step, logistic_step
from firth.compute.lanes import aligned_zeros, padded
from firth.compute.rows import add_row, copy_row, prefetch

DIMS = [16, 48, 64, 112, 304]


@njit
def _dot(out, o, out_stride, a, i, a_stride, b, j, b_stride, n):
    simd.dot_tile(out, o, out_stride, a, i, a_stride, b, j, b_stride, n)


@njit
def _add_product(y, i, y_stride, g, o, g_row_stride, g_stride, k, x, j, x_stride, n):
    simd.add_product_tile(y, i, y_stride, g, o, g_row_stride, g_stride, k, x, j, x_stride, n)


@njit
def _product(y, i, y_stride, g, o, g_row_stride, g_stride, k, x, j, x_stride, n):
    simd.product_tile(y, i, y_stride, g, o, g_row_stride, g_stride, k, x, j, x_stride, n)


@njit
def _logistic(scores, o, first, last, middle, weight, slope, sign, lr, losses, at):
    logistic_step(scores, o, first, last, middle, weight, slope, sign, lr, losses, at)


@njit
def _rows(copied, added, source, i, j, n):
    copy_row(copied, i, source, j, n)
    add_row(added, i, source, j, n)
    prefetch(source, j, n)


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
    simd._dot_tile(plain, *arguments)
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
    simd._add_product_tile(plain, *arguments)
    np.testing.assert_allclose(compiled, plain, rtol=1e-5, atol=1e-5)
    assert np.array_equal(compiled[:n], plain[:n]), "a row outside the tile was written"
    _product(compiled, *arguments)
    simd._product_tile(plain, *arguments)
    np.testing.assert_allclose(compiled, plain, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("slope", [0.0, 0.2])
@pytest.mark.parametrize(("first", "last", "middle"), [(0, 15, -1), (2, 9, 5), (3, 1, 7), (-4, 40, 0)])
def test_logistic_step(sign: float, slope: float, first: int, last: int, middle: int) -> None:
    for start in np.linspace(-30, 29, 40):
        scores = np.linspace(start, start + 1, 16).astype(np.float32)
        exact = scores.astype(np.float64)
        losses, exact_losses = np.ones(32, np.float32), np.ones(32)
        floats = (np.float32(5.5), np.float32(slope), np.float32(sign), np.float32(0.25))
        arguments = (first, last, middle, *floats)
        _logistic(scores, 0, *arguments, losses, 16)
        _logistic_step(exact, 0, *arguments, exact_losses, 16)
        np.testing.assert_allclose(scores, exact, rtol=3e-6)
        np.testing.assert_allclose(losses, exact_losses, rtol=2e-6)


@pytest.mark.parametrize("score", [0.0, 88.0, -88.0, 1e4, -1e4, 1e30, -1e30])
def test_logistic_step_at_the_limits(score: float) -> None:
    scores, losses = np.full(16, score, np.float32), np.zeros(16, np.float32)
    one, zero = np.float32(1), np.float32(0)
    _logistic(scores, 0, 0, 15, -1, one, zero, one, one, losses, 0)
    with np.errstate(under="ignore"):
        np.testing.assert_allclose(losses, np.logaddexp(0, -np.float64(np.float32(score))), atol=1e-37)
        np.testing.assert_allclose(
            scores, np.exp(-np.logaddexp(0, np.float64(np.float32(score)))), atol=1e-37
        )


@pytest.mark.parametrize("n", DIMS)
def test_rows(n: int) -> None:
    source, copied, added = _random(4 * n, 6), _random(4 * n, 7), _random(4 * n, 8)
    expected_copied, expected_added = copied.copy(), added.copy()
    _rows(copied, added, source, n, 2 * n, n)
    expected_copied[n : 2 * n] = source[2 * n : 3 * n]
    expected_added[n : 2 * n] += source[2 * n : 3 * n]
    assert np.array_equal(copied, expected_copied)
    assert np.array_equal(added, expected_added)


def test_padding_and_alignment() -> None:
    assert [padded(n) for n in (1, 16, 17, 100, 300)] == [16, 16, 32, 112, 304]
    for n in (1, 16, 1001):
        zeros = aligned_zeros(n)
        assert zeros.shape == (n,)
        assert zeros.ctypes.data % 64 == 0
        assert not zeros.any()
