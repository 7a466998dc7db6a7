"""The threads of this process that work side by side."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from threadpoolctl import threadpool_limits


@contextmanager
def worker_threads(n: int) -> Iterator[ThreadPoolExecutor]:
    """Yield a pool of `n` threads, and limit BLAS to one thread in each of them.

    Threads of BLAS would compete with these. They may also sum in another order, and results would depend on
    their number.
    """
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(n) as pool:
        yield pool
