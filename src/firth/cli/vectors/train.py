"""``firth vectors train``."""
# ruff: noqa: D301 (the character \b in a docstring tells typer to keep the lines below as they are)

from __future__ import annotations

import shlex
from dataclasses import fields
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from firth.cli.options import AsJson, CheckpointDir, Quiet, Resume, Seed, Threads, panel, run_option
from firth.cli.output import duration, print_json
from firth.cli.runs import check_outputs, resumable, save_or_rescue
from firth.errors import InputError
from firth.vectors.trainers.settings import ExactSoftmaxSettings, SkipGramSettings

if TYPE_CHECKING:
    from firth.vectors.trainers.trainer import VectorTrainer
    from firth.vectors.word_vectors import WordVectors

_model, _text = panel("Model"), panel("Text")


class OnBadText(Enum):
    """How to treat bytes that are not UTF-8."""

    strict = "strict"
    replace = "replace"


_ON_BAD_TEXT = OnBadText(SkipGramSettings.errors)


class Objective(Enum):
    """The loss that training minimises."""

    negative_sampling = "negative-sampling"
    softmax = "softmax"


def train(
    context: typer.Context,
    corpus: Annotated[
        list[str],
        typer.Argument(
            metavar="CORPUS",
            help="Text files (also .gz .xz .zst .bz2), JSON Lines, folders, patterns; - is standard input.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="OUT",
            help="Where to save: .safetensors, .vec, .txt, .glove, .bin (+ .gz, .xz).",
            show_default=False,
        ),
    ],
    objective: Annotated[
        Objective, _model("softmax is exact, and slow with more than about 20,000 words (--max-vocab).")
    ] = Objective.negative_sampling,
    dim: Annotated[int, _model("Numbers in a vector.")] = SkipGramSettings.dim,
    window: Annotated[int, _model("Words on each side that count as context.")] = SkipGramSettings.window,
    negative: Annotated[
        int, _model("Noise words drawn for each pair of words; not for softmax.")
    ] = SkipGramSettings.negative,
    epochs: Annotated[
        int,
        _model(
            "Passes over the text.",
            show_default=f"{SkipGramSettings.epochs}; softmax: until it converges",
        ),
    ] = SkipGramSettings.epochs,
    min_count: Annotated[int, _model("Leave out words that are rarer.")] = SkipGramSettings.min_count,
    max_vocab: Annotated[
        int | None, _model("Keep only this many words, the most frequent.", show_default="all")
    ] = SkipGramSettings.max_vocab,
    sample: Annotated[
        float, _model("Thin out words more frequent than this share; 0: none.")
    ] = SkipGramSettings.sample,
    lr: Annotated[
        float,
        _model(
            "Learning rate at the start; it falls to almost 0.",
            show_default=f"{SkipGramSettings.lr:g}; softmax: {ExactSoftmaxSettings.lr:g}",
        ),
    ] = SkipGramSettings.lr,
    pretokenized: Annotated[
        bool, _text("The text is tokenised already: split it at white space only.", "--pretokenized")
    ] = SkipGramSettings.pretokenized,
    lowercase: Annotated[
        bool | None,
        _text(
            "Whether to lowercase words.",
            "--lowercase/--no-lowercase",
            show_default="lower case, unless --pretokenized",
        ),
    ] = None,
    field: Annotated[str, _text("Field of JSON Lines that holds the text.")] = SkipGramSettings.field,
    errors: Annotated[OnBadText, _text("Stop at bytes that are not UTF-8, or replace them.")] = _ON_BAD_TEXT,
    heldout: Annotated[
        str | None,
        _text(
            "Text to compute the loss on after each epoch, not trained on: a file, or a share such as 0.02.",
            metavar="FILE|SHARE",
            show_default=False,
        ),
    ] = None,
    patience: Annotated[
        int | None,
        run_option(
            "Stop after N epochs in a row without a lower held-out loss, and keep the best.",
            metavar="N",
            show_default="all epochs",
        ),
    ] = None,
    threads: Threads = SkipGramSettings.threads,
    seed: Seed = SkipGramSettings.seed,
    deterministic: Annotated[
        bool,
        run_option(
            "The same bits in every run, also with several threads; slower. softmax always does this.",
            "--deterministic",
        ),
    ] = SkipGramSettings.deterministic,
    checkpoint_dir: CheckpointDir = None,
    resume: Resume = False,
    curve: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw the training curve: .png or .svg.", show_default=False),
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Learn word vectors from text: skip-gram, with negative sampling or the exact softmax.

    One line of text is one sentence or paragraph. It is split into words by Unicode's rules, in lower case.
    JSON Lines are recognised by the name (.jsonl, .ndjson, .json) or by a JSON object in the first line.

    \b
    Examples:
      firth vectors train corpus.txt -o corpus.safetensors
      firth vectors train wiki.txt.xz news/ -o all.safetensors --dim 300 --epochs 3
      firth vectors train corpus.txt -o exact.safetensors --objective softmax --max-vocab 20000
      firth vectors train corpus.txt -o x.vec --epochs 20 --heldout 0.02 --patience 2
      zcat big.gz | firth vectors train - -o big.vec --min-count 20
    """
    from firth.progress import default_progress

    trainer = _make_trainer(
        context,
        objective,
        lowercase=not pretokenized if lowercase is None else lowercase,
        errors=errors.value,
    )
    held_out = _share_or_file(heldout)
    if patience is not None and heldout is None:
        raise InputError("--patience needs --heldout, the text to judge by: a file, or a share such as 0.02")
    _check_files(corpus, held_out, output, curve, trainer.dim, quiet)
    with resumable(output, checkpoint_dir, resume) as folder:
        vectors = trainer.fit(
            corpus,
            heldout=held_out,
            patience=patience,
            checkpoint_dir=folder,
            resume=resume,
            progress=default_progress(quiet),
        )
        save_or_rescue(vectors.save, output, folder, ".safetensors")
    if curve is not None:
        from firth.show.maps import plot_history

        plot_history(vectors.history, curve)
    if as_json:
        print_json(_summary(vectors, output))
    elif not quiet:
        _print_summary(vectors, output)


def _make_trainer(context: typer.Context, objective: Objective, **more: Any) -> VectorTrainer:
    """Return the trainer of an objective, with the options that are its settings and with `more`."""
    if objective is Objective.negative_sampling:
        from firth.vectors.trainers.skipgram import SkipGram

        return SkipGram(**_settings(context, SkipGramSettings) | more)
    from firth.vectors.trainers.exact_softmax import ExactSoftmax

    for name in ("deterministic", "negative"):
        if _is_given(context, name):
            raise InputError(f"--{name} is for negative sampling only: leave it out with --objective softmax")
    settings = _settings(context, ExactSoftmaxSettings)
    # The command line has the defaults of negative sampling.
    for name in ("epochs", "lr"):
        if not _is_given(context, name):
            del settings[name]
    return ExactSoftmax(**settings | more)


def _settings(context: typer.Context, of: type[SkipGramSettings | ExactSoftmaxSettings]) -> dict[str, Any]:
    """Return the options that are settings of a trainer."""
    return {setting.name: context.params[setting.name] for setting in fields(of)}


def _is_given(context: typer.Context, name: str) -> bool:
    """Return whether an option was given, and does not have its default."""
    source = context.get_parameter_source(name)
    return source is not None and source.name != "DEFAULT"


def _share_or_file(heldout: str | None) -> float | str | None:
    """Return the value of --heldout as a trainer takes it."""
    try:
        return None if heldout is None else float(heldout)
    except ValueError:
        return heldout


def _check_files(
    corpus: list[str], held_out: float | str | None, output: Path, curve: Path | None, dim: int, quiet: bool
) -> None:
    """Check before the work begins that its results can be written when it ends."""
    from firth.text.corpus import Corpus
    from firth.vectors.formats.detect import format_of

    if format_of(output) == ".glove" and dim == 1:
        raise InputError(f"{output}: this format cannot hold vectors of one number; write a .vec file")
    if curve is not None:
        from firth.show import maps

        maps.check_suffix(curve, maps.CURVE_SUFFIXES)
    for text in (corpus, held_out):
        for written in (output, curve):
            if isinstance(text, (list, str)) and written is not None:
                Corpus(text).check_output(written)
    check_outputs(output, curve, inputs=(), quiet=quiet)


def _summary(vectors: WordVectors, output: Path) -> dict[str, Any]:
    """Return the object that ``--json`` prints."""
    return {
        "output": str(output),
        "words": len(vectors),
        "dim": vectors.dim,
        "corpus_words": vectors.history[-1]["words"],
        "seconds": sum(epoch["seconds"] for epoch in vectors.history),
        "objective": vectors.metadata["objective"],
        **_final_figures(vectors),
        "history": vectors.history,
    }


def _final_figures(vectors: WordVectors) -> dict[str, Any]:
    """Return the losses of trained vectors, at the epoch that they come from."""
    held_out = vectors.metadata.get("heldout")
    epoch = vectors.history[held_out["epoch"] - 1] if held_out else vectors.history[-1]
    figures: dict[str, Any] = {"loss": vectors.metadata.get("loss", epoch["loss"])}
    if "perplexity" in vectors.metadata:
        figures["perplexity"] = vectors.metadata["perplexity"]
    if held_out:
        figures["heldout"] = held_out
    return figures


def _print_summary(vectors: WordVectors, output: Path) -> None:
    from firth.show.maps import choose_words

    history = vectors.history
    figures = _final_figures(vectors)
    seconds = sum(epoch["seconds"] for epoch in history)
    words = choose_words(vectors, 50)
    word = vectors.words[words[len(words) // 2]]
    file = shlex.quote(str(output))
    print(f"Saved {output}: {len(vectors):,} words × {vectors.dim} dimensions.")
    print(f"Read {history[-1]['words']:,} words of text, trained for {duration(seconds)}.")
    print(f"Loss per pair, by epoch: {_by_epoch(history, 'loss')}")
    if "perplexity" in figures:
        print(f"Exact loss per pair: {figures['loss']:.4f}, perplexity {figures['perplexity']:,.1f}.")
    if held_out := figures.get("heldout"):
        print(f"Held-out loss per pair, by epoch: {_by_epoch(history, 'heldout')}")
        print(
            f"The vectors are those of epoch {held_out['epoch']}: held-out loss {held_out['loss']:.4f}, "
            f"on {held_out['known']:,} words that are in the vocabulary."
        )
    print("Try next:")
    print(f"  firth vectors similar {file} {shlex.quote(word)}")
    print(f"  firth vectors plot {file} -o map.html")


def _by_epoch(history: list[dict[str, float]], name: str) -> str:
    figures = [f"{epoch[name]:.4f}" for epoch in history]
    if len(figures) > 8:
        figures[4:-3] = ["…"]
    return "  ".join(figures)
