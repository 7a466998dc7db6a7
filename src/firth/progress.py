"""Progress of long work: a bar on a terminal, plain lines elsewhere, nothing when quiet."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO, cast


class Progress:
    """The interface that long work reports to. This base class is silent.

    A job consists of stages. `stage` wraps the work of one: it calls `begin`, then `end` or `abandon`. The
    work calls `advance` with the number of units done since the beginning of the stage.
    """

    @contextmanager
    def stage(self, stage: str, total: int | None = None, unit: str = "words") -> Iterator[None]:
        """Open a stage for a block of code, and close it however the block ends; see `begin`."""
        try:
            self.begin(stage, total, unit)
            yield
        except BaseException:  # Ctrl-C too must leave the terminal in order
            self.abandon()
            raise
        self.end()

    def begin(self, stage: str, total: int | None = None, unit: str = "words") -> None:
        """Open a stage of `total` units (None: not known)."""

    def advance(self, done: int, **figures: float) -> None:
        """Say that `done` units of the stage are finished; `figures` are shown beside the bar."""

    def end(self, **figures: float) -> None:
        """Close a stage that is complete. Without `figures`, those of the last `advance` are shown."""

    def abandon(self) -> None:
        """Close a stage that will not be completed."""

    def note(self, message: str) -> None:
        """Print one line that stays."""


def default_progress(quiet: bool = False, stream: TextIO | None = None) -> Progress:
    """Return the progress display that fits where standard error goes; a silent one if it goes nowhere.

    Parameters
    ----------
    quiet
        Show nothing at all.
    stream
        Where to write; standard error if None, so that standard output stays free for results.
    """
    stream = sys.stderr if stream is None else stream
    if quiet or stream is None or getattr(stream, "closed", False):
        return Progress()
    forgiving = cast(TextIO, _Forgiving(stream))
    return _Bar(forgiving) if is_terminal(stream) else _Lines(forgiving)


def is_terminal(stream: TextIO | None) -> bool:
    """Return whether a stream is a terminal.

    Services and windowed programs have no standard streams (None), or others that lack `isatty`.
    """
    isatty = getattr(stream, "isatty", None)
    return isatty is not None and not getattr(stream, "closed", False) and bool(isatty())


class _Forgiving:
    """A stream whose failures do not stop hours of work: a full disk, or a terminal that is gone."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with suppress(OSError, ValueError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError, AttributeError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def format_figures(figures: dict[str, float]) -> str:
    """Format figures for people: ``loss 2.3456  lr 0.0123``."""
    return "  ".join(f"{name} {value:.4g}" for name, value in figures.items())


class _Lines(Progress):
    """Plain lines for log files and pipes: one every ten seconds, and one at the end of a stage."""

    seconds_between = 10.0

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def begin(self, stage: str, total: int | None = None, unit: str = "words") -> None:
        self._stage, self._total, self._unit = stage, total, unit
        self._started = self._last = time.perf_counter()
        self._done, self._figures = 0, dict[str, float]()

    def advance(self, done: int, **figures: float) -> None:
        self._done, self._figures = done, figures
        now = time.perf_counter()
        if now - self._last >= self.seconds_between:
            self._last = now
            self._line(now, figures, of_total=True)

    def end(self, **figures: float) -> None:
        self._line(time.perf_counter(), figures or self._figures, of_total=False)

    def note(self, message: str) -> None:
        print(message, file=self._stream, flush=True)

    def _line(self, now: float, figures: dict[str, float], of_total: bool) -> None:
        seconds = max(now - self._started, 1e-9)
        share = f" of {self._total:,}" if of_total and self._total else ""
        left = ""
        if of_total and self._total and self._done:
            left = f"  {seconds * (self._total - self._done) / self._done:.0f} s left"
        shown = format_figures(figures)
        self.note(
            f"{self._stage}: {self._done:,}{share} {self._unit} in {seconds:.1f} s "
            f"({self._done / seconds:,.0f} {self._unit}/s){'  ' + shown if shown else ''}{left}"
        )


class _Bar(Progress):
    """A progress bar for each stage."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        self._console = Console(file=stream)
        self._columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TaskProgressColumn(),
            TextColumn("{task.fields[speed]}"),
            TextColumn("[cyan]{task.fields[figures]}"),
            TimeRemainingColumn(compact=True),
        )
        self._rich = RichProgress
        self._display: RichProgress | None = None

    def begin(self, stage: str, total: int | None = None, unit: str = "words") -> None:
        self._unit, self._started, self._done = unit, time.perf_counter(), 0
        self._display = self._rich(*self._columns, console=self._console)
        self._task = self._display.add_task(stage, total=total, speed="", figures="")
        self._display.start()

    def advance(self, done: int, **figures: float) -> None:
        if self._display is None:
            return
        self._done = done
        self._display.update(self._task, completed=done, speed=self._speed(), figures=format_figures(figures))

    def end(self, **figures: float) -> None:
        if self._display is None:
            return
        total = max(self._done, 1)
        self._display.update(self._task, total=total, completed=total, speed=self._speed())
        if figures:
            self._display.update(self._task, figures=format_figures(figures))
        self.abandon()

    def abandon(self) -> None:
        if self._display is not None:
            self._display.stop()
            self._display = None

    def note(self, message: str) -> None:
        self._console.print(message, highlight=False, markup=False)

    def _speed(self) -> str:
        return f"{self._done / max(time.perf_counter() - self._started, 1e-9):,.0f} {self._unit}/s"


@contextmanager
def saying_what_takes_long(progress: Progress, message: str) -> Iterator[None]:
    """Note what is being waited for if the block takes longer than a second."""
    timer = threading.Timer(1.0, progress.note, [message])
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
