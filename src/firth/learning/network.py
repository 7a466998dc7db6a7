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

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from firth.errors import InputError
from firth.learning import kernels, layers
from firth.learning.activations import FloatArray
from firth.learning.layers import Ints
from firth.learning.simd import LANES

Parameters: TypeAlias = dict[str, FloatArray]
Shapes: TypeAlias = dict[str, tuple[int, ...]]
Accumulate: TypeAlias = Callable[[FloatArray], None]

SPARE_ROWS = 8
"""Unused rows at the end of a matrix, because kernels read and write four rows at a time."""


_SCALES = "/scales"
_BY_ROW = ("table", "labels", "extras")


def pack(parameters: Parameters) -> dict[str, npt.NDArray[Any]]:
    """Return parameters as a model file keeps them: matrices in 8 bits.

    They have a scale for each row if rows are looked up, and otherwise for each column, just as
    `firth.learning.kernels.quantize` rounds them when the network is at work.
    """
    arrays: dict[str, npt.NDArray[Any]] = {}
    for name, array in parameters.items():
        if array.ndim < 2:
            arrays[name] = array
        else:
            axis = 1 if set(name.split(".")) & set(_BY_ROW) else 0
            codes, arrays[name + _SCALES] = kernels.whole_numbers(array, axis)
            arrays[name] = codes.astype(np.int8)
    return arrays


def unpack(arrays: Mapping[str, npt.NDArray[Any]]) -> Parameters:
    """Restore what `pack` made; KeyError or ValueError if something is missing or does not fit."""
    parameters = {}
    for name, array in arrays.items():
        if array.dtype == np.int8:
            scales, (rows, columns) = arrays[name + _SCALES], array.shape
            if scales.shape not in ((rows, 1), (1, columns)):
                raise ValueError(f"{name} of shape {array.shape} has scales of shape {scales.shape}")
            parameters[name] = array * scales.astype(np.float32)
        elif not name.endswith(_SCALES):
            parameters[name] = array.astype(np.float32)
    return parameters


def check_parameters(parameters: Parameters, shapes: Shapes) -> None:
    """Check what came from a file, because kernels do not check what they are given.

    Raises
    ------
    KeyError, ValueError
        A parameter is missing, or of another shape.
    """
    for name, shape in shapes.items():
        if parameters[name].shape != shape:
            raise ValueError(f"{name} of shape {parameters[name].shape}, not {shape}")


def round_parameters(parameters: Parameters) -> None:
    """Round parameters, in place, to what a model file keeps of them."""
    for name, rounded in unpack(pack(parameters)).items():
        parameters[name][:] = rounded


class Gradients:
    """Gradients by name of the parameter, added up as they come.

    That of a table of embeddings is 0 but for the rows that were looked up. Only those are kept, so that a
    large table costs no more than a small one.
    """

    def __init__(self) -> None:
        self._dense: Parameters = {}
        self._rows: dict[str, list[tuple[Ints, FloatArray]]] = {}

    def add(self, name: str, gradient: FloatArray) -> None:
        """Add a gradient. The array is kept, and changed by what is added later."""
        if name in self._dense:
            self._dense[name] += gradient
        else:
            self._dense[name] = gradient

    def add_rows(self, name: str, ids: Ints, rows: FloatArray) -> None:
        """Add ``rows[i]`` to row ``ids[i]`` of a gradient for all i, however often an id occurs."""
        self._rows.setdefault(name, []).append((ids, np.ascontiguousarray(rows)))

    def add_to(self, total: FloatArray, name: str) -> None:
        """Add the gradient of one parameter to `total`."""
        if name in self._dense:
            total += self._dense[name]
        for ids, rows in self._rows.get(name, []):
            kernels.add_rows(total, ids, rows)


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
    vectors: FloatArray
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
        self._set("input.weight", _glorot(random, shape.inputs, width))
        self._set("input.bias", np.zeros(width))
        self._set("input.gain", np.ones(width))
        self._set("input.shift", np.zeros(width))
        for k in range(shape.depth):
            self._set(f"{k}.weight", _glorot(random, 3 * width, width) * np.sqrt(2))
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

    def arrays(self, *names: str) -> list[FloatArray]:
        """Return parameters by their names without the prefix."""
        return [self.parameters[self.prefix + name] for name in names]

    def forward(
        self,
        batch: Batch,
        gradients: Gradients,
        p_drop: float = 0.0,
        random: np.random.Generator | None = None,
    ) -> tuple[FloatArray, Accumulate]:
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

        def backward(drows: FloatArray) -> None:
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
        self, k: int, rows: FloatArray, batch: Batch, p_drop: float, random: np.random.Generator | None
    ) -> tuple[FloatArray, Callable[[FloatArray, Gradients], FloatArray]]:
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

        def backward(dy: FloatArray, gradients: Gradients) -> FloatArray:
            inner: FloatArray
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

    def _add(self, gradients: Gradients, names: Sequence[str], values: Sequence[FloatArray]) -> None:
        for name, value in zip(names, values, strict=True):
            gradients.add(self.prefix + name, value)


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

    def __init__(self, encoder: Encoder, vectors: FloatArray) -> None:
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
            self._layers.append((kernels.quantize(weight, 3), *others))

    def run(self, ids: Ints, lengths: Ints) -> FloatArray:
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


@dataclass(frozen=True)
class DeciderShape:
    """The sizes of what reads slots.

    Attributes
    ----------
    units
        Width of the vectors of units.
    extras
        Number of units that are in no sentence (ROOT, nothing); their vectors are parameters.
    slots, label_slots
        How many units, and how many labels, a decision reads.
    labels
        Number of labels, with the one that stands for none.
    hidden
        Width of the hidden layer.
    outputs
        Number of decisions to choose from.
    activation
        One of `firth.learning.layers.ACTIVATIONS`.
    """

    units: int
    extras: int
    slots: int
    label_slots: int
    labels: int
    hidden: int
    outputs: int
    activation: str = "relu"


class Decider:
    """Slots, a hidden layer, and a score for each decision (Chen & Manning 2014).

    Parameters
    ----------
    shape, parameters, prefix
        See `Encoder`. `DeciderShape` says what `forward` is to be given.
    """

    def __init__(self, shape: DeciderShape, parameters: Parameters, prefix: str = "decider.") -> None:
        self.shape, self.parameters, self.prefix = shape, parameters, prefix

    def initialise(self, random: np.random.Generator) -> None:
        """Set all arrays to their random beginnings."""
        shape = self.shape
        scale = np.sqrt(2 / (shape.units * shape.slots + 1))
        values = {
            "slots": random.normal(size=(shape.units, shape.slots * shape.hidden), scale=scale),
            "extras": random.normal(size=(shape.extras, shape.units)),
            "labels": random.normal(size=(shape.labels, shape.label_slots * shape.hidden), scale=0.1),
            "bias": np.zeros(shape.hidden),
            "output": _glorot(random, shape.hidden, shape.outputs),
            "output.bias": np.zeros(shape.outputs),
        }
        for name, value in values.items():
            self.parameters[self.prefix + name] = value.astype(np.float32)

    @property
    def shapes(self) -> Shapes:
        """The shape of each parameter."""
        shape = self.shape
        shapes = {
            "slots": (shape.units, shape.slots * shape.hidden),
            "extras": (shape.extras, shape.units),
            "labels": (shape.labels, shape.label_slots * shape.hidden),
            "bias": (shape.hidden,),
            "output": (shape.hidden, shape.outputs),
            "output.bias": (shape.outputs,),
        }
        return {self.prefix + name: of_name for name, of_name in shapes.items()}

    def arrays(self, *names: str) -> list[FloatArray]:
        """Return parameters by their names without the prefix."""
        return [self.parameters[self.prefix + name] for name in names]

    def forward(
        self,
        units: FloatArray,
        unit_slots: Ints,
        label_slots: Ints,
        gradients: Gradients,
        p_drop: float = 0.0,
        random: np.random.Generator | None = None,
    ) -> tuple[FloatArray, Callable[[FloatArray], FloatArray]]:
        """Return the scores of all decisions, and the backward pass, which adds to `gradients`.

        Parameters
        ----------
        units
            (n, units): the rows of a batch. The extra units are numbered as if they came after them, from n.
        unit_slots, label_slots
            (m, slots) and (m, label_slots); see `firth.learning.layers.slots`.
        gradients
            What the backward pass adds to.
        p_drop
            Probability with which an entry of the hidden layer is dropped.
        random
            Draws what is dropped; None at evaluation.

        Returns
        -------
        scores
            (m, outputs).
        backward
            Takes the gradient of `scores`, and returns that of `units`.
        """
        n = len(units)
        slots, extras, labels, bias = self.arrays("slots", "extras", "labels", "bias")
        if self.shape.extras:
            units = np.concatenate([units, extras])
        hidden, unslot = layers.slots(units, slots, labels, bias, unit_slots, label_slots)
        hidden, unactivate = layers.activation(hidden, self.shape.activation)
        hidden, undrop = layers.dropout(hidden, p_drop, random)
        scores, unscore = layers.linear(hidden, *self.arrays("output", "output.bias"))

        def backward(dscores: FloatArray) -> FloatArray:
            dunits: FloatArray
            dhidden, *doutput = unscore(dscores)
            (dhidden,) = undrop(dhidden)
            (dhidden,) = unactivate(dhidden)
            dunits, *dslots = unslot(dhidden)
            names = ("output", "output.bias", "slots", "labels", "bias", "extras")
            for name, value in zip(names, (*doutput, *dslots, dunits[n:].copy()), strict=True):
                gradients.add(self.prefix + name, value)
            return dunits[:n]

        return scores, backward


def _glorot(random: np.random.Generator, rows: int, columns: int) -> FloatArray:
    """Return weights that keep the variance of what passes, forward and back (Glorot & Bengio 2010)."""
    return random.normal(size=(rows, columns), scale=np.sqrt(2 / (rows + columns)))
