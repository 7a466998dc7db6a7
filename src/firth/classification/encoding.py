"""Texts as numbers of words, and as rows of vectors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from firth.arrays import Ids, Int64s
from firth.errors import InputError

Text: TypeAlias = str | Sequence[str]

# Texts are split in batches of this size, so that not all of them are copied at once.
_BATCH_TEXTS = 4096
# This word is put before each text, so that a text without words is found too. It is removed afterwards.
_FIRST = "0"


@dataclass(frozen=True)
class Split:
    """Texts as numbers of words.

    Attributes
    ----------
    words : list of str
        The different words. The number of a word is its place in this list.
    numbers : ndarray of int32, shape (m,)
        The words of all texts, one text after the other.
    offsets : ndarray of int64, shape (n + 1,)
        Text i has the words from ``offsets[i]`` up to ``offsets[i + 1]``.
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
        _check_no_mixture(texts)
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
    for start in range(0, len(texts), _BATCH_TEXTS):
        batch = texts[start : start + _BATCH_TEXTS]
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
        pieces.append(table.feed(block, final=start + _BATCH_TEXTS >= len(texts), name="text").copy())
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
        if isinstance(text, bytes):
            raise InputError(f"text {place} holds bytes: decode it, with .decode('utf-8') for example")
        try:
            yield [_FIRST, *text]
        except TypeError:
            raise InputError(f"text {place} is {text!r}: it must be a string or a list of words") from None


def _check_no_mixture(texts: Sequence[Text]) -> None:
    """Check that no text is missing, and that not some are strings and some are not.

    Raises
    ------
    InputError
        The first text that is missing, or not as most are.
    """
    missing = [place for place, text in enumerate(texts, start=1) if is_missing(text)]
    if missing:
        raise InputError(
            f"{len(missing)} texts are missing; the first is text {missing[0]}, which is "
            f"{texts[missing[0] - 1]!r}: leave it out, or give an empty string"
        )
    are_strings = [isinstance(text, str) for text in texts]
    if any(are_strings):
        odd = sum(are_strings) * 2 <= len(texts)
        place = are_strings.index(odd)
        what = "a string, but others are not" if odd else f"{texts[place]!r}, but others are strings"
        raise InputError(f"text {place + 1} is {what}: give strings, or lists of words")


def is_missing(value: Any) -> bool:
    """Return whether a value is None, NaN, or what pandas has for missing values."""
    if value is None or isinstance(value, str):
        return value is None
    try:
        return bool(value != value)
    except TypeError:  # pandas' NA is neither equal to itself nor unequal
        return type(value).__name__ == "NAType"
    except ValueError:  # an array
        return False


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
    """How many words of some texts a classifier knows.

    Attributes
    ----------
    texts, words
        The numbers of texts and of words.
    known
        The number of words that have a vector.
    empty
        The number of texts without a word.
    unknown
        The number of texts that have words, but none with a vector.
    """

    texts: int = 0
    words: int = 0
    known: int = 0
    empty: int = 0
    unknown: int = 0

    def __add__(self, other: Coverage) -> Coverage:
        """Return the coverage of the texts of both."""
        sums = {field.name: getattr(self, field.name) + getattr(other, field.name) for field in fields(self)}
        return Coverage(**sums)


@dataclass(frozen=True)
class Encoded:
    """Texts as rows of vectors: ``rows[offsets[i] : offsets[i + 1]]`` are the rows of text i.

    Attributes
    ----------
    rows : ndarray of uint32
    offsets : ndarray of int64, shape (n + 1,)
    coverage
        How many words were known.
    """

    rows: npt.NDArray[np.uint32]
    offsets: Int64s
    coverage: Coverage
