"""``firth classify predict``."""
# ruff: noqa: D301 (the character \b in a docstring tells typer to keep the lines below as they are)

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from firth.cli.classify.inputs import SAME_LABEL, ModelFile, note_coverage
from firth.cli.options import Quiet
from firth.cli.output import note, print_json

if TYPE_CHECKING:
    from firth.classification.classifier import PhraseClassifier

# What separates labels, ends a line, or would be taken for the beginning of a quoted label.
_NEEDS_QUOTES = re.compile('[,"\t\n\r\v\f\x1c-\x1e\x85\u2028\u2029]')


def predict(
    model_file: ModelFile,
    source: Annotated[
        str, typer.Argument(metavar="[FILE|-]", help="Texts, one a line; - is standard input.")
    ] = "-",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a JSON object a line, with all probabilities.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Print the label of each line, and its probability, as the lines come.

    An empty line is a text without a word: there is exactly one line of output for each line of input. If a
    text has several labels, they and their probabilities are separated by commas. A label that holds a comma,
    a quote, a tab or a line end is written as a JSON string, in quotes.

    Labels that lines have already, as in files to evaluate on, are left out, and a note says so.

    \b
    Examples:
      firth classify predict reviews.firth new.txt
      tail -f comments.log | firth classify predict reviews.firth --json
    """
    from firth.classification.classifier import PhraseClassifier
    from firth.classification.encoding import Coverage
    from firth.classification.given_labels import GivenLabels
    from firth.text.stream import lines_as_they_come

    model = PhraseClassifier.load(model_file)
    given = GivenLabels(model.label_names)
    total = Coverage()
    for lines in lines_as_they_come(source):
        labels, probabilities, coverage = model.label_texts(given.texts(lines))
        for of_text, row in zip(labels, probabilities.tolist(), strict=True):
            _print_prediction(model, of_text, row, as_json)
        sys.stdout.flush()
        total += coverage
    if given.note is not None:
        note(given.note, quiet)
    note_coverage(total, "texts", SAME_LABEL, quiet)


def _print_prediction(
    model: PhraseClassifier, labels: tuple[str, ...], probabilities: list[float], as_json: bool
) -> None:
    by_label = dict(zip(model.label_names, probabilities, strict=True))
    if not as_json:
        names = map(_quoted_if_needed, labels)
        print(",".join(names), ",".join(f"{by_label[label]:.4f}" for label in labels), sep="\t")
    elif model.multi_label:
        print_json({"labels": labels, "probabilities": by_label})
    else:
        print_json({"label": labels[0], "probabilities": by_label})


def _quoted_if_needed(label: str) -> str:
    """Return a label so that it can be read back from between commas and tabs."""
    return json.dumps(label, ensure_ascii=False) if _NEEDS_QUOTES.search(label) else label
