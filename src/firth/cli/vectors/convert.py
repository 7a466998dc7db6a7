"""``firth vectors convert``."""
# ruff: noqa: D301 (the character \b in a docstring tells typer to keep the lines below as they are)

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from firth.cli.options import Quiet
from firth.cli.output import check_folder, note
from firth.cli.vectors.arguments import (
    DecodingErrors,
    Duplicates,
    DuplicateWords,
    Errors,
    Header,
    HeaderCount,
    Limit,
    read_vectors,
)


def convert(
    source: Annotated[Path, typer.Argument(metavar="IN", help="Word vectors.", show_default=False)],
    output: Annotated[
        Path,
        typer.Argument(
            metavar="OUT", help="The file to write; its suffix tells the format.", show_default=False
        ),
    ],
    limit: Limit = None,
    errors: Errors = DecodingErrors.strict,
    duplicates: Duplicates = DuplicateWords.first,
    header: Header = HeaderCount.strict,
    quiet: Quiet = False,
) -> None:
    """Write word vectors in another format: the suffix of OUT tells which.

    \b
    .safetensors        firth's own: keeps counts and training history, opens at once
    .vec .txt           text, as word2vec, gensim and fastText write it
    .glove .glove.txt   text without a first line, as GloVe writes it
    .bin                binary, as word2vec and gensim write it

    Each may have .gz, .bz2, .xz or .zst after it; a .zip archive with one file in it can be read. IN is read
    in the format that its contents have.

    \b
    Examples:
      firth vectors convert wiki.safetensors wiki.vec
      firth vectors convert glove.6B.100d.txt glove.safetensors
      firth vectors convert cc.de.300.vec.gz small.safetensors --limit 200000
    """
    from firth.vectors.formats.detect import format_of

    suffix = format_of(output)
    check_folder(output)
    vectors = read_vectors(source, limit, errors, duplicates, header, quiet)
    if suffix != ".safetensors" and (vectors.counts is not None or vectors.history):
        note(f"{output} holds words and vectors only: counts and training history stay in {source}", quiet)
    vectors.save(output)
    if not quiet:
        print(f"Saved {output}: {len(vectors):,} words × {vectors.dim} dimensions.")
