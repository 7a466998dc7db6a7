"""From a word to the row of its vector."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from itertools import islice

from firth.errors import InputError, UnknownWordError

# Comparing spellings is slow: an unknown word is compared with the first 200,000 words only. Files list the
# most frequent words first.
_WORDS_COMPARED = 200_000


class Lookup:
    """Finds the row of a word.

    Parameters
    ----------
    words : list of str
        n different words, in the order of the rows. The list is kept, not copied.

    Raises
    ------
    InputError
        A word is there twice.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self._words = words
        self._rows = {word: row for row, word in enumerate(words)}
        if len(self._rows) < len(words):
            first = next(row for row, word in enumerate(words) if self._rows[word] != row)
            word = words[first]
            raise InputError(
                f"the word {word!r} is there twice: vectors {first + 1} and {self._rows[word] + 1}"
            )

    def __contains__(self, word: object) -> bool:
        return word in self._rows

    def row(self, word: str) -> int:
        """Return the row of a word.

        Raises
        ------
        UnknownWordError
            The word is not in the vocabulary; the message suggests similar spellings.
        """
        try:
            return self._rows[word]
        except KeyError:
            pass
        if not isinstance(word, str):
            raise TypeError(f"vectors are looked up by word, not by {word!r}; rows by number are in .matrix")
        near = self._near_spellings(word)
        hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
        raise UnknownWordError(f"{word!r} is not among the {len(self._words):,} words{hint}")

    def _near_spellings(self, word: str, most: int = 3) -> list[str]:
        """Return words that differ from `word` by a letter or two, or only in case.

        Only words of about the same length and with the same first or last letter are compared.
        """
        wanted = word.lower()
        similar: dict[str, str] = {}
        for candidate in islice(self._words, _WORDS_COMPARED):
            if abs(len(candidate) - len(word)) <= 2:
                lowered = candidate.lower()
                if lowered[:1] == wanted[:1] or lowered[-1:] == wanted[-1:]:
                    similar.setdefault(lowered, candidate)
        near = difflib.get_close_matches(wanted, similar, n=most, cutoff=0.7)
        return [similar[spelling] for spelling in near]
