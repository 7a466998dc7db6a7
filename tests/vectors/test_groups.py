"""Clusters of words by cosine, and strays."""

from __future__ import annotations

import numpy as np
import pytest

from firth.errors import InputError, UnknownWordError
from firth.vectors.groups import cosine_clusters, strays
from firth.vectors.word_vectors import WordVectors

WORDS = ["tea", "coffee", "milk", "rain", "snow", "wind"]
DEGREES = [0, 10, 20, 90, 100, 25]  # wind is with tea


def vectors() -> WordVectors:
    angles = np.radians(DEGREES)
    return WordVectors(
        WORDS, np.column_stack([np.cos(angles), np.sin(angles)]) * [[1], [3], [2], [1], [5], [1]]
    )


def test_clusters() -> None:
    first, second = cosine_clusters(vectors(), WORDS, 2)
    assert set(first.words) == {"tea", "coffee", "milk", "wind"}
    assert first.words[0] in ("coffee", "milk")
    assert set(second.words) == {"rain", "snow"}
    assert second.cosine == pytest.approx(np.cos(np.radians(10)))
    assert cosine_clusters(vectors(), ["tea"], 3)[0].cosine is None


def test_strays_are_named() -> None:
    (stray,) = strays(vectors(), [["tea", "coffee", "milk"], ["rain", "snow", "wind"]])
    assert stray.word == "wind"
    assert stray.nearest == ("tea", "coffee", "milk")
    assert stray.own == pytest.approx(np.cos(np.radians([65, 75])).mean())
    assert stray.other == pytest.approx(np.cos(np.radians([25, 15, 5])).mean())
    assert strays(vectors(), [["tea", "coffee", "milk", "wind"], ["rain", "snow"]]) == []


def test_mistakes() -> None:
    with pytest.raises(InputError, match="the group 'rain' has one word"):
        strays(vectors(), [["tea", "milk"], ["rain"]])
    with pytest.raises(UnknownWordError):
        cosine_clusters(vectors(), ["tee"], 1)
