"""The one network of segmenter, tagger and parser: an encoder of units, and decisions that read slots.

`Encoder` turns the units of a sentence (words, or characters) into vectors that know their neighbours.
`Decider` turns the few units that a decision looks at into scores. Both keep their numbers in a dictionary of
named arrays, and hand back their backward passes as the layers do, so that training is: forward, loss,
backward, one step of Adam.

The sentences of a batch lie below each other in one matrix, a *row* for each unit, with an empty row (zeros)
before the first sentence, between two, and after the last: so a window over the rows never sees a unit of
another sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from firth.arrays import Floats, Ints
from firth.network import layers
from firth.network.gradients import Gradients
from firth.network.parameters import Parameters, Shapes, glorot

Accumulate: TypeAlias = Callable[[Floats], None]


@dataclass(frozen=True)
class Batch:
    """Units of some sentences, as the encoder reads them.

    Attributes
    ----------
    ids
        (n, channels): for each unit its row in the table of each channel.
    vectors
        (n, d): for each unit a vector that is not learned; d may be 0.
    lengths
        Units of each sentence; their sum is n.
    """

    ids: Ints
    vectors: Floats
    lengths: Ints

    @property
    def places(self) -> Ints:
        """The row of each unit."""
        return places(self.lengths)

    @property
    def gaps(self) -> Ints:
        """The empty rows."""
        return np.concatenate([[0], np.cumsum(self.lengths + 1)])

    @property
    def n_rows(self) -> int:
        """Number of rows in all, the empty ones included."""
        return int(self.lengths.sum()) + len(self.lengths) + 1


def places(lengths: Ints) -> Ints:
    """Return the row of each unit, in sentences of these lengths."""
    sentence = np.repeat(np.arange(1, len(lengths) + 1), lengths)
    return np.arange(len(sentence)) + sentence


@dataclass(frozen=True)
class EncoderShape:
    """The sizes of an encoder.

    Attributes
    ----------
    tables
        For each channel the number of its ids and the width of their vectors.
    vectors
        Width of the given vectors; 0 if there are none.
    width
        Width of the output; a multiple of 16 if it is to be run by `EncoderRunner`.
    depth
        Number of residual convolutions; with 0, a unit knows nothing of its neighbours.
    """

    tables: tuple[tuple[int, int], ...]
    vectors: int
    width: int
    depth: int

    @property
    def inputs(self) -> int:
        """Width of the concatenated embeddings of a unit."""
        return sum(width for _, width in self.tables) + self.vectors


class Encoder:
    """Embeddings, brought to one width, under residual convolutions.

    The embeddings of a unit are concatenated; ``norm(linear(dropout(…)))`` brings them to the width of the
    network. Each convolution then adds ``dropout(norm(relu(window of 3)))`` to its input.

    Parameters
    ----------
    shape
        The sizes.
    parameters
        Where the arrays are, each named with `prefix`; `initialise` makes them.
    prefix
        Sets the names of this encoder apart from those of others.
    """

    def __init__(self, shape: EncoderShape, parameters: Parameters, prefix: str = "encoder.") -> None:
        self.shape, self.parameters, self.prefix = shape, parameters, prefix

    def initialise(self, random: np.random.Generator) -> None:
        """Set all arrays to their random beginnings."""
        shape, width = self.shape, self.shape.width
        for k, (n, columns) in enumerate(shape.tables):
            self._set(f"table.{k}", random.normal(size=(n, columns), scale=0.5))
        self._set("input.weight", glorot(random, shape.inputs, width))
        self._set("input.bias", np.zeros(width))
        self._set("input.gain", np.ones(width))
        self._set("input.shift", np.zeros(width))
        for k in range(shape.depth):
            self._set(f"{k}.weight", glorot(random, 3 * width, width) * np.sqrt(2))
            self._set(f"{k}.bias", np.zeros(width))
            self._set(f"{k}.gain", np.ones(width))
            self._set(f"{k}.shift", np.zeros(width))

    @property
    def shapes(self) -> Shapes:
        """The shape of each parameter."""
        shape, width = self.shape, self.shape.width
        shapes: Shapes = {f"table.{k}": table for k, table in enumerate(shape.tables)}
        shapes["input.weight"] = (shape.inputs, width)
        shapes |= {f"{k}.weight": (3 * width, width) for k in range(shape.depth)}
        rows = ["input.bias", "input.gain", "input.shift"]
        rows += [f"{k}.{name}" for k in range(shape.depth) for name in ("bias", "gain", "shift")]
        shapes |= dict.fromkeys(rows, (width,))
        return {self.prefix + name: of_name for name, of_name in shapes.items()}

    def _set(self, name: str, value: npt.NDArray[Any]) -> None:
        self.parameters[self.prefix + name] = value.astype(np.float32)

    def arrays(self, *names: str) -> list[Floats]:
        """Return parameters by their names without the prefix."""
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
            What to read.
        gradients
            What the backward pass adds to.
        p_drop
            Probability with which an entry is dropped, of the embeddings and after each convolution.
        random
            Draws what is dropped; None at evaluation.

        Returns
        -------
        rows
            (rows, width): one for each unit, at ``batch.places``, and the empty ones.
        backward
            Takes the gradient of `rows`; that of the empty ones does not matter.
        """
        tables = self.arrays(*(f"table.{k}" for k in range(len(self.shape.tables))))
        embedded = [table[batch.ids[:, k]] for k, table in enumerate(tables)]
        x = np.concatenate([*embedded, batch.vectors], axis=1)
        x, undrop = layers.dropout(x, p_drop, random)
        x, unproject = layers.linear(x, *self.arrays("input.weight", "input.bias"))
        x, unnorm = layers.layer_norm(x, *self.arrays("input.gain", "input.shift"))

        places = batch.places
        rows = np.zeros((batch.n_rows, x.shape[1]), x.dtype)
        rows[places] = x
        blocks = []
        for k in range(self.shape.depth):
            rows, block = self._block(k, rows, batch, p_drop, random)
            blocks.append(block)

        def backward(drows: Floats) -> None:
            drows = drows.copy()
            drows[batch.gaps] = 0
            for k in reversed(range(self.shape.depth)):
                drows = blocks[k](drows, gradients)
            dx, *dnorm = unnorm(drows[places])
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

        Empty rows are 0 before and after, and so are their gradients.
        """
        gaps = batch.gaps
        y, unconvolve = layers.convolution(rows, *self.arrays(f"{k}.weight", f"{k}.bias"))
        y, unactivate = layers.activation(y, "relu")
        y, unnorm = layers.layer_norm(y, *self.arrays(f"{k}.gain", f"{k}.shift"))
        y, undrop = layers.dropout(y, p_drop, random)
        y[gaps] = 0
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
            inner[gaps] = 0
            return inner

        return y, backward

    def _add(self, gradients: Gradients, names: Sequence[str], values: Sequence[Floats]) -> None:
        for name, value in zip(names, values, strict=True):
            gradients.add(self.prefix + name, value)
