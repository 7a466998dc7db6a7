"""What a packed file holds is told from the rest of its name."""

from __future__ import annotations

import pytest

from firth.files.packed import is_packed, name_unpacked


@pytest.mark.parametrize("packing", ["", ".gz", ".bz2", ".xz", ".zst", ".zip", ".ZST"])
def test_names_without_their_packing(packing: str) -> None:
    path = f"folder.gz/Test.CoNLLU{packing}"
    assert name_unpacked(path) == "test.conllu"
    assert is_packed(path) == bool(packing)
