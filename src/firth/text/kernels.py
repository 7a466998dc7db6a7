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
    EMOJI_MODIFIER,
    EMOJI_SELECTOR,
    FORBIDDEN,
    IDEOGRAPH,
    INCOMPLETE,
    INCOMPLETE_CODE,
    INVALID_CODE,
    INVISIBLE,
    LETTER,
    LOWERCASE_END,
    MARK,
    NEWLINE,
    NUMBER,
    PICTOGRAPH,
    POINT,
    REGIONAL_INDICATOR,
    REPLACEMENT,
    SEPARATOR,
    SYMBOL,
    UNDERSCORE,
    ZERO_WIDTH,
)

# The places in the state that `number_words` keeps from one call to the next, an int64 array.
N_TYPES, N_WORDS, LINE, IN_SENTENCE, N_REPLACED = range(5)
STATE_SIZE = 5


@kernel()
def _decode(text, place, final):
    """Return the code point at `place` and the number of its bytes.

    `INVALID_CODE` stands for the longest run of bytes that begins a character but does not end it, or for one
    byte that cannot begin one; Python's ``errors="replace"`` replaces them by one U+FFFD. After the end of
    the text comes a space if the text is `final`, else `INCOMPLETE_CODE`.
    """
    end = len(text)
    if place >= end:
        return (np.int64(0x20), 0) if final else (np.int64(INCOMPLETE_CODE), 0)
    lead = np.int64(text[place])
    if lead < 0x80:
        return lead, 1
    # The bounds of the second byte exclude overlong forms, surrogates and code points above U+10FFFF
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
        if place + i >= end:
            return np.int64(INVALID_CODE if final else INCOMPLETE_CODE), i
        byte = np.int64(text[place + i])
        if byte < low or byte > high:
            return np.int64(INVALID_CODE), i
        low, high = 0x80, 0xBF
        code = code << 6 | byte & 0x3F
    return code, length


@kernel()
def _decode_visible(text, place, final, classes):
    """Return the first code point from `place` on that is not invisible, and the bytes up to its end."""
    code, length = _decode(text, place, final)
    while classes[code] == INVISIBLE:
        code, more = _decode(text, place + length, final)
        length += more
    return code, length


@kernel()
def _encode(code, pool, end):
    """Write a code point in UTF-8 to ``pool[end:]``; return the new end."""
    if code < 0x80:
        pool[end] = code
        return end + 1
    if code < 0x800:
        pool[end] = 0xC0 | code >> 6
        pool[end + 1] = 0x80 | code & 0x3F
        return end + 2
    if code < 0x10000:
        pool[end] = 0xE0 | code >> 12
        pool[end + 1] = 0x80 | code >> 6 & 0x3F
        pool[end + 2] = 0x80 | code & 0x3F
        return end + 3
    pool[end] = 0xF0 | code >> 18
    pool[end + 1] = 0x80 | code >> 12 & 0x3F
    pool[end + 2] = 0x80 | code >> 6 & 0x3F
    pool[end + 3] = 0x80 | code & 0x3F
    return end + 4


@kernel()
def _copy_rest(text, place, final, classes, lower, pool, end, last_kind):
    """Copy the rest of a word of letters and numbers to the pool, lowercased.

    Parameters
    ----------
    place : where it begins in the text
    end : where to write it
    last_kind : the class of the letter or number before it; SEPARATOR if there is none

    Returns
    -------
    place : where the text goes on
    end : where the word ends in the pool
    kind : the class of the character that ended it
    replaced : the number of U+FFFD in it that stand for invalid bytes
    """
    replaced = 0
    while True:
        code, length = _decode(text, place, final)
        kind = classes[code]
        if kind <= NUMBER:
            last_kind = kind
        elif ZERO_WIDTH <= kind <= UNDERSCORE:
            following = classes[_decode_visible(text, place + length, final, classes)[0]]
            if following == INCOMPLETE:
                return place, end, following, replaced
            joins = (
                (kind == APOSTROPHE and last_kind == LETTER and following == LETTER)
                or (kind == POINT and last_kind == NUMBER and following == NUMBER)
                or (kind == UNDERSCORE and following <= NUMBER)
                or (kind == ZERO_WIDTH and following <= MARK)
            )
            if not joins:
                return place, end, kind, replaced
            if kind == APOSTROPHE:
                code = np.int64(0x27)
        elif kind == INVISIBLE:
            place += length
            continue
        elif kind != MARK:
            return place, end, kind, replaced
        if code == INVALID_CODE:
            code = np.int64(REPLACEMENT)
            replaced += 1
        elif code < LOWERCASE_END:
            code = np.int64(lower[code])
        end = _encode(code, pool, end)
        place += length


@kernel()
def _copy_symbol(text, place, final, classes, lower, pool, end):
    """Copy the ideograph or emoji at `place`, and the characters that belong to it, to the pool.

    Returns
    -------
    place : where the text goes on
    end : where the word ends in the pool; where it began, if the symbol at `place` is no emoji
    kind : the class of the character that ended it
    """
    code, length = _decode(text, place, final)
    last_kind = classes[code]
    is_emoji = last_kind != IDEOGRAPH
    if last_kind == SYMBOL:
        following, _ = _decode_visible(text, place + length, final, classes)
        if following != EMOJI_SELECTOR:
            return place, end, INCOMPLETE if following == INCOMPLETE_CODE else SEPARATOR
    while True:
        if code < LOWERCASE_END:  # Ⓜ️ has a lowercase
            code = np.int64(lower[code])
        end = _encode(code, pool, end)
        place += length
        code, length = _decode(text, place, final)
        kind = classes[code]
        while kind == INVISIBLE:
            place += length
            code, length = _decode(text, place, final)
            kind = classes[code]
        if kind == ZERO_WIDTH and is_emoji:
            following, more = _decode_visible(text, place + length, final, classes)
            following_kind = classes[following]
            if PICTOGRAPH <= following_kind <= SYMBOL and following >= 0x80:
                end = _encode(code, pool, end)
                place += length
                code, length, last_kind = following, more, following_kind
                continue
            if following_kind == INCOMPLETE:
                return place, end, following_kind
        is_pair = kind == REGIONAL_INDICATOR and last_kind == REGIONAL_INDICATOR
        if not (is_pair or kind == MARK or (kind == EMOJI_MODIFIER and is_emoji)):
            return place, end, kind
        last_kind = MARK


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
    slot = first_slot(hashed, last)
    while slots[slot] != 0:
        if slots[slot] >> 32 == hashed:
            number = (slots[slot] & 0xFFFFFFFF) - 1
            shift = offsets[number] - start
            if offsets[number + 1] - offsets[number] == stop - start:
                i = start
                while i < stop and pool[i] == pool[i + shift]:
                    i += 1
                if i == stop:
                    return number
        slot = slot + 1 & last
    slots[slot] = hashed << 32 | n_types + 1
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
        The text ends with this block. Otherwise a word at its very end, which may go on, is left.
    classes, lower
        The rule: `firth.text.splitting.class_table` and `lowercase_table`.
    slots, pool, offsets, counts
        The table of words. There must be room for all that the block may hold: 3 len(text) bytes in the pool,
        len(text) / 2 + 1 new words, and more slots than words.
    ids : int32
        The result; has room for len(text) + 1 numbers.
    state : int64, shape (STATE_SIZE,)
        Kept between calls.

    Returns
    -------
    n_read : int
        The text was read up to here.
    n_ids : int
        How many numbers were written.
    forbidden : bool
        Whether the character at `n_read` is not allowed in a text: NUL, or bytes that are not UTF-8.
    """
    n_types, n_words, line = state[N_TYPES], state[N_WORDS], state[LINE]
    in_sentence = state[IN_SENTENCE] != 0
    n_replaced = state[N_REPLACED]
    place = n_ids = 0
    kind = SEPARATOR
    while place < len(text):
        code, length = _decode(text, place, final)
        kind = classes[code]
        first = offsets[n_types]
        replaced = 0
        if kind <= NUMBER:
            next_place, end, last_kind, hashed = place, first, SEPARATOR, HASH_OF_NOTHING
            # Most texts are ASCII letters and digits, nearly all of them. Calling a function for each word
            # would take longer than reading the word.
            while next_place < len(text):
                byte = np.int64(text[next_place])
                kind = classes[byte] if byte < 0x80 else INCOMPLETE
                if kind > NUMBER:
                    break
                last_kind = kind
                byte = np.int64(lower[byte])
                hashed = extended(hashed, byte)
                pool[end] = byte
                end += 1
                next_place += 1
            if kind != SEPARATOR and kind != NEWLINE:
                next_place, end, kind, replaced = _copy_rest(
                    text, next_place, final, classes, lower, pool, end, last_kind
                )
                hashed = hash_word(pool, first, end)
        elif IDEOGRAPH <= kind <= SYMBOL:
            next_place, end, kind = _copy_symbol(text, place, final, classes, lower, pool, first)
            if end == first and kind != INCOMPLETE:
                place += length
                continue
            hashed = hash_word(pool, first, end)
        elif kind >= FORBIDDEN:
            break
        else:
            if kind == NEWLINE:
                line += 1
                if in_sentence:
                    ids[n_ids] = -1
                    n_ids += 1
                    in_sentence = False
            if code == INVALID_CODE:
                n_replaced += 1
            place += length
            continue
        if kind == INCOMPLETE:
            break
        place = next_place
        n_replaced += replaced
        number = find_or_add(hashed, first, end, n_types, slots, pool, offsets)
        if number == n_types:
            n_types += 1
        counts[number] += 1
        n_words += 1
        ids[n_ids] = number
        n_ids += 1
        in_sentence = True
    if final and in_sentence and place == len(text):
        ids[n_ids] = -1
        n_ids += 1
        in_sentence = False
    state[N_TYPES], state[N_WORDS], state[LINE] = n_types, n_words, line
    state[IN_SENTENCE] = in_sentence
    state[N_REPLACED] = n_replaced
    return place, n_ids, place < len(text) and kind == FORBIDDEN


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
