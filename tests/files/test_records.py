"""Tables of what a file must hold: what fits passes, and what does not is named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from firth.errors import InputError
from firth.files.records import ArrayRecord, FileKind, check_arrays, check_fields, part_of, reading

FIELDS = {
    "size": int,
    "rate": float,
    "name": (str, None),
    "flags": [bool],
    "rules": {str: [str]},
    "shape": {"width": int, "slots": [str]},
}
GOOD = {
    "size": 3,
    "rate": 1,
    "name": None,
    "flags": [True, False],
    "rules": {"a": [], "b": ["x"]},
    "shape": {"width": 4, "slots": [], "more": 1},
    "more": {},
}


def test_fields_that_fit() -> None:
    check_fields(GOOD, FIELDS)
    check_fields(GOOD | {"name": "x", "rate": 0.5, "flags": [], "rules": {}}, FIELDS)


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"size": "3"}, "its field 'size' is '3', not a whole number"),
        ({"size": True}, "its field 'size' is True, not a whole number"),
        ({"size": 3.0}, "its field 'size' is 3.0, not a whole number"),
        ({"rate": True}, "its field 'rate' is True, not a number"),
        ({"name": 1}, "its field 'name' is 1, not a text or null"),
        ({"flags": {}}, "its field 'flags' is {}, not a list"),
        ({"flags": [True, 1]}, "its field 'flags[]' is 1, not true or false"),
        ({"rules": []}, "its field 'rules' is [], not an object"),
        ({"rules": {"a": "x"}}, "its field 'rules.a' is 'x', not a list"),
        ({"rules": {"a": ["x", None]}}, "its field 'rules.a[]' is None, not a text"),
        ({"shape": {"width": 4}}, "its field 'shape.slots' is missing"),
        ({"shape": {"width": "x" * 90, "slots": []}}, f"'shape.width' is '{'x' * 39}…, not a whole number"),
    ],
)
def test_fields_that_do_not(wrong: dict[str, Any], complaint: str) -> None:
    with pytest.raises(InputError) as error:
        check_fields(GOOD | wrong, FIELDS)
    assert complaint in str(error.value)


def test_a_missing_field() -> None:
    with pytest.raises(InputError, match="its field 'rate' is missing"):
        check_fields({name: value for name, value in GOOD.items() if name != "rate"}, FIELDS)


RECORDS = (
    ArrayRecord("matrix", np.float32, (None, 3)),
    ArrayRecord("lengths", np.unsignedinteger, (None,)),
    ArrayRecord("counts", np.int64, (2,), optional=True),
)
ARRAYS = {"matrix": np.zeros((2, 3), np.float32), "lengths": np.zeros(4, np.uint16)}


def test_arrays_that_fit() -> None:
    check_arrays(ARRAYS, RECORDS)
    check_arrays(ARRAYS | {"counts": np.zeros(2, np.int64), "more": np.zeros(1)}, RECORDS)


@pytest.mark.parametrize(
    ("name", "array", "complaint"),
    [
        ("matrix", np.zeros((2, 3)), "its array 'matrix' is float64 [2, 3], not float32 [any, 3]"),
        (
            "matrix",
            np.zeros((2, 4), np.float32),
            "its array 'matrix' is float32 [2, 4], not float32 [any, 3]",
        ),
        ("matrix", np.zeros(3, np.float32), "its array 'matrix' is float32 [3], not float32 [any, 3]"),
        ("lengths", np.zeros(4, np.int8), "its array 'lengths' is int8 [4], not unsignedinteger [any]"),
        ("counts", np.zeros(3, np.int64), "its array 'counts' is int64 [3], not int64 [2]"),
    ],
)
def test_arrays_that_do_not(name: str, array: np.ndarray, complaint: str) -> None:
    with pytest.raises(InputError) as error:
        check_arrays(ARRAYS | {name: array}, RECORDS)
    assert str(error.value) == complaint


def test_a_missing_array() -> None:
    with pytest.raises(InputError, match="its array 'lengths' is missing"):
        check_arrays({"matrix": ARRAYS["matrix"]}, RECORDS)


def test_kinds_and_versions() -> None:
    kind = FileKind("firth map", "map", "draw one", "format", 3)
    assert kind.fields() == {"kind": "firth map", "format": 3}
    kind.check({**kind.fields(), "more": 1}, "x")
    with pytest.raises(InputError, match=r"^x: is no map; draw one$"):
        kind.check({"format": 3}, "x")
    for version in (4, None, "3", True):
        with pytest.raises(
            InputError, match=r"^x: was made by another version of firth \(format .*, not 3\)"
        ):
            kind.check({"kind": "firth map", "format": version}, "x")
    without = FileKind("firth map", "map", "draw one")
    assert without.fields() == {"kind": "firth map"}
    without.check({"kind": "firth map", "format": 9}, "x")


def test_a_part_of_the_arrays() -> None:
    assert list(part_of({"a/x": np.zeros(1), "b/x": np.zeros(1), "a": np.zeros(1)}, "a/")) == ["x"]


def test_only_errors_of_the_input_are_told_as_damage() -> None:
    with pytest.raises(InputError, match=r"^x: is damaged: it is; copy it again$"), reading("x"):
        raise InputError("it is")
    for error in (TypeError, ValueError, KeyError, AttributeError):
        with pytest.raises(error, match="a bug"), reading("x"):
            raise error("a bug")
