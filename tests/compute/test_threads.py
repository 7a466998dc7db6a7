"""Threads of compiled code meet."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numba import njit

from firth.compute.threads import meet


@njit(nogil=True)
def _count_together(counter, shared, thread, threads, rounds):
    """Every round, each thread adds up what all wrote the round before, and then writes its own."""
    total = 0
    for k in range(rounds):
        shared[thread] = k + thread
        meet(counter, (2 * k + 1) * threads)
        for other in range(threads):
            total += shared[other]
        meet(counter, (2 * k + 2) * threads)
    return total


def test_all_threads_see_what_all_wrote() -> None:
    rounds = 500
    for threads in (1, 2, 3):  # also more than there may be processors
        counter, shared = np.zeros(1, np.int64), np.zeros(threads, np.int64)
        with ThreadPoolExecutor(threads) as pool:
            work = [
                pool.submit(_count_together, counter, shared, thread, threads, rounds)
                for thread in range(threads)
            ]
        expected = sum(k + thread for k in range(rounds) for thread in range(threads))
        assert [future.result() for future in work] == [expected] * threads
