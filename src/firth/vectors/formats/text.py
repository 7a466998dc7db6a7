"""The text formats of word2vec, gensim and fastText (with a header), and of GloVe (without)."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import numpy as np

from firth.errors import InputError
from firth.vectors.formats.header import HEADER, announced_shape, encoded_words
from firth.vectors.formats.table import Table

# A first line of 16 MB or more means that the file does not hold vectors.
_LONGEST_LINE_BYTES = 1 << 24
# Rows are turned into Python numbers in blocks: there is never a second copy of the matrix.
_ROWS_AT_A_TIME = 1024


def read_text(file: BinaryIO, path: Path) -> Table:
    """Read a word and its numbers from each line. The header is checked against the lines."""
    first = file.readline(_LONGEST_LINE_BYTES)
    if not first:
        raise InputError(f"{path}: is empty")
    lines: Iterable[tuple[int, bytes]] = enumerate(file, start=2)
    header = HEADER.fullmatch(first)
    promised: int | None = None
    if header:
        promised, dim = announced_shape(header, path)
    else:
        lines = chain([(1, first)], lines)
        numbers = first.rstrip(b" \r\n").split(b" ")[1:]
        dim = len(numbers)
        if len(first) == _LONGEST_LINE_BYTES or dim == 0 or not all(map(_is_number, numbers)):
            raise InputError(f"{path}:1: neither a header ('count dimensions') nor a word and its numbers")
    # Numbers go one by one through Python's float: strict and correctly rounded. NumPy's fastest parser would
    # win a fifth, and takes "1-2" for two numbers.
    pack = struct.Struct(f"={dim}f").pack
    words: list[str] = []
    # It grows with the lines read: the header may announce any size, so nothing is allocated by it.
    buffer = bytearray()
    for number, line in lines:
        word, *fields = line.rstrip(b" \r\n").rsplit(b" ", dim)
        if not word and not fields:
            continue
        if len(words) == promised:
            raise InputError(f"{path}:{number}: more vectors than the {promised} that the header promises")
        try:
            if _has_stray_field(word) or b"_" in line[len(word) :]:
                raise ValueError
            values = tuple(map(float, fields))
            if not math.isfinite(sum(values)):
                raise OverflowError
            buffer += pack(*values)
            words.append(word.decode())
        except (ValueError, OverflowError, struct.error):
            raise InputError(f"{path}:{number}: {_complaint(word, fields, dim)}") from None
    if promised is not None and len(words) < promised:
        raise InputError(f"{path}: truncated: its header promises {promised} vectors, it holds {len(words)}")
    return Table(words, np.frombuffer(buffer, dtype=np.float32).reshape(len(words), dim))


def _has_stray_field(word: bytes) -> bool:
    """Tell whether the text before the d numbers is empty, or ends in one number too many.

    A word may hold spaces (GloVe's 840B file has such words), but not begin or end with one.
    """
    if not word:
        return True
    return b" " in word and (word != word.strip(b" ") or _is_number(word.rpartition(b" ")[2]))


def _complaint(word: bytes, fields: list[bytes], dim: int) -> str:
    """Return the reason why a line could not be read."""
    wrong = next((field for field in fields if not _is_number(field)), None)
    if len(fields) < dim or _has_stray_field(word):
        return f"expected a word and {dim} numbers"
    if wrong is not None:
        return f"{wrong[:40].decode(errors='replace')!r} is not a number"
    try:
        word.decode()
    except UnicodeDecodeError:
        return "the word is not UTF-8"
    return "a number is not finite, or too large for float32"


def _is_number(text: bytes) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return b"_" not in text  # 1_000 is a number to Python only


def write_text(file: BinaryIO, table: Table, path: Path, *, has_header: bool) -> None:
    """Write a line for each word: the word and its numbers.

    Raises
    ------
    InputError
        The format cannot hold a word, or vectors of one number without a header.
    """
    words = encoded_words(table.words, path)
    n, dim = table.matrix.shape
    if not has_header and dim == 1:
        raise InputError(
            f"{path}: one dimension cannot be told from a header in this format; write a .vec file"
        )
    if has_header:
        file.write(b"%d %d\n" % (n, dim))
    file.writelines(_lines(table, words))


def _lines(table: Table, words: list[bytes]) -> Iterator[bytes]:
    # Nine significant digits name every float32, subnormal ones too; one call of % formats a whole line.
    line = b"%s " + b" ".join([b"%.9g"] * table.matrix.shape[1]) + b"\n"
    for start in range(0, len(words), _ROWS_AT_A_TIME):
        rows = table.matrix[start : start + _ROWS_AT_A_TIME].tolist()
        for word, row in zip(words[start : start + _ROWS_AT_A_TIME], rows, strict=True):
            yield line % (word, *row)
