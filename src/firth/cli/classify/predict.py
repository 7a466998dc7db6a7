"""``firth classify predict``."""
# ruff: noqa: D301 (the character \b in a docstring tells typer to keep the lines below as they are)

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from firth.cli.classify.inputs import SAME_LABEL, ModelFile, note_coverage
from firth.cli.options import Quiet
from firth.cli.output import print_json

if TYPE_CHECKING:
    from firth.classification.classifier import PhraseClassifier


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
    text has several labels, they and their probabilities are separated by commas.

    \b
    Examples:
      firth classify predict reviews.firth new.txt
      tail -f comments.log | firth classify predict reviews.firth --json
    """
    from firth.classification.classifier import PhraseClassifier
    from firth.classification.encoding import Coverage
    from firth.text.stream import lines_as_they_come

    model = PhraseClassifier.load(model_file)
    total = Coverage()
    for lines in lines_as_they_come(source):
        labels, probabilities, coverage = model.label_texts(lines)
        for of_text, row in zip(labels, probabilities.tolist(), strict=True):
            _print_prediction(model, of_text, row, as_json)
        sys.stdout.flush()
        total += coverage
    note_coverage(total, "texts", SAME_LABEL, quiet)


def _print_prediction(
    model: PhraseClassifier, labels: tuple[str, ...], probabilities: list[float], as_json: bool
) -> None:
    by_label = dict(zip(model.label_names, probabilities, strict=True))
    if not as_json:
        print(",".join(labels), ",".join(f"{by_label[label]:.4f}" for label in labels), sep="\t")
    elif model.multi_label:
        print_json({"labels": labels, "probabilities": by_label})
    else:
        print_json({"label": labels[0], "probabilities": by_label})
