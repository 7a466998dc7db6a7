"""The segmenter of the English model on text unlike its treebank."""

from __future__ import annotations

import pytest

import firth
from firth.parsing.segmenter.segmenter import Segmenter


@pytest.fixture(scope="module")
def english() -> Segmenter:
    return firth.load("en").segmenter


@pytest.mark.parametrize(
    "sentences",
    [
        ["The road was long and\nthe car was old, so\nwe took the train.", "It was late."],
        ["Agenda of the board\n\n", "The board met at nine.", "All members came."],
        ["so we drove home and it was late and nobody was there and then we slept"],
    ],
)
def test_sentences(english: Segmenter, sentences: list[str]) -> None:
    text = "".join(s if s.endswith("\n") else s + " " for s in sentences)
    found = [text[s.tokens[0].start : s.tokens[-1].end] for s in english.segment(text)]
    assert found == [sentence.strip() for sentence in sentences]


@pytest.mark.parametrize(
    "words",
    [
        "we ’re late and they ’ve left",
        "You must n’t say it ’s Tom ’s",
        "WE 'RE HERE AND YOU DO N'T KNOW",
        "You 'd 've known",
    ],
)
def test_words(english: Segmenter, words: str) -> None:
    text = words
    for part in ("’re", "’ve", "n’t", "’s", "'RE", "N'T", "'d", "'ve"):
        text = text.replace(f" {part}", part)
    found = " ".join(token.form for s in english.segment(text) for token in s.tokens)
    assert found == words


def test_text_without_end_marks_is_not_cut_at_every_word(english: Segmenter) -> None:
    sentences = english.segment("word " * 20_000)
    assert sum(map(len, sentences)) == 20_000
    assert len(sentences) < 200
