"""Words are found by their spelling; near spellings are suggested."""

from __future__ import annotations

import pytest

from firth.errors import InputError, UnknownWordError
from firth.vectors.lookup import Lookup


def test_rows() -> None:
    lookup = Lookup(["tea", "coffee"])
    assert (lookup.row("tea"), lookup.row("coffee")) == (0, 1)
    assert "tea" in lookup and "Tea" not in lookup and 0 not in lookup


def test_unknown_words_get_near_spellings() -> None:
    lookup = Lookup(["coffee", "toffee", "milk"])
    with pytest.raises(UnknownWordError, match=r"'cofee' is not among the 3 words; did you mean 'coffee'"):
        lookup.row("cofee")
    with pytest.raises(UnknownWordError, match=r"among the 3 words$"):
        lookup.row("xyzzy")
    with pytest.raises(TypeError, match="looked up by word, not by 3"):
        lookup.row(3)  # type: ignore[arg-type]


def test_a_word_cannot_have_two_rows() -> None:
    with pytest.raises(InputError, match="'tea' is there twice: vectors 1 and 3"):
        Lookup(["tea", "milk", "tea"])
