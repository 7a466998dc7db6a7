"""The pipeline at work: one text, many texts, and a text as it comes."""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from firth.errors import InputError
from firth.parsing import pipeline as module
from firth.parsing.pipeline import Pipeline, load
from firth.progress import Progress
from firth.text.document import Document

TEXT = (
    "Dr. Smith can't come.  He's ill, isn't he?\n\nA heading\n\n" * 3
    + "The café (near the old\r\nbridge) opened in 1.5 hours... 🐦 Fine!\tIt closes at 5 p.m. on Sundays. "
) * 4


@pytest.fixture(scope="module")
def nlp() -> Pipeline:
    return load("en")


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PIECE_CHARACTERS", 100)
    monkeypatch.setattr("firth.parsing.segmenter.sentences._WINDOW_CHARACTERS", 60)


def test_a_document(nlp: Pipeline) -> None:
    document = nlp(TEXT)
    assert document.text == TEXT
    assert [sentence.sent_id for sentence in document] == [str(k + 1) for k in range(len(document))]
    for sentence in document:
        assert sentence.text == " ".join(TEXT[sentence[0].start : sentence[-1].end].split())
        assert sum(token.head == 0 for token in sentence) == 1


@pytest.mark.parametrize("threads", [1, 3])
def test_a_stream_is_the_document(nlp: Pipeline, tmp_path: Path, threads: int) -> None:
    expected = nlp(TEXT).sentences
    path = tmp_path / "text.txt"
    path.write_bytes(TEXT.encode())
    with path.open("rb") as binary, path.open(encoding="utf-8", newline="") as text:
        for source in (path, str(path), binary, text, io.StringIO(TEXT, newline=""), [TEXT], list(TEXT)):
            assert list(nlp.stream(source, threads=threads)) == expected
    for size in (7, 64, 999):
        blocks = (TEXT[i : i + size] for i in range(0, len(TEXT), size))
        assert list(nlp.stream(blocks, threads=threads)) == expected


@pytest.mark.parametrize("source", [[], [""], [" \n\n"], io.BytesIO(b"\xef\xbb\xbf")])
def test_nothing_has_no_sentences(nlp: Pipeline, source: io.BytesIO | list[str]) -> None:
    assert list(nlp.stream(source)) == []


def test_many_texts(nlp: Pipeline) -> None:
    texts = [TEXT, "", "One more.", TEXT]
    documents = list(nlp.pipe(iter(texts), threads=3))
    assert [document.text for document in documents] == texts
    sentences = [sentence for document in documents for sentence in document]
    assert [sentence.sent_id for sentence in sentences] == [str(k + 1) for k in range(len(sentences))]
    for document, text in zip(documents, texts, strict=True):
        for found, expected in zip(document, nlp(text), strict=True):
            assert (found.tokens, found.comments[1:]) == (expected.tokens, expected.comments[1:])


def test_sentences_come_while_the_text_is_read(nlp: Pipeline) -> None:
    n_read = 0

    def blocks() -> Iterator[str]:
        nonlocal n_read
        while True:
            n_read += 1
            yield "It rains. The sun shines.\n"

    sentences = nlp.stream(blocks(), threads=2)
    for k, sentence in enumerate(islice(sentences, 200)):
        assert sentence.text == ("It rains.", "The sun shines.")[k % 2]
    assert n_read < 200
    sentences.close()


def test_what_is_wrong_comes_after_what_is_right(nlp: Pipeline) -> None:
    source = io.BytesIO(b"It rains.\n\n" * 50 + b"\0")
    with pytest.raises(InputError, match="text:101: holds a NUL byte"):
        list(nlp.stream(source))

    def blocks() -> Iterator[str]:
        yield from ["It rains.\n\n"] * 500
        raise KeyboardInterrupt

    sentences = nlp.stream(blocks(), threads=1)
    assert next(sentences).text == "It rains."
    with pytest.raises(KeyboardInterrupt):
        list(sentences)


class Noting(Progress):
    """Notes what it is told."""

    def __init__(self) -> None:
        self.stages: list[tuple[str, int | None, str]] = []
        self.done: list[int] = []

    def begin(self, stage: str, total: int | None = None, unit: str = "words") -> None:
        self.stages.append((stage, total, unit))

    def advance(self, done: int, **figures: float) -> None:
        self.done.append(done)


def test_progress(nlp: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "text.txt"
    path.write_bytes(TEXT.encode())
    silent, noting = Noting(), Noting()
    list(nlp.stream(path, progress=silent))
    assert silent.stages == [], "a short text is done at once"
    monkeypatch.setattr("firth.text.stream._BLOCK", 50)
    list(nlp.stream(path, progress=noting))
    size = len(TEXT.encode())
    assert noting.stages == [("parsing", size, "bytes")]
    assert noting.done == sorted(noting.done) and noting.done[-1] == size
    assert len(noting.done) > 10


def test_a_document_is_written_as_its_sentences(nlp: Pipeline) -> None:
    document = nlp(TEXT)
    assert document.to_conllu() == "".join(sentence.to_conllu() for sentence in nlp.stream([TEXT]))
    assert Document(list(nlp.stream([TEXT])), TEXT).to_dict() == document.to_dict()
