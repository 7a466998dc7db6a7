"""What the input vector of a centre word is made of.

It is the row of the word in V. The rows of V are not asked for anywhere else: where an input is made of
several rows (the words of a window, a word and its n-grams), they are listed, filled and read here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from firth.arrays import Float32s

# Rows that are filled at a time: there is never a second matrix in memory.
_ROWS_AT_A_TIME = 4096


@dataclass(frozen=True)
class WordRows:
    """Each word has one row of V, and is one input vector: this row.

    Attributes
    ----------
    n_words
        The number of words.
    """

    n_words: int

    @property
    def n_rows(self) -> int:
        """The number of rows of V."""
        return self.n_words

    def initialize(self, V: Float32s, seed: int) -> None:
        """Fill V as word2vec does, uniformly in ±1/(2 dim)."""
        rng = np.random.default_rng(seed)
        for start in range(0, len(V), _ROWS_AT_A_TIME):
            rows = V[start : start + _ROWS_AT_A_TIME]
            rows[:] = (rng.random(rows.shape, dtype=np.float32) - 0.5) / V.shape[1]

    def vectors(self, V: Float32s) -> Float32s:
        """Return the vectors of the words, a row for each."""
        return V
