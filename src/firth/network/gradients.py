"""The gradients of all parameters of a network, summed as the backward passes find them."""

from __future__ import annotations

import numpy as np

from firth.arrays import Floats, Ints
from firth.network import kernels
from firth.network.parameters import Parameters


class Gradients:
    """Sums of gradients, by the name of the parameter.

    The gradient of an embedding table is 0 except in the rows that were looked up. Only those rows are kept,
    so that a large table costs no more than a small one.
    """

    def __init__(self) -> None:
        self._dense: Parameters = {}
        self._rows: dict[str, list[tuple[Ints, Floats]]] = {}

    def add(self, name: str, gradient: Floats) -> None:
        """Add a gradient. The array belongs to this object from now on: later gradients are added to it."""
        if name in self._dense:
            self._dense[name] += gradient
        else:
            self._dense[name] = gradient

    def add_rows(self, name: str, ids: Ints, rows: Floats) -> None:
        """Add ``rows[i]`` to row ``ids[i]`` of a gradient, for all i. An id may occur several times."""
        self._rows.setdefault(name, []).append((ids, np.ascontiguousarray(rows)))

    def add_to(self, total: Floats, name: str) -> None:
        """Add the summed gradient of one parameter to `total`."""
        if name in self._dense:
            total += self._dense[name]
        for ids, rows in self._rows.get(name, []):
            kernels.add_rows(total, ids, rows)
