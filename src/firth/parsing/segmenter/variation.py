"""Varied copies of a treebank's text: other people's quotes, capitals, lines, lists and missing marks.

A treebank shows a few sorts of text. A copy of it in which paragraphs are written in other ways, drawn at
random, teaches the networks what does not depend on the sort: a curly apostrophe is one, a list item is a
sentence, the end of a line mostly is not.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from firth.parsing.segmenter.treebank import AnnotatedText, annotated

Surface = tuple[str, str]
"""A token, and the white space after it."""
SentenceText = list[Surface]
Paragraph = list[SentenceText]

_ENDS = frozenset(".?!…。？！؟।")
_STRAIGHT = {"'": ("‘", "’"), '"': ("“", "”"), "''": ("”", "”"), "``": ("“", "“")}
_APOSTROPHES = ("’", "’", "’", "ʼ", "`")
_BULLETS = ("-", "-", "-", "*", "*", "•", "•", "–", "·", "+")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"

# So much of a copy is varied, as shares of paragraphs (of words, for the made-up ones).
_CURLY, _UPPER, _LOWER = 0.4, 0.08, 0.12
_JOINED, _LINES, _WRAPPED, _MISSING_SPACE, _SPACED_DOTS = 0.4, 0.2, 0.25, 0.06, 0.5
_FINAL_ABBREVIATION, _INNER_ABBREVIATION = 0.04, 0.06
_MADE_UP = 0.004

# And so many paragraphs are added, for each paragraph of the treebank.
_LISTS, _UNMARKED, _REPEATED = 0.12, 0.06, 0.01

# An item of a list has at most 15 tokens.
_LONGEST_ITEM = 15


def vary(
    text: AnnotatedText, random: np.random.Generator, abbreviations: Mapping[str, bool] | None = None
) -> AnnotatedText:
    """Return a copy of a text with its paragraphs written in other ways.

    Parameters
    ----------
    text
        The text of a treebank.
    random
        Draws what is varied.
    abbreviations
        Abbreviations within sentences, without their points, and whether numbers follow them; see
        `firth.parsing.segmenter.statistics.WordStatistics`.
    """
    paragraphs = _paragraphs(text)
    sentences = [sentence for paragraph in paragraphs for sentence in paragraph]
    inner, final = sorted((abbreviations or {}).items()), _final_abbreviations(sentences)
    varied: list[Paragraph] = []
    for paragraph in paragraphs:
        copy = [list(sentence) for sentence in paragraph]
        if varied and random.random() < _JOINED:
            gap = " " if random.random() < 0.5 else "\n"
            _set_gap(varied[-1][-1], gap)
            varied[-1] += copy
        else:
            varied.append(copy)
    varied = [_vary_paragraph(paragraph, inner, final, random) for paragraph in varied]
    n = len(paragraphs)
    short = [sentence for sentence in sentences if len(sentence) <= _LONGEST_ITEM]
    added = [_list(short or sentences, random) for _ in range(round(_LISTS * n))]
    added += [_unmarked(sentences, random) for _ in range(round(_UNMARKED * n))]
    added += [_repeated(sentences, random) for _ in range(round(_REPEATED * n))]
    varied += [paragraph for paragraph in added if paragraph]
    return annotated([varied[i] for i in random.permutation(len(varied))])


def _paragraphs(text: AnnotatedText) -> list[Paragraph]:
    """Return the tokens of a text with the spaces after them, by sentences and paragraphs."""
    paragraphs: list[Paragraph] = [[[]]]
    starts, ends = text.starts.tolist(), text.ends.tolist()
    nexts = [*starts[1:], ends[-1]]
    for k, (start, end, following) in enumerate(zip(starts, ends, nexts, strict=True)):
        ends_paragraph = text.paragraph_ends[k]
        gap = "" if ends_paragraph else text.text[end:following]
        paragraphs[-1][-1].append((text.text[start:end], gap))
        if k + 1 < len(starts):
            if ends_paragraph:
                paragraphs.append([[]])
            elif text.sentence_ends[k]:
                paragraphs[-1].append([])
    return paragraphs


def _set_gap(sentence: SentenceText, gap: str) -> None:
    """Set the white space after a sentence."""
    sentence[-1] = (sentence[-1][0], gap)


def _is_word(form: str) -> bool:
    """Return whether a token has a letter or a digit."""
    return any(character.isalnum() for character in form)


def _is_end(form: str) -> bool:
    """Return whether a token is nothing but marks that end sentences."""
    return all(character in _ENDS for character in form)


def _final_abbreviations(sentences: Sequence[SentenceText]) -> list[str]:
    """Return the abbreviations that may end a sentence: they do so in the treebank, or no name follows."""
    found = set()
    for sentence in sentences:
        for k, (form, _) in enumerate(sentence):
            if len(form) > 2 and form[-1] == "." and form[-2].isalpha():
                following = sentence[k + 1][0] if k + 1 < len(sentence) else "."
                if not following[0].isupper() and not following[0].isdigit():
                    found.add(form)
    return sorted(found)


def _vary_paragraph(
    paragraph: Paragraph,
    inner: Sequence[tuple[str, bool]],
    final: Sequence[str],
    random: np.random.Generator,
) -> Paragraph:
    """Return a paragraph written in another way, with abbreviations within and at the end of sentences."""
    draw = random.random(8)
    for k, sentence in enumerate(paragraph):
        if random.random() < _SPACED_DOTS:
            _space_dots(sentence)
        if final and k + 1 < len(paragraph) and random.random() < _FINAL_ABBREVIATION:
            _abbreviate_end(sentence, final, random)
        if inner and random.random() < _INNER_ABBREVIATION:
            _abbreviate(sentence, inner, random)
        _make_up(sentence, random)
    if draw[0] < _CURLY:
        apostrophe = _APOSTROPHES[int(draw[1] * len(_APOSTROPHES))]
        paragraph = [_curly(sentence, apostrophe) for sentence in paragraph]
    if draw[2] < _UPPER + _LOWER:
        change: Callable[[str], str] = str.upper if draw[2] < _UPPER else str.lower
        paragraph = [[(change(form), gap) for form, gap in sentence] for sentence in paragraph]
    if draw[3] < _LINES:
        for sentence in paragraph[:-1]:
            if random.random() < 0.2 and len(sentence) > 1 and _is_end(sentence[-1][0]):
                sentence.pop()
            _set_gap(sentence, "\n")
    elif draw[3] < _LINES + _WRAPPED:
        paragraph = _wrapped(paragraph, 20 + int(draw[4] * 60))
    if draw[5] < _MISSING_SPACE:
        for sentence in paragraph[:-1]:
            if _is_end(sentence[-1][0]) and sentence[-1][1] == " ":
                _set_gap(sentence, "")
    return paragraph


def _curly(sentence: SentenceText, apostrophe: str) -> SentenceText:
    """Write straight quotes and apostrophes as curly ones, and hyphens that are tokens as dashes."""
    changed = []
    before = " "
    for form, gap in sentence:
        if form in _STRAIGHT:
            opens = before != "" and gap == ""
            new = _STRAIGHT[form][0 if opens else 1]
        elif form == "-" and (before == "") == (gap == ""):
            new = "–"
        elif form == "--":
            new = "—"
        else:
            new = form.replace("'", apostrophe)
        changed.append((new, gap))
        before = gap
    return changed


def _space_dots(sentence: SentenceText) -> None:
    """Write dots within a sentence with spaces between them, rarely enough: three dots in a row."""
    for k in range(len(sentence) - 1, -1, -1):
        form, gap = sentence[k]
        if form == "..." and k > 0:
            word, _ = sentence[k - 1]
            last = gap if gap or k + 1 == len(sentence) else " "
            sentence[k - 1 : k + 1] = [(word, " "), (".", " "), (".", " "), (".", last)]


def _abbreviate_end(
    sentence: SentenceText, abbreviations: Sequence[str], random: np.random.Generator
) -> None:
    """End a sentence with an abbreviation instead of a word and a point."""
    if len(sentence) > 3 and sentence[-1][0] == "." and sentence[-2][1] == "" and _is_word(sentence[-2][0]):
        abbreviation = abbreviations[int(random.integers(len(abbreviations)))]
        sentence[-2:] = [(abbreviation, sentence[-1][1])]


def _abbreviate(
    sentence: SentenceText, abbreviations: Sequence[tuple[str, bool]], random: np.random.Generator
) -> None:
    """Insert an abbreviation before a word within a sentence, and a number if numbers follow it."""
    places = [
        k
        for k in range(1, len(sentence) - 1)
        if sentence[k - 1][1] == " " and not sentence[k][0][0].isupper() and _is_word(sentence[k][0])
    ]
    if places:
        word, has_number = abbreviations[int(random.integers(len(abbreviations)))]
        number = [(str(int(random.integers(1, 2030))), " ")] if has_number else []
        place = places[int(random.integers(len(places)))]
        sentence[place:place] = [(f"{word}.", " "), *number]


def _make_up(sentence: SentenceText, random: np.random.Generator) -> None:
    """Replace a few words by made-up tokens with signs in them: addresses, tags, versions, emoticons."""
    draws = random.random(len(sentence))
    for k in np.flatnonzero(draws < _MADE_UP).tolist():
        form, gap = sentence[k]
        if len(form) > 2 and form.isalpha() and gap and (k == 0 or sentence[k - 1][1]):
            sentence[k] = (_made_up(form, random), gap)


def _made_up(form: str, random: np.random.Generator) -> str:
    """Return a token with signs in it that is made of a word, letters and numbers."""
    word = form.lower()
    letters = "".join(_LETTERS[int(k)] for k in random.integers(26, size=int(random.integers(1, 6))))
    number, other = (int(k) for k in random.integers(0, 200, 2))
    host = f"{word}.{('com', 'org', 'net', 'co.uk', 'de')[number % 5]}"
    path = f"/{letters}" * (number % 3)
    query = ("", f"?{letters}={other}", f"?{letters}={word}&x={number}", f"#{letters}")[other % 4]
    version = f"{number % 10}.{other % 30}" + f".{number % 7}" * (other % 2)
    made = (
        lambda: f"#{form}{letters.title()}",
        lambda: f"#{form}",
        lambda: f"@{word}_{letters}",
        lambda: f"http{'s' * (number % 2)}://{host}{path}{query}",
        lambda: f"www.{host}{path}",
        lambda: f"{letters}.{word}@{host}",
        lambda: f"{version}-{('alpha', 'beta', 'rc', 'dev')[number % 4]}{other % 10}",
        lambda: f"{version}.{number}",
        lambda: f"v{version}",
        lambda: ("<3", ":)", ":-)", ";)", ":D", ":(", "</3", ":P", "=)", "^_^")[number % 10],
        lambda: f"{letters}_{other}.{('txt', 'csv', 'pdf', 'py')[number % 4]}",
    )
    return made[int(random.integers(len(made)))]()


def _wrapped(paragraph: Paragraph, width: int) -> Paragraph:
    """Break the lines of a paragraph at a width, in characters."""
    column = 0
    wrapped = []
    for sentence in paragraph:
        lines = []
        for form, gap in sentence:
            column += len(form) + len(gap)
            if gap == " " and column > width:
                gap, column = "\n", 0
            lines.append((form, gap))
        wrapped.append(lines)
    return wrapped


def _list(sentences: Sequence[SentenceText], random: np.random.Generator) -> Paragraph:
    """Return a list: each item is a sentence, whether it ends with a mark or not."""
    sort = int(random.integers(4))
    bullet = _BULLETS[int(random.integers(len(_BULLETS)))]
    sign = (".", ")")[int(random.integers(2))]
    has_ends, is_lower, is_phrase = random.random(3) < (0.4, 0.4, 0.5)
    items = []
    for number in range(1, int(random.integers(2, 8)) + 1):
        item = list(sentences[int(random.integers(len(sentences)))])
        if is_phrase:
            first = int(random.integers(len(item)))
            item = item[first : first + int(random.integers(1, 7))]
        if len(item) > 1 and _is_end(item[-1][0]) and not has_ends:
            item.pop()
        if is_lower:
            item = [(form.lower(), gap) for form, gap in item]
        marker = {0: [(str(number), ""), (sign, " ")], 3: []}.get(sort, [(bullet, " ")])
        if not any(_is_word(form) for form, _ in item):
            continue
        items.append([*marker, *item])
        _set_gap(items[-1], "\n")
    return items


def _unmarked(sentences: Sequence[SentenceText], random: np.random.Generator) -> Paragraph:
    """Return some sentences in lower case without any marks: nothing shows where to cut them."""
    words: SentenceText = []
    for _ in range(int(random.integers(2, 5))):
        sentence = sentences[int(random.integers(len(sentences)))]
        words += [(form.lower(), gap) for form, gap in sentence if _is_word(form)]
        if words:
            _set_gap(words, " ")
    return [[(form, gap) for form, gap in words]] if words else []


def _repeated(sentences: Sequence[SentenceText], random: np.random.Generator) -> Paragraph:
    """Return a word many times: no place is better than another to cut it."""
    sentence = sentences[int(random.integers(len(sentences)))]
    form = sentence[int(random.integers(len(sentence)))][0]
    is_letters = all(unicodedata.category(character)[0] == "L" for character in form)
    return [[(form, " ")] * int(random.integers(5, 200))] if is_letters else []
