"""Varied copies of a treebank's text."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from firth.parsing.segmenter.treebank import annotate, annotated
from firth.parsing.segmenter.variation import vary
from firth.text.document import Sentence, Token


def sentence(*forms: str, paragraph: bool = False) -> Sentence:
    """Make a sentence: ``cat+`` has no space after it."""
    tokens = [
        Token(k, form.removesuffix("+"), misc="SpaceAfter=No" if form.endswith("+") else "_")
        for k, form in enumerate(forms, 1)
    ]
    return Sentence(tokens, ["# newpar id = p"] * paragraph)


SENTENCES = [
    sentence("The", "cat+", "'s", "tail+", ".", paragraph=True),
    sentence("He", "said+", ":", '"+', "No+", '"+', ".+"),
    sentence("It", "costs", "10 000", "at", "Inc.", "today+", ".", paragraph=True),
    sentence("So", "does", "the", "dog+", "!"),
] * 50


def test_a_text_of_paragraphs_is_what_the_treebank_says() -> None:
    text = annotated([[[("The", " "), ("cat", "")], [("Yes", "\n")]], [[("no", " ")]]])
    assert text.text == "The catYes\n\nno\n\n"
    assert [text.text[s:e] for s, e in zip(text.starts, text.ends, strict=True)] == [
        "The",
        "cat",
        "Yes",
        "no",
    ]
    assert text.sentence_ends.tolist() == [False, True, True, True]
    assert text.paragraph_ends.tolist() == [False, False, True, True]


def test_copies_have_all_that_people_write() -> None:
    original = annotate(SENTENCES)
    text = vary(original, np.random.default_rng(1))
    for wanted in ("’s", "“No”", "CAT", "\n- ", "\n2. ", "…" if "…" in original.text else "\n"):
        assert wanted in text.text, wanted
    assert "10 000" in text.text
    # A line that does not end a paragraph: in lists, or broken anywhere.
    inner = [text.text[e:s] for e, s in zip(text.ends[:-1], text.starts[1:], strict=True)]
    ends = text.sentence_ends[:-1].tolist()
    assert {(gap, end) for gap, end in zip(inner, ends, strict=True)} >= {
        ("\n", True),
        ("\n", False),
        (" ", True),
        (" ", False),
        ("", False),
    }


def test_copies_are_well_formed_and_drawn_with_the_seed() -> None:
    original = annotate(SENTENCES)
    text, same, other = (vary(original, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert text.text == same.text != other.text
    assert (text.starts < text.ends).all()
    assert (text.ends[:-1] <= text.starts[1:]).all()
    assert text.sentence_ends[text.paragraph_ends].all()
    for (_, end), (start, _) in pairwise(zip(text.starts.tolist(), text.ends.tolist(), strict=True)):
        assert not text.text[end:start].strip()
    for k in np.flatnonzero(text.paragraph_ends[:-1]).tolist():
        assert text.text[text.ends[k] : text.starts[k + 1]] == "\n\n"


def test_any_treebank_can_be_varied() -> None:
    for sentences in ([sentence("?")], [sentence("a")], [sentence("漢字", "。")] * 3):
        text = vary(annotate(sentences), np.random.default_rng(3))
        assert text.paragraph_ends[-1]


def test_abbreviations_stand_within_sentences() -> None:
    text = vary(annotate(SENTENCES), np.random.default_rng(1), {"approx": True})
    tokens = [text.text[s:e] for s, e in zip(text.starts, text.ends, strict=True)]
    places = [k for k, token in enumerate(tokens) if token.lower() == "approx."]
    assert places
    assert all(tokens[k + 1].isdigit() and not text.sentence_ends[k] for k in places)
