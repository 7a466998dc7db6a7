"""Batches of sentences that go through the network together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

# The vectors of more words than this would not fit into the caches of a processor.
_BATCH_WORDS = 512


def batches_of_words(lengths: Iterable[int]) -> Iterator[slice]:
    """Cut sentences into batches: yield where each batch is, given the number of words of each sentence."""
    first = last = n_words = 0
    for length in lengths:
        last, n_words = last + 1, n_words + length
        if n_words >= _BATCH_WORDS:
            yield slice(first, last)
            first, n_words = last, 0
    if first < last:
        yield slice(first, last)
