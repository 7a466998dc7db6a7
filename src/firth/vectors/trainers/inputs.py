"""How the input vector of a centre word is made from rows of V.

Skip-gram takes one row, the row of the word. All code that depends on the rows of V is here, so that an input
made from several rows (the words of a window, a word and its n-grams) needs changes in this file only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from firth.arrays import Float32s

# This many rows are filled at a time, so that memory never holds a second matrix.
_ROWS_AT_A_TIME = 4096


@dataclass(frozen=True)
class WordRows:
    """The input vector of a word is its row of V.

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
