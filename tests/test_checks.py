"""Settings are refused by name and with the value that was given, and taken as the numbers they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from firth import checks
from firth.errors import InputError


@pytest.mark.parametrize("value", [3, np.int32(3), np.uint8(3), True + 2])
def test_whole_numbers(value: Any) -> None:
    number = checks.whole_number("epochs", value)
    assert (number, type(number)) == (3, int)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: checks.whole_number("epochs", 0), "epochs must be a whole number of at least 1, not 0"),
        (lambda: checks.whole_number("epochs", 2.0), "epochs must be a whole number of at least 1, not 2.0"),
        (
            lambda: checks.whole_number("dim", "5", least=2),
            "dim must be a whole number of at least 2, not '5'",
        ),
        (lambda: checks.whole_number("n", 5, most=4), "n must be at most 4, not 5"),
        (lambda: checks.whole_number("n", None), "n must be a whole number of at least 1, not None"),
        (lambda: checks.seed_number(1.5), "seed must be a whole number of at least 0, not 1.5"),
        (lambda: checks.seed_number("x"), "seed must be a whole number of at least 0, not 'x'"),
        (lambda: checks.seed_number(-1), "seed must be a whole number of at least 0, not -1"),
        (lambda: checks.seed_number(2**63), f"seed must be at most {2**63 - 1}, not {2**63}"),
        (lambda: checks.thread_count(0), "threads must be a whole number of at least 1, not 0"),
        (lambda: checks.learning_rate(0, 0.1), "lr must be a positive number such as 0.1, not 0"),
        (lambda: checks.learning_rate("a", 0.1), "lr must be a positive number such as 0.1, not 'a'"),
        (
            lambda: checks.learning_rate(float("nan"), 0.1),
            "lr must be a positive number such as 0.1, not nan",
        ),
        (lambda: checks.share("dropout", 1), "dropout must be between 0 and 1, not 1"),
        (lambda: checks.choice("mode", "c", "ab"), "mode must be one of a, b, not 'c'"),
        (lambda: checks.choice("mode", ["a"], "ab"), "mode must be one of a, b, not ['a']"),
    ],
)
def test_what_is_wrong_is_named(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        call()
    assert str(caught.value) == message


def test_what_is_right_is_returned() -> None:
    assert checks.optional_whole_number("patience", None) is None
    assert checks.optional_whole_number("patience", 2) == 2
    assert checks.seed_number(2**63 - 1) == 2**63 - 1
    assert checks.thread_count(None) == checks.processors() >= 1
    assert checks.learning_rate(1, 0.1) == 1.0
    assert checks.share("heldout", np.float32(0.5)) == 0.5
    assert checks.real_number("sample", 0, "be 0 or more", least=0) == 0.0
    assert checks.choice("mode", "a", "ab") == "a"


def test_what_an_extra_brings_is_named() -> None:
    checks.require("numpy", "plot", "a map")
    with pytest.raises(InputError, match=r"a map needs no_such_library, .* pip install 'firth\[plot\]'"):
        checks.require("no_such_library", "plot", "a map")
