"""Tables that number the words of a text in the order of their first appearance, and count them."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from firth.arrays import Ids, Int64s
from firth.compute.hashing import move_slots
from firth.errors import InputError
from firth.text import kernels
from firth.text.splitting import class_table, lowercase_table, not_utf8, nul_byte

# The only characters that the compiled splitter does not lowercase (see `lowercase_table`).
_LOWERED_LATER = re.compile("Σ|İ".encode())


class WordTable:
    """The words of running text.

    Parameters
    ----------
    lowercase
        Lowercase the words.
    pretokenized
        Split at ASCII white space only.
    strict
        Bytes that are not UTF-8 are an error; otherwise U+FFFD stands for them.
    """

    def __init__(self, *, lowercase: bool = True, pretokenized: bool = False, strict: bool = True) -> None:
        self._lowercase = lowercase
        self._rule = class_table(pretokenized, strict), lowercase_table(lowercase)
        self._state = np.zeros(kernels.STATE_SIZE, dtype=np.int64)
        self._slots = np.zeros(1024, dtype=np.int64)
        self._pool = np.zeros(1024, dtype=np.uint8)
        self._offsets = np.zeros(1024, dtype=np.int64)
        self._counts = np.zeros(1024, dtype=np.int64)
        self._ids = np.zeros(1024, dtype=np.int32)
        # A word at the end of the last block, which the next block may continue.
        self._rest = b""
        self._waiting: list[bytes] = []

    def __len__(self) -> int:
        return int(self._state[kernels.N_TYPES])

    @property
    def n_words(self) -> int:
        """Words read so far."""
        return int(self._state[kernels.N_WORDS])

    @property
    def n_replaced(self) -> int:
        """Invalid sequences of bytes that were replaced by U+FFFD so far."""
        return int(self._state[kernels.N_REPLACED])

    @property
    def counts(self) -> Int64s:
        """How often each word occurred so far, by number."""
        return self._counts[: len(self)]

    def feed(self, block: bytes, *, final: bool, name: str = "text") -> Ids:
        """Read the next block of a text.

        Parameters
        ----------
        block
            UTF-8. Blocks may be cut anywhere.
        final
            The text ends here: so does the sentence, and the next block is line 1 of another text.
        name
            The name of the text in error messages.

        Returns
        -------
        ndarray of int32
            The numbers of the words, −1 after each sentence. Overwritten by the next call.

        Raises
        ------
        InputError
            The text is not valid UTF-8 (where that is an error), or holds a NUL byte.
        """
        # A word longer than a block is scanned again when its length has doubled, not with each block.
        self._waiting.append(block)
        if not final and sum(map(len, self._waiting)) < len(self._rest):
            return self._ids[:0]
        text = b"".join((self._rest, *self._waiting))
        self._waiting.clear()
        self._reserve(len(text))
        if len(self._ids) <= len(text):
            self._ids = np.empty(len(text) + 1, dtype=np.int32)
        n_read, n_ids, forbidden = kernels.number_words(
            np.frombuffer(text, dtype=np.uint8),
            final,
            *self._rule,
            self._slots,
            self._pool,
            self._offsets,
            self._counts,
            self._ids,
            self._state,
        )
        if forbidden:
            where = f"{name}:{self._state[kernels.LINE] + 1}"
            raise nul_byte(where) if text[n_read] == 0 else not_utf8(where, text[n_read])
        self._rest = text[n_read:]
        if final:
            self._state[kernels.LINE] = 0
        return self._ids[:n_ids]

    def words(self, numbers: Iterable[int]) -> list[str]:
        """Return the words with these numbers, in their final form."""
        pool, offsets = memoryview(self._pool), self._offsets  # type: ignore[arg-type]
        words = [str(pool[offsets[i] : offsets[i + 1]], "utf-8") for i in numbers]
        return [word.lower() for word in words] if self._lowercase else words

    def merge_spellings(self) -> Ids:
        """Give one number to all words that `words` spells alike.

        Returns
        -------
        ndarray of int32
            For each number given out so far, the one number that now stands for its spelling. That one has
            all the counts; the others have none.
        """
        numbers = np.arange(len(self), dtype=np.int32)
        if not self._lowercase:
            return numbers
        end = self._offsets[len(self)]
        starts = [match.start() for match in _LOWERED_LATER.finditer(self._pool[:end].data)]
        unfinished = np.unique(np.searchsorted(self._offsets[: len(self)], starts, side="right") - 1)
        for number, word in zip(unfinished.tolist(), self.words(unfinished), strict=True):
            target = self._find_or_add(word.encode())
            self._counts[target] += self._counts[number]
            self._counts[number] = 0
            numbers[number] = target
        return numbers

    def _find_or_add(self, word: bytes) -> int:
        self._reserve(len(word))
        n_types = len(self)
        start = int(self._offsets[n_types])
        stop = start + len(word)
        self._pool[start:stop] = np.frombuffer(word, dtype=np.uint8)
        hashed = kernels.hash_word(self._pool, start, stop)
        number = kernels.find_or_add(hashed, start, stop, n_types, self._slots, self._pool, self._offsets)
        self._state[kernels.N_TYPES] += number == n_types
        return int(number)

    def _reserve(self, n_bytes: int) -> None:
        """Make room for all words that `n_bytes` of text may hold."""
        n_types = len(self) + n_bytes // 2 + 1
        self._pool = _grown(self._pool, int(self._offsets[len(self)]) + 3 * n_bytes)
        self._offsets = _grown(self._offsets, n_types + 1)
        self._counts = _grown(self._counts, n_types)
        if len(self._slots) < 2 * n_types:
            larger = np.zeros(1 << (2 * n_types).bit_length(), dtype=np.int64)
            move_slots(self._slots, larger)
            self._slots = larger


def _grown(values: npt.NDArray[Any], size: int) -> npt.NDArray[Any]:
    """Return the array, or one of at least twice the length if `size` does not fit."""
    if size <= len(values):
        return values
    larger = np.zeros(max(size, 2 * len(values)), dtype=values.dtype)
    larger[: len(values)] = values
    return larger


class TokenTable:
    """The words of sentences that Python gives as lists of tokens.

    Parameters
    ----------
    lowercase
        Lowercase the words.
    """

    _BATCH_TOKENS = 1 << 18

    def __init__(self, *, lowercase: bool = True) -> None:
        self._lowercase = lowercase
        self._numbers = _Numbers()
        self._counts = np.zeros(1024, dtype=np.int64)
        self.n_words = 0
        self.n_replaced = 0

    def __len__(self) -> int:
        return len(self._numbers)

    @property
    def counts(self) -> Int64s:
        """How often each word occurred so far, by number."""
        return self._counts[: len(self)]

    def feed(self, sentences: Iterable[Iterable[str]]) -> Iterator[Ids]:
        """Read sentences.

        Parameters
        ----------
        sentences
            Each an iterable of tokens, which may be any strings.

        Yields
        ------
        ndarray of int32
            The numbers of the words, −1 after each sentence.

        Raises
        ------
        InputError
            A sentence is not an iterable of strings.
        """
        ids = array("i")
        for place, sentence in enumerate(sentences, start=1):
            if isinstance(sentence, str):
                raise InputError(
                    f"sentence {place} of the corpus is a string, but the first is a list of tokens"
                )
            before = len(ids)
            try:
                ids.extend(map(self._numbers.__getitem__, sentence))
            except (TypeError, UnicodeEncodeError) as error:
                raise InputError(f"sentence {place} of the corpus is not a list of words: {error}") from None
            if len(ids) > before:
                ids.append(-1)
            if len(ids) >= self._BATCH_TOKENS:
                yield self._count(ids)
                ids = array("i")
        yield self._count(ids)

    def _count(self, ids: array[int]) -> Ids:
        numbers = np.frombuffer(ids, dtype=np.int32)
        found = np.bincount(numbers[numbers >= 0], minlength=len(self))
        self._counts = _grown(self._counts, len(self))
        self._counts[: len(self)] += found
        self.n_words += int(found.sum())
        return numbers

    def words(self, numbers: Iterable[int]) -> list[str]:
        """Return the words with these numbers, in their final form."""
        words = [self._numbers.words[i] for i in numbers]
        return [word.lower() for word in words] if self._lowercase else words

    def merge_spellings(self) -> Ids:
        """Make one word of those that `words` spells alike: see `WordTable.merge_spellings`."""
        numbers = np.arange(len(self), dtype=np.int32)
        if self._lowercase:
            for number, word in enumerate(self._numbers.words[:]):
                numbers[number] = self._numbers[word.lower()]
            self._counts = _grown(self._counts, len(self))
            moved = np.flatnonzero(numbers != np.arange(len(numbers)))
            np.add.at(self._counts, numbers[moved], self._counts[moved])
            self._counts[moved] = 0
        return numbers


class _Numbers(dict[str, int]):
    """Numbers its keys in the order in which they are first looked up."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []

    def __missing__(self, token: str) -> int:
        if not isinstance(token, str):
            raise TypeError(f"{token!r} is not a string")
        token.encode()  # half a surrogate pair could not be saved later
        self.words.append(str(token))  # a plain string, also for NumPy's strings
        self[token] = number = len(self)
        return number
