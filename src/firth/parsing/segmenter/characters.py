"""The characters of a text and their classes, and its chunks: runs of text without white space.

The tables of classes and lower-case letters are filled page by page and shared by all threads. That is safe
without a lock: whoever fills a page writes the same values, which follow from Python's tables alone, and the
page is marked as known after its last value. Two threads may fill a page at the same time, which costs time
once; no thread reads a page that is not complete.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from firth.arrays import Bools, Int64s
from firth.parsing.segmenter import kernels
from firth.parsing.segmenter.kernels import CATEGORIES, SPACE

_CODE_POINTS = 0x110000
_PAGE_CHARACTERS = 256

# Spaces that may stand in a word: plain, no-break, thin, and narrow no-break.
_SPACES = (0x20, 0xA0, 0x2009, 0x202F)

_CLASSES = {category: k for k, category in enumerate(CATEGORIES, SPACE + 1)}

# A page is filled when a text first has one of its characters: all at once would take half a second.
_known_pages = np.zeros(_CODE_POINTS // _PAGE_CHARACTERS, np.bool_)
_class_table = np.zeros(_CODE_POINTS, np.uint8)
_lower_table = np.zeros(_CODE_POINTS, np.uint32)


@dataclass(frozen=True)
class Characters:
    """The characters of a text.

    Attributes
    ----------
    codes, classes, lowers
        (n,): code points, classes of characters (see `firth.parsing.segmenter.kernels.CATEGORIES`), and code
        points in lower case.
    """

    codes: npt.NDArray[np.uint32]
    classes: npt.NDArray[np.uint8]
    lowers: npt.NDArray[np.uint32]

    @classmethod
    def of(cls, text: str) -> Characters:
        """Look up the characters of any text; half a surrogate pair is a character too."""
        codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")
        pages = np.zeros(len(_known_pages), np.bool_)
        pages[codes // _PAGE_CHARACTERS] = True
        for page in np.flatnonzero(pages & ~_known_pages).tolist():
            _read_page(page)
        return cls(codes, _class_table[codes], _lower_table[codes])


def _read_page(page: int) -> None:
    """Fill a page of the tables from Python's."""
    for code in range(page * _PAGE_CHARACTERS, (page + 1) * _PAGE_CHARACTERS):
        character = chr(code)
        _class_table[code] = SPACE if character.isspace() else _CLASSES[unicodedata.category(character)]
        _lower_table[code] = ord(character.lower()[0])  # İ has two characters in lower case
    _known_pages[page] = True  # last: other threads read the page from now on


@dataclass(frozen=True)
class Chunks:
    """The runs of a text without white space.

    Attributes
    ----------
    characters
        The characters of the text.
    starts, ends
        (n,): where each chunk begins and ends.
    breaks
        (n,): whether a blank line, or the end of the text, comes after each chunk.
    """

    characters: Characters
    starts: Int64s
    ends: Int64s
    breaks: Bools

    @classmethod
    def of(cls, text: str) -> Chunks:
        """Find the chunks of a text."""
        characters = Characters.of(text)
        most = len(text) // 2 + 1
        starts, ends = np.empty(most, np.int64), np.empty(most, np.int64)
        breaks = np.empty(most, np.bool_)
        n = kernels.find_chunks(characters.codes, characters.classes, starts, ends, breaks)
        return cls(characters, starts[:n], ends[:n], breaks[:n])

    def following(self) -> npt.NDArray[np.uint8]:
        """Return for each chunk the class of the next one's first character; SPACE if there is a break."""
        firsts = self.characters.classes[self.starts]
        following = np.append(firsts[1:], firsts.dtype.type(SPACE))[: len(firsts)]
        following[self.breaks] = SPACE
        return following


def single_spaces(characters: Characters, ends: Int64s) -> Bools:
    """Return whether a single space comes after each place of a text, and no line end."""
    codes = np.append(characters.codes, [0, 0])
    classes = np.append(characters.classes, [SPACE, SPACE])
    spaces: Bools = np.isin(codes[ends], _SPACES) & (classes[ends + 1] != SPACE)
    return spaces
