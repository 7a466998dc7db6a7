"""Words of two analyses of one text, aligned by their characters; see `firth.parsing.evaluation`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from firth.parsing.relations import universal
from firth.text.document import Sentence, Token

Span: TypeAlias = tuple[int, int]
"""The first character, and the one after the last; white space is not counted."""

# Heads are places in the list of all words, or one of these numbers, which are no places.
ROOT_PLACE = -1
_NO_PLACE = -2


@dataclass(slots=True)
class Word:
    """A word and its place in the text.

    Attributes
    ----------
    token
        The word.
    form
        Its form, without white space.
    start, end
        Its characters in the text, or the characters of its multiword token.
    is_multiword
        Whether it belongs to a multiword token.
    head
        The place of its head in the list of all words.
    relation
        Its relation, with or without subtype.
    """

    token: Token
    form: str
    start: int
    end: int
    is_multiword: bool
    head: int
    relation: str


@dataclass(frozen=True, slots=True)
class Text:
    """The characters of some sentences without white space, and the words, tokens and sentences in them."""

    characters: str
    words: list[Word]
    tokens: list[Span]
    sentences: list[Span]

    @classmethod
    def of(cls, sentences: Iterable[Sentence], subtypes: bool = False) -> Text:
        """Lay out sentences one after the other; relations keep their subtypes only if `subtypes`."""
        forms: list[str] = []
        words: list[Word] = []
        token_spans: list[Span] = []
        sentence_spans: list[Span] = []
        end = 0
        for sentence in sentences:
            n_before, sentence_start = len(words), end
            for surface, tokens in sentence.surface_tokens():
                forms.append(_without_space(surface.form))
                start, end = end, end + len(forms[-1])
                token_spans.append((start, end))
                for token in tokens:
                    word = Word(
                        token,
                        form=_without_space(token.form),
                        start=start,
                        end=end,
                        is_multiword=surface is not token,
                        head=_place(token.head, n_before),
                        relation=token.deprel if subtypes else universal(token.deprel),
                    )
                    words.append(word)
            sentence_spans.append((sentence_start, end))
        return cls("".join(forms), words, token_spans, sentence_spans)


def _without_space(form: str) -> str:
    return "".join(form.split())


def _place(head: int | None, n_before: int) -> int:
    """Return the place of a head in the list of all words; `n_before` of them are in earlier sentences."""
    if head is None:
        return _NO_PLACE
    return n_before + head - 1 if head else ROOT_PLACE


def align(gold: Sequence[Word], system: Sequence[Word]) -> list[tuple[int, int]]:
    """Return the places of aligned words: (in the gold text, in the text of the system).

    A word is aligned with the word that has the same characters of the text. The words of a multiword token
    share its characters. From its start to where no multiword token of either side goes on, words are
    therefore aligned by the longest common subsequence of their forms, in lower case.
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
    gold: Sequence[Word], system: Sequence[Word], i: int, j: int
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the gold words and the system words (first, and after the last) to be aligned by their forms.

    Word i or word j belongs to a multiword token.
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


def _is_inside(words: Sequence[Word], place: int, end: int) -> bool:
    """Return whether a word lies in a multiword span that ends at `end`.

    A multiword token need only begin there.
    """
    if place == len(words):
        return False
    word = words[place]
    return word.start < end if word.is_multiword else word.end <= end


def _common_subsequence(a: Sequence[str], b: Sequence[str]) -> list[tuple[int, int]]:
    """Return the places in `a` and in `b` of their longest common subsequence."""
    # length[i][j] is the length of the longest common subsequence of a[i:] and b[j:].
    length = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
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
