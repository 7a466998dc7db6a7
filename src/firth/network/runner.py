"""Running a trained encoder: compiled, with 8-bit products, without a backward pass.

`firth.network.encoder.Encoder.forward` is the formula; the two are compared in the tests.
"""

from __future__ import annotations

import numpy as np

from firth.arrays import Floats, Ints
from firth.compute.lanes import LANES
from firth.compute.quantized import quantize
from firth.errors import InputError
from firth.network import kernels, layers
from firth.network.encoder import Encoder

SPARE_ROWS = 8
"""Unused rows after the last one, because kernels read and write four rows at a time."""


class EncoderRunner:
    """Runs a trained encoder on one processor, in float32.

    The first layer is linear in its embeddings. So each embedding is multiplied with its part of the weight
    when the runner is made, and the first layer of a unit becomes a sum of rows.

    Parameters
    ----------
    encoder
        The encoder. Its parameters are read now; later changes have no effect.
    vectors
        (n, d): the pretrained vectors; `run` is told the row of each unit. At least one row, whose width may
        be 0.

    Raises
    ------
    InputError
        The width of the encoder is not a multiple of 16: compiled products compute whole vector registers.
    """

    def __init__(self, encoder: Encoder, vectors: Floats) -> None:
        shape = encoder.shape
        if shape.width % LANES:
            raise InputError(f"the width of the network is {shape.width}: make it a multiple of {LANES}")
        weight, bias, self._gain, self._shift = encoder.arrays(
            "input.weight", "input.bias", "input.gain", "input.shift"
        )
        tables = [*encoder.arrays(*(f"table.{k}" for k in range(len(shape.tables)))), vectors]
        ends = np.cumsum([table.shape[1] for table in tables])
        projected = [t @ weight[end - t.shape[1] : end] for t, end in zip(tables, ends, strict=True)]
        projected[-1] += bias
        self._table = np.concatenate(projected)
        self._first = np.cumsum([0, *(len(table) for table in tables[:-1])])
        self._layers = []
        for k in range(shape.depth):
            weight, *others = encoder.arrays(f"{k}.weight", f"{k}.bias", f"{k}.gain", f"{k}.shift")
            self._layers.append((quantize(weight, 3), *others))

    def run(self, ids: Ints, lengths: Ints) -> Floats:
        """Return the rows of a batch, followed by `SPARE_ROWS` rows of zeros.

        Parameters
        ----------
        ids
            (n, channels + 1): for each unit its row in each table, and last its row in `vectors`.
        lengths
            Number of units of each sentence; their sum is n.
        """
        n_rows = int(lengths.sum()) + len(lengths) + 1
        width = self._table.shape[1]
        rows = np.zeros((n_rows + SPARE_ROWS, width), np.float32)
        epsilon = layers.EPSILON
        kernels.embed(ids, self._first, self._table, self._gain, self._shift, epsilon, lengths, rows)
        products = np.empty_like(rows)
        for arrays in self._layers:
            kernels.convolve(rows, products, *arrays, epsilon, lengths)
        return rows
