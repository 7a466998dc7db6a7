"""Labels of texts as numbers: one label for each text, or several."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from firth.arrays import Bools, Float32s, Int64s
from firth.classification.encoding import is_missing, offsets_of
from firth.errors import InputError

Form = Literal["single", "sets", "indicator"]


@dataclass(frozen=True)
class Targets:
    """The labels of n texts.

    Attributes
    ----------
    classes : ndarray, shape (k,)
        The different labels, in order.
    ids : ndarray of uint32, offsets : ndarray of int64, shape (n + 1,)
        Text i has the labels ``classes[ids[offsets[i] : offsets[i + 1]]]``.
    form
        How the labels were given: one for each text; a collection for each; or a matrix of 0 and 1, in which
        column j is label j.
    """

    classes: npt.NDArray[Any]
    ids: npt.NDArray[np.uint32]
    offsets: Int64s
    form: Form

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def take(self, texts: Int64s) -> Targets:
        """Return the labels of some of the texts, with the same `classes`."""
        ids = [self.ids[self.offsets[i] : self.offsets[i + 1]] for i in texts]
        lengths = np.diff(self.offsets)[texts]
        return Targets(self.classes, np.concatenate(ids), offsets_of(lengths), self.form)

    def matrix(self) -> Bools:
        """Return which text has which label, shape (n, k)."""
        present = np.zeros((len(self), len(self.classes)), dtype=bool)
        present[np.repeat(np.arange(len(self)), np.diff(self.offsets)), self.ids] = True
        return present


def read_targets(y: Any, n: int) -> Targets:
    """Read the labels of `n` texts.

    Parameters
    ----------
    y
        One label for each text (strings, integers or booleans); or a collection of labels for each (a list,
        tuple, set or array of them, which may be empty); or 0 and 1 in n rows and k columns: an array, a
        sparse matrix or a data frame. A single column holds one label for each text.

    Raises
    ------
    InputError
        The number of labels is not n, labels are missing or NaN, or they are of different types.
    """
    y = _list_or_matrix(y)
    if len(y) != n:
        raise InputError(f"{n} texts, but {len(y)} labels: there must be one for each text")
    if isinstance(y, np.ndarray) and y.ndim == 2:
        return _indicators(y)
    y = [label.tolist() if isinstance(label, np.ndarray) else label for label in y]
    collections = [isinstance(label, (list, tuple, set, frozenset)) for label in y]
    if any(collections):
        if not all(collections):
            _check_missing(y)
            raise InputError("some texts have one label and some a collection: give a collection to each")
        if _are_rows_of_indicators(y):
            return _indicators(np.array(y))
        for place, labels in enumerate(y, start=1):
            _check_missing(labels, f" of text {place}")
        flat = [label for labels in y for label in sorted(_different(labels), key=str)]
        classes, ids = _unique(flat)
        return Targets(classes, ids, offsets_of([len(_different(labels)) for labels in y]), "sets")
    _check_missing(y)
    classes, ids = _unique(y)
    return Targets(classes, ids, np.arange(n + 1), "single")


def _list_or_matrix(y: Any) -> Any:
    """Return labels as a list or a NumPy array; a single column is flattened."""
    if isinstance(y, (str, bytes)):
        raise InputError("the labels are one string: give a list of labels, one for each text")
    if hasattr(y, "toarray"):  # sparse matrices of SciPy
        y = y.toarray()
    elif hasattr(y, "columns") and hasattr(y, "to_numpy"):  # data frames, which iterate over their columns
        y = y.to_numpy()
    if not isinstance(y, np.ndarray):
        try:
            return list(y)
        except TypeError:
            raise InputError(f"the labels are {y!r}: give a list of labels, one for each text") from None
    y = np.asarray(y)  # np.matrix too
    if y.ndim not in (1, 2):
        raise InputError(f"labels have the shape {y.shape}: one label or one row a text is needed")
    return y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y


def _indicators(y: npt.NDArray[Any]) -> Targets:
    """Return the labels that an array of 0 and 1 stands for."""
    if y.dtype == object:
        _check_missing(y.ravel().tolist())
    if not np.isin(y, (0, 1)).all():
        raise InputError("an array of labels with two axes must hold 0 and 1 only")
    present = y.astype(bool)
    ids = np.nonzero(present)[1].astype(np.uint32)
    return Targets(np.arange(y.shape[1]), ids, offsets_of(present.sum(axis=1)), "indicator")


def _are_rows_of_indicators(y: list[Any]) -> bool:
    """Return whether collections are rows of 0 and 1: equally long, and not the two labels 0 and 1."""
    widths = {len(labels) for labels in y}
    if len(widths) != 1 or min(widths) < 2 or any(isinstance(labels, (set, frozenset)) for labels in y):
        return False
    values = [label for labels in y for label in labels]
    are_numbers = all(isinstance(value, (int, float, np.number, np.bool_)) for value in values)
    return (
        are_numbers
        and all(value in (0, 1) for value in values)
        and any(list(labels) != [0, 1] for labels in y)
    )


def _different(labels: Iterable[Any]) -> set[Any]:
    try:
        return set(labels)
    except TypeError:
        raise InputError(
            f"a collection of labels is {labels!r}: give strings, integers or booleans"
        ) from None


def _check_missing(labels: Iterable[Any], where: str = "") -> None:
    labels = list(labels)
    missing = [i for i, label in enumerate(labels) if is_missing(label) or label == ""]
    if missing:
        raise InputError(
            f"{len(missing)} labels{where} are missing; the first is label {missing[0] + 1}: leave such "
            "labels out, and a text that has no other"
        )


def _unique(labels: Sequence[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[np.uint32]]:
    kinds = {type(label) for label in labels}
    if len({kind for kind in kinds if issubclass(kind, str)}) not in (0, len(kinds)):
        raise InputError(f"labels are of different types: {', '.join(sorted(k.__name__ for k in kinds))}")
    try:
        array = np.asarray(labels)
        if array.ndim == 1 and array.dtype.kind in "UbiufO":
            classes, ids = np.unique(array, return_inverse=True)
            return classes, ids.astype(np.uint32)
    except (TypeError, ValueError):  # they make no array, or have no order
        pass
    names = ", ".join(sorted(kind.__name__ for kind in kinds))
    raise InputError(f"labels are of the type {names}: give strings, integers or booleans")


def numbers_of(y: Targets, classes: npt.NDArray[Any]) -> Int64s:
    """Return the place of each label in ``y.ids`` among other `classes`, -1 for labels that are not there."""
    places = {label: place for place, label in enumerate(classes.tolist())}
    numbers = np.array([places.get(label, -1) for label in y.classes.tolist()], dtype=np.int64)
    found: Int64s = numbers[y.ids]
    return found


def class_weights(
    class_weight: Mapping[Any, float] | Literal["balanced"] | None, targets: Targets
) -> Float32s:
    """Return the weight of each label in the loss, shape (k,).

    Parameters
    ----------
    class_weight
        None: all weights are 1. ``"balanced"``: weights are proportional to 1 / frequency, with a mean over
        all texts of 1. A mapping: the weights of some labels; the others have the weight 1.

    Raises
    ------
    InputError
        A weight is not positive, or belongs to a label that no text has.
    """
    k = len(targets.classes)
    if class_weight is None:
        return np.ones(k, dtype=np.float32)
    if class_weight == "balanced":
        counts = np.bincount(targets.ids, minlength=k)
        return (len(targets.ids) / (k * np.maximum(counts, 1))).astype(np.float32)
    if not isinstance(class_weight, Mapping):
        raise InputError(f"class_weight is {class_weight!r}: choose None, 'balanced', or weights by label")
    places = {label: place for place, label in enumerate(targets.classes.tolist())}
    weights = np.ones(k, dtype=np.float32)
    for label, weight in class_weight.items():
        if label not in places:
            raise InputError(f"class_weight names the label {label!r}, which no text has")
        if not 0 < weight < np.inf:
            raise InputError(f"the class_weight of {label!r} is {weight}: it must be positive")
        weights[places[label]] = weight
    return weights


def as_sets(present: Bools, names: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Return the labels of each row of a matrix."""
    return [tuple(names[j] for j in np.flatnonzero(row).tolist()) for row in present]
