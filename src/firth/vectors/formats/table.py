"""The contents of a file of word vectors, in any format, and how a file is to be read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from firth.arrays import Float32s, Int64s
from firth.errors import InputError

# Rows that are moved within a matrix are moved in blocks: there is never a second copy of the matrix.
_ROWS_AT_A_TIME = 1024


@dataclass(frozen=True)
class ReadOptions:
    """How a file is to be read.

    Attributes
    ----------
    limit : int or None
        Read the first vectors only, so many of them.
    errors : str
        What is done with words that are not UTF-8: ``"strict"``, ``"replace"`` or ``"ignore"``, as in
        `bytes.decode`.
    duplicates : str
        What is done with words that occur twice: ``"first"`` keeps the first vector, ``"error"`` refuses.
    header : str
        What is done where the header announces another number of vectors than there are: ``"strict"``
        refuses, ``"ignore"`` takes those that are there.
    """

    limit: int | None = None
    errors: str = "strict"
    duplicates: str = "first"
    header: str = "strict"

    @property
    def header_counts(self) -> bool:
        """Whether the number of vectors in the header must be right."""
        return self.header == "strict"


@dataclass(frozen=True, eq=False)
class Table:
    """Words and their vectors, as formats read and write them. Nothing is checked or copied here.

    Attributes
    ----------
    words : list of str
        n words.
    matrix : ndarray of float32, shape (n, d)
        Their vectors.
    counts : ndarray of int64, shape (n,), or None
        How often each word occurred. Only firth's own format holds the counts and everything below.
    outside : ndarray of float32, shape (n, d), or None
        Their outside vectors.
    history : list of dict
        Figures of each epoch of training.
    metadata : dict
        Anything else, as far as JSON can hold it.
    is_mapped : bool
        The vectors are mapped from the file, and not looked at before they are needed.
    repairs : list of str
        What the reader changed or left out, with counts.
    """

    words: list[str]
    matrix: Float32s
    counts: Int64s | None = None
    outside: Float32s | None = None
    history: list[dict[str, float]] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)
    is_mapped: bool = False
    repairs: list[str] = field(default_factory=list)


class WordDecoder:
    """Turns the bytes of words into text, and counts the words that are not UTF-8.

    Parameters
    ----------
    errors
        See `ReadOptions`.
    """

    def __init__(self, errors: str) -> None:
        self._errors = errors
        self.n_damaged = 0

    def decode(self, word: bytes) -> str:
        """Return a word as text.

        Raises
        ------
        UnicodeDecodeError
            It is not UTF-8, and `errors` is ``"strict"``.
        """
        try:
            return word.decode()
        except UnicodeDecodeError:
            text = word.decode(errors=self._errors)
            self.n_damaged += 1
            return text

    def repairs(self) -> list[str]:
        """Return what was changed, with the count."""
        if not self.n_damaged:
            return []
        done = "were replaced by U+FFFD" if self._errors == "replace" else "were left out"
        words = "1 word is" if self.n_damaged == 1 else f"{self.n_damaged:,} words are"
        return [f"{words} not UTF-8: the bytes in question {done}"]


def without_duplicates(table: Table) -> Table:
    """Keep the first vector of each word. Rows are moved within the matrix, which must be writable."""
    n_dropped = len(table.words) - len(set(table.words))
    if not n_dropped:
        return table
    first_rows: dict[str, int] = {}
    for row, word in enumerate(table.words):
        first_rows.setdefault(word, row)
    rows = np.fromiter(first_rows.values(), np.intp)
    # A row moves up only, so that no row is overwritten before it has moved.
    for start in range(0, len(rows), _ROWS_AT_A_TIME):
        block = rows[start : start + _ROWS_AT_A_TIME]
        table.matrix[start : start + len(block)] = table.matrix[block]
    example = table.words[int(np.flatnonzero(np.append(rows, -1) != np.arange(len(rows) + 1))[0])]
    vectors = "1 vector was" if n_dropped == 1 else f"{n_dropped:,} vectors were"
    repair = (
        f"words occur twice ({example!r} for example): the first vector of each was kept, {vectors} left out"
    )
    return Table(list(first_rows), table.matrix[: len(rows)], repairs=[*table.repairs, repair])


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Put the name of the file before the message of an error."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
