"""Kernels: functions compiled by Numba, whose machine code is kept from one process to the next.

Numba's own ``cache=True`` has three faults. It reuses machine code as long as the file of the function is
unchanged, although the code also contains constants and functions of imported modules. It fails where no
folder can be written to. And a damaged file in its cache stops the program, or crashes Python.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import hashlib
import linecache
import pickle
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba import config, njit
from numba.core.caching import FunctionCache, IndexDataCacheFile

_CHECKSUM_BYTES = 16


def kernel(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Compile a function to machine code that runs without the interpreter's lock, and keep the code on disk.

    The function is compiled again when its module changes, or a module of the same package that it imports,
    directly or indirectly. Where the code cannot be kept, each process compiles the function.

    Parameters
    ----------
    **options
        Options of `numba.njit`, such as ``error_model="numpy"``.

    Returns
    -------
    callable
        A decorator. With ``NUMBA_DISABLE_JIT=1`` it leaves functions as they are.
    """

    def compiled(function: Callable[..., Any]) -> Any:
        dispatcher = njit(nogil=True, **options)(function)
        if not config.DISABLE_JIT:
            sources = _sources(function.__module__)
            with contextlib.suppress(RuntimeError):  # there is no folder that can be written to
                dispatcher._cache = _Cache(function, sources)
        return dispatcher

    return compiled


class _Cache(FunctionCache):  # type: ignore[misc]
    """Numba's cache of a function. The source of all modules behind the machine code is part of its key."""

    def __init__(self, function: Callable[..., Any], sources: str) -> None:
        super().__init__(function)
        self._sources = sources
        # Numba's own files have no checksum. The suffix keeps the two kinds apart.
        name, stamp = f"{self._impl.filename_base}.checked", self._impl.locator.get_source_stamp()
        self._cache_file = _CheckedFiles(self._cache_path, name, stamp)

    def _index_key(self, *arguments: Any) -> tuple[Any, ...]:
        return (*super()._index_key(*arguments), self._sources)

    def save_overload(self, *arguments: Any) -> None:
        with contextlib.suppress(OSError):  # the disk may be full by now; the code in memory is good
            super().save_overload(*arguments)


class _CheckedFiles(IndexDataCacheFile):  # type: ignore[misc]
    """Numba's files of a cache, each with a checksum before its content.

    Damaged machine code would crash Python when it runs, and a damaged pickle can raise anything. A file that
    is damaged, or cannot be read, counts as missing. So the function is compiled, and the file overwritten.
    """

    def _load_index(self) -> dict[Any, str]:
        version, stamp, names = self._load(self._index_path) or (None, None, b"")
        if (version, stamp) != (self._version, self._source_stamp):
            return {}
        index: dict[Any, str] = pickle.loads(names)
        return index

    def _save_index(self, names: dict[Any, str]) -> None:
        # The keys are objects of Numba, which another version might not be able to read.
        self._save(self._index_path, (self._version, self._source_stamp, self._dump(names)))

    def _load_data(self, name: str) -> Any:
        return self._load(self._data_path(name))

    def _save_data(self, name: str, data: Any) -> None:
        self._save(self._data_path(name), data)

    def _load(self, path: str) -> Any:
        """Return the content of a file, or None if there is none that can be used."""
        try:
            stored = Path(path).read_bytes()
        except FileNotFoundError:
            return None
        except OSError:
            stored = b""
        checksum, content = stored[:_CHECKSUM_BYTES], stored[_CHECKSUM_BYTES:]
        if _checksum(content) != checksum:
            _warn_of_damage(self._cache_path)
            return None
        return pickle.loads(content)

    def _save(self, path: str, value: Any) -> None:
        content = self._dump(value)
        with self._open_for_write(path) as file:
            file.write(_checksum(content) + content)


def _checksum(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=_CHECKSUM_BYTES).digest()


@functools.cache
def _warn_of_damage(folder: str) -> None:
    """Warn that machine code was damaged: once for a folder, however many files there are."""
    warnings.warn(
        f"{folder}: kept machine code is damaged or cannot be read, and is compiled anew", stacklevel=2
    )


def _sources(module: str) -> str:
    """Return a hash of the source of a module and of all modules of its package that it imports."""
    package = module.partition(".")[0]
    sources: dict[str, str] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name not in sources and name in sys.modules and name.partition(".")[0] == package:
            loaded = sys.modules[name]
            file = loaded.__file__ or ""
            linecache.checkcache(file)
            sources[name] = "".join(linecache.getlines(file, vars(loaded)))
            waiting += _imported(sources[name])
    return hashlib.sha256(repr(sorted(sources.items())).encode()).hexdigest()


@functools.cache
def _imported(source: str) -> list[str]:
    """List the names in the import statements at the top level of a module; not all are modules."""
    names = []
    for node in ast.parse(source).body:
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return names
