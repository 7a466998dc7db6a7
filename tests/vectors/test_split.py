"""A split keeps every sentence, and neighbouring ones together."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from firth.errors import InputError
from firth.text.corpus import Corpus
from firth.text.encoded import EncodedCorpus, encode
from firth.vectors import split as module
from firth.vectors.split import split


def _sentences(n: int, seed: int = 0) -> list[list[str]]:
    rng = np.random.default_rng(seed)
    return [[f"w{int(word)}" for word in 30 * rng.random(rng.integers(1, 12)) ** 2] for _ in range(n)]


@pytest.fixture(scope="module")
def encoded(tmp_path_factory: pytest.TempPathFactory) -> EncodedCorpus:
    return encode(Corpus(_sentences(2_000)), tmp_path_factory.mktemp("corpus"), min_count=1)


def _cut(ids: np.ndarray) -> list[tuple[int, ...]]:
    """Return the sentences of an encoded text."""
    assert ids[-1] == -1
    return [tuple(part.tolist()) for part in np.split(ids, np.flatnonzero(ids < 0) + 1)[:-1]]


@pytest.mark.parametrize("fraction", [0.1, 0.5])
def test_split_deals_out_whole_sentences(encoded: EncodedCorpus, tmp_path: Path, fraction: float) -> None:
    train, held_out = split(encoded, fraction, tmp_path)
    assert sorted(_cut(train.ids) + _cut(held_out.ids)) == sorted(_cut(encoded.ids))
    assert len(held_out.ids) == pytest.approx(fraction * len(encoded.ids), rel=0.3)
    for part in (train, held_out):
        assert part.vocabulary is encoded.vocabulary
        assert (part.n_kept, part.n_sentences) == ((part.ids >= 0).sum(), (part.ids < 0).sum())
        assert not part.ids.flags.writeable
    assert train.n_words + held_out.n_words == pytest.approx(encoded.n_words, abs=1)
    assert len({encoded.fingerprint, train.fingerprint, held_out.fingerprint}) == 3


def test_split_keeps_neighbours_together_and_depends_on_the_seed(
    encoded: EncodedCorpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_NUMBERS_COPIED", 7)  # sentences reach over several reads
    held_out = split(encoded, 0.2, tmp_path, seed=3)[1].ids.tobytes()
    monkeypatch.undo()
    assert held_out == split(encoded, 0.2, tmp_path, seed=3)[1].ids.tobytes()
    assert held_out != split(encoded, 0.2, tmp_path, seed=4)[1].ids.tobytes()
    starts = module._passages(encoded.ids, 100, 1000)
    assert starts[0] == 0 and starts[-1] == len(encoded.ids)
    assert (encoded.ids[starts[1:] - 1] == -1).all()
    assert (np.diff(starts)[:-1] >= 100).all() and np.diff(starts).max() < 120


@pytest.mark.parametrize(
    ("lines", "fraction"),
    [([20_000], 0.02), ([20_000], 0.5), ([900], 0.1), ([100_000], 0.3), ([30_000, 3, 40_000, 200, 9], 0.05)],
)
def test_passages_are_held_out_inside_long_lines(
    tmp_path: Path, lines: list[int], fraction: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in text8, which is one line. Each word has its place in the text as its name."""
    monkeypatch.setattr(module, "_NUMBERS_COPIED", 77)
    starts = np.cumsum([0, *lines])
    sentences = [[f"w{k}" for k in range(*ends)] for ends in itertools.pairwise(starts)]
    encoded = encode(Corpus(sentences), tmp_path, min_count=1)
    places = np.array([int(word[1:]) for word in encoded.vocabulary.words])
    train, held_out = split(encoded, fraction, tmp_path)
    assert held_out.n_kept == pytest.approx(fraction * sum(lines), rel=0.35)
    found = []
    for part in (train, held_out):
        assert (part.n_kept, part.n_sentences) == ((part.ids >= 0).sum(), (part.ids < 0).sum())
        assert part.ids[-1] == -1 and not ((part.ids[1:] < 0) & (part.ids[:-1] < 0)).any()
        for sentence in _cut(part.ids):
            words = places[list(sentence[:-1])]
            assert (np.diff(words) == 1).all(), "no pairs across a cut"
            assert not np.isin(words[1:], starts).any()
            assert min(len(words), 100) == 100 or words[0] in starts or words[-1] + 1 in starts
            found += words.tolist()
    assert sorted(found) == list(range(sum(lines)))


def test_split_of_few_sentences(tmp_path: Path) -> None:
    sentences = [["a", "b"] * 40, ["b", "a"] * 30, ["a"] * 3]
    encoded = encode(Corpus(sentences), tmp_path, min_count=1)
    train, held_out = split(encoded, 0.4, tmp_path)
    assert (train.n_sentences, held_out.n_sentences) == (2, 1)
    for fraction in (0, 1, -0.5, float("nan")):
        with pytest.raises(InputError, match="between 0 and 1"):
            split(encoded, fraction, tmp_path)
    with pytest.raises(InputError, match=r"^1 sentence of 2 words in all are too few to hold out 50%"):
        split(encode(Corpus([["a", "b"]]), tmp_path, min_count=1), 0.5, tmp_path)
