"""Arguments and options that several commands of ``firth vectors`` have, and how they read vectors."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firth.cli.options import panel
from firth.cli.output import warnings_as_notes

if TYPE_CHECKING:
    from firth.vectors.word_vectors import WordVectors

_reading_option = panel("Reading vectors")


class DecodingErrors(Enum):
    """What to do with words that are not UTF-8."""

    strict = "strict"
    replace = "replace"
    ignore = "ignore"


class DuplicateWords(Enum):
    """What to do with words that occur twice."""

    first = "first"
    error = "error"


class HeaderCount(Enum):
    """What to do with a header that announces another number of vectors than there are."""

    strict = "strict"
    ignore = "ignore"


VectorsFile = Annotated[
    Path,
    typer.Argument(
        metavar="VECTORS",
        help="Word vectors: .safetensors, .vec, .txt, .glove, .bin, also with .gz .bz2 .xz .zst; or a .zip.",
        show_default=False,
    ),
]
Limit = Annotated[
    int | None,
    _reading_option("Read the first N vectors only.", metavar="N", min=1, show_default="all"),
]
Errors = Annotated[
    DecodingErrors,
    _reading_option("Words that are not UTF-8: an error, or replace or leave out the bytes in question."),
]
Duplicates = Annotated[
    DuplicateWords, _reading_option("Words that occur twice: keep the first vector, or an error.")
]
Header = Annotated[
    HeaderCount,
    _reading_option("A header that announces another number of vectors: an error, or take what is there."),
]


def read_vectors(
    path: Path,
    limit: int | None,
    errors: DecodingErrors,
    duplicates: DuplicateWords,
    header: HeaderCount,
    quiet: bool,
) -> WordVectors:
    """Read word vectors; what was changed or left out is told as a note."""
    from firth.vectors.word_vectors import load_vectors

    with warnings_as_notes(quiet):
        return load_vectors(
            path,
            limit=limit,
            errors=errors.value,
            duplicates=duplicates.value,
            header=header.value,
        )
