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
import sys
from collections.abc import Callable
from typing import Any

from numba import config, njit
from numba.core.caching import FunctionCache


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

    def _index_key(self, *arguments: Any) -> tuple[Any, ...]:
        return (*super()._index_key(*arguments), self._sources)

    def save_overload(self, *arguments: Any) -> None:
        with contextlib.suppress(OSError):  # the disk may be full by now; the code in memory is good
            super().save_overload(*arguments)


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
