"""How good trees, tags and segmentation are: the evaluation of the CoNLL 2018 shared task.

Zeman et al. 2018, "CoNLL 2018 Shared Task: Multilingual Parsing from Raw Text to Universal Dependencies";
their definitions: https://universaldependencies.org/conll18/evaluation.html. System words are aligned with
gold words; where both have the same words (`evaluate`), word by word, else by characters (`evaluate_raw`). A
figure is then an F1: twice the words that are right, over the number of gold words plus that of system words.
With the same words on both sides it is the share of words that are right.

An empty node is no word here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TypeAlias

from firth.errors import InputError
from firth.text.document import Sentence, Token

# The universal relations of content words, as CLAS has them; the others are those of function words
# and punctuation.
# fmt: off
CONTENT_RELATIONS = frozenset({
    "nsubj", "obj", "iobj", "csubj", "ccomp", "xcomp", "obl", "vocative", "expl", "dislocated", "advcl",
    "advmod", "discourse", "nmod", "appos", "nummod", "acl", "amod", "conj", "fixed", "flat", "compound",
    "list", "parataxis", "orphan", "goeswith", "reparandum", "root", "dep",
})
# fmt: on

_Span: TypeAlias = tuple[int, int]  # first character, and the one after the last; white space is not counted

_ROOT, _UNKNOWN = -1, -2  # instead of the place of a head; neither is the place of a word


@dataclass(frozen=True)
class RelationScore:
    """Figures of one dependency relation.

    Attributes
    ----------
    gold, system : int
        Words that have it in the gold trees, and in those of the system.
    correct : int
        Words that have it in both, with the right head.
    attached : int
        Words that have it in the gold trees and the right head, whatever the relation the system gives them.
    """

    gold: int
    system: int
    correct: int
    attached: int

    @property
    def precision(self) -> float:
        """The words that are right among those to which the system gives the relation, in percent."""
        return _percent(self.correct, self.system)

    @property
    def recall(self) -> float:
        """The words that are right among those that have the relation in the gold trees, in percent."""
        return _percent(self.correct, self.gold)

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall, in percent."""
        return _f1(self.correct, self.gold, self.system)

    @property
    def attachment(self) -> float:
        """The words with the right head among those that have the relation in the gold trees, in percent."""
        return _percent(self.attached, self.gold)


@dataclass(frozen=True)
class Scores:
    """The outcome of an evaluation; all figures in percent.

    Attributes
    ----------
    uas
        Unlabelled attachment score: the head is right.
    las
        Labelled attachment score: the head and the relation are right.
    clas
        Content-word labelled attachment score: LAS over words with a content relation, F1 of those that have
        one in the gold trees and those that have one in the system's.
    upos, xpos, feats, lemmas
        The tag, all features (in any order), or the lemma is right. A lemma that is ``_`` in the gold trees
        always is.
    n_words, n_sentences
        Gold words and sentences that were counted.
    relations
        Figures by relation, the most frequent in the gold trees first.
    confusions
        How many words have one relation in the gold trees and another one in the system's, by (gold, system),
        the most frequent first.
    """

    uas: float
    las: float
    clas: float
    upos: float
    xpos: float
    feats: float
    lemmas: float
    n_words: int
    n_sentences: int
    relations: dict[str, RelationScore] = field(repr=False)
    confusions: dict[tuple[str, str], int] = field(repr=False)

    def to_dict(self) -> dict[str, float]:
        """Return the figures by their usual names."""
        return {
            "UAS": self.uas,
            "LAS": self.las,
            "CLAS": self.clas,
            "UPOS": self.upos,
            "XPOS": self.xpos,
            "FEATS": self.feats,
            "lemmas": self.lemmas,
        }


@dataclass(frozen=True)
class RawScores(Scores):
    """The outcome of an evaluation on raw text: figures of trees and tags, which are F1, and of segmentation.

    Attributes
    ----------
    words_f1
        Words that are aligned.
    tokens_f1, sentences_f1
        Tokens and sentences that begin and end where the gold ones do. A token is what stands in the text: a
        word, or a multiword token.
    """

    words_f1: float
    tokens_f1: float
    sentences_f1: float

    def to_dict(self) -> dict[str, float]:
        """Return the figures by their usual names."""
        segmentation = {
            "words_f1": self.words_f1,
            "tokens_f1": self.tokens_f1,
            "sentences_f1": self.sentences_f1,
        }
        return {**super().to_dict(), **segmentation}


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
        How it should be.
    system
        How it is: sentences with the same words. A head that is missing there is wrong.
    punctuation
        Count words whose gold relation is ``punct`` too, as the shared task does.
    subtypes
        Compare relations as a whole, and not only up to the colon: ``nsubj:pass`` is not ``nsubj``. The
        shared task ignores subtypes.

    Raises
    ------
    InputError
        The words are not the same, or a gold word has no head.
    """
    gold_sentences: list[Sentence] = []
    system_sentences: list[Sentence] = []
    for number, (right, given) in enumerate(zip_longest(gold, system), start=1):
        if right is None or given is None:
            which = "system" if right is None else "gold"
            raise InputError(f"only the {which} side has a sentence {number}; compare trees of the same text")
        _check_same_words(number, right, given)
        gold_sentences.append(right)
        system_sentences.append(given)
    _check_heads(gold_sentences)
    gold_words = _Text.of(gold_sentences, subtypes).words
    system_words = _Text.of(system_sentences, subtypes).words
    aligned = [
        (right, given)
        for right, given in zip(gold_words, system_words, strict=True)
        if punctuation or universal(right.relation) != "punct"
    ]
    return _compare(
        [right for right, _ in aligned],
        [given for _, given in aligned],
        aligned,
        {place: place for place in range(_ROOT, len(gold_words))},
        n_sentences=len(gold_sentences),
    )


def evaluate_raw(gold: Iterable[Sentence], system: Iterable[Sentence]) -> RawScores:
    """Compare trees, tags and segmentation over the same text, as the CoNLL 2018 shared task does.

    Parameters
    ----------
    gold
        How it should be.
    system
        How it is: sentences with the same characters, white space apart. A word that is not aligned is wrong.

    Raises
    ------
    InputError
        The texts differ, or a gold word has no head.
    """
    gold_sentences, system_sentences = list(gold), list(system)
    _check_heads(gold_sentences)
    right, given = _Text.of(gold_sentences), _Text.of(system_sentences)
    _check_same_text(right, given)
    places = _align(right.words, given.words)
    scores = _compare(
        right.words,
        given.words,
        [(right.words[i], given.words[j]) for i, j in places],
        {_ROOT: _ROOT, **{j: i for i, j in places}},
        n_sentences=len(gold_sentences),
    )
    return RawScores(
        **vars(scores),
        words_f1=_f1(len(places), len(right.words), len(given.words)),
        tokens_f1=_spans_f1(right.tokens, given.tokens),
        sentences_f1=_spans_f1(right.sentences, given.sentences),
    )


def universal(relation: str) -> str:
    """Return a relation without its subtype: ``nsubj`` for ``nsubj:pass``."""
    return relation.partition(":")[0]


# ---------------------------------------------------------------------------------------------- figures


def _compare(
    gold: Sequence[_Word],
    system: Sequence[_Word],
    aligned: Sequence[tuple[_Word, _Word]],
    gold_place: Mapping[int, int],
    n_sentences: int,
) -> Scores:
    """Return the figures of system words, given which gold words they are aligned with.

    `gold_place` leads from the place of a system word (or `_ROOT`) to that of its gold word, also where the
    two are not counted.
    """
    attached = [(right, given) for right, given in aligned if right.head == gold_place.get(given.head)]
    in_gold = Counter(word.relation for word in gold)
    in_system = Counter(word.relation for word in system)
    attached_by = Counter(right.relation for right, _ in attached)
    correct_by = Counter(right.relation for right, given in attached if right.relation == given.relation)
    confusions = Counter(
        (right.relation, given.relation) for right, given in aligned if right.relation != given.relation
    )

    def f1(n_correct: int) -> float:
        return _f1(n_correct, len(gold), len(system))

    def share(is_right: Callable[[Token, Token], bool]) -> float:
        return f1(sum(is_right(right.token, given.token) for right, given in aligned))

    return Scores(
        uas=f1(len(attached)),
        las=f1(correct_by.total()),
        clas=_f1(_content(correct_by), _content(in_gold), _content(in_system)),
        upos=share(lambda right, given: right.upos == given.upos),
        xpos=share(lambda right, given: right.xpos == given.xpos),
        feats=share(lambda right, given: set(right.feats.split("|")) == set(given.feats.split("|"))),
        lemmas=share(lambda right, given: right.lemma in ("_", given.lemma)),
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


def _content(counts: Counter[str]) -> int:
    """Return how many words have a content relation."""
    return sum(count for relation, count in counts.items() if universal(relation) in CONTENT_RELATIONS)


def _f1(n_correct: int, n_gold: int, n_system: int) -> float:
    return _percent(2 * n_correct, n_gold + n_system)


def _spans_f1(gold: Sequence[_Span], system: Sequence[_Span]) -> float:
    return _f1((Counter(gold) & Counter(system)).total(), len(gold), len(system))


def _percent(part: int, whole: int) -> float:
    return 100 * part / whole if whole else 0.0


# ---------------------------------------------------------------------------------------------- alignment


@dataclass(slots=True)
class _Word:
    """A word and its place in the text: characters `start` to `end`, those of its multiword token if any."""

    token: Token
    form: str  # without white space
    start: int
    end: int
    is_multiword: bool
    head: int  # a place in the list of all words
    relation: str


@dataclass(frozen=True, slots=True)
class _Text:
    """Sentences without white space, and where everything is in them."""

    characters: str
    words: list[_Word]
    tokens: list[_Span]
    sentences: list[_Span]

    @classmethod
    def of(cls, sentences: Iterable[Sentence], subtypes: bool = False) -> _Text:
        forms: list[str] = []
        words: list[_Word] = []
        token_spans: list[_Span] = []
        sentence_spans: list[_Span] = []
        end = 0
        for sentence in sentences:
            before, sentence_start = len(words), end
            for surface, tokens in sentence.surface_tokens():
                forms.append(_without_space(surface.form))
                start, end = end, end + len(forms[-1])
                token_spans.append((start, end))
                for token in tokens:
                    word = _Word(
                        token,
                        form=_without_space(token.form),
                        start=start,
                        end=end,
                        is_multiword=surface is not token,
                        head=_place(token.head, before),
                        relation=token.deprel if subtypes else universal(token.deprel),
                    )
                    words.append(word)
            sentence_spans.append((sentence_start, end))
        return cls("".join(forms), words, token_spans, sentence_spans)


def _without_space(form: str) -> str:
    return "".join(form.split())


def _place(head: int | None, before: int) -> int:
    """Return the place of a head in the list of all words, `before` of which are in sentences before."""
    if head is None:
        return _UNKNOWN
    return before + head - 1 if head else _ROOT


def _align(gold: Sequence[_Word], system: Sequence[_Word]) -> list[tuple[int, int]]:
    """Return the places of the words that are the same: in the gold text, and in that of the system.

    A word is aligned with the word that has the same characters of the text. The characters of a multiword
    token do not say which are those of each word; there, from its start to where no multiword token of either
    side goes on, words are aligned by the longest common subsequence of forms, in lower case.
    """
    pairs: list[tuple[int, int]] = []
    i = j = 0
    while i < len(gold) and j < len(system):
        if gold[i].is_multiword or system[j].is_multiword:
            (i, next_i), (j, next_j) = _multiword_span(gold, system, i, j)
            common = _common_subsequence(
                [word.form.lower() for word in gold[i:next_i]],
                [word.form.lower() for word in system[j:next_j]],
            )
            pairs += [(i + a, j + b) for a, b in common]
            i, j = next_i, next_j
        elif (gold[i].start, gold[i].end) == (system[j].start, system[j].end):
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif gold[i].start <= system[j].start:
            i += 1
        else:
            j += 1
    return pairs


def _multiword_span(
    gold: Sequence[_Word], system: Sequence[_Word], i: int, j: int
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the gold words and the system words (first, and after the last) to be aligned by their forms.

    Word i or word j is part of a multiword token.
    """
    if gold[i].is_multiword:
        end = gold[i].end
        if not system[j].is_multiword and system[j].start < gold[i].start:
            j += 1  # it began before the multiword token
    else:
        end = system[j].end
        if gold[i].start < system[j].start:
            i += 1
    first_i, first_j = i, j
    while _is_inside(gold, i, end) or _is_inside(system, j, end):
        if i < len(gold) and (j == len(system) or gold[i].start <= system[j].start):
            word = gold[i]
            i += 1
        else:
            word = system[j]
            j += 1
        if word.is_multiword:
            end = max(end, word.end)
    return (first_i, i), (first_j, j)


def _is_inside(words: Sequence[_Word], place: int, end: int) -> bool:
    """Say whether a word lies before the end of a multiword span; a multiword token need only begin there."""
    if place == len(words):
        return False
    word = words[place]
    return word.start < end if word.is_multiword else word.end <= end


def _common_subsequence(a: Sequence[str], b: Sequence[str]) -> list[tuple[int, int]]:
    """Return the places in `a` and in `b` of their longest common subsequence."""
    length = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]  # of that of a[i:] and b[j:]
    for i in reversed(range(len(a))):
        for j in reversed(range(len(b))):
            if a[i] == b[j]:
                length[i][j] = 1 + length[i + 1][j + 1]
            else:
                length[i][j] = max(length[i + 1][j], length[i][j + 1])
    pairs = []
    i = j = 0
    while i < len(a) and j < len(b):
        if a[i] == b[j]:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif length[i][j] == length[i + 1][j]:
            i += 1
        else:
            j += 1
    return pairs


# ---------------------------------------------------------------------------------------------- checks


def _check_same_words(number: int, gold: Sentence, system: Sentence) -> None:
    for right, given in zip_longest(gold, system):
        if right is None or given is None or right.form != given.form:
            found = "nothing" if given is None else repr(given.form)
            expected = "nothing" if right is None else repr(right.form)
            word = (right or given).id
            raise InputError(
                f"{_called(number, gold)}, word {word}: {found} instead of {expected}; "
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


def _check_same_text(gold: _Text, system: _Text) -> None:
    if gold.characters == system.characters:
        return
    both = zip(gold.characters, system.characters, strict=False)
    shorter = min(len(gold.characters), len(system.characters))
    place = next((i for i, (right, given) in enumerate(both) if right != given), shorter)
    sides = []
    for side, text in (("gold", gold), ("system", system)):
        number = sum(end <= place for _, end in text.sentences) + 1
        goes_on = repr(text.characters[place : place + 20]) if place < len(text.characters) else "nothing"
        sides.append(f"{goes_on} in the {side} text (sentence {min(number, len(text.sentences))})")
    raise InputError(f"the texts differ: {' is '.join(sides)}; compare trees of the same text")


def _called(number: int, sentence: Sentence) -> str:
    return f"sentence {number}" + (f" ({sentence.sent_id})" if sentence.sent_id else "")
