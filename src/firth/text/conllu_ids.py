"""The rows of a sentence in CoNLL-U: their columns, and the order of their identifiers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeAlias

COLUMNS = ("ID", "FORM", "LEMMA", "UPOS", "XPOS", "FEATS", "HEAD", "DEPREL", "DEPS", "MISC")

_INTEGER = re.compile("0|[1-9][0-9]{0,8}")
_RANGE = re.compile("([1-9][0-9]{0,8})-([1-9][0-9]{0,8})")
_EMPTY_NODE = re.compile(r"(0|[1-9][0-9]{0,8})\.([1-9][0-9]{0,8})")

_Numbered: TypeAlias = tuple[int, int, int]
"""A row, and the two numbers of its identifier."""


class RowError(Exception):
    """A row of a sentence in CoNLL-U is wrong.

    Attributes
    ----------
    row
        Number of the row; 0 is the first line that is not a comment.
    message
        What is wrong, and how to mend it.
    """

    def __init__(self, row: int, message: str) -> None:
        self.row, self.message = row, message


def classify_ids(ids: Sequence[str]) -> tuple[list[int], list[_Numbered], list[_Numbered]]:
    """Sort rows into words, multiword tokens and empty nodes by their identifiers, and check their order.

    The order is: the empty nodes after a word, then the multiword token that begins with the next word, then
    the next word.

    Returns
    -------
    words
        The rows of words.
    ranges
        The row, the first word and the last word of each multiword token.
    empty_nodes
        The row, the word before and the index of each empty node.
    """
    words: list[int] = []
    ranges: list[_Numbered] = []
    empty_nodes: list[_Numbered] = []
    for row, id_ in enumerate(ids):
        next_word = len(words) + 1
        _, start, end = ranges[-1] if ranges else (0, 0, 0)
        if id_ == str(next_word):
            words.append(row)
        elif match := _RANGE.fullmatch(id_):
            first, last = map(int, match.groups())
            if first != next_word:
                raise RowError(row, f"{id_} before word {next_word}; it belongs before its first, {first}")
            if first <= end:
                raise RowError(row, f"{id_} overlaps {start}-{end}; a word is part of one multiword token")
            if last <= first:
                raise RowError(row, f"{id_} is not a range of two or more words; take the line out")
            ranges.append((row, first, last))
        elif match := _EMPTY_NODE.fullmatch(id_):
            after, index = map(int, match.groups())
            _, last_after, last_index = empty_nodes[-1] if empty_nodes else (0, 0, 0)
            expected = last_index + 1 if last_after == len(words) else 1
            if (after, index) != (len(words), expected):
                raise RowError(row, f"empty node {id_} where {len(words)}.{expected} should be; number anew")
            if start == next_word:
                raise RowError(row, f"empty node {id_} after {start}-{end}; put it before that line")
            empty_nodes.append((row, after, index))
        else:
            raise RowError(row, _wrong_id(id_, next_word))
    if not words:
        raise RowError(0, "a sentence without words; take it out")
    if ranges and ranges[-1][2] > len(words):
        row, start, end = ranges[-1]
        raise RowError(row, f"{start}-{end} ends after the last word, {len(words)}; shorten it")
    return words, ranges, empty_nodes


def _wrong_id(id_: str, expected: int) -> str:
    if id_ == "1":
        return f"ID is 1 where {expected} should be; separate sentences with an empty line"
    if _INTEGER.fullmatch(id_):
        return f"ID is {id_} where {expected} should be; number the words of a sentence 1, 2, 3, …"
    return f"ID is {id_!r}, not an integer, a range (3-4) or an empty node (8.1); {expected} should be here"
