"""Text whose lines are its sentences."""

from __future__ import annotations

import pytest

from firth.parsing import lines as module
from firth.parsing.pipeline import Pipeline, load

TEXT = "It rains. The sun\tshines, isn't it?\r\n\n  \nno points here\rDr. No can't come\n...\u2028and so on"


@pytest.fixture(scope="module")
def nlp() -> Pipeline:
    return load("en")


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("batch", [1, 30, 1 << 15])
def test_a_line_is_a_sentence(nlp: Pipeline, monkeypatch: pytest.MonkeyPatch, size: int, batch: int) -> None:
    monkeypatch.setattr(module, "_BATCH_CHARACTERS", batch)
    blocks = [TEXT[i : i + size] for i in range(0, len(TEXT), size)]
    sentences = list(nlp.lines(blocks, threads=2))
    assert [sentence.text for sentence in sentences] == [
        "It rains. The sun shines, isn't it?",
        "no points here",
        "Dr. No can't come",
        "... and so on",
    ]
    assert [sentence.sent_id for sentence in sentences] == ["1", "2", "3", "4"]
    for sentence in sentences:
        assert [token.id for token in sentence] == list(range(1, len(sentence) + 1))
        assert sum(token.head == 0 for token in sentence) == 1
        sentence.to_conllu()
        for surface, words in sentence.surface_tokens():
            assert TEXT[surface.start : surface.end] == surface.form
            assert words[0].start == surface.start
    assert sentences[0].multiword_tokens[0].form == "isn't"


@pytest.mark.parametrize("blocks", [[], ["\n \r\n"]])
def test_blank_lines_are_no_sentences(nlp: Pipeline, blocks: list[str]) -> None:
    assert list(nlp.lines(blocks)) == []
