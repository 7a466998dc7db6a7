"""From the names of files to blocks of text: finding, opening, unpacking and reading ahead."""

from __future__ import annotations

import bz2
import glob
import io
import itertools
import json
import lzma
import os
import re
import stat
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast

from firth.arrays import PathLike
from firth.errors import InputError
from firth.text.splitting import not_utf8, nul_byte

BLOCK = 1 << 20  # bytes: a block and the numbers of its words stay in the second-level cache
STANDARD_INPUT = "-"
TEXT_FIELD = "text"  # of JSON Lines, unless another one is named

_JSON_LINES = (".jsonl", ".ndjson", ".json")
_PACKINGS = (".gz", ".bz2", ".xz", ".zst")
_BYTE_ORDER_MARK = "\ufeff".encode()
_ONE_OBJECT_A_LINE = "JSON Lines have one object a line"
_SURROGATES = re.compile("[\ud800-\udfff]")

T = TypeVar("T")


@dataclass(frozen=True)
class Block:
    """A piece of a text.

    Attributes
    ----------
    name
        The name of the text in error messages.
    data
        Bytes of UTF-8, not checked yet, cut anywhere.
    n_read
        Bytes read so far, of all files, as they lie on the disk.
    n_replaced
        U+FFFD that were put in the place of something invalid in `data`.
    final
        The text ends here.
    """

    name: str
    data: bytes
    n_read: int = 0
    n_replaced: int = 0
    final: bool = False


def find_files(sources: Iterable[PathLike]) -> list[str]:
    """Return the files that are meant.

    Parameters
    ----------
    sources
        Files; folders, which stand for all files below them in sorted order; patterns such as
        ``texts/**/*.txt``, which stand for the files that match, sorted; ``-`` for standard input. Files and
        folders below a folder are left out, as by patterns, if their names begin with a dot.

    Raises
    ------
    InputError
        There is no such file, no file in the folder, or none that matches the pattern.
    """
    files: list[str] = []
    for given in sources:
        source = os.fspath(given)
        if "\n" in source or len(source) > 4096:
            raise InputError(
                "a corpus is named by its files; to give text itself, pass an iterator of strings"
            )
        try:
            mode = Path(source).stat().st_mode
        except (OSError, ValueError):
            mode = 0
        if source == STANDARD_INPUT:
            files.append(source)
        elif stat.S_ISDIR(mode):
            below = sorted(_files_below(source))
            if not below:
                raise InputError(f"{source}: there is no file in this folder")
            files += below
        elif mode:
            files.append(source)
        elif glob.has_magic(source):
            found = glob.glob(source, recursive=True)  # noqa: PTH207  # Path.glob takes no absolute patterns
            matches = sorted(match for match in found if Path(match).is_file())
            if not matches:
                raise InputError(f"{source}: no file matches this pattern")
            files += matches
        else:
            raise InputError(f"{source}: no such file")
    return files


def _files_below(folder: str) -> Iterator[str]:
    def unreadable(error: OSError) -> None:
        raise InputError(f"{error.filename}: cannot be read: {error.strerror}") from error

    seen = set()  # a link may lead back up
    for here, folders, names in os.walk(folder, onerror=unreadable, followlinks=True):
        real = os.path.realpath(here)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = Path(here, name)
            if not name.startswith(".") and path.is_file():
                yield str(path)


def source_of(sources: Iterable[PathLike], path: PathLike) -> str | None:
    """Return the source that stands for a file or, if the file were there, would; None if there is none.

    Parameters
    ----------
    sources
        As for `find_files`.
    path
        The file. Links are followed.
    """
    file = Path(path)
    # A link is replaced in the folder that it leads to, but it is found where it is.
    places = {Path(os.path.realpath(file)), Path(os.path.realpath(file.parent), file.name)}
    for given in sources:
        source = os.fspath(given)
        if source != STANDARD_INPUT and any(_stands_for(source, place) for place in places):
            return source
    return None


def _stands_for(source: str, place: Path) -> bool:
    given = Path(os.path.realpath(source))
    if given.is_dir():
        return place.is_relative_to(given) and not any(
            part.startswith(".") for part in place.relative_to(given).parts
        )
    if given.exists() or not glob.has_magic(source):
        return place == given
    folder, name = os.path.split(source)
    if name == "**":
        folder, name = source, "*"
    is_hidden = place.name.startswith(".") and not name.startswith(".")
    if is_hidden or not fnmatch(place.name, name):
        return False
    folders = glob.glob(os.path.join(folder, ""), recursive=True) if folder else [""]  # noqa: PTH118, PTH207
    return any(Path(os.path.realpath(found)) == place.parent for found in folders)


def total_size(files: Iterable[str]) -> int | None:
    """Return the bytes of all files on the disk; None if one has no size (standard input, a pipe)."""
    paths = [Path(file) for file in files]
    return sum(path.stat().st_size for path in paths) if all(path.is_file() for path in paths) else None


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
        A file cannot be read, is packed and broken, or is not the JSON that it should be; or `field` is
        another one than usual, and there are no JSON Lines.
    """
    n_before = 0
    found_json = False
    for file in files:
        name = _name(file)
        packing, is_json = _kind(file)
        with _read_errors(name), _opened(file) as raw:
            text = cast(BinaryIO, io.BufferedReader(_Unpacked(raw, packing))) if packing else raw
            head = text.read(BLOCK).removeprefix(_BYTE_ORDER_MARK)
            if is_json or head.lstrip().startswith(b"{"):
                head += text.readline()  # whole lines
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


def any_of(files: Sequence[str]) -> str:
    """Name files in a message: the first, and how many others there are."""
    first = _name(files[0])
    return first if len(files) == 1 else f"{first} or the {len(files) - 1:,} other files"


def _name(file: str) -> str:
    return "standard input" if file == STANDARD_INPUT else file


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
    """Give the same items, and fetch the next one in a thread while one is being worked on."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        ahead = thread.submit(next, items, None)
        while (item := ahead.result()) is not None:
            ahead = thread.submit(next, items, None)
            yield item


def _kind(file: str) -> tuple[str, bool]:
    """Return the suffix of a packed file, else nothing, and whether it must be JSON Lines by its name."""
    suffixes = [suffix.lower() for suffix in Path(file).suffixes]
    packing = suffixes.pop() if suffixes and suffixes[-1] in _PACKINGS else ""
    return packing, bool(suffixes) and suffixes[-1] in _JSON_LINES


@contextmanager
def _opened(file: str) -> Iterator[BinaryIO]:
    if file == STANDARD_INPUT:
        yield sys.stdin.buffer
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
    """Return the text in one line of JSON Lines, in UTF-8, and the number of U+FFFD put in."""
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
    """Return a text in UTF-8 and the number of U+FFFD put in for surrogates, which UTF-8 has not."""
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
    """Make blocks of short texts, a line end after each."""
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


class _Unpacked(io.RawIOBase):
    """What is packed in a file, of one or more members.

    The readers in the bz2, lzma and zstandard modules take some truncated files, or files with something else
    behind the packed data, for whole ones: text would be lost without a word.
    """

    def __init__(self, packed: BinaryIO, packing: str) -> None:
        self._packed = packed
        self._new_member, self._error = _unpacker(packing)
        self._member = self._new_member()
        self._input = b""
        self._output = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._output:
            # So little at a time that it fits into memory however well it was packed.
            self._input = self._input or self._packed.read(1 << 14)
            if not self._input:
                if not self._member.eof:
                    raise EOFError("the file ends before the packed data do")
                return 0
            if self._member.eof:
                self._input = self._input.lstrip(b"\0")  # gzip and xz allow padding
                if not self._input:
                    continue
                self._member = self._new_member()
            try:
                self._output = memoryview(self._member.decompress(self._input))
            except self._error as error:
                raise EOFError(str(error)) from None
            self._input = self._member.unused_data
        n = min(len(buffer), len(self._output))
        buffer[:n] = self._output[:n]
        self._output = self._output[n:]
        return n


def _unpacker(packing: str) -> tuple[Callable[[], Any], type[Exception]]:
    """Return what makes an object that unpacks one member, and the error that such objects raise."""
    if packing == ".gz":
        return lambda: zlib.decompressobj(wbits=31), zlib.error
    if packing == ".bz2":
        return bz2.BZ2Decompressor, OSError
    if packing == ".xz":
        return lzma.LZMADecompressor, lzma.LZMAError
    import zstandard

    # Files made with ``zstd --long=31`` need a window of 2 GiB; others take no more than they need.
    return zstandard.ZstdDecompressor(max_window_size=1 << 31).decompressobj, zstandard.ZstdError
