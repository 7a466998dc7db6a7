"""Word vectors in files: firth's own format and those that other programs read and write.

===========================  ===============================================================================
name ends in                 format
===========================  ===============================================================================
``.safetensors``             firth's own: words, vectors, outside vectors, counts, history and metadata; read
                             by memory mapping
``.vec``, ``.txt``           text as written by word2vec, gensim and fastText: a line ``n d``, then a word and
                             d numbers a line; read with or without that first line
``.glove``, ``.glove.txt``   text as written by GloVe: the same without the first line
``.bin``                     binary as written by word2vec and gensim: the line ``n d``, then words, each
                             followed by a space and d float32 numbers
===========================  ===============================================================================

Each may have ``.gz`` or ``.xz`` after it and is then packed. All formats keep float32 exactly; all but the
first keep words and vectors only.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from firth.arrays import Float32s, PathLike
from firth.errors import InputError
from firth.files.arrays_file import load_arrays, pack_strings, save_arrays, unpack_strings
from firth.files.atomic import open_input, open_output
from firth.files.records import ArrayRecord, FileKind, check_arrays, check_fields, reading
from firth.vectors.word_vectors import WordVectors

_KIND = FileKind("word vectors", "file of word vectors", "make one with firth vectors train", "version", 1)
_HEADER = re.compile(rb"(\d{1,10}) (\d{1,7})\s*")
_FASTTEXT_MODEL = struct.pack("<i", 793712314)
_LONGEST_LINE = 1 << 24  # bytes; more than that without a line end is not a file of vectors
_LONGEST_WORD = 1 << 16
_CHUNK = 1024  # rows written at a time
_ASCII_SPACE = re.compile(r"[ \t\n\r\v\f]")
_SUFFIXES = {
    ".safetensors": ".safetensors",
    ".vec": ".txt",
    ".glove.txt": ".glove",
    ".txt": ".txt",
    ".glove": ".glove",
    ".bin": ".bin",
}
_ARRAYS = (
    ArrayRecord("matrix", np.float32, (None, None)),
    ArrayRecord("words", np.uint8, (None,)),
    ArrayRecord("word_offsets", np.int64, (None,)),
    ArrayRecord("counts", np.int64, (None,), optional=True),
    ArrayRecord("outside", np.float32, (None, None), optional=True),
)
_FIELDS = {"history": [dict], "metadata": dict}


def load_vectors(path: PathLike, *, mmap: bool = True) -> WordVectors:
    """Read word vectors; the format is told by the suffix (see the table at the top of this module).

    Parameters
    ----------
    path
        A file ``x.safetensors``, ``x.vec``, ``x.txt``, ``x.glove`` or ``x.bin``, or one of these with ``.gz``
        or ``.xz`` after it.
    mmap
        Map a ``.safetensors`` file into memory rather than read it: opening is immediate, and processes share
        the memory. NaN and infinity are then found only when the vectors are first asked for neighbours.

    Returns
    -------
    WordVectors
        The vectors, in the order of the file.

    Raises
    ------
    InputError
        There is no such file, its format is not known, or something in it is wrong.
    """
    path = Path(path)
    suffix = format_of(path)
    if suffix == ".safetensors":
        return _load_own(path, mmap)
    read = _read_binary if suffix == ".bin" else _read_text
    with open_input(path) as file:
        words, matrix = read(file, path)
    with _naming(path):
        vectors = WordVectors(words, matrix)
        _ = vectors.norms  # raises where a vector is not finite
    return vectors


def save_vectors(vectors: WordVectors, path: PathLike) -> None:
    """Write word vectors; the format is told by the suffix (see the table at the top of this module).

    Parameters
    ----------
    vectors
        What to write.
    path
        The file to be written; an existing one is replaced when the new one is complete.

    Raises
    ------
    InputError
        The format is not known, a vector is not finite, the file cannot be written, or the format cannot hold
        a word: those other than ``.safetensors`` cannot hold white space.
    """
    path = Path(path)
    suffix = format_of(path)
    _ = vectors.norms  # raises where a vector is not finite
    if suffix == ".safetensors":
        _save_own(vectors, path)
        return
    words = _encoded_words(vectors.words, path)
    has_header = suffix != ".glove"
    if not has_header and vectors.dim == 1:
        raise InputError(
            f"{path}: one dimension cannot be told from a header in this format; write a .vec file"
        )
    with open_output(path) as file:
        if has_header:
            file.write(b"%d %d\n" % vectors.matrix.shape)
        rows = _binary_rows(vectors, words) if suffix == ".bin" else _text_rows(vectors, words)
        file.writelines(rows)


def format_of(path: Path) -> str:
    """Return the suffix that stands for the format: .safetensors, .bin, .glove, or .txt (with a header)."""
    name = re.sub(r"\.[gx]z$", "", path.name.lower())
    for ending, suffix in _SUFFIXES.items():
        if name.endswith(ending):
            return suffix
    raise InputError(
        f"{path}: not a known format of word vectors; known are {', '.join(_SUFFIXES)} (+ .gz, .xz)"
    )


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Put the name of the file before the message of an error."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _save_own(vectors: WordVectors, path: Path) -> None:
    with _naming(path):
        blob, offsets = pack_strings(vectors.words)
    arrays: dict[str, npt.NDArray[Any]] = {"matrix": vectors.matrix, "words": blob, "word_offsets": offsets}
    if vectors.counts is not None:
        arrays["counts"] = vectors.counts
    if vectors.outside is not None:
        with _naming(path):
            _check_finite(vectors.outside)
        arrays["outside"] = vectors.outside
    metadata = {**_KIND.fields(), "history": vectors.history, "metadata": vectors.metadata}
    save_arrays(path, arrays, metadata)


def _load_own(path: Path, mmap: bool) -> WordVectors:
    arrays, about = load_arrays(path, mmap)
    _KIND.check(about, str(path))
    with reading(str(path)):
        check_fields(about, _FIELDS)
        check_arrays(arrays, _ARRAYS)
        words = unpack_strings(arrays["words"], arrays["word_offsets"])
    with _naming(path):
        vectors = WordVectors(
            words,
            arrays["matrix"],
            counts=arrays.get("counts"),
            outside=arrays.get("outside"),
            history=about["history"],
            metadata=about["metadata"],
        )
        if not mmap:
            _ = vectors.norms  # raises where a vector is not finite
            if vectors.outside is not None:
                _check_finite(vectors.outside)
    return vectors


def _check_finite(outside: Float32s) -> None:
    if not np.isfinite(outside).all():
        raise InputError("an outside vector is not finite: it holds NaN or infinity")


def _read_text(file: BinaryIO, path: Path) -> tuple[list[str], Float32s]:
    """Read a word and its numbers from each line, believing the header only as far as it proves true."""
    first = file.readline(_LONGEST_LINE)
    if not first:
        raise InputError(f"{path}: is empty")
    lines: Iterable[tuple[int, bytes]] = enumerate(file, start=2)
    header = _HEADER.fullmatch(first)
    promised: int | None = None
    if header:
        promised, dim = _shape(header, path)
    else:
        lines = chain([(1, first)], lines)
        numbers = first.rstrip(b" \r\n").split(b" ")[1:]
        dim = len(numbers)
        if len(first) == _LONGEST_LINE or dim == 0 or not all(map(_is_number, numbers)):
            raise InputError(f"{path}:1: neither a header ('count dimensions') nor a word and its numbers")
    # Numbers go one by one through Python's float: strict and correctly rounded. NumPy's fastest parser would
    # win a fifth, and takes "1-2" for two numbers.
    pack = struct.Struct(f"={dim}f").pack
    words: list[str] = []
    buffer = bytearray()  # grows with what is there: the header may promise anything
    for number, line in lines:
        word, *fields = line.rstrip(b" \r\n").rsplit(b" ", dim)
        if not word and not fields:
            continue
        if len(words) == promised:
            raise InputError(f"{path}:{number}: more vectors than the {promised} that the header promises")
        try:
            if _has_stray_field(word) or b"_" in line[len(word) :]:
                raise ValueError
            values = tuple(map(float, fields))
            if not math.isfinite(sum(values)):
                raise OverflowError
            buffer += pack(*values)
            words.append(word.decode())
        except (ValueError, OverflowError, struct.error):
            raise InputError(f"{path}:{number}: {_complaint(word, fields, dim)}") from None
    if promised is not None and len(words) < promised:
        raise InputError(f"{path}: truncated: its header promises {promised} vectors, it holds {len(words)}")
    return words, np.frombuffer(buffer, dtype=np.float32).reshape(len(words), dim)


def _has_stray_field(word: bytes) -> bool:
    """Tell whether what stands before the d numbers is no word, or a word and one number too many.

    A word may hold spaces (GloVe's 840B file has such words), but not begin or end with one.
    """
    if not word:
        return True
    return b" " in word and (word != word.strip(b" ") or _is_number(word.rpartition(b" ")[2]))


def _complaint(word: bytes, fields: list[bytes], dim: int) -> str:
    """Say what is wrong with a line that could not be read."""
    wrong = next((field for field in fields if not _is_number(field)), None)
    if len(fields) < dim or _has_stray_field(word):
        return f"expected a word and {dim} numbers"
    if wrong is not None:
        return f"{wrong[:40].decode(errors='replace')!r} is not a number"
    try:
        word.decode()
    except UnicodeDecodeError:
        return "the word is not UTF-8"
    return "a number is not finite, or too large for float32"


def _is_number(text: bytes) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return b"_" not in text  # 1_000 is a number to Python only


def _shape(header: re.Match[bytes], path: Path) -> tuple[int, int]:
    """Return the numbers of vectors and dimensions that a header announces."""
    n, dim = int(header[1]), int(header[2])
    if n == 0 or dim == 0:
        raise InputError(f"{path}: holds no vectors: its header says {n} of {dim} dimensions")
    return n, dim


def _read_binary(file: BinaryIO, path: Path) -> tuple[list[str], Float32s]:
    """Read words, each followed by a space, d float32 numbers and (from word2vec, not gensim) a line end."""
    first = file.readline(64)
    if first.startswith(_FASTTEXT_MODEL):
        raise InputError(
            f"{path}: a fastText model, not word2vec's binary format; use the .vec file beside it"
        )
    header = _HEADER.fullmatch(first)
    if not header:
        raise InputError(f"{path}: not word2vec's binary format: it does not start with 'count dimensions'")
    n, dim = _shape(header, path)
    size = 4 * dim
    words: list[str] = []
    matrix = bytearray()  # grows with what is there: the header may promise anything
    block, position = b"", 0
    while len(words) < n:
        end = block.find(b" ", position, position + _LONGEST_WORD)
        if end < 0 and len(block) - position >= _LONGEST_WORD:
            raise InputError(f"{path}: broken: vector {len(words) + 1} has no word before it")
        if end < 0 or len(block) - (end + 1) < size:
            more = file.read(max(1 << 20, size))
            if not more:
                raise InputError(f"{path}: truncated: its header promises {n} vectors, it holds {len(words)}")
            block, position = block[position:] + more, 0
            continue
        word = block[position:end].removeprefix(b"\n")
        try:
            words.append(word.decode())
        except UnicodeDecodeError:
            raise InputError(f"{path}: the word of vector {len(words) + 1} is not UTF-8") from None
        if not word:
            raise InputError(f"{path}: broken: vector {len(words)} has no word before it")
        position = end + 1 + size
        matrix += block[end + 1 : position]
    if (block[position:] + file.read(2)) not in (b"", b"\n"):
        raise InputError(f"{path}: more vectors than the {n} that the header promises, or of more dimensions")
    return words, np.frombuffer(matrix, dtype="<f4").reshape(n, dim)


def _encoded_words(words: list[str], path: Path) -> list[bytes]:
    """Return the words in UTF-8; an error where a line of text could not hold one."""
    encoded = []
    for word in words:
        if not word or _ASCII_SPACE.search(word):
            raise InputError(
                f"{path}: the format cannot hold the word {word!r} (white space); use .safetensors"
            )
        try:
            encoded.append(word.encode())
        except UnicodeEncodeError:
            raise InputError(f"{path}: the word {word!r} cannot be written in UTF-8") from None
    return encoded


def _text_rows(vectors: WordVectors, words: list[bytes]) -> Iterator[bytes]:
    # Nine significant digits name every float32, subnormal ones too; one call of % formats a whole line.
    line = b"%s " + b" ".join([b"%.9g"] * vectors.dim) + b"\n"
    for start in range(0, len(words), _CHUNK):
        rows = vectors.matrix[start : start + _CHUNK].tolist()
        for word, row in zip(words[start : start + _CHUNK], rows, strict=True):
            yield line % (word, *row)


def _binary_rows(vectors: WordVectors, words: list[bytes]) -> Iterator[bytes]:
    for word, row in zip(words, vectors.matrix.astype("<f4", copy=False), strict=True):
        yield word + b" " + row.tobytes() + b"\n"
