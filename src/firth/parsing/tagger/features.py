"""Features of words: the numbers by which an encoder looks up form, affixes, shape and pretrained vector."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from firth.arrays import Arrays, Float32s, Floats, Ids
from firth.errors import InputError
from firth.files.arrays_file import pack_strings, unpack_strings

# The number of all strings that are not in the vocabulary of a channel.
_UNKNOWN = 0
_LONGEST_SHAPE_CHARACTERS = 12
# The numbers of at most about this many words are cached.
_MOST_CACHED_WORDS = 500_000


class Vectors(Protocol):
    """Word vectors, such as `firth.WordVectors`."""

    @property
    def words(self) -> Sequence[str]:
        """The words, most frequent first."""

    @property
    def matrix(self) -> Floats:
        """A row for each word."""


def shape(form: str) -> str:
    """Return the shape of a word: ``Xxxx-ddd`` for ``Firth-2026``; no kind of character more than 3 times."""
    kinds: list[str] = []
    for character in form:
        if character.isupper():
            kind = "X"
        elif character.islower():
            kind = "x"
        elif character.isalpha():
            kind = "o"
        else:
            kind = "d" if character.isdigit() else character
        if kinds[-3:] != [kind] * 3:
            kinds.append(kind)
    return "".join(kinds[:_LONGEST_SHAPE_CHARACTERS])


# Each channel reads one string of a word. The number beside it is the width of the channel's embeddings.
_CHANNELS: dict[str, tuple[Callable[[str], str], int]] = {
    "form": (str.lower, 64),
    "prefix 2": (lambda form: form[:2].lower(), 16),
    "prefix 3": (lambda form: form[:3].lower(), 24),
    "suffix 1": (lambda form: form[-1:].lower(), 16),
    "suffix 2": (lambda form: form[-2:].lower(), 24),
    "suffix 3": (lambda form: form[-3:].lower(), 32),
    "suffix 4": (lambda form: form[-4:].lower(), 32),
    "shape": (shape, 24),
}

CHANNELS = tuple(_CHANNELS)
"""The names of the channels."""


class WordFeatures:
    """Numbers words for the tables of an encoder.

    Parameters
    ----------
    vocabularies
        For each channel the strings with a number of their own, from number 1 on. All other strings have
        number 0.
    words, codes, scales
        Pretrained vectors in 8 bits: the vector of ``words[i]`` is ``scales[i] * codes[i]``.
    """

    def __init__(
        self,
        vocabularies: Sequence[Sequence[str]],
        words: Sequence[str] = (),
        codes: npt.NDArray[np.int8] | None = None,
        scales: Float32s | None = None,
    ) -> None:
        self._vocabularies = [list(vocabulary) for vocabulary in vocabularies]
        self._numbers = [
            {value: k for k, value in enumerate(vocabulary, 1)} for vocabulary in self._vocabularies
        ]
        self._words = list(words)
        self._codes = np.zeros((0, 0), np.int8) if codes is None else codes
        self._scales = np.zeros(0, np.float32) if scales is None else scales
        self._vector_numbers = {word: k for k, word in enumerate(self._words, 1)}
        self._functions = [function for function, _ in _CHANNELS.values()]
        self._lock = threading.Lock()
        self._cached_rows: dict[str, int] = {}
        self._table = np.zeros((1024, len(_CHANNELS) + 1), np.int32)
        self.vectors = np.zeros((len(self._words) + 1, self._codes.shape[1]), np.float32)
        """(words + 1, d): the pretrained vectors, by the last number of a word; row 0 for unknown words."""
        self.vectors[1:] = self._scales[:, None] * self._codes

    @classmethod
    def learn(
        cls,
        sentences: Iterable[Sequence[str]],
        vectors: Vectors | None = None,
        *,
        min_count: int = 2,
        max_vectors: int = 100_000,
    ) -> WordFeatures:
        """Make the vocabularies of all strings that occur at least `min_count` times in sentences of forms.

        Words that occur once train the embedding of unknown words. The first `max_vectors` vectors are kept,
        in 8 bits: two trainings of word vectors differ by far more than this rounding.

        Raises
        ------
        InputError
            There is no vector, one of them is not finite, or all are 0.
        """
        counts = Counter(form for sentence in sentences for form in sentence)
        vocabularies = []
        for function, _ in _CHANNELS.values():
            of_channel: Counter[str] = Counter()
            for form, count in counts.items():
                of_channel[function(form)] += count
            frequent = [(-count, value) for value, count in of_channel.items() if count >= min_count]
            vocabularies.append([value for _, value in sorted(frequent)])
        if vectors is None:
            return cls(vocabularies)
        words = list(islice(vectors.words, max_vectors))
        matrix = np.asarray(vectors.matrix[: len(words)], np.float32)
        if not matrix.any() or not np.isfinite(matrix).all():
            raise InputError("the vectors cannot be used: there are none, all are 0, or some are not finite")
        # The vectors get the size of other embeddings: mean square 1.
        matrix = matrix / np.sqrt(np.mean(matrix**2))
        scales = np.maximum(np.abs(matrix).max(axis=1), 1e-12) / 127
        codes = np.rint(matrix / scales[:, None]).astype(np.int8)
        return cls(vocabularies, words, codes, scales.astype(np.float32))

    @property
    def tables(self) -> tuple[tuple[int, int], ...]:
        """For each channel the size of its table: its rows, and the width of an embedding."""
        widths = [width for _, width in _CHANNELS.values()]
        return tuple((len(v) + 1, width) for v, width in zip(self._vocabularies, widths, strict=True))

    def number(self, forms: Iterable[str]) -> Ids:
        """Return a row for each word: its number in each channel, and its row in `vectors` last."""
        with self._lock:
            cached = self._cached_rows
            # A stream of text may have any number of words, so the cache must have a limit.
            if len(cached) > _MOST_CACHED_WORDS:
                cached.clear()
            forms = list(forms)
            rows = list(map(cached.get, forms))
            if None in rows:
                rows = [cached[form] if form in cached else self._add(form) for form in forms]
            return self._table[np.array(rows, np.intp)]

    def count_known(self, forms: Iterable[str]) -> tuple[int, int]:
        """Return how many of some words have letters, and how many of these are known.

        A word is known if the vocabulary of forms or the pretrained vectors have it.
        """
        rows = self.number(form for form in forms if any(map(str.isalpha, form)))
        is_known = (rows[:, CHANNELS.index("form")] != _UNKNOWN) | (rows[:, -1] != _UNKNOWN)
        return len(rows), int(is_known.sum())

    def _add(self, form: str) -> int:
        """Cache the numbers of a word; return their row."""
        row = len(self._cached_rows)
        if row == len(self._table):
            self._table = np.concatenate([self._table, np.zeros_like(self._table)])
        for k, (function, numbers) in enumerate(zip(self._functions, self._numbers, strict=True)):
            self._table[row, k] = numbers.get(function(form), _UNKNOWN)
        known = self._vector_numbers
        self._table[row, -1] = known.get(form) or known.get(form.lower(), _UNKNOWN)
        self._cached_rows[form] = row
        return row

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle and copy without the cache and its lock."""
        return WordFeatures.from_arrays, (self.arrays(),)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return all that `from_arrays` needs, for a model file."""
        arrays: dict[str, npt.NDArray[Any]] = {"vectors": self._codes, "vector scales": self._scales}
        for name, strings in [*zip(_CHANNELS, self._vocabularies, strict=True), ("words", self._words)]:
            arrays[f"{name}.text"], offsets = pack_strings(strings)
            lengths = np.diff(offsets)
            arrays[f"{name}.lengths"] = lengths.astype(np.min_scalar_type(lengths.max(initial=0)))
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> WordFeatures:
        """Restore features from `arrays`; KeyError or ValueError if an array is missing or does not fit."""
        strings = {
            name: unpack_strings(
                arrays[f"{name}.text"], np.append(0, np.cumsum(arrays[f"{name}.lengths"], dtype=np.int64))
            )
            for name in (*_CHANNELS, "words")
        }
        words = strings.pop("words")
        codes, scales = arrays["vectors"], arrays["vector scales"]
        if (
            codes.ndim != 2
            or codes.dtype != np.int8
            or scales.shape != (len(codes),)
            or len(words) != len(codes)
        ):
            raise ValueError("vectors that do not belong to the words")
        return cls(list(strings.values()), words, codes, scales)
