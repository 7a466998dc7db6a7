"""Compiled loops of the segmenter: chunks of text, and the features of characters and tokens.

A *chunk* is a run of text without white space. Characters are given as three parallel arrays: `codes` (code
points), `classes` (see `firth.parsing.segmenter.characters`) and `lowers` (code points in lower case).

The kernels also run as plain Python (NUMBA_DISABLE_JIT=1). For that, numbers are widened to int64 before any
arithmetic.
"""

from __future__ import annotations

import numpy as np

from firth.compute.compiled import kernel
from firth.compute.hashing import HASH_OF_NOTHING, extended

SPACE = 0
"""The class of white space."""
CATEGORIES = (
    *("Lu", "Lt", "Ll", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No"),
    *("Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sm", "Sc", "Sk", "So"),
    *("Cc", "Cf", "Cs", "Co", "Cn", "Zs"),
)
"""The Unicode categories; classes of characters that are no white space are numbered by them, from 1."""
N_CLASSES = 1 + len(CATEGORIES)
_LAST_UPPER, _LOWER, _LAST_LETTER, _LAST_DIGIT = 2, 3, 8, 11

CHARACTER_CHANNELS = 8
TOKEN_CHANNELS = 8

# What is noted about a word in raw text: a point follows it directly; after this point comes a word that
# begins with a lower-case letter, or a number; the word follows another one in its line without any sign
# between them, and so begins no sentence; such a word begins with a lower-case letter.
HAS_POINT, BEFORE_LOWER, BEFORE_NUMBER, IS_INNER, IS_LOWER = 1, 2, 4, 8, 16

_LINE_FEED, _RETURN, _POINT = 10, 13, 46
# The symbols of a word shape: code points, and from here on four kinds of letters and digits.
_SYMBOLS = 0x110000
# A word shape has at most 12 symbols; in the shape of a token, at most 3 equal ones follow one another.
_LONGEST_SHAPE, _MOST_ALIKE = 12, 3
# The place of a character in a chunk is counted from both ends, up to 9; larger numbers are 9.
_FARTHEST, _PLACES = 9, 16


@kernel(inline="always")
def _mixed(hashed: int) -> int:
    """Return a hash in which each bit depends on all higher ones too."""
    hashed = (hashed ^ hashed >> 15) * 0x2C1B3C6D & 0x7FFFFFFF
    return hashed ^ hashed >> 13


@kernel(inline="always")
def _beginning(channel: int) -> int:
    """Return the hash of nothing, another one for each channel."""
    return int(extended(HASH_OF_NOTHING, channel))


@kernel()
def find_chunks(
    codes: np.ndarray, classes: np.ndarray, starts: np.ndarray, ends: np.ndarray, breaks: np.ndarray
) -> int:
    """Find all chunks, and the blank lines after them; return the number of chunks."""
    n, lines, i = 0, 0, 0
    while i < len(codes):
        if classes[i] == SPACE:
            code = codes[i]
            followed = i + 1 < len(codes) and codes[i + 1] == _LINE_FEED
            if code == _LINE_FEED or (code == _RETURN and not followed):
                lines += 1
            i += 1
            continue
        if n > 0:
            breaks[n - 1] = lines > 1
        starts[n] = i
        while i < len(codes) and classes[i] != SPACE:
            i += 1
        ends[n] = i
        n, lines = n + 1, 0
    if n > 0:
        breaks[n - 1] = True
    return n


@kernel()
def find_pieces(
    classes: np.ndarray, never: np.ndarray, longest: int, starts: np.ndarray, ends: np.ndarray,
    pieces: np.ndarray, asked: np.ndarray,
) -> int:  # fmt: skip
    """Find where a token may end, and the pieces of chunks that must be read to decide it.

    Returns the number of pieces.

    Parameters
    ----------
    never
        (N_CLASSES, N_CLASSES): whether no token ends between characters of these classes.
    longest
        Length of a piece, in characters.
    pieces
        (n, 3): where each piece begins and ends, and the number of its chunk.
    asked
        For each character, whether a token may end after it. The end of a chunk is no question: a token ends.
    """
    n = 0
    for chunk in range(len(starts)):
        end = ends[chunk]
        for first in range(starts[chunk], end, longest):
            last = min(first + longest, end)
            questions = False
            for i in range(first, min(last, end - 1)):
                if not never[classes[i], classes[i + 1]]:
                    asked[i] = questions = True
            if questions:
                pieces[n, 0], pieces[n, 1], pieces[n, 2] = first, last, chunk
                n += 1
    return n


@kernel(inline="always")
def _symbol(code: int, kind: int) -> int:
    """Return the symbol of a character in a word shape: a kind of letter or digit, or the character."""
    if kind > _LAST_DIGIT:
        return code
    if kind <= _LAST_UPPER:
        return _SYMBOLS
    if kind == _LOWER:
        return _SYMBOLS + 1
    return _SYMBOLS + 2 if kind <= _LAST_LETTER else _SYMBOLS + 3


@kernel(inline="always")
def _group(kind: int) -> int:
    """Return 0 for a class of letters, 1 for digits, 2 for others."""
    return 0 if kind <= _LAST_LETTER else 1 if kind <= _LAST_DIGIT else 2


@kernel()
def _word_shape(
    codes: np.ndarray, classes: np.ndarray, first: int, last: int, most_alike: int, hashed: int
) -> int:
    """Return the hash of a word shape, with at most `most_alike` equal symbols after one another."""
    length, alike, previous = 0, 0, -1
    for i in range(first, last):
        symbol = _symbol(np.int64(codes[i]), np.int64(classes[i]))
        alike = alike + 1 if symbol == previous else 1
        previous = symbol
        if alike <= most_alike:
            hashed = extended(hashed, symbol)
            length += 1
            if length == _LONGEST_SHAPE:
                break
    return hashed


@kernel(inline="always")
def _is_line_end(code: int) -> bool:
    """Return whether a character ends a line."""
    return code in (_LINE_FEED, _RETURN)


@kernel(inline="always")
def _word_begin(classes: np.ndarray, first: int, last: int) -> int:
    """Return the place of the first letter or digit, or `last`."""
    while first < last and _group(np.int64(classes[first])) == 2:
        first += 1
    return first


@kernel(inline="always")
def _word_end(classes: np.ndarray, first: int, last: int) -> int:
    """Return the place after the last letter or digit, or `first`."""
    while first < last and _group(np.int64(classes[last - 1])) == 2:
        last -= 1
    return last


@kernel(inline="always")
def _word_hash(lowers: np.ndarray, first: int, last: int) -> int:
    """Return the hash of a word in lower case."""
    hashed = HASH_OF_NOTHING
    for i in range(first, last):
        hashed = extended(hashed, np.int64(lowers[i]))
    return int(_mixed(hashed))


@kernel()
def hash_words(
    classes: np.ndarray, lowers: np.ndarray, starts: np.ndarray, ends: np.ndarray, hashes: np.ndarray
) -> None:
    """Write the hash of the word of each chunk or token, (n, 1).

    The word is what stands from the first to the last letter or digit.
    """
    for c in range(len(starts)):
        first = _word_begin(classes, starts[c], ends[c])
        hashes[c, 0] = _word_hash(lowers, first, _word_end(classes, first, ends[c]))


@kernel()
def note_words(
    codes: np.ndarray, classes: np.ndarray, lowers: np.ndarray, starts: np.ndarray, ends: np.ndarray,
    hashes: np.ndarray, notes: np.ndarray,
) -> int:  # fmt: skip
    """Write the hash of each word of raw text, and what is noted about it; return the number of words.

    Parameters
    ----------
    starts, ends
        Where chunks begin and end; each has one word, or none.
    hashes, notes
        (chunks,).
    """
    n = 0
    for c in range(len(starts)):
        first = _word_begin(classes, starts[c], ends[c])
        last = _word_end(classes, first, ends[c])
        if first == last:
            continue
        note = 0
        if last == ends[c] - 1 and codes[last] == _POINT:
            note |= HAS_POINT
            if c + 1 < len(starts):
                after = _word_begin(classes, starts[c + 1], ends[c + 1])
                for i in range(ends[c], starts[c + 1]):
                    if _is_line_end(codes[i]):
                        after = ends[c + 1]
                if after < ends[c + 1]:
                    if classes[after] == _LOWER:
                        note |= BEFORE_LOWER
                    elif _group(np.int64(classes[after])) == 1:
                        note |= BEFORE_NUMBER
        if c > 0 and first == starts[c] and _group(np.int64(classes[ends[c - 1] - 1])) != 2:
            note |= IS_INNER
            for i in range(ends[c - 1], starts[c]):
                if _is_line_end(codes[i]):
                    note &= ~IS_INNER
            if note & IS_INNER and classes[first] == _LOWER:
                note |= IS_LOWER
        hashes[n] = _word_hash(lowers, first, last)
        notes[n] = note
        n += 1
    return n


@kernel()
def describe_characters(
    codes: np.ndarray, classes: np.ndarray, lowers: np.ndarray, pieces: np.ndarray, following: np.ndarray,
    usage: np.ndarray, hashes: np.ndarray,
) -> None:  # fmt: skip
    """Write a row of hashes for each character of each piece.

    The features of a character are: itself; its class; the run of letters, digits or others that it is in;
    the word shape of its piece; its place in the piece; the class of the first character after the white
    space; how raw text uses its chunk before points; how it writes the next chunk within sentences.

    Parameters
    ----------
    pieces
        See `find_pieces`.
    following
        For each chunk, the class of the first character of the next chunk; SPACE at the end of a paragraph.
    usage
        (chunks, 2): for each chunk its usage before points, and how the next chunk is written; see
        `firth.parsing.segmenter.statistics.WordStatistics`.
    hashes
        (characters of all pieces, CHARACTER_CHANNELS).
    """
    row = 0
    for p in range(len(pieces)):
        first, last = pieces[p, 0], pieces[p, 1]
        shape = _mixed(_word_shape(codes, classes, first, last, 1, _beginning(3)))
        next_class = _mixed(extended(_beginning(5), np.int64(following[pieces[p, 2]])))
        points = _mixed(extended(_beginning(6), np.int64(usage[pieces[p, 2], 0])))
        case = _mixed(extended(_beginning(7), np.int64(usage[pieces[p, 2], 1])))
        i = first
        while i < last:
            group = _group(np.int64(classes[i]))
            run = _beginning(2)
            end = i
            while end < last and _group(np.int64(classes[end])) == group:
                run = extended(run, np.int64(_SYMBOLS if group == 1 else lowers[end]))
                end += 1
            run = _mixed(run)
            while i < end:
                place = min(i - first, _FARTHEST) * _PLACES + min(last - 1 - i, _FARTHEST)
                hashes[row, 0] = _mixed(extended(_beginning(0), np.int64(codes[i])))
                hashes[row, 1] = _mixed(extended(_beginning(1), np.int64(classes[i])))
                hashes[row, 2] = run
                hashes[row, 3] = shape
                hashes[row, 4] = _mixed(extended(_beginning(4), place))
                hashes[row, 5] = next_class
                hashes[row, 6] = points
                hashes[row, 7] = case
                row += 1
                i += 1


@kernel()
def describe_tokens(
    codes: np.ndarray, classes: np.ndarray, lowers: np.ndarray, starts: np.ndarray, ends: np.ndarray,
    usage: np.ndarray, hashes: np.ndarray,
) -> None:  # fmt: skip
    """Write a row of hashes for each token.

    The features of a token are: its form in lower case; its word shape; its first three characters; its last
    three characters; whether there is white space before and after it; whether its line ends after it; how
    raw text uses it before points; how raw text writes it within sentences.

    Parameters
    ----------
    usage
        (n, 2): see `firth.parsing.segmenter.statistics.WordStatistics`.
    """
    n = len(starts)
    for t in range(n):
        first, last = starts[t], ends[t]
        form = _beginning(0)
        for i in range(first, last):
            form = extended(form, np.int64(lowers[i]))
        prefix, suffix = _beginning(2), _beginning(3)
        for i in range(first, min(first + 3, last)):
            prefix = extended(prefix, np.int64(lowers[i]))
        for i in range(max(first, last - 3), last):
            suffix = extended(suffix, np.int64(lowers[i]))
        before = t == 0 or ends[t - 1] < first
        after = t == n - 1 or starts[t + 1] > last
        hashes[t, 0] = _mixed(form)
        hashes[t, 1] = _mixed(_word_shape(codes, classes, first, last, _MOST_ALIKE, _beginning(1)))
        hashes[t, 2] = _mixed(prefix)
        hashes[t, 3] = _mixed(suffix)
        hashes[t, 4] = _mixed(extended(_beginning(4), 2 * before + after))
        line_end = False
        i = last
        while i < len(codes) and classes[i] == SPACE:
            line_end = line_end or _is_line_end(codes[i])
            i += 1
        hashes[t, 5] = _mixed(extended(_beginning(5), 1 if line_end else 0))
        hashes[t, 6] = _mixed(extended(_beginning(6), np.int64(usage[t, 0])))
        hashes[t, 7] = _mixed(extended(_beginning(7), np.int64(usage[t, 1])))
