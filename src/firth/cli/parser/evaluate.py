"""``firth parser evaluate``."""
# ruff: noqa: D301 (the character \b in a docstring tells typer to keep the lines below as they are)

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firth.cli.options import AsJson, Quiet
from firth.cli.output import print_json, warnings_as_notes
from firth.cli.parser.scores import (
    FIGURES,
    RAW_FIGURES,
    confusions_for_json,
    print_confusions,
    print_relations,
    print_scores,
    relations_for_json,
    selected,
)
from firth.cli.parser.treebanks import read_treebank
from firth.errors import InputError

if TYPE_CHECKING:
    from firth.parsing.scores import Scores


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
            metavar="GOLD", help="The treebank to compare with: CoNLL-U, may be packed.", show_default=False
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

    _check_options(raw, gold_tags, punctuation, subtypes)
    sentences = read_treebank(gold)
    scores: Scores
    if raw:
        name, scores = "raw text", load(model).evaluate(sentences)
    else:
        name = "gold words and tags" if gold_tags else "gold words"
        with warnings_as_notes(quiet):
            scores = Parser.load(model_file(model)).evaluate(
                sentences, given_tags=gold_tags, punctuation=punctuation, subtypes=subtypes
            )
    if as_json:
        figures = selected(scores, RAW_FIGURES if raw else FIGURES)
        if relations:
            figures["relations"] = relations_for_json(scores)
        if confusions:
            figures["confusions"] = confusions_for_json(scores)
        print_json(figures)
        return
    counted = f"{scores.n_sentences:,} sentences, {scores.n_words:,} words"
    print_scores({name: scores}, title=f"{model} on {gold}: {counted}; in percent")
    if relations:
        print_relations(scores)
    if confusions:
        print_confusions(scores)


def _check_options(raw: bool, gold_tags: bool, punctuation: bool, subtypes: bool) -> None:
    """Refuse options that contradict each other."""
    if raw and gold_tags:
        raise InputError(
            "--raw and --gold-tags: words that the parser finds itself have no gold tags; choose one"
        )
    if raw and (subtypes or not punctuation):
        raise InputError("--no-punctuation and --subtypes are for gold words: leave them out with --raw")
