"""Slots: the words of a configuration that a parser can read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from firth.arrays import Ints
from firth.errors import InputError
from firth.parsing.transitions.kernels.configurations import FROM_BUFFER, FROM_STACK, L1, L2, R1, R2

SLOTS = (
    "s0", "s1", "s2", "b0", "b1", "b2",
    "s0.l1", "s0.r1", "s1.l1", "s1.r1", "s0.l2", "s0.r2", "s1.l2", "s1.r2",
    "s0.l1.l1", "s0.r1.r1", "s1.l1.l1", "s1.r1.r1", "b0.l1", "b0.l2",
)  # fmt: skip
"""The names of slots, each after the slot of its parent. ``s0`` is the top of the stack, and ``b0`` the first
word of the buffer. ``l1`` and ``l2`` are the first and the second child on the left, from the left; ``r1``
and ``r2`` are the first and the second child on the right, from the right."""

_BEGINNINGS = {"s": FROM_STACK, "b": FROM_BUFFER}
_CHILDREN = {"l1": L1, "l2": L2, "r1": R1, "r2": R2}


def check_slots(names: Sequence[str]) -> None:
    """Check that there are such slots.

    Raises
    ------
    InputError
        A name is not among `SLOTS`.
    """
    for name in names:
        if name not in SLOTS:
            raise InputError(f"there is no slot {name!r}: choose one of {', '.join(SLOTS)}")


def with_parents(names: Sequence[str]) -> tuple[str, ...]:
    """Return slots and the slots of their parents, in the order of `SLOTS`."""
    return tuple(slot for slot in SLOTS if any(f"{name}.".startswith(f"{slot}.") for name in names))


def table(names: Sequence[str]) -> Ints:
    """Return how to find the words of slots, as `kernels.configurations.Machine` has it.

    Parameters
    ----------
    names
        From `with_parents`: each child comes after its parent.

    Returns
    -------
    array, (len(names), 2)
        A row is (`FROM_STACK`, depth), (`FROM_BUFFER`, distance) or (number of the parent's slot, `L1` …).
    """
    rows = np.empty((len(names), 2), np.int64)
    for row, name in zip(rows, names, strict=True):
        parent, _, child = name.rpartition(".")
        row[:] = (names.index(parent), _CHILDREN[child]) if parent else (_BEGINNINGS[name[0]], int(name[1:]))
    return rows
