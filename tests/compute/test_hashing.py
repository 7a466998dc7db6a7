"""The hash table finds what was entered, also when hashes meet in a slot and when it grows."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from firth.compute.hashing import HASH_OF_NOTHING, enter, extended, look_up, move_slots


def test_hashes_are_fnv_1a_in_31_bits() -> None:
    hashed = HASH_OF_NOTHING
    for byte in b"firth":
        hashed = extended(hashed, byte)
    expected = 0x811C9DC5
    for byte in b"firth":
        expected = (expected ^ byte) * 0x1000193 % 2**32
    assert hashed == expected % 2**31


@given(
    st.lists(st.integers(0, 2**31 - 1) | st.sampled_from(range(0, 2**20, 2**16)), unique=True, max_size=50)
)
def test_entries_are_found_before_and_after_the_table_grows(hashes: list[int]) -> None:
    entered = np.array(hashes, np.int32)
    slots = np.zeros(64, np.int64)
    enter(entered, np.arange(1, len(hashes) + 1), slots)
    larger = np.zeros(256, np.int64)
    move_slots(slots, larger)
    others = np.array([hashed for hashed in range(100, 200) if hashed not in hashes], np.int32)
    for table in (slots, larger):
        found = np.zeros((len(hashes), 2), np.int32)
        look_up(entered[:, None], table, found)
        assert found[:, 0].tolist() == list(range(1, len(hashes) + 1))
        missed = np.ones((len(others), 1), np.int32)
        look_up(others[:, None], table, missed)
        assert not missed.any()
