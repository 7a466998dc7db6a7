"""Which format a file of word vectors has: its suffix tells.

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

import re
from pathlib import Path

from firth.errors import InputError
from firth.files.atomic import open_input, open_output
from firth.vectors.formats.own import load_own, save_own
from firth.vectors.formats.table import Table
from firth.vectors.formats.text import read_text, write_text
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


def format_of(path: Path) -> str:
    """Return the suffix that stands for the format: .safetensors, .bin, .glove, or .txt (with a header)."""
    name = re.sub(r"\.[gx]z$", "", path.name.lower())
    for ending, suffix in _SUFFIXES.items():
        if name.endswith(ending):
            return suffix
    raise InputError(
        f"{path}: not a known format of word vectors; known are {', '.join(_SUFFIXES)} (+ .gz, .xz)"
    )


def read_table(path: Path, *, mmap: bool) -> Table:
    """Read a file in the format of its suffix; `mmap`: see `firth.vectors.word_vectors.load_vectors`."""
    suffix = format_of(path)
    if suffix == OWN:
        return load_own(path, mmap)
    with open_input(path) as file:
        return read_word2vec_bin(file, path) if suffix == ".bin" else read_text(file, path)


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
