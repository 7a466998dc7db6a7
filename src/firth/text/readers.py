"""Blocks of text from files and strings: opening, unpacking, JSON Lines and reading ahead."""

from __future__ import annotations

import io
import itertools
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeVar, cast

from firth.errors import InputError
from firth.files.packed import PACKINGS, Unpacked
from firth.files.standard_input import standard_input
from firth.text.sources import STANDARD_INPUT, any_of, file_name
from firth.text.splitting import not_utf8, nul_byte

# Bytes that are read at a time: a block and the numbers of its words stay in the second-level cache.
BLOCK = 1 << 20

TEXT_FIELD = "text"
"""The field of JSON Lines that holds the text, unless another one is named."""

_JSON_LINES = (".jsonl", ".ndjson", ".json")
_BYTE_ORDER_MARK = "\ufeff".encode()
_ONE_OBJECT_A_LINE = "JSON Lines have one object a line"
_SURROGATES = re.compile("[\ud800-\udfff]")

T = TypeVar("T")


@dataclass(frozen=True)
class Block:
    """A block of a text.

    Attributes
    ----------
    name
        The name of the text in error messages.
    data
        Bytes of UTF-8, not checked yet, cut anywhere.
    n_read
        Bytes read so far, of all files; of packed files, packed bytes.
    n_replaced
        Number of U+FFFD in `data` that replace invalid bytes.
    final
        Whether the text ends here.
    """

    name: str
    data: bytes
    n_read: int = 0
    n_replaced: int = 0
    final: bool = False


def read_files(files: Sequence[str], *, field: str, strict: bool) -> Iterator[Block]:
    """Read files block by block; a byte order mark at the beginning of a file is left out.

    Parameters
    ----------
    files
        Plain text, or JSON Lines: if the name ends in .jsonl, .ndjson or .json, or the first line that is not
        empty is a JSON object. Packed if the name ends in .gz, .bz2, .xz or .zst.
    field
        The field of a JSON object that holds text. Its line ends end sentences, as does its end.
    strict
        Invalid UTF-8 is an error in JSON Lines; otherwise U+FFFD stands for it. (Plain text is checked when
        it is split.)

    Raises
    ------
    InputError
        A file cannot be read, its packed data are broken, or its JSON is; or `field` was named, but no file
        has JSON Lines.
    """
    n_before = 0
    found_json = False
    for file in files:
        name = file_name(file)
        packing, is_json = _kind(file)
        with _read_errors(name), _opened(file) as raw:
            text = cast(BinaryIO, io.BufferedReader(Unpacked(raw, packing))) if packing else raw
            head = text.read(BLOCK).removeprefix(_BYTE_ORDER_MARK)
            if is_json or head.lstrip().startswith(b"{"):
                head += text.readline()  # completes the last line
                is_json = is_json or _is_object(head.lstrip().partition(b"\n")[0])
            found_json |= is_json
            lines = itertools.chain(io.BytesIO(head), text)
            pieces = _json_texts(lines, name, field, strict) if is_json else _plain_text(head, text)
            n_read = n_before
            for data, n_replaced in pieces:
                if raw.seekable():
                    n_read = n_before + raw.tell()
                yield Block(name, data, n_read, n_replaced)
            yield Block(name, b"", n_read, final=True)
            n_before = n_read
    if field != TEXT_FIELD and not found_json:
        raise InputError(f"no field {field!r}: there are no JSON Lines in {any_of(files)}; leave out --field")


def read_strings(strings: Iterable[str], *, strict: bool) -> Iterator[Block]:
    """Read strings as `read_files` reads the texts in JSON Lines.

    Raises
    ------
    InputError
        One of them is not a string, holds a NUL character, or (if `strict`) half a surrogate pair.
    """
    encoded = (_encoded(text, f"line {i} of the corpus", strict) for i, text in enumerate(strings, start=1))
    for data, n_replaced in _joined(encoded):
        yield Block("the corpus", data, n_replaced=n_replaced)
    yield Block("the corpus", b"", final=True)


def read_ahead(items: Iterator[T]) -> Iterator[T]:
    """Yield the same items, and fetch the next one in a thread while the caller works on one."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        ahead = thread.submit(next, items, None)
        while (item := ahead.result()) is not None:
            ahead = thread.submit(next, items, None)
            yield item


def _kind(file: str) -> tuple[str, bool]:
    """Return the packing suffix of a file name (or ""), and whether the name says that it is JSON Lines."""
    suffixes = [suffix.lower() for suffix in Path(file).suffixes]
    packing = suffixes.pop() if suffixes and suffixes[-1] in PACKINGS else ""
    return packing, bool(suffixes) and suffixes[-1] in _JSON_LINES


@contextmanager
def _opened(file: str) -> Iterator[BinaryIO]:
    if file == STANDARD_INPUT:
        yield standard_input()
    else:
        with Path(file).open("rb") as raw:
            yield raw


@contextmanager
def _read_errors(name: str) -> Iterator[None]:
    try:
        yield
    except EOFError as error:
        raise InputError(f"{name}: truncated or broken: {error}") from None
    except OSError as error:
        raise InputError(f"{name}: cannot be read: {error.strerror}") from None


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line.decode(errors="replace")), dict)
    except (ValueError, RecursionError):
        return False


def _plain_text(head: bytes, text: BinaryIO) -> Iterator[tuple[bytes, int]]:
    yield head, 0
    while data := text.read(BLOCK):
        yield data, 0


def _json_texts(lines: Iterable[bytes], name: str, field: str, strict: bool) -> Iterator[tuple[bytes, int]]:
    return _joined(
        _json_text(line, f"{name}:{number}", field, strict)
        for number, line in enumerate(lines, start=1)
        if not line.isspace()
    )


def _json_text(line: bytes, where: str, field: str, strict: bool) -> tuple[bytes, int]:
    """Return the text in one line of JSON Lines, in UTF-8, and how many U+FFFD replace invalid bytes."""
    try:
        decoded, n_replaced = line.decode().rstrip(), 0
    except UnicodeDecodeError as error:
        if strict:
            raise not_utf8(where, line[error.start]) from None
        decoded = line.decode(errors="replace")
        n_replaced = decoded.count("\ufffd") - line.count("\ufffd".encode())
    try:
        value = json.loads(decoded)
    except json.JSONDecodeError as error:
        raise InputError(
            f"{where}: not JSON: {error.msg} (column {error.colno}); {_ONE_OBJECT_A_LINE}"
        ) from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: not JSON that can be read: {error}") from None
    if not isinstance(value, dict):
        raise InputError(f"{where}: not a JSON object with a field {field!r}; {_ONE_OBJECT_A_LINE}")
    if field not in value:
        raise InputError(
            f"{where}: no field {field!r}, only {', '.join(map(repr, value))}; name one with --field"
        )
    if not isinstance(value[field], str):
        raise InputError(f"{where}: the field {field!r} is not a string")
    text, n_surrogates = _encoded(value[field], where, strict)
    return text, n_replaced + n_surrogates


def _encoded(text: str, where: str, strict: bool) -> tuple[bytes, int]:
    """Return a text in UTF-8, and how many U+FFFD replace surrogates, which UTF-8 cannot express."""
    if not isinstance(text, str):
        raise InputError(
            f"{where} is {text!r}, not a string; give all sentences as strings, or all as lists of words"
        )
    if "\0" in text:
        raise nul_byte(where)
    try:
        return text.encode(), 0
    except UnicodeEncodeError:
        if strict:
            raise InputError(f"{where}: holds half a surrogate pair; --errors replace goes on") from None
    replaced, n_replaced = _SURROGATES.subn("\ufffd", text)
    return replaced.encode(), n_replaced


def _joined(texts: Iterable[tuple[bytes, int]]) -> Iterator[tuple[bytes, int]]:
    """Join short texts to blocks, with a line end after each text."""
    lines: list[bytes] = []
    size = n_replaced = 0
    for text, n in texts:
        lines += (text, b"\n")
        size += len(text)
        n_replaced += n
        if size >= BLOCK:
            yield b"".join(lines), n_replaced
            lines.clear()
            size = n_replaced = 0
    yield b"".join(lines), n_replaced
