"""``firth vectors plot``."""
# ruff: noqa: D301 (the character \b in a docstring tells typer to keep the lines below as they are)

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firth.cli.options import Quiet
from firth.cli.output import check_folder, print_table, warnings_as_notes
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

if TYPE_CHECKING:
    from firth.vectors.word_vectors import WordVectors


class Method(Enum):
    """How to lay words out in the plane."""

    pca = "pca"
    tsne = "tsne"


def plot(
    vectors: VectorsFile,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="The picture: .png, .svg, or .html (zooms, finds words).",
            show_default=False,
        ),
    ],
    words: Annotated[
        str | None,
        typer.Option(
            metavar="W1,W2,…[;W3,…]",
            help="The words to show; semicolons between groups that should be alike.",
            show_default="frequent content words",
        ),
    ] = None,
    n: Annotated[int, typer.Option("-n", min=1, help="How many words, unless --words names them.")] = 200,
    method: Annotated[
        Method | None,
        typer.Option(help="How to lay words out.", show_default="tsne, for few words pca"),
    ] = None,
    title: Annotated[str | None, typer.Option(help="The heading.", show_default=False)] = None,
    limit: Limit = None,
    errors: Errors = DecodingErrors.strict,
    duplicates: Duplicates = DuplicateWords.first,
    header: Header = HeaderCount.strict,
    quiet: Quiet = False,
) -> None:
    """Draw a map: similar words near each other.

    With groups of words, it also lists the clusters by cosine, and the words that are more similar to another
    group than to their own.

    \b
    Examples:
      firth vectors plot wiki.safetensors -o map.html
      firth vectors plot wiki.safetensors -o family.png --words mother,father,sister,brother
      firth vectors plot wiki.safetensors -o groups.svg --words "tea,coffee,milk;rain,snow,wind"
    """
    from firth.show import maps

    maps.check_suffix(output, maps.MAP_SUFFIXES)
    check_folder(output)
    groups = [] if words is None else [part for part in map(_words_of, words.split(";")) if part]
    chosen = None if words is None else [word for group in groups for word in group]
    loaded = read_vectors(vectors, limit, errors, duplicates, header, quiet)
    listing = _list_groups(loaded, groups) if len(groups) > 1 else None
    with warnings_as_notes(quiet):
        maps.plot_map(
            loaded,
            output,
            words=chosen,
            n=n,
            method=None if method is None else method.value,
            title=title,
            groups=len(groups) if len(groups) > 1 else None,
        )
    if quiet:
        return
    print(f"Drew {output}")
    if listing is not None:
        rows, lines = listing
        print_table(["cluster", "mean cosine"], rows, title="Clusters by cosine", header_when_piped=True)
        print(*lines, sep="\n")


def _words_of(text: str) -> list[str]:
    return [word for word in map(str.strip, text.split(",")) if word]


def _list_groups(vectors: WordVectors, groups: list[list[str]]) -> tuple[list[tuple[str, str]], list[str]]:
    """Return rows about the clusters of words, and lines about the words that are far from their group."""
    from firth.vectors.groups import cosine_clusters, strays

    clusters = cosine_clusters(vectors, [word for group in groups for word in group], len(groups))
    rows = [
        (", ".join(cluster.words), "–" if cluster.cosine is None else f"{cluster.cosine:.2f}")
        for cluster in clusters
    ]
    lines = [
        f"Far from its group: {stray.word} (mean cosine {stray.own:.2f}; {stray.other:.2f} with "
        f"{', '.join(stray.nearest)})"
        for stray in strays(vectors, groups)
    ]
    return rows, lines or ["No word is far from its group."]
