"""BLAS has its threads again when nobody asks for one any more, in whatever order people end."""

from __future__ import annotations

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from firth.runs.workers import single_threaded_blas, worker_threads


def blas_threads() -> set[int]:
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


def test_overlapping_blocks_give_back_what_there_was() -> None:
    np.ones((2, 2)) @ np.ones((2, 2))
    with threadpool_limits(2, user_api="blas"):
        if blas_threads() != {2}:
            pytest.skip("NumPy has no BLAS whose threads can be set")
        first, second = single_threaded_blas(), single_threaded_blas()
        first.__enter__()
        second.__enter__()
        assert blas_threads() == {1}
        first.__exit__(None, None, None)
        assert blas_threads() == {1}, "somebody still asks for one"
        second.__exit__(None, None, None)
        assert blas_threads() == {2}


def test_worker_threads_work_side_by_side() -> None:
    with worker_threads(2) as pool:
        assert list(pool.map(lambda n: n + 1, range(5))) == [1, 2, 3, 4, 5]
