"""The layout of a map: positions of words and places of labels. NumPy only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from unicodedata import combining, east_asian_width

import numpy as np

from firth.arrays import Float64s, Int64s, Ints
from firth.checks import require
from firth.errors import InputError

METHODS = ("pca", "tsne")

# Sizes are in points (1/72 inch). The frame is the width and height of a map.
FRAME = (832.0, 574.0)
MARGIN = 14.0
DOT_RADIUS = 2.0

# Fewer words have too few neighbours for t-SNE to separate groups.
_FEWEST_WORDS_FOR_TSNE = 30


@dataclass(frozen=True)
class Drawing:
    """Everything that a map shows, before it becomes a file: n words, the most frequent first.

    Attributes
    ----------
    words : list of str
        The words.
    positions : ndarray, shape (n, 2)
        Their dots, in points from the lower left corner of the frame.
    groups : ndarray of int64, shape (n,)
        The group of similar words that each belongs to.
    font_sizes : ndarray, shape (n,)
        Sizes of the labels, in points.
    title, caption : str
        The texts above and below the map.
    """

    words: list[str]
    positions: Float64s
    groups: Int64s
    font_sizes: Float64s
    title: str
    caption: str


@dataclass(frozen=True)
class Anchor:
    """A place for a label beside its dot: the side on which it stands (x to the right, y upwards)."""

    x: int
    y: int


# The best places first: beside the dot, then above and below, then the corners.
ANCHORS = tuple(
    Anchor(x, y) for x, y in ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1))
)


def project(unit: Float64s, method: str | None = None) -> tuple[Float64s, str]:
    """Lay vectors out in the plane.

    Parameters
    ----------
    unit : ndarray, shape (n, d)
        Vectors of length 1.
    method
        ``"pca"``: principal components; ``"tsne"``: t-SNE (van der Maaten & Hinton 2008); None: t-SNE for 30
        vectors or more if scikit-learn is installed, else PCA.

    Returns
    -------
    plane : ndarray, shape (n, 2)
        Positions in no particular unit.
    how : str
        The method, for the caption.

    Raises
    ------
    InputError
        An unknown method, or t-SNE without scikit-learn.
    """
    if method not in (None, *METHODS):
        raise InputError(f"unknown method {method!r} for a map: choose pca or tsne")
    if len(unit) > 3 and (method == "tsne" or (method is None and len(unit) >= _FEWEST_WORDS_FOR_TSNE)):
        if method == "tsne":
            require("sklearn", "plot", "t-SNE")
        if find_spec("sklearn") is not None:
            return _tsne(unit), "t-SNE of the cosines"
    return _pca(unit)


def _tsne(unit: Float64s) -> Float64s:
    from sklearn.manifold import TSNE

    # Little exaggeration leaves less empty paper between the groups, and more room for labels.
    model = TSNE(
        2, perplexity=min(15.0, (len(unit) - 1) / 3), early_exaggeration=4, init="pca", random_state=0
    )
    plane: Float64s = model.fit_transform(unit).astype(np.float64)
    return plane


def _pca(unit: Float64s) -> tuple[Float64s, str]:
    left, singular, _ = np.linalg.svd(unit - unit.mean(axis=0), full_matrices=False)
    plane = np.zeros((len(unit), 2))
    k = min(2, len(singular))
    plane[:, :k] = left[:, :k] * singular[:k]
    # The signs of singular vectors are arbitrary: the largest coordinate on each axis is made positive.
    plane *= np.where(plane[np.abs(plane).argmax(axis=0), [0, 1]] < 0, -1.0, 1.0)
    variance = float((singular**2).sum())
    share = float((singular[:2] ** 2).sum()) / variance if variance > 0 else 1.0
    return plane, f"PCA, {100 * share:.0f} % of the variance"


def fit_to_frame(plane: Float64s) -> Float64s:
    """Stretch positions in the plane to the frame of the map, with a margin."""
    low = plane.min(axis=0)
    spread = plane.max(axis=0) - low
    share = np.where(spread > 0, (plane - low) / np.where(spread > 0, spread, 1.0), 0.5)
    return MARGIN + share * (np.array(FRAME) - 2 * MARGIN)


def font_sizes(frequencies: Ints) -> Float64s:
    """Choose sizes of labels in points: smaller if there are many, a little larger for frequent words."""
    logs = np.log(np.maximum(np.asarray(frequencies, dtype=np.float64), 1.0))
    spread = logs.max() - logs.min()
    weights = (logs - logs.min()) / spread if spread > 0 else np.full(len(logs), 0.5)
    size = float(np.clip(8.5 * (200 / len(logs)) ** 0.25, 7.0, 12.0))
    return size * (0.9 + 0.35 * weights)


def label_sizes(words: Sequence[str], sizes: Float64s) -> Float64s:
    """Estimate width and height of labels, shape (n, 2), in the unit of the font sizes.

    The fonts of the reader of an SVG or HTML file are unknown, so the estimate is on the wide side.
    """
    widths = np.array([sum(map(_em, word)) for word in words])
    return np.column_stack([widths * sizes, 1.15 * sizes])


@cache
def _em(character: str) -> float:
    """Estimate the width of a character in ems of a sans-serif font."""
    if combining(character):
        return 0.0
    if east_asian_width(character) in "WF":
        return 1.0
    if character in "iljtfrI'.,:;|-":
        return 0.4
    if character in "mwMW":
        return 0.95
    return 0.72 if character.isupper() else 0.63


def place_labels(positions: Float64s, sizes: Float64s, frame: tuple[float, float] | None = None) -> Int64s:
    """Find places for labels beside their dots where they cover neither dots nor each other.

    The search is greedy and deterministic: each label in turn takes the first free one of the `ANCHORS`. So
    the first words, the most frequent, are the most likely to get a label.

    Parameters
    ----------
    positions : ndarray, shape (n, 2)
        The dots.
    sizes : ndarray, shape (n, 2)
        Width and height of each label, in the same unit.
    frame
        Width and height of the frame in which labels must stay; no frame if None.

    Returns
    -------
    ndarray of int64, shape (n,)
        The index of an anchor for each label, -1 where there is no free place.
    """
    n = len(positions)
    # Left, bottom, right and top of all dots, then of the labels placed so far.
    taken = np.empty((2 * n, 4))
    taken[:n, :2] = positions - DOT_RADIUS
    taken[:n, 2:] = positions + DOT_RADIUS
    used = n
    places = np.full(n, -1, dtype=np.int64)
    for i, (dot, size) in enumerate(zip(positions, sizes, strict=True)):
        for place, anchor in enumerate(ANCHORS):
            left, bottom = label_corner(dot, size, anchor)
            right, top = left + size[0], bottom + size[1]
            if frame and (left < 0 or bottom < 0 or right > frame[0] or top > frame[1]):
                continue
            boxes = taken[:used]
            overlaps = (
                (boxes[:, 0] < right) & (boxes[:, 2] > left) & (boxes[:, 1] < top) & (boxes[:, 3] > bottom)
            )
            overlaps[i] = False  # a label may touch its own dot
            if not overlaps.any():
                places[i] = place
                taken[used] = left, bottom, right, top
                used += 1
                break
    return places


def label_offset(anchor: Anchor) -> tuple[float, float]:
    """Return how far the anchored side or corner of a label is from the middle of its dot."""
    return anchor.x * (DOT_RADIUS + 1.0), anchor.y * (DOT_RADIUS + 0.5)


def label_corner(dot: Float64s, size: Float64s, anchor: Anchor) -> tuple[float, float]:
    """Return the lower left corner of a label that stands at an anchor of its dot."""
    dx, dy = label_offset(anchor)
    return (
        float(dot[0] + dx + (anchor.x - 1) * size[0] / 2),
        float(dot[1] + dy + (anchor.y - 1) * size[1] / 2),
    )
