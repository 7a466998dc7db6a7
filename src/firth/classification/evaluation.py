"""Scores of predicted labels: accuracy, F1, and the confusion matrix."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from firth.arrays import Bools, Float64s, Int64s
from firth.errors import InputError


@dataclass(frozen=True)
class LabelScore:
    """The scores of one label, in percent.

    Attributes
    ----------
    label
        The name of the label.
    texts
        The number of texts that have it.
    precision, recall, f1
        Share of its predictions that are right; share of its texts that are found; their harmonic mean. A
        share of nothing is 0.
    """

    label: str
    texts: int
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class Evaluation:
    """A comparison of predicted labels with true ones; the scores are in percent.

    Attributes
    ----------
    texts
        The number of texts.
    accuracy
        Share of texts whose label, or whose whole set of labels, is right.
    macro_f1
        Mean of the F1 scores of all labels that occur in the texts or in the predictions.
    micro_f1
        F1 over all labels of all texts. With one label a text it is the accuracy.
    labels : tuple of LabelScore
        The scores of each label.
    confusion : ndarray of int64, shape (k, k), or None
        The number of texts with the label of the row that were given the label of the column. None if texts
        may have several labels.
    """

    texts: int
    accuracy: float
    macro_f1: float
    micro_f1: float
    labels: tuple[LabelScore, ...]
    confusion: Int64s | None

    def to_dict(self) -> dict[str, Any]:
        """Return all figures, as JSON can hold them; those of labels by label."""
        figures = {name: getattr(self, name) for name in ("accuracy", "macro_f1", "micro_f1", "texts")}
        scores = {score.label: asdict(score) for score in self.labels}
        for score in scores.values():
            del score["label"]
        confusion = None if self.confusion is None else self.confusion.tolist()
        return {**figures, "labels": scores, "confusion": confusion}


@dataclass(frozen=True)
class UnknownLabels:
    """Labels of texts that a classifier does not know.

    Attributes
    ----------
    texts
        The number of texts that have such a label.
    names
        The labels, in order.
    """

    texts: int
    names: tuple[str, ...]


def find_unknown_labels(labels: Iterable[Sequence[str]], known: Iterable[str]) -> UnknownLabels:
    """Return which labels of texts are not among those that a classifier knows."""
    known = set(known)
    unknown = [set(of_text) - known for of_text in labels]
    return UnknownLabels(sum(map(bool, unknown)), tuple(sorted(set().union(*unknown))))


def evaluate(gold: Iterable[str | Sequence[str]], predicted: Iterable[str | Sequence[str]]) -> Evaluation:
    """Compare true and predicted labels.

    Parameters
    ----------
    gold, predicted
        A label for each text, or a list, tuple or set of labels for each.

    Raises
    ------
    InputError
        There are no labels, or the numbers of true and predicted ones differ.
    """
    true, found = list(gold), list(predicted)
    if len(true) != len(found) or not true:
        raise InputError(f"{len(true)} true and {len(found)} predicted labels cannot be compared")
    one_each = all(isinstance(label, str) for label in (*true, *found))
    true_sets, found_sets = (
        [{x} if isinstance(x, str) else set(x) for x in labels] for labels in (true, found)
    )
    names = sorted(set().union(*true_sets, *found_sets))
    place = {name: k for k, name in enumerate(names)}
    has, gets = (_matrix(sets, place) for sets in (true_sets, found_sets))
    right, texts, predictions = (has & gets).sum(axis=0), has.sum(axis=0), gets.sum(axis=0)
    f1 = _share(2 * right, texts + predictions)
    scores = zip(names, texts, _share(right, predictions), _share(right, texts), f1, strict=True)
    confusion = None
    if one_each:
        confusion = np.zeros((len(names), len(names)), dtype=np.int64)
        np.add.at(confusion, (has.argmax(axis=1), gets.argmax(axis=1)), 1)
    return Evaluation(
        texts=len(true),
        accuracy=float(100 * (has == gets).all(axis=1).mean()),
        macro_f1=float(f1.mean()) if names else 100.0,
        micro_f1=float(_share(2 * right.sum(), texts.sum() + predictions.sum())),
        labels=tuple(
            LabelScore(name, int(n), float(precision), float(recall), float(score))
            for name, n, precision, recall, score in scores
        ),
        confusion=confusion,
    )


def _matrix(sets: Sequence[set[str]], place: dict[str, int]) -> Bools:
    present = np.zeros((len(sets), len(place)), dtype=bool)
    for i, labels in enumerate(sets):
        for label in labels:
            present[i, place[label]] = True
    return present


def _share(part: npt.ArrayLike, whole: npt.ArrayLike) -> Float64s:
    """Return percentages; a share of nothing is 0."""
    whole = np.asarray(whole, dtype=np.float64)
    shares: Float64s = 100 * np.asarray(part) / np.where(whole > 0, whole, 1)
    return shares
