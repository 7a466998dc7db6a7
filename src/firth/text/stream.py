"""Text from files, pipes and Python objects, read in blocks or lines.

Files and pipes must be UTF-8 without NUL bytes. Errors name the place as ``file:line``.
"""

from __future__ import annotations

import codecs
import io
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, TextIO, TypeAlias, cast

from firth.arrays import PathLike
from firth.errors import InputError
from firth.files.atomic import open_input
from firth.files.packed import is_packed
from firth.files.standard_input import standard_input
from firth.text.splitting import nul_byte

Source: TypeAlias = PathLike | BinaryIO | TextIO | Iterable[str]
"""A file, ``"-"`` for standard input, an open file, binary or text, or blocks of text."""

STANDARD_INPUT = "-"

# Files are read in blocks of 1 Mi bytes or characters.
_BLOCK = 1 << 20

# Lines are read in blocks of at most 64 KiB, so that a pipe is answered soon.
_LINES_BLOCK = 1 << 16


def source_name(source: Source) -> str:
    """Return the name of a source in error messages."""
    if isinstance(source, str | os.PathLike):
        return "standard input" if source == STANDARD_INPUT else str(source)
    return str(getattr(source, "name", "text"))


def source_size(source: Source) -> int | None:
    """Return the number of bytes in a file; None where it is not known: packed files, pipes, open files."""
    if not isinstance(source, str | os.PathLike) or source == STANDARD_INPUT:
        return None
    path = Path(source)
    return path.stat().st_size if path.is_file() and not is_packed(path) else None


def text_blocks(source: Source) -> Iterator[str]:
    """Read a text in blocks of about 1 MB. A byte order mark at the beginning of bytes is left out.

    Parameters
    ----------
    source
        A file (it may end in .gz or .xz), ``"-"`` for standard input, an open file, or an iterable of blocks
        of text, which are given as they are. Bytes are UTF-8.

    Yields
    ------
    str
        A block, cut anywhere; none is empty.

    Raises
    ------
    InputError
        The file cannot be read, is not UTF-8, or holds a NUL byte.
    """
    name = source_name(source)
    if source == STANDARD_INPUT:
        yield from _without_nul(decoded(standard_input().read, name, "utf-8-sig"), name)
    elif isinstance(source, str | os.PathLike):
        with open_input(source) as file:
            yield from _without_nul(decoded(file.read, name, "utf-8-sig"), name)
    elif hasattr(source, "read"):
        # Reading nothing tells binary files from text files.
        opened: Any = source
        is_binary = isinstance(opened.read(0), bytes)
        blocks = decoded(opened.read, name, "utf-8-sig") if is_binary else read_text(opened, name)
        yield from _without_nul(blocks, name)
    else:
        yield from _checked_blocks(source)


def _checked_blocks(source: Any) -> Iterator[str]:
    """Yield the blocks of text that are not empty.

    Raises
    ------
    InputError
        The source is no iterable of texts.
    """
    if isinstance(source, bytes | bytearray) or not isinstance(source, Iterable):
        kind = type(source).__name__
        raise InputError(f"a text cannot be read from {kind}: give a path, an open file, or a list of texts")
    for block in source:
        if not isinstance(block, str):
            raise InputError(f"a block of text must be a str, not {type(block).__name__}: decode bytes first")
        if block:
            yield block


def read_text(file: TextIO, name: str) -> Iterator[str]:
    """Yield blocks of an open text file.

    Raises
    ------
    InputError
        Its bytes do not have the encoding that it was opened with.
    """
    try:
        while text := file.read(_BLOCK):
            yield text
    except UnicodeDecodeError as error:
        raise InputError(f"{name}: not {error.encoding} text; open it with encoding='utf-8'") from None


def decoded(read_bytes: Callable[[int], bytes], name: str, encoding: str = "utf-8") -> Iterator[str]:
    """Yield blocks of bytes as text; some may be empty.

    Raises
    ------
    InputError
        The bytes are not UTF-8; with the line.
    """
    decoder = codecs.getincrementaldecoder(encoding)()
    n_lines = 0
    more = True
    while more:
        data = read_bytes(_BLOCK)
        more = bool(data)
        try:
            text = decoder.decode(data, final=not more)
        except UnicodeDecodeError as error:
            line = n_lines + error.object[: error.start].count(b"\n") + 1
            raise InputError(f"{name}:{line}: not UTF-8; convert the file, with iconv for example") from None
        n_lines += text.count("\n")
        yield text


def _without_nul(blocks: Iterable[str], name: str) -> Iterator[str]:
    """Yield the blocks that are not empty; a NUL character in one is an error."""
    n_lines = 0
    for text in blocks:
        if "\0" in text:
            line = n_lines + text[: text.index("\0")].count("\n") + 1
            raise nul_byte(f"{name}:{line}")
        n_lines += text.count("\n")
        if text:
            yield text


def pieces_of(blocks: Iterable[str], size: int) -> Iterator[str]:
    """Cut the text that blocks make into pieces of `size` characters; the last one may be shorter."""
    waiting: list[str] = []
    n_waiting = 0
    for block in blocks:
        waiting.append(block)
        n_waiting += len(block)
        if n_waiting >= size:
            text = "".join(waiting)
            end = n_waiting - n_waiting % size
            yield from (text[start : start + size] for start in range(0, end, size))
            waiting, n_waiting = [text[end:]], n_waiting - end
    if n_waiting:
        yield "".join(waiting)


def n_utf8_bytes(text: str) -> int:
    """Return the number of bytes of a text in UTF-8."""
    return len(text) if text.isascii() else len(text.encode(errors="surrogatepass"))


def lines_as_they_come(source: PathLike) -> Iterator[list[str]]:
    r"""Yield the lines of a file or pipe, as many at a time as there are without waiting.

    Parameters
    ----------
    source
        A file (it may end in .gz or .xz), or ``"-"`` for standard input.

    Yields
    ------
    list of str
        One or more lines without their ends (``\n`` or ``\r\n``).

    Raises
    ------
    InputError
        The file cannot be read, is not UTF-8, or holds a NUL byte.
    """
    name = source_name(source)
    if source == STANDARD_INPUT:
        yield from _lines(standard_input(), name)
    else:
        with open_input(source) as file:
            yield from _lines(file, name)


def _lines(file: BinaryIO, name: str) -> Iterator[list[str]]:
    # read1 returns the bytes that are there, where read waits for as many as were asked for.
    read = cast(io.BufferedReader, file).read1 if hasattr(file, "read1") else file.read
    n_before, rest = 0, b""
    while block := read(_LINES_BLOCK):
        *lines, rest = (rest + block).split(b"\n")
        if lines:
            yield [_line(line, name, n_before + i) for i, line in enumerate(lines, start=1)]
            n_before += len(lines)
    if rest:
        yield [_line(rest, name, n_before + 1)]


def _line(line: bytes, name: str, number: int) -> str:
    try:
        text = line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r")
    except UnicodeDecodeError:
        raise InputError(f"{name}:{number}: not valid UTF-8; convert it to UTF-8") from None
    if "\0" in text:
        raise nul_byte(f"{name}:{number}")
    return text
