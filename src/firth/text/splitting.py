"""How a line of text is split into words: the rule, and the same rule as tables for the compiled splitter.

The rule (`split`) is a simplification of the word boundaries of Unicode (UAX #29, Unicode Text Segmentation,
https://www.unicode.org/reports/tr29/) that needs no dictionary. With the general categories of Unicode:

* A **word** begins with a letter (category L) or a number (N) and runs on over letters, numbers and marks
  (M), so that Indic vowel signs and combining accents stay with their letters. Latin, Cyrillic, Arabic,
  Devanagari, Hangul, Katakana and most others follow this rule; Thai, Lao, Khmer and Burmese, which are
  written without spaces, give long runs.
* Between two of these characters, one single character may join them. The marks after a letter or number
  count as part of it, and nothing may stand between a joiner and what follows it.

  * an apostrophe, ``'`` or ``’`` (written ``'`` in the word), between two letters: don't, l'homme;
  * ``.`` or ``,`` between two numbers: 3.14, 1,000;
  * ``_`` between letters or numbers: new_york;
  * a zero-width joiner or non-joiner before a letter, number or mark.
* Each **Han ideograph** and each **Hiragana** character is a word of its own, with the marks that follow it.
* Each **pictograph** (category So from U+1F000 on) is a word of its own, with the marks and skin tones that
  follow it and with further pictographs that zero-width joiners tie to it.
* Everything else separates words: spaces, punctuation, hyphens, other symbols, lone marks, U+FFFD.

Text that is already tokenised is split at ASCII white space only (space, tab, carriage return, vertical tab,
form feed), and nothing in it is changed.

Lowercasing is ``str.lower`` of the whole word. So the final sigma of ΟΔΟΣ becomes ς, İ becomes i and a
combining dot, and the word to look up for a token ``t`` is always ``t.lower()``.

Characters have the categories of Python's `unicodedata`, which gets a few more letters with each version.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from firth.arrays import Ids
from firth.errors import InputError

# Classes of characters. Their order lets the compiled splitter test for a group with one comparison: first
# the characters that begin or continue words, then those that may join words, then those that end them.
LETTER, NUMBER, MARK, IDEOGRAPH, PICTOGRAPH, SKIN_TONE = range(6)
ZERO_WIDTH, APOSTROPHE, POINT, UNDERSCORE = range(6, 10)
SEPARATOR, NEWLINE, FORBIDDEN, INCOMPLETE = range(10, 14)

INVALID_CODE = 0x110000
"""The compiled splitter's code for bytes that are not UTF-8; a row of its class table."""
INCOMPLETE_CODE = 0x110001
"""Its code for the end of a block, where the text may go on; a row of its class table."""
REPLACEMENT = 0xFFFD

# From here on, every character is its own lowercase.
LOWERCASE_END = 0x20000

_HAN_AND_HIRAGANA = [
    (0x3005, 0x3007),  # 々 〆 〇
    (0x3041, 0x309F),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x1B001, 0x1B11F),
    (0x1B132, 0x1B132),
    (0x1B150, 0x1B152),
    (0x20000, 0x3FFFF),  # the two ideographic planes
]

# The rule, on text in which each character has become the letter of its class.
_LETTERS = "LNMHESZ',_ "
_WORDS = re.compile(
    r"""
    (?: L (?: M | Z(?=[LNM]) )* (?: '(?=L) | _(?=[LN]) )?
      | N (?: M | Z(?=[LNM]) )* (?: ,(?=N) | _(?=[LN]) )?
    )+
    | H M*
    | E [MS]* (?: Z E [MS]* )*
    """,
    re.VERBOSE,
)


def split(line: str, *, lowercase: bool = True, pretokenized: bool = False) -> list[str]:
    """Split one line of text into words, by the rule that this module states.

    This is the rule in plain Python; `firth.text.word_table` does the same compiled.

    Parameters
    ----------
    line
        Any text.
    lowercase
        Lowercase the words.
    pretokenized
        Split at ASCII white space only.

    Returns
    -------
    list of str
        The words in their order.

    Examples
    --------
    >>> split("Don’t pay 1,000.50 for the re-issue!")
    ["don't", 'pay', '1,000.50', 'for', 'the', 're', 'issue']
    """
    if pretokenized:
        words = [word for word in re.split("[ \t\n\v\f\r]+", line) if word]
    else:
        classes = line.translate(_class_letters())  # type: ignore[arg-type]  # anything that can be indexed
        spans = (match.span() for match in _WORDS.finditer(classes))
        words = [line[start:end].replace("’", "'") for start, end in spans]
    return [word.lower() for word in words] if lowercase else words


@lru_cache(maxsize=1)
def _class_letters() -> str:
    return "".join(_LETTERS[k] for k in _classes().tolist())


@lru_cache(maxsize=1)
def _classes() -> npt.NDArray[np.uint8]:
    """Return the class of every code point, shape (0x110000,)."""
    major, minor = _categories()
    classes = np.full(0x110000, SEPARATOR, dtype=np.uint8)
    for category, of_category in (("L", LETTER), ("N", NUMBER), ("M", MARK)):
        classes[major == ord(category)] = of_category
    for start, end in _HAN_AND_HIRAGANA:
        block = classes[start : end + 1]
        block[block <= NUMBER] = IDEOGRAPH
    pictographs = (major == ord("S")) & (minor == ord("o"))
    pictographs[:0x1F000] = False
    classes[pictographs] = PICTOGRAPH
    classes[0x1F3FB : 0x1F3FF + 1] = SKIN_TONE
    classes[[0x200C, 0x200D]] = ZERO_WIDTH
    classes[[ord("'"), ord("’")]] = APOSTROPHE
    classes[[ord("."), ord(",")]] = POINT
    classes[ord("_")] = UNDERSCORE
    return classes


@lru_cache(maxsize=1)
def _categories() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Return both letters of the general category of every code point (0: not looked up)."""
    categories = np.zeros((0x110000, 2), dtype=np.uint8)
    # Planes 4 to 13, 15 and 16 have no characters or private ones.
    for start, end in ((0, 0x40000), (0xE0000, 0xE1000)):
        names = "".join(map(unicodedata.category, map(chr, range(start, end))))
        categories[start:end] = np.frombuffer(names.encode("ascii"), dtype=np.uint8).reshape(-1, 2)
    return categories[:, 0], categories[:, 1]


@lru_cache(maxsize=4)
def class_table(pretokenized: bool, strict: bool) -> npt.NDArray[np.uint8]:
    """Return the class of every code point, of `INVALID_CODE` and of `INCOMPLETE_CODE`.

    Text that is already tokenised is text in which everything but white space is a letter.

    Parameters
    ----------
    pretokenized
        Split at ASCII white space only.
    strict
        Bytes that are not UTF-8 are forbidden; otherwise they count as U+FFFD.

    Returns
    -------
    ndarray of uint8, shape (0x110002,)
        Read-only.
    """
    table = np.full(0x110002, LETTER, dtype=np.uint8)
    if pretokenized:
        table[[ord(space) for space in " \t\v\f\r"]] = SEPARATOR
    else:
        table[:0x110000] = _classes()
    table[ord("\n")] = NEWLINE
    table[0] = FORBIDDEN
    table[INVALID_CODE] = FORBIDDEN if strict else table[REPLACEMENT]
    table[INCOMPLETE_CODE] = INCOMPLETE
    table.setflags(write=False)
    return table


@lru_cache(maxsize=2)
def lowercase_table(lowercase: bool) -> Ids:
    """Return the lowercase of every code point below `LOWERCASE_END`.

    A character whose lowercase depends on its neighbours (Σ) or is several characters (İ) stands for itself:
    `firth.text.word_table` lowers words that hold one afterwards.

    Parameters
    ----------
    lowercase
        False: the table in which every character stands for itself.

    Returns
    -------
    ndarray of int32, shape (LOWERCASE_END,)
        Read-only.
    """
    table = np.arange(LOWERCASE_END, dtype=np.int32)
    if lowercase:
        for code in range(LOWERCASE_END):
            lowered = chr(code).lower()
            if len(lowered) == 1 and code != ord("Σ"):
                table[code] = ord(lowered)
    table.setflags(write=False)
    return table


def not_utf8(where: str, byte: int) -> InputError:
    """Return the error for bytes that are not UTF-8."""
    return InputError(
        f"{where}: not valid UTF-8 (byte 0x{byte:02x}); convert it to UTF-8, or go on with --errors replace"
    )


def nul_byte(where: str) -> InputError:
    """Return the error for a NUL byte."""
    return InputError(f"{where}: holds a NUL byte: this looks like a binary or UTF-16 file, not UTF-8 text")
