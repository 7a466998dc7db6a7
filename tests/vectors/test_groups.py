"""Clusters of words by cosine, and strays."""

from __future__ import annotations

import numpy as np
import pytest

from firth.errors import InputError, UnknownWordError
from firth.vectors.groups import cluster, cosine_clusters, strays, unit_rows
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


def test_clusters_are_the_groups_that_there_are() -> None:
    rng = np.random.default_rng(0)
    centres = 3 * rng.normal(size=(4, 12))
    vectors = centres[np.arange(80) % 4] + 0.3 * rng.normal(size=(80, 12))
    groups = cluster(unit_rows(vectors), 4)
    assert sorted(set(groups.tolist())) == [0, 1, 2, 3]
    assert all(len(set(groups[first::4].tolist())) == 1 for first in range(4))


def test_the_largest_cluster_comes_first() -> None:
    unit = unit_rows(np.array([[1.0, 0.1], [0.1, 1.0], [0.0, 1.0], [0.1, 0.9]]))
    assert cluster(unit, 2).tolist() == [1, 0, 0, 0]


@pytest.mark.parametrize("n", [1, 2, 5])
def test_equal_vectors_are_one_cluster(n: int) -> None:
    assert cluster(np.ones((n, 3)) / np.sqrt(3), min(n, 2)).tolist() == [0] * n


@pytest.mark.parametrize("k", [0, 2.0, None])
def test_the_number_of_clusters_is_a_whole_number(k: object) -> None:
    vectors = WordVectors(["a", "b"], np.eye(2))
    with pytest.raises(InputError, match="k must be a whole number of at least 1"):
        cosine_clusters(vectors, ["a", "b"], k)  # type: ignore[arg-type]
