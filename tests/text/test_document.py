from __future__ import annotations

import io
import json

import pytest

from firth.text import conllu, json_lines
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


def test_in_json(sentence: Sentence) -> None:
    sentence.tokens[0].head, sentence.tokens[0].start, sentence.tokens[0].end = 2, 0, 1
    value = sentence.to_dict()
    assert (value["sent_id"], value["text"]) == ("s-1", "I didn't go.")
    assert [token["id"] for token in value["tokens"]] == [1, 2, 3, 4, 5]
    assert value["tokens"][0] == {
        "id": 1, "form": "I", "lemma": None, "upos": None, "xpos": None, "feats": None, "head": 2,
        "deprel": None, "deps": None, "misc": None, "start": 0, "end": 1,
    }  # fmt: skip
    (range_,) = value["multiword_tokens"]
    assert (range_["first"], range_["last"], range_["form"], range_["start"]) == (2, 3, "didn't", None)
    assert Document([sentence], "text").to_dict() == {"text": "text", "sentences": [value]}
    line = json_lines.format_sentence(sentence)
    assert line.endswith("}\n") and line.count("\n") == 1
    assert json.loads(line) == value


def test_what_is_written_as_underscore_is_a_word_too() -> None:
    value = Sentence([Token(1, "_")]).to_dict()["tokens"][0]
    assert (value["form"], value["lemma"]) == ("_", None)


def test_in_conllu(sentence: Sentence) -> None:
    text = sentence.to_conllu()
    assert text.startswith("# sent_id = s-1\n")
    assert text.count("\n") == 3 + 6 + 1 and text.endswith("\n\n")
    assert conllu.load(io.StringIO(text), trees=False) == [sentence]
    assert Document([sentence, sentence]).to_conllu() == 2 * text == 2 * conllu.format_sentence(sentence)
