"""The logistic step computes what its plain twin says, also at the limits of float32."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit

from firth.compute.elementwise import _logistic_step, logistic_step


@njit
def _logistic(scores, o, first, last, middle, weight, slope, sign, lr, losses, at):
    logistic_step(scores, o, first, last, middle, weight, slope, sign, lr, losses, at)


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
