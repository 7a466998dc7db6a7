"""Sentences that go through the network together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

_WORDS = 512  # words that go through the network together: more of them would not fit the caches


def batches_of_words(lengths: Iterable[int]) -> Iterator[slice]:
    """Cut sentences into batches that go through the network together: yield where each is."""
    first = last = n_words = 0
    for length in lengths:
        last, n_words = last + 1, n_words + length
        if n_words >= _WORDS:
            yield slice(first, last)
            first, n_words = last, 0
    if first < last:
        yield slice(first, last)
