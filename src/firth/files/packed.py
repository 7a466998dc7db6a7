"""Packed files read as if they were not packed: .gz, .bz2, .xz, .zst, and .zip with one file in it."""

from __future__ import annotations

import bz2
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from firth.arrays import PathLike
from firth.errors import InputError

PACKINGS = (".gz", ".bz2", ".xz", ".zst")
"""Suffixes of packed files that can be read and written."""

ARCHIVE = ".zip"
"""The suffix of archives: one with a single file can be read; none is written."""

# Packed files are read so many bytes at a time: unpacked, they fit into memory however well they were packed.
_PACKED_BLOCK = 1 << 14
_ENCRYPTED = 0x1


def is_packed(path: PathLike) -> bool:
    """Tell from its name whether a file is packed, so that its size says nothing about its contents."""
    return Path(path).suffix.lower() in (*PACKINGS, ARCHIVE)


def name_unpacked(path: PathLike) -> str:
    """Return the name of a file in lower case, without the suffix of its packing: it says what is inside."""
    path = Path(path)
    return (path.stem if is_packed(path) else path.name).lower()


class Unpacked(io.RawIOBase):
    """The unpacked bytes of a packed file with one or more members.

    The readers in the bz2, lzma and zstandard modules do not notice that some files are truncated, or have
    other bytes after the packed data: text would be lost silently.

    Parameters
    ----------
    packed
        The open file.
    packing
        One of `PACKINGS`.

    Raises
    ------
    EOFError
        The data are truncated or broken; while reading.
    """

    def __init__(self, packed: BinaryIO, packing: str) -> None:
        self._packed = packed
        self._new_member, self._error = _unpacker(packing)
        self._member = self._new_member()
        self._input = b""
        self._output = memoryview(b"")

    def readable(self) -> bool:
        """Return True: the file can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer with unpacked bytes, and return how many; 0 at the end."""
        while not self._output:
            self._input = self._input or self._packed.read(_PACKED_BLOCK)
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
    """Return a function that makes an unpacker for one member, and the error that unpackers raise."""
    if packing == ".gz":
        return lambda: zlib.decompressobj(wbits=31), zlib.error
    if packing == ".bz2":
        return bz2.BZ2Decompressor, OSError
    if packing == ".xz":
        return lzma.LZMADecompressor, lzma.LZMAError
    import zstandard

    # Files made with ``zstd --long=31`` need a window of 2 GiB; others take no more than they need.
    return zstandard.ZstdDecompressor(max_window_size=1 << 31).decompressobj, zstandard.ZstdError


def only_member(archive: BinaryIO, path: PathLike) -> BinaryIO:
    """Open the only file in a .zip archive. Folders and the notes that macOS adds do not count.

    Raises
    ------
    InputError
        There is no file or more than one in it, or the file is encrypted or packed in a rare way.
    EOFError
        The archive is truncated or broken.
    """
    try:
        opened = zipfile.ZipFile(archive)
    except (zipfile.BadZipFile, io.UnsupportedOperation) as error:
        raise EOFError(str(error)) from None
    members = [
        member
        for member in opened.infolist()
        if not member.is_dir() and not member.filename.startswith("__MACOSX/")
    ]
    if len(members) != 1:
        names = ", ".join(member.filename for member in members[:4]) + (", …" if len(members) > 4 else "")
        raise InputError(
            f"{path}: holds {len(members)} files{f' ({names})' if names else ''}, not one: "
            "unpack it, and name the file that you want"
        )
    if members[0].flag_bits & _ENCRYPTED:
        raise InputError(f"{path}: is encrypted: unpack it first")
    try:
        member: Any = opened.open(members[0])
        return io.BufferedReader(member)
    except NotImplementedError as error:
        raise InputError(f"{path}: cannot be unpacked here ({error}): unpack it first") from None
    except zipfile.BadZipFile as error:
        raise EOFError(str(error)) from None
