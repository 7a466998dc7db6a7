"""The words of a corpus and how often each occurs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from firth.arrays import Float32s, Float64s, Ids, Int64s, PathLike
from firth.errors import InputError, UnknownWordError
from firth.files.atomic import open_input, open_output

_HEADER = "# firth vocabulary, {} words in all"
_HEADER_LINE = re.compile(_HEADER.format("([0-9]{1,18})") + r"\r?\n")
# The word may hold tabs.
_LINE = re.compile(r"(.*)\t([1-9][0-9]{0,17})\r?\n?", re.DOTALL)


class Vocabulary:
    """Words and their counts, the most frequent first, equally frequent ones in code point order.

    Made by `from_counts` or `load`; it must not be changed.

    Parameters
    ----------
    words
        n different words in that order.
    counts
        How often each occurs, shape (n,).
    n_words
        Number of words in the corpus, those that are not in the vocabulary included.

    Attributes
    ----------
    words : list of str
        The n words.
    counts : ndarray of int64, shape (n,)
        How often each occurs; read-only.
    n_words : int
        Number of words in the corpus.
    """

    def __init__(self, words: list[str], counts: Int64s, n_words: int) -> None:
        self.words = words
        self.counts = counts.view()
        self.counts.setflags(write=False)
        self.n_words = n_words

    @classmethod
    def from_counts(
        cls,
        words: Iterable[str],
        counts: Sequence[int] | npt.NDArray[np.integer],
        *,
        min_count: int = 1,
        max_size: int | None = None,
        n_words: int | None = None,
    ) -> Vocabulary:
        """Make a vocabulary of the words that are frequent enough.

        Parameters
        ----------
        words
            Different words, in any order.
        counts
            How often each occurs.
        min_count
            Leave out words that occur less often.
        max_size
            Keep no more words than this: the most frequent.
        n_words
            Number of words in the corpus; if None, the sum of `counts`.

        Raises
        ------
        InputError
            No word is left, a word is there twice, or `max_size` is not positive.
        """
        words = list(words)
        frequencies = np.asarray(counts, dtype=np.int64)
        if len(words) != len(frequencies):
            raise InputError(f"{len(words)} words, but {len(frequencies)} counts")
        if max_size is not None and max_size < 1:
            raise InputError(f"a vocabulary of at most {max_size} words cannot hold any")
        kept = np.flatnonzero(frequencies >= max(min_count, 1)).tolist()
        if not kept:
            raise InputError(_nothing_kept(words, frequencies, min_count))
        kept.sort(key=words.__getitem__)
        in_order = np.array(kept)[np.argsort(-frequencies[kept], kind="stable")][:max_size]
        total = int(frequencies.sum()) if n_words is None else n_words
        vocabulary = cls([words[i] for i in in_order.tolist()], frequencies[in_order], total)
        if len(vocabulary._numbers) < len(vocabulary):
            twice = next(w for i, w in enumerate(vocabulary.words) if vocabulary._numbers[w] != i)
            raise InputError(f"the word {twice!r} is there twice")
        return vocabulary

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {word: number for number, word in enumerate(self.words)}

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: object) -> bool:
        return word in self._numbers

    def __repr__(self) -> str:
        return f"<Vocabulary: {len(self):,} words, which occur {self.counts.sum():,} times>"

    def index(self, word: str) -> int:
        """Return the number of a word: 0 for the most frequent one.

        Raises
        ------
        UnknownWordError
            The word is not in the vocabulary.
        """
        try:
            return self._numbers[word]
        except KeyError:
            raise UnknownWordError(f"{word!r} is not in the vocabulary of {len(self):,} words") from None

    def indices(self, words: Iterable[str]) -> Ids:
        """Return the numbers of many words, −1 for those that are not in the vocabulary."""
        return np.array([self._numbers.get(word, -1) for word in words], dtype=np.int32)

    def keep_probabilities(self, sample: float) -> Float32s:
        """Return the probability to keep an occurrence of each word when frequent words are subsampled.

        This is min(1, √(t/f) + t/f) for a word that makes up the fraction f of all occurrences of words of
        the vocabulary, as in word2vec.c. (Mikolov et al. 2013, "Distributed Representations of Words and
        Phrases and their Compositionality", section 2.3, have √(t/f).)

        Parameters
        ----------
        sample
            The threshold t; 0 keeps everything.

        Returns
        -------
        ndarray of float32, shape (n,)

        Raises
        ------
        InputError
            `sample` is negative.
        """
        if sample < 0:
            raise InputError(f"sample must be 0 or more, not {sample}")
        if sample == 0:
            return np.ones(len(self), dtype=np.float32)
        ratios = sample * self.counts.sum() / self.counts
        probabilities: Float32s = np.minimum(1.0, np.sqrt(ratios) + ratios).astype(np.float32)
        return probabilities

    def noise_distribution(self, power: float = 0.75) -> Float64s:
        """Return the distribution from which negative samples are drawn: counts to a power, normalised.

        Parameters
        ----------
        power
            1 for the distribution of the corpus, 0 for the uniform one; Mikolov et al. 2013 chose 0.75.

        Returns
        -------
        ndarray of float64, shape (n,)
            Sums to 1.
        """
        weights: Float64s = self.counts.astype(np.float64) ** power
        weights /= weights.sum()
        return weights

    def save(self, path: PathLike) -> None:
        """Write a line with `n_words`, then a line ``word<TAB>count`` for each word.

        Raises
        ------
        InputError
            The file cannot be written, or a word holds a line end.
        """
        with open_output(path) as file:
            file.write(f"{_HEADER.format(self.n_words)}\n".encode())
            for word, count in zip(self.words, self.counts.tolist(), strict=True):
                if "\n" in word:
                    raise InputError(
                        f"{path}: the word {word!r} holds a line end and cannot be written in one line"
                    )
                file.write(f"{word}\t{count}\n".encode())

    @classmethod
    def load(cls, path: PathLike) -> Vocabulary:
        """Read what `save` wrote.

        Raises
        ------
        InputError
            The file cannot be read or is not a vocabulary.
        """
        words: list[str] = []
        counts: list[int] = []
        with open_input(path) as file:
            header = _HEADER_LINE.fullmatch(file.readline(1000).decode(errors="replace"))
            if header is None:
                raise InputError(f"{path}:1: not a vocabulary: it should begin with '{_HEADER.format('N')}'")
            for number, line in enumerate(file, start=2):
                try:
                    fields = _LINE.fullmatch(line.decode())
                except UnicodeDecodeError:
                    fields = None
                if fields is None:
                    raise InputError(f"{path}:{number}: not a word, a tab and a count, in UTF-8")
                words.append(fields[1])
                counts.append(int(fields[2]))
        n_words = int(header[1])
        if n_words < sum(counts):
            raise InputError(
                f"{path}: should hold {n_words} words in all, but its counts sum to {sum(counts)}"
            )
        try:
            return cls.from_counts(words, counts, n_words=n_words)
        except InputError as error:
            raise InputError(f"{path}: {error}") from None


def _nothing_kept(words: list[str], counts: Int64s, min_count: int) -> str:
    if not words:
        return "there are no words"
    most = int(np.argmax(counts))
    return (
        f"no word occurs {min_count} times: the most frequent, {words[most]!r}, occurs {counts[most]} times; "
        "lower --min-count"
    )
