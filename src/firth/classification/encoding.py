"""From texts to rows of vectors: words, hashed pairs of words, and the end of the phrase."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from firth.arrays import Ids, Int64s
from firth.errors import InputError

Text: TypeAlias = str | Sequence[str]

_BATCH = 4096  # texts that are split at a time
# A word before each text, which is taken away again, so that a text without words is seen as well.
_FIRST = "0"


@dataclass(frozen=True)
class Split:
    """Texts as numbers of words.

    Attributes
    ----------
    words : list of str
        The different words; their places in this list are their numbers.
    numbers : ndarray of int32, shape (m,)
        The words of all texts, one text after the other.
    offsets : ndarray of int64, shape (n + 1,)
        Text i has those from ``offsets[i]`` up to ``offsets[i + 1]``.
    """

    words: list[str]
    numbers: Ids
    offsets: Int64s

    def __len__(self) -> int:
        return len(self.offsets) - 1


def split_texts(texts: Sequence[Text], *, lowercase: bool, pretokenized: bool) -> Split:
    """Split texts into words.

    Parameters
    ----------
    texts
        Strings, which are split by the rule of `firth.text.splitting`, or lists of words.
    lowercase
        Lowercase the words, those of lists too.
    pretokenized
        Split strings at ASCII white space only.

    Raises
    ------
    InputError
        A text is neither a string nor a list of strings, they are mixed, or one holds a NUL byte.
    """
    if all(isinstance(text, str) for text in texts):
        words, stream = _split_strings(texts, lowercase, pretokenized)  # type: ignore[arg-type]
    else:
        words, stream = _split_lists(texts, lowercase)
    # Each text is _FIRST, its words, and -1.
    ends = np.flatnonzero(stream < 0)
    lengths = np.diff(ends, prepend=-1) - 2
    kept = stream >= 0
    kept[np.concatenate([[0], ends[:-1] + 1]) if len(ends) else []] = False
    return Split(words, stream[kept], offsets_of(lengths))


def _split_strings(texts: Sequence[str], lowercase: bool, pretokenized: bool) -> tuple[list[str], Ids]:
    from firth.text.word_table import WordTable

    table = WordTable(lowercase=lowercase, pretokenized=pretokenized)
    pieces = []
    for start in range(0, len(texts), _BATCH):
        batch = texts[start : start + _BATCH]
        lines = [f"{_FIRST} {text}\n" for text in batch]
        if sum(line.count("\n") for line in lines) > len(lines):
            lines = [line[:-1].replace("\n", " ") + "\n" for line in lines]
        try:
            block = "".join(lines).encode()
        except UnicodeEncodeError:
            bad = next(i for i, line in enumerate(lines) if not _is_unicode(line))
            raise InputError(
                f"text {start + bad + 1} holds half a surrogate pair: it is not Unicode"
            ) from None
        pieces.append(table.feed(block, final=start + _BATCH >= len(texts), name="text").copy())
    numbers = table.merge_spellings()
    return table.words(range(len(table))), _renumbered(numbers, pieces)


def _is_unicode(line: str) -> bool:
    try:
        line.encode()
    except UnicodeEncodeError:
        return False
    return True


def _split_lists(texts: Sequence[Text], lowercase: bool) -> tuple[list[str], Ids]:
    from firth.text.word_table import TokenTable

    table = TokenTable(lowercase=lowercase)
    pieces = list(table.feed(_with_first(texts)))
    numbers = table.merge_spellings()
    return table.words(range(len(table))), _renumbered(numbers, pieces)


def _with_first(texts: Sequence[Text]) -> Iterable[list[str]]:
    for place, text in enumerate(texts, start=1):
        if isinstance(text, str):
            raise InputError(f"text {place} is a string, but others are not: give strings, or lists of words")
        try:
            yield [_FIRST, *text]
        except TypeError:
            raise InputError(f"text {place} is {text!r}: it must be a string or a list of words") from None


def _renumbered(numbers: Ids, pieces: list[Ids]) -> Ids:
    stream = np.concatenate([np.empty(0, np.int32), *pieces])
    return np.where(stream < 0, -1, numbers[stream]).astype(np.int32)


def offsets_of(lengths: npt.ArrayLike) -> Int64s:
    """Return where each of some runs begins, and where the last one ends."""
    lengths = np.asarray(lengths, dtype=np.int64)
    offsets = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


@dataclass(frozen=True)
class Coverage:
    """How much of some texts a classifier knows.

    Attributes
    ----------
    texts, words
        How many there are.
    known
        Words that have a vector.
    empty
        Texts without a word.
    unknown
        Texts that have words, but none with a vector.
    """

    texts: int
    words: int
    known: int
    empty: int
    unknown: int


@dataclass(frozen=True)
class Encoded:
    """Texts as rows of vectors: ``rows[offsets[i] : offsets[i + 1]]`` are those of text i, and so on.

    Attributes
    ----------
    rows : ndarray of uint32
    offsets : ndarray of int64, shape (n + 1,)
    coverage
        How much was known.
    """

    rows: npt.NDArray[np.uint32]
    offsets: Int64s
    coverage: Coverage


class Vocabulary:
    """The rows of a classifier: first its words, then pairs of words, last the end of the phrase.

    Two known words that stand next to each other are a pair, and so are the last word and the end. Pairs are
    hashed to `buckets`, so their number is bounded; different pairs may share a bucket. Only buckets that
    occurred in training have a row.

    Parameters
    ----------
    words
        The words that have vectors.
    buckets
        Into how many buckets pairs are hashed; 0: no pairs.
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

    def hashed_pairs(self, split: Split) -> tuple[Int64s, Int64s]:
        """Return the buckets of all pairs, and the number of the text that each is in."""
        ends = split.offsets[1:] if self.end else split.offsets[:0]
        rows = np.insert(self.word_rows(split), ends, len(self.words))  # the number of the end, in pairs
        owner = np.repeat(np.arange(len(split)), np.diff(split.offsets) + self.end)
        first = np.flatnonzero((rows[:-1] >= 0) & (rows[1:] >= 0) & (owner[:-1] == owner[1:]))
        a, b = rows[first].astype(np.uint64), rows[first + 1].astype(np.uint64)
        # Two odd multipliers, and the upper bits, in which all lower ones have a say (Knuth's hash).
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
