"""The best epoch, and patience, follow from the scores alone."""

from __future__ import annotations

import pytest

from firth.runs.best import best_epoch, is_exhausted


@pytest.mark.parametrize(
    ("scores", "lowest", "best"),
    [
        ([], False, 0),
        ([1.0, 3.0, 3.0, 2.0], False, 2),  # the first of equal ones
        ([1.0, 3.0, 0.5, 0.5], True, 3),
    ],
)
def test_best_epoch(scores: list[float], lowest: bool, best: int) -> None:
    assert best_epoch(scores, lowest=lowest) == best


def test_patience() -> None:
    falling = [3.0, 2.0, 2.0, 2.5]
    assert [is_exhausted(falling[:n], 2, lowest=True) for n in range(5)] == [False] * 4 + [True]
    assert not is_exhausted(falling, None, lowest=True)
    assert is_exhausted(falling, 1)
