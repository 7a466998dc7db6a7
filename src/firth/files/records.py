"""Tables of what a model file must hold, and checks of a file against them.

A reader checks the kind and the version of a file, then its metadata and its arrays, each against a table.
After that it constructs objects, outside any ``try``: an exception there is an error of the program, and
shows its own traceback. Compiled code checks no bounds, so the tables give the shape of every array.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from firth.arrays import Arrays
from firth.errors import InputError

Expected: TypeAlias = Any
"""The type of a value from JSON.

========================  ====================================================================================
``int, float, str, …``    this type; whole numbers are floats too, true and false are not numbers
``(int, None)``           one of these
``[str]``                 a list of these
``{str: int}``            an object with any names, and values of this type
``{"width": int, …}``     an object with at least these names, each with a value of its type
========================  ====================================================================================
"""

_TYPE_NAMES = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    list: "a list",
    dict: "an object",
    None: "null",
}
# An error shows this many characters of a wrong value.
_LONGEST_SHOWN_CHARACTERS = 40


@dataclass(frozen=True)
class FileKind:
    """One kind of model file, and the version of its format that this firth reads.

    Attributes
    ----------
    kind
        The value of ``kind`` in its metadata.
    name
        Its name in errors, without an article.
    remedy
        How to get such a file.
    version_field, version
        The field of the metadata that holds the version of the format, and the version that is read. None
        for a kind without versions.
    """

    kind: str
    name: str
    remedy: str
    version_field: str | None = None
    version: int | None = None

    def fields(self) -> dict[str, Any]:
        """Return the kind and the version, as the metadata of such a file has them."""
        version = {} if self.version_field is None else {self.version_field: self.version}
        return {"kind": self.kind, **version}

    def check(self, metadata: Mapping[str, Any], file: str) -> None:
        """Check the kind and the version of a file.

        Raises
        ------
        InputError
            The file is of another kind or version.
        """
        if metadata.get("kind") != self.kind:
            raise InputError(f"{file}: is no {self.name}; {self.remedy}")
        if self.version_field is not None:
            version = metadata.get(self.version_field)
            if type(version) is not int or version != self.version:
                raise InputError(
                    f"{file}: was made by another version of firth (format {_shown(version)}, not "
                    f"{self.version}); install that version, or make the file again"
                )


@dataclass(frozen=True)
class ArrayRecord:
    """An array that a file must hold.

    Attributes
    ----------
    name
        Its name.
    dtype
        Its dtype, or a kind of dtypes such as `numpy.unsignedinteger`.
    shape
        Its length along each axis; None for any length.
    optional
        Whether it may be missing.
    """

    name: str
    dtype: type[np.generic]
    shape: tuple[int | None, ...]
    optional: bool = False


def check_arrays(arrays: Arrays, records: Iterable[ArrayRecord]) -> None:
    """Check arrays against a table.

    Raises
    ------
    InputError
        One is missing, or of another dtype or shape.
    """
    for record in records:
        array = arrays.get(record.name)
        if array is None:
            if record.optional:
                continue
            raise InputError(f"its array {record.name!r} is missing")
        fits = len(array.shape) == len(record.shape) and all(
            expected in (None, length) for length, expected in zip(array.shape, record.shape, strict=True)
        )
        if not fits or not np.issubdtype(array.dtype, record.dtype):
            raise InputError(
                f"its array {record.name!r} is {_described(array.dtype.name, array.shape)}, not "
                f"{_described(record.dtype.__name__, record.shape)}"
            )


def _described(dtype: str, shape: tuple[int | None, ...]) -> str:
    return f"{dtype} [{', '.join('any' if length is None else str(length) for length in shape)}]"


def check_fields(metadata: Mapping[str, Any], fields: Mapping[str, Expected]) -> None:
    """Check that metadata has some fields, each with a value as expected. It may have others too.

    Raises
    ------
    InputError
        One is missing, or has another value.
    """
    for name, expected in fields.items():
        if name not in metadata:
            raise InputError(f"its field {name!r} is missing")
        _check_value(metadata[name], expected, name)


def _check_value(value: Any, expected: Expected, where: str) -> None:
    """Check one value against `Expected`; `where` is its path in the metadata."""
    alternatives = expected if isinstance(expected, tuple) else (expected,)
    if not any(_is_a(value, alternative) for alternative in alternatives):
        raise InputError(
            f"its field {where!r} is {_shown(value)}, not {' or '.join(map(_type_name, alternatives))}"
        )
    if isinstance(expected, list):
        for item in value:
            _check_value(item, expected[0], f"{where}[]")
    elif isinstance(expected, dict) and str in expected:
        for name, item in value.items():
            _check_value(item, expected[str], f"{where}.{name:.{_LONGEST_SHOWN_CHARACTERS}}")
    elif isinstance(expected, dict):
        for name, of_name in expected.items():
            if name not in value:
                raise InputError(f"its field {f'{where}.{name}'!r} is missing")
            _check_value(value[name], of_name, f"{where}.{name}")


def _is_a(value: Any, expected: Expected) -> bool:
    """Say whether a value has the outer type that is expected."""
    if expected is None:
        return value is None
    if expected is float:
        return type(value) in (float, int)
    return type(value) is (expected if isinstance(expected, type) else type(expected))


def _type_name(expected: Expected) -> str:
    key: Any = expected if expected is None or isinstance(expected, type) else type(expected)
    return _TYPE_NAMES[key]


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN_CHARACTERS else f"{text[:_LONGEST_SHOWN_CHARACTERS]}…"


def part_of(arrays: Arrays, prefix: str) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays whose names begin with `prefix`, without it."""
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


@contextmanager
def reading(file: str) -> Iterator[None]:
    """Turn an `InputError` of the block, which checks and decodes, into "FILE: is damaged: …; copy it again".

    All other errors pass: they are errors of the program.
    """
    try:
        yield
    except InputError as error:
        raise InputError(f"{file}: is damaged: {error}; copy it again") from error
