"""Which format a file of word vectors has.

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

Each may have ``.gz``, ``.bz2``, ``.xz`` or ``.zst`` after it and is then packed. A ``.zip`` archive with one
file in it is read, not written. All formats keep float32 exactly; all but the first keep words and vectors
only.

A file is written in the format of its suffix. It is read in the format that its contents have: gensim gives
text the name ``.bin`` if nobody names another.
"""

from __future__ import annotations

import re
from pathlib import Path

from firth.errors import InputError
from firth.files.atomic import open_input, open_output
from firth.files.packed import ARCHIVE, PACKINGS
from firth.vectors.formats.header import BYTE_ORDER_MARK, HEADER
from firth.vectors.formats.own import load_own, save_own
from firth.vectors.formats.table import ReadOptions, Table, without_duplicates
from firth.vectors.formats.text import LONGEST_LINE_BYTES, is_number, read_text, usual_dimensions, write_text
from firth.vectors.formats.word2vec_bin import read_word2vec_bin, write_word2vec_bin

OWN = ".safetensors"
"""The suffix of firth's own format."""

_SUFFIXES = {
    OWN: OWN,
    ".vec": ".txt",
    ".glove.txt": ".glove",
    ".txt": ".txt",
    ".glove": ".glove",
    ".bin": ".bin",
}
_PACKED_ENDING = re.compile("|".join(rf"\{packing}$" for packing in PACKINGS))

# The format is told from so many bytes, and from as many more as the line needs that they end in.
_HEAD_BYTES = 1 << 16
# So many lines are enough to tell text from float32 numbers.
_LINES_LOOKED_AT = 20
# Text of 8 letters, taken for a number, is larger.
_NO_SIZE = 1 << 40
_CONTROL_CHARACTERS = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f]")

_GENSIM_ADVICE = (
    "gensim's own files (.kv, .model) are read by gensim only: make one that firth reads in Python, with "
    "gensim.models.KeyedVectors.load(FILE).save_word2vec_format('x.bin', binary=True), or "
    "Word2Vec.load(FILE).wv.save_word2vec_format(…)"
)
# What files begin with that are something else, and what to do with them.
_FOREIGN = {
    b"\xba\x16\x4f\x2f": "a fastText model, not word2vec's binary format; use the .vec file beside it",
    b"\xff\xfe": "text in UTF-16; convert it to UTF-8, with iconv for example",
    b"\xfe\xff": "text in UTF-16; convert it to UTF-8, with iconv for example",
    b"\x1f\x8b": "packed by gzip; give it a name that ends in .gz",
    b"BZh91AY&SY": "packed by bzip2; give it a name that ends in .bz2",
    b"\xfd7zXZ\x00": "packed by xz; give it a name that ends in .xz",
    b"\x28\xb5\x2f\xfd": "packed by zstd; give it a name that ends in .zst",
    b"PK\x03\x04": "a .zip archive; give it a name that ends in .zip",
    b"\x93NUMPY": "an array without words; join them in Python: firth.WordVectors(words, numpy.load(FILE))",
    **{bytes([0x80, protocol]): f"a pickle, which is not read; {_GENSIM_ADVICE}" for protocol in range(2, 6)},
}


def format_of(path: Path) -> str:
    """Return the suffix that stands for the format: .safetensors, .bin, .glove, or .txt (with a header)."""
    name = _PACKED_ENDING.sub("", path.name.lower())
    for ending, suffix in _SUFFIXES.items():
        if name.endswith(ending):
            return suffix
    advice = f"; {_GENSIM_ADVICE}" if name.endswith((".kv", ".model")) else ""
    raise InputError(
        f"{path}: not a known format of word vectors; known are {', '.join(_SUFFIXES)} "
        f"(+ {', '.join(PACKINGS)}){advice}"
    )


def read_table(path: Path, *, mmap: bool, options: ReadOptions) -> Table:
    """Read a file in the format of its contents; see `firth.vectors.word_vectors.load_vectors`."""
    is_archive = path.suffix.lower() == ARCHIVE
    # What is in an archive may have any name.
    suffix = "" if is_archive else format_of(path)
    # Only a file can be read twice, not a pipe.
    if suffix == OWN and not path.is_file():
        return load_own(path, mmap, options.limit)
    with open_input(path) as file:
        head = file.read(_HEAD_BYTES)
        if not _is_own(head, suffix):
            head = head.removeprefix(BYTE_ORDER_MARK)
            for beginning, description in _FOREIGN.items():
                if head.startswith(beginning):
                    raise InputError(f"{path}: {description}")
            head += file.readline(LONGEST_LINE_BYTES)
            read = read_text if _is_text(head, suffix) else read_word2vec_bin
            table = read(head, file, path, options)
            return without_duplicates(table) if options.duplicates == "first" else table
    return load_own(path, mmap, options.limit)


def _is_own(head: bytes, suffix: str) -> bool:
    """Tell whether a file has firth's own format: 8 bytes that are a size, then JSON."""
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") < _NO_SIZE:
        return True
    first = head.removeprefix(BYTE_ORDER_MARK).partition(b"\n")[0]
    return suffix == OWN and not HEADER.fullmatch(first) and usual_dimensions(head) == 0


def _is_text(head: bytes, suffix: str) -> bool:
    """Tell text from word2vec's binary format: half of its lines are a word and d numbers, or more.

    Where there are fewer, characters that text does not have tell, and then the suffix.
    """
    first, _, rest = head.partition(b"\n")
    header = HEADER.fullmatch(first)
    if not header:
        return suffix != ".bin" or usual_dimensions(head) > 0
    dim = int(header[2])
    lines = [line.split() for line in rest.split(b"\n", _LINES_LOOKED_AT)[:_LINES_LOOKED_AT]]
    lines = [fields for fields in lines if fields]
    rows = sum(len(fields) > dim and all(map(is_number, fields[-dim:])) for fields in lines)
    if rows and rows >= len(lines) / 2:
        return True
    return suffix != ".bin" and not _CONTROL_CHARACTERS.search(rest)


def write_table(table: Table, path: Path) -> None:
    """Write a file in the format of its suffix; it replaces an existing one when it is complete."""
    suffix = format_of(path)
    if suffix == OWN:
        save_own(table, path)
        return
    with open_output(path) as file:
        if suffix == ".bin":
            write_word2vec_bin(file, table, path)
        else:
            write_text(file, table, path, has_header=suffix != ".glove")
