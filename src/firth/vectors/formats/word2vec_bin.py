"""The binary format of word2vec and gensim: the line ``n d``, then words with d float32 numbers each."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

import numpy as np

from firth.errors import InputError
from firth.vectors.formats.header import HEADER, announced_shape, encoded_words
from firth.vectors.formats.table import Table

_FASTTEXT_MAGIC = struct.pack("<i", 793712314)
_LONGEST_WORD_BYTES = 1 << 16


def read_word2vec_bin(file: BinaryIO, path: Path) -> Table:
    """Read words, each followed by a space, d float32 numbers and (from word2vec, not gensim) a line end."""
    first = file.readline(64)
    if first.startswith(_FASTTEXT_MAGIC):
        raise InputError(
            f"{path}: a fastText model, not word2vec's binary format; use the .vec file beside it"
        )
    header = HEADER.fullmatch(first)
    if not header:
        raise InputError(f"{path}: not word2vec's binary format: it does not start with 'count dimensions'")
    n, dim = announced_shape(header, path)
    size = 4 * dim
    words: list[str] = []
    # It grows with the vectors read: the header may announce any size, so nothing is allocated by it.
    matrix = bytearray()
    block, position = b"", 0
    while len(words) < n:
        end = block.find(b" ", position, position + _LONGEST_WORD_BYTES)
        if end < 0 and len(block) - position >= _LONGEST_WORD_BYTES:
            raise InputError(f"{path}: broken: vector {len(words) + 1} has no word before it")
        if end < 0 or len(block) - (end + 1) < size:
            more = file.read(max(1 << 20, size))
            if not more:
                raise InputError(f"{path}: truncated: its header promises {n} vectors, it holds {len(words)}")
            block, position = block[position:] + more, 0
            continue
        word = block[position:end].removeprefix(b"\n")
        try:
            words.append(word.decode())
        except UnicodeDecodeError:
            raise InputError(f"{path}: the word of vector {len(words) + 1} is not UTF-8") from None
        if not word:
            raise InputError(f"{path}: broken: vector {len(words)} has no word before it")
        position = end + 1 + size
        matrix += block[end + 1 : position]
    if (block[position:] + file.read(2)) not in (b"", b"\n"):
        raise InputError(f"{path}: more vectors than the {n} that the header promises, or of more dimensions")
    return Table(words, np.frombuffer(matrix, dtype="<f4").reshape(n, dim))


def write_word2vec_bin(file: BinaryIO, table: Table, path: Path) -> None:
    """Write the header, then each word with its numbers and a line end.

    Raises
    ------
    InputError
        The format cannot hold a word.
    """
    words = encoded_words(table.words, path)
    file.write(b"%d %d\n" % table.matrix.shape)
    file.writelines(
        word + b" " + row.tobytes() + b"\n"
        for word, row in zip(words, table.matrix.astype("<f4", copy=False), strict=True)
    )
