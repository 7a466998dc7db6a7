from __future__ import annotations

import pytest

from firth.text.document import Document, MultiwordToken, Sentence, Token, has_no_space_after


@pytest.fixture
def sentence() -> Sentence:
    """Return "I didn't go." with a multiword token."""
    return Sentence(
        [
            Token(1, "I"),
            Token(2, "did"),
            Token(3, "n't", misc="SpaceAfter=No"),  # inside a multiword token: says nothing about the text
            Token(4, "go", misc="Gloss=go|SpaceAfter=No"),
            Token(5, "."),
        ],
        comments=["# sent_id = s-1", "# speaker=Ada = Lovelace", "# newpar"],
        multiword_tokens=[MultiwordToken(2, 3, "didn't")],
    )


def test_what_is_not_known() -> None:
    token = Token(1, "word")
    assert (token.lemma, token.upos, token.xpos, token.feats, token.deprel) == ("_",) * 5
    assert token.head is token.start is token.end is None


def test_a_sentence_is_a_sequence_of_tokens(sentence: Sentence) -> None:
    assert len(sentence) == 5
    assert [token.form for token in sentence] == ["I", "did", "n't", "go", "."]
    assert sentence[0].form == "I" and sentence[-1].form == "."
    assert [token.form for token in sentence[1:3]] == ["did", "n't"]
    assert Document([sentence])[0] is sentence
    assert Document([sentence, sentence])[1:] == [sentence]
    assert len(Document([])) == 0 and list(Document([sentence])) == [sentence]


def test_comments(sentence: Sentence) -> None:
    assert sentence.sent_id == "s-1"
    assert Sentence([Token(1, "a")]).sent_id is None
    assert Sentence([Token(1, "a")], ["#sent_id=x = y "]).sent_id == "x = y"


def test_text_is_the_comment_or_else_the_tokens(sentence: Sentence) -> None:
    assert sentence.text == "I didn't go."
    sentence.comments.append("# text = I did  not go.")
    assert sentence.text == "I did  not go."


def test_surface_tokens(sentence: Sentence) -> None:
    found = [(surface.form, [token.form for token in words]) for surface, words in sentence.surface_tokens()]
    assert found == [("I", ["I"]), ("didn't", ["did", "n't"]), ("go", ["go"]), (".", ["."])]


@pytest.mark.parametrize(
    ("misc", "expected"),
    [
        ("_", False),
        ("SpaceAfter=No", True),
        ("CorrectSpaceAfter=No", False),
        ("A=b|SpaceAfter=No", True),
        ("SpaceAfter=Now", False),
    ],
)
def test_has_no_space_after(misc: str, expected: bool) -> None:
    assert has_no_space_after(Token(1, "a", misc=misc)) is expected
