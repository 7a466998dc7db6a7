"""Hashes of sequences, and the hash table with linear probing that compiled loops look them up in.

A hash is FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv/), kept to 31 bits so that no product overflows
where the kernels run as plain Python; for that, numbers are widened to int64 before they are hashed.

A table is an int64 array of 2^k slots, more than it has entries. A slot is 0 when free, else a hash above the
number of its entry, which counts from 1.
"""

from __future__ import annotations

import numpy as np

from firth.compute.compiled import kernel

HASH_OF_NOTHING = 0x11C9DC5
"""The hash of an empty sequence: FNV's offset basis in 31 bits."""


@kernel(inline="always")
def extended(hashed, value):
    """Return the hash of a sequence that goes on with one more value."""
    return (hashed ^ value) * 0x1000193 & 0x7FFFFFFF


@kernel(inline="always")
def first_slot(hashed, last):
    """Return where probing for a hash begins in a table whose last slot is `last`."""
    return (hashed ^ hashed >> 15) & last


@kernel()
def enter(hashes, numbers, slots):
    """Enter different hashes and their numbers, from 1, into a table."""
    last = len(slots) - 1
    for i in range(len(hashes)):
        hashed = np.int64(hashes[i])
        at = first_slot(hashed, last)
        while slots[at] != 0:
            at = at + 1 & last
        slots[at] = hashed << 32 | np.int64(numbers[i])


@kernel()
def look_up(hashes, slots, ids):
    """Write the number of each hash to `ids`, which may have more columns; 0 if it is not in the table."""
    last = len(slots) - 1
    for i in range(hashes.shape[0]):
        for column in range(hashes.shape[1]):
            hashed = np.int64(hashes[i, column])
            at = first_slot(hashed, last)
            while slots[at] != 0 and slots[at] >> 32 != hashed:
                at = at + 1 & last
            ids[i, column] = slots[at] & 0xFFFFFFFF


@kernel()
def move_slots(old, new):
    """Enter every entry of one table into a larger, empty one."""
    last = len(new) - 1
    for slot in old:
        if slot != 0:
            at = first_slot(slot >> 32, last)
            while new[at] != 0:
                at = at + 1 & last
            new[at] = slot
