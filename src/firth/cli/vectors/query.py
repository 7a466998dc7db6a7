"""``firth vectors similar`` and ``firth vectors analogy``."""
# ruff: noqa: D301 (the character \b in a docstring tells typer to keep the lines below as they are)

from __future__ import annotations

from typing import Annotated

import typer

from firth.cli.options import AsJson, Quiet
from firth.cli.output import print_json, print_table
from firth.cli.vectors.arguments import (
    DecodingErrors,
    Duplicates,
    DuplicateWords,
    Errors,
    Header,
    HeaderCount,
    Limit,
    VectorsFile,
    read_vectors,
)


def similar(
    vectors: VectorsFile,
    word: Annotated[str, typer.Argument(metavar="WORD", help="The word.", show_default=False)],
    n: Annotated[int, typer.Option("-n", min=1, help="How many neighbours.")] = 10,
    limit: Limit = None,
    errors: Errors = DecodingErrors.strict,
    duplicates: Duplicates = DuplicateWords.first,
    header: Header = HeaderCount.strict,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Print the words nearest to a word, with their cosine similarities.

    \b
    Examples:
      firth vectors similar wiki.safetensors coffee
      firth vectors similar wiki.safetensors coffee -n 25 --json
    """
    loaded = read_vectors(vectors, limit, errors, duplicates, header, quiet)
    neighbours = loaded.most_similar(word, topn=n)
    _print_neighbours(neighbours, {"word": word}, f"nearest to {word}", as_json)


def analogy(
    vectors: VectorsFile,
    a: Annotated[str, typer.Argument(metavar="A", show_default=False)],
    b: Annotated[str, typer.Argument(metavar="B", show_default=False)],
    c: Annotated[str, typer.Argument(metavar="C", show_default=False)],
    n: Annotated[int, typer.Option("-n", min=1, help="How many answers.")] = 10,
    limit: Limit = None,
    errors: Errors = DecodingErrors.strict,
    duplicates: Duplicates = DuplicateWords.first,
    header: Header = HeaderCount.strict,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Complete an analogy: what is to C as B is to A.

    \b
    Examples:
      firth vectors analogy wiki.safetensors man king woman
      firth vectors analogy wiki.safetensors france paris italy -n 3
    """
    loaded = read_vectors(vectors, limit, errors, duplicates, header, quiet)
    answers = loaded.analogy(a, b, c, topn=n)
    _print_neighbours(answers, {"a": a, "b": b, "c": c}, f"{a} is to {b} as {c} is to …", as_json)


def _print_neighbours(
    neighbours: list[tuple[str, float]], question: dict[str, str], title: str, as_json: bool
) -> None:
    if as_json:
        found = [{"word": word, "similarity": similarity} for word, similarity in neighbours]
        print_json({**question, "neighbours": found})
    else:
        rows = [(word, f"{similarity:.4f}") for word, similarity in neighbours]
        print_table(("word", "cosine"), rows, title=title)
