"""Hashes of sequences, and a hash table with linear probing for compiled loops.

The hash is FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv/) in 31 bits. Products of 31-bit numbers do not
overflow int64, also where the kernels run as plain Python. Numbers are therefore widened to int64 before they
are hashed.

A table is an int64 array of 2^k slots, more than it has entries. A free slot is 0. A used slot holds the hash
in its upper 32 bits, and the number of the entry, counted from 1, in its lower 32 bits.
"""

from __future__ import annotations

import numpy as np

from firth.compute.compiled import kernel

HASH_OF_NOTHING = 0x11C9DC5
"""The hash of an empty sequence: FNV's offset basis in 31 bits."""


@kernel(inline="always")
def extended(hashed, value):
    """Return the hash of a sequence with one more value at its end."""
    return (hashed ^ value) * 0x1000193 & 0x7FFFFFFF


@kernel(inline="always")
def first_slot(hashed, last):
    """Return the slot at which probing for a hash begins; `last` is the index of the last slot."""
    return (hashed ^ hashed >> 15) & last


@kernel()
def enter(hashes, numbers, slots):
    """Enter hashes, all different, and their numbers, at least 1, into a table."""
    last = len(slots) - 1
    for i in range(len(hashes)):
        hashed = np.int64(hashes[i])
        at = first_slot(hashed, last)
        while slots[at] != 0:
            at = at + 1 & last
        slots[at] = hashed << 32 | np.int64(numbers[i])


@kernel()
def look_up(hashes, slots, ids):
    """Write the number of each hash to `ids`, or 0 if the table lacks it; `ids` may have more columns."""
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
