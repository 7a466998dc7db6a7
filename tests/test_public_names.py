"""The names that `import firth` offers."""

from __future__ import annotations

import inspect

import pytest

import firth
from firth import errors


def test_all_error_classes_are_public() -> None:
    classes = [name for name, _ in inspect.getmembers(errors, inspect.isclass)]
    assert {"FirthError", "InputError", "UnknownWordError"} <= set(classes)
    for name in classes:
        assert name in firth.__all__
        assert getattr(firth, name) is getattr(errors, name)
        assert issubclass(getattr(firth, name), firth.FirthError)


def test_every_public_name_is_there() -> None:
    for name in firth.__all__:
        assert getattr(firth, name) is not None
        assert name in dir(firth)
    with pytest.raises(AttributeError, match="module 'firth' has no attribute 'Skipgram'"):
        _ = firth.Skipgram  # type: ignore[attr-defined]
