"""The compiled splitter: from bytes to words, and from words to numbers.

Words are numbered in the order of their first appearance. They live in a *table* of plain arrays, which
`firth.text.word_table.WordTable` owns and keeps large enough:

* ``pool`` (uint8) and ``offsets`` (int64): the bytes of word i are ``pool[offsets[i]:offsets[i + 1]]``;
* ``counts`` (int64): how often word i occurred;
* ``slots`` (int64): a hash table of `firth.compute.hashing`, in which word i has the number i + 1.

The kernels also run as plain Python (NUMBA_DISABLE_JIT=1). For that, bytes are widened to int64 before any
arithmetic.
"""

from __future__ import annotations

import numpy as np

from firth.compute.compiled import kernel
from firth.compute.hashing import HASH_OF_NOTHING, extended, first_slot
from firth.text.splitting import (
    APOSTROPHE,
    FORBIDDEN,
    IDEOGRAPH,
    INCOMPLETE,
    INCOMPLETE_CODE,
    INVALID_CODE,
    LETTER,
    LOWERCASE_END,
    MARK,
    NEWLINE,
    NUMBER,
    PICTOGRAPH,
    POINT,
    REPLACEMENT,
    SEPARATOR,
    SKIN_TONE,
    UNDERSCORE,
    ZERO_WIDTH,
)

# What `number_words` keeps from one call to the next, in an int64 array.
N_TYPES, N_WORDS, LINE, IN_SENTENCE, N_REPLACED = range(5)
STATE_SIZE = 5


@kernel()
def _decode(text, p, final):
    """Return the code point at `p` and the number of its bytes.

    `INVALID_CODE` stands for the longest run of bytes that begins a character but does not end it, or for one
    byte that cannot begin one: what Python's ``errors="replace"`` replaces by one U+FFFD. Beyond the end is a
    space if the text is `final`, else `INCOMPLETE_CODE`.
    """
    end = len(text)
    if p >= end:
        return (np.int64(0x20), 0) if final else (np.int64(INCOMPLETE_CODE), 0)
    lead = np.int64(text[p])
    if lead < 0x80:
        return lead, 1
    # The second byte is bounded so that there are no overlong forms, no surrogates and nothing over U+10FFFF
    # (The Unicode Standard, table 3-7).
    low, high = 0x80, 0xBF
    if lead < 0xC2:
        return np.int64(INVALID_CODE), 1
    elif lead < 0xE0:
        length, code = 2, lead & 0x1F
    elif lead < 0xF0:
        length, code = 3, lead & 0x0F
        if lead == 0xE0:
            low = 0xA0
        elif lead == 0xED:
            high = 0x9F
    elif lead < 0xF5:
        length, code = 4, lead & 0x07
        if lead == 0xF0:
            low = 0x90
        elif lead == 0xF4:
            high = 0x8F
    else:
        return np.int64(INVALID_CODE), 1
    for i in range(1, length):
        if p + i >= end:
            return np.int64(INVALID_CODE if final else INCOMPLETE_CODE), i
        byte = np.int64(text[p + i])
        if byte < low or byte > high:
            return np.int64(INVALID_CODE), i
        low, high = 0x80, 0xBF
        code = code << 6 | byte & 0x3F
    return code, length


@kernel()
def _encode(code, pool, at):
    """Write a code point to the pool in UTF-8; return where it ends."""
    if code < 0x80:
        pool[at] = code
        return at + 1
    if code < 0x800:
        pool[at] = 0xC0 | code >> 6
        pool[at + 1] = 0x80 | code & 0x3F
        return at + 2
    if code < 0x10000:
        pool[at] = 0xE0 | code >> 12
        pool[at + 1] = 0x80 | code >> 6 & 0x3F
        pool[at + 2] = 0x80 | code & 0x3F
        return at + 3
    pool[at] = 0xF0 | code >> 18
    pool[at + 1] = 0x80 | code >> 12 & 0x3F
    pool[at + 2] = 0x80 | code >> 6 & 0x3F
    pool[at + 3] = 0x80 | code & 0x3F
    return at + 4


@kernel()
def _copy_rest(text, p, final, classes, lower, pool, at, base):
    """Copy the rest of a word of letters and numbers to the pool, lowercased.

    Parameters
    ----------
    p : where it begins in the text
    at : where to write it
    base : the class of the letter or number before it; SEPARATOR if there is none

    Returns
    -------
    p : where the text goes on
    at : where the word ends in the pool
    k : the class of what ended it
    replaced : the number of U+FFFD in it that stand for invalid bytes
    """
    replaced = 0
    while True:
        code, length = _decode(text, p, final)
        k = classes[code]
        if k <= NUMBER:
            base = k
        elif ZERO_WIDTH <= k <= UNDERSCORE:
            following = classes[_decode(text, p + length, final)[0]]
            if following == INCOMPLETE:
                return p, at, following, replaced
            joins = (
                (k == APOSTROPHE and base == LETTER and following == LETTER)
                or (k == POINT and base == NUMBER and following == NUMBER)
                or (k == UNDERSCORE and following <= NUMBER)
                or (k == ZERO_WIDTH and following <= MARK)
            )
            if not joins:
                return p, at, k, replaced
            if k == APOSTROPHE:
                code = np.int64(0x27)
        elif k != MARK:
            return p, at, k, replaced
        if code == INVALID_CODE:
            code = np.int64(REPLACEMENT)
            replaced += 1
        elif code < LOWERCASE_END:
            code = np.int64(lower[code])
        at = _encode(code, pool, at)
        p += length


@kernel()
def _copy_symbol(text, p, final, classes, pool, at):
    """Copy the ideograph or pictograph at `p`, and what belongs to it, to the pool.

    Returns
    -------
    p : where the text goes on
    at : where the word ends in the pool
    k : the class of what ended it
    """
    code, length = _decode(text, p, final)
    kind = classes[code]
    while True:
        at = _encode(code, pool, at)
        p += length
        code, length = _decode(text, p, final)
        k = classes[code]
        if k == ZERO_WIDTH and kind == PICTOGRAPH:
            following, _ = _decode(text, p + length, final)
            if classes[following] == PICTOGRAPH:
                at = _encode(code, pool, at)
                p += length
                code, length = _decode(text, p, final)
                continue
            if classes[following] == INCOMPLETE:
                return p, at, classes[following]
        if k != MARK and not (k == SKIN_TONE and kind == PICTOGRAPH):
            return p, at, k


@kernel()
def hash_word(pool, start, stop):
    """Return the hash of ``pool[start:stop]``."""
    hashed = HASH_OF_NOTHING
    for i in range(start, stop):
        hashed = extended(hashed, np.int64(pool[i]))
    return hashed


@kernel(inline="always")
def find_or_add(hashed, start, stop, n_types, slots, pool, offsets):
    """Return the number of the word ``pool[start:stop]``; `n_types` if it is new, and then it is added.

    A new word must begin where the last one ended: at ``offsets[n_types]``.
    """
    last = len(slots) - 1
    at = first_slot(hashed, last)
    while slots[at] != 0:
        if slots[at] >> 32 == hashed:
            number = (slots[at] & 0xFFFFFFFF) - 1
            shift = offsets[number] - start
            if offsets[number + 1] - offsets[number] == stop - start:
                i = start
                while i < stop and pool[i] == pool[i + shift]:
                    i += 1
                if i == stop:
                    return number
        at = at + 1 & last
    slots[at] = hashed << 32 | n_types + 1
    offsets[n_types + 1] = stop
    return n_types


@kernel()
def number_words(text, final, classes, lower, slots, pool, offsets, counts, ids, state):
    """Split a block of text, count its words and write their numbers to `ids`, −1 after each sentence.

    Parameters
    ----------
    text : uint8
        UTF-8; it begins between two words.
    final : bool
        The text ends with this block. Otherwise a word at its very end may go on in the next and is left.
    classes, lower
        The rule: `firth.text.splitting.class_table` and `lowercase_table`.
    slots, pool, offsets, counts
        The table of words. There must be room for all that the block may hold: 3 len(text) bytes in the pool,
        len(text) / 2 + 1 new words, and more slots than words.
    ids : int32
        Room for len(text) + 1 numbers.
    state : int64, shape (STATE_SIZE,)
        Kept between calls.

    Returns
    -------
    n_read : int
        The text was read up to here.
    n_ids : int
        So many numbers were written.
    forbidden : bool
        What stands at `n_read` is not allowed in a text: NUL, or bytes that are not UTF-8.
    """
    n_types, n_words, line = state[N_TYPES], state[N_WORDS], state[LINE]
    in_sentence = state[IN_SENTENCE] != 0
    n_replaced = state[N_REPLACED]
    p = n_ids = 0
    k = SEPARATOR
    while p < len(text):
        code, length = _decode(text, p, final)
        k = classes[code]
        first = offsets[n_types]
        replaced = 0
        if k <= NUMBER:
            after, at, base, hashed = p, first, SEPARATOR, HASH_OF_NOTHING
            # ASCII letters and digits, which are nearly all of most texts. A call for each word would take
            # longer than the word.
            while after < len(text):
                byte = np.int64(text[after])
                k = classes[byte] if byte < 0x80 else INCOMPLETE
                if k > NUMBER:
                    break
                base = k
                byte = np.int64(lower[byte])
                hashed = extended(hashed, byte)
                pool[at] = byte
                at += 1
                after += 1
            if k != SEPARATOR and k != NEWLINE:
                after, at, k, replaced = _copy_rest(text, after, final, classes, lower, pool, at, base)
                hashed = hash_word(pool, first, at)
        elif k in (IDEOGRAPH, PICTOGRAPH):
            after, at, k = _copy_symbol(text, p, final, classes, pool, first)
            hashed = hash_word(pool, first, at)
        elif k >= FORBIDDEN:
            break
        else:
            if k == NEWLINE:
                line += 1
                if in_sentence:
                    ids[n_ids] = -1
                    n_ids += 1
                    in_sentence = False
            if code == INVALID_CODE:
                n_replaced += 1
            p += length
            continue
        if k == INCOMPLETE:
            break
        p = after
        n_replaced += replaced
        number = find_or_add(hashed, first, at, n_types, slots, pool, offsets)
        if number == n_types:
            n_types += 1
        counts[number] += 1
        n_words += 1
        ids[n_ids] = number
        n_ids += 1
        in_sentence = True
    if final and in_sentence and p == len(text):
        ids[n_ids] = -1
        n_ids += 1
        in_sentence = False
    state[N_TYPES], state[N_WORDS], state[LINE] = n_types, n_words, line
    state[IN_SENTENCE] = in_sentence
    state[N_REPLACED] = n_replaced
    return p, n_ids, p < len(text) and k == FORBIDDEN


@kernel()
def renumber(ids, numbers, in_sentence):
    """Replace each number i by ``numbers[i]``, in place; leave out words that become −1, and empty sentences.

    Parameters
    ----------
    ids : int32
        Numbers, −1 after each sentence.
    numbers : int32
        The new numbers, −1 for words that are left out.
    in_sentence : bool
        The sentence that goes on in `ids` has a word already.

    Returns
    -------
    n : int
        The new numbers are ``ids[:n]``.
    in_sentence : bool
        The same, for what follows `ids`.
    """
    n = 0
    for number in ids:
        new = numbers[number] if number >= 0 else -1
        if new >= 0 or (number < 0 and in_sentence):
            ids[n] = new
            n += 1
            in_sentence = new >= 0
    return n, in_sentence
