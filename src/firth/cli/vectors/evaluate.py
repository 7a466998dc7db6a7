"""``firth vectors evaluate``."""
# ruff: noqa: D301 (the character \b in a docstring tells typer to keep the lines below as they are)

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firth.cli.options import AsJson, Quiet
from firth.cli.output import print_json, print_table
from firth.cli.vectors.arguments import (
    DecodingErrors,
    Duplicates,
    DuplicateWords,
    Errors,
    Header,
    HeaderCount,
    Limit,
    VectorsFile,
    read_vectors,
)
from firth.errors import InputError

if TYPE_CHECKING:
    from firth.vectors.evaluation import AnalogyResult, AnalogyScore, SimilarityResult
    from firth.vectors.prediction import Prediction
    from firth.vectors.word_vectors import WordVectors


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
    limit: Limit = None,
    errors: Errors = DecodingErrors.strict,
    duplicates: Duplicates = DuplicateWords.first,
    header: Header = HeaderCount.strict,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Evaluate vectors on human similarity judgements, on analogies and on held-out text.

    Similarity: 100 × Spearman's rank correlation. Analogies: share of right answers, in percent. Coverage:
    share of the pairs or questions whose words are all in the vocabulary; the others are not scored.

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

    if not similarity and not analogies and not heldout:
        raise InputError("nothing to judge by: give --similarity FILE, --analogies FILE or --heldout FILE")
    if restrict is not None and not analogies:
        raise InputError("--restrict is for analogies only: give --analogies FILE, or leave it out")
    judged = read_vectors(vectors, limit, errors, duplicates, header, quiet)
    pairs = [(path, evaluate_similarity(judged, path)) for path in similarity or ()]
    questions = [(path, evaluate_analogies(judged, path, restrict=restrict)) for path in analogies or ()]
    texts = [(path, _predict(judged, vectors, path, field, quiet)) for path in heldout or ()]
    if as_json:
        entries = {str(path): result.to_dict() for path, result in pairs}
        entries |= {str(path): result.to_dict() for path, result in questions}
        entries |= {str(path): result.to_dict() for path, result in texts}
        print_json(entries)
        return
    title = f"{vectors}: {len(judged):,} words"
    rows = [_similarity_row(path.name, result) for path, result in pairs]
    rows += [row for path, result in questions for row in _analogy_rows(path.name, result)]
    if rows:
        columns = ("file", "score %", "coverage %", "found", "of")
        print_table(columns, rows, title=title, header_when_piped=True)
    if texts:
        figures = ("held-out text", "perplexity", "loss", "coverage %", "found", "of")
        predicted = [_prediction_row(path.name, result) for path, result in texts]
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


def _prediction_row(name: str, prediction: Prediction) -> tuple[str, ...]:
    return (
        name,
        f"{prediction.perplexity:.1f}",
        f"{prediction.loss:.4f}",
        f"{prediction.coverage:.1f}",
        f"{prediction.known}",
        f"{prediction.words}",
    )


def _similarity_row(name: str, result: SimilarityResult) -> tuple[str, ...]:
    return _row(name, result.score, result.coverage, result.found, result.pairs)


def _analogy_rows(name: str, result: AnalogyResult) -> list[tuple[str, ...]]:
    def row(label: str, part: AnalogyScore) -> tuple[str, ...]:
        return _row(label, part.score, part.coverage, part.found, part.questions)

    sums = [("  semantic", result.semantic), ("  syntactic", result.syntactic)]
    return [
        row(name, result.total),
        *(row(label, part) for label, part in sums if part.questions),
        *(row(f"    {part.name}", part) for part in result.sections),
    ]


def _row(name: str, score: float | None, coverage: float, found: int, total: int) -> tuple[str, ...]:
    return (name, "–" if score is None else f"{score:.2f}", f"{coverage:.1f}", f"{found}", f"{total}")
