"""Gradients of parameters, summed."""

from __future__ import annotations

import numpy as np

from firth.network.gradients import Gradients


def test_gradients_add_up() -> None:
    gradients = Gradients()
    gradients.add("a", np.array([[1.0, 2.0]]))
    gradients.add("a", np.array([[10.0, 20.0]]))
    gradients.add_rows("table", np.array([2, 0, 2]), np.array([[1.0], [2.0], [3.0]]))
    gradients.add_rows("table", np.array([2]), np.array([[4.0]]))
    a, table, other = np.array([[100.0, 200.0]]), np.zeros((3, 1)), np.ones(2)
    gradients.add_to(a, "a")
    gradients.add_to(table, "table")
    gradients.add_to(other, "other")
    np.testing.assert_array_equal(a, [[111, 222]])
    np.testing.assert_array_equal(table, [[2], [0], [8]])
    np.testing.assert_array_equal(other, 1)
