"""What the text and the binary format of word2vec share: their first line, and words without white space."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from firth.errors import InputError

HEADER = re.compile(rb"\s*(\d{1,10})\s+(\d{1,7})\s*")
"""The first line: the number of words and the number of dimensions."""

BYTE_ORDER_MARK = "\ufeff".encode()
"""Some programs write it at the beginning of a file. It is left out."""

LONGEST_WORD_BYTES = 1 << 20
"""A word may have 1 MiB. Longer ones are not written, so that readers can tell broken files."""

USE_HEADER_OPTION = "header='ignore' (--header ignore) takes what is there"
"""How to go on where the header announces another number of vectors."""

DECODING_OPTION = "errors='replace' or 'ignore' (--errors) reads it"
"""How to go on where a word is not UTF-8."""

_ASCII_SPACE = re.compile(r"[ \t\n\r\v\f]")


def announced_shape(header: re.Match[bytes], path: Path) -> tuple[int, int]:
    """Return the numbers of vectors and dimensions that a header announces."""
    n, dim = int(header[1]), int(header[2])
    if n == 0 or dim == 0:
        raise InputError(f"{path}: holds no vectors: its header says {n} of {dim} dimensions")
    return n, dim


def truncated(path: Path, promised: int, held: int) -> InputError:
    """Return the error about a file with fewer vectors than its header announces."""
    return InputError(
        f"{path}: truncated: its header promises {promised} vectors, it holds {held}; copy it again, or "
        f"{USE_HEADER_OPTION}"
    )


def header_repairs(promised: int, held: int, is_cut: bool) -> list[str]:
    """Return what was done about a header that is wrong, with the counts."""
    if promised == held and not is_cut:
        return []
    part = ", and the beginning of another one, which was left out" if is_cut else ""
    return [f"its header promises {promised:,} vectors, and it holds {held:,}{part}"]


def encoded_words(words: Sequence[str], path: Path) -> list[bytes]:
    """Return the words in UTF-8.

    Raises
    ------
    InputError
        A word is empty, has white space in it or is too long, or cannot be written in UTF-8.
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
        if len(encoded[-1]) > LONGEST_WORD_BYTES:
            raise InputError(
                f"{path}: the format cannot hold the word {word[:20]!r}… of {len(encoded[-1]):,} bytes; the "
                f"most are {LONGEST_WORD_BYTES:,}; use .safetensors"
            )
    return encoded
