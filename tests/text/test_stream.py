"""Text as it comes: blocks and lines of files, pipes and open files, and what is wrong in them."""

from __future__ import annotations

import gzip
import io
import os
import sys
from pathlib import Path

import pytest

from firth.errors import InputError
from firth.text import stream

TEXT = "Ein Vögelchen\r\nsingt. 🐦\n\n"


@pytest.fixture(params=[1, 2, 5, 1000])
def block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Set and return the size of blocks."""
    monkeypatch.setattr(stream, "_BLOCK", request.param)
    monkeypatch.setattr(stream, "_LINES_BLOCK", request.param)
    return int(request.param)


def stdin(monkeypatch: pytest.MonkeyPatch, data: bytes) -> str:
    """Put bytes on standard input, and return its name."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), encoding="latin-1"))
    return "-"


def test_blocks_of_all_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    data = TEXT.encode()
    plain, packed = tmp_path / "a.txt", tmp_path / "a.txt.gz"
    plain.write_bytes(b"\xef\xbb\xbf" + data)
    packed.write_bytes(gzip.compress(data))
    sources: list[stream.Source] = [plain, str(packed), io.BytesIO(data), io.StringIO(TEXT, newline="")]
    for source in [*sources, stdin(monkeypatch, data)]:
        blocks = list(stream.text_blocks(source))
        assert "".join(blocks) == TEXT
        assert all(blocks)
        assert max(map(len, blocks)) <= block
    assert list(stream.text_blocks(io.BytesIO(b""))) == []
    assert list(stream.text_blocks(["a", "", "\0\ufeff"])) == ["a", "\0\ufeff"], "given as they are"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("fine\ncafé".encode("latin-1"), "a.txt:2: not UTF-8"),
        ("fine\n\nö".encode()[:-1], "a.txt:3: not UTF-8"),
        (b"fine\n\nNUL\0\n", "a.txt:3: holds a NUL byte"),
    ],
)
def test_bytes_that_are_no_text(tmp_path: Path, block: int, data: bytes, message: str) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(data)
    with pytest.raises(InputError, match=message):
        list(stream.text_blocks(path))
    with path.open("rb") as file, pytest.raises(InputError, match=message):
        list(stream.text_blocks(file))
    with pytest.raises(InputError, match=message.replace("UTF-8", "(valid )?UTF-8")):
        list(stream.lines_as_they_come(path))


def test_a_text_file_opened_with_another_encoding() -> None:
    file = io.TextIOWrapper(io.BytesIO(TEXT.encode()), encoding="ascii")
    with pytest.raises(InputError, match="not ascii text; open it with encoding='utf-8'"):
        list(stream.text_blocks(file))


@pytest.mark.parametrize(
    "blocks", [["abcdefgh"], ["a", "", "bcdefg", "h"], ["abc", "def", "gh"], list("abcdefgh")]
)
def test_pieces(blocks: list[str]) -> None:
    assert list(stream.pieces_of(blocks, 3)) == ["abc", "def", "gh"]
    assert list(stream.pieces_of(blocks, 4)) == ["abcd", "efgh"]
    assert list(stream.pieces_of(blocks, 9)) == ["abcdefgh"]
    assert list(stream.pieces_of([""], 9)) == []


@pytest.mark.parametrize("text", ["", "abc", TEXT, "\ud800"])
def test_bytes_of_a_text(text: str) -> None:
    assert stream.n_utf8_bytes(text) == len(text.encode(errors="surrogatepass"))


def test_sizes(tmp_path: Path) -> None:
    plain, packed = tmp_path / "a.txt", tmp_path / "a.txt.xz"
    plain.write_text("four")
    packed.write_text("four")
    assert stream.source_size(plain) == 4
    for source in (packed, "-", tmp_path / "absent", io.StringIO("four"), ["four"]):
        assert stream.source_size(source) is None


def test_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    data = b"\xef\xbb\xbf" + TEXT.encode() + b"the end"
    expected = ["Ein Vögelchen", "singt. 🐦", "", "the end"]
    path = tmp_path / "a.txt.gz"
    path.write_bytes(gzip.compress(data))
    for source in (path, stdin(monkeypatch, data)):
        assert [line for lines in stream.lines_as_they_come(source) for line in lines] == expected


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX pipes")
def test_lines_do_not_wait_for_more(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = os.pipe()
    with os.fdopen(ours, "r") as reader, os.fdopen(theirs, "wb", buffering=0) as writer:
        monkeypatch.setattr(sys, "stdin", reader)
        lines = stream.lines_as_they_come("-")
        writer.write(b"one\ntwo\nth")
        assert next(lines) == ["one", "two"]
        writer.write(b"ree\n")
        assert next(lines) == ["three"]
