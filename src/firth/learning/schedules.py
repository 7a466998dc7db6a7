"""Schedules: how the learning rate falls during training."""

from __future__ import annotations

from firth.errors import InputError


def linear_decay(lr: float, done: float, total: float, floor: float = 1e-4) -> float:
    """Return the learning rate after `done` of `total` units of work, on a straight line down from `lr`.

    Parameters
    ----------
    lr
        The rate at the beginning.
    done, total
        Work done and work in all, in any unit: steps, words, pairs.
    floor
        The rate never falls below this share of `lr` (word2vec's 0.0001).

    Raises
    ------
    InputError
        If `lr` or `total` is not positive, or `done` is negative.
    """
    for name, value in (("lr", lr), ("total", total)):
        if not 0 < value < float("inf"):
            raise InputError(f"{name} is {value}: it must be positive and finite")
    if not done >= 0:
        raise InputError(f"done is {done}: it must not be negative")
    return lr * max(1 - done / total, floor)


def level_then_linear(lr: float, done: float, total: float) -> float:
    """Return the learning rate after `done` of `total`: constant for a third of the work, then falling to 0.

    Parameters
    ----------
    lr
        The rate at the beginning.
    done, total
        Work done and work in all, in any unit.
    """
    return lr * min(1.0, 1.5 * (1 - done / total))
