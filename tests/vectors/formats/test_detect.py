"""The contents tell the format, also in packed files; what is something else says what to do with it."""

from __future__ import annotations

import os
import struct
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest

from firth.errors import InputError
from firth.vectors.word_vectors import WordVectors, load_vectors

VECTORS = WordVectors(["the", "of", "5"], [[1.5, -2, 3], [0.25, 5, 6], [7, 8, 9]])
NUMBERS = WordVectors([str(number) for number in range(300)], np.linspace(-1, 1, 300)[:, None])


def content(vectors: WordVectors, folder: Path, suffix: str) -> bytes:
    path = folder / f"content{suffix}"
    vectors.save(path)
    data = path.read_bytes()
    path.unlink()
    return data


def error_of(path: Path) -> str:
    with pytest.raises(InputError) as error:
        load_vectors(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("vectors", [VECTORS, NUMBERS])
@pytest.mark.parametrize("written", [".vec", ".glove", ".bin", ".safetensors"])
@pytest.mark.parametrize("named", [".vec", ".txt", ".glove", ".bin", ".safetensors"])
def test_the_contents_tell_the_format(tmp_path: Path, vectors: WordVectors, written: str, named: str) -> None:
    if written == ".glove" and vectors.dim == 1:
        pytest.skip("not written")
    path = tmp_path / f"x{named}"
    path.write_bytes(content(vectors, tmp_path, written))
    for mmap in (True, False):
        loaded = load_vectors(path, mmap=mmap)
        assert loaded.words == vectors.words
        assert loaded.matrix.tobytes() == vectors.matrix.tobytes()


def test_text_named_bin_with_short_numbers_is_no_garbage(tmp_path: Path) -> None:
    (tmp_path / "x.bin").write_bytes(b"2 1\na 1.25\nb 0.5\n")
    loaded = load_vectors(tmp_path / "x.bin")
    assert loaded.words == ["a", "b"] and loaded.matrix.tolist() == [[1.25], [0.5]]


def test_gensim_writes_text_under_any_name(tmp_path: Path) -> None:
    theirs = pytest.importorskip("gensim.models").KeyedVectors(3)
    theirs.add_vectors(VECTORS.words, VECTORS.matrix)
    theirs.save_word2vec_format(str(tmp_path / "x.bin"))
    assert load_vectors(tmp_path / "x.bin").words == VECTORS.words
    theirs.save_word2vec_format(str(tmp_path / "x.txt"), binary=True)
    assert load_vectors(tmp_path / "x.txt").words == VECTORS.words


def test_words_of_binary_files_have_no_line_ends(tmp_path: Path) -> None:
    vector = struct.pack("<2f", 1, 2)
    for word in (b"a\nb", b"\n\na", b"a\r"):
        (tmp_path / "x.bin").write_bytes(b"1 2\n" + word + b" " + vector)
        assert "broken: the word of vector 1 has a line end in it" in error_of(tmp_path / "x.bin")


# --- packed files


@pytest.mark.parametrize("packing", [".gz", ".bz2", ".xz", ".zst"])
@pytest.mark.parametrize("suffix", [".vec", ".glove", ".bin", ".safetensors"])
def test_packed_files(tmp_path: Path, suffix: str, packing: str) -> None:
    path = tmp_path / f"x{suffix}{packing}"
    VECTORS.save(path)
    assert load_vectors(path).matrix.tobytes() == VECTORS.matrix.tobytes()
    path.write_bytes(path.read_bytes()[:-6])
    assert "truncated or broken" in error_of(path)


@pytest.mark.parametrize("suffix", [".vec", ".glove", ".bin", ".safetensors"])
@pytest.mark.parametrize("name", ["x.zip", "x.VEC.ZIP", "x.300d.zip"])
def test_archives_of_one_file(tmp_path: Path, suffix: str, name: str) -> None:
    with zipfile.ZipFile(tmp_path / name, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("vectors/any.name", content(VECTORS, tmp_path, suffix))
    loaded = load_vectors(tmp_path / name)
    assert loaded.words == VECTORS.words and loaded.matrix.tobytes() == VECTORS.matrix.tobytes()


def test_archives_of_several_files_name_them(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("a.50d.txt", "a 1 2\n")
        archive.writestr("a.100d.txt", "a 1 2\n")
    assert "holds 2 files (a.50d.txt, a.100d.txt), not one: unpack it" in error_of(tmp_path / "x.zip")


def test_archives_are_not_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"x\.vec\.zip: not a known format.*\(\+ \.gz, \.bz2, \.xz, \.zst\)"):
        VECTORS.save(tmp_path / "x.vec.zip")
    assert list(tmp_path.iterdir()) == []


# --- something else


@pytest.mark.parametrize(
    ("beginning", "advice"),
    [
        (b"\x80\x04\x95", "a pickle, which is not read; gensim's own files"),
        ("2 2\na 1 2\nb 3 4\n".encode("utf-16"), "text in UTF-16; convert it to UTF-8"),
        (b"\x1f\x8b\x08\x00", "packed by gzip; give it a name that ends in .gz"),
        (b"\x28\xb5\x2f\xfd\x24", "packed by zstd; give it a name that ends in .zst"),
        (b"PK\x03\x04\x14", "a .zip archive; give it a name that ends in .zip"),
        (b"\x93NUMPY\x01", "an array without words; join them in Python"),
        (b"\xba\x16\x4f\x2f\x0c", "a fastText model"),
    ],
)
@pytest.mark.parametrize("name", ["x.vec", "x.bin", "x.glove"])
def test_files_that_are_something_else(tmp_path: Path, name: str, beginning: bytes, advice: str) -> None:
    (tmp_path / name).write_bytes(beginning + bytes(100))
    assert advice in error_of(tmp_path / name)


@pytest.mark.parametrize("name", ["x.kv", "word2vec.model"])
def test_files_of_gensim_say_how_to_convert_them(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\x80\x04\x95" + bytes(100))
    message = error_of(tmp_path / name)
    assert "KeyedVectors.load(FILE).save_word2vec_format('x.bin', binary=True)" in message
    assert "Word2Vec.load(FILE).wv.save_word2vec_format" in message


@pytest.mark.skipif(os.name != "posix", reason="named pipes are POSIX")
@pytest.mark.parametrize("suffix", [".vec", ".bin", ".safetensors"])
def test_pipes_are_read_once(tmp_path: Path, suffix: str) -> None:
    data = content(VECTORS, tmp_path, suffix)
    pipe = tmp_path / f"pipe{suffix}"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(data,))
    writer.start()
    loaded = load_vectors(pipe)
    writer.join()
    assert loaded.words == VECTORS.words


def test_a_word_of_our_own_format_may_look_like_text(tmp_path: Path) -> None:
    vectors = WordVectors(["a 1 2\nb 3 4\n", "c 5 6\nd 7 8"], np.eye(2))
    vectors.save(tmp_path / "x.safetensors")
    assert load_vectors(tmp_path / "x.safetensors").words == vectors.words


@pytest.mark.parametrize("suffix", [".vec", ".bin"])
def test_words_with_control_characters_and_numbers_keep_their_format(tmp_path: Path, suffix: str) -> None:
    rng = np.random.default_rng(1)
    for _ in range(100):
        n, dim = int(rng.integers(1, 9)), int(rng.integers(1, 5))
        words = [f"{word}{chr(rng.choice([0x1F, 0x7F, 0x85, 0x30]))}" for word in rng.permutation(99)[:n]]
        vectors = WordVectors(words, rng.standard_normal((n, dim)))
        vectors.save(tmp_path / f"x{suffix}")
        assert load_vectors(tmp_path / f"x{suffix}").words == words
