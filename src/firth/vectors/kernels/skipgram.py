"""The compiled inner loops of skip-gram training with negative sampling.

A block of the text is first subsampled into a run of kept words. The run is taken in chunks of a few dozen
centre words. A chunk

1. draws negatives that all its centres share, and copies the rows that it needs (centres, the outside
   words around them, negatives) into small contiguous buffers;
2. computes all scores, then the factors 1 - sigmoid of all scores, then all gradients, as products of small
   matrices, 4 rows by 16 floats at a time (`firth.compute.tiles`);
3. adds the gradients to the rows of the two large matrices.

So each row of memory is read and written once for each chunk, instead of once for each pair. The update is
the one of `firth.learning.objectives.negative_sampling` for every pair of the chunk, at the values that the
rows had at its start, with two deviations that do not change the expected gradient. Negatives are shared:
instead of K fresh ones for each pair, a centre with n pairs takes all S shared ones with weight n K / S
(``docs/mathematics.md`` has the proof). And the radius of the dynamic window, uniform in 1..window, is not
drawn but taken in expectation: a pair j words apart counts as (window - j + 1) / window pairs.

Every chunk seeds its own random generator from the seed and its place in the text. So the draws depend
neither on the number of threads nor on where training was interrupted.
"""

from __future__ import annotations

from collections import namedtuple

import numpy as np

from firth.compute.compiled import kernel
from firth.compute.elementwise import logistic_step
from firth.compute.lanes import LANES, aligned_zeros
from firth.compute.rows import add_row, copy_row, prefetch, zero_row
from firth.compute.splitmix import seed_stream
from firth.compute.threads import meet
from firth.compute.tiles import add_product_tile, dot_tile, product_tile
from firth.vectors.kernels.draws import draw_negatives, subsample

BAND = 4 * LANES
"""Columns of the gradients that are computed at a time, so that all they need stays in the first-level
cache."""

# Without checks for division by zero, which would keep LLVM from making vector code of loops.
_kernel = kernel(error_model="numpy")

ChunkSizes = namedtuple("ChunkSizes", "dim window reach negative chunk shared")
"""The sizes that kernels are called with.

dim : padded length of a row;
window : largest distance of a pair, as far as its weight is concerned;
reach : largest distance of a pair in the text, `window` at most;
negative : negatives for each pair, K;
chunk : centres of a chunk, a multiple of 4;
shared : negatives that the centres of a chunk share, S, a multiple of 4.
"""

Scratch = namedtuple("Scratch", "centers outside noise positive negative losses steps")
"""Buffers of a chunk, all float32 and flat.

centers (chunk, dim), outside (chunk + margins, dim), noise (shared, dim): copies of rows;
positive (chunk, outside rows), negative (chunk, shared): scores, then factors; both padded to whole vectors
of 16 floats;
losses (2, 16): sums of the losses, one for each lane;
steps (chunk + outside + shared, BAND): minus the learning rate times the gradients of these rows, one band
after another.
"""


@_kernel
def _aligned_zeros(n):
    """Return zeros that begin on a cache line, so that no vector of 16 floats straddles two."""
    raw = np.zeros(n + LANES, np.float32)
    skip = (-raw.ctypes.data % 64) // 4
    return raw[skip : skip + n]


@_kernel
def _outside_rows(sizes):
    """Return how many outside words a chunk may look at: `reach` to either side, in whole tiles of 4."""
    return sizes.chunk + 2 * sizes.reach + 8


@_kernel
def _new_scratch(sizes):
    """Return the buffers of a chunk. They begin as zeros, as tiles read past the rows that are filled."""
    dim, outside = sizes.dim, _outside_rows(sizes)
    # The factors of a centre begin at its tile and fill whole vectors, which may end past the last row.
    span = -(-(4 + 2 * sizes.reach) // LANES) * LANES
    positive_stride = -(-(sizes.chunk + span) // LANES) * LANES
    negative_stride = -(-sizes.shared // LANES) * LANES
    return Scratch(
        _aligned_zeros(sizes.chunk * dim),
        _aligned_zeros(outside * dim),
        _aligned_zeros(sizes.shared * dim),
        _aligned_zeros(sizes.chunk * positive_stride),
        _aligned_zeros(sizes.chunk * negative_stride),
        _aligned_zeros(2 * LANES),
        _aligned_zeros((sizes.chunk + outside + sizes.shared) * BAND),
    )


@_kernel
def _context(first, last, start, m, reach):
    """Return the positions [low, high) of possible outside words of the `m` centres from `start` on."""
    low = max(np.int64(first[start]), start - reach)
    high = min(np.int64(last[start + m - 1]), start + m - 1 + reach) + 1
    return low, high


@_kernel
def _columns_of_tile(sizes, first, last, start, m, c):
    """Return the range [begin, end) of the columns of a tile with outside words, in whole tiles of 4.

    All other columns are 0: where sentences are much shorter than the longest one, most of them.
    """
    low, high = _context(first, last, start, m, sizes.reach)
    begin = max(0, low - start + sizes.reach - c) // 4 * 4
    end = min(4 + 2 * sizes.reach, high - start + sizes.reach - c)
    return begin, -(-end // 4) * 4


@_kernel
def _gather(V, U, sizes, words, first, last, start, m, negatives, scratch):
    """Copy the rows that the `m` centres from position `start` on need."""
    dim = sizes.dim
    low, high = _context(first, last, start, m, sizes.reach)
    for k in range(m):
        copy_row(scratch.centers, k * dim, V, words[start + k] * dim, dim)
    for p in range(low, high):
        copy_row(scratch.outside, (p - start + sizes.reach) * dim, U, words[p] * dim, dim)
    for k in range(sizes.shared):
        copy_row(scratch.noise, k * dim, U, negatives[k] * dim, dim)


@_kernel
def _factors(sizes, first, last, start, m, lr, scratch, ahead):
    """Compute the factors of all gradients of a chunk, which are minus the learning rate times dJ / d(score).

    Parameters
    ----------
    sizes : ChunkSizes
    first, last : int32
        Where the sentence of each position begins and ends.
    start, m : int
        The centres are the `m` positions from `start` on.
    lr : float32
        Learning rate.
    scratch : Scratch
        Holds the rows (`_gather`), receives the factors.
    ahead : tuple
        ``(V, U, words, n, negatives)`` of the next chunk, which is prefetched.

    Returns
    -------
    float, float
        The summed loss and the summed weight of the pairs.
    """
    dim, window, reach, shared = sizes.dim, sizes.window, sizes.reach, sizes.shared
    centers, outside, noise = scratch.centers, scratch.outside, scratch.noise
    positive, negative = scratch.positive, scratch.negative
    positive_stride, negative_stride = len(positive) // sizes.chunk, len(negative) // sizes.chunk
    zero, one = np.float32(0.0), np.float32(1.0)
    slope, share = np.float32(1.0 / window), np.float32(sizes.negative / shared)
    span = -(-(4 + 2 * reach) // LANES) * LANES
    scratch.losses[:] = 0
    zero_row(positive, 0, len(positive))
    pairs = 0.0
    for tile in range((m + 3) // 4):
        c = 4 * tile
        for k in range(0, shared, 4):
            dot_tile(
                negative, c * negative_stride + k, negative_stride,
                centers, c * dim, dim,
                noise, k * dim, dim, dim,
            )  # fmt: skip
        begin, end = _columns_of_tile(sizes, first, last, start, m, c)
        for k in range(begin, end, 4):
            # Column c + k belongs to row c + k of `outside`. The centre i itself is in column i + reach.
            dot_tile(
                positive, c * positive_stride + c + k, positive_stride,
                centers, c * dim, dim,
                outside, (c + k) * dim, dim, dim,
            )  # fmt: skip
        for i in range(c, c + 4):
            left, right = 0, 0  # a row past the end of the text has no pairs
            if i < m:
                p = start + i
                left, right = min(reach, p - first[p]), min(reach, last[p] - p)
            weight = _weight_of_pairs(left, window) + _weight_of_pairs(right, window)
            pairs += weight
            middle = i - c + reach
            for k in range(begin // LANES * LANES, min(span, end), LANES):
                logistic_step(
                    positive, i * positive_stride + c + k, middle - left - k, middle + right - k, middle - k,
                    one + slope, slope, one, lr, scratch.losses, 0,
                )  # fmt: skip
            for k in range(0, shared, LANES):
                logistic_step(
                    negative, i * negative_stride + k, 0, shared - 1 - k, -1,
                    np.float32(weight) * share, zero, -one, lr, scratch.losses, LANES,
                )  # fmt: skip
        _prefetch_centers(sizes, start + sizes.chunk + c, tile, ahead)
    loss = 0.0
    for k in range(2 * LANES):
        loss += np.float64(scratch.losses[k])
    return loss, pairs


@_kernel
def _weight_of_pairs(n, window):
    """Return the summed weight of a centre's pairs with the nearest `n` words on one side."""
    return n - n * (n - 1) / (2.0 * window)


@_kernel
def _band_of_steps(sizes, first, last, start, m, scratch, steps, steps_at, steps_stride, band, n, ahead):
    """Compute the columns ``band : band + n`` of the steps of all rows of a chunk from the factors.

    They are written to ``steps[steps_at + row * steps_stride : ... + n]``. The rows of the centres come
    first, then those of the outside words, then those of the negatives.
    """
    dim, shared = sizes.dim, sizes.shared
    centers, outside, noise = scratch.centers, scratch.outside, scratch.noise
    positive, negative = scratch.positive, scratch.negative
    positive_stride, negative_stride = len(positive) // sizes.chunk, len(negative) // sizes.chunk
    columns = 4 + 2 * sizes.reach
    first_outside = sizes.chunk
    first_noise = first_outside + _outside_rows(sizes)
    low, high = _context(first, last, start, m, sizes.reach)
    first_row, last_row = (low - start + sizes.reach) // 4 * 4, high - start + sizes.reach
    tiles = (m + 3) // 4
    for tile in range(tiles):
        c = 4 * tile
        target = steps_at + c * steps_stride
        product_tile(
            steps, target, steps_stride,
            negative, c * negative_stride, negative_stride, 1, shared,
            noise, band, dim, n,
        )  # fmt: skip
        begin, end = _columns_of_tile(sizes, first, last, start, m, c)
        end = min(end, columns)
        add_product_tile(
            steps, target, steps_stride,
            positive, c * positive_stride + c + begin, positive_stride, 1, end - begin,
            outside, (c + begin) * dim + band, dim, n,
        )  # fmt: skip
        _prefetch_outside(sizes, start + sizes.chunk + c, band, n, ahead)
    for row in range(first_row, min(last_row, 4 * tiles + 2 * sizes.reach), 4):
        # The tiles of centres that reach these four outside words.
        low, high = max(0, row - columns + 4) // 4 * 4, min(4 * tiles, row + 4)
        product_tile(
            steps, steps_at + (first_outside + row) * steps_stride, steps_stride,
            positive, low * positive_stride + row, 1, positive_stride, high - low,
            centers, low * dim + band, dim, n,
        )  # fmt: skip
    for k in range(0, shared, 4):
        product_tile(
            steps, steps_at + (first_noise + k) * steps_stride, steps_stride,
            negative, k, 1, negative_stride, 4 * tiles,
            centers, band, dim, n,
        )  # fmt: skip


@_kernel
def _prefetch_centers(sizes, start, tile, ahead):
    """Fetch a share of the centres and negatives of the next chunk, while this one computes."""
    V, U, words, n, negatives = ahead
    for p in range(start, min(start + 4, n)):
        prefetch(V, words[p] * sizes.dim, sizes.dim)
    tiles = sizes.chunk // 4
    for k in range(tile * sizes.shared // tiles, (tile + 1) * sizes.shared // tiles):
        prefetch(U, negatives[k] * sizes.dim, sizes.dim)


@_kernel
def _prefetch_outside(sizes, start, band, n_band, ahead):
    """Fetch a band of the outside words of the next chunk which this one does not have."""
    _, U, words, n, _ = ahead
    for p in range(start + sizes.reach, min(start + sizes.reach + 4, n)):
        prefetch(U, words[p] * sizes.dim + band, n_band)


@_kernel
def train_block(ids, sampling, V, U, sizes, lr, seed):
    """Train on a block of text; several threads may do so at once without locks (Hogwild; Niu et al. 2011).

    Parameters
    ----------
    ids : int32 (n,)
        Words of the text; -1 ends a sentence.
    sampling : Sampling
    V, U : float32 (vocabulary * dim,)
        Centre and outside vectors, one padded row a word, flat; changed in place.
    sizes : ChunkSizes
    lr : float32
        Learning rate.
    seed : uint64
        Seed of all that is drawn in this block.

    Returns
    -------
    float, float
        The loss summed over all pairs, and their number, by weight.
    """
    dim = sizes.dim
    state = np.empty(1, np.uint64)
    seed_stream(state, seed, 0)
    words, first, last = subsample(ids, sampling.keep, state)
    n = len(words)
    scratch = _new_scratch(sizes)
    negatives, next_negatives = np.empty(sizes.shared, np.int32), np.empty(sizes.shared, np.int32)
    loss, pairs = 0.0, 0.0
    draw_negatives(sampling, seed, 0, state, next_negatives)
    for start in range(0, n, sizes.chunk):
        m = min(sizes.chunk, n - start)
        negatives[:] = next_negatives
        draw_negatives(sampling, seed, start // sizes.chunk + 1, state, next_negatives)
        _gather(V, U, sizes, words, first, last, start, m, negatives, scratch)
        ahead = (V, U, words, n, next_negatives)
        chunk_loss, chunk_pairs = _factors(sizes, first, last, start, m, lr, scratch, ahead)
        loss += chunk_loss
        pairs += chunk_pairs
        low, high = _context(first, last, start, m, sizes.reach)
        first_outside = sizes.chunk
        first_noise = first_outside + _outside_rows(sizes)
        for band in range(0, dim, BAND):
            width = min(BAND, dim - band)
            _band_of_steps(sizes, first, last, start, m, scratch, scratch.steps, 0, BAND, band, width, ahead)
            for k in range(m):
                add_row(V, words[start + k] * dim + band, scratch.steps, k * BAND, width)
            for p in range(low, high):
                row = first_outside + p - start + sizes.reach
                add_row(U, words[p] * dim + band, scratch.steps, row * BAND, width)
            for k in range(sizes.shared):
                add_row(U, negatives[k] * dim + band, scratch.steps, (first_noise + k) * BAND, width)
    return loss, pairs


def new_shared(sizes: ChunkSizes, chunks: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return ``steps, rows, sums``, by which the threads of `train_block_in_step` share their results.

    For each chunk: the steps of its rows, one after another (float32); the words that these rows belong to,
    -1 for none (int32); its loss and number of pairs (float64).
    """
    rows = sizes.chunk + _outside_rows(sizes) + sizes.shared
    steps = aligned_zeros(chunks * rows * sizes.dim).reshape(chunks, -1)
    return steps, np.empty((chunks, rows), np.int32), np.empty((chunks, 2))


@_kernel
def train_block_in_step(ids, sampling, V, U, sizes, lr, seed, thread, threads, steps, rows, sums, counter):
    """Train on a block of text together with other threads, with the same result for any number of them.

    All threads call this with the same arguments but for `thread`. They share out a few chunks, take their
    gradients at the parameters from before these chunks, meet, and then add the steps to the rows in the
    order of the chunks, each thread to rows of its own.

    Parameters
    ----------
    ids, sampling, V, U, sizes, lr, seed
        As for `train_block`.
    thread, threads : int
        Number of this thread, and of all.
    steps, rows, sums
        Shared by the threads (`new_shared`).
    counter : int64 (1,)
        0, and shared by the threads: where they meet.

    Returns
    -------
    float, float
        The loss summed over all pairs, and their number, by weight; in thread 0 only.
    """
    dim, chunk, reach = sizes.dim, sizes.chunk, sizes.reach
    outside = _outside_rows(sizes)
    state = np.empty(1, np.uint64)
    seed_stream(state, seed, 0)
    words, first, last = subsample(ids, sampling.keep, state)
    n = len(words)
    scratch = _new_scratch(sizes)
    negatives = np.empty(sizes.shared, np.int32)
    loss, pairs, meetings = 0.0, 0.0, 0
    for begin in range(0, n, chunk * len(steps)):
        chunks = min(len(steps), -(-(n - begin) // chunk))
        for c in range(thread, chunks, threads):
            start = begin + c * chunk
            m = min(chunk, n - start)
            draw_negatives(sampling, seed, start // chunk, state, negatives)
            _gather(V, U, sizes, words, first, last, start, m, negatives, scratch)
            nothing = (V, U, words, 0, negatives)
            sums[c, 0], sums[c, 1] = _factors(sizes, first, last, start, m, lr, scratch, nothing)
            for band in range(0, dim, BAND):
                width = min(BAND, dim - band)
                _band_of_steps(
                    sizes, first, last, start, m, scratch, steps[c], band, dim, band, width, nothing
                )
            low, high = _context(first, last, start, m, reach)
            rows[c, :] = -1
            rows[c, :m] = words[start : start + m]
            for p in range(low, high):
                rows[c, chunk + p - start + reach] = words[p]
            rows[c, chunk + outside :] = negatives
        meetings += 1
        meet(counter, meetings * threads)
        for c in range(chunks):
            for k in range(rows.shape[1]):
                word = rows[c, k]
                if word >= 0 and word % threads == thread:
                    if k < chunk:
                        add_row(V, word * dim, steps[c], k * dim, dim)
                    else:
                        add_row(U, word * dim, steps[c], k * dim, dim)
            if thread == 0:
                loss += sums[c, 0]
                pairs += sums[c, 1]
        meetings += 1
        meet(counter, meetings * threads)
    return loss, pairs
