"""Labelled texts and models: the options for them, reading them, and notes about what they lack."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firth.cli.options import panel
from firth.cli.output import note

if TYPE_CHECKING:
    from firth.classification.encoding import Coverage
    from firth.classification.evaluation import UnknownLabels
    from firth.classification.labelled_source import Labelled

SAME_LABEL = "all such texts get the same label"


class Format(Enum):
    """How labelled texts are written."""

    tsv = "tsv"
    csv = "csv"
    jsonl = "jsonl"
    fasttext = "fasttext"
    trees = "trees"


input_option = panel("Input")
"""Makes options about how labelled texts are read."""

InputFormat = Annotated[
    Format | None,
    input_option("How labelled texts are written.", "--format", show_default="by suffix or first line"),
]
LabelField = Annotated[
    str | None,
    input_option(
        "Field of JSON Lines, or name or number of the column, with the label.", show_default="by usual names"
    ),
]
TextField = Annotated[
    str | None,
    input_option(
        "Field of JSON Lines, or name or number of the column, with the text.", show_default="by usual names"
    ),
]
ModelFile = Annotated[
    Path, typer.Argument(metavar="MODEL", help="What `firth classify train` saved.", show_default=False)
]


@dataclass(frozen=True)
class LabelledFiles:
    """Reads files of labelled texts, and notes what was skipped in them."""

    format: Format | None
    label_field: str | None
    text_field: str | None
    quiet: bool

    def read(self, path: Path, *, binary: bool, phrases: bool = False) -> Labelled:
        """Read one; see `firth.classification.labelled.read`."""
        from firth.classification.labelled import read

        labelled = read(
            path,
            None if self.format is None else self.format.value,
            binary=binary,
            phrases=phrases,
            label_field=self.label_field,
            text_field=self.text_field,
        )
        for message in labelled.notes:
            note(message, self.quiet)
        if labelled.passed_over:
            counts = " and ".join(f"{n:,} {name}" for name, n in labelled.passed_over.items())
            note(f"{path}: {counts} passed over, {len(labelled):,} texts taken", self.quiet)
        return labelled

    def holds_trees(self, path: Path) -> bool:
        """Return whether a file holds trees."""
        from firth.classification.labelled import detect

        return self.format is Format.trees or (self.format is None and detect(path) == "trees")


def note_unknown_labels(unknown: UnknownLabels, n_texts: int, where: str, quiet: bool) -> None:
    """Note how many texts have labels that the model does not know, if any."""
    if unknown.texts:
        some = ", ".join(unknown.names[:5])
        more = f" and {len(unknown.names) - 5} more" if len(unknown.names) > 5 else ""
        note(
            f"{where}of {n_texts:,} texts, {unknown.texts:,} have labels that the model was not trained on "
            f"({some}{more}): they count as wrong",
            quiet,
        )


def note_coverage(coverage: Coverage, name: str, consequence: str, quiet: bool) -> None:
    """Note how many texts have no known word, if any."""
    if coverage.empty or coverage.unknown:
        note(
            f"of {coverage.texts:,} {name}, {coverage.empty:,} have no word and {coverage.unknown:,} no "
            f"known word: {consequence}",
            quiet,
        )


def coverage_figures(coverage: Coverage) -> dict[str, int]:
    """Return the figures of ``--json`` on known words."""
    return {
        "words": coverage.words,
        "known": coverage.known,
        "empty": coverage.empty,
        "no_known_word": coverage.unknown,
    }
