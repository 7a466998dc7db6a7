"""``firth classify evaluate``."""
# ruff: noqa: D301 (the character \b in a docstring tells typer to keep the lines below as they are)

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firth.cli.classify.inputs import (
    SAME_LABEL,
    InputFormat,
    LabelField,
    LabelledFiles,
    ModelFile,
    TextField,
    coverage_figures,
    input_option,
    note_coverage,
    note_unknown_labels,
)
from firth.cli.options import AsJson, Quiet
from firth.cli.output import check_folder, print_json, print_table
from firth.errors import InputError

if TYPE_CHECKING:
    from firth.classification.encoding import Coverage
    from firth.classification.evaluation import Evaluation


def evaluate(
    model_file: ModelFile,
    source: Annotated[
        Path, typer.Argument(metavar="GOLD", help="Labelled texts, as for train.", show_default=False)
    ],
    format: InputFormat = None,
    phrases: Annotated[
        bool, input_option("Trees: evaluate on every phrase, and not on sentences only.", "--phrases")
    ] = False,
    label_field: LabelField = None,
    text_field: TextField = None,
    confusion: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Draw which labels are predicted for which: .png or .svg.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Compare predicted labels with true ones: accuracy, F1, confusion matrix.

    Trees are read with the labels that the model has: negative and positive, or 0 to 4. Texts without a known
    word are evaluated like others, and texts whose label the model does not know count as wrong. A note says
    how many there are.

    \b
    Examples:
      firth classify evaluate sst.firth sst/test.txt
      firth classify evaluate reviews.firth test.tsv --json
      firth classify evaluate reviews.firth test.tsv --confusion confusion.svg
    """
    from firth.classification import evaluation
    from firth.classification.classifier import PhraseClassifier
    from firth.classification.labelled_source import as_y

    _check_picture(confusion)
    model = PhraseClassifier.load(model_file)
    files = LabelledFiles(format, label_field, text_field, quiet)
    binary = model.label_names == ["negative", "positive"] and files.holds_trees(source)
    texts = files.read(source, binary=binary, phrases=phrases)
    if texts.several and not model.multi_label:
        raise InputError(f"{source}: texts have several labels or none, but the model gives one to each")
    predicted, _, coverage = model.label_texts(texts.texts)
    result = evaluation.evaluate(texts.y(model.multi_label), as_y(predicted, model.multi_label))
    unknown = evaluation.find_unknown_labels(texts.labels, model.label_names)
    note_unknown_labels(unknown, len(texts), "", quiet)
    note_coverage(coverage, "texts", SAME_LABEL, quiet)
    if confusion is not None:
        _draw(result, confusion, source)
    if as_json:
        figures = {"unseen_labels": unknown.texts, "passed_over": texts.passed_over}
        print_json({**result.to_dict(), **coverage_figures(coverage), **figures})
    else:
        _print_evaluation(result, coverage)


def _check_picture(path: Path | None) -> None:
    if path is not None:
        from firth.show.confusion import CONFUSION_SUFFIXES
        from firth.show.maps import check_suffix

        check_suffix(path, CONFUSION_SUFFIXES)
        check_folder(path)


def _draw(result: Evaluation, path: Path, source: Path) -> None:
    """Draw the confusion matrix."""
    from firth.show.confusion import plot_confusion

    if result.confusion is None:
        raise InputError("a confusion matrix needs one label a text, and these may have several")
    labels = [score.label for score in result.labels]
    title = f"{source.name}: accuracy {result.accuracy:.1f} %, macro-F1 {result.macro_f1:.1f} %"
    plot_confusion(result.confusion, labels, path, title=title)


def _print_evaluation(result: Evaluation, coverage: Coverage) -> None:
    from firth.show.confusion import format_confusion

    rows = [
        (score.label, f"{score.precision:.1f}", f"{score.recall:.1f}", f"{score.f1:.1f}", f"{score.texts}")
        for score in result.labels
    ]
    columns = ["label", "precision", "recall", "F1", "texts"]
    print_table(columns, rows, title="By label", header_when_piped=True)
    print(
        f"\naccuracy {result.accuracy:.2f}  macro-F1 {result.macro_f1:.2f}  of {result.texts:,} texts, "
        f"{coverage.known:,} of {coverage.words:,} words known"
    )
    if result.confusion is not None:
        print("\n" + format_confusion(result.confusion, [score.label for score in result.labels]), end="")
