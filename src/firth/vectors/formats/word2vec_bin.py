"""The binary format of word2vec and gensim: the line ``n d``, then words with d float32 numbers each."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import numpy as np

from firth.errors import InputError
from firth.vectors.formats.header import (
    DECODING_OPTION,
    HEADER,
    LONGEST_WORD_BYTES,
    USE_HEADER_OPTION,
    announced_shape,
    encoded_words,
    header_repairs,
    truncated,
)
from firth.vectors.formats.table import ReadOptions, Table, WordDecoder

_BLOCK_BYTES = 1 << 20


def read_word2vec_bin(head: bytes, file: BinaryIO, path: Path, options: ReadOptions) -> Table:
    """Read words, each followed by a space, d float32 numbers and (from word2vec, not gensim) a line end.

    Parameters
    ----------
    head
        The beginning of the file, with its first line.
    file
        The rest.
    path
        Its name.
    options
        How to read it.
    """
    first, end_of_line, block = head.partition(b"\n")
    header = HEADER.fullmatch(first + end_of_line)
    if not header:
        raise InputError(f"{path}: not word2vec's binary format: it does not start with 'count dimensions'")
    promised, dim = announced_shape(header, path)
    size = 4 * dim
    decoder = WordDecoder(options.errors)
    last = options.limit
    if options.header_counts:
        last = promised if last is None else min(last, promised)
    words: list[str] = []
    # It grows with the vectors read: the header may announce any size, so nothing is allocated by it.
    matrix = bytearray()
    position = 0
    while len(words) != last:
        # A line end may stand before the word, and a space stands behind it.
        end = block.find(b" ", position, position + LONGEST_WORD_BYTES + 2)
        if end < 0 and len(block) - position >= LONGEST_WORD_BYTES + 2:
            raise InputError(f"{path}: broken: vector {len(words) + 1} has no word before it")
        if end < 0 or len(block) - (end + 1) < size:
            more = file.read(max(_BLOCK_BYTES, size))
            if not more:
                break
            block, position = block[position:] + more, 0
            continue
        word = block[position:end].removeprefix(b"\n")
        if not word or b"\n" in word or b"\r" in word:
            raise InputError(f"{path}: broken: {_complaint(word, len(words) + 1)}")
        try:
            words.append(word.decode())
        except UnicodeDecodeError:
            words.append(_decoded(word, len(words) + 1, decoder, path))
        position = end + 1 + size
        matrix += block[end + 1 : position]
    repairs = decoder.repairs()
    if options.limit is None or len(words) < options.limit:
        rest = block[position:] + file.read(2)
        if options.header_counts and len(words) < promised:
            raise truncated(path, promised, len(words))
        if options.header_counts and rest not in (b"", b"\n"):
            raise InputError(
                f"{path}: more vectors than the {promised} that the header promises, or of more dimensions; "
                f"{USE_HEADER_OPTION}"
            )
        repairs += header_repairs(promised, len(words), rest not in (b"", b"\n"))
    if not words:
        raise InputError(f"{path}: holds no vectors")
    return Table(words, np.frombuffer(matrix, dtype="<f4").reshape(len(words), dim), repairs=repairs)


def _complaint(word: bytes, number: int) -> str:
    """Return what is wrong with the word of a vector."""
    if not word:
        return f"vector {number} has no word before it"
    return f"the word of vector {number} has a line end in it: {word[:40]!r}"


def _decoded(word: bytes, number: int, decoder: WordDecoder, path: Path) -> str:
    """Return a word that is not UTF-8 as text."""
    try:
        return decoder.decode(word)
    except UnicodeDecodeError:
        raise InputError(f"{path}: the word of vector {number} is not UTF-8; {DECODING_OPTION}") from None


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
