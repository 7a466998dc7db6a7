"""Word vectors: loading, saving, and questions about neighbours, similarities and analogies."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from firth.arrays import Float32s, Float64s, Floats, Indices, Int64s, PathLike
from firth.checks import choice, optional_whole_number
from firth.errors import InputError
from firth.vectors.formats import detect
from firth.vectors.formats.table import ReadOptions, Table, naming
from firth.vectors.lookup import Lookup

Vector: TypeAlias = Floats
Query: TypeAlias = str | Vector | Sequence[str | Vector]

# Norms are computed in blocks of rows: there is never a second copy of the matrix.
_ROWS_AT_A_TIME = 1024


class WordVectors:
    """Words and their vectors, one row a word.

    Besides the matrix, memory holds the words, their index and one length per vector; nothing is copied.
    Iteration goes over the words.

    Parameters
    ----------
    words
        n different words, the most frequent first where that is known.
    matrix
        Their vectors, shape (n, d); float32 is taken as it is (it may be memory-mapped), the rest converted.
    counts
        How often each word occurred in the corpus, shape (n,).
    outside
        The outside vectors of the words (U, if `matrix` is V), shape (n, d). Queries do not use them. They
        complete the model: see `firth.vectors.split`.
    history
        One dict of figures for each epoch of training.
    metadata
        Anything else worth keeping, as far as JSON can hold it.

    Attributes
    ----------
    words : list of str
        The n words.
    matrix : ndarray of float32, shape (n, d)
        Their vectors; read-only, so that a change through a row cannot go unnoticed.
    counts : ndarray of int64, shape (n,), or None
        How often each word occurred.
    outside : ndarray of float32, shape (n, d), or None
        The outside vectors; read-only.
    history : list of dict
        Figures of each epoch.
    metadata : dict
        Anything else.

    Raises
    ------
    InputError
        There is no word or no dimension, a word occurs twice or is not a string, or matrix, counts and
        outside vectors are not numbers or do not fit the words.

    Examples
    --------
    >>> vectors = WordVectors(["tea", "coffee", "law"], np.array([[1, 0.2], [1, 0.1], [-0.2, 1]]))
    >>> vectors.most_similar("tea", topn=1)[0][0]
    'coffee'
    """

    def __init__(
        self,
        words: Sequence[str],
        matrix: npt.ArrayLike,
        *,
        counts: npt.ArrayLike | None = None,
        outside: npt.ArrayLike | None = None,
        history: list[dict[str, float]] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self.words = _checked_words(words)
        self.matrix = _read_only_float32("matrix", matrix)
        if self.matrix.ndim != 2 or len(self.matrix) != len(self.words):
            raise InputError(
                f"{len(self.words)} words need a matrix of {len(self.words)} rows, "
                f"not one of shape {self.matrix.shape}"
            )
        if self.matrix.size == 0:
            raise InputError("no word vectors: there must be at least one word and one dimension")
        self._lookup = Lookup(self.words)
        self.counts = None if counts is None else _whole_numbers(counts)
        if self.counts is not None and self.counts.shape != (len(self.words),):
            raise InputError(f"{len(self.words)} words need as many counts, not shape {self.counts.shape}")
        self.outside = None if outside is None else _read_only_float32("outside", outside)
        if self.outside is not None and self.outside.shape != self.matrix.shape:
            raise InputError(
                f"the outside vectors have the shape {self.outside.shape}, the matrix {self.matrix.shape}: "
                "they must be the same"
            )
        self.history = list(history or [])
        self.metadata = dict(metadata or {})

    @property
    def dim(self) -> int:
        """The number of dimensions d."""
        return int(self.matrix.shape[1])

    @cached_property
    def norms(self) -> Float64s:
        """The length of each vector, shape (n,); computed at the first question, then kept.

        Raises
        ------
        InputError
            A vector holds NaN or infinity.
        """
        squares = np.empty(len(self))
        for start in range(0, len(self), _ROWS_AT_A_TIME):
            rows = self.matrix[start : start + _ROWS_AT_A_TIME].astype(np.float64)
            np.einsum("ij,ij->i", rows, rows, out=squares[start : start + _ROWS_AT_A_TIME])
        if not np.isfinite(squares).all():
            word = self.words[int(np.argmin(np.isfinite(squares)))]
            raise InputError(f"the vector of {word!r} is not finite: it holds NaN or infinity")
        return np.sqrt(squares)

    def __len__(self) -> int:
        return len(self.words)

    def __iter__(self) -> Iterator[str]:
        return iter(self.words)

    def __contains__(self, word: object) -> bool:
        return word in self._lookup

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> Floats:
        """Return the matrix, shape (n, d): what ``numpy.asarray(vectors)`` makes of word vectors."""
        array: Floats = self.matrix if dtype is None else self.matrix.astype(dtype, copy=False)
        if copy is False and array is not self.matrix:
            raise ValueError(f"vectors are float32: a copy is needed to make them {array.dtype}")
        return array.copy() if copy and array is self.matrix else array

    def __repr__(self) -> str:
        shown = ", ".join(self.words[:3]) + (", …" if len(self) > 3 else "")
        return f"<WordVectors: {len(self):,} words × {self.dim} dimensions: {shown}>"

    def __getitem__(self, key: str | Sequence[str]) -> Float32s:
        """Return the vector of a word, shape (d,), or the vectors of k words, shape (k, d).

        Raises
        ------
        UnknownWordError
            A word is not in the vocabulary.
        """
        rows = self.index(key) if isinstance(key, str) else [self.index(word) for word in key]
        picked: Float32s = self.matrix[rows]
        return picked

    def index(self, word: str) -> int:
        """Return the row of a word.

        Raises
        ------
        UnknownWordError
            The word is not in the vocabulary; the message suggests similar spellings.
        """
        return self._lookup.row(word)

    def similarity(self, a: str | Vector, b: str | Vector) -> float:
        """Return the cosine of the angle between two words (or vectors of shape (d,)).

        It lies between −1 and 1; a zero vector has no angle, its cosine with everything is 0.

        Raises
        ------
        UnknownWordError
            A word is not in the vocabulary.
        """
        return float(np.clip(self._unit(a) @ self._unit(b), -1.0, 1.0))

    def most_similar(
        self, positive: Query = (), negative: Query = (), topn: int | None = 10
    ) -> list[tuple[str, float]]:
        """Return the words whose vectors point most nearly in the direction asked for.

        The direction is the sum of the unit vectors of `positive` minus the sum of those of `negative`. All
        words are compared; the words of the query are left out of the answer.

        Parameters
        ----------
        positive, negative
            A word, a vector of shape (d,), or a list of these.
        topn
            How many words to return; None: all.

        Returns
        -------
        list of (str, float)
            Words and their cosines with the direction, the largest first, equal ones in order of the
            vocabulary. If the query cancels out to zero, all cosines are 0.

        Raises
        ------
        UnknownWordError
            A word is not in the vocabulary.
        InputError
            Nothing is asked for, or a vector does not fit.

        Examples
        --------
        ``vectors.most_similar("coffee")``, ``vectors.most_similar(["king", "woman"], ["man"], topn=1)``,
        ``vectors.most_similar(vectors["tea"] + vectors["milk"])``
        """
        plus, minus = _as_list(positive), _as_list(negative)
        if not plus and not minus:
            raise InputError("name at least one word to look for")
        most = optional_whole_number("topn", topn, least=0)
        direction = np.zeros(self.dim)
        for item in plus:
            direction += self._unit(item)
        for item in minus:
            direction -= self._unit(item)
        cosines = self._cosines(_scaled_to_unit(direction))
        asked = {self.index(item) for item in (*plus, *minus) if isinstance(item, str)}
        cosines[list(asked)] = -np.inf
        n_others = len(self) - len(asked)
        best = _largest(cosines, n_others if most is None else min(most, n_others))
        return [(self.words[row], float(cosines[row])) for row in best]

    def analogy(self, a: str, b: str, c: str, topn: int = 10) -> list[tuple[str, float]]:
        """Return what is to `c` as `b` is to `a`: ``analogy("man", "king", "woman")`` should find "queen".

        The answer maximises cos(w, b − a + c) over the words w other than the three, with a, b, c scaled to
        unit length ("3CosAdd": Mikolov, Yih & Zweig 2013; Levy & Goldberg 2014).

        Parameters
        ----------
        a, b, c
            Words (vectors of shape (d,) will do too).
        topn
            How many words to return; None: all.

        Returns
        -------
        list of (str, float)
            Words and their cosines, the best first.

        Raises
        ------
        UnknownWordError
            A word is not in the vocabulary.
        """
        return self.most_similar(positive=[b, c], negative=[a], topn=topn)

    def save(self, path: PathLike) -> None:
        """Write to a file whose format is given by its suffix: see `firth.vectors.formats.detect`.

        Parameters
        ----------
        path
            The file to be written; an existing one is replaced when the new one is complete.

        Raises
        ------
        InputError
            The format is not known, a vector is not finite, the file cannot be written, or the format cannot
            hold a word: those other than ``.safetensors`` cannot hold white space.
        """
        file = Path(path)
        detect.format_of(file)  # raises where it is not known, before any work
        _ = self.norms  # raises where a vector is not finite
        table = Table(self.words, self.matrix, self.counts, self.outside, self.history, self.metadata)
        detect.write_table(table, file)

    def _unit(self, item: str | Vector) -> Float64s:
        """Return the unit vector of a word or of a vector of shape (d,), in double precision."""
        if isinstance(item, str):
            vector = self[item].astype(np.float64)
        else:
            try:
                vector = np.asarray(item, dtype=np.float64)
            except (TypeError, ValueError):
                raise InputError(f"neither a word nor a vector: {item!r}") from None
        if vector.shape != (self.dim,):
            raise InputError(f"a vector must have {self.dim} numbers, not the shape {vector.shape}")
        if not np.isfinite(vector).all():
            name = f"the vector of {item!r}" if isinstance(item, str) else "a vector in the query"
            raise InputError(f"{name} is not finite: it holds NaN or infinity")
        return _scaled_to_unit(vector)

    def _cosines(self, unit: Float64s) -> Float64s:
        """Return the cosine of every word with a unit vector, shape (n,)."""
        norms = self.norms
        with np.errstate(over="ignore", invalid="ignore"):
            products = self.matrix @ unit.astype(np.float32)
        if not np.isfinite(products).all():
            word = self.words[int(np.argmin(np.isfinite(products)))]
            raise InputError(f"the vector of {word!r} is too long to calculate with: scale the vectors down")
        return np.clip(products / np.where(norms > 0, norms, 1.0), -1.0, 1.0)


def load_vectors(
    path: PathLike,
    limit: int | None = None,
    errors: str = "strict",
    duplicates: str = "first",
    *,
    header: str = "strict",
    mmap: bool = True,
) -> WordVectors:
    """Read word vectors in the format that the contents of a file have: see `firth.vectors.formats.detect`.

    Parameters
    ----------
    path
        A file ``x.safetensors``, ``x.vec``, ``x.txt``, ``x.glove`` or ``x.bin``, or one of these with
        ``.gz``, ``.bz2``, ``.xz`` or ``.zst`` after it; or a ``.zip`` archive with one file in it.
    limit
        Read the first `limit` vectors only, and nothing after them. Files list frequent words first.
    errors
        What to do with words that are not UTF-8: ``"strict"`` is an error, ``"replace"`` puts U+FFFD in place
        of the bytes in question, ``"ignore"`` leaves them out.
    duplicates
        What to do with words that occur twice: ``"first"`` keeps the first vector, ``"error"`` is an error.
        In firth's own files they are always an error.
    header
        What to do if the first line announces another number of vectors than there are: ``"strict"`` is an
        error, ``"ignore"`` takes those that are there.
    mmap
        Map a ``.safetensors`` file into memory rather than read it: opening is immediate, and processes share
        the memory. NaN and infinity are then found only when the vectors are first asked for neighbours.

    Returns
    -------
    WordVectors
        The vectors, in the order of the file.

    Raises
    ------
    InputError
        There is no such file, its format is not known, or something in it is wrong.

    Warns
    -----
    UserWarning
        Something was changed or left out: words that occur twice, bytes that are not UTF-8, a wrong header.
        There is one warning for a file, with counts.
    """
    file = Path(path)
    options = ReadOptions(
        limit=optional_whole_number("limit", limit),
        errors=choice("errors", errors, ("strict", "replace", "ignore")),
        duplicates=choice("duplicates", duplicates, ("first", "error")),
        header=choice("header", header, ("strict", "ignore")),
    )
    table = detect.read_table(file, mmap=mmap, options=options)
    with naming(file):
        vectors = WordVectors(
            table.words,
            table.matrix,
            counts=table.counts,
            outside=table.outside,
            history=table.history,
            metadata=table.metadata,
        )
        if not table.is_mapped:
            _ = vectors.norms  # raises where a vector is not finite
    if table.repairs:
        warnings.warn(f"{file}: {'; '.join(table.repairs)}", UserWarning, stacklevel=2)
    return vectors


def _checked_words(words: Sequence[str]) -> list[str]:
    if isinstance(words, (str, bytes)):
        raise InputError(f"words must be a list of strings, not one string: {words[:40]!r}")
    try:
        checked: list[str] = words.tolist() if isinstance(words, np.ndarray) else list(words)
    except TypeError:
        raise InputError(f"words must be a list of strings, not {words!r}") from None
    # Types are compared first, because that is fast with millions of words.
    if not all(issubclass(kind, str) for kind in set(map(type, checked))):
        place, word = next((i, word) for i, word in enumerate(checked, 1) if not isinstance(word, str))
        raise InputError(f"words must be strings: word {place} is {word!r}")
    return checked


def _read_only_float32(name: str, matrix: npt.ArrayLike) -> Float32s:
    """Return a read-only view, or a converted copy where the array is not float32."""
    try:
        # A double that is too large for float32 becomes infinity, which `WordVectors.norms` reports.
        with np.errstate(over="ignore"):
            view: Float32s = np.ascontiguousarray(matrix, dtype=np.float32).view()
    except (TypeError, ValueError):
        raise InputError(f"{name} must be an array of numbers, one row of equal length a word") from None
    view.flags.writeable = False
    return view


def _whole_numbers(counts: npt.ArrayLike) -> Int64s:
    """Return counts as integers; numbers that are not whole are an error."""
    try:
        given = np.asarray(counts)
        whole: Int64s = given.astype(np.int64, casting="same_kind" if given.dtype.kind != "f" else "unsafe")
        if given.dtype.kind not in "iuf" or not (whole == given).all():
            raise ValueError
    except (TypeError, ValueError):
        raise InputError("counts must be whole numbers, one for each word") from None
    return whole


def _as_list(query: Query) -> list[str | Vector]:
    if isinstance(query, str) or (
        isinstance(query, np.ndarray) and query.ndim == 1 and query.dtype.kind in "fiu"
    ):
        return [query]
    try:
        return list(query)
    except TypeError:
        raise InputError(f"neither a word nor a vector, nor a list of these: {query!r}") from None


def _scaled_to_unit(vector: Float64s) -> Float64s:
    """Scale to length 1; the zero vector stays as it is."""
    norm = np.linalg.norm(vector)
    return vector / norm if norm > 0 else vector


def _largest(values: Float64s, k: int) -> Indices:
    """Return the places of the `k` largest values, the largest first, equal ones in order."""
    if k == 0:
        return np.empty(0, dtype=np.intp)
    threshold = np.partition(values, len(values) - k)[len(values) - k]
    candidates = np.flatnonzero(values >= threshold)
    return candidates[np.argsort(-values[candidates], kind="stable")[:k]]
