"""Checks of settings, in one form everywhere, and of what the machine offers."""

from __future__ import annotations

import math
import operator
import os
from collections.abc import Iterable
from importlib.util import find_spec
from typing import Any

from firth.errors import InputError


def processors() -> int:
    """Return how many processors this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        return os.cpu_count() or 1


def whole_number(name: str, value: Any, *, least: int = 1, most: int | None = None) -> int:
    """Return a setting as an integer.

    Raises
    ------
    InputError
        It is no whole number, or too small or too large.
    """
    try:
        number = operator.index(value)
    except TypeError:
        number = least - 1
    if number < least:
        raise InputError(f"{name} must be a whole number of at least {least}, not {value!r}")
    if most is not None and number > most:
        raise InputError(f"{name} must be at most {most}, not {value!r}")
    return number


def optional_whole_number(name: str, value: Any, *, least: int = 1) -> int | None:
    """Return a setting as an integer, or None if it is None; see `whole_number`."""
    return None if value is None else whole_number(name, value, least=least)


def seed_number(seed: Any) -> int:
    """Return a seed as an integer, from 0 to 2**63 - 1; see `whole_number`."""
    return whole_number("seed", seed, least=0, most=2**63 - 1)


def thread_count(threads: Any) -> int:
    """Return how many threads to use: as many as there are processors if None; see `whole_number`."""
    return processors() if threads is None else whole_number("threads", threads)


def real_number(
    name: str,
    value: Any,
    must: str,
    *,
    above: float = -math.inf,
    least: float = -math.inf,
    below: float = math.inf,
) -> float:
    """Return a setting as a float.

    Parameters
    ----------
    name, value
        The setting.
    must
        The condition, for the error: ``"be a positive number such as 0.1"``.
    above, least, below
        It is larger than `above`, at least `least`, and smaller than `below`.

    Raises
    ------
    InputError
        It is no number, or not within these bounds.
    """
    try:
        number = float(value) if not isinstance(value, (str, bytes)) else math.nan
    except (TypeError, ValueError):
        number = math.nan
    if not (above < number < below and number >= least):
        raise InputError(f"{name} must {must}, not {value!r}")
    return number


def learning_rate(lr: Any, example: float) -> float:
    """Return a learning rate as a float; see `real_number`."""
    # A smaller one would underflow in float32.
    return real_number("lr", lr, f"be a positive number such as {example:g}", above=1e-30)


def share(name: str, value: Any) -> float:
    """Return a setting between 0 and 1, both excluded, as a float; see `real_number`."""
    return real_number(name, value, "be between 0 and 1", above=0, below=1)


def choice(name: str, value: Any, choices: Iterable[str]) -> str:
    """Return a setting, which must be one of some names.

    Raises
    ------
    InputError
        It is none of them.
    """
    choices = list(choices)
    if not isinstance(value, str) or value not in choices:
        raise InputError(f"{name} must be one of {', '.join(choices)}, not {value!r}")
    return value


def require(module: str, extra: str, what: str) -> None:
    """Check that an optional library is installed.

    Parameters
    ----------
    module
        The name by which the library is imported.
    extra
        The extra of firth that installs it.
    what
        The feature that needs it, for the error.

    Raises
    ------
    InputError
        It is not; the message says how to install it.
    """
    if find_spec(module) is None:
        raise InputError(f"{what} needs {module}, which is not installed: pip install 'firth[{extra}]'")
