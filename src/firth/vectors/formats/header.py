"""What the text and the binary format of word2vec share: their first line, and words without white space."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from firth.errors import InputError

HEADER = re.compile(rb"(\d{1,10}) (\d{1,7})\s*")
"""The first line: the number of words and the number of dimensions."""

_ASCII_SPACE = re.compile(r"[ \t\n\r\v\f]")


def announced_shape(header: re.Match[bytes], path: Path) -> tuple[int, int]:
    """Return the numbers of vectors and dimensions that a header announces."""
    n, dim = int(header[1]), int(header[2])
    if n == 0 or dim == 0:
        raise InputError(f"{path}: holds no vectors: its header says {n} of {dim} dimensions")
    return n, dim


def encoded_words(words: Sequence[str], path: Path) -> list[bytes]:
    """Return the words in UTF-8.

    Raises
    ------
    InputError
        A word is empty or has white space in it, or cannot be written in UTF-8.
    """
    encoded = []
    for word in words:
        if not word or _ASCII_SPACE.search(word):
            raise InputError(
                f"{path}: the format cannot hold the word {word!r} (white space); use .safetensors"
            )
        try:
            encoded.append(word.encode())
        except UnicodeEncodeError:
            raise InputError(f"{path}: the word {word!r} cannot be written in UTF-8") from None
    return encoded
