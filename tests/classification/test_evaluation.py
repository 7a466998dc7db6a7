"""Scores, against scikit-learn's."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, confusion_matrix, precision_recall_fscore_support
from sklearn.preprocessing import MultiLabelBinarizer

from firth.classification.evaluation import evaluate, find_unknown_labels
from firth.errors import InputError

LABELS = st.sampled_from("abcd")


@given(st.lists(st.tuples(LABELS, LABELS), min_size=1))
def test_single_labels(pairs: list[tuple[str, str]]) -> None:
    gold, predicted = (list(column) for column in zip(*pairs, strict=True))
    result = evaluate(gold, predicted)
    names = sorted({*gold, *predicted})
    assert [score.label for score in result.labels] == names
    assert result.accuracy == pytest.approx(100 * accuracy_score(gold, predicted))
    assert result.micro_f1 == pytest.approx(result.accuracy)
    expected = precision_recall_fscore_support(gold, predicted, labels=names, zero_division=0)
    ours = [(score.precision, score.recall, score.f1, score.texts) for score in result.labels]
    np.testing.assert_allclose(ours, np.column_stack([*(100 * x for x in expected[:3]), expected[3]]))
    assert result.macro_f1 == pytest.approx(100 * expected[2].mean())
    if len(names) > 1:  # scikit-learn warns of one
        np.testing.assert_array_equal(result.confusion, confusion_matrix(gold, predicted, labels=names))


@given(st.lists(st.tuples(st.sets(LABELS), st.sets(LABELS)), min_size=1))
def test_several_labels(pairs: list[tuple[set[str], set[str]]]) -> None:
    gold, predicted = zip(*pairs, strict=True)
    result = evaluate(gold, predicted)
    names = sorted(set().union(*gold, *predicted))
    assert result.confusion is None
    if not names:
        assert result.accuracy == 100
        return
    binarizer = MultiLabelBinarizer(classes=list("abcd"))
    a, b = binarizer.fit_transform(gold), binarizer.transform(predicted)
    assert result.accuracy == pytest.approx(100 * accuracy_score(a, b))
    f1 = precision_recall_fscore_support(a, b, zero_division=0)[2]
    assert result.macro_f1 == pytest.approx(100 * f1[["abcd".index(name) for name in names]].mean())
    micro = precision_recall_fscore_support(a, b, average="micro", zero_division=0)[2]
    assert result.micro_f1 == pytest.approx(100 * micro)


def test_nothing_to_compare() -> None:
    with pytest.raises(InputError, match="1 true and 2 predicted"):
        evaluate(["a"], ["a", "b"])
    with pytest.raises(InputError, match="0 true and 0 predicted"):
        evaluate([], [])


def test_an_evaluation_as_json() -> None:
    figures = json.loads(json.dumps(evaluate(["x", "x", "y"], ["x", "y", "y"]).to_dict()))
    assert figures["accuracy"] == pytest.approx(200 / 3)
    assert figures["labels"]["x"] == {
        "texts": 2,
        "precision": 100.0,
        "recall": 50.0,
        "f1": figures["labels"]["y"]["f1"],
    }
    assert figures["confusion"] == [[1, 1], [0, 1]]
    assert evaluate([["x"]], [["x", "y"]]).to_dict()["confusion"] is None


def test_unknown_labels() -> None:
    unknown = find_unknown_labels([("x",), ("z", "y"), ("w", "x"), ()], ["x", "y"])
    assert (unknown.texts, unknown.names) == (2, ("w", "z"))
    assert find_unknown_labels([("x",)], ["x"]).names == ()
