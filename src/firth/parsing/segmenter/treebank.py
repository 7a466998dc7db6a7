"""The text of a treebank, and where its tokens and sentences are in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from firth.arrays import Bools, Int64s
from firth.text.document import Sentence, has_no_space_after

_NEW_PARAGRAPH = re.compile(r"#\s*new(par|doc)\b")
_SPACE = re.compile(r"\s*")


@dataclass(frozen=True)
class AnnotatedText:
    """A text with its tokens and sentences.

    Attributes
    ----------
    text
        The text: a blank line between paragraphs, a space (or nothing) between their sentences.
    starts, ends
        (n,): where each token begins and ends in the text; a token is a word or a multiword token.
    sentence_ends, paragraph_ends
        (n,): whether a token is the last one of its sentence, and of its paragraph.
    """

    text: str
    starts: Int64s
    ends: Int64s
    sentence_ends: Bools
    paragraph_ends: Bools


def annotate(sentences: Iterable[Sentence]) -> AnnotatedText:
    """Join sentences to a text.

    Paragraphs begin at the comments ``# newpar`` and ``# newdoc``. Within a sentence the spaces are those of
    the comment ``# text``, if there is one and it holds the tokens, else those of ``SpaceAfter=No``.
    """
    pieces: list[str] = []
    spans: list[tuple[int, int]] = []
    sentence_ends: list[int] = []
    paragraph_ends: list[int] = []
    length, between = 0, ""
    for sentence in sentences:
        if pieces and any(_NEW_PARAGRAPH.match(comment) for comment in sentence.comments):
            between = "\n\n"
            paragraph_ends.append(len(spans) - 1)
        text, places = _placed(sentence)
        length += len(between)
        spans += [(length + start, length + end) for start, end in places]
        sentence_ends.append(len(spans) - 1)
        pieces += [between, text]
        length += len(text)
        *_, (last, _) = sentence.surface_tokens()
        between = "" if has_no_space_after(last) else " "
    paragraph_ends.append(len(spans) - 1)
    columns = np.array(spans, np.int64).reshape(len(spans), 2)
    return AnnotatedText(
        "".join(pieces),
        columns[:, 0].copy(),
        columns[:, 1].copy(),
        _mask(sentence_ends, len(spans)),
        _mask(paragraph_ends, len(spans)),
    )


def annotated(paragraphs: Iterable[Iterable[Iterable[tuple[str, str]]]]) -> AnnotatedText:
    """Join the sentences of paragraphs to a text; a token is given with the white space after it.

    Blank lines follow paragraphs, whatever white space their last tokens have.
    """
    pieces: list[str] = []
    spans: list[tuple[int, int]] = []
    sentence_ends: list[int] = []
    paragraph_ends: list[int] = []
    length = 0
    for paragraph in paragraphs:
        gap = ""
        for sentence in paragraph:
            for form, gap in sentence:
                spans.append((length, length + len(form)))
                pieces += [form, gap]
                length += len(form) + len(gap)
            sentence_ends.append(len(spans) - 1)
        pieces[-1] = "\n\n"
        length += len(pieces[-1]) - len(gap)
        paragraph_ends.append(len(spans) - 1)
    columns = np.array(spans, np.int64).reshape(len(spans), 2)
    return AnnotatedText(
        "".join(pieces),
        columns[:, 0].copy(),
        columns[:, 1].copy(),
        _mask(sentence_ends, len(spans)),
        _mask(paragraph_ends, len(spans)),
    )


def raw_text(sentences: Iterable[Sentence]) -> str:
    """Return the text of a treebank: a blank line between paragraphs, and a space between sentences.

    The raw texts of the CoNLL 2018 shared task are made so too; see `annotate`.
    """
    return annotate(sentences).text


def _placed(sentence: Sentence) -> tuple[str, list[tuple[int, int]]]:
    """Return the text of a sentence, and where its tokens are."""
    forms = [surface.form for surface, _ in sentence.surface_tokens()]
    text = sentence.text
    places = _find(forms, text)
    if places is None:  # the comment is another text than the tokens, and tokens are learned
        text = Sentence(sentence.tokens, [], sentence.multiword_tokens).text
        places = _find(forms, text)
        assert places is not None
    return text, places


def _find(forms: Sequence[str], text: str) -> list[tuple[int, int]] | None:
    """Return the places of forms in a text of these forms and white space; None if it holds other text."""
    places = []
    end = 0
    for form in forms:
        start = end if text.startswith(form, end) else _skip_space(text, end)
        if not text.startswith(form, start):
            return None
        end = start + len(form)
        places.append((start, end))
    return places if _skip_space(text, end) == len(text) else None


def _skip_space(text: str, start: int) -> int:
    found: Any = _SPACE.match(text, start)
    return int(found.end())


def _mask(places: Sequence[int], n: int) -> Bools:
    mask = np.zeros(n, np.bool_)
    mask[places if n else []] = True
    return mask
