"""Confusion matrices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from firth.errors import InputError
from firth.show.confusion import format_confusion, plot_confusion

MATRIX = np.array([[328, 100], [8, 356]])
LABELS = ["no", "真的"]


def test_text_is_aligned() -> None:
    assert format_confusion(MATRIX, LABELS).splitlines() == [
        "true ↓ predicted →   no  真的  all",
        "no                  328   100  428",
        "真的                  8   356  364",
        "all                 336   456  792",
    ]


def test_picture(tmp_path: Path) -> None:
    plot_confusion(MATRIX, ["no", "yes"], tmp_path / "c.svg", title="seen")
    svg = (tmp_path / "c.svg").read_text(encoding="utf-8")
    for text in ("328", "100", "356", "yes", "seen", "true label", "predicted label"):
        assert f">{text}<" in svg
    plot_confusion(np.eye(40, dtype=int), [f"l{i}" for i in range(40)], tmp_path / "c.png")
    assert (tmp_path / "c.png").read_bytes()[:4] == b"\x89PNG"


def test_mistakes(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"must end in \.png or \.svg"):
        plot_confusion(MATRIX, LABELS, tmp_path / "c.html")
    with pytest.raises(InputError, match="3 labels need as many rows"):
        plot_confusion(MATRIX, ["a", "b", "c"], tmp_path / "c.svg")
