"""What all tests share."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import pytest

SHARED = Path(os.environ.get("FIRTH_SHARED", Path(__file__).resolve().parents[2] / "shared"))

# The same examples every time, and no verdict by the clock: machines differ.
hypothesis.settings.register_profile("firth", derandomize=True, deadline=None)
hypothesis.settings.load_profile("firth")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real corpora, treebanks and evaluation sets; skip where it is absent."""
    data = SHARED / "data"
    if not data.is_dir():
        pytest.skip(f"real data not at hand: no folder {data} (set FIRTH_SHARED)")
    return data
