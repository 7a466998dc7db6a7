"""Scores of a parser: tables for people, objects for JSON."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from firth.cli.output import print_table

if TYPE_CHECKING:
    from firth.parsing.scores import Scores

FIGURES = ("UAS", "LAS", "CLAS", "UPOS", "XPOS", "FEATS", "lemmas")
RAW_FIGURES = (*FIGURES, "words_f1", "sentences_f1")

_MOST_CONFUSIONS_ON_A_SCREEN = 30


def selected(scores: Scores, figures: tuple[str, ...]) -> dict[str, Any]:
    """Return some figures of scores, by their names."""
    of_scores = scores.to_dict()
    return {name: of_scores[name] for name in figures}


def relations_for_json(scores: Scores) -> dict[str, dict[str, float]]:
    """Return the figures of each relation."""
    return {relation: figures.to_dict() for relation, figures in scores.relations.items()}


def confusions_for_json(scores: Scores) -> list[dict[str, Any]]:
    """Return which relations were taken for which others, and how often."""
    return [
        {"gold": gold, "system": system, "words": count}
        for (gold, system), count in scores.confusions.items()
    ]


def print_scores(scores: Mapping[str, Scores], title: str) -> None:
    """Print a line of figures for each way of scoring."""
    figures = {name: of_name.to_dict() for name, of_name in scores.items()}
    columns = [name for name in RAW_FIGURES if any(name in row for row in figures.values())]
    rows = [
        [name, *(f"{row[column]:.2f}" if column in row else "–" for column in columns)]
        for name, row in figures.items()
    ]
    titles = [column.replace("_f1", " F1") for column in columns]
    print_table(["", *titles], rows, title=title, header_when_piped=True)


def print_relations(scores: Scores) -> None:
    """Print a line of figures for each relation."""
    rows = [
        [
            relation,
            f"{figures.gold}",
            *(f"{f:.1f}" for f in (figures.precision, figures.recall, figures.f1, figures.attachment)),
        ]
        for relation, figures in scores.relations.items()
    ]
    columns = ("relation", "words", "precision", "recall", "F1", "head right")
    print_table(columns, rows, title="Relations", header_when_piped=True)


def print_confusions(scores: Scores) -> None:
    """Print which relations were taken for which others: on a terminal only the most frequent pairs."""
    pairs = list(scores.confusions.items())
    title = "Relations that were taken for others"
    if sys.stdout.isatty() and len(pairs) > _MOST_CONFUSIONS_ON_A_SCREEN:
        title += f": the {_MOST_CONFUSIONS_ON_A_SCREEN} most frequent pairs of {len(pairs)}; all with --json"
        del pairs[_MOST_CONFUSIONS_ON_A_SCREEN:]
    rows = [(gold, system, f"{count}") for (gold, system), count in pairs]
    print_table(("relation", "taken for", "words"), rows, title=title, header_when_piped=True)
