"""The rows of a classifier's vectors: words, hashed pairs of words, and the end of the phrase."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from firth.arrays import Float32s, Int64s
from firth.classification.encoding import Coverage, Encoded, Split, offsets_of
from firth.classification.settings import ClassifierSettings, Weighting

if TYPE_CHECKING:
    from firth.vectors.word_vectors import WordVectors

# The constant a of the weights a/(a + p) of Arora, Liang & Ma (2017). They recommend 0.0001 to 0.01.
_SIF_A = 1e-3


class PhraseVocabulary:
    """The rows of a classifier: first its words, then pairs of words, last the end of the phrase.

    Two known words that stand next to each other are a pair, and so are the last word and the end. Pairs are
    hashed to a number of buckets, which limits the number of rows. Different pairs may share a bucket. Only
    buckets that occurred in training have a row.

    Parameters
    ----------
    words
        The words that have vectors.
    buckets
        The number of buckets that pairs are hashed to; 0: no pairs.
    pairs
        The buckets that have a row, in order, shape (p,).
    end
        Whether the end of the phrase has a row.
    """

    def __init__(self, words: list[str], buckets: int, pairs: Int64s, end: bool) -> None:
        self.words, self.buckets, self.pairs, self.end = words, buckets, pairs, end
        self._rows = {word: row for row, word in enumerate(words)}

    def __len__(self) -> int:
        return len(self.words) + len(self.pairs) + self.end

    @property
    def end_row(self) -> int:
        """The row of the end of the phrase, if it has one."""
        return len(self) - 1

    def word_rows(self, split: Split) -> Int64s:
        """Return the row of each word of the texts, -1 for those that have none."""
        rows = np.array([self._rows.get(word, -1) for word in split.words], dtype=np.int64)
        found: Int64s = rows[split.numbers]
        return found

    def n_words_below(self, split: Split, row: int) -> int:
        """Return how many words of the texts have a row before this one."""
        rows = self.word_rows(split)
        return int(((rows >= 0) & (rows < row)).sum())

    def hashed_pairs(self, split: Split) -> tuple[Int64s, Int64s]:
        """Return the buckets of all pairs, and the number of the text that each is in."""
        ends = split.offsets[1:] if self.end else split.offsets[:0]
        rows = np.insert(self.word_rows(split), ends, len(self.words))  # the number of the end, in pairs
        owner = np.repeat(np.arange(len(split)), np.diff(split.offsets) + self.end)
        first = np.flatnonzero((rows[:-1] >= 0) & (rows[1:] >= 0) & (owner[:-1] == owner[1:]))
        a, b = rows[first].astype(np.uint64), rows[first + 1].astype(np.uint64)
        # Knuth's multiplicative hash, with two odd multipliers: all lower bits change the upper 32 bits.
        mixed = (a * np.uint64(0x9E3779B97F4A7C15) + b) * np.uint64(0xD1B54A32D192ED03)
        return ((mixed >> np.uint64(32)) % np.uint64(self.buckets)).astype(np.int64), owner[first]

    def encode(self, split: Split) -> Encoded:
        """Return the rows of all texts: words, pairs, and the end."""
        n = len(split)
        text_of = np.repeat(np.arange(n), np.diff(split.offsets))
        rows = self.word_rows(split)
        known = rows >= 0
        parts, owners = [rows[known]], [text_of[known]]
        if len(self.pairs):
            buckets, texts = self.hashed_pairs(split)
            at = np.minimum(np.searchsorted(self.pairs, buckets), len(self.pairs) - 1)
            trained = self.pairs[at] == buckets
            parts.append(len(self.words) + at[trained])
            owners.append(texts[trained])
        known_words = np.bincount(owners[0], minlength=n)
        if self.end:
            parts.append(np.full(n, self.end_row))
            owners.append(np.arange(n))
        owner = np.concatenate(owners)
        order = np.argsort(owner, kind="stable") if len(parts) > 1 else slice(None)
        lengths = np.diff(split.offsets)
        coverage = Coverage(
            texts=n,
            words=len(rows),
            known=int(known.sum()),
            empty=int((lengths == 0).sum()),
            unknown=int(((lengths > 0) & (known_words == 0)).sum()),
        )
        return Encoded(
            np.concatenate(parts)[order].astype(np.uint32),
            offsets_of(np.bincount(owner, minlength=n)),
            coverage,
        )


def frequent_words(split: Split, min_count: int) -> list[str]:
    """Return the words that occur at least `min_count` times, the most frequent first."""
    counts = np.bincount(split.numbers, minlength=len(split.words))
    order = np.argsort(-counts, kind="stable")
    return [split.words[i] for i in islice(order.tolist(), int((counts >= max(min_count, 1)).sum()))]


def build_vocabulary(
    split: Split, pretrained: WordVectors | None, settings: ClassifierSettings
) -> PhraseVocabulary:
    """Choose what has a vector: all pretrained words, words of the texts, and pairs that occur in them."""
    words = [] if pretrained is None else list(pretrained.words)
    if settings.fine_tune:
        frequent = frequent_words(split, settings.min_count)
        words += frequent if pretrained is None else [word for word in frequent if word not in pretrained]
    no_pairs = np.empty(0, dtype=np.int64)
    buckets = settings.buckets if settings.bigrams else 0
    vocabulary = PhraseVocabulary(words, buckets, no_pairs, settings.end_of_phrase)
    if not settings.bigrams:
        return vocabulary
    hashed, _ = vocabulary.hashed_pairs(split)
    pairs, counts = np.unique(hashed, return_counts=True)
    frequent_pairs = pairs[counts >= settings.min_count]
    return PhraseVocabulary(words, buckets, frequent_pairs, settings.end_of_phrase)


def row_factors(
    n_rows: int, encoded: Encoded, pretrained: WordVectors | None, weighting: Weighting
) -> Float32s:
    """Return the weight of each row in the mean of a phrase, shape (n_rows,)."""
    factors = np.ones(n_rows, dtype=np.float32)
    if weighting == "sif":
        counts = np.bincount(encoded.rows, minlength=n_rows)
        p = counts / len(encoded.rows)
        if pretrained is not None and pretrained.counts is not None:
            p[: len(pretrained)] = pretrained.counts / pretrained.counts.sum()
        factors[:] = _SIF_A / (_SIF_A + p)
    elif weighting == "idf":
        texts = encoded.coverage.texts
        owner = np.repeat(np.arange(texts), np.diff(encoded.offsets))
        once = np.unique(encoded.rows.astype(np.int64) * texts + owner) // texts
        factors[:] = 1 + np.log((1 + texts) / (1 + np.bincount(once, minlength=n_rows)))
    return factors
