"""Output of the commands: errors and notes in one line, tables for people, JSON for programs."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from firth.cli.streams import output_failure, tell
from firth.errors import FirthError, InputError
from firth.progress import is_terminal

# Exit codes. The reader of a pipe leaves when it has seen enough (`firth … | head`); that needs no message.
READER_LEFT = 1
BAD_INPUT = 2
# Shells report 128 plus the number of the signal; SIGINT is 2.
INTERRUPTED = 130


class RootGroup(TyperGroup):
    """The root of the command line: whatever goes wrong below it is told in one line.

    With ``FIRTH_DEBUG=1`` in the environment, errors keep their traceback.
    """

    def invoke(self, ctx: Any) -> Any:
        """Run the command; bad input ends with exit code 2, Ctrl-C with 130."""
        try:
            with _warnings_shown_as_notes():
                return super().invoke(ctx)
        except (FirthError, OSError, MemoryError) as error:
            if os.environ.get("FIRTH_DEBUG"):
                raise
            raise typer.Exit(report_failure(error)) from None
        except KeyboardInterrupt as interrupt:
            kept = str(interrupt) or "no half-written file is left"
            tell(f"\nfirth: stopped: {kept}")
            raise typer.Exit(INTERRUPTED) from None


def report_failure(error: BaseException) -> int:
    """Report an error in one line, and return the exit code."""
    code = report_output_failure()
    if isinstance(error, BrokenPipeError):
        return READER_LEFT
    return code or _report(error)


def report_output_failure() -> int:
    """Report in one line that standard output cannot be written to; return the exit code, 0 if it can."""
    failure = output_failure()
    if failure is None:
        return 0
    if isinstance(failure, BrokenPipeError):
        return READER_LEFT
    return _report(OSError(failure.errno, failure.strerror, "standard output"))


def _report(error: BaseException) -> int:
    tell(f"firth: error: {in_one_line(error)}")
    return BAD_INPUT


@contextmanager
def _warnings_shown_as_notes() -> Iterator[None]:
    """Print warnings of the library as notes, as soon as they come; see `warnings_as_notes`."""
    import warnings

    quiet = not {"-q", "--quiet"}.isdisjoint(sys.argv)
    shown = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        if issubclass(category, UserWarning):
            note(str(message), quiet)
        else:
            shown(message, category, *where, **more)

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


def in_one_line(error: BaseException) -> str:
    """Return the message of an error in one line."""
    if isinstance(error, MemoryError):
        return f"not enough memory: {error}" if str(error) else "not enough memory"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return " ".join(str(error).split("\n"))


def note(message: str, quiet: bool = False) -> None:
    """Print a note on standard error."""
    if not quiet:
        tell(f"firth: note: {message}")


@contextmanager
def warnings_as_notes(quiet: bool = False) -> Iterator[None]:
    """Show the warnings of the library as notes, one line each."""
    import warnings

    def show(message: Warning | str, category: type[Warning], *more: Any) -> None:
        if issubclass(category, UserWarning):
            note(str(message), quiet)
        else:
            show_others(message, category, *more)

    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        show_others = warnings.showwarning
        warnings.showwarning = show  # type: ignore[assignment]
        yield


def print_json(value: dict[str, Any]) -> None:
    """Print the one JSON object of a command."""
    print(json.dumps(value, ensure_ascii=False, allow_nan=False))


def print_table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], *, title: str, header_when_piped: bool = False
) -> None:
    """Print a table: ruled on a terminal, tab-separated lines elsewhere. The first column is text."""
    if not is_terminal(sys.stdout):
        for row in [columns, *rows] if header_when_piped else rows:
            print(*row, sep="\t")
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, collapse_padding=True)
    for i, column in enumerate(columns):
        table.add_column(column, justify="left" if i == 0 else "right", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    console = Console()
    console.print(Text(title, "bold"), table, sep="\n")


def check_folder(path: Path) -> None:
    """Check that a file can be written at `path`, before hours of work for it.

    Raises
    ------
    InputError
        Its folder is missing or read-only, or a folder has its name.
    """
    folder = path.parent
    if path.is_dir():
        raise InputError(f"{path}: is a folder; name a file to write to")
    if not folder.is_dir():
        raise InputError(f"{path}: cannot be written: there is no folder {folder}; make it first")
    if not os.access(folder, os.W_OK):
        raise InputError(f"{path}: cannot be written: no permission to write in the folder {folder}")


def duration(seconds: float) -> str:
    """Return a time span for people: ``4.2 s``, ``3 min 20 s``, ``2 h 5 min``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
