"""What a pipeline can be called with: texts, sentences of words, pairs; pickles and copies of it."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firth.errors import InputError
from firth.parsing.pipeline import Pipeline, load
from firth.text.document import Document, Sentence, Token

TEXT = "They can't come. I'm ill."


@pytest.fixture(scope="module")
def nlp() -> Pipeline:
    return load("en")


@pytest.mark.parametrize("copied", [copy.deepcopy, copy.copy, lambda nlp: pickle.loads(pickle.dumps(nlp))])
def test_copies_are_the_same_pipeline(nlp: Pipeline, copied: Any, tmp_path: Path) -> None:
    other = copied(nlp)
    assert other is not nlp
    assert other(TEXT) == nlp(TEXT)
    for name, pipeline in (("a", nlp), ("b", other)):
        pipeline.save(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert other.parser.metadata == nlp.parser.metadata


def test_parts_can_be_copied_too(nlp: Pipeline) -> None:
    for part in (
        nlp.parser,
        nlp.segmenter,
        nlp.parser.tagger,
        nlp.parser.network,
        nlp.parser.tagger.features,
    ):
        assert type(copy.deepcopy(part)) is type(pickle.loads(pickle.dumps(part))) is type(part)
    sentences = nlp.segmenter.segment(TEXT)
    again = copy.deepcopy(nlp.segmenter).segment(TEXT)
    assert pickle.loads(pickle.dumps(nlp.parser)).parse(sentences) == nlp.parser.parse(again)


def test_processes_share_a_pipeline(nlp: Pipeline) -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        (document,) = pool.map_async(nlp, [TEXT]).get(timeout=120)
    assert document == nlp(TEXT)


def test_sentences_of_words_stay_as_they_are(nlp: Pipeline) -> None:
    given = [["They", "ca", "n't", "come", "."], ("10 000", "Dr.", "Smith"), np.array(["I", "see"])]
    document = nlp(given)
    assert document.text is None
    assert [[token.form for token in sentence] for sentence in document] == [list(words) for words in given]
    assert [sentence.sent_id for sentence in document] == ["1", "2", "3"]
    assert document[0].comments[1] == "# text = They ca n't come ."
    for sentence in document:
        assert sum(token.head == 0 for token in sentence) == 1
        assert all(token.upos != "_" for token in sentence)
    assert nlp(iter(given)) == document
    assert nlp([]) == Document([])


def test_given_sentences_are_copied(nlp: Pipeline) -> None:
    given = Sentence([Token(1, "I", misc="A=b"), Token(2, "see")], ["# sent_id = x", "# note"])
    (parsed,) = nlp([given])
    assert given[1].head is None
    assert (parsed.comments, parsed[0].misc, parsed[1].head) == (given.comments, "A=b", 0)
    assert nlp(Document([given], "I see")).text == "I see"


def test_pairs_of_texts_and_contexts(nlp: Pipeline) -> None:
    pairs = [(TEXT, {"id": 1}), ("One more.", {"id": 2})]
    found = list(nlp.pipe(iter(pairs), as_tuples=True, threads=2))
    assert [(document.text, context) for document, context in found] == pairs
    assert [document for document, _ in found] == list(nlp.pipe([text for text, _ in pairs]))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (None, "no text in None"),
        (3, "no text in of type int"),
        (b"abc", "decode"),
        (Path("a.txt"), "nlp.stream"),
        (["a", "b"], r"nlp.pipe\(texts\)"),
        ({"a": 1}, "no text"),
        ([["a", None]], "sentence 1, word 2 is None"),
        ([["a"], []], "sentence 2: it has no words"),
        ([["a", " "]], "word 2 is blank"),
        ([["a\tb"]], "holds a tab"),
        ([["a"], "b"], "sentence 2 is of type str"),
        ([3], "sentence 1 is of type int"),
        (Sentence([Token(1, "a")]), r"nlp\(\[sentence\]\)"),
    ],
    ids=repr,
)
def test_what_is_no_text_is_told(nlp: Pipeline, given: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        nlp(given)
    with pytest.raises(InputError, match=message):
        list(nlp.pipe([given]))


@pytest.mark.parametrize(
    ("texts", "options", "message"),
    [
        ("abc", {}, r"nlp\(text\)"),
        (b"abc", {}, r"nlp\(text\)"),
        (None, {}, "NoneType"),
        (Path("a.txt"), {}, "nlp.stream"),
        ({"a": 1}, {}, "dict"),
    ],
)
def test_one_text_is_no_list_of_texts(nlp: Pipeline, texts: Any, options: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):  # at once, not when the first document is asked for
        nlp.pipe(texts, **options)


def test_pairs_must_be_asked_for(nlp: Pipeline) -> None:
    with pytest.raises(InputError, match="as_tuples=True"):
        list(nlp.pipe([("a", {"id": 1})]))  # type: ignore[list-item]
    with pytest.raises(InputError, match="takes pairs"):
        list(nlp.pipe(["a"], as_tuples=True))  # type: ignore[list-item]


def test_a_stream_is_no_bytes_and_a_parser_no_splitter(nlp: Pipeline) -> None:
    for source in (b"abc", None, 3, [b"abc"]):
        with pytest.raises(InputError, match=r"str|path"):
            list(nlp.stream(source))  # type: ignore[arg-type]
    for sentences in ("abc", None, [["a", "b"]]):
        with pytest.raises(InputError, match=r"firth\.load"):
            nlp.parser.parse(sentences)  # type: ignore[arg-type]
