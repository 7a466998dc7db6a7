"""Long work says how far it is, and leaves the terminal in order however it ends."""

from __future__ import annotations

import errno
import io
import re
import sys

import pytest

from firth.progress import Progress, default_progress

HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


class Terminal(io.StringIO):
    """A terminal, as far as a program can tell."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")
    return Terminal()


class Recorder(Progress):
    def __init__(self) -> None:
        self.calls: list[str] = []

    def begin(self, stage: str, total: int | None = None, unit: str = "words") -> None:
        self.calls.append(f"begin {stage} {total} {unit}")

    def end(self, **figures: float) -> None:
        self.calls.append("end")

    def abandon(self) -> None:
        self.calls.append("abandon")


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_stage_is_closed_however_it_ends(error: type[BaseException]) -> None:
    recorder = Recorder()
    with recorder.stage("first", 3, "pairs"):
        pass
    with pytest.raises(error), recorder.stage("second"):
        raise error
    assert recorder.calls == ["begin first 3 pairs", "end", "begin second None words", "abandon"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_after_an_error_the_bar_leaves_the_terminal_alone(
    terminal: Terminal, error: type[BaseException]
) -> None:
    progress = default_progress(stream=terminal)
    with pytest.raises(error), progress.stage("reading", 10):
        progress.advance(4, loss=1.5)
        assert HIDE in terminal.getvalue()
        raise error
    terminal.write("the message")
    progress.end()  # there is nothing left to end, and nothing is drawn again
    shown = terminal.getvalue()
    assert shown.rindex(SHOW) > shown.rindex(HIDE)
    assert ESCAPES.sub("", shown).endswith("\nthe message")
    assert "40%" in shown and "100%" not in shown


def test_a_bar_that_is_complete_shows_the_last_figures(terminal: Terminal) -> None:
    progress = default_progress(stream=terminal)
    with progress.stage("epoch 1", 10, "words"):
        progress.advance(5, loss=1.5)
        progress.advance(9, loss=1.25)
    last = ESCAPES.sub("", terminal.getvalue()).rstrip("\n").splitlines()[-1]
    assert "epoch 1" in last and "100%" in last and "loss 1.25" in last and "words/s" in last


def test_lines_where_there_is_no_terminal() -> None:
    stream = io.StringIO()
    progress = default_progress(stream=stream)
    with progress.stage("epoch 1", 10, "words"):
        progress.advance(10, loss=1.25)
    assert re.fullmatch(r"epoch 1: 10 words in \d+\.\d s \([\d,]+ words/s\)  loss 1.25\n", stream.getvalue())
    with pytest.raises(ValueError), progress.stage("epoch 2", 10, "words"):
        progress.advance(5, loss=1.0)
        raise ValueError
    assert "epoch 2" not in stream.getvalue()
    progress.note("by the way")
    assert stream.getvalue().endswith("\nby the way\n")


def test_quiet_is_silent(terminal: Terminal) -> None:
    progress = default_progress(quiet=True, stream=terminal)
    with progress.stage("reading"):
        progress.advance(1)
    progress.note("by the way")
    assert terminal.getvalue() == ""


class _Full(io.StringIO):
    """A log file on a full disk, or a terminal that is gone."""

    def __init__(self, is_terminal: bool) -> None:
        super().__init__()
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal

    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    def flush(self) -> None:
        raise OSError(errno.EIO, "Input/output error")


def report(progress: Progress) -> None:
    with progress.stage("epoch 1", 10, "words"):
        progress.advance(10, loss=1.25)
    progress.note("by the way")


@pytest.mark.parametrize("is_terminal", [False, True])
def test_a_display_that_cannot_be_written_stops_nothing(is_terminal: bool) -> None:
    report(default_progress(stream=_Full(is_terminal)))


def test_a_stream_that_is_closed_in_between_stops_nothing() -> None:
    stream = io.StringIO()
    progress = default_progress(stream=stream)
    stream.close()
    report(progress)
    report(default_progress(stream=stream))


def test_without_standard_error_there_is_no_display(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    assert type(default_progress()) is Progress


def test_a_stream_that_can_only_write_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    class Windowed:
        text = ""

        def write(self, text: str) -> None:
            self.text += text

    windowed = Windowed()
    monkeypatch.setattr(sys, "stderr", windowed)
    report(default_progress())
    assert windowed.text.startswith("epoch 1: 10 words") and windowed.text.endswith("by the way\n")
