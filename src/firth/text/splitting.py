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
* Each **emoji** is a word of its own: a pictograph (category So from U+1F000 on, or a symbol below that
  Unicode shows as an emoji by default: ☕); another symbol before the emoji variation selector U+FE0F (❤️,
  ©️, #️⃣); a flag, which is a pair of regional indicators (🇫🇷). Marks, skin tones and tags that follow
  belong to it, and so do further pictographs and symbols that zero-width joiners tie to it (👩‍❤️‍👨).
* **Invisible characters** are left out of the text before all else: soft hyphens, directional marks and word
  joiners. So they stand in no word and separate none.
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
LETTER, NUMBER, MARK, IDEOGRAPH, PICTOGRAPH, REGIONAL_INDICATOR, SYMBOL, EMOJI_MODIFIER = range(8)
ZERO_WIDTH, APOSTROPHE, POINT, UNDERSCORE = range(8, 12)
INVISIBLE, SEPARATOR, NEWLINE, FORBIDDEN, INCOMPLETE = range(12, 17)

EMOJI_SELECTOR = 0xFE0F
"""The variation selector that makes an emoji of the symbol before it."""

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

# Symbols below U+1F000 that are emoji without a variation selector (Emoji_Presentation in Unicode's
# emoji-data.txt).
_EMOJI_BY_DEFAULT = [
    *((0x231A, 0x231B), (0x23E9, 0x23EC), (0x23F0, 0x23F0), (0x23F3, 0x23F3), (0x25FD, 0x25FE)),
    *((0x2614, 0x2615), (0x2648, 0x2653), (0x267F, 0x267F), (0x2693, 0x2693), (0x26A1, 0x26A1)),
    *((0x26AA, 0x26AB), (0x26BD, 0x26BE), (0x26C4, 0x26C5), (0x26CE, 0x26CE), (0x26D4, 0x26D4)),
    *((0x26EA, 0x26EA), (0x26F2, 0x26F3), (0x26F5, 0x26F5), (0x26FA, 0x26FA), (0x26FD, 0x26FD)),
    *((0x2705, 0x2705), (0x270A, 0x270B), (0x2728, 0x2728), (0x274C, 0x274C), (0x274E, 0x274E)),
    *((0x2753, 0x2755), (0x2757, 0x2757), (0x2795, 0x2797), (0x27B0, 0x27B0), (0x27BF, 0x27BF)),
    *((0x2B1B, 0x2B1C), (0x2B50, 0x2B50), (0x2B55, 0x2B55)),
]
# Punctuation that the emoji selector makes an emoji of: # * ‼ ⁉ 〰.
_EMOJI_OF_PUNCTUATION = [ord("#"), ord("*"), 0x203C, 0x2049, 0x3030]
_INVISIBLE = [
    (0x00AD, 0x00AD),  # soft hyphen
    (0x061C, 0x061C),  # Arabic letter mark
    (0x200E, 0x200F),  # left-to-right and right-to-left mark
    (0x202A, 0x202E),  # embeddings, overrides, and their end
    (0x2060, 0x2060),  # word joiner
    (0x2066, 0x2069),  # isolates, and their end
]
_INVISIBLE_CHARACTERS = re.compile(f"[{''.join(f'{chr(start)}-{chr(end)}' for start, end in _INVISIBLE)}]+")

# The rule, on text in which each character has become the letter of its class. Of the marks, V is the emoji
# selector; of the symbols, K is one of ASCII, to which zero-width joiners tie nothing.
_LETTERS = "LNMHERWSZ',_  "
_WORDS = re.compile(
    r"""
    (?: L (?: [MV] | Z(?=[LNMV]) )* (?: '(?=L) | _(?=[LN]) )?
      | N (?: [MV] | Z(?=[LNMV]) )* (?: ,(?=N) | _(?=[LN]) )?
    )+
    | H [MV]*
    | (?: E | RR? | [WK](?=V) ) [MVS]* (?: Z (?: E | RR? | W ) [MVS]* )*
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
        line = _INVISIBLE_CHARACTERS.sub("", line)
        classes = line.translate(_class_letters())  # type: ignore[arg-type]  # anything that can be indexed
        spans = (match.span() for match in _WORDS.finditer(classes))
        words = [line[start:end].replace("’", "'") for start, end in spans]
    return [word.lower() for word in words] if lowercase else words


@lru_cache(maxsize=1)
def _class_letters() -> str:
    letters = [_LETTERS[k] for k in _classes().tolist()]
    letters[EMOJI_SELECTOR] = "V"
    letters[ord("#")] = letters[ord("*")] = "K"
    return "".join(letters)


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
    symbols = pictographs | (major == ord("S")) & (minor == ord("m"))
    symbols[:0x80] = symbols[REPLACEMENT] = symbols[0x1F000:] = False
    classes[symbols] = SYMBOL
    classes[_EMOJI_OF_PUNCTUATION] = SYMBOL
    pictographs[:0x1F000] = False
    classes[pictographs] = PICTOGRAPH
    for start, end in _EMOJI_BY_DEFAULT:
        classes[start : end + 1] = PICTOGRAPH
    classes[0x1F1E6 : 0x1F1FF + 1] = REGIONAL_INDICATOR
    classes[0x1F3FB : 0x1F3FF + 1] = EMOJI_MODIFIER  # skin tones
    classes[0xE0020 : 0xE007F + 1] = EMOJI_MODIFIER  # tags
    for start, end in _INVISIBLE:
        classes[start : end + 1] = INVISIBLE
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
