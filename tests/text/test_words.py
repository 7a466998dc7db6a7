"""Files with one word a line."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from firth.errors import InputError
from firth.text.words import read_words


def test_words_and_sentences(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "\ufeff\nThey\n ca\n10 000 \r\n\r\n \n\nGo".encode()
    (tmp_path / "w.txt").write_bytes(text)
    sentences = list(read_words(tmp_path / "w.txt"))
    assert [[token.form for token in sentence] for sentence in sentences] == [
        ["They", "ca", "10 000"],
        ["Go"],
    ]
    assert sentences[1].comments == ["# sent_id = 2", "# text = Go"]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
    assert list(read_words("-")) == sentences
    (tmp_path / "empty").write_bytes(b"\n\n")
    assert list(read_words(tmp_path / "empty")) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"a\n\nb\tNOUN\n", "w.txt:3: a tab, .*--input conllu"),
        (b"a\rb\r\rc", "w.txt:1: line ends of old Mac"),
        (b"a\ncaf\xe9", "w.txt:2: not valid UTF-8"),
    ],
)
def test_what_is_no_word(tmp_path: Path, text: bytes, message: str) -> None:
    (tmp_path / "w.txt").write_bytes(text)
    with pytest.raises(InputError, match=message):
        list(read_words(tmp_path / "w.txt"))
