"""How good trees, tags and segmentation are: the evaluation of the CoNLL 2018 shared task.

Zeman et al. 2018, "CoNLL 2018 Shared Task: Multilingual Parsing from Raw Text to Universal Dependencies";
their definitions: https://universaldependencies.org/conll18/evaluation.html. System words are aligned with
gold words: word by word if both sides have the same words (`evaluate`), else by their characters
(`evaluate_raw`, `firth.parsing.alignment`). Each figure is an F1: twice the number of correct words, divided
by the number of gold words plus the number of system words. If both sides have the same words, that is the
share of correct words.

Empty nodes are not counted as words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import zip_longest

from firth.errors import InputError
from firth.parsing.alignment import ROOT_PLACE, Span, Text, Word, align
from firth.parsing.relations import is_content, universal
from firth.parsing.scores import RawScores, RelationScore, Scores, f1
from firth.text.document import Sentence, Token

__all__ = ["RawScores", "RelationScore", "Scores", "evaluate", "evaluate_raw"]


def evaluate(
    gold: Iterable[Sentence],
    system: Iterable[Sentence],
    *,
    punctuation: bool = True,
    subtypes: bool = False,
) -> Scores:
    """Compare trees and tags over the same words.

    Parameters
    ----------
    gold
        The right trees.
    system
        The trees to be scored: sentences with the same words. A missing head is wrong.
    punctuation
        Also count words whose gold relation is ``punct``, as the shared task does.
    subtypes
        Compare whole relations, not only the part before the colon: ``nsubj:pass`` is not ``nsubj``. The
        shared task ignores subtypes.

    Raises
    ------
    InputError
        The words are not the same, or a gold word has no head.
    """
    gold_sentences: list[Sentence] = []
    system_sentences: list[Sentence] = []
    for number, (of_gold, of_system) in enumerate(zip_longest(gold, system), start=1):
        if of_gold is None or of_system is None:
            side = "system" if of_gold is None else "gold"
            raise InputError(f"only the {side} side has a sentence {number}; compare trees of the same text")
        _check_same_words(number, of_gold, of_system)
        gold_sentences.append(of_gold)
        system_sentences.append(of_system)
    _check_heads(gold_sentences)
    gold_words = Text.of(gold_sentences, subtypes).words
    system_words = Text.of(system_sentences, subtypes).words
    counted = [
        (gold_word, system_word)
        for gold_word, system_word in zip(gold_words, system_words, strict=True)
        if punctuation or universal(gold_word.relation) != "punct"
    ]
    return _compare(
        [gold_word for gold_word, _ in counted],
        [system_word for _, system_word in counted],
        counted,
        {place: place for place in range(ROOT_PLACE, len(gold_words))},
        n_sentences=len(gold_sentences),
    )


def evaluate_raw(gold: Iterable[Sentence], system: Iterable[Sentence]) -> RawScores:
    """Compare trees, tags and segmentation over the same text, as the CoNLL 2018 shared task does.

    Parameters
    ----------
    gold
        The right analysis.
    system
        The analysis to be scored: sentences with the same characters, apart from white space. A word that
        is aligned with no gold word is wrong.

    Raises
    ------
    InputError
        The texts differ, or a gold word has no head.
    """
    gold_sentences, system_sentences = list(gold), list(system)
    _check_heads(gold_sentences)
    gold_text, system_text = Text.of(gold_sentences), Text.of(system_sentences)
    _check_same_text(gold_text, system_text)
    places = align(gold_text.words, system_text.words)
    scores = _compare(
        gold_text.words,
        system_text.words,
        [(gold_text.words[i], system_text.words[j]) for i, j in places],
        {ROOT_PLACE: ROOT_PLACE, **{j: i for i, j in places}},
        n_sentences=len(gold_sentences),
    )
    return RawScores(
        **vars(scores),
        words_f1=f1(len(places), len(gold_text.words), len(system_text.words)),
        tokens_f1=_spans_f1(gold_text.tokens, system_text.tokens),
        sentences_f1=_spans_f1(gold_text.sentences, system_text.sentences),
    )


def _compare(
    gold: Sequence[Word],
    system: Sequence[Word],
    aligned: Sequence[tuple[Word, Word]],
    gold_place: Mapping[int, int],
    n_sentences: int,
) -> Scores:
    """Return the scores of system words, of which some are aligned with gold words.

    `gold_place` leads from the place of a system word (or `ROOT_PLACE`) to the place of its gold word. It
    also holds words that are not counted.
    """
    attached = [pair for pair in aligned if pair[0].head == gold_place.get(pair[1].head)]
    in_gold = Counter(word.relation for word in gold)
    in_system = Counter(word.relation for word in system)
    attached_by = Counter(right.relation for right, _ in attached)
    correct_by = Counter(right.relation for right, found in attached if right.relation == found.relation)
    confusions = Counter(
        (right.relation, found.relation) for right, found in aligned if right.relation != found.relation
    )

    def f1_of(n_correct: int) -> float:
        return f1(n_correct, len(gold), len(system))

    def share(is_correct: Callable[[Token, Token], bool]) -> float:
        return f1_of(sum(is_correct(right.token, found.token) for right, found in aligned))

    return Scores(
        uas=f1_of(len(attached)),
        las=f1_of(correct_by.total()),
        clas=f1(_n_content(correct_by), _n_content(in_gold), _n_content(in_system)),
        upos=share(lambda right, found: right.upos == found.upos),
        xpos=share(lambda right, found: right.xpos == found.xpos),
        feats=share(lambda right, found: set(right.feats.split("|")) == set(found.feats.split("|"))),
        lemmas=share(lambda right, found: right.lemma in ("_", found.lemma)),
        n_words=len(gold),
        n_sentences=n_sentences,
        relations={
            relation: RelationScore(
                in_gold[relation], in_system[relation], correct_by[relation], attached_by[relation]
            )
            for relation in sorted(in_gold | in_system, key=lambda name: (-in_gold[name], name))
        },
        confusions=dict(sorted(confusions.items(), key=lambda item: (-item[1], item[0]))),
    )


def _n_content(counts: Counter[str]) -> int:
    """Return how many words have a content relation, given how many have each relation."""
    return sum(count for relation, count in counts.items() if is_content(relation))


def _spans_f1(gold: Sequence[Span], system: Sequence[Span]) -> float:
    return f1((Counter(gold) & Counter(system)).total(), len(gold), len(system))


def _check_same_words(number: int, gold: Sentence, system: Sentence) -> None:
    for right, found in zip_longest(gold, system):
        if right is None or found is None or right.form != found.form:
            shown = "nothing" if found is None else repr(found.form)
            expected = "nothing" if right is None else repr(right.form)
            word = (right or found).id
            raise InputError(
                f"{_called(number, gold)}, word {word}: {shown} instead of {expected}; "
                "trees can be compared over the same words only, or as raw text"
            )


def _check_heads(gold: Sequence[Sentence]) -> None:
    if not gold:
        raise InputError("there are no gold sentences to compare with")
    for number, sentence in enumerate(gold, start=1):
        for token in sentence:
            if token.head is None:
                raise InputError(
                    f"{_called(number, sentence)}, word {token.id}: no head in the gold tree; complete it"
                )


def _check_same_text(gold: Text, system: Text) -> None:
    if gold.characters == system.characters:
        return
    both = zip(gold.characters, system.characters, strict=False)
    shorter = min(len(gold.characters), len(system.characters))
    place = next((i for i, (right, found) in enumerate(both) if right != found), shorter)
    sides = []
    for side, text in (("gold", gold), ("system", system)):
        number = sum(end <= place for _, end in text.sentences) + 1
        shown = repr(text.characters[place : place + 20]) if place < len(text.characters) else "nothing"
        sides.append(f"{shown} in the {side} text (sentence {min(number, len(text.sentences))})")
    raise InputError(f"the texts differ: {' is '.join(sides)}; compare trees of the same text")


def _called(number: int, sentence: Sentence) -> str:
    return f"sentence {number}" + (f" ({sentence.sent_id})" if sentence.sent_id else "")
