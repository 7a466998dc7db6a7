"""What all tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("FIRTH_SHARED", Path(__file__).resolve().parents[2] / "shared"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real corpora, treebanks and evaluation sets; skip where it is absent."""
    data = SHARED / "data"
    if not data.is_dir():
        pytest.skip(f"real data not at hand: no folder {data} (set FIRTH_SHARED)")
    return data
