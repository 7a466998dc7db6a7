"""Kernels: functions compiled by Numba, whose machine code is kept from one process to the next.

Numba's own ``cache=True`` falls short twice. It takes machine code for fresh as long as the file of the
function is unchanged, though the code also holds constants, functions and instructions from the modules that
the file imports. And where no folder can be written to, it is an error.
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
    """Compile a function to machine code that runs without the interpreter's lock, and keep that code.

    It is compiled again when its module changes, or one of the same package that its module imports, directly
    or not. Where the code cannot be kept, each process compiles it.

    Parameters
    ----------
    **options
        Those of `numba.njit`, such as ``error_model="numpy"``.

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
    """Numba's cache of a function, in which machine code is also found by what it was made of."""

    def __init__(self, function: Callable[..., Any], sources: str) -> None:
        super().__init__(function)
        self._sources = sources

    def _index_key(self, *arguments: Any) -> tuple[Any, ...]:
        return (*super()._index_key(*arguments), self._sources)

    def save_overload(self, *arguments: Any) -> None:
        with contextlib.suppress(OSError):  # the disk may be full by now; the code in memory is good
            super().save_overload(*arguments)


def _sources(module: str) -> str:
    """Return a hash of the source of a module and of what it imports of its package, directly or not."""
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
    """List the names that a module imports from when it is loaded; some may be no modules."""
    names = []
    for node in ast.parse(source).body:
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return names
