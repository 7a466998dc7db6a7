"""The files that a corpus is named by: files, folders and patterns."""

from __future__ import annotations

import glob
import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path

from firth.arrays import PathLike
from firth.errors import InputError

STANDARD_INPUT = "-"

_HOW_TO_GIVE_TEXT = (
    " (strings in a list name files; to give text itself in Python, pass an iterator of strings, such as "
    "iter(texts), or lists of words)"
)
# A name with spaces that ends like this is a file's name rather than a sentence.
_SUFFIX = re.compile(r"\w\.[a-z0-9]{1,6}$", re.IGNORECASE)


def find_files(sources: Iterable[PathLike]) -> list[str]:
    """Return the files that a corpus is read from.

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
    names = [os.fspath(given) for given in sources]
    hint = _HOW_TO_GIVE_TEXT if _look_like_text(names) else ""
    for source in names:
        if not source:
            raise InputError(f"an empty string names no file{_HOW_TO_GIVE_TEXT}")
        if "\n" in source or len(source) > 4096:
            raise InputError(f"{source[:40]!r}…: no such file{_HOW_TO_GIVE_TEXT}")
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
                raise InputError(f"{source}: no file matches this pattern{hint}")
            files += matches
        else:
            raise InputError(f"{source}: no such file{hint}")
    return files


def _look_like_text(names: Sequence[str]) -> bool:
    """Return whether someone may have given text where the names of files are expected."""
    if any(" " in name.strip() and not _SUFFIX.search(name) for name in names):
        return True
    return len(names) > 1 and not any("." in name or "/" in name or os.sep in name for name in names)


def _files_below(folder: str) -> Iterator[str]:
    def unreadable(error: OSError) -> None:
        raise InputError(f"{error.filename}: cannot be read: {error.strerror}") from error

    seen = set()  # a link may lead to a folder above
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
    # Writing replaces the file that a link leads to, but reading finds the link itself.
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


def any_of(files: Sequence[str]) -> str:
    """Return the name of the first file and the number of the others, for a message."""
    first = file_name(files[0])
    return first if len(files) == 1 else f"{first} or the {len(files) - 1:,} other files"


def file_name(file: str) -> str:
    """Return the name of a file in messages."""
    return "standard input" if file == STANDARD_INPUT else file
