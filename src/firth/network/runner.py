"""The encoder at work: compiled, without a backward pass."""

from __future__ import annotations

import numpy as np

from firth.arrays import Floats, Ints
from firth.compute.lanes import LANES
from firth.compute.quantized import quantize
from firth.errors import InputError
from firth.network import kernels, layers
from firth.network.encoder import Encoder

SPARE_ROWS = 8
"""Unused rows at the end of a matrix, because kernels read and write four rows at a time."""


class EncoderRunner:
    """The encoder at work: compiled, without a backward pass, for one processor, in float32.

    The first layer is linear in its embeddings, so each embedding is brought to the width of the network once
    and for all, and a unit is a sum of rows.

    Parameters
    ----------
    encoder
        The encoder, whose parameters are read now.
    vectors
        (n, d): the given vectors; `run` is told which row is that of a unit. There must be one, though it may
        be of no width.

    Raises
    ------
    InputError
        The width of the encoder is no multiple of 16: the compiled products are of whole vector registers.
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
        brought = [t @ weight[end - t.shape[1] : end] for t, end in zip(tables, ends, strict=True)]
        brought[-1] += bias
        self._table = np.concatenate(brought)
        self._first = np.cumsum([0, *(len(table) for table in tables[:-1])])
        self._layers = []
        for k in range(shape.depth):
            weight, *others = encoder.arrays(f"{k}.weight", f"{k}.bias", f"{k}.gain", f"{k}.shift")
            self._layers.append((quantize(weight, 3), *others))

    def run(self, ids: Ints, lengths: Ints) -> Floats:
        """Return the rows of a batch, and after them `SPARE_ROWS` of zeros.

        Parameters
        ----------
        ids
            (n, channels + 1): for each unit its row in each table, and last, in `vectors`.
        lengths
            Units of each sentence; their sum is n.
        """
        n_rows = int(lengths.sum()) + len(lengths) + 1
        width = self._table.shape[1]
        rows = np.zeros((n_rows + SPARE_ROWS, width), np.float32)
        epsilon = layers.EPSILON
        kernels.embed(ids, self._first, self._table, self._gain, self._shift, epsilon, lengths, rows)
        space = np.empty_like(rows)
        for arrays in self._layers:
            kernels.convolve(rows, space, *arrays, epsilon, lengths)
        return rows
