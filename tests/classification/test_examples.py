"""Texts and weights as people have them: columns of arrays and data frames."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from firth.classification.examples import list_of_texts, read_examples
from firth.errors import InputError

TEXTS = ["good tea", "bad rain"]


@pytest.mark.parametrize("dtype", [str, object])
def test_a_column_is_flattened(dtype: type) -> None:
    assert list_of_texts(np.array([[text] for text in TEXTS], dtype=dtype)) == TEXTS
    assert list_of_texts(np.array(TEXTS, dtype=dtype)) == TEXTS


def test_data_frames() -> None:
    pandas = pytest.importorskip("pandas")
    assert list_of_texts(pandas.DataFrame({"text": TEXTS})) == TEXTS
    assert list_of_texts(pandas.Series(TEXTS)) == TEXTS
    with pytest.raises(InputError, match=r"the texts have the shape \(2, 2\): give one column of texts"):
        list_of_texts(pandas.DataFrame({"text": TEXTS, "id": [1, 2]}))


def test_what_is_no_list_of_texts() -> None:
    sparse = pytest.importorskip("scipy.sparse")
    cases: list[tuple[Any, str]] = [
        (sparse.csr_matrix(np.eye(2)), "the texts are a sparse matrix of numbers"),
        (np.array([TEXTS, TEXTS]), r"the shape \(2, 2\)"),
        (np.array("good tea"), r"the shape \(\)"),
        (b"good tea", "the texts are one string"),
        (None, "the texts are None: give a list of texts"),
    ]
    for texts, message in cases:
        with pytest.raises(InputError, match=message):
            list_of_texts(texts)


def test_lists_of_one_text_are_not_taken_for_words() -> None:
    with pytest.raises(InputError, match="each text is a list of one string with spaces in it"):
        read_examples([[text] for text in TEXTS], [0, 1])
    assert read_examples([["tea"], ["rain"]], [0, 1]).texts == [["tea"], ["rain"]]


def test_weights() -> None:
    examples = read_examples(TEXTS, [0, 1], [[2], [0]])
    assert examples.weights is not None
    assert examples.weights.tolist() == [2, 0]
    taken = examples.take(np.array([1])).weights
    assert taken is not None
    assert taken.tolist() == [0]


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1], r"the shape \(1,\): 2 texts need 2 weights"),
        (2, r"the shape \(\): 2 texts"),
        ([1, -1], r"sample_weight 2 is -1\.0: it must be 0 or positive"),
        ([float("nan"), 1], "sample_weight 1 is nan"),
        ([1, float("inf")], "sample_weight 2 is inf"),
        (["a", "b"], "sample_weight must be a number for each text"),
    ],
    ids=str,
)
def test_what_is_no_weight(weights: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_examples(TEXTS, [0, 1], weights)
