"""What the network sees of a word: its form, affixes and shape, each as a number, and a pretrained vector."""

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

_UNKNOWN = 0  # the number, in each channel, of whatever is not in its vocabulary
_LONGEST_SHAPE = 12
_REMEMBERED = 500_000  # words whose numbers are kept at hand


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
    return "".join(kinds[:_LONGEST_SHAPE])


# The channels: what is read of a word, and the width of its embedding.
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
        For each channel what has a number of its own: the first has number 1, what is not there number 0.
    words, codes, scales
        Pretrained vectors in 8 bits: that of ``words[i]`` is ``scales[i] * codes[i]``.
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
        self._seen: dict[str, int] = {}
        self._table = np.zeros((1024, len(_CHANNELS) + 1), np.int32)
        self.vectors = np.zeros((len(self._words) + 1, self._codes.shape[1]), np.float32)
        """(words + 1, d): the vectors by the number that `number` gives; row 0 is that of unknown words."""
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
        """Make the vocabularies of what occurs at least `min_count` times in sentences of forms.

        Words that occur once train the embedding of unknown words. Of the vectors the first `max_vectors`
        are kept, in 8 bits: their rounding is far below what sets two trainings of them apart.

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
        matrix = matrix / np.sqrt(np.mean(matrix**2))  # entries of size 1, as those of the other embeddings
        scales = np.maximum(np.abs(matrix).max(axis=1), 1e-12) / 127
        codes = np.rint(matrix / scales[:, None]).astype(np.int8)
        return cls(vocabularies, words, codes, scales.astype(np.float32))

    @property
    def tables(self) -> tuple[tuple[int, int], ...]:
        """For each channel the size of its table: numbers, and width of an embedding."""
        widths = [width for _, width in _CHANNELS.values()]
        return tuple((len(v) + 1, width) for v, width in zip(self._vocabularies, widths, strict=True))

    def number(self, forms: Iterable[str]) -> Ids:
        """Return a row for each word: its number in each channel, and last, in `vectors`."""
        with self._lock:
            seen = self._seen
            if len(seen) > _REMEMBERED:  # a stream of text has no end of words
                seen.clear()
            forms = list(forms)
            rows = list(map(seen.get, forms))
            if None in rows:
                rows = [seen[form] if form in seen else self._add(form) for form in forms]
            return self._table[np.array(rows, np.intp)]

    def _add(self, form: str) -> int:
        """Remember the numbers of a word; return where they are."""
        row = len(self._seen)
        if row == len(self._table):
            self._table = np.concatenate([self._table, np.zeros_like(self._table)])
        for k, (function, numbers) in enumerate(zip(self._functions, self._numbers, strict=True)):
            self._table[row, k] = numbers.get(function(form), _UNKNOWN)
        known = self._vector_numbers
        self._table[row, -1] = known.get(form) or known.get(form.lower(), _UNKNOWN)
        self._seen[form] = row
        return row

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
        """Restore what `arrays` returned; KeyError or ValueError if something is missing or does not fit."""
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
