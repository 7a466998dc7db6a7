"""Labels as numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from firth.classification.labels import Targets, class_weights, numbers_of, read_targets
from firth.errors import InputError


def test_single_labels() -> None:
    targets = read_targets(["b", "a", "b"], 3)
    assert targets.classes.tolist() == ["a", "b"]
    assert targets.ids.tolist() == [1, 0, 1]
    assert targets.matrix().tolist() == [[False, True], [True, False], [False, True]]


def test_sets_and_matrices_are_the_same() -> None:
    sets = read_targets([[0, 1, 1], (), {1}], 3)
    matrix = read_targets(np.array([[1, 1], [0, 0], [0, 1]]), 3)
    for targets in (sets, matrix):
        assert targets.ids.tolist() == [0, 1, 1]
        assert targets.offsets.tolist() == [0, 2, 2, 3]
    assert (sets.form, matrix.form) == ("sets", "indicator")


def test_some_of_the_texts() -> None:
    some = read_targets([["b"], [], ["a", "c"], ["c"]], 4).take(np.array([3, 1, 2]))
    assert some.classes.tolist() == ["a", "b", "c"]
    assert (some.ids.tolist(), some.offsets.tolist(), some.form) == ([2, 0, 2], [0, 1, 1, 3], "sets")


def test_balanced_weights_are_those_of_scikit_learn() -> None:
    from sklearn.utils.class_weight import compute_class_weight

    labels = ["a"] * 7 + ["b"] * 2 + ["c"]
    expected = compute_class_weight("balanced", classes=np.array(["a", "b", "c"]), y=labels)
    np.testing.assert_allclose(class_weights("balanced", read_targets(labels, 10)), expected, rtol=1e-6)


def test_labels_among_others() -> None:
    found = numbers_of(read_targets(["c", "a", "z"], 3), np.array(["a", "b", "c"]))
    assert found.tolist() == [2, 0, -1]


@pytest.mark.parametrize("weight", [float("nan"), float("inf"), -1.0])
def test_weights_must_be_positive(weight: float) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        class_weights({"a": weight}, read_targets(["a", "b"], 2))


def _as_lists(targets: Targets) -> list[list[Any]]:
    return [targets.classes[row].tolist() for row in targets.matrix()]


MATRIX = np.array([[1, 0, 1], [0, 0, 0], [0, 1, 1]])


@pytest.mark.parametrize("kind", ["csr_matrix", "csc_array", "coo_matrix"])
def test_sparse_matrices_are_matrices(kind: str) -> None:
    sparse = pytest.importorskip("scipy.sparse")
    targets = read_targets(getattr(sparse, kind)(MATRIX), 3)
    assert targets.form == "indicator"
    np.testing.assert_array_equal(targets.matrix(), MATRIX)


@pytest.mark.parametrize("make", [np.ndarray.tolist, lambda y: list(map(tuple, y)), list])
def test_rows_of_0_and_1_are_a_matrix(make: Any) -> None:
    targets = read_targets(make(MATRIX), 3)
    assert targets.form == "indicator"
    np.testing.assert_array_equal(targets.matrix(), MATRIX)


def test_the_labels_0_and_1_of_every_text_are_two_labels() -> None:
    assert read_targets([[0, 1], [0, 1]], 2).form == "sets"


def test_arrays_of_labels_are_collections() -> None:
    targets = read_targets([np.array(["b", "a"]), np.array([], dtype=str), np.array(["b"])], 3)
    assert targets.form == "sets"
    assert _as_lists(targets) == [["a", "b"], [], ["b"]]


@pytest.mark.parametrize("column", [[["b"], ["a"], ["b"]], [[1], [0], [1]]])
def test_a_column_is_flattened(column: Any) -> None:
    targets = read_targets(np.array(column), 3)
    assert targets.form == "single"
    assert targets.ids.tolist() == [1, 0, 1]


def test_data_frames() -> None:
    pandas = pytest.importorskip("pandas")
    targets = read_targets(pandas.DataFrame(MATRIX, columns=["tea", "rain", "sun"]), 3)
    assert targets.form == "indicator"
    assert targets.classes.tolist() == [0, 1, 2]  # as scikit-learn has them
    np.testing.assert_array_equal(targets.matrix(), MATRIX)
    assert read_targets(pandas.DataFrame({"y": ["b", "a", "b"]}), 3).ids.tolist() == [1, 0, 1]
    assert read_targets(pandas.DataFrame({"y": [1, 0, 1]}), 3).form == "single"
    assert read_targets(pandas.Series(["b", "a", "b"], dtype="category"), 3).classes.tolist() == ["a", "b"]
    assert read_targets(pandas.Series([1, 0, 1], dtype="Int64"), 3).classes.tolist() == [0, 1]


def test_missing_labels_of_pandas_are_named() -> None:
    pandas = pytest.importorskip("pandas")
    for labels in (
        pandas.Series(["a", None, "b"]),
        pandas.Series(["a", None, "b"], dtype="string"),
        pandas.Series([1, None, 2], dtype="Int64"),
        pandas.Series([True, None, False], dtype="boolean"),
        pandas.Series(["a", None, "b"], dtype="category"),
        ["a", pandas.NA, "b"],
        ["a", pandas.NaT, "b"],
    ):
        with pytest.raises(InputError, match="1 labels are missing; the first is label 2: leave such labels"):
            read_targets(labels, 3)
    frame = pandas.DataFrame({"a": pandas.array([1, None], dtype="Int64"), "b": [0, 1]})
    with pytest.raises(InputError, match="1 labels are missing; the first is label 3"):
        read_targets(frame, 2)
    with pytest.raises(InputError, match="1 labels of text 2 are missing; the first is label 1"):
        read_targets([["a"], [pandas.NA, "b"]], 2)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ("ab", "the labels are one string"),
        (3, "the labels are 3: give a list"),
        ([{"a": 1}, {"b": 2}], "labels are of the type dict: give strings"),
        ([["a"], [["b"]]], "a collection of labels is"),
        ([["a"], None], "1 labels are missing; the first is label 2"),
        (np.zeros((2, 2, 2)), r"the shape \(2, 2, 2\)"),
        ([1j, 2j], "labels are of the type complex"),
    ],
    ids=str,
)
def test_what_is_no_label(labels: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_targets(labels, 2)
