"""The width of vector registers in kernels, and arrays that fit it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import config

LANES = 16
"""Floats in a vector. Rows of matrices are padded to a multiple of this."""


def padded(n: int) -> int:
    """Return the smallest multiple of `LANES` that is at least `n`."""
    return -(-n // LANES) * LANES


def aligned_zeros(n: int) -> np.ndarray:
    """Return a float32 array of `n` zeros that begins on a cache line (64 bytes)."""
    raw = np.zeros(n + LANES, np.float32)
    skip = (-raw.ctypes.data % 64) // 4
    return raw[skip : skip + n]


def pick(plain: Callable[..., Any], compiled: Callable[..., Any]) -> Callable[..., Any]:
    """Return the plain function if Numba is switched off, else its compiled twin."""
    return plain if config.DISABLE_JIT else compiled
