"""Random bits for compiled loops, and draws from a distribution in constant time.

The state of a generator is an array of one uint64. A kernel can change it, and each thread has its own.
"""

from __future__ import annotations

import numpy as np

from firth.compute.compiled import kernel


@kernel()
def random_bits(state):
    """Return the next 64 random bits (SplitMix64; Steele, Lea & Flood 2014)."""
    state[0] += np.uint64(0x9E3779B97F4A7C15)
    z = state[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@kernel()
def seed_stream(state, seed, k):
    """Set a generator to stream `k` of a seed. The streams of one seed are independent of each other."""
    state[0] = seed
    state[0] = random_bits(state) + np.uint64(k)
    state[0] = random_bits(state)


@kernel()
def alias_table(probabilities):
    """Prepare drawing from a distribution in constant time (Vose 1991).

    Parameters
    ----------
    probabilities : float64 (n,)
        They sum to 1.

    Returns
    -------
    threshold : uint32 (n,)
        To draw, take a uniform k. Keep it with probability ``threshold[k] / (2**32 - 1)``.
    alias : int32 (n,)
        If k is not kept, take ``alias[k]``.
    """
    n = len(probabilities)
    scaled = probabilities * n
    alias = np.arange(n).astype(np.int32)
    # Two stacks share one array: entries below the average grow from its start, the others from its end.
    stack = np.empty(n, np.int64)
    small, large = 0, n
    for k in range(n):
        if scaled[k] < 1.0:
            stack[small] = k
            small += 1
        else:
            large -= 1
            stack[large] = k
    while small > 0 and large < n:
        small -= 1
        poor, rich = stack[small], stack[large]
        alias[poor] = rich
        scaled[rich] -= 1.0 - scaled[poor]
        if scaled[rich] < 1.0:
            large += 1
            stack[small] = rich
            small += 1
    threshold = np.empty(n, np.uint32)
    for k in range(n):
        threshold[k] = np.uint32(min(scaled[k], 1.0) * 4294967295.0)
    for k in range(small):
        threshold[stack[k]] = 4294967295
    for k in range(large, n):
        threshold[stack[k]] = 4294967295
    return threshold, alias


@kernel()
def draw(threshold, alias, state, numbers):
    """Fill `numbers` (int32) with draws from the distribution of an `alias_table` (Walker 1977)."""
    n = np.uint64(len(alias))
    for k in range(len(numbers)):
        bits = random_bits(state)
        number = np.int64(((bits >> np.uint64(32)) * n) >> np.uint64(32))
        if (bits & np.uint64(0xFFFFFFFF)) <= np.uint64(threshold[number]):
            numbers[k] = number
        else:
            numbers[k] = alias[number]
