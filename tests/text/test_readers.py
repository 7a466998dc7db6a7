from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zstandard

from firth.errors import InputError
from firth.text.readers import (
    BLOCK,
    read_ahead,
    read_files,
    read_strings,
)

PACK: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": zstandard.ZstdCompressor().compress,
}


def read(*files: Path, field: str = "text", strict: bool = True) -> bytes:
    return b"".join(block.data for block in read_files([*map(str, files)], field=field, strict=strict))


# ---------------------------------------------------------------------------------------------- reading


@pytest.mark.parametrize("suffix", PACK)
def test_packed_files(tmp_path: Path, suffix: str) -> None:
    text = b"".join(b"%d " % i for i in range(2 * BLOCK // 7))
    path = tmp_path / f"a{suffix.upper()}"
    path.write_bytes(PACK[suffix](text[:100_000]) + PACK[suffix](text[100_000:]))  # two members, one text
    assert len(text) > BLOCK
    assert read(path) == text


@pytest.mark.parametrize("suffix", PACK)
def test_truncated_and_broken_packed_files(tmp_path: Path, suffix: str) -> None:
    packed = PACK[suffix](os.urandom(200_000))
    path = tmp_path / f"a{suffix}"
    for broken in (packed[:-20], packed[:100_000], packed[:3], b"not packed at all", packed + b"rubbish"):
        path.write_bytes(broken)
        with pytest.raises(InputError, match=rf"a{suffix}: truncated or broken: ."):
            read(path)


def test_blocks_of_several_files(tmp_path: Path) -> None:
    sizes = {"a": 0, "b": 10, "c": BLOCK + 5}
    for name, size in sizes.items():
        (tmp_path / name).write_bytes(name.encode() * size)
    blocks = list(read_files([str(tmp_path / name) for name in sizes], field="text", strict=True))
    for name, size in sizes.items():
        of_file = [block for block in blocks if block.name == str(tmp_path / name)]
        assert sum(len(block.data) for block in of_file) == size
        assert [block.final for block in of_file] == [False] * (len(of_file) - 1) + [True]
    assert max(len(block.data) for block in blocks) <= BLOCK
    assert blocks[-1].n_read == sum(sizes.values())
    assert [block.n_read for block in blocks] == sorted(block.n_read for block in blocks)


def test_byte_order_mark_is_left_out_where_a_file_begins(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfone\n\xef\xbb\xbf")
    (tmp_path / "b.jsonl").write_bytes(b'\xef\xbb\xbf{"text": "two"}')
    assert read(tmp_path / "a.txt", tmp_path / "b.jsonl") == b"one\n\xef\xbb\xbftwo\n"


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"one\ntwo")))
    blocks = list(read_files(["-"], field="text", strict=True))
    assert [(block.name, block.data, block.final) for block in blocks] == [
        ("standard input", b"one\ntwo", False),
        ("standard input", b"", True),
    ]


def test_file_that_vanishes(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="gone: cannot be read: No such file or directory"):
        read(tmp_path / "gone")


def test_read_ahead_gives_the_same_and_passes_errors_on() -> None:
    def items() -> Iterator[int]:
        yield from range(5)
        raise InputError("broken")

    seen = []
    with pytest.raises(InputError, match="broken"):
        for item in read_ahead(items()):
            seen.append(item)
    assert seen == [0, 1, 2, 3, 4]


# ------------------------------------------------------------------------------------------- JSON Lines


@pytest.mark.parametrize("suffix", ["", *PACK])
def test_json_lines(tmp_path: Path, suffix: str) -> None:
    texts = [
        "One line.",
        "Two\nlines",
        "",
        "é \ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
    ]
    lines = "\r\n \n".join(json.dumps({"id": 1, "body": text}) for text in texts)
    path = tmp_path / f"a.JSONL{suffix}"
    path.write_bytes(PACK.get(suffix, bytes)(lines.encode()))
    assert read(path, field="body") == "One line.\nTwo\nlines\n\né 😀\n".encode()


def test_many_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    path.write_text("".join(f'{{"text": "{i:09}"}}\n' for i in range(150_000)))
    blocks = list(read_files([str(path)], field="text", strict=True))
    assert len(blocks) > 2
    assert b"".join(block.data for block in blocks) == b"".join(b"%09d\n" % i for i in range(150_000))


@pytest.mark.parametrize("begin", [b"", b"\xef\xbb\xbf", b"\n \n  "])
@pytest.mark.parametrize("name", ["a", "a.txt", "a.json", "-"])
def test_json_lines_are_told_by_their_first_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, begin: bytes
) -> None:
    content = begin + b'{"id": 1, "text": "one"}\n{"text": "two"}\n'
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    (tmp_path / name).write_bytes(content)
    assert read(Path(name) if name == "-" else tmp_path / name) == b"one\ntwo\n"


def test_a_first_line_of_more_than_a_block(tmp_path: Path) -> None:
    long = "long " * BLOCK
    (tmp_path / "a").write_text(f'{{"text": "{long}"}}\n{{"text": "two"}}\n')
    assert read(tmp_path / "a").decode() == f"{long}\ntwo\n"


@pytest.mark.parametrize(
    "text", [b"{", b"{ curly }\n", b'{"text": "a"\n', b'{1}\n{"text": "a"}', b'["text"]\n']
)
def test_text_in_curly_brackets_is_text(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "a.txt").write_bytes(text + b" x" * BLOCK)
    assert read(tmp_path / "a.txt") == text + b" x" * BLOCK


def test_a_field_that_no_file_has(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one")
    (tmp_path / "b.jsonl").write_text('{"body": "two"}')
    with pytest.raises(InputError, match=r"no field 'body': there are no JSON Lines in .*a.txt; leave out"):
        read(tmp_path / "a.txt", field="body")
    assert read(tmp_path / "a.txt", tmp_path / "b.jsonl", field="body") == b"onetwo\n"


@pytest.mark.parametrize("content", ['[{"text": "a"}]\n', '{\n  "text": "a"\n}\n'])
def test_json_that_is_not_in_lines(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(InputError, match=r"a.json:1: not .*; JSON Lines have one object a line"):
        read(tmp_path / "a.json")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"text": "a"', r"not JSON: Expecting ',' delimiter \(column 13\)"),
        (b"plain text", r"not JSON: Expecting value \(column 1\)"),
        (b'["text"]', "not a JSON object with a field 'text'"),
        (b'{"body": 1, "id": 2}', "no field 'text', only 'body', 'id'; name one with --field"),
        (b'{"text": null}', "the field 'text' is not a string"),
        (b'{"text": "a\\u0000b"}', "holds a NUL byte"),
        (b'{"text": "\\ud800"}', "holds half a surrogate pair; --errors replace goes on"),
        (b'{"text": "\xff"}', r"not valid UTF-8 \(byte 0xff\)"),
        (b"[" * 100_000, "not JSON that can be read: "),
        (b'{"text": ' + b"1" * 10_000 + b"}", "not JSON that can be read: "),
    ],
)
def test_bad_json_lines(tmp_path: Path, line: bytes, message: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"text": "fine"}\n\n' + line + b"\n")
    with pytest.raises(InputError, match=f"a.jsonl:3: {message}") as error:
        read(path)
    assert "\n" not in str(error.value)


def test_json_lines_with_replacement(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"text": "a\xff\xe4\xb8b\xef\xbf\xbd \\udfffc"}\n')
    blocks = list(read_files([str(path)], field="text", strict=False))
    assert b"".join(block.data for block in blocks).decode() == "a\ufffd\ufffdb\ufffd \ufffdc\n"
    assert sum(block.n_replaced for block in blocks) == 3


# ---------------------------------------------------------------------------------------------- strings


def test_strings() -> None:
    blocks = list(read_strings(iter(["one", "two\nthree", "é"]), strict=True))
    assert b"".join(block.data for block in blocks) == "one\ntwo\nthree\né\n".encode()
    assert [block.final for block in blocks] == [False, True]


def test_strings_that_are_none() -> None:
    with pytest.raises(InputError, match=r"line 2 of the corpus is \['b'\], not a string; give all"):
        list(read_strings(["a", ["b"]], strict=True))  # type: ignore[list-item]
    with pytest.raises(InputError, match="line 1 of the corpus: holds a NUL byte"):
        list(read_strings(["a\0"], strict=True))
    with pytest.raises(InputError, match="line 1 of the corpus: holds half a surrogate pair"):
        list(read_strings(["\udc80"], strict=True))
    (block, _) = read_strings(["a\udc80b"], strict=False)
    assert block.data.decode() == "a\ufffdb\n" and block.n_replaced == 1
