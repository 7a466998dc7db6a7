"""The threads of this process that work side by side."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from threadpoolctl import threadpool_limits


@contextmanager
def worker_threads(n: int) -> Iterator[ThreadPoolExecutor]:
    """Give `n` threads, and let BLAS use one thread in each of them.

    A BLAS with threads of its own would stand in their way, and may sum in another order, so that results
    would depend on how many there are.
    """
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(n) as pool:
        yield pool
