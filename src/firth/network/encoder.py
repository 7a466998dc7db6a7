"""The encoder, the first half of the network: it turns units into vectors that depend on their neighbours.

A *unit* is a word or a character of a sentence. `firth.network.decider.Decider`, the second half, makes
decisions from the vectors of a few units. Both keep their parameters in one dictionary of named arrays, and
return their backward pass with their output, as the layers do. Training is: forward, loss, backward, one step
of Adam.

The sentences of a batch lie below each other in one matrix, with one *row* for each unit and an empty row
(zeros) before the first sentence, between two sentences and after the last. A window over the rows therefore
never sees a unit of another sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from firth.arrays import Floats, Ints
from firth.network import layers
from firth.network.gradients import Gradients
from firth.network.parameters import (
    Initialiser,
    Parameters,
    ParameterSpec,
    glorot,
    initialise,
    normal,
    ones,
    zeros,
)

Accumulate: TypeAlias = Callable[[Floats], None]


@dataclass(frozen=True)
class Batch:
    """The n units of some sentences, as the encoder reads them.

    Attributes
    ----------
    ids
        (n, channels): for each unit its row in the embedding table of each channel.
    vectors
        (n, d): for each unit a pretrained vector, which is not trained; d may be 0.
    lengths
        Number of units of each sentence; their sum is n.
    """

    ids: Ints
    vectors: Floats
    lengths: Ints

    @property
    def unit_rows(self) -> Ints:
        """The number of the row of each unit."""
        return unit_rows(self.lengths)

    @property
    def empty_rows(self) -> Ints:
        """The numbers of the empty rows."""
        return np.concatenate([[0], np.cumsum(self.lengths + 1)])

    @property
    def n_rows(self) -> int:
        """Number of all rows, with the empty ones."""
        return int(self.lengths.sum()) + len(self.lengths) + 1


def unit_rows(lengths: Ints) -> Ints:
    """Return the number of the row of each unit, for sentences of these lengths."""
    sentence = np.repeat(np.arange(1, len(lengths) + 1), lengths)
    return np.arange(len(sentence)) + sentence


@dataclass(frozen=True)
class EncoderShape:
    """The sizes of an encoder.

    Attributes
    ----------
    tables
        For each channel the shape of its embedding table: number of ids, width of an embedding.
    vectors
        Width of the pretrained vectors; 0 if there are none.
    width
        Width of the output; `EncoderRunner` needs a multiple of 16.
    depth
        Number of residual convolutions. With 0, the vector of a unit does not depend on its neighbours.
    """

    tables: tuple[tuple[int, int], ...]
    vectors: int
    width: int
    depth: int

    @property
    def inputs(self) -> int:
        """Width of the concatenated embeddings and pretrained vector of a unit."""
        return sum(width for _, width in self.tables) + self.vectors


class Encoder:
    """Embeddings, projected to one width, then residual convolutions.

    The embeddings of a unit are concatenated; ``norm(linear(dropout(…)))`` projects them to the width of the
    network. Each convolution then adds ``dropout(norm(relu(linear(window of 3))))`` to its input.

    Parameters
    ----------
    shape
        The sizes.
    parameters
        Holds the parameters by name; `initialise` makes them.
    prefix
        Begins the names of all parameters of this encoder.
    """

    def __init__(self, shape: EncoderShape, parameters: Parameters, prefix: str = "encoder.") -> None:
        self.shape, self.parameters, self.prefix = shape, parameters, prefix

    def specs(self) -> Iterator[ParameterSpec]:
        """Yield the specs of all parameters, in the order in which their first values are drawn."""
        shape = self.shape
        for k, table in enumerate(shape.tables):
            yield ParameterSpec(f"{self.prefix}table.{k}", table, normal(0.5), scale_axis=0)
        yield from self._layer_specs("input", shape.inputs, glorot())
        for k in range(shape.depth):
            yield from self._layer_specs(str(k), 3 * shape.width, glorot(np.sqrt(2)))

    def _layer_specs(self, name: str, inputs: int, weights: Initialiser) -> Iterator[ParameterSpec]:
        """Yield the specs of a linear layer and of the normalisation after it."""
        name, width = self.prefix + name, self.shape.width
        yield ParameterSpec(f"{name}.weight", (inputs, width), weights, scale_axis=1)
        yield ParameterSpec(f"{name}.bias", (width,), zeros)
        yield ParameterSpec(f"{name}.gain", (width,), ones)
        yield ParameterSpec(f"{name}.shift", (width,), zeros)

    def initialise(self, random: np.random.Generator) -> None:
        """Set all parameters to their random first values."""
        initialise(self.parameters, self.specs(), random)

    def arrays(self, *names: str) -> list[Floats]:
        """Return parameters, by their names without the prefix."""
        return [self.parameters[self.prefix + name] for name in names]

    def forward(
        self,
        batch: Batch,
        gradients: Gradients,
        p_drop: float = 0.0,
        random: np.random.Generator | None = None,
    ) -> tuple[Floats, Accumulate]:
        """Return the rows of the batch, and the backward pass, which adds to `gradients`.

        Parameters
        ----------
        batch
            The units.
        gradients
            The backward pass adds the gradients of all parameters here.
        p_drop
            Probability with which an entry is dropped, of the embeddings and after each convolution.
        random
            Draws the dropout masks; None at evaluation.

        Returns
        -------
        rows
            (rows, width): one row for each unit, at ``batch.unit_rows``, and the empty rows.
        backward
            Takes the gradient of `rows`; the gradient of the empty rows is ignored.
        """
        tables = self.arrays(*(f"table.{k}" for k in range(len(self.shape.tables))))
        embedded = [table[batch.ids[:, k]] for k, table in enumerate(tables)]
        x = np.concatenate([*embedded, batch.vectors], axis=1)
        x, undrop = layers.dropout(x, p_drop, random)
        x, unproject = layers.linear(x, *self.arrays("input.weight", "input.bias"))
        x, unnorm = layers.layer_norm(x, *self.arrays("input.gain", "input.shift"))

        unit_rows = batch.unit_rows
        rows = np.zeros((batch.n_rows, x.shape[1]), x.dtype)
        rows[unit_rows] = x
        blocks = []
        for k in range(self.shape.depth):
            rows, block = self._block(k, rows, batch, p_drop, random)
            blocks.append(block)

        def backward(drows: Floats) -> None:
            drows = drows.copy()
            drows[batch.empty_rows] = 0
            for k in reversed(range(self.shape.depth)):
                drows = blocks[k](drows, gradients)
            dx, *dnorm = unnorm(drows[unit_rows])
            self._add(gradients, ("input.gain", "input.shift"), dnorm)
            dx, *dinput = unproject(dx)
            self._add(gradients, ("input.weight", "input.bias"), dinput)
            (dx,) = undrop(dx)
            first = 0
            for k, (_, width) in enumerate(self.shape.tables):
                rows = dx[:, first : first + width]
                gradients.add_rows(f"{self.prefix}table.{k}", batch.ids[:, k], rows)
                first += width

        return rows, backward

    def _block(
        self, k: int, rows: Floats, batch: Batch, p_drop: float, random: np.random.Generator | None
    ) -> tuple[Floats, Callable[[Floats, Gradients], Floats]]:
        """Return the rows after residual convolution `k`, and its backward pass.

        The empty rows and their gradients are 0 before and after.
        """
        empty_rows = batch.empty_rows
        y, unconvolve = layers.convolution(rows, *self.arrays(f"{k}.weight", f"{k}.bias"))
        y, unactivate = layers.activation(y, "relu")
        y, unnorm = layers.layer_norm(y, *self.arrays(f"{k}.gain", f"{k}.shift"))
        y, undrop = layers.dropout(y, p_drop, random)
        y[empty_rows] = 0
        y += rows

        def backward(dy: Floats, gradients: Gradients) -> Floats:
            inner: Floats
            (inner,) = undrop(dy)
            inner, *dnorm = unnorm(inner)
            self._add(gradients, (f"{k}.gain", f"{k}.shift"), dnorm)
            (inner,) = unactivate(inner)
            inner, *dconvolution = unconvolve(inner)
            self._add(gradients, (f"{k}.weight", f"{k}.bias"), dconvolution)
            inner += dy
            inner[empty_rows] = 0
            return inner

        return y, backward

    def _add(self, gradients: Gradients, names: Sequence[str], values: Sequence[Floats]) -> None:
        for name, value in zip(names, values, strict=True):
            gradients.add(self.prefix + name, value)
