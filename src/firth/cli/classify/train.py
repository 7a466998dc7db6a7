"""``firth classify train``."""
# ruff: noqa: D301 (the character \b in a docstring tells typer to keep the lines below as they are)

from __future__ import annotations

import time
from dataclasses import asdict, fields
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from firth.classification.settings import ClassifierSettings
from firth.cli.classify.inputs import (
    SAME_LABEL,
    InputFormat,
    LabelField,
    LabelledFiles,
    TextField,
    coverage_figures,
    input_option,
    note_coverage,
    note_unknown_labels,
)
from firth.cli.options import AsJson, CheckpointDir, Quiet, Resume, Seed, panel, run_option
from firth.cli.output import duration, note, print_json, warnings_as_notes
from firth.cli.runs import check_outputs, resumable, save_or_rescue
from firth.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from firth.classification.classifier import PhraseClassifier
    from firth.classification.labelled_source import Labelled

model_option = panel("Model")
"""Makes options about what the model consists of."""


class Weighting(Enum):
    """The weight of words in the mean of a phrase."""

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


def train(
    context: typer.Context,
    source: Annotated[
        Path,
        typer.Argument(metavar="TRAIN", help="Labelled texts: see below. May be packed.", show_default=False),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="OUT", help="Where to save.", show_default=False)
    ],
    dev: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Labelled texts to choose the best epoch by.", show_default=False),
    ] = None,
    format: InputFormat = None,
    binary: Annotated[
        bool, input_option("Trees: negative (0, 1) against positive (3, 4), without 2.", "--binary")
    ] = False,
    phrases: Annotated[
        bool, input_option("Trees: train on every phrase, and not on sentences only.", "--phrases")
    ] = False,
    label_field: LabelField = None,
    text_field: TextField = None,
    pretokenized: Annotated[
        bool, input_option("Words are what stands between spaces.", "--pretokenized")
    ] = ClassifierSettings.pretokenized,
    lowercase: Annotated[
        bool, input_option("Put words in lower case or leave them.", "--lowercase/--no-lowercase")
    ] = ClassifierSettings.lowercase,
    vectors: Annotated[
        Path | None,
        model_option("Word vectors to start from.", metavar="FILE", show_default="learned from the texts"),
    ] = None,
    freeze: Annotated[bool, model_option("Leave these vectors as they are.", "--freeze")] = False,
    dim: Annotated[int, model_option("Length of the vectors, without --vectors.")] = ClassifierSettings.dim,
    bigrams: Annotated[
        bool, model_option("Vectors for pairs of words too, hashed.", "--bigrams")
    ] = ClassifierSettings.bigrams,
    weighting: Annotated[Weighting, model_option("The weight of words in the mean.")] = Weighting[
        ClassifierSettings.weighting
    ],
    l2_normalize: Annotated[L2, model_option("What to scale to length 1.")] = L2[
        ClassifierSettings.l2_normalize
    ],
    min_count: Annotated[
        int, model_option("Leave out words and pairs that are rarer.")
    ] = ClassifierSettings.min_count,
    balanced: Annotated[bool, run_option("Give rare labels more weight.", "--balanced")] = False,
    optimizer: Annotated[Optimizer, run_option("How to train.")] = Optimizer[ClassifierSettings.optimizer],
    lr: Annotated[
        float | None, run_option("Learning rate at the start.", show_default="sgd: 0.1; adam: 0.001")
    ] = ClassifierSettings.lr,
    batch_size: Annotated[
        int | None, run_option("Texts in a minibatch.", show_default="sgd: 1; adam: 32")
    ] = ClassifierSettings.batch_size,
    epochs: Annotated[
        int | None,
        run_option("How often to go through the texts.", show_default="10; more for fewer than 5,000 texts"),
    ] = ClassifierSettings.epochs,
    dropout: Annotated[
        float, run_option("Share of a phrase's vector to set to 0 in training.")
    ] = ClassifierSettings.dropout,
    patience: Annotated[
        int | None,
        run_option(
            "Stop after N epochs in a row without a better score on --dev, or on a tenth held out.",
            metavar="N",
            show_default="all epochs",
        ),
    ] = ClassifierSettings.patience,
    threads: Annotated[
        int, run_option("Threads; with one, the same bits every time.")
    ] = ClassifierSettings.threads,
    seed: Seed = ClassifierSettings.seed,
    checkpoint_dir: CheckpointDir = None,
    resume: Resume = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Learn to classify short texts from labelled ones.

    \b
    Labelled texts are
      TSV          label, a tab, text
      CSV          two columns, or a heading such as id,review,sentiment
      JSON Lines   {"label": "good", "text": "…"}; a list of labels for several
      fastText     __label__good text; several such words for several labels
      trees        the Stanford Sentiment Treebank's, one in brackets a line

    A checkpoint is kept every 30 seconds and after Ctrl-C, in the folder OUT.training unless --checkpoint-dir
    names another one. With --resume, a training that was interrupted goes on from there. When the model is
    saved, OUT.training is removed.

    \b
    Examples:
      firth classify train reviews.tsv -o reviews.firth
      firth classify train sst/train.txt --dev sst/dev.txt --binary --phrases -o sst.firth
      firth classify train mails.jsonl -o mails.firth --vectors wiki.safetensors --bigrams --balanced
    """
    from firth.classification.classifier import PhraseClassifier
    from firth.progress import default_progress

    if freeze and vectors is None:
        raise InputError("--freeze needs --vectors, the vectors to leave as they are")
    settings = _settings(context.params)
    check_outputs(output, inputs=(source, dev, vectors), quiet=quiet)
    started = time.perf_counter()
    with resumable(output, checkpoint_dir, resume) as folder:
        files = LabelledFiles(format, label_field, text_field, quiet)
        texts = files.read(source, binary=binary, phrases=phrases)
        held_out = None if dev is None else files.read(dev, binary=binary)
        several = texts.several or (held_out is not None and held_out.several)
        if several:
            note("some texts have several labels or none, so each label is predicted by itself", quiet)
        model = PhraseClassifier(vectors, class_weight="balanced" if balanced else None, **asdict(settings))
        with warnings_as_notes(quiet):
            model.fit(
                texts.texts,
                texts.y(several),
                dev=None if held_out is None else (held_out.texts, held_out.y(several)),
                checkpoint_dir=folder,
                resume=resume,
                progress=default_progress(quiet),
            )
        save_or_rescue(model.save, output, folder, ".firth")
    _note_unknown(model, held_out, dev, quiet)
    seconds = time.perf_counter() - started
    if as_json:
        print_json(_figures(model, texts, seconds))
    elif not quiet:
        _print_result(model, output, len(texts), seconds)


def _settings(given: Mapping[str, Any]) -> ClassifierSettings:
    """Return the settings that options of the command line stand for."""
    chosen = {field.name: given[field.name] for field in fields(ClassifierSettings) if field.name in given}
    values = {name: value.value if isinstance(value, Enum) else value for name, value in chosen.items()}
    return ClassifierSettings(**values, fine_tune=not given["freeze"])


def _note_unknown(model: PhraseClassifier, held_out: Labelled | None, dev: Path | None, quiet: bool) -> None:
    """Note which words and labels the model does not know."""
    from firth.classification.evaluation import find_unknown_labels

    coverage = model.coverage_
    if model.pretrained_words_ is not None and 2 * model.pretrained_words_ >= coverage.words:
        share = 100 * model.pretrained_words_ / coverage.words
        note(
            f"of {coverage.words:,} words, {model.pretrained_words_:,} ({share:.0f} %) have a vector in the "
            "file",
            quiet,
        )
    if coverage.known < coverage.words:
        unknown = coverage.words - coverage.known
        note(f"of {coverage.words:,} words, {unknown:,} have no vector and do not count", quiet)
    note_coverage(coverage, "training texts", "they train only what such texts get", quiet)
    if held_out is not None:
        unknown_labels = find_unknown_labels(held_out.labels, model.label_names)
        note_unknown_labels(unknown_labels, len(held_out), f"{dev}: ", quiet)
        note_coverage(model.encode(held_out.texts).coverage, "dev texts", SAME_LABEL, quiet)


def _figures(model: PhraseClassifier, texts: Labelled, seconds: float) -> dict[str, Any]:
    """Return the figures of ``--json``."""
    best = model.history_[model.best_epoch_ - 1]
    return {
        "texts": len(texts),
        **coverage_figures(model.coverage_),
        "pretrained_words": model.pretrained_words_,
        "passed_over": texts.passed_over,
        "labels": model.label_names,
        "epochs": len(model.history_),
        "best_epoch": model.best_epoch_,
        "loss": best["loss"],
        "dev_accuracy": 100 * best["dev"] if "dev" in best else None,
        "seconds": seconds,
    }


def _print_result(model: PhraseClassifier, output: Path, n_texts: int, seconds: float) -> None:
    best = model.history_[model.best_epoch_ - 1]
    score = f", {100 * best['dev']:.1f} % of the dev decisions right" if "dev" in best else ""
    epoch = f"epoch {model.best_epoch_} of {len(model.history_)}"
    print(
        f"Saved {output}: {len(model.classes_)} labels, {n_texts:,} texts, {epoch}{score}, "
        f"{duration(seconds)}."
    )
