"""How raw text uses words."""

from __future__ import annotations

import numpy as np

from firth.parsing.segmenter.characters import Chunks
from firth.parsing.segmenter.statistics import WordStatistics

RAW = (
    "We saw Sgt. Lind and the dog near it. The dog saw it, approx. 40 times.\n"
    "It was vol. 3 of it. Then it was gone.\n"
) * 40


def usage(statistics: WordStatistics, text: str) -> dict[str, tuple[int, int]]:
    chunks = Chunks.of(text)
    rows = statistics.of(chunks.characters, chunks.starts, chunks.ends).tolist()
    return {word: tuple(row) for word, row in zip(text.split(), rows, strict=True)}


def test_words_that_are_used_alike_have_the_same_features() -> None:
    found = usage(WordStatistics.learn([RAW]), "(sgt), Sgt. vol. approx. dog lind unseen it")
    assert found["(sgt),"] == found["Sgt."]
    assert found["vol."][0] == found["approx."][0] != found["Sgt."][0] != found["dog"][0]
    assert found["unseen"] == (0, 0)
    assert found["lind"][1] != found["dog"][1]  # a name, and a word in lower case
    assert 0 not in found["it"]


def test_rare_words_and_no_text_tell_nothing() -> None:
    assert set(usage(WordStatistics.learn(["A cat. " * 5]), "a cat").values()) == {(0, 0)}
    assert set(usage(WordStatistics.none(), "a cat").values()) == {(0, 0)}
    assert set(usage(WordStatistics.learn([]), "a cat").values()) == {(0, 0)}


def test_blocks_do_not_matter_at_line_ends() -> None:
    one = WordStatistics.learn([RAW])
    many = WordStatistics.learn(RAW.splitlines(keepends=True))
    assert np.array_equal(one.hashes, many.hashes)
    assert np.array_equal(one.usage, many.usage)


def test_abbreviations_of_raw_text() -> None:
    found = WordStatistics.learn([RAW]).abbreviations
    assert found == {"approx": True, "vol": True}
    raw = "It is, i.e. ten kg. or so of it.\n" * 40
    assert WordStatistics.learn([raw]).abbreviations == {"kg": False}
