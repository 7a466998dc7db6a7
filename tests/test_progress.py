"""Long work says how far it is, and leaves the terminal in order however it ends."""

from __future__ import annotations

import io
import re

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
