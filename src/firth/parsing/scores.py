"""Scores of trees, tags and segmentation: the figures that an evaluation returns, in percent."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class RelationScore:
    """Figures of one dependency relation.

    Attributes
    ----------
    gold, system : int
        Words with this relation in the gold trees, and in the trees of the system.
    correct : int
        Words with this relation in both, and with the right head.
    attached : int
        Words with this relation in the gold trees and the right head, whatever relation the system gives
        them.
    """

    gold: int
    system: int
    correct: int
    attached: int

    @property
    def precision(self) -> float:
        """The share of correct words among those to which the system gives the relation, in percent."""
        return percent(self.correct, self.system)

    @property
    def recall(self) -> float:
        """The share of correct words among those with the relation in the gold trees, in percent."""
        return percent(self.correct, self.gold)

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall, in percent."""
        return f1(self.correct, self.gold, self.system)

    @property
    def attachment(self) -> float:
        """The share of words with the right head, among gold words with the relation, in percent."""
        return percent(self.attached, self.gold)

    def to_dict(self) -> dict[str, float]:
        """Return the figures by their usual names."""
        return {
            "gold": self.gold,
            "precision": self.precision,
            "recall": self.recall,
            "F1": self.f1,
            "attachment": self.attachment,
        }


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
        Content-word labelled attachment score: LAS over words with a content relation, as an F1 of the words
        with a content relation in the gold trees and those with one in the trees of the system.
    upos, xpos, feats, lemmas
        The tag, all features (in any order), or the lemma is right. Where the gold lemma is ``_``, every
        lemma is right.
    n_words, n_sentences
        Gold words and sentences that were counted.
    relations
        Figures by relation, the most frequent in the gold trees first.
    confusions
        How many words have one relation in the gold trees and another one in the trees of the system, by
        (gold, system), the most frequent first.
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
    """The outcome of an evaluation on raw text. All figures are F1, also the figures of trees and tags.

    Attributes
    ----------
    words_f1
        Words that are aligned.
    tokens_f1, sentences_f1
        Tokens and sentences that begin and end where gold ones do. A token is a stretch of the text: a word,
        or a multiword token.
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


def f1(n_correct: int, n_gold: int, n_system: int) -> float:
    """Return the harmonic mean of precision and recall, in percent."""
    return percent(2 * n_correct, n_gold + n_system)


def percent(part: int, whole: int) -> float:
    """Return the share of `part` in `whole`, in percent; 0 if there is no whole."""
    return 100 * part / whole if whole else 0.0
