"""What the network that finds boundaries is scored by."""

from __future__ import annotations

import numpy as np
import pytest

from firth.parsing.segmenter.network import spans_f1


def test_f1_of_spans() -> None:
    def ends(places: str) -> np.ndarray:
        return np.array([place == "|" for place in places], np.bool_)

    assert spans_f1(ends("..|.|..|"), ends("..|.|..|")) == 100
    # A boundary too much makes two spans wrong of four, one of three on the other side.
    assert spans_f1(ends("..|.|..|"), ends("..|.|.||")) == pytest.approx(100 * 2 * 2 / (3 + 4))
    assert spans_f1(ends("..|.|..|"), ends("....|..|")) == pytest.approx(100 * 2 * 1 / (3 + 2))
    assert spans_f1(ends(""), ends("")) == 0
