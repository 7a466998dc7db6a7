"""What all tests share."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import pytest

SHARED = Path(os.environ.get("FIRTH_SHARED", Path(__file__).resolve().parents[2] / "shared"))

# Variables of the shell or of a CI service that change what the command prints. Typer reads some of them when
# it is imported, so they go before that.
for _name in ("FORCE_COLOR", "PY_COLORS", "GITHUB_ACTIONS", "COLUMNS", "LINES", "FIRTH_DEBUG"):
    os.environ.pop(_name, None)

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
