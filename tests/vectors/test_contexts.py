"""Blocks of text cover it once and keep sentences whole; pairs are counted as the window says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from firth.text.corpus import Corpus
from firth.text.encoded import encode
from firth.vectors import contexts as module
from firth.vectors.contexts import WindowContexts
from firth.vectors.cooccurrence import count


def _contexts(folder: Path, sentences: list[list[str]], sample: float = 0) -> WindowContexts:
    return WindowContexts(encode(Corpus(sentences), folder, min_count=1), 2, sample)


def test_blocks_are_whole_sentences_and_cover_the_text_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_NUMBERS_IN_BLOCK", 50)
    rng = np.random.default_rng(0)
    contexts = _contexts(
        tmp_path, [[f"w{k}" for k in rng.integers(9, size=n)] for n in rng.integers(1, 20, 99)]
    )
    blocks = [contexts.block(number) for number in range(contexts.n_blocks)]
    np.testing.assert_array_equal(np.concatenate(blocks), contexts.encoded.ids)
    assert all(block[-1] == -1 and abs(len(block) - 50) <= 25 for block in blocks[:-1])
    assert contexts.words_of_blocks(contexts.n_blocks) == contexts.encoded.n_words
    assert contexts.words_of_blocks(0) == 0


def test_a_very_long_sentence_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_NUMBERS_IN_BLOCK", 50)
    contexts = _contexts(tmp_path, [["a", "b"] * 100])  # 201 numbers; the last block is with the one before
    assert [len(contexts.block(number)) for number in range(contexts.n_blocks)] == [50, 50, 50, 51, 0]


def test_pairs_and_kept_words(tmp_path: Path) -> None:
    contexts = _contexts(tmp_path, [["a", "b", "c"], ["a"]])
    assert contexts.pairs_of_a_center == 3
    assert contexts.count().pairs == 4 * 1 + 2 * 0.5
    np.testing.assert_array_equal(contexts.kept_counts(), [2, 1, 1])
    assert contexts.reach == 2
    thinned = WindowContexts(contexts.encoded, 2, 1e-3)
    assert (thinned.kept_counts() < contexts.kept_counts()).all()
    assert thinned.count(threads=2).pairs == count(contexts.encoded, 2, 1e-3).pairs


@pytest.mark.parametrize(
    ("window", "reach", "pairs"), [(10_000, 11, 11), (12, 11, 8.5), (11, 11, 12), (5, 5, 6), (2, 2, 3)]
)
def test_reach_is_capped_at_the_longest_sentence(
    tmp_path: Path, window: int, reach: int, pairs: float
) -> None:
    encoded = encode(Corpus([["a", "b"] * 6, ["b", "a"] * 3] * 9), tmp_path, min_count=1)
    contexts = WindowContexts(encoded, window, 0)
    assert contexts.reach == reach
    # Five words on one side and six on the other.
    assert contexts.pairs_of_a_center == pytest.approx(pairs, abs=0.42)


def test_reach_of_sentences_of_one_word(tmp_path: Path) -> None:
    contexts = WindowContexts(encode(Corpus([["a"], ["b"]]), tmp_path, min_count=1), 5, 0)
    assert (contexts.reach, contexts.pairs_of_a_center, contexts.count().pairs) == (1, 1, 0)


def test_counts_with_a_wide_window(tmp_path: Path) -> None:
    encoded = encode(Corpus([["a", "b", "c"], ["b", "a"]]), tmp_path, min_count=1)
    counts = WindowContexts(encoded, 10**6, 0).count()
    assert counts.pairs == pytest.approx(8)
    assert sorted(counts.totals.tolist()) == pytest.approx([2, 3, 3])
