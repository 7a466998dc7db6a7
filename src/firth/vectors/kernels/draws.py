"""The random draws of training with negative sampling: the words that are kept, and the negatives."""

from __future__ import annotations

from collections import namedtuple

import numpy as np

from firth.compute.compiled import kernel
from firth.compute.splitmix import draw, random_bits, seed_stream

# Without checks for division by zero, which would keep LLVM from making vector code of loops.
_kernel = kernel(error_model="numpy")

Sampling = namedtuple("Sampling", "keep threshold alias")
"""The distributions that the kernels draw from.

keep : uint32 (n,), probability that subsampling keeps a word, times 2**32 - 1;
threshold : uint32 (n,), alias : int32 (n,), the noise distribution as an alias table
(`firth.compute.splitmix.alias_table`).
"""


@_kernel
def subsample(ids, keep, state):
    """Drop frequent words at random, and find the sentence of each word that is kept.

    Parameters
    ----------
    ids : int32 (n,)
        Words of the text; -1 ends a sentence.
    keep : uint32 (vocabulary,)
        Probability of keeping a word, times 2**32 - 1.
    state : uint64 (1,)
        State of the random generator.

    Returns
    -------
    words, first, last : int32 (m,)
        The kept words; where among them each one's sentence begins and ends (inclusive).
    """
    words = np.empty(len(ids), np.int32)
    first, last = np.empty_like(words), np.empty_like(words)
    n, begin = 0, 0
    for t in range(len(ids)):
        word = ids[t]
        if word < 0:
            first[begin:n] = begin
            last[begin:n] = n - 1
            begin = n
        elif (random_bits(state) >> np.uint64(32)) <= np.uint64(keep[word]):
            words[n] = word
            n += 1
    first[begin:n] = begin
    last[begin:n] = n - 1
    return words[:n], first[:n], last[:n]


@_kernel
def draw_negatives(sampling, seed, chunk, state, negatives):
    """Draw the negatives of a chunk, from its own stream of the seed."""
    seed_stream(state, seed, 1 + chunk)
    draw(sampling.threshold, sampling.alias, state, negatives)
