"""The threads of this process that work side by side."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from threadpoolctl import threadpool_limits


class _OneThreadOfBlas:
    """Holds BLAS to one thread while anybody asks for that, and then gives back the threads that it had.

    The limit is one for the whole process, and those who ask for it need not end in the order in which they
    began: so they are counted.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._limits: threadpool_limits | None = None

    def begin(self) -> None:
        with self._lock:
            if self._users == 0:
                self._limits = threadpool_limits(1, user_api="blas")
            self._users += 1

    def end(self) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0 and self._limits is not None:
                self._limits.restore_original_limits()
                self._limits = None


_one_thread = _OneThreadOfBlas()


@contextmanager
def single_threaded_blas() -> Iterator[None]:
    """Let BLAS use one thread; several blocks may overlap, in several threads too.

    A BLAS with threads of its own would stand in the way of ours, and may sum in another order, so that
    results would depend on how many there are.
    """
    _one_thread.begin()
    try:
        yield
    finally:
        _one_thread.end()


@contextmanager
def worker_threads(n: int) -> Iterator[ThreadPoolExecutor]:
    """Give `n` threads, and let BLAS use one thread in each of them."""
    with single_threaded_blas(), ThreadPoolExecutor(n) as pool:
        yield pool
