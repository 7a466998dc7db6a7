"""The rows that centre words are made of."""

from __future__ import annotations

import numpy as np
import pytest

from firth.vectors.trainers import inputs
from firth.vectors.trainers.inputs import WordRows


def test_rows_begin_as_in_word2vec(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, pieces, other = (np.zeros((100, 8), np.float32) for _ in range(3))
    rows = WordRows(100)
    assert rows.n_rows == 100
    rows.initialize(whole, seed=1)
    rows.initialize(other, seed=2)
    monkeypatch.setattr(inputs, "_ROWS_AT_A_TIME", 7)
    rows.initialize(pieces, seed=1)
    np.testing.assert_array_equal(whole, pieces)
    assert (whole != other).any()
    assert np.abs(whole).max() <= 1 / 16
    assert np.abs(whole.mean()) < 0.005
    assert rows.vectors(whole) is whole
