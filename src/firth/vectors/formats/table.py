"""The contents of a file of word vectors, in any format."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from firth.arrays import Float32s, Int64s
from firth.errors import InputError


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
    """

    words: list[str]
    matrix: Float32s
    counts: Int64s | None = None
    outside: Float32s | None = None
    history: list[dict[str, float]] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Put the name of the file before the message of an error."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
