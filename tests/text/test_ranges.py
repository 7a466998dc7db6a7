"""The white space of a text survives CoNLL-U, and words have places."""

from __future__ import annotations

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firth.text import conllu
from firth.text.document import MultiwordToken, Sentence, Token
from firth.text.ranges import place_words, restored_text, with_ranges


def sentences_of(text: str, sizes: list[int]) -> list[Sentence]:
    """Cut a text into tokens without white space, and sentences of some sizes."""
    matches = list(re.finditer(r"[^\W_]+|[^\w\s]|_", text))
    sentences = []
    while matches:
        size = sizes[len(sentences) % len(sizes)]
        here, matches = matches[:size], matches[size:]
        tokens = [Token(i, m.group(), start=m.start(), end=m.end()) for i, m in enumerate(here, 1)]
        sentences.append(Sentence(tokens, [f"# sent_id = {len(sentences) + 1}"]))
    return sentences


@given(st.text("ab.|\\_ \t\r\n\u00a0\u2028\x0b", max_size=60), st.lists(st.integers(1, 5), min_size=1))
def test_conllu_back_to_text_is_lossless(text: str, sizes: list[int]) -> None:
    sentences = sentences_of(text, sizes)
    ranged = list(with_ranges(sentences, text))
    read = conllu.load(io.StringIO("".join(map(conllu.format_sentence, ranged)), newline=""), trees=False)
    assert restored_text(read) == (text if sentences else "")
    for before, after in zip(sentences, read, strict=True):
        for token, found in zip(before, after, strict=True):
            assert f"TokenRange={token.start}:{token.end}" in found.misc.split("|")


def test_paragraphs_and_spaces() -> None:
    text = " One.\r\n \r\nTwo  three\nfour"
    first, second = with_ranges(sentences_of(text, [2, 3]), text)
    assert first.comments == ["# newpar", "# sent_id = 1"] and second.comments[0] == "# newpar"
    assert [token.misc for token in (*first, *second)] == [
        r"SpaceAfter=No|TokenRange=1:4|SpacesBefore=\s",
        r"SpacesAfter=\r\n\s\r\n|TokenRange=4:5",
        r"SpacesAfter=\s\s|TokenRange=10:13",
        r"SpacesAfter=\n|TokenRange=15:20",
        "SpaceAfter=No|TokenRange=21:25",
    ]


def test_a_token_with_other_spaces_inside() -> None:
    sentence = Sentence([Token(1, "10 000", start=0, end=6)])
    (ranged,) = with_ranges([sentence], "10\n000")
    assert ranged[0].misc == r"SpacesInToken=10\n000|SpaceAfter=No|TokenRange=0:6"
    assert restored_text([ranged]) == "10\n000"


@pytest.mark.parametrize(
    ("form", "words", "expected"),
    [
        ("they're", ["they", "'re"], ["they", "'re"]),
        ("CAN’T", ["ca", "n't"], ["CA", "N’T"]),
        ("du", ["de", "le"], ["du", "du"]),
        ("dámelo", ["da", "me", "lo"], ["dámelo", "me", "lo"]),
        ("zum", ["zu", "dem"], ["zu", "zum"]),
        ("İ's", ["i̇", "'s"], ["İ's", "İ's"]),
    ],
)
def test_words_that_stand_in_the_text(form: str, words: list[str], expected: list[str]) -> None:
    text, start = f"x {form}", 2
    end = start + len(form)
    tokens = [Token(i, word, start=start, end=end) for i, word in enumerate(words, 1)]
    place_words(Sentence(tokens, [], [MultiwordToken(1, len(words), form, start=start, end=end)]))
    assert [text[token.start : token.end] for token in tokens] == expected
