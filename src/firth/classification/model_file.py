"""What the model file of a phrase classifier must hold; see `firth.files.records`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, get_args

import numpy as np

from firth.arrays import Arrays
from firth.classification.encoding import Coverage
from firth.classification.labels import Form
from firth.classification.settings import NORMALIZATIONS, ClassifierSettings
from firth.errors import InputError
from firth.files.records import ArrayRecord, FileKind, check_arrays

KIND = FileKind("phrase-classifier", "phrase classifier", "make one with firth classify train")
_FORMS = get_args(Form)
# The parameters of the constructor of `firth.PhraseClassifier`.
_PARAMETERS = {"vectors", "class_weight", *(field.name for field in fields(ClassifierSettings))}
FIELDS = {
    "parameters": {"buckets": int, "end_of_phrase": (bool, int), "l2_normalize": str},
    "classes": [(str, int, float, bool)],
    "form": str,
    "coverage": dict.fromkeys((field.name for field in fields(Coverage)), int),
    "history": [dict],
    "best_epoch": int,
}
"""The metadata of a model file. Of the parameters, `fit` checks those that are not listed here."""

WORD_ARRAYS = (
    ArrayRecord("words", np.uint8, (None,)),
    ArrayRecord("word_offsets", np.int64, (None,)),
    ArrayRecord("pairs", np.int64, (None,)),
)
"""The arrays whose sizes do not depend on others."""


def check_choices(metadata: Mapping[str, Any]) -> None:
    """Check the values in a model file of which there are only a few, or which must not be empty."""
    parameters = metadata["parameters"]
    unknown = sorted(set(parameters) - _PARAMETERS)
    if unknown:
        raise InputError(f"it has the parameter {unknown[0]!r}, which is none of this version of firth")
    for name, value, choices in (
        ("end_of_phrase", parameters["end_of_phrase"], (False, True)),
        ("l2_normalize", parameters["l2_normalize"], NORMALIZATIONS),
        ("form", metadata["form"], _FORMS),
    ):
        if value not in choices:
            raise InputError(f"its {name} is {value!r}, not one of {', '.join(map(repr, choices))}")
    if parameters["buckets"] < 1:
        raise InputError(f"its buckets are {parameters['buckets']}, not at least 1")
    if not metadata["classes"]:
        raise InputError("it has no labels")


def number_arrays(n: int, n_labels: int, arrays: Arrays) -> list[ArrayRecord]:
    """Return the table of the arrays whose sizes follow from n vectors and the labels: kernels check none."""
    check_arrays(arrays, [ArrayRecord("vectors", np.float32, (n, None))])
    dim = arrays["vectors"].shape[1]
    return [
        ArrayRecord("outside", np.float32, (n_labels, dim)),
        ArrayRecord("bias", np.float32, (1, n_labels)),
        ArrayRecord("factors", np.float32, (n,)),
    ]
