"""Words that hold spaces."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from firth.errors import InputError
from firth.files.arrays_file import load_arrays, save_arrays
from firth.parsing.segmenter import sentences as sentences_module
from firth.parsing.segmenter.segmenter import Segmenter
from firth.parsing.segmenter.treebank import annotate, raw_text
from firth.parsing.segmenter.words import Pieces
from firth.text import conllu
from firth.text.document import Sentence, Token

WORDS = ["anh", "chủ tịch", "xã", "nhắc", "quan trọng", "10 000", "Bùi Văn Luyến", "tịch", "lắm"]


def treebank(n: int, seed: int) -> list[Sentence]:
    choose = random.Random(seed)
    sentences = []
    for _ in range(n):
        forms = [*(choose.choice(WORDS) for _ in range(choose.randrange(3, 9))), "."]
        tokens = [Token(k, form, head=k - 1) for k, form in enumerate(forms, 1)]
        sentences.append(Sentence(tokens, ["# newpar id = p"] * (choose.random() < 0.3)))
    return sentences


@pytest.fixture(scope="module")
def segmenter() -> Segmenter:
    return Segmenter.train(treebank(200, 1), treebank(40, 2), seed=1, threads=2, epochs=8)


def forms(sentences: list[Sentence]) -> list[str]:
    return [token.form for sentence in sentences for token in sentence.tokens]


def test_pieces_of_words() -> None:
    sentence = Sentence([Token(1, "a"), Token(2, "10 000 b"), Token(3, "c")])
    pieces = Pieces.of(annotate([sentence]))
    text = pieces.text
    assert [text.text[s:e] for s, e in zip(text.starts, text.ends, strict=True)] == [
        *("a", "10", "000", "b", "c")
    ]
    assert pieces.firsts.tolist() == [0, 1, 4]
    assert pieces.lasts.tolist() == [0, 3, 4]
    assert pieces.word_ends.tolist() == [True, False, False, True, True]
    assert pieces.spaced.tolist() == [True, True, True, True, False]
    assert text.sentence_ends.tolist() == [False, False, False, False, True]


def test_words_with_spaces_are_found(segmenter: Segmenter) -> None:
    gold = treebank(60, 3)
    found = segmenter.segment(raw_text(gold))
    assert np.mean([a == b for a, b in zip(forms(gold), forms(found), strict=True)]) > 0.99
    assert segmenter.metadata()["scores"].keys() == {"tokens F1", "words F1", "sentences F1"}


def test_a_word_ends_at_line_ends_and_wide_gaps(segmenter: Segmenter) -> None:
    for gap in ("\n", "  ", "\t", "\n\n"):
        assert not any(form.split() != [form] for form in forms(segmenter.segment(f"anh chủ{gap}tịch")))
    (sentence,) = segmenter.segment("anh chủ tịch xã .")
    assert conllu.format_sentence(sentence)
    assert [(t.start, t.end) for t in sentence.tokens][1] == (4, 12)


def test_the_windows_do_not_matter(segmenter: Segmenter, monkeypatch: pytest.MonkeyPatch) -> None:
    text = raw_text(treebank(60, 4)) + "\n\n" + "Bùi Văn " * 100
    expected = segmenter.segment(text)
    for window, part, block in ((16, 3, 1), (100, 30, 7), (700, 5, 50)):
        monkeypatch.setattr(sentences_module, "_WINDOW_CHARACTERS", window)
        monkeypatch.setattr(sentences_module, "_PART_TOKENS", part)
        assert list(segmenter.stream(text[i : i + block] for i in range(0, len(text), block))) == expected


def test_the_network_is_in_the_model_file(segmenter: Segmenter, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_arrays(path, segmenter.arrays(), segmenter.metadata())
    loaded = Segmenter.from_arrays(*load_arrays(path))
    text = raw_text(treebank(20, 5))
    assert loaded.segment(text) == segmenter.segment(text)
    arrays = {name: array for name, array in segmenter.arrays().items() if not name.startswith("pieces/")}
    with pytest.raises(InputError, match="is missing"):
        Segmenter.from_arrays(arrays, segmenter.metadata())
