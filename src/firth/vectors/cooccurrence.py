r"""How often words occur in each other's windows: all that the naive softmax objective needs of a corpus.

The loss of a corpus is a sum over pairs of a centre word c and an outside word o, and equal pairs cost the
same. So it is :math:`\sum_{c,o} N(c,o) J(c,o)`, and the text is not needed once the weights N(c, o) are
known.

N(c, o) is the *expected* number of such pairs in one epoch of training with negative sampling
(`firth.vectors.kernels.skipgram`). There, words are dropped at random (subsampling) before windows are taken,
so that those kept move closer together; then the radius of each window is drawn from 1..window. A pair with k
kept words in between is therefore inside the window with probability (window − k) / window, if k < window.
And k is a sum of independent yes-or-no draws, whose distribution is updated in `window` operations for each
further word. Nothing is sampled.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from firth.arrays import Float32s, Float64s, Floats, Ids, Indices, Int64s
from firth.progress import Progress
from firth.text.encoded import EncodedCorpus
from firth.vectors.kernels.cooccurrence import compress, count_pairs, subtract, weighted_sum

# A thread gathers counts in dense rows that take this many bytes. Above 32 MB, malloc gets slow.
_BYTES_OF_ROWS = 24 << 20
# Each range of rows takes a pass over the text, so a range has at least this many rows, whatever their size.
_FEWEST_ROWS = 64


@dataclass(frozen=True, eq=False)
class Cooccurrences:
    """The matrix N(c, o) of `count`, as compressed sparse rows.

    Attributes
    ----------
    starts : int64, shape (n + 1,)
        The entries of centre word c are those from ``starts[c]`` up to ``starts[c + 1]``.
    outsides : int32, shape (nnz,)
        The outside word o of each entry, ascending for each centre word.
    weights : float32, shape (nnz,)
        The weight N(c, o) of each entry.
    """

    starts: Int64s
    outsides: Ids
    weights: Float32s

    def __len__(self) -> int:
        """Return the number of words n."""
        return len(self.starts) - 1

    @cached_property
    def totals(self) -> Float64s:
        """N(c), the sum over all outside words, shape (n,). The matrix is symmetric: N(o) is the same."""
        # reduceat would give an empty row the first weight of the next one.
        totals = np.zeros(len(self))
        rows = np.flatnonzero(np.diff(self.starts))
        if len(rows):
            totals[rows] = np.add.reduceat(self.weights, self.starts[rows], dtype=np.float64)
        return totals

    @property
    def pairs(self) -> float:
        """The expected number of pairs, the sum of the whole matrix."""
        return float(self.totals.sum())

    def entropy(self) -> float:
        """Return the entropy of outside words given the centre word, in nats: a lower bound of the loss."""
        entropy = 0.0
        for c in np.flatnonzero(self.totals):
            weights = self.weights[self.starts[c] : self.starts[c + 1]].astype(np.float64)
            entropy -= weights @ np.log(weights / self.totals[c])
        return entropy / self.pairs

    def dot(self, centers: Indices, scores: Floats) -> float:
        """Return the sum of N(c, o) times score over all outside words of some centre words.

        Parameters
        ----------
        centers : integers, shape (k,)
        scores : float32 or float64, shape (k, n), C-contiguous
            A row for each of the centre words.
        """
        return float(weighted_sum(self.starts, self.outsides, self.weights, centers, scores))

    def subtract_from(self, predicted: Floats, centers: Indices) -> None:
        """Subtract the rows of some centre words from `predicted`, in place; shapes are as for `dot`."""
        subtract(self.starts, self.outsides, self.weights, centers, predicted)


def count(
    encoded: EncodedCorpus,
    window: int = 5,
    sample: float = 1e-3,
    *,
    threads: int = 1,
    progress: Progress | None = None,
) -> Cooccurrences:
    """Count the pairs of a corpus.

    The counts of a range of centre words are gathered in dense rows, one range after another. So memory is
    the result, 8 bytes for each pair of words that occurs (twice while it is put together), and some 24 MB a
    thread, however long the text is.

    Parameters
    ----------
    encoded
        The corpus; its vocabulary gives the probabilities of subsampling.
    window
        The largest radius.
    sample
        The threshold of subsampling, see `firth.text.vocabulary.Vocabulary.keep_probabilities`.
    threads
        Number of threads. The result does not depend on it.
    progress
        Where to report.
    """
    progress = progress or Progress()
    n = len(encoded.vocabulary)
    keep = encoded.vocabulary.keep_probabilities(sample).astype(np.float64)
    # No pair of a sentence is farther apart than its first and last word.
    reach = max(1, min(window, encoded.longest_sentence(window + 1) - 1))
    nearness = np.arange(window, window - reach, -1) / window
    rows = min(max(_BYTES_OF_ROWS // (8 * n), _FEWEST_ROWS), -(-n // threads))
    ids = encoded.ids

    def count_range(first: int) -> tuple[Int64s, Ids, Float32s]:
        dense = np.zeros((min(rows, n - first), n))
        count_pairs(ids, keep, nearness, first, dense)
        lengths = np.count_nonzero(dense, axis=1)
        outsides = np.empty(lengths.sum(), np.int32)
        weights = np.empty(lengths.sum(), np.float32)
        compress(dense, outsides, weights)
        return lengths, outsides, weights

    parts = []
    pool = ThreadPoolExecutor(threads)
    try:
        with progress.stage("counting pairs", n, "words"):
            for part in pool.map(count_range, range(0, n, rows)):
                parts.append(part)
                progress.advance(min(len(parts) * rows, n))
    finally:
        pool.shutdown(cancel_futures=True)
    starts = np.zeros(n + 1, np.int64)
    np.cumsum(np.concatenate([lengths for lengths, _, _ in parts]), out=starts[1:])
    return Cooccurrences(
        starts,
        np.concatenate([outsides for _, outsides, _ in parts]),
        np.concatenate([weights for _, _, weights in parts]),
    )
