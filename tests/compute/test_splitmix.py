"""Random bits are those of SplitMix64, and draws have the distribution that was asked for."""

from __future__ import annotations

import numpy as np
import pytest

from firth.compute.splitmix import alias_table, draw, random_bits, seed_stream


def test_random_bits_are_those_of_the_published_generator() -> None:
    """The first numbers of the reference implementation for the seed 1234567."""
    state = np.array([1234567], np.uint64)
    with np.errstate(over="ignore"):
        numbers = [int(random_bits(state)) for _ in range(3)]
    assert numbers == [6457827717110365317, 3203168211198807973, 9817491932198370423]


def test_streams_of_a_seed_differ_and_repeat() -> None:
    def first_bits(seed: int, k: int) -> int:
        state = np.empty(1, np.uint64)
        seed_stream(state, np.uint64(seed), k)
        return int(random_bits(state))

    bits = [first_bits(seed, k) for seed in (1, 2) for k in range(5)]
    assert len(set(bits)) == 10
    assert bits == [first_bits(seed, k) for seed in (1, 2) for k in range(5)]


@pytest.mark.parametrize("n", [1, 2, 7, 1000])
def test_alias_table_has_the_distribution(n: int) -> None:
    probabilities = np.random.default_rng(n).random(n) ** 8
    probabilities /= probabilities.sum()
    threshold, alias = alias_table(probabilities.copy())
    kept = threshold / (2**32 - 1)
    drawn = np.bincount(alias, weights=1 - kept, minlength=n) + kept
    np.testing.assert_allclose(drawn / n, probabilities, atol=1e-9)


def test_draws_follow_the_distribution() -> None:
    probabilities = np.array([0.5, 0.25, 0.125, 0.125])
    numbers = np.empty(100_000, np.int32)
    draw(*alias_table(probabilities.copy()), np.ones(1, np.uint64), numbers)
    np.testing.assert_allclose(np.bincount(numbers) / 1e5, probabilities, atol=0.006)
