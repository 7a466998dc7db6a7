"""Clusters of words by the cosines of their vectors, and words that are far from their group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from firth.arrays import Float64s, Floats, Int64s
from firth.checks import whole_number
from firth.errors import InputError

if TYPE_CHECKING:
    from firth.vectors.word_vectors import WordVectors


@dataclass(frozen=True)
class Cluster:
    """A group of similar words.

    Attributes
    ----------
    words : tuple of str
        The words, the one with the largest mean cosine to the others first.
    cosine
        The mean cosine of any two of them; None if there is only one.
    """

    words: tuple[str, ...]
    cosine: float | None


@dataclass(frozen=True)
class Stray:
    """A word that is more similar to another group than to its own.

    Attributes
    ----------
    word
        The word.
    own, other
        Its mean cosine with the other words of its group, and with the words of the most similar group.
    nearest : tuple of str
        The words of the most similar group.
    """

    word: str
    own: float
    other: float
    nearest: tuple[str, ...]


def unit_rows(matrix: Floats) -> Float64s:
    """Scale rows to length 1 (zero rows as they are), in double precision."""
    rows = np.asarray(matrix, dtype=np.float64)
    scaled: Float64s = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return scaled


def cluster(unit: Float64s, k: int, rounds: int = 100) -> Int64s:
    """Group similar vectors by spherical k-means (Dhillon & Modha 2001), without random numbers.

    Parameters
    ----------
    unit : ndarray, shape (n, d)
        Vectors of length 1.
    k
        How many groups, at most n.
    rounds
        How many rounds of reassignment there are at most.

    Returns
    -------
    ndarray of int64, shape (n,)
        The group of each vector, 0 the largest.
    """
    # The mean of all vectors says nothing about groups and is subtracted. Each vector is averaged with its
    # nearest neighbours, because a vector learned from little text is mostly noise.
    points = unit_rows(unit - unit.mean(axis=0))
    nearest = np.argsort(-(points @ points.T), axis=1, kind="stable")[:, : 1 + min(5, len(unit) // 8)]
    points = unit_rows(points[nearest].mean(axis=1))
    # The first centres lie far apart: each new centre is the point least similar to the centres so far.
    chosen = [0]
    while len(chosen) < k:
        chosen.append(int((points @ points[chosen].T).max(axis=1).argmin()))
    centres = points[chosen]
    groups = np.full(len(points), -1, dtype=np.int64)
    for _ in range(rounds):
        closest = (points @ centres.T).argmax(axis=1)
        if (closest == groups).all():
            break
        groups = closest
        sums = np.zeros_like(centres)
        np.add.at(sums, groups, points)
        centres = np.where(sums.any(axis=1, keepdims=True), unit_rows(sums), centres)
    by_size = np.argsort(-np.bincount(groups, minlength=k), kind="stable")
    return np.argsort(by_size)[groups]


def cosine_clusters(vectors: WordVectors, words: Sequence[str], k: int) -> list[Cluster]:
    """Group words as a map colours them, by `cluster`.

    Parameters
    ----------
    vectors
        The word vectors.
    words
        The words, each once.
    k
        How many groups, at most as many as words.

    Raises
    ------
    UnknownWordError
        A word is not in the vocabulary.
    InputError
        `k` is not a whole number of at least 1.
    """
    k = whole_number("k", k)
    rows = np.unique([vectors.index(word) for word in words])  # in the order in which a map takes them
    unit = unit_rows(vectors.matrix[rows])
    groups = cluster(unit, min(k, len(rows)))
    clusters = []
    for group in range(groups.max() + 1):
        members = np.flatnonzero(groups == group)
        if len(members) == 0:
            continue
        cosines = unit[members] @ unit[members].T
        to_others = (cosines.sum(axis=1) - 1) / max(len(members) - 1, 1)
        order = members[np.argsort(-to_others, kind="stable")]
        clusters.append(
            Cluster(
                tuple(vectors.words[row] for row in rows[order]),
                float(to_others.mean()) if len(members) > 1 else None,
            )
        )
    return clusters


def strays(vectors: WordVectors, groups: Sequence[Sequence[str]]) -> list[Stray]:
    """Return the words that are more similar to another group than to their own.

    Parameters
    ----------
    vectors
        The word vectors.
    groups
        Words that should be like each other; two groups or more, of two words or more.

    Returns
    -------
    list of Stray
        The words whose mean cosine with the rest of their group is less than with another group, the
        worst first.

    Raises
    ------
    InputError
        A group has fewer than two words.
    UnknownWordError
        A word is not in the vocabulary.
    """
    for group in groups:
        if len(group) < 2:
            raise InputError(
                f"the group {group[0]!r} has one word: nothing can be far from it; give two or more"
            )
    units = [unit_rows(vectors[list(group)]) for group in groups]
    found = []
    for i, group in enumerate(groups):
        for j, word in enumerate(group):
            means = [float((unit @ units[i][j]).mean()) for unit in units]
            means[i] = float((np.delete(units[i], j, axis=0) @ units[i][j]).mean())
            nearest = int(np.argmax(means))
            if nearest != i:
                found.append(Stray(word, means[i], means[nearest], tuple(groups[nearest])))
    return sorted(found, key=lambda stray: stray.own - stray.other)
