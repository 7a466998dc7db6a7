"""``firth parser``: train a parser on a treebank, and score it."""
# ruff: noqa: D301 (the character \b in a docstring tells typer to keep the lines below as they are)

from __future__ import annotations

import shlex
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from firth.cli.options import AsJson, Quiet
from firth.cli.output import check_folder, duration, in_one_line, note, print_json, print_table
from firth.errors import FirthError, InputError

if TYPE_CHECKING:
    from firth.parsing.evaluation import Scores
    from firth.parsing.pipeline import Pipeline
    from firth.text.document import Sentence

app = typer.Typer(no_args_is_help=True, help="Train a parser on a treebank, and score it.")

_FIGURES = ("UAS", "LAS", "CLAS", "UPOS", "XPOS", "FEATS", "lemmas")
_RAW_FIGURES = (*_FIGURES, "words_f1", "sentences_f1")
_CONFUSIONS_ON_A_SCREEN = 30


@app.command()
def train(
    treebank: Annotated[
        Path,
        typer.Argument(
            metavar="TRAIN",
            help="The treebank to learn from: CoNLL-U, also .gz or .xz.",
            show_default=False,
        ),
    ],
    dev: Annotated[
        Path,
        typer.Option(
            metavar="DEV",
            help="A treebank that decides which epoch is the best.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="MODEL", help="Where to save.", show_default=False),
    ],
    vectors: Annotated[
        Path | None,
        typer.Option(
            metavar="VECTORS",
            help="Pretrained word vectors, in any format that firth reads: they make better trees.",
            show_default=False,
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="How often the parser goes through the treebank.",
            show_default="16; up to 60 if it is small",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Start of the random numbers.")] = 1,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads to train with.", show_default="all cores")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a training that was interrupted.")
    ] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Learn to read raw text from a treebank: to find words and sentences, to tag them, to draw their trees.

    The same treebank, vectors and seed make the same model, to the byte, with any number of threads.

    After each epoch, a checkpoint is kept in the folder MODEL.training; it is gone when the model is saved. A
    training that was interrupted goes on from there with --resume, and ends with the same model.

    \b
    Examples:
      firth parser train train.conllu --dev dev.conllu -o my.firth
      firth parser train train.conllu --dev dev.conllu -o my.firth --vectors wiki.safetensors
      firth parser train train.conllu --dev dev.conllu -o my.firth --resume
    """
    from firth.parsing.pipeline import Pipeline
    from firth.progress import default_progress
    from firth.runs.run import holds_checkpoints

    # All that could go wrong at the end is checked before the work begins.
    check_folder(output)
    for given in (treebank, dev, vectors):
        if given is not None and output.exists() and given.exists() and output.samefile(given):
            raise InputError(f"{output}: is {given}, which would be written over; save elsewhere")
    checkpoints = Path(f"{output}.training")
    if not resume and holds_checkpoints(checkpoints):
        raise InputError(
            f"{checkpoints}: holds a training that was interrupted; go on with it: {_resuming()}, "
            "or remove the folder to start afresh"
        )
    train_sentences, dev_sentences = _sentences(treebank), _sentences(dev)
    known = None
    if vectors is not None:
        from firth.vectors.word_vectors import load_vectors

        known = load_vectors(vectors)
    if output.exists():
        note(f"{output} exists and will be replaced when training is complete", quiet)

    started = time.perf_counter()
    try:
        pipeline = Pipeline.train(
            train_sentences,
            dev_sentences,
            known,
            epochs=epochs,
            seed=seed,
            threads=threads,
            checkpoint_dir=checkpoints,
            resume=resume,
            progress=default_progress(quiet),
        )
    except BaseException as error:
        with suppress(OSError):
            checkpoints.rmdir()  # if there is nothing in it
        if isinstance(error, KeyboardInterrupt):
            raise KeyboardInterrupt(_what_is_kept(checkpoints)) from None
        raise
    seconds = time.perf_counter() - started
    _save(pipeline, output, checkpoints)

    scores = _dev_scores(pipeline, dev_sentences)
    if as_json:
        print_json(
            {
                "output": str(output),
                "bytes": output.stat().st_size,
                "seconds": seconds,
                "sentences": len(train_sentences),
                "words": sum(map(len, train_sentences)),
                "dev": {
                    "raw": _named(scores["raw text"], _RAW_FIGURES),
                    "own_tags": _named(scores["gold words"], _FIGURES),
                    "gold_tags": _named(scores["gold words and tags"], _FIGURES),
                },
                "history": pipeline.parser.metadata["history"],
            }
        )
    elif not quiet:
        file = shlex.quote(str(output))
        print(f"Saved {output}: {output.stat().st_size / 1e6:.1f} MB, trained for {duration(seconds)}.")
        _print_scores(scores, title=f"Scores on {dev}, in percent")
        print("Try next:")
        print(f"  firth parser evaluate {file} TEST.conllu --raw")
        print(f"  firth parse --model {file} YOUR-TEXT.txt")


def _sentences(treebank: Path) -> list[Sentence]:
    """Read a treebank, which must not be empty."""
    from firth.text import conllu

    sentences = conllu.load(treebank)
    if not sentences:
        raise InputError(f"{treebank}: is empty; give a treebank with at least one sentence")
    return sentences


def _resuming() -> str:
    return shlex.join(["firth", *sys.argv[1:], *([] if "--resume" in sys.argv else ["--resume"])])


def _what_is_kept(checkpoints: Path) -> str:
    """Say, after Ctrl-C, what was kept and how to go on."""
    if not checkpoints.exists():
        return "before the first checkpoint; nothing was written"
    return f"a checkpoint is kept in {checkpoints}; go on with: {_resuming()}"


def _save(pipeline: Pipeline, output: Path, checkpoints: Path) -> None:
    """Save the model, and remove the checkpoints, which are of no more use.

    Raises
    ------
    InputError
        It cannot be saved; the message says that the checkpoints are still there.
    """
    from firth.runs.checkpoints import SUFFIX

    try:
        pipeline.save(output)
    except (FirthError, OSError) as error:
        raise InputError(
            f"{in_one_line(error)}; training is kept in {checkpoints}: mend this, then {_resuming()}"
        ) from None
    # Nothing but what training writes there; a file of somebody else keeps its folder.
    for file in (*checkpoints.glob(f"*{SUFFIX}"), *checkpoints.glob(".firth-*")):
        file.unlink()
    with suppress(OSError):
        checkpoints.rmdir()


def _dev_scores(pipeline: Pipeline, dev: list[Sentence]) -> dict[str, Scores]:
    return {
        "raw text": pipeline.evaluate(dev),
        "gold words": pipeline.parser.evaluate(dev),
        "gold words and tags": pipeline.parser.evaluate(dev, given_tags=True),
    }


@app.command()
def evaluate(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL", help="A model file, or en: the one that comes with firth.", show_default=False
        ),
    ],
    gold: Annotated[
        Path,
        typer.Argument(
            metavar="GOLD", help="The treebank to compare with: CoNLL-U, also .gz or .xz.", show_default=False
        ),
    ],
    gold_tags: Annotated[
        bool, typer.Option("--gold-tags", help="The parser reads the tags of the treebank, not its own.")
    ] = False,
    raw: Annotated[
        bool, typer.Option("--raw", help="The parser finds words and sentences in the text itself.")
    ] = False,
    punctuation: Annotated[
        bool, typer.Option("--punctuation/--no-punctuation", help="Whether punctuation counts.")
    ] = True,
    subtypes: Annotated[
        bool, typer.Option("--subtypes", help="nsubj:pass is not nsubj; usually, they are the same.")
    ] = False,
    relations: Annotated[bool, typer.Option("--relations", help="Figures of each relation too.")] = False,
    confusions: Annotated[
        bool, typer.Option("--confusions", help="Which relations are taken for which others.")
    ] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Score a parser on a treebank, by the conventions of the CoNLL 2018 shared task.

    UAS, LAS: words with the right head; with the right head and relation. CLAS: LAS of content words. UPOS,
    XPOS, FEATS, lemmas: words with the right tag, features, lemma. All in percent; with --raw, F1. Words are
    those of the treebank, unless there is --raw; tags and lemmas are the parser's own, unless there is
    --gold-tags.

    \b
    Examples:
      firth parser evaluate my.firth test.conllu
      firth parser evaluate my.firth test.conllu --raw --json
      firth parser evaluate my.firth test.conllu --gold-tags --relations --confusions
    """
    from firth.parsing.parser.parser import Parser
    from firth.parsing.pipeline import load, model_file

    if raw and gold_tags:
        raise InputError(
            "--raw and --gold-tags: words that the parser finds itself have no gold tags; choose one"
        )
    if raw and (subtypes or not punctuation):
        raise InputError("--no-punctuation and --subtypes are for gold words: leave them out with --raw")
    sentences = _sentences(gold)
    scores: Scores
    if raw:
        name, scores = "raw text", load(model).evaluate(sentences)
    else:
        name = "gold words and tags" if gold_tags else "gold words"
        scores = Parser.load(model_file(model)).evaluate(
            sentences, given_tags=gold_tags, punctuation=punctuation, subtypes=subtypes
        )
    if as_json:
        figures: dict[str, Any] = _named(scores, _RAW_FIGURES if raw else _FIGURES)
        if relations:
            figures["relations"] = _relations(scores)
        if confusions:
            figures["confusions"] = [
                {"gold": right, "system": given, "words": count}
                for (right, given), count in scores.confusions.items()
            ]
        print_json(figures)
        return
    counted = f"{scores.n_sentences:,} sentences, {scores.n_words:,} words"
    _print_scores({name: scores}, title=f"{model} on {gold}: {counted}; in percent")
    if relations:
        _print_relations(scores)
    if confusions:
        _print_confusions(scores)


def _named(scores: Scores, names: tuple[str, ...]) -> dict[str, float]:
    figures = scores.to_dict()
    return {name: figures[name] for name in names}


def _print_scores(scores: dict[str, Scores], title: str) -> None:
    """Print a line of figures for each way of scoring."""
    columns = [name for name in _RAW_FIGURES if any(name in s.to_dict() for s in scores.values())]
    rows = []
    for name, of_name in scores.items():
        figures = of_name.to_dict()
        rows.append([name, *(f"{figures[c]:.2f}" if c in figures else "–" for c in columns)])
    titles = [column.replace("_f1", " F1") for column in columns]
    print_table(["", *titles], rows, title=title, header_when_piped=True)


def _relations(scores: Scores) -> dict[str, dict[str, float]]:
    return {
        relation: {
            "gold": figures.gold,
            "precision": figures.precision,
            "recall": figures.recall,
            "F1": figures.f1,
            "attachment": figures.attachment,
        }
        for relation, figures in scores.relations.items()
    }


def _print_relations(scores: Scores) -> None:
    rows = [
        [relation, f"{gold}", *(f"{figure:.1f}" for figure in figures)]
        for relation, (gold, *figures) in ((name, of.values()) for name, of in _relations(scores).items())
    ]
    columns = ("relation", "words", "precision", "recall", "F1", "head right")
    print_table(columns, rows, title="Relations", header_when_piped=True)


def _print_confusions(scores: Scores) -> None:
    found = list(scores.confusions.items())
    title = "Relations that were taken for others"
    if sys.stdout.isatty() and len(found) > _CONFUSIONS_ON_A_SCREEN:
        title += f": the {_CONFUSIONS_ON_A_SCREEN} most frequent pairs of {len(found)}; all with --json"
        del found[_CONFUSIONS_ON_A_SCREEN:]
    rows = [(right, given, f"{count}") for (right, given), count in found]
    print_table(("relation", "taken for", "words"), rows, title=title, header_when_piped=True)
