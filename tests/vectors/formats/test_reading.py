"""Files as people have them: white space, byte order marks, words with spaces, words twice, wrong headers."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from firth.errors import InputError
from firth.vectors.formats.header import LONGEST_WORD_BYTES
from firth.vectors.word_vectors import WordVectors, load_vectors

MARK = b"\xef\xbb\xbf"
SUFFIXES = (".vec", ".bin")


pytestmark = pytest.mark.filterwarnings("error::UserWarning")


def file_of(
    folder: Path, suffix: str, rows: list[tuple[bytes, list[float]]], promised: int | None = None
) -> Path:
    """Write a file by hand, with any words and any header."""
    path = folder / f"x{suffix}"
    n = len(rows) if promised is None else promised
    header = b"%d %d\n" % (n, len(rows[0][1]))
    if suffix == ".bin":
        lines = [word + b" " + struct.pack(f"<{len(row)}f", *row) + b"\n" for word, row in rows]
    else:
        lines = [word + b" " + " ".join(map(str, row)).encode() + b"\n" for word, row in rows]
    path.write_bytes(header + b"".join(lines))
    return path


def error_of(path: Path, **options: object) -> str:
    with pytest.raises(InputError) as error:
        load_vectors(path, **options)
    assert str(path) in str(error.value) and "\n" not in str(error.value)
    return str(error.value)


ABC = [(b"a", [1.0, 2.0]), (b"b", [3.0, 4.0]), (b"c", [5.0, 6.0])]


# --- words with spaces


@pytest.mark.parametrize("header", [b"", b"4 3\n"])
@pytest.mark.parametrize("first", [0, 1, 2, 3])
def test_words_with_spaces_on_any_line(tmp_path: Path, header: bytes, first: int) -> None:
    lines = [b". . . 4 5 6\n", b"the 1 2 3\n", b"at name@example.com 7 8 9\n", b"2 1 1 1\n"]
    lines = lines[first:] + lines[:first]
    (tmp_path / "x.txt").write_bytes(header + b"".join(lines))
    loaded = load_vectors(tmp_path / "x.txt")
    assert loaded.words == [line.decode().rsplit(" ", 3)[0] for line in lines]
    assert loaded[". . ."].tolist() == [4, 5, 6] and loaded["at name@example.com"].tolist() == [7, 8, 9]


def test_what_may_be_one_number_too_many_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("the 1 2 3\nin 2010 4 5 6\n")
    assert "x.txt:2: expected a word and 3 numbers: 'in 2010' is a word, or" in error_of(tmp_path / "x.txt")
    (tmp_path / "x.txt").write_text("the 1 2 3\nto nan 4 5 6\n")  # vectors hold no NaN
    assert load_vectors(tmp_path / "x.txt").words == ["the", "to nan"]


def test_a_second_column_of_text_is_no_part_of_all_words(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("the DET 1 2 3\nof ADP 4 5 6\n")
    assert "x.txt:1: neither a header" in error_of(tmp_path / "x.txt")


# --- white space and byte order marks


@pytest.mark.parametrize(
    "text",
    [
        b"2\t3\nthe\t1\t2.5\t-0.3\nof\t4\t5\t6\n",
        b" 2  3 \n the  1 2.5   -0.3\n  of 4 5 6 \n",
        b"2 3\r\nthe\t1 2.5\t-0.3\r\n\r\nof 4 5 6 \r\n \t\n",
        b"the\t1\t2.5\t-0.3\nof\t4\t5\t6\n",
        b" the  1  2.5  -0.3\n of 4 5 6\n",
        MARK + b"2 3\nthe 1 2.5 -0.3\nof 4 5 6\n",
        MARK + b"the 1 2.5 -0.3\nof 4 5 6\n",
        MARK + b" 2\t3\r\nthe 1 2.5 -0.3\r\nof 4 5 6",
    ],
)
@pytest.mark.parametrize("name", ["x.vec", "x.glove", "x.bin"])
def test_white_space_and_byte_order_marks(tmp_path: Path, name: str, text: bytes) -> None:
    (tmp_path / name).write_bytes(text)
    loaded = load_vectors(tmp_path / name)
    assert loaded.words == ["the", "of"]
    assert np.array_equal(loaded.matrix, np.array([[1, 2.5, -0.3], [4, 5, 6]], dtype=np.float32))


def test_a_mark_and_tabs_in_a_binary_header(tmp_path: Path) -> None:
    (tmp_path / "x.bin").write_bytes(MARK + b" 1\t2\r\na " + struct.pack("<2f", 1, 2))
    assert load_vectors(tmp_path / "x.bin")["a"].tolist() == [1, 2]


# --- words that are not UTF-8


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_words_that_are_not_utf8(tmp_path: Path, suffix: str) -> None:
    path = file_of(tmp_path, suffix, [(b"caf\xe9", [1, 2]), (b"tea", [3, 4]), (b"na\xc3", [5, 6])])
    assert "the word" in error_of(path) and "errors='replace' or 'ignore' (--errors)" in error_of(path)
    with pytest.warns(UserWarning, match=r"x\.\w+: 2 words are not UTF-8: the bytes .* replaced") as caught:
        assert load_vectors(path, errors="replace").words == ["caf\ufffd", "tea", "na\ufffd"]
    assert len(caught) == 1 and caught[0].filename == __file__
    with pytest.warns(UserWarning, match="2 words are not UTF-8: the bytes in question were left out"):
        assert load_vectors(path, errors="ignore").words == ["caf", "tea", "na"]


# --- words that occur twice


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_words_that_occur_twice(tmp_path: Path, suffix: str) -> None:
    rows = [(b"a", [1.0, 2.0]), (b"b", [3.0, 4.0]), (b"a", [5.0, 6.0]), (b"c", [7.0, 8.0]), (b"b", [0, 0])]
    path = file_of(tmp_path, suffix, rows)
    message = (
        r"words occur twice \('a' for example\): the first vector of each was kept, 2 vectors were left out"
    )
    with pytest.warns(UserWarning, match=message) as caught:
        loaded = load_vectors(path)
    assert len(caught) == 1
    assert loaded.words == ["a", "b", "c"] and loaded.matrix.tolist() == [[1, 2], [3, 4], [7, 8]]
    assert "the word 'a' is there twice: vectors 1 and 3" in error_of(path, duplicates="error")


def test_many_words_that_occur_twice(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    numbers = rng.integers(0, 3000, 5000)
    rows = [(b"w%d" % number, [float(i), 1.0]) for i, number in enumerate(numbers)]
    with pytest.warns(UserWarning, match="left out"):
        loaded = load_vectors(file_of(tmp_path, ".bin", rows))
    firsts = {f"w{number}": i for i, number in reversed(list(enumerate(numbers)))}
    assert {word: int(row[0]) for word, row in zip(loaded.words, loaded.matrix, strict=True)} == firsts


def test_everything_is_told_in_one_warning(tmp_path: Path) -> None:
    path = file_of(tmp_path, ".bin", [(b"\xe9", [1, 2]), (b"\xe8", [3, 4])], promised=3)
    with pytest.warns(UserWarning) as caught:
        loaded = load_vectors(path, errors="replace", header="ignore")
    assert loaded.words == ["\ufffd"] and loaded.matrix.tolist() == [[1, 2]]
    (warning,) = caught
    for part in ("2 words are not UTF-8", "its header promises 3 vectors, and it holds 2", "occur twice"):
        assert part in str(warning.message)


# --- headers that are wrong


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("promised", [1, 2, 4, 1_000_000])
def test_wrong_headers(tmp_path: Path, suffix: str, promised: int) -> None:
    path = file_of(tmp_path, suffix, ABC, promised)
    assert "header='ignore' (--header ignore) takes what is there" in error_of(path)
    with pytest.warns(UserWarning, match=f"header promises {promised:,} vectors, and it holds 3$"):
        loaded = load_vectors(path, header="ignore")
    assert loaded.words == ["a", "b", "c"] and loaded.matrix.tolist() == [[1, 2], [3, 4], [5, 6]]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_vector_that_is_cut_off_is_left_out(tmp_path: Path, suffix: str) -> None:
    path = file_of(tmp_path, suffix, ABC)
    path.write_bytes(path.read_bytes()[:-6])
    error_of(path)
    with pytest.warns(UserWarning, match="promises 3 vectors, and it holds 2, and the beginning of another"):
        assert load_vectors(path, header="ignore").words == ["a", "b"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_right_header_that_is_ignored_is_not_told(tmp_path: Path, suffix: str) -> None:
    assert len(load_vectors(file_of(tmp_path, suffix, ABC), header="ignore")) == 3


def test_empty_files_stay_errors_where_the_header_is_ignored(tmp_path: Path) -> None:
    for name in ("x.vec", "x.bin"):
        (tmp_path / name).write_bytes(b"3 2\n")
        assert "holds no vectors" in error_of(tmp_path / name, header="ignore")


# --- limits


@pytest.mark.parametrize("suffix", [".vec", ".glove", ".bin", ".safetensors", ".vec.zst", ".safetensors.gz"])
@pytest.mark.parametrize("mmap", [True, False])
def test_the_first_vectors_only(tmp_path: Path, suffix: str, mmap: bool) -> None:
    path = tmp_path / f"x{suffix}"
    words = ["é", "b", "c", "d"]
    WordVectors(words, np.arange(8.0).reshape(4, 2), counts=[4, 3, 2, 1], outside=np.ones((4, 2))).save(path)
    for limit in (1, 3, 4, 5):
        loaded = load_vectors(path, limit=limit, mmap=mmap)
        n = min(limit, 4)
        assert loaded.words == words[:n]
        assert loaded.matrix.tolist() == np.arange(8.0).reshape(4, 2)[:n].tolist()
        if ".safetensors" in suffix:
            assert loaded.counts is not None and loaded.counts.tolist() == [4, 3, 2, 1][:n]
            assert loaded.outside is not None and loaded.outside.shape == (n, 2)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_nothing_is_read_behind_the_limit(tmp_path: Path, suffix: str) -> None:
    path = file_of(tmp_path, suffix, ABC[:2], promised=1_000_000)
    with path.open("ab") as file:
        file.write(b"\xe9 broken\n" * 200_000)
    assert load_vectors(path, limit=2).words == ["a", "b"]
    error_of(path, limit=3)


# --- options


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"limit": 0}, "limit must be a whole number of at least 1, not 0"),
        ({"limit": 2.0}, "limit must be a whole number of at least 1, not 2.0"),
        ({"errors": "surrogateescape"}, "errors must be one of strict, replace, ignore"),
        ({"duplicates": "last"}, "duplicates must be one of first, error"),
        ({"header": None}, "header must be one of strict, ignore"),
    ],
)
def test_options_that_do_not_exist(tmp_path: Path, options: dict, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        load_vectors(file_of(tmp_path, ".vec", ABC), **options)


# --- long words


@pytest.mark.parametrize("suffix", [".vec", ".glove", ".bin"])
@pytest.mark.parametrize("length", [(1 << 16) - 1, 1 << 16, (1 << 16) + 1, LONGEST_WORD_BYTES])
def test_long_words_that_are_written_are_read(tmp_path: Path, suffix: str, length: int) -> None:
    vectors = WordVectors(["a", "x" * length, "b", "y" * length], np.ones((4, 2)))
    vectors.save(tmp_path / f"x{suffix}")
    assert load_vectors(tmp_path / f"x{suffix}").words == vectors.words


@pytest.mark.parametrize("suffix", [".vec", ".glove", ".bin"])
def test_words_that_are_too_long_are_not_written(tmp_path: Path, suffix: str) -> None:
    vectors = WordVectors(["é" * (LONGEST_WORD_BYTES // 2) + "x"], np.ones((1, 2)))
    with pytest.raises(InputError, match=r"of 1,048,577 bytes; the most are 1,048,576; use \.safetensors"):
        vectors.save(tmp_path / f"x{suffix}")
    assert list(tmp_path.iterdir()) == []


def test_the_first_word_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    vectors = WordVectors(["\ufeffa", "\ufeffb"], np.ones((2, 2)))
    for suffix in (".glove", ".vec", ".bin"):
        vectors.save(tmp_path / f"x{suffix}")
        assert load_vectors(tmp_path / f"x{suffix}").words == vectors.words
