"""Where the pairs of a centre word and an outside word come from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from firth.arrays import Float32s, Floats, Ids
from firth.progress import Progress
from firth.text.corpus import Source
from firth.text.encoded import EncodedCorpus
from firth.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from firth.vectors.cooccurrence import Cooccurrences

Text: TypeAlias = Source | Iterable[Source] | Iterable[Iterable[str]]
"""The sources of a corpus, files or sentences: see `firth.text.corpus.Corpus`."""

# A block is the text that a thread takes at a time, at one learning rate. This is its size in numbers of the
# encoded corpus; it is a little more or less, so that a block ends with a sentence.
_NUMBERS_IN_BLOCK = 16_384


class WindowContexts:
    """Pairs of words of a sentence that are at most `window` words apart once frequent words are thinned out.

    Training sees the pairs in one of two ways: block after block of the text, from which the pairs are drawn
    anew in each epoch (`block`), or as expected numbers of all pairs (`count`).

    Parameters
    ----------
    encoded
        The text.
    window
        The largest distance. A pair j words apart counts as (window - j + 1) / window pairs. It may be wider
        than the sentences: then all words of a sentence are neighbours of each other.
    sample
        Threshold of the subsampling of frequent words; 0 keeps all.

    Attributes
    ----------
    vocabulary : Vocabulary
        The words.
    n_blocks : int
        Blocks of the text.
    reach : int
        The largest distance of two words of a sentence in this text, `window` at most.
    """

    def __init__(self, encoded: EncodedCorpus, window: int, sample: float) -> None:
        self.encoded, self.window, self.sample = encoded, window, sample
        self._longest = encoded.longest_sentence(window + 1)
        self.reach = max(1, min(window, self._longest - 1))
        self._ids = encoded.ids
        self.n_blocks = -(-len(self._ids) // _NUMBERS_IN_BLOCK)

    @property
    def vocabulary(self) -> Vocabulary:
        """The words."""
        return self.encoded.vocabulary

    @property
    def pairs_of_a_center(self) -> float:
        """The expected number of pairs of a centre word inside a long sentence.

        Where the window is as wide as the longest sentence, the centre word is in the middle of that one.
        """
        if self._longest > self.window:
            return self.window + 1
        left = max(0, self._longest - 1) // 2
        right = self._longest - 1 - left
        return max(1.0, sum(n - n * (n - 1) / (2 * self.window) for n in (left, right)))

    def keep_probabilities(self) -> Float32s:
        """Return the probability that subsampling keeps a word, of each word."""
        return self.vocabulary.keep_probabilities(self.sample)

    def kept_counts(self) -> Floats:
        """Return how often each word is expected to be left by subsampling."""
        kept: Floats = self.vocabulary.counts * self.keep_probabilities()
        return kept

    def block(self, number: int) -> Ids:
        """Return a block of the text, which begins and ends with a sentence unless one is very long."""
        start, stop = number * _NUMBERS_IN_BLOCK, (number + 1) * _NUMBERS_IN_BLOCK
        return self._ids[self._sentence_start(start) : self._sentence_start(stop)]

    def _sentence_start(self, position: int) -> int:
        """Return the start of a sentence near the position, or in a very long sentence the position."""
        if position == 0:
            return 0
        near = self._ids[position - 1 : position - 1 + _NUMBERS_IN_BLOCK // 2]
        ends = np.flatnonzero(near < 0)
        return min(position + int(ends[0]) if len(ends) else position, len(self._ids))

    def words_of_blocks(self, n: int) -> int:
        """Return about how many words of the corpus the first `n` blocks are."""
        return round(self.encoded.n_words * min(n * _NUMBERS_IN_BLOCK / len(self._ids), 1.0))

    def count(self, *, threads: int = 1, progress: Progress | None = None) -> Cooccurrences:
        """Return the expected numbers of all pairs; see `firth.vectors.cooccurrence.count`."""
        from firth.vectors.cooccurrence import count

        return count(self.encoded, self.window, self.sample, threads=threads, progress=progress)
