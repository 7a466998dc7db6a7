"""What the segmenter reads of a text: its characters and their classes, and its chunks."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from firth.arrays import Bools, Int64s
from firth.parsing.segmenter import kernels
from firth.parsing.segmenter.kernels import CATEGORIES, SPACE

_CODE_POINTS = 0x110000
_PAGE = 256

_CLASSES = {category: k for k, category in enumerate(CATEGORIES, SPACE + 1)}

# Filled page by page, when a text first has a character of the page: all at once would take half a second.
_known_pages = np.zeros(_CODE_POINTS // _PAGE, np.bool_)
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
        """Read a text, which may hold anything, halves of surrogate pairs too."""
        codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")
        pages = np.zeros(len(_known_pages), np.bool_)
        pages[codes // _PAGE] = True
        for page in np.flatnonzero(pages & ~_known_pages).tolist():
            _read_page(page)
        return cls(codes, _class_table[codes], _lower_table[codes])


def _read_page(page: int) -> None:
    """Fill a page of the tables from those of Python."""
    for code in range(page * _PAGE, (page + 1) * _PAGE):
        character = chr(code)
        _class_table[code] = SPACE if character.isspace() else _CLASSES[unicodedata.category(character)]
        _lower_table[code] = ord(character.lower()[0])  # one is longer in lower case, İ
    _known_pages[page] = True  # not earlier: another thread may be here too


@dataclass(frozen=True)
class Chunks:
    """What stands between white space in a text.

    Attributes
    ----------
    characters
        Those of the text.
    starts, ends
        (n,): where each chunk begins and ends.
    breaks
        (n,): whether a blank line, or nothing more, comes after it.
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
