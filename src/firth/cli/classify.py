"""``firth classify``: train a classifier of short texts, judge it, and use it."""
# ruff: noqa: D301 (the character \b in a docstring tells typer to keep the lines below as they are)

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from firth.cli.options import AsJson, Quiet
from firth.cli.output import check_folder, duration, note, print_json, print_table
from firth.errors import InputError

if TYPE_CHECKING:
    from firth.classification.classifier import PhraseClassifier
    from firth.classification.encoding import Coverage
    from firth.classification.evaluation import Evaluation
    from firth.classification.labelled import Labelled

_SAME_LABEL = "all such texts get the same label"

app = typer.Typer(no_args_is_help=True, help="Train a classifier of short texts, judge it, and use it.")


class Format(Enum):
    """How labelled texts are written."""

    tsv = "tsv"
    csv = "csv"
    jsonl = "jsonl"
    fasttext = "fasttext"
    trees = "trees"


class Weighting(Enum):
    """What words weigh in the mean of a phrase."""

    mean = "mean"
    sif = "sif"
    idf = "idf"


class L2(Enum):
    """What is scaled to length 1."""

    none = "none"
    words = "words"
    phrase = "phrase"


class Optimizer(Enum):
    """How parameters follow their gradients."""

    sgd = "sgd"
    adam = "adam"


def _option(panel: str, help: str, *names: str, **settings: Any) -> Any:
    return typer.Option(*names, help=help, rich_help_panel=panel, **settings)


InputFormat = Annotated[
    Format | None,
    _option("Input", "How labelled texts are written.", "--format", show_default="by suffix or first line"),
]
LabelField = Annotated[str, _option("Input", "Field of JSON Lines, or column of a heading, with the label.")]
TextField = Annotated[str, _option("Input", "The same for the text.")]
Model = Annotated[
    Path, typer.Argument(metavar="MODEL", help="What `firth classify train` saved.", show_default=False)
]


@app.command()
def train(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="TRAIN", help="Labelled texts: see below. May be packed (.gz, .xz).", show_default=False
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="MODEL", help="Where to save.", show_default=False)
    ],
    dev: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Labelled texts to choose the best epoch by.", show_default=False),
    ] = None,
    format: InputFormat = None,
    binary: Annotated[
        bool, _option("Input", "Trees: negative (0, 1) against positive (3, 4), without 2.", "--binary")
    ] = False,
    phrases: Annotated[
        bool, _option("Input", "Trees: train on every phrase, and not on sentences only.", "--phrases")
    ] = False,
    label_field: LabelField = "label",
    text_field: TextField = "text",
    pretokenized: Annotated[
        bool, _option("Input", "Words are what stands between spaces.", "--pretokenized")
    ] = False,
    lowercase: Annotated[
        bool, _option("Input", "Put words in lower case or leave them.", "--lowercase/--no-lowercase")
    ] = True,
    vectors: Annotated[
        Path | None,
        _option(
            "Model", "Word vectors to start from.", metavar="FILE", show_default="learned from the texts"
        ),
    ] = None,
    freeze: Annotated[bool, _option("Model", "Leave these vectors as they are.", "--freeze")] = False,
    dim: Annotated[int, _option("Model", "Numbers in a vector, without --vectors.")] = 100,
    bigrams: Annotated[
        bool, _option("Model", "Vectors for pairs of words too, hashed.", "--bigrams")
    ] = False,
    weighting: Annotated[Weighting, _option("Model", "What words weigh in the mean.")] = Weighting.mean,
    l2_normalize: Annotated[L2, _option("Model", "What to scale to length 1.")] = L2.none,
    min_count: Annotated[int, _option("Model", "Leave out words and pairs that are rarer.")] = 1,
    balanced: Annotated[bool, _option("Run", "Let rare labels weigh more.", "--balanced")] = False,
    optimizer: Annotated[Optimizer, _option("Run", "How to train.")] = Optimizer.sgd,
    lr: Annotated[
        float | None, _option("Run", "Learning rate at the start.", show_default="sgd: 0.1; adam: 0.001")
    ] = None,
    batch_size: Annotated[
        int | None, _option("Run", "Texts in a minibatch.", show_default="sgd: 1; adam: 32")
    ] = None,
    epochs: Annotated[int, _option("Run", "How often to go through the texts.")] = 10,
    dropout: Annotated[float, _option("Run", "Share of a phrase's vector to set to 0 in training.")] = 0.0,
    patience: Annotated[
        int | None,
        _option(
            "Run",
            "Stop after N epochs in a row without a better score on --dev, or on a tenth held out.",
            metavar="N",
            show_default="all epochs",
        ),
    ] = None,
    threads: Annotated[int, _option("Run", "Threads; with one, the same bits every time.")] = 1,
    seed: Annotated[int, _option("Run", "Start of the random numbers.")] = 1,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Learn to classify short texts from labelled ones.

    \b
    Labelled texts are
      TSV          label, a tab, text
      CSV          two columns, or a heading that names label and text
      JSON Lines   {"label": "good", "text": "…"}; a list of labels for several
      fastText     __label__good text; several such words for several labels
      trees        the Stanford Sentiment Treebank's, one in brackets a line

    \b
    Examples:
      firth classify train reviews.tsv -o reviews.firth
      firth classify train sst/train.txt --dev sst/dev.txt --binary --phrases -o sst.firth
      firth classify train mails.jsonl -o mails.firth --vectors wiki.safetensors --bigrams --balanced
    """
    from firth.classification.classifier import PhraseClassifier
    from firth.progress import default_progress

    check_folder(output)
    for read in (source, dev):
        if read is not None and read.exists() and output.exists() and read.samefile(output):
            raise InputError(f"{output}: would be written over what is read from it; choose another name")
    if freeze and vectors is None:
        raise InputError("--freeze needs --vectors, the vectors to leave as they are")
    started = time.perf_counter()
    texts = _read(source, format, binary, phrases, label_field, text_field, quiet)
    held_out = None
    if dev is not None:
        held_out = _read(dev, format, binary, False, label_field, text_field, quiet)
    several = texts.several or (held_out is not None and held_out.several)
    if several:
        note("some texts have several labels or none, so each label is predicted by itself", quiet)
    model = PhraseClassifier(
        vectors,
        dim=dim,
        fine_tune=not freeze,
        bigrams=bigrams,
        weighting=weighting.value,
        l2_normalize=l2_normalize.value,
        class_weight="balanced" if balanced else None,
        optimizer=optimizer.value,
        lr=lr,
        batch_size=batch_size,
        epochs=epochs,
        dropout=dropout,
        patience=patience,
        min_count=min_count,
        lowercase=lowercase,
        pretokenized=pretokenized,
        threads=threads,
        seed=seed,
    )
    model.fit(
        texts.texts,
        texts.y(several),
        dev=None if held_out is None else (held_out.texts, held_out.y(several)),
        progress=default_progress(quiet),
    )
    model.save(output)
    words, known = model.coverage_.words, model.coverage_.known
    if known < words:
        note(f"of {words:,} words, {words - known:,} have no vector and do not count", quiet)
    _tell_coverage(model.coverage_, "training texts", "they train only what such texts get", quiet)
    if held_out is not None:
        _tell_unseen(held_out, model, f"{dev}: ", quiet)
        _tell_coverage(model.encode(held_out.texts).coverage, "dev texts", _SAME_LABEL, quiet)
    best = model.history_[model.best_epoch_ - 1]
    figures = {
        "texts": len(texts),
        "words": words,
        "known": known,
        "empty": model.coverage_.empty,
        "no_known_word": model.coverage_.unknown,
        "passed_over": texts.passed_over,
        "labels": model.label_names,
        "epochs": len(model.history_),
        "best_epoch": model.best_epoch_,
        "loss": best["loss"],
        "dev_accuracy": 100 * best["dev"] if "dev" in best else None,
        "seconds": time.perf_counter() - started,
    }
    if as_json:
        print_json(figures)
    elif not quiet:
        score = f", {100 * best['dev']:.1f} % of the dev decisions right" if "dev" in best else ""
        epoch = f"epoch {model.best_epoch_} of {len(model.history_)}"
        spent = duration(time.perf_counter() - started)
        print(f"Saved {output}: {len(model.classes_)} labels, {len(texts):,} texts, {epoch}{score}, {spent}.")


@app.command()
def evaluate(
    model_file: Model,
    source: Annotated[
        Path, typer.Argument(metavar="GOLD", help="Labelled texts, as for train.", show_default=False)
    ],
    format: InputFormat = None,
    phrases: Annotated[
        bool, _option("Input", "Trees: judge by every phrase, and not by sentences only.", "--phrases")
    ] = False,
    label_field: LabelField = "label",
    text_field: TextField = "text",
    confusion: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Draw which labels are taken for which: .png or .svg.", show_default=False
        ),
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Compare predicted labels with true ones: accuracy, F1, confusion matrix.

    Trees are read with the labels that the model has: negative and positive, or 0 to 4. Texts without a known
    word are judged like others, and texts whose label the model does not know count as wrong; how many there
    are is told.

    \b
    Examples:
      firth classify evaluate sst.firth sst/test.txt
      firth classify evaluate reviews.firth test.tsv --json
      firth classify evaluate reviews.firth test.tsv --confusion confusion.svg
    """
    from firth.classification import evaluation
    from firth.classification.classifier import PhraseClassifier

    if confusion is not None:
        from firth.show.confusion import CONFUSION_SUFFIXES
        from firth.show.maps import check_suffix

        check_suffix(confusion, CONFUSION_SUFFIXES)
        check_folder(confusion)
    model = PhraseClassifier.load(model_file)
    binary = model.label_names == ["negative", "positive"] and _is_trees(source, format)
    texts = _read(source, format, binary, phrases, label_field, text_field, quiet)
    if texts.several and not model.multi_label:
        raise InputError(f"{source}: texts have several labels or none, but the model gives one to each")
    predicted, _, coverage = model.label_texts(texts.texts)
    if model.multi_label:
        result = evaluation.evaluate(texts.labels, predicted)
    else:
        gold, found = ([label for (label,) in labels] for labels in (texts.labels, predicted))
        result = evaluation.evaluate(gold, found)
    n_unseen = _tell_unseen(texts, model, "", quiet)
    _tell_coverage(coverage, "texts", _SAME_LABEL, quiet)
    if confusion is not None:
        if result.confusion is None:
            raise InputError("a confusion matrix needs one label a text, and these may have several")
        from firth.show.confusion import plot_confusion

        plot_confusion(
            result.confusion, [score.label for score in result.labels], confusion,
            title=f"{source.name}: accuracy {result.accuracy:.1f} %, macro-F1 {result.macro_f1:.1f} %",
        )  # fmt: skip
    if as_json:
        print_json(_as_json(result, coverage, texts, n_unseen))
    else:
        _print_evaluation(result, coverage)


@app.command()
def predict(
    model_file: Model,
    source: Annotated[
        str, typer.Argument(metavar="[FILE|-]", help="Texts, one a line; - is standard input.")
    ] = "-",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a JSON object a line, with all probabilities.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Print the label of each line, and its probability, as the lines come.

    An empty line is a text without a word: there is exactly one line of output for each of input. With
    several labels, they and their probabilities are separated by commas.

    \b
    Examples:
      firth classify predict reviews.firth new.txt
      tail -f comments.log | firth classify predict reviews.firth --json
    """
    from firth.classification.classifier import PhraseClassifier

    model = PhraseClassifier.load(model_file)
    totals = [0, 0, 0]
    for lines in _lines_as_they_come(source):
        labels, probabilities, coverage = model.label_texts(lines)
        for of_text, row in zip(labels, probabilities.tolist(), strict=True):
            _print_prediction(model, of_text, row, as_json)
        sys.stdout.flush()
        totals = [
            a + b for a, b in zip(totals, (coverage.texts, coverage.empty, coverage.unknown), strict=True)
        ]
    n, empty, unknown = totals
    if empty or unknown:
        note(
            f"of {n:,} texts, {empty:,} have no word and {unknown:,} no known word: {_SAME_LABEL}",
            quiet,
        )


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


def _read(
    path: Path,
    format: Format | None,
    binary: bool,
    phrases: bool,
    label_field: str,
    text_field: str,
    quiet: bool,
) -> Labelled:
    from firth.classification.labelled import read

    labelled = read(
        path,
        None if format is None else format.value,
        binary=binary,
        phrases=phrases,
        label_field=label_field,
        text_field=text_field,
    )
    if labelled.passed_over:
        counts = " and ".join(f"{n:,} {what}" for what, n in labelled.passed_over.items())
        note(f"{path}: {counts} passed over, {len(labelled):,} texts taken", quiet)
    return labelled


def _is_trees(path: Path, format: Format | None) -> bool:
    from firth.classification.labelled import detect

    return format is Format.trees or (format is None and detect(path) == "trees")


def _tell_unseen(texts: Labelled, model: PhraseClassifier, where: str, quiet: bool) -> int:
    """Tell how many texts have labels that the model does not know, and return it."""
    known = set(model.label_names)
    unseen = [set(labels) - known for labels in texts.labels]
    n = sum(map(bool, unseen))
    if n:
        names = sorted(set().union(*unseen))
        some = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        note(
            f"{where}of {len(texts):,} texts, {n:,} have labels that the model was not trained on ({some}): "
            "they count as wrong",
            quiet,
        )
    return n


def _tell_coverage(coverage: Coverage, what: str, consequence: str, quiet: bool) -> None:
    if coverage.empty or coverage.unknown:
        note(
            f"of {coverage.texts:,} {what}, {coverage.empty:,} have no word and {coverage.unknown:,} no "
            f"known word: {consequence}",
            quiet,
        )


def _as_json(result: Evaluation, coverage: Coverage, texts: Labelled, unseen: int) -> dict[str, Any]:
    return {
        "accuracy": result.accuracy,
        "macro_f1": result.macro_f1,
        "micro_f1": result.micro_f1,
        "texts": result.texts,
        "words": coverage.words,
        "known": coverage.known,
        "empty": coverage.empty,
        "no_known_word": coverage.unknown,
        "unseen_labels": unseen,
        "passed_over": texts.passed_over,
        "labels": {
            score.label: {
                "texts": score.texts,
                "precision": score.precision,
                "recall": score.recall,
                "f1": score.f1,
            }
            for score in result.labels
        },
        "confusion": None if result.confusion is None else result.confusion.tolist(),
    }


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


@contextmanager
def _opened(source: str) -> Iterator[BinaryIO]:
    from firth.files.atomic import open_input

    if source == "-":
        yield sys.stdin.buffer
    else:
        with open_input(source) as file:
            yield file


def _lines_as_they_come(source: str) -> Iterator[list[str]]:
    """Give the lines of a stream, as many at a time as there are without waiting."""
    done, rest = 0, b""
    with _opened(source) as file:
        read = getattr(file, "read1", file.read)  # lzma and gzip have it too
        while block := read(1 << 16):
            *lines, rest = (rest + block).split(b"\n")
            if lines:
                yield [_decoded(line, done + i, source) for i, line in enumerate(lines, start=1)]
                done += len(lines)
        if rest:
            yield [_decoded(rest, done + 1, source)]


def _decoded(line: bytes, number: int, source: str) -> str:
    where = f"{'standard input' if source == '-' else source}:{number}"
    try:
        text = line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r")
    except UnicodeDecodeError:
        raise InputError(f"{where}: not valid UTF-8; convert it to UTF-8") from None
    if "\0" in text:
        from firth.text.splitting import nul_byte

        raise nul_byte(where)
    return text
