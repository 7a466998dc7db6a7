"""``firth vectors``: train word vectors, ask them questions, judge, draw and convert them."""
# ruff: noqa: D301 (the character \b in a docstring tells typer to keep the lines below as they are)

from __future__ import annotations

import shlex
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from firth.cli.common import (
    AsJson,
    Quiet,
    check_folder,
    duration,
    in_one_line,
    note,
    print_json,
    print_table,
    warnings_as_notes,
)
from firth.errors import FirthError, InputError

if TYPE_CHECKING:
    from firth.vectors.evaluation import AnalogyResult, AnalogyScore
    from firth.vectors.word_vectors import WordVectors

app = typer.Typer(
    no_args_is_help=True, help="Train word vectors, ask them questions, judge, draw and convert them."
)

VectorsFile = Annotated[
    Path,
    typer.Argument(
        metavar="VECTORS",
        help="Word vectors: .safetensors, .vec, .txt, .glove, .bin, also with .gz or .xz.",
        show_default=False,
    ),
]


class OnBadText(Enum):
    """What to do about bytes that are not UTF-8."""

    strict = "strict"
    replace = "replace"


class Method(Enum):
    """How to lay words out in the plane."""

    pca = "pca"
    tsne = "tsne"


def _panel(name: str) -> Callable[..., Any]:
    """Make options that stand together in ``--help``."""

    def option(help: str, *names: str, **settings: Any) -> Any:
        return typer.Option(*names, help=help, rich_help_panel=name, **settings)

    return option


_model, _text, _run = _panel("Model"), _panel("Text"), _panel("Run")


@app.command()
def train(
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
    dim: Annotated[int, _model("Numbers in a vector.")] = 100,
    window: Annotated[int, _model("Words on each side that count as context.")] = 5,
    negative: Annotated[int, _model("Noise words drawn for each pair of words.")] = 5,
    epochs: Annotated[int, _model("How often to go through the text.")] = 5,
    min_count: Annotated[int, _model("Leave out words that are rarer.")] = 5,
    max_vocab: Annotated[
        int | None, _model("Keep only so many words, the most frequent.", show_default="all")
    ] = None,
    sample: Annotated[float, _model("Thin out words more frequent than this share; 0: none.")] = 1e-3,
    lr: Annotated[float, _model("Learning rate at the start; it falls to almost 0.")] = 0.025,
    pretokenized: Annotated[
        bool, _text("The text is cut already: words are what stands between spaces.", "--pretokenized")
    ] = False,
    lowercase: Annotated[
        bool | None,
        _text(
            "Put words in lower case or leave them.",
            "--lowercase/--no-lowercase",
            show_default="lower case, unless --pretokenized",
        ),
    ] = None,
    field: Annotated[str, _text("Field of JSON Lines that holds the text.")] = "text",
    errors: Annotated[
        OnBadText, _text("Stop at bytes that are not UTF-8, or replace them.")
    ] = OnBadText.strict,
    threads: Annotated[int | None, _run("Threads to train with.", show_default="all cores")] = None,
    seed: Annotated[int, _run("Start of the random numbers.")] = 1,
    deterministic: Annotated[
        bool, _run("Same bits every time, with several threads too; slower.", "--deterministic")
    ] = False,
    checkpoint_dir: Annotated[
        Path | None, _run("Keep checkpoints here, to resume from.", metavar="DIR")
    ] = None,
    resume: Annotated[bool, _run("Go on from the last checkpoint in --checkpoint-dir.", "--resume")] = False,
    curve: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw the training curve: .png or .svg.", show_default=False),
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Learn word vectors from text (skip-gram with negative sampling).

    One line of text is one sentence or paragraph. Words are found by Unicode's rules and put in lower case.
    JSON Lines are told by the name (.jsonl, .ndjson, .json) or by a JSON object in the first line.

    \b
    Examples:
      firth vectors train corpus.txt -o corpus.safetensors
      firth vectors train wiki.txt.xz news/ -o all.safetensors --dim 300 --epochs 3
      zcat big.gz | firth vectors train - -o big.vec --min-count 20
    """
    from firth.progress import default_progress
    from firth.text.corpus import Corpus
    from firth.vectors.formats import format_of
    from firth.vectors.skipgram import SkipGram

    # All that could go wrong at the end is checked before the work begins.
    if format_of(output) == ".glove" and dim == 1:
        raise InputError(f"{output}: this format cannot hold vectors of one number; write a .vec file")
    reading = Corpus(corpus)
    reading.check_output(output)
    check_folder(output)
    if curve is not None:
        from firth.show import maps

        maps.check_suffix(curve, maps.CURVE_SUFFIXES)
        reading.check_output(curve)
        check_folder(curve)
    if resume and checkpoint_dir is None:
        raise InputError("--resume needs --checkpoint-dir, the folder to resume from")
    if output.exists():
        note(f"{output} exists and will be replaced when training is complete", quiet)

    model = SkipGram(
        dim=dim,
        window=window,
        negative=negative,
        epochs=epochs,
        min_count=min_count,
        sample=sample,
        lr=lr,
        max_vocab=max_vocab,
        seed=seed,
        threads=threads,
        deterministic=deterministic,
        lowercase=not pretokenized if lowercase is None else lowercase,
        pretokenized=pretokenized,
        field=field,
        errors=errors.value,
    )
    try:
        vectors = model.fit(
            corpus, checkpoint_dir=checkpoint_dir, resume=resume, progress=default_progress(quiet)
        )
    except KeyboardInterrupt:
        raise KeyboardInterrupt(_what_is_kept(checkpoint_dir)) from None
    _save(vectors, output, checkpoint_dir)
    if curve is not None:
        maps.plot_history(vectors.history, curve)

    if as_json:
        print_json(
            {
                "output": str(output),
                "words": len(vectors),
                "dim": vectors.dim,
                "corpus_words": vectors.history[-1]["words"],
                "seconds": sum(epoch["seconds"] for epoch in vectors.history),
                "loss": vectors.history[-1]["loss"],
                "history": vectors.history,
            }
        )
    elif not quiet:
        _print_summary(vectors, output)


def _what_is_kept(checkpoint_dir: Path | None) -> str:
    """Say, after Ctrl-C, what was kept and how to go on."""
    if checkpoint_dir is None:
        return "nothing was written (with --checkpoint-dir, training can be resumed)"
    if not any(checkpoint_dir.glob("checkpoint*")):
        return "before the first checkpoint; nothing was written"
    return f"a checkpoint is kept in {checkpoint_dir}; go on with: {_resuming()}"


def _resuming() -> str:
    return shlex.join(["firth", *sys.argv[1:], *([] if "--resume" in sys.argv else ["--resume"])])


def _save(vectors: WordVectors, output: Path, checkpoint_dir: Path | None) -> None:
    """Save vectors as asked for or, if that fails after hours of work, where it is possible.

    Raises
    ------
    InputError
        They are not in `output`; the message says where they are.
    """
    try:
        vectors.save(output)
        return
    except (FirthError, OSError) as error:
        failure = in_one_line(error)
    if checkpoint_dir is not None:
        raise InputError(f"{failure}; training is kept in {checkpoint_dir}: mend this, then {_resuming()}")
    for folder in (output.parent, Path(), Path(tempfile.gettempdir())):
        rescued = folder / time.strftime("firth-rescued-%Y%m%d-%H%M%S.safetensors")
        with suppress(FirthError, OSError):
            vectors.save(rescued)
            break
    else:
        raise InputError(f"{failure}; the vectors could not be saved elsewhere, and are lost")
    raise InputError(f"{failure}; the vectors were saved as {rescued} instead")


def _print_summary(vectors: WordVectors, output: Path) -> None:
    from firth.show.maps import choose_words

    history = vectors.history
    losses = [f"{epoch['loss']:.4f}" for epoch in history]
    if len(losses) > 8:
        losses[4:-3] = ["…"]
    seconds = sum(epoch["seconds"] for epoch in history)
    words = choose_words(vectors, 50)
    word = vectors.words[words[len(words) // 2]] if len(words) else vectors.words[0]
    file = shlex.quote(str(output))
    print(f"Saved {output}: {len(vectors):,} words × {vectors.dim} dimensions.")
    print(f"Read {history[-1]['words']:,} words of text, trained for {duration(seconds)}.")
    print(f"Loss per pair, by epoch: {'  '.join(losses)}")
    print("Try next:")
    print(f"  firth vectors similar {file} {shlex.quote(word)}")
    print(f"  firth vectors plot {file} -o map.html")


@app.command()
def similar(
    vectors: VectorsFile,
    word: Annotated[str, typer.Argument(metavar="WORD", help="The word.", show_default=False)],
    n: Annotated[int, typer.Option("-n", min=1, help="How many neighbours.")] = 10,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Print the words nearest to a word, with their cosine similarities.

    \b
    Examples:
      firth vectors similar wiki.safetensors coffee
      firth vectors similar wiki.safetensors coffee -n 25 --json
    """
    from firth.vectors.formats import load_vectors

    neighbours = load_vectors(vectors).most_similar(word, topn=n)
    _print_neighbours(neighbours, {"word": word}, f"nearest to {word}", as_json)


@app.command()
def analogy(
    vectors: VectorsFile,
    a: Annotated[str, typer.Argument(metavar="A", show_default=False)],
    b: Annotated[str, typer.Argument(metavar="B", show_default=False)],
    c: Annotated[str, typer.Argument(metavar="C", show_default=False)],
    n: Annotated[int, typer.Option("-n", min=1, help="How many answers.")] = 10,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Complete an analogy: what is to C as B is to A.

    \b
    Examples:
      firth vectors analogy wiki.safetensors man king woman
      firth vectors analogy wiki.safetensors france paris italy -n 3
    """
    from firth.vectors.formats import load_vectors

    answers = load_vectors(vectors).analogy(a, b, c, topn=n)
    _print_neighbours(answers, {"a": a, "b": b, "c": c}, f"{a} is to {b} as {c} is to …", as_json)


def _print_neighbours(
    neighbours: list[tuple[str, float]], question: dict[str, str], title: str, as_json: bool
) -> None:
    if as_json:
        found = [{"word": word, "similarity": similarity} for word, similarity in neighbours]
        print_json({**question, "neighbours": found})
    else:
        rows = [(word, f"{similarity:.4f}") for word, similarity in neighbours]
        print_table(("word", "cosine"), rows, title=title)


@app.command()
def evaluate(
    vectors: VectorsFile,
    similarity: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Word pairs with human judgements (WordSim-353, SimLex-999); may be given several times.",
            show_default=False,
        ),
    ] = None,
    analogies: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Analogies (Google's questions-words.txt); may be given several times.",
            show_default=False,
        ),
    ] = None,
    restrict: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Analogies: use the N most frequent words only (gensim: 300000).",
            show_default="all",
        ),
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Judge vectors by human similarity judgements and by analogies; all figures in percent.

    Similarity: 100 × Spearman's rank correlation. Analogies: share of right answers. Coverage: share of the
    pairs or questions whose words are all in the vocabulary; the others do not count.

    \b
    Examples:
      firth vectors evaluate wiki.safetensors --similarity wordsim353.tsv --similarity simlex999.txt
      firth vectors evaluate wiki.safetensors --analogies questions-words.txt --restrict 30000
    """
    from firth.vectors.evaluation import evaluate_analogies, evaluate_similarity
    from firth.vectors.formats import load_vectors

    if not similarity and not analogies:
        raise InputError("nothing to judge by: give --similarity FILE, --analogies FILE or both")
    if restrict is not None and not analogies:
        raise InputError("--restrict is for analogies only: give --analogies FILE, or leave it out")
    judged = load_vectors(vectors)
    entries: dict[str, dict[str, Any]] = {}
    rows: list[tuple[str, ...]] = []
    for path in similarity or ():
        pairs = evaluate_similarity(judged, path)
        entries[str(path)] = {
            "score": pairs.score,
            "coverage": pairs.coverage,
            "pairs": pairs.pairs,
            "found": pairs.found,
        }
        rows.append(_row(path.name, pairs.score, pairs.coverage, pairs.found, pairs.pairs))
    for path in analogies or ():
        questions = evaluate_analogies(judged, path, restrict=restrict)
        entries[str(path)] = _analogy_entry(questions)
        rows += _analogy_rows(path.name, questions)
    if as_json:
        print_json(entries)
    else:
        columns = ("file", "score %", "coverage %", "found", "of")
        print_table(columns, rows, title=f"{vectors}: {len(judged):,} words", header_when_piped=True)


def _row(name: str, score: float | None, coverage: float, found: int, total: int) -> tuple[str, ...]:
    return (name, "–" if score is None else f"{score:.2f}", f"{coverage:.1f}", f"{found}", f"{total}")


def _analogy_rows(name: str, result: AnalogyResult) -> list[tuple[str, ...]]:
    def row(label: str, part: AnalogyScore) -> tuple[str, ...]:
        return _row(label, part.score, part.coverage, part.found, part.questions)

    sums = [("  semantic", result.semantic), ("  syntactic", result.syntactic)]
    return [
        row(name, result.total),
        *(row(label, part) for label, part in sums if part.questions),
        *(row(f"    {part.name}", part) for part in result.sections),
    ]


def _analogy_entry(result: AnalogyResult) -> dict[str, Any]:
    def figures(part: AnalogyScore) -> dict[str, Any]:
        return {
            "score": part.score,
            "coverage": part.coverage,
            "questions": part.questions,
            "found": part.found,
            "correct": part.correct,
        }

    return {
        **figures(result.total),
        "semantic": figures(result.semantic),
        "syntactic": figures(result.syntactic),
        "sections": [{"name": part.name, **figures(part)} for part in result.sections],
    }


@app.command()
def plot(
    vectors: VectorsFile,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="The picture: .png, .svg, or .html (zooms, finds words).",
            show_default=False,
        ),
    ],
    words: Annotated[
        str | None,
        typer.Option(metavar="W1,W2,…", help="The words to show.", show_default="frequent content words"),
    ] = None,
    n: Annotated[int, typer.Option("-n", min=1, help="How many words, unless --words names them.")] = 200,
    method: Annotated[
        Method | None,
        typer.Option(help="How to lay words out.", show_default="tsne, for few words pca"),
    ] = None,
    title: Annotated[str | None, typer.Option(help="The heading.", show_default=False)] = None,
    quiet: Quiet = False,
) -> None:
    """Draw a map: similar words near each other.

    \b
    Examples:
      firth vectors plot wiki.safetensors -o map.html
      firth vectors plot wiki.safetensors -o family.png --words mother,father,sister,brother
    """
    from firth.show import maps
    from firth.vectors.formats import load_vectors

    maps.check_suffix(output, maps.MAP_SUFFIXES)
    check_folder(output)
    chosen = None if words is None else [word for word in map(str.strip, words.split(",")) if word]
    with warnings_as_notes(quiet):
        maps.plot_map(
            load_vectors(vectors),
            output,
            words=chosen,
            n=n,
            method=None if method is None else method.value,
            title=title,
        )
    if not quiet:
        print(f"Drew {output}")


@app.command()
def convert(
    source: Annotated[Path, typer.Argument(metavar="IN", help="Word vectors.", show_default=False)],
    output: Annotated[
        Path, typer.Argument(metavar="OUT", help="The same in the format of this suffix.", show_default=False)
    ],
    quiet: Quiet = False,
) -> None:
    """Write word vectors in another format; the suffixes tell which.

    \b
    .safetensors        firth's own: keeps counts and training history, opens at once
    .vec .txt           text, as word2vec, gensim and fastText write it
    .glove .glove.txt   text without a first line, as GloVe writes it
    .bin                binary, as word2vec and gensim write it

    Each may have .gz or .xz after it.

    \b
    Examples:
      firth vectors convert wiki.safetensors wiki.vec
      firth vectors convert glove.6B.100d.txt glove.safetensors
    """
    from firth.vectors.formats import format_of, load_vectors

    suffix = format_of(output)
    check_folder(output)
    vectors = load_vectors(source)
    if suffix != ".safetensors" and (vectors.counts is not None or vectors.history):
        note(f"{output} holds words and vectors only: counts and training history stay in {source}", quiet)
    vectors.save(output)
    if not quiet:
        print(f"Saved {output}: {len(vectors):,} words × {vectors.dim} dimensions.")
