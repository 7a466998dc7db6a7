"""Learning rates fall as they say."""

from __future__ import annotations

import pytest

from firth.errors import InputError
from firth.learning.schedules import level_then_linear, linear_decay


def test_linear_decay() -> None:
    assert linear_decay(0.5, 0, 100) == 0.5
    assert linear_decay(0.5, 50, 100) == 0.25
    assert linear_decay(0.5, 100, 100) == pytest.approx(0.5e-4)
    assert linear_decay(0.5, 250, 100, floor=0.1) == pytest.approx(0.05)


@pytest.mark.parametrize("arguments", [(0, 1, 2), (1, -1, 2), (1, 1, 0), (float("nan"), 1, 2)])
def test_schedules_that_make_no_sense_are_refused(arguments: tuple[float, float, float]) -> None:
    with pytest.raises(InputError, match=" is "):
        linear_decay(*arguments)


def test_level_then_linear() -> None:
    assert [level_then_linear(0.5, done, 6) for done in (0, 1, 2)] == [0.5] * 3
    assert level_then_linear(0.5, 4, 6) == pytest.approx(0.25)
    assert level_then_linear(0.5, 6, 6) == 0
