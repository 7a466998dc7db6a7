"""What every trainer asks of its settings, and of the machine."""

from __future__ import annotations

import operator
import os
from typing import Any

from firth.errors import InputError


def processors() -> int:
    """Return how many processors this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        return os.cpu_count() or 1


def check_whole_numbers(**settings: Any) -> dict[str, int]:
    """Return settings as integers of at least 1.

    Raises
    ------
    InputError
        One is not, by name.
    """
    checked = {}
    for name, value in settings.items():
        try:
            checked[name] = operator.index(value)
        except TypeError:
            checked[name] = 0
        if checked[name] < 1:
            raise InputError(f"{name} must be a whole number of at least 1, not {value!r}")
    return checked
