"""Files that are written whole or not at all, and packed or unpacked on the way."""

from __future__ import annotations

import bz2
import errno
import gzip
import io
import lzma
import os
import secrets
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, BinaryIO, cast

from firth.arrays import PathLike
from firth.errors import InputError
from firth.files.packed import ARCHIVE, PACKINGS, Unpacked, only_member

_DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}


@contextmanager
def atomic_path(path: PathLike) -> Iterator[Path]:
    """Give a temporary path beside `path` to write to; it becomes `path` only when the block succeeds.

    Links are followed. An existing file keeps its permissions; a new file gets those of the umask. If `path`
    is not a regular file (``/dev/null``, a pipe), it cannot be replaced, and is given as it is.

    Parameters
    ----------
    path
        The file to write.

    Yields
    ------
    Path
        An empty file in the same folder, with the same suffix.

    Raises
    ------
    InputError
        The folder does not exist or cannot be written to, `path` is a folder, or the disk is full.
    """
    target = Path(path)
    if target.is_dir():
        raise InputError(f"{target}: is a folder; name a file to write to")
    if target.exists() and not target.is_file():
        with _write_errors(target, target):
            yield target
        return
    real = Path(os.path.realpath(target))
    if not real.parent.is_dir():
        raise InputError(f"{target}: cannot be written: there is no folder {real.parent}; make it first")
    temporary = real.with_name(f".firth-{secrets.token_hex(6)}{real.suffix}")
    with _write_errors(target, temporary):
        permissions = stat.S_IMODE(real.stat().st_mode) if real.exists() else None
        # O_EXCL never opens a file that exists. The system subtracts the umask from 0o666.
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
        try:
            yield temporary
            if permissions is not None:
                temporary.chmod(permissions)
            with temporary.open("rb+") as written:
                os.fsync(written.fileno())
            temporary.replace(real)
        except BaseException:  # Ctrl-C too must leave nothing behind
            temporary.unlink(missing_ok=True)
            raise


@contextmanager
def _write_errors(target: Path, written: Path) -> Iterator[None]:
    """Report the system's errors about `written`, or about the disk, as errors about `target`."""
    try:
        yield
    except OSError as error:
        about_written = error.filename in (written, str(written))
        if not about_written and (error.filename is not None or error.errno not in _DISK_ERRORS):
            raise
        raise InputError(f"{target}: cannot be written: {error.strerror}") from error


@contextmanager
def open_output(path: PathLike) -> Iterator[BinaryIO]:
    """Open a file to be written whole or not at all (see `atomic_path`).

    It is packed if its name ends in .gz, .bz2, .xz or .zst. The same contents give the same bytes.

    Raises
    ------
    InputError
        As for `atomic_path`, or the name ends in .zip.
    """
    suffix = Path(path).suffix.lower()
    if suffix == ARCHIVE:
        raise InputError(f"{path}: .zip files are read, not written: name it {', '.join(PACKINGS)} instead")
    with atomic_path(path) as temporary, temporary.open("wb") as raw, _packing(raw, suffix) as file:
        yield file


def _packing(raw: BinaryIO, suffix: str) -> AbstractContextManager[BinaryIO]:
    """Return what packs what is written, and writes it to an open file."""
    if suffix == ".gz":
        # Neither a name nor a time stands in the header: the same contents give the same bytes.
        packed: Any = gzip.GzipFile("", "wb", compresslevel=6, fileobj=raw, mtime=0)
    elif suffix == ".bz2":
        packed = bz2.BZ2File(raw, "wb")
    elif suffix == ".xz":
        packed = lzma.LZMAFile(raw, "wb")  # noqa: SIM115 (the caller closes it)
    elif suffix == ".zst":
        import zstandard

        # Without a checksum, a reader would not notice a changed byte.
        compressor = zstandard.ZstdCompressor(write_checksum=True)
        packed = io.BufferedWriter(cast(Any, compressor.stream_writer(raw, closefd=False)))
    else:
        packed = nullcontext(raw)
    return cast("AbstractContextManager[BinaryIO]", packed)


@contextmanager
def open_input(path: PathLike) -> Iterator[BinaryIO]:
    """Open a file for reading. It is unpacked on the way if its name ends in .gz, .bz2, .xz, .zst or .zip.

    Raises
    ------
    InputError
        The file does not exist, cannot be read, or is broken where it is packed; also later, while the block
        reads it. Or a .zip archive does not hold one file.
    """
    suffix = Path(path).suffix.lower()
    try:
        with Path(path).open("rb") as raw:
            if suffix in PACKINGS:
                yield io.BufferedReader(Unpacked(raw, suffix))
            elif suffix == ARCHIVE:
                with only_member(raw, path) as member:
                    yield member
            else:
                yield raw
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"{path}: truncated or broken {suffix} data: {error}") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
