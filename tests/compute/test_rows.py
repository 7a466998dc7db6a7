"""Rows are copied and added as their plain twins say, and arrays are padded and aligned for them."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit

from firth.compute.lanes import aligned_zeros, padded
from firth.compute.rows import add_row, copy_row, prefetch


@njit
def _rows(copied, added, source, i, j, n):
    copy_row(copied, i, source, j, n)
    add_row(added, i, source, j, n)
    prefetch(source, j, n)


def _random(n: int, seed: int) -> np.ndarray:
    values = aligned_zeros(n)
    values[:] = np.random.default_rng(seed).standard_normal(n)
    return values


@pytest.mark.parametrize("n", [16, 48, 64, 112, 304])
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
