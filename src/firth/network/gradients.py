"""Gradients of a network by name, added up as they come."""

from __future__ import annotations

import numpy as np

from firth.arrays import Floats, Ints
from firth.network import kernels
from firth.network.parameters import Parameters


class Gradients:
    """Gradients by name of the parameter, added up as they come.

    That of a table of embeddings is 0 but for the rows that were looked up. Only those are kept, so that a
    large table costs no more than a small one.
    """

    def __init__(self) -> None:
        self._dense: Parameters = {}
        self._rows: dict[str, list[tuple[Ints, Floats]]] = {}

    def add(self, name: str, gradient: Floats) -> None:
        """Add a gradient. The array is kept, and changed by what is added later."""
        if name in self._dense:
            self._dense[name] += gradient
        else:
            self._dense[name] = gradient

    def add_rows(self, name: str, ids: Ints, rows: Floats) -> None:
        """Add ``rows[i]`` to row ``ids[i]`` of a gradient for all i, however often an id occurs."""
        self._rows.setdefault(name, []).append((ids, np.ascontiguousarray(rows)))

    def add_to(self, total: Floats, name: str) -> None:
        """Add the gradient of one parameter to `total`."""
        if name in self._dense:
            total += self._dense[name]
        for ids, rows in self._rows.get(name, []):
            kernels.add_rows(total, ids, rows)
