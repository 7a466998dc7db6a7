"""``firth parser train``."""
# ruff: noqa: D301 (the character \b in a docstring tells typer to keep the lines below as they are)

from __future__ import annotations

import shlex
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firth.cli.options import AsJson, CheckpointDir, Quiet, Resume, Seed, Threads
from firth.cli.output import duration, print_json, warnings_as_notes
from firth.cli.parser.scores import FIGURES, RAW_FIGURES, print_scores, selected
from firth.cli.parser.treebanks import read_treebank
from firth.cli.runs import check_outputs, resumable, save_or_rescue

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from firth.parsing.pipeline import Pipeline
    from firth.parsing.scores import Scores
    from firth.text.document import Sentence


def train(
    treebank: Annotated[
        Path,
        typer.Argument(
            metavar="TRAIN",
            help="The treebank to learn from: CoNLL-U, may be packed.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="OUT", help="Where to save the model.", show_default=False),
    ],
    dev: Annotated[
        Path | None,
        typer.Option(
            metavar="DEV",
            help="A treebank that decides which epoch is the best.",
            show_default="a tenth of the sentences of TRAIN, which are not learned then",
        ),
    ] = None,
    vectors: Annotated[
        Path | None,
        typer.Option(
            metavar="VECTORS",
            help="Pretrained word vectors, in any format that firth reads: they make better trees.",
            show_default=False,
        ),
    ] = None,
    text: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="RAW",
            help="Raw text of the same language: how it uses words helps to find sentences. May be given "
            "several times.",
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
    seed: Seed = 1,
    threads: Threads = None,
    checkpoint_dir: CheckpointDir = None,
    resume: Resume = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Learn to read raw text from a treebank: to find words and sentences, to tag them, to draw their trees.

    The same treebank, vectors, text and seed make the same model, to the byte, with any number of threads.

    A checkpoint is kept after each epoch, in the folder OUT.training unless --checkpoint-dir names another
    one. A training that was interrupted goes on from there with --resume, and ends with the same model. When
    the model is saved, OUT.training is removed.

    \b
    Examples:
      firth parser train train.conllu --dev dev.conllu -o my.firth
      firth parser train train.conllu --dev dev.conllu -o my.firth --vectors wiki.safetensors --text wiki.txt
      firth parser train train.conllu --dev dev.conllu -o my.firth --resume
      firth parser train my-only-treebank.conllu -o my.firth
    """
    from firth.parsing.parser.treebank import hold_out
    from firth.parsing.pipeline import Pipeline
    from firth.progress import default_progress
    from firth.vectors.word_vectors import load_vectors

    check_outputs(output, inputs=(treebank, dev, vectors, *(text or ())), quiet=quiet)
    with resumable(output, checkpoint_dir, resume) as folder:
        sentences = read_treebank(treebank)
        dev_sentences = None if dev is None else read_treebank(dev)
        pretrained = None if vectors is None else load_vectors(vectors)
        started = time.perf_counter()
        pipeline = Pipeline.train(
            sentences,
            dev_sentences,
            pretrained,
            text=text or (),
            epochs=epochs,
            seed=seed,
            threads=threads,
            checkpoint_dir=folder,
            resume=resume,
            progress=default_progress(quiet),
        )
        seconds = time.perf_counter() - started
        save_or_rescue(pipeline.save, output, folder, ".firth")
    learned, scored = hold_out(sentences, seed) if dev_sentences is None else (sentences, dev_sentences)
    n_held_out = len(scored) if dev_sentences is None else 0
    with warnings_as_notes(quiet):
        scores = {} if quiet and not as_json else _scores(pipeline, scored)
    if as_json:
        _print_json(pipeline, output, learned, scores, n_held_out, seconds)
    elif not quiet:
        name = f"{n_held_out:,} held-out sentences of {treebank}" if dev is None else str(dev)
        _print_result(output, name, scores, seconds)


def _print_json(
    pipeline: Pipeline,
    output: Path,
    sentences: Sequence[Sentence],
    scores: Mapping[str, Scores],
    n_held_out: int,
    seconds: float,
) -> None:
    print_json(
        {
            "output": str(output),
            "bytes": output.stat().st_size,
            "seconds": seconds,
            "sentences": len(sentences),
            "words": sum(map(len, sentences)),
            "held_out_sentences": n_held_out,
            "dev": {
                "raw": selected(scores["raw text"], RAW_FIGURES),
                "own_tags": selected(scores["gold words"], FIGURES),
                "gold_tags": selected(scores["gold words and tags"], FIGURES),
            },
            "history": pipeline.parser.metadata["history"],
        }
    )


def _print_result(output: Path, dev: str, scores: Mapping[str, Scores], seconds: float) -> None:
    """Print the file, the scores, and the next commands to try."""
    file = shlex.quote(str(output))
    print(f"Saved {output}: {output.stat().st_size / 1e6:.1f} MB, trained for {duration(seconds)}.")
    print_scores(scores, title=f"Scores on {dev}, in percent")
    print("Try next:")
    print(f"  firth parser evaluate {file} TEST.conllu --raw")
    print(f"  firth parse --model {file} YOUR-TEXT.txt")


def _scores(pipeline: Pipeline, sentences: Sequence[Sentence]) -> dict[str, Scores]:
    """Return the scores of a pipeline that is given raw text, gold words, or gold words and tags."""
    return {
        "raw text": pipeline.evaluate(sentences),
        "gold words": pipeline.parser.evaluate(sentences),
        "gold words and tags": pipeline.parser.evaluate(sentences, given_tags=True),
    }
