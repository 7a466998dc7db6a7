"""The text formats of word2vec, gensim and fastText (with a header), and of GloVe (without)."""

from __future__ import annotations

import io
import math
import struct
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import numpy as np

from firth.errors import InputError
from firth.vectors.formats.header import (
    BYTE_ORDER_MARK,
    DECODING_OPTION,
    HEADER,
    USE_HEADER_OPTION,
    announced_shape,
    encoded_words,
    header_repairs,
    truncated,
)
from firth.vectors.formats.table import ReadOptions, Table, WordDecoder

LONGEST_LINE_BYTES = 1 << 24
"""A first line of 16 MiB or more means that the file does not hold vectors."""

# Rows are turned into Python numbers in blocks: there is never a second copy of the matrix.
_ROWS_AT_A_TIME = 1024


def read_text(head: bytes, file: BinaryIO, path: Path, options: ReadOptions) -> Table:
    """Read a word and its numbers from each line. The header is checked against the lines.

    Fields stand between white space. The last d fields are the numbers; what stands before them is the word,
    which may hold spaces.

    Parameters
    ----------
    head
        The beginning of the file, in whole lines.
    file
        The rest.
    path
        Its name.
    options
        How to read it.
    """
    start = io.BytesIO(head)
    first = start.readline()
    if not first:
        raise InputError(f"{path}: is empty")
    lines: Iterable[tuple[int, bytes]] = enumerate(chain(start, file), start=2)
    header = HEADER.fullmatch(first)
    promised: int | None = None
    if header:
        promised, dim = announced_shape(header, path)
    else:
        lines = chain([(1, first)], lines)
        dim = usual_dimensions(head)
        if len(first) >= LONGEST_LINE_BYTES or dim == 0:
            raise InputError(f"{path}:1: neither a header ('count dimensions') nor a word and its numbers")
    return _read_lines(lines, dim, promised, path, options)


def _read_lines(
    lines: Iterable[tuple[int, bytes]], dim: int, promised: int | None, path: Path, options: ReadOptions
) -> Table:
    # Numbers go one by one through Python's float: strict and correctly rounded. NumPy's fastest parser would
    # win a fifth, and takes "1-2" for two numbers.
    pack = struct.Struct(f"={dim}f").pack
    decoder = WordDecoder(options.errors)
    decode = decoder.decode
    last = options.limit
    if promised is not None and options.header_counts:
        last = promised if last is None else min(last, promised)
    words: list[str] = []
    # It grows with the lines read: the header may announce any size, so nothing is allocated by it.
    buffer = bytearray()
    is_cut = False
    for number, line in lines:
        if len(words) == last:
            if last == options.limit:
                break
            if line.isspace():
                continue
            raise InputError(
                f"{path}:{number}: more vectors than the {promised} that the header promises; "
                f"{USE_HEADER_OPTION}"
            )
        try:
            word, *fields = line.rsplit(None, dim)
            # 1_000 is a number to Python only.
            if (len(word.split()) > 1 and _ends_in_number(word)) or line.rfind(b"_") >= len(word):
                raise ValueError
            values = tuple(map(float, fields))
            if not math.isfinite(sum(values)):
                raise OverflowError
            buffer += pack(*values)
        except (ValueError, OverflowError, struct.error):
            if line.isspace():
                continue
            if promised is not None and not options.header_counts and not line.endswith(b"\n"):
                is_cut = True
                break
            raise InputError(f"{path}:{number}: {_complaint(line, dim)}") from None
        try:
            words.append(decode(word.lstrip()))
        except UnicodeDecodeError:
            raise InputError(f"{path}:{number}: the word is not UTF-8; {DECODING_OPTION}") from None
    repairs = decoder.repairs()
    if promised is not None and (options.limit is None or len(words) < options.limit):
        if options.header_counts and len(words) < promised:
            raise truncated(path, promised, len(words))
        repairs += header_repairs(promised, len(words), is_cut)
    if not words:
        raise InputError(f"{path}: holds no vectors")
    return Table(words, np.frombuffer(buffer, dtype=np.float32).reshape(len(words), dim), repairs=repairs)


def usual_dimensions(head: bytes) -> int:
    """Return the d of most lines that are a word without spaces and d numbers; 0 if there is no such line.

    Of several d that are equally frequent, the one of the earliest line is taken.
    """
    counts: Counter[int] = Counter()
    for line in head.split(b"\n"):
        numbers = line.split()[1:]
        if numbers and all(map(is_number, numbers)):
            counts[len(numbers)] += 1
    return counts.most_common(1)[0][0] if counts else 0


def _ends_in_number(word: bytes) -> bool:
    """Tell whether what stands before the d numbers is a word and a number: that may be one number too many.

    Other words with spaces are words: GloVe's file 840B has some.
    """
    parts = word.split()
    return len(parts) > 1 and is_number(parts[-1]) and math.isfinite(float(parts[-1]))


def _complaint(line: bytes, dim: int) -> str:
    """Return the reason why a line could not be read."""
    word, *fields = line.rsplit(None, dim)
    if len(fields) < dim:
        return f"expected a word and {dim} numbers, found {len(fields) + 1} fields"
    wrong = next((field for field in fields if not is_number(field)), None)
    if wrong is not None:
        return f"{wrong[:40].decode(errors='replace')!r} is not a number"
    if _ends_in_number(word):
        shown = word.strip()[:40].decode(errors="replace")
        return f"expected a word and {dim} numbers: {shown!r} is a word, or a word and one number too many"
    return "a number is not finite, or too large for float32"


def is_number(text: bytes) -> bool:
    """Tell whether a field is a number."""
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
    elif words[0].startswith(BYTE_ORDER_MARK):
        # Readers leave out the first one.
        file.write(BYTE_ORDER_MARK)
    file.writelines(_lines(table, words))


def _lines(table: Table, words: list[bytes]) -> Iterator[bytes]:
    # Nine significant digits name every float32, subnormal ones too; one call of % formats a whole line.
    line = b"%s " + b" ".join([b"%.9g"] * table.matrix.shape[1]) + b"\n"
    for start in range(0, len(words), _ROWS_AT_A_TIME):
        rows = table.matrix[start : start + _ROWS_AT_A_TIME].tolist()
        for word, row in zip(words[start : start + _ROWS_AT_A_TIME], rows, strict=True):
            yield line % (word, *row)
