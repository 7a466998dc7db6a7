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

from firth.cli.options import AsJson, Quiet
from firth.cli.output import (
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
    from firth.vectors.prediction import Prediction
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


class Objective(Enum):
    """What training makes as small as it can."""

    negative_sampling = "negative-sampling"
    softmax = "softmax"


def _panel(name: str) -> Callable[..., Any]:
    """Make options that stand together in ``--help``."""

    def option(help: str, *names: str, **settings: Any) -> Any:
        return typer.Option(*names, help=help, rich_help_panel=name, **settings)

    return option


_model, _text, _run = _panel("Model"), _panel("Text"), _panel("Run")


@app.command()
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
        Objective, _model("softmax is exact, and slow with more than some 20,000 words (--max-vocab).")
    ] = Objective.negative_sampling,
    dim: Annotated[int, _model("Numbers in a vector.")] = 100,
    window: Annotated[int, _model("Words on each side that count as context.")] = 5,
    negative: Annotated[
        int, _model("Noise words drawn for each pair of words; not for softmax.", show_default="5")
    ] = 5,
    epochs: Annotated[
        int, _model("How often to go through the text.", show_default="5; softmax: until it converges")
    ] = 5,
    min_count: Annotated[int, _model("Leave out words that are rarer.")] = 5,
    max_vocab: Annotated[
        int | None, _model("Keep only so many words, the most frequent.", show_default="all")
    ] = None,
    sample: Annotated[float, _model("Thin out words more frequent than this share; 0: none.")] = 1e-3,
    lr: Annotated[
        float,
        _model("Learning rate at the start; it falls to almost 0.", show_default="0.025; softmax: 0.1"),
    ] = 0.025,
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
        _run(
            "Stop after N epochs in a row without a lower held-out loss, and keep the best.",
            metavar="N",
            show_default="all epochs",
        ),
    ] = None,
    threads: Annotated[int | None, _run("Threads to train with.", show_default="all cores")] = None,
    seed: Annotated[int, _run("Start of the random numbers.")] = 1,
    deterministic: Annotated[
        bool,
        _run("Same bits every time, with several threads too; slower. softmax always is.", "--deterministic"),
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
    """Learn word vectors from text: skip-gram, with negative sampling or the exact softmax.

    One line of text is one sentence or paragraph. Words are found by Unicode's rules and put in lower case.
    JSON Lines are told by the name (.jsonl, .ndjson, .json) or by a JSON object in the first line.

    \b
    Examples:
      firth vectors train corpus.txt -o corpus.safetensors
      firth vectors train wiki.txt.xz news/ -o all.safetensors --dim 300 --epochs 3
      firth vectors train corpus.txt -o exact.safetensors --objective softmax --max-vocab 20000
      firth vectors train corpus.txt -o x.vec --epochs 20 --heldout 0.02 --patience 2
      zcat big.gz | firth vectors train - -o big.vec --min-count 20
    """
    from firth.progress import default_progress
    from firth.text.corpus import Corpus
    from firth.vectors.formats.detect import format_of

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
    if patience is not None and heldout is None:
        raise InputError("--patience needs --heldout, the text to judge by: a file, or a share such as 0.02")
    held_out = _share_or_file(heldout)
    if isinstance(held_out, str):
        Corpus(held_out).check_output(output)
    given = {name for name in context.params if _is_given(context, name)}
    if output.exists():
        note(f"{output} exists and will be replaced when training is complete", quiet)

    settings: dict[str, Any] = {
        "dim": dim,
        "window": window,
        "min_count": min_count,
        "sample": sample,
        "max_vocab": max_vocab,
        "seed": seed,
        "threads": threads,
        "lowercase": not pretokenized if lowercase is None else lowercase,
        "pretokenized": pretokenized,
        "field": field,
        "errors": errors.value,
    }
    model: SkipGram | ExactSoftmax
    if objective is Objective.softmax:
        from firth.vectors.trainers.exact_softmax import ExactSoftmax

        for name in sorted(given & {"negative", "deterministic"}):
            raise InputError(f"--{name} is for negative sampling only: leave it out with --objective softmax")
        own = {"epochs": epochs, "lr": lr}
        model = ExactSoftmax(**settings | {name: own[name] for name in given & own.keys()})
    else:
        from firth.vectors.trainers.skipgram import SkipGram

        model = SkipGram(**settings, negative=negative, epochs=epochs, lr=lr, deterministic=deterministic)
    try:
        vectors = model.fit(
            corpus,
            heldout=held_out,
            patience=patience,
            checkpoint_dir=checkpoint_dir,
            resume=resume,
            progress=default_progress(quiet),
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
                "objective": objective.value,
                **_final_figures(vectors),
                "history": vectors.history,
            }
        )
    elif not quiet:
        _print_summary(vectors, output)


def _is_given(context: typer.Context, name: str) -> bool:
    """Return whether an option was given, and does not have its default."""
    source = context.get_parameter_source(name)
    return source is not None and source.name != "DEFAULT"


def _share_or_file(heldout: str | None) -> float | str | None:
    """Return what a trainer takes for --heldout."""
    try:
        return None if heldout is None else float(heldout)
    except ValueError:
        return heldout


def _final_figures(vectors: WordVectors) -> dict[str, Any]:
    """Return the losses of trained vectors: those of the epoch that they come from."""
    held_out = vectors.metadata.get("heldout")
    epoch = vectors.history[held_out["epoch"] - 1] if held_out else vectors.history[-1]
    figures: dict[str, Any] = {"loss": vectors.metadata.get("loss", epoch["loss"])}
    if "perplexity" in vectors.metadata:
        figures["perplexity"] = vectors.metadata["perplexity"]
    if held_out:
        figures["heldout"] = held_out
    return figures


def _what_is_kept(checkpoint_dir: Path | None) -> str:
    """Say, after Ctrl-C, what was kept and how to go on."""
    if checkpoint_dir is None:
        return "nothing was written (with --checkpoint-dir, training can be resumed)"
    if not any(checkpoint_dir.glob("*.checkpoint")):
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
    figures = _final_figures(vectors)
    seconds = sum(epoch["seconds"] for epoch in history)
    words = choose_words(vectors, 50)
    word = vectors.words[words[len(words) // 2]] if len(words) else vectors.words[0]
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
    from firth.vectors.word_vectors import load_vectors

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
    from firth.vectors.word_vectors import load_vectors

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
    heldout: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Text to predict, by vectors that firth trained (.safetensors); may be given several times.",
            show_default=False,
        ),
    ] = None,
    field: Annotated[
        str, typer.Option(help="Held-out text: field of JSON Lines that holds the text.")
    ] = "text",
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
    """Judge vectors by human similarity judgements, by analogies, and by text that they should predict.

    Similarity: 100 × Spearman's rank correlation. Analogies: share of right answers, in percent. Coverage:
    share of the pairs or questions whose words are all in the vocabulary; the others do not count.

    Held-out text: the exact softmax loss of a pair of words in nats, and its exponential, the perplexity (in
    --json, the score too); lower is better. Text is read and pairs weighted as in training. Coverage: share
    of its words that are in the vocabulary. Compare only vectors with the same vocabulary.

    \b
    Examples:
      firth vectors evaluate wiki.safetensors --similarity wordsim353.tsv --similarity simlex999.txt
      firth vectors evaluate wiki.safetensors --analogies questions-words.txt --restrict 30000
      firth vectors evaluate wiki.safetensors --heldout novel.txt
    """
    from firth.vectors.evaluation import evaluate_analogies, evaluate_similarity
    from firth.vectors.word_vectors import load_vectors

    if not similarity and not analogies and not heldout:
        raise InputError("nothing to judge by: give --similarity FILE, --analogies FILE or --heldout FILE")
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
    predicted = []
    for path in heldout or ():
        prediction = _predict(judged, vectors, path, field, quiet)
        entries[str(path)] = _prediction_entry(prediction)
        predicted.append(_prediction_row(path.name, prediction))
    if as_json:
        print_json(entries)
        return
    title = f"{vectors}: {len(judged):,} words"
    if rows:
        columns = ("file", "score %", "coverage %", "found", "of")
        print_table(columns, rows, title=title, header_when_piped=True)
    if predicted:
        figures = ("held-out text", "perplexity", "loss", "coverage %", "found", "of")
        print_table(figures, predicted, title=title, header_when_piped=True)


def _predict(judged: WordVectors, vectors: Path, text: Path, field: str, quiet: bool) -> Prediction:
    from firth.checks import processors
    from firth.progress import default_progress
    from firth.vectors.prediction import perplexity

    if judged.outside is None:
        raise InputError(
            f"{vectors}: has no outside vectors, without which nothing is predicted; --heldout needs vectors "
            "that were trained with firth and saved as .safetensors"
        )
    # Vectors without counts cannot tell which words are frequent.
    sample = 0.0 if judged.counts is None else None
    return perplexity(
        judged,
        text,
        sample=sample,
        field=field,
        threads=processors(),
        progress=default_progress(quiet),
    )


def _prediction_entry(prediction: Prediction) -> dict[str, Any]:
    finite = prediction.perplexity if prediction.perplexity < float("inf") else None  # JSON has no infinity
    return {
        "score": finite,
        "coverage": prediction.coverage,
        "perplexity": finite,
        "loss": prediction.loss,
        "pairs": prediction.pairs,
        "words": prediction.words,
        "known": prediction.known,
    }


def _prediction_row(name: str, prediction: Prediction) -> tuple[str, ...]:
    return (
        name,
        f"{prediction.perplexity:.1f}",
        f"{prediction.loss:.4f}",
        f"{prediction.coverage:.1f}",
        f"{prediction.known}",
        f"{prediction.words}",
    )


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
        typer.Option(
            metavar="W1,W2,…[;W3,…]",
            help="The words to show; semicolons between groups that should be alike.",
            show_default="frequent content words",
        ),
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

    Of groups of words, it also lists which words are in one cluster by their cosines, and which are more like
    another group than like their own.

    \b
    Examples:
      firth vectors plot wiki.safetensors -o map.html
      firth vectors plot wiki.safetensors -o family.png --words mother,father,sister,brother
      firth vectors plot wiki.safetensors -o groups.svg --words "tea,coffee,milk;rain,snow,wind"
    """
    from firth.show import maps
    from firth.vectors.word_vectors import load_vectors

    maps.check_suffix(output, maps.MAP_SUFFIXES)
    check_folder(output)
    groups = [] if words is None else [part for part in map(_words_of, words.split(";")) if part]
    chosen = None if words is None else [word for group in groups for word in group]
    loaded = load_vectors(vectors)
    listing = _list_groups(loaded, groups) if len(groups) > 1 else None
    with warnings_as_notes(quiet):
        maps.plot_map(
            loaded,
            output,
            words=chosen,
            n=n,
            method=None if method is None else method.value,
            title=title,
            groups=len(groups) if len(groups) > 1 else None,
        )
    if quiet:
        return
    print(f"Drew {output}")
    if listing is not None:
        rows, lines = listing
        print_table(["cluster", "mean cosine"], rows, title="Clusters by cosine", header_when_piped=True)
        print(*lines, sep="\n")


def _words_of(text: str) -> list[str]:
    return [word for word in map(str.strip, text.split(",")) if word]


def _list_groups(vectors: WordVectors, groups: list[list[str]]) -> tuple[list[tuple[str, str]], list[str]]:
    """Return rows about the clusters of words, and lines about the words that are far from their group."""
    from firth.vectors.groups import cosine_clusters, strays

    clusters = cosine_clusters(vectors, [word for group in groups for word in group], len(groups))
    rows = [
        (", ".join(cluster.words), "–" if cluster.cosine is None else f"{cluster.cosine:.2f}")
        for cluster in clusters
    ]
    lines = [
        f"Far from its group: {stray.word} (mean cosine {stray.own:.2f}; {stray.other:.2f} with "
        f"{', '.join(stray.nearest)})"
        for stray in strays(vectors, groups)
    ]
    return rows, lines or ["No word is far from its group."]


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
    from firth.vectors.formats.detect import format_of
    from firth.vectors.word_vectors import load_vectors

    suffix = format_of(output)
    check_folder(output)
    vectors = load_vectors(source)
    if suffix != ".safetensors" and (vectors.counts is not None or vectors.history):
        note(f"{output} holds words and vectors only: counts and training history stay in {source}", quiet)
    vectors.save(output)
    if not quiet:
        print(f"Saved {output}: {len(vectors):,} words × {vectors.dim} dimensions.")
