r"""The white space of a text in CoNLL-U, so that the text can be restored; and the places of tokens.

MISC of a token gets ``TokenRange=START:END``, in characters of the text, and the white space after it:
``SpaceAfter=No`` for none, ``SpacesAfter=…`` unless it is one space. The first token of a text gets
``SpacesBefore=…`` for white space before it, and a token with other white space than its form
``SpacesInToken=…``. Spaces are written as in UDPipe: ``\s``, ``\t``, ``\r``, ``\n``, ``\p`` for ``|`` and
``\\`` for ``\``. The first sentence of a paragraph gets the comment ``# newpar``.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable
from itertools import chain, pairwise

from firth.text.document import Sentence, has_no_space_after

_ESCAPES = {" ": r"\s", "\t": r"\t", "\r": r"\r", "\n": r"\n", "|": r"\p", "\\": r"\\"}
_CHARACTERS = {escape: character for character, escape in _ESCAPES.items()}
_BLANK_LINE = re.compile(r"\n[^\S\n]*\n|\r[^\S\r\n]*\r")
_APOSTROPHES = str.maketrans("’ʼ‘`", "''''")


def with_ranges(sentences: Iterable[Sentence], text: str) -> Generator[Sentence, None, None]:
    """Write the places of tokens and the white space of the text into sentences, in place.

    Parameters
    ----------
    sentences
        The sentences of the text, with the places of their tokens.
    text
        The whole text.

    Yields
    ------
    Sentence
        The same sentences; each waits for the next one.
    """
    end = 0
    is_first = True
    for sentence, following in pairwise(chain(sentences, [None])):
        assert sentence is not None
        surface = [item for item, _ in sentence.surface_tokens()]
        places = [(item.start or 0, item.end or 0) for item in surface]
        before = text[end : places[0][0]]
        if is_first or _BLANK_LINE.search(before):
            sentence.comments.insert(0, "# newpar")
        next_start = len(text) if following is None else following.tokens[0].start or 0
        starts = [start for start, _ in places[1:]] + [next_start]
        for item, (start, end), after in zip(surface, places, starts, strict=True):
            fields = [field for field in item.misc.split("|") if field not in ("_", "SpaceAfter=No")]
            fields += _fields(item.form, text[start:end], text[end:after])
            item.misc = "|".join([*fields, f"TokenRange={start}:{end}"])
        if is_first and before:
            surface[0].misc += f"|SpacesBefore={_escaped(before)}"
        is_first = False
        yield sentence


def restored_text(sentences: Iterable[Sentence]) -> str:
    """Return the text that sentences from `with_ranges` were made of."""
    parts = []
    for sentence in sentences:
        for item, _ in sentence.surface_tokens():
            fields = dict(field.partition("=")[::2] for field in item.misc.split("|"))
            after = "" if has_no_space_after(item) else _unescaped(fields.get("SpacesAfter", r"\s"))
            inside = fields.get("SpacesInToken")
            parts.append(_unescaped(fields.get("SpacesBefore", "")))
            parts += [item.form if inside is None else _unescaped(inside), after]
    return "".join(parts)


def place_words(sentence: Sentence) -> None:
    """Give the words of multiword tokens places of their own, where they stand in the text.

    Words are looked for from the beginning of the token and from its end. A word that does not stand there
    keeps the place of the whole token: ``du`` for ``de`` and ``le``.
    """
    for token in sentence.multiword_tokens:
        if token.start is None or token.end is None:
            continue
        words = sentence.tokens[token.first - 1 : token.last]
        form, first, last = _folded(token.form), 0, len(token.form)
        if len(form) != last or last != token.end - token.start:
            continue
        while words and form.startswith(_folded(words[0].form), first):
            word, start = words.pop(0), first
            first += len(word.form)
            word.start, word.end = token.start + start, token.start + first
        while words and form.endswith(_folded(words[-1].form), first, last):
            word, end = words.pop(), last
            last -= len(word.form)
            word.start, word.end = token.start + last, token.start + end


def _folded(form: str) -> str:
    return form.lower().translate(_APOSTROPHES)


def _fields(form: str, inside: str, after: str) -> list[str]:
    """Return the fields of MISC for a token with this text inside, and this white space after it."""
    fields = [f"SpacesInToken={_escaped(inside)}"] if inside != form else []
    if not after:
        fields.append("SpaceAfter=No")
    elif after != " ":
        fields.append(f"SpacesAfter={_escaped(after)}")
    return fields


def _escaped(text: str) -> str:
    return "".join(_ESCAPES.get(character, character) for character in text)


def _unescaped(text: str) -> str:
    return re.sub(r"\\.", lambda match: _CHARACTERS.get(match[0], match[0]), text)
