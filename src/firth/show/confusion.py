"""A confusion matrix as text and as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from rich.cells import cell_len

from firth.arrays import Ints, PathLike
from firth.errors import InputError
from firth.show import pictures
from firth.show.maps import check_suffix

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CONFUSION_SUFFIXES = (".png", ".svg")

# With more labels, the numbers in the picture would be too small to read.
_MOST_LABELS_WITH_NUMBERS = 30


def format_confusion(matrix: Ints, labels: Sequence[str]) -> str:
    """Write a confusion matrix in lines of text.

    Parameters
    ----------
    matrix
        The number of texts with the label of the row that got the label of the column, shape (k, k).
    labels
        The k labels.
    """
    cells = [["true ↓ predicted →", *labels, "all"]]
    for label, row in zip(labels, matrix, strict=True):
        cells.append([label, *(str(n) for n in row), str(row.sum())])
    cells.append(["all", *(str(n) for n in matrix.sum(axis=0)), str(matrix.sum())])
    widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
    lines = []
    for first, *others in cells:
        padded = [first + " " * (widths[0] - cell_len(first))]
        padded += [" " * (w - cell_len(cell)) + cell for cell, w in zip(others, widths[1:], strict=True)]
        lines.append("  ".join(padded) + "\n")
    return "".join(lines)


def plot_confusion(matrix: Ints, labels: Sequence[str], path: PathLike, title: str = "") -> None:
    """Draw a confusion matrix: the darker a field, the larger the share of its row.

    Parameters
    ----------
    matrix, labels
        As for `format_confusion`.
    path
        The picture to write, ``.png`` or ``.svg``.
    title
        The heading.

    Raises
    ------
    InputError
        The suffix is unknown, matplotlib is not installed, or the matrix does not fit the labels.
    """
    check_suffix(path, CONFUSION_SUFFIXES)
    if matrix.shape != (len(labels), len(labels)):
        raise InputError(f"{len(labels)} labels need as many rows and columns, not the shape {matrix.shape}")
    pictures.write_figure(lambda figure: _draw(figure, matrix, labels, title), path, words=labels)


def _draw(figure: Figure, matrix: Ints, labels: Sequence[str], title: str) -> None:
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    axes = figure.add_subplot()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    places = range(len(labels))
    longest = max(map(len, labels))
    axes.set_xticks(places, labels, rotation=90 if longest * len(labels) > 60 else 0)
    axes.set_yticks(places, labels)
    axes.set_xlabel("predicted label")
    axes.set_ylabel("true label")
    axes.set_title(title)
    if len(labels) <= _MOST_LABELS_WITH_NUMBERS:
        for (i, j), n in np.ndenumerate(matrix):
            axes.text(
                j, i, f"{n}", ha="center", va="center", color="white" if shares[i, j] > 0.5 else "black"
            )
    figure.set_layout_engine("tight")
