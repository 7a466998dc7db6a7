"""The command runs anywhere: streams that are full, closed or absent, any locale, no home and no cache."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from firth.cli.main import main
from firth.vectors.word_vectors import load_vectors

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX shells, devices and locales")

needs_full_disk = pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is of Linux")
COMMAND = [sys.executable, "-m", "firth"]
# Of the variables that tests inherit, these would hide what happens on other machines.
NOT_INHERITED = {"PYTHONUNBUFFERED", "PYTHONUTF8", "PYTHONIOENCODING", "LANG", "LC_ALL", "LC_CTYPE"}
TRAIN = ("vectors", "train", "text.txt", "--min-count", "1", "--dim", "8", "--epochs", "1", "-o", "new.vec")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with vectors of 2,000 words, and with a text."""
    words = ["coffee", "茶", *(f"word{k}" for k in range(1998))]
    lines = [f"{word} 1 {k / 2000}" for k, word in enumerate(words)]
    (tmp_path / "v.vec").write_text("\n".join(["2000 2", *lines, ""]), encoding="utf-8")
    (tmp_path / "text.txt").write_text("I like tea and you like coffee\n" * 50, encoding="utf-8")
    return tmp_path


def run(
    folder: Path,
    *arguments: str,
    redirect: str = "",
    stdout: int = subprocess.PIPE,
    **environment: str,
) -> subprocess.CompletedProcess[str]:
    """Run ``firth`` as a shell does that redirects some of its streams."""
    inherited = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
    return subprocess.run(
        ["sh", "-c", f'exec "$@" {redirect}', "sh", *COMMAND, *arguments],
        cwd=folder,
        env={**inherited, **environment},
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="surrogateescape",
        timeout=120,
    )


@needs_full_disk
@pytest.mark.parametrize("environment", [{}, {"PYTHONUNBUFFERED": "1"}], ids=["buffered", "unbuffered"])
@pytest.mark.parametrize(
    "arguments",
    [
        ("vectors", "similar", "v.vec", "coffee"),
        ("vectors", "similar", "v.vec", "coffee", "-n", "1999"),
        ("vectors", "similar", "v.vec", "coffee", "--json"),
        ("--version",),
        ("--help",),
        ("vectors", "train", "--help"),
        (),
    ],
    ids=" ".join,
)
def test_a_full_disk_is_one_line(
    folder: Path, arguments: tuple[str, ...], environment: dict[str, str]
) -> None:
    done = run(folder, *arguments, redirect="> /dev/full", **environment)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("firth: error: ") and line.endswith("No space left on device")


@needs_full_disk
def test_a_log_on_a_full_disk_stops_nothing(folder: Path) -> None:
    done = run(folder, *TRAIN, redirect="2> /dev/full")
    assert (done.returncode, len(load_vectors(folder / "new.vec"))) == (0, 6)
    assert run(folder, "vectors", "similar", "v.vec", "absent", redirect="2> /dev/full").returncode == 2
    assert run(folder, "no-such-command", redirect="2> /dev/full").returncode == 2


@pytest.mark.parametrize(
    "arguments", [("vectors", "similar", "v.vec", "coffee", "-n", "1999"), ("--help",)], ids=" ".join
)
@pytest.mark.parametrize("environment", [{}, {"PYTHONUNBUFFERED": "1"}], ids=["buffered", "unbuffered"])
def test_a_reader_that_leaves_early_gets_no_message(
    folder: Path, arguments: tuple[str, ...], environment: dict[str, str]
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = run(folder, *arguments, stdout=writing, **environment)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize(
    "arguments",
    [
        ("vectors", "train", "-", "-o", "new.vec"),
        ("parse",),
        ("parse", "--input", "conllu"),
    ],
    ids=" ".join,
)
def test_closed_standard_input_is_one_line(folder: Path, arguments: tuple[str, ...]) -> None:
    done = run(folder, *arguments, redirect="<&-")
    message = "firth: error: standard input is closed: name a file, or pipe text in"
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [message]


@pytest.mark.parametrize("redirect", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_leave_results_whole(folder: Path, redirect: str) -> None:
    done = run(folder, *TRAIN, redirect=redirect)
    assert done.returncode == 0, done.stderr
    assert len(load_vectors(folder / "new.vec")) == 6
    done = run(folder, "vectors", "similar", "v.vec", "absent", redirect=redirect)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


class _Sink(io.RawIOBase):
    """A stream of a windowed program: it takes text, and can do nothing else."""

    isatty = None  # type: ignore[assignment]

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> int:  # type: ignore[override]
        self.text += text
        return len(text)


@pytest.mark.parametrize("stream", [None, "sink"])
def test_a_program_without_streams_can_call_the_command(
    folder: Path, stream: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["firth", *TRAIN])
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, _Sink() if stream else None)
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 0
    assert len(load_vectors("new.vec")) == 6


@pytest.mark.parametrize(
    "environment",
    [
        {"LC_ALL": "C"},
        {"LC_ALL": "C", "PYTHONUTF8": "0"},
        {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"LANG": "tr_TR.UTF-8"},
        {"LC_ALL": "C.UTF-8", "LANGUAGE": "de:fr"},
    ],
    ids=lambda environment: " ".join(f"{name}={value}" for name, value in environment.items()),
)
def test_arguments_and_names_are_utf8_whatever_the_locale(folder: Path, environment: dict[str, str]) -> None:
    done = run(folder, "vectors", "similar", "v.vec", "茶", "-n", "1", **environment)
    assert (done.returncode, done.stdout, done.stderr) == (0, "coffee\t1.0000\n", "")
    done = run(folder, "vectors", "similar", "v.vec", "coffee", "-n", "1", **environment)
    assert (done.returncode, done.stdout, done.stderr) == (0, "茶\t1.0000\n", "")
    done = run(folder, "vectors", "convert", "v.vec", "물.vec", **environment)
    assert (done.returncode, done.stdout) == (0, "Saved 물.vec: 2,000 words × 2 dimensions.\n")
    assert (folder / "물.vec").exists()
    done = run(folder, "vectors", "similar", "v.vec", "커피", **environment)
    assert done.returncode == 2
    assert "'커피'" in done.stderr


@pytest.mark.parametrize("environment", [{}, {"LC_ALL": "C", "PYTHONUTF8": "0"}], ids=["UTF-8", "C"])
def test_a_file_name_that_is_not_utf8_is_shown_with_escapes(
    folder: Path, environment: dict[str, str]
) -> None:
    name = os.fsdecode(b"caf\xe9.vec")
    try:
        (folder / name).write_text("1 2\ntea 1 0\n", encoding="utf-8")
    except OSError:
        pytest.skip("this file system only takes names in UTF-8")
    done = run(folder, "vectors", "convert", name, f"new-{name}", **environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(r"Saved new-caf\udce9.vec: 1 words")
    done = run(folder, "vectors", "similar", f"no-{name}", "tea", **environment)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "firth: error: no-caf\\udce9.vec: no such file\n"


def test_without_home_and_cache_everything_works(folder: Path) -> None:
    nowhere = f"{os.devnull}/nowhere"
    names = ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "NUMBA_CACHE_DIR", "MPLCONFIGDIR")
    done = run(folder, *TRAIN, "--quiet", **dict.fromkeys(names, nowhere))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert len(load_vectors(folder / "new.vec")) == 6
