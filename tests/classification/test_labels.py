"""Labels as numbers."""

from __future__ import annotations

import numpy as np
import pytest

from firth.classification.labels import class_weights, numbers_of, read_targets


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
