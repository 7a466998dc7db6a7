"""How raw text uses words: before points, and in lower case within sentences.

These statistics need no labels, and tell abbreviations and the first words of sentences apart from other
words (Kiss and Strunk 2006, Unsupervised multilingual sentence boundary detection). The networks read them as
features, in a few steps. So they treat a word that the treebank does not have like words of similar use.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from firth.arrays import Ids, Ints
from firth.compute.hashing import enter, look_up
from firth.parsing.segmenter import kernels
from firth.parsing.segmenter.characters import Characters, Chunks

# A word must be seen 20 times in raw text; a share of fewer is not known.
_MIN_COUNT = 20

# The model file keeps the 16,000 words that are most frequent, and all abbreviations.
_MOST_WORDS = 16_000

# Steps of the shares that are told apart: of words before a point; of lower-case words and of numbers after
# such a point; of lower-case words within sentences.
_POINT_STEPS = (0.02, 0.1, 0.3, 0.6, 0.85)
_LOWER_AFTER_STEPS = (0.05, 0.3)
_NUMBER_AFTER_STEPS = (0.25,)
_LOWER_STEPS = (0.05, 0.3, 0.7, 0.95)

# Letters before a point and a space.
_BEFORE_POINT = re.compile(r"(?<!\S)[^\W\d_]{2,8}(?=\. )")

Usage = npt.NDArray[np.uint8]


class WordStatistics:
    """Looks up how raw text uses words. Threads may share it.

    Parameters
    ----------
    hashes
        (n,): different hashes of words in lower case, not negative.
    usage
        (n, 2): for each word its usage before points, and how it is written within sentences. Both count
        from 1; 0 is not known.
    abbreviations
        Words that nearly always have a point and go on in lower case, without the point, and whether a number
        mostly follows instead. Only training needs them; a model file does not have them.
    """

    def __init__(self, hashes: Ids, usage: Usage, abbreviations: Mapping[str, bool] | None = None) -> None:
        self.hashes, self.usage, self.abbreviations = hashes, usage, abbreviations or {}
        self._usage = np.concatenate([np.zeros((1, 2), np.uint8), usage])
        self._slots = np.zeros(2 << len(hashes).bit_length(), np.int64)
        enter(hashes, np.arange(1, len(hashes) + 1, dtype=np.int32), self._slots)

    @classmethod
    def none(cls) -> WordStatistics:
        """Return the statistics of no text."""
        return cls(np.zeros(0, np.int32), np.zeros((0, 2), np.uint8))

    @classmethod
    def learn(cls, blocks: Iterable[str]) -> WordStatistics:
        """Count the words of raw text that comes in blocks; a block should end where a line does."""
        seen, noted = [np.zeros(0, np.int32)], [np.zeros(0, np.uint8)]
        words: set[str] = set()
        for block in blocks:
            chunks = Chunks.of(block)
            text = chunks.characters
            hashes = np.empty(len(chunks.starts), np.int32)
            notes = np.empty(len(chunks.starts), np.uint8)
            n = kernels.note_words(
                text.codes, text.classes, text.lowers, chunks.starts, chunks.ends, hashes, notes
            )
            seen.append(hashes[:n])
            noted.append(notes[:n])
            words.update(_BEFORE_POINT.findall(block))
        statistics = cls._count(np.concatenate(seen), np.concatenate(noted))
        return cls(statistics.hashes, statistics.usage, statistics._abbreviations(sorted(words)))

    def _abbreviations(self, words: Sequence[str]) -> dict[str, bool]:
        """Return the abbreviations among words."""
        text = " ".join(words)
        chunks = Chunks.of(text)
        points = self.of(chunks.characters, chunks.starts, chunks.ends)[:, 0].astype(np.int64) - 1
        n_after, n_number = len(_LOWER_AFTER_STEPS) + 1, len(_NUMBER_AFTER_STEPS) + 1
        is_point = points // (n_after * n_number) >= len(_POINT_STEPS) - 2
        is_lower = points // n_number % n_after == n_after - 1
        is_number = points % n_number == n_number - 1
        return {
            words[k]: bool(is_number[k]) for k in np.flatnonzero(is_point & (is_lower | is_number)).tolist()
        }

    @classmethod
    def _count(cls, seen: Ids, notes: Usage) -> WordStatistics:
        words, numbers, counts = np.unique(seen, return_inverse=True, return_counts=True)

        def count(note: int) -> npt.NDArray[np.float64]:
            counted = np.bincount(numbers, weights=notes & note > 0, minlength=len(words))
            return counted.astype(np.float64)

        points, inner = count(kernels.HAS_POINT), count(kernels.IS_INNER)
        before_points = _step(points, counts.astype(np.float64), _POINT_STEPS)
        after = _step(count(kernels.BEFORE_LOWER), points, _LOWER_AFTER_STEPS)
        number = _step(count(kernels.BEFORE_NUMBER), points, _NUMBER_AFTER_STEPS)
        written = _step(count(kernels.IS_LOWER), inner, _LOWER_STEPS)
        n_after, n_number = len(_LOWER_AFTER_STEPS) + 1, len(_NUMBER_AFTER_STEPS) + 1
        point_usage = 1 + (before_points * n_after + after) * n_number + number
        usage = np.stack([point_usage, np.where(inner >= _MIN_COUNT / 2, 1 + written, 0)], axis=1)
        rank = np.argsort(-counts, kind="stable")
        frequent = np.zeros(len(words), np.bool_)
        frequent[rank[:_MOST_WORDS]] = True
        kept = (counts >= _MIN_COUNT) & (frequent | (before_points >= 3))
        return cls(words[kept].astype(np.int32), usage[kept].astype(np.uint8))

    def of(self, text: Characters, starts: Ints, ends: Ints) -> Usage:
        """Return the usage of the words in chunks or tokens of a text, (n, 2)."""
        hashes = np.empty((len(starts), 1), np.int32)
        kernels.hash_words(text.classes, text.lowers, starts, ends, hashes)
        numbers = np.zeros((len(starts), 1), np.int32)
        look_up(hashes, self._slots, numbers)
        usage: Usage = self._usage[numbers[:, 0]]
        return usage


def _step(part: npt.NDArray[np.float64], whole: npt.NDArray[np.float64], steps: tuple[float, ...]) -> Ints:
    """Return the step of each share."""
    return np.searchsorted(steps, part / np.maximum(whole, 1), side="right")
