"""The network of the segmenter: it finds boundaries in sequences of units.

There are two such networks. One runs over the characters of a chunk of text and finds where tokens end; the
other one runs over the tokens of a paragraph and finds where sentences end. The features of a unit are
hashes, one in each channel. A hash that is frequent in training has a number, and with it an embedding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from firth.arrays import Arrays, Bools, Floats, Ids, Ints
from firth.compute.hashing import enter, look_up
from firth.errors import InputError
from firth.files.records import ArrayRecord, check_arrays, reading
from firth.network import layers
from firth.network.decider import Decider, DeciderShape
from firth.network.encoder import Batch, Encoder, EncoderShape
from firth.network.gradients import Gradients
from firth.network.packing import pack, unpack
from firth.network.parameters import Parameters, ParameterSpec
from firth.network.runner import EncoderRunner

Hashes = Ids

# A hash must be seen twice in training to have a number; a rarer one trains the embedding of the unknown.
_MIN_COUNT = 2

# What is seen in varied copies of the treebank only is drawn many times if it is of use.
_MIN_VARIED_COUNT = 20

_DROPOUT = 0.2

# In training, a tenth of all features are replaced by the unknown one.
_FORGOTTEN_SHARE = 0.1


@dataclass(frozen=True)
class BoundaryShape:
    """The sizes of a network that finds boundaries.

    Attributes
    ----------
    tables
        Width of the embeddings in each channel.
    width, depth
        See `firth.network.encoder.EncoderShape`.
    slots
        The units that the decision about a unit reads, by their distance from it.
    hidden
        Width of the hidden layer.
    """

    tables: tuple[int, ...]
    width: int
    depth: int
    slots: tuple[int, ...]
    hidden: int

    @property
    def reach(self) -> int:
        """How many units away from a unit another one can be that has a part in the decision about it."""
        return self.depth + max(map(abs, self.slots))


@dataclass(frozen=True)
class Boundaries:
    """Sequences of n units, and where there are boundaries.

    Attributes
    ----------
    hashes
        (n, channels): the features of each unit.
    lengths
        Units of each sequence.
    asked
        (n,): whether the network decides if there is a boundary after the unit.
    right
        (n,): whether there is a boundary after the unit.
    given
        (n,): whether a boundary is assumed after the unit, where the network is not asked.
    """

    hashes: Hashes
    lengths: Ints
    asked: Bools
    right: Bools
    given: Bools


def joined_boundaries(parts: Sequence[Boundaries]) -> Boundaries:
    """Return the sequences of all parts."""
    names = [field.name for field in fields(Boundaries)]
    return Boundaries(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


class FrequentHashes:
    """The hashes that were frequent in training, numbered from 1 in each channel; others have number 0.

    Parameters
    ----------
    hashes
        For each channel, the hashes (int32, not negative) with the numbers 1, 2, …
    """

    def __init__(self, hashes: Sequence[Hashes]) -> None:
        self.hashes = list(hashes)
        entries = np.concatenate(self.hashes)
        numbers = np.concatenate([np.arange(1, len(channel) + 1, dtype=np.int32) for channel in self.hashes])
        self._sizes = np.array([*self.sizes, 1], np.int32)
        self._slots = np.zeros(2 << len(entries).bit_length(), np.int64)
        enter(entries, numbers, self._slots)

    @classmethod
    def learn(cls, hashes: Hashes, varied: Sequence[Hashes] = ()) -> FrequentHashes:
        """Give numbers to the frequent ones of (n, channels) hashes of a treebank and its varied copies."""
        counted = [np.unique(channel, return_counts=True) for channel in hashes.T]
        frequent = [values[counts >= _MIN_COUNT] for values, counts in counted]
        if varied:
            copies = np.concatenate(varied)
            for k, channel in enumerate(copies.T):
                values, counts = np.unique(channel, return_counts=True)
                frequent[k] = np.union1d(frequent[k], values[counts >= _MIN_VARIED_COUNT])
        return cls(frequent)

    @property
    def sizes(self) -> list[int]:
        """How many numbers each channel has, 0 included."""
        return [len(channel) + 1 for channel in self.hashes]

    def number(self, hashes: Hashes) -> Ids:
        """Return ids as `firth.network.runner.EncoderRunner.run` takes them; there are no given vectors.

        A network of an older firth has fewer channels, and reads the first ones.
        """
        ids = np.zeros((len(hashes), len(self.hashes) + 1), np.int32)
        look_up(np.ascontiguousarray(hashes[:, : len(self.hashes)]), self._slots, ids)
        # Equal hashes in two channels are rare, but must not lead out of a table.
        ids[ids >= self._sizes] = 0
        return ids


class BoundaryNetwork:
    """An encoder of units, and the decision whether there is a boundary after a unit.

    Parameters
    ----------
    shape
        Its sizes.
    vocabulary
        Numbers the hashes.
    parameters
        The arrays; an empty dictionary to begin with.
    """

    def __init__(self, shape: BoundaryShape, vocabulary: FrequentHashes, parameters: Parameters) -> None:
        self.shape, self.vocabulary, self.parameters = shape, vocabulary, parameters
        tables = tuple(zip(vocabulary.sizes, shape.tables, strict=True))
        self.encoder = Encoder(EncoderShape(tables, 0, shape.width, shape.depth), parameters)
        self.decider = Decider(
            DeciderShape(shape.width, 0, len(shape.slots), 0, 0, shape.hidden, 2), parameters
        )

    def specs(self) -> Iterator[ParameterSpec]:
        """Yield the specs of all parameters."""
        yield from self.encoder.specs()
        yield from self.decider.specs()

    def initialise(self, random: np.random.Generator) -> None:
        """Set all parameters to their random first values."""
        self.encoder.initialise(random)
        self.decider.initialise(random)

    def forward(
        self, batch: Batch, asked: Bools, gradients: Gradients, random: np.random.Generator
    ) -> tuple[Floats, Callable[[Floats], None]]:
        """Return the scores of no boundary and of a boundary, (asked units, 2), and the backward pass."""
        rows, encoder_backward = self.encoder.forward(batch, gradients, _DROPOUT, random)
        slots = _slot_rows(batch.lengths, asked, self.shape.slots)
        none = np.zeros((len(slots), 0), np.int64)
        scores, decider_backward = self.decider.forward(rows, slots, none, gradients, _DROPOUT, random)
        return scores, lambda dscores: encoder_backward(decider_backward(dscores))

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return the arrays that `from_arrays` needs."""
        arrays = pack(self.parameters, self.specs())
        for k, channel in enumerate(self.vocabulary.hashes):
            arrays[f"hashes.{k}"] = channel
        return arrays

    @classmethod
    def from_arrays(cls, shape: BoundaryShape, arrays: Arrays, file: str) -> BoundaryNetwork:
        """Restore a network from what `arrays` returned; `file` is the name of the file, for errors.

        Raises
        ------
        InputError
            Arrays are missing, or do not have this shape.
        """
        with reading(file):
            hashes = [_checked_hashes(arrays, f"hashes.{k}") for k in range(len(shape.tables))]
        network = cls(shape, FrequentHashes(hashes), {})
        with reading(file):
            network.parameters |= unpack(arrays, network.specs())
        return network


def _checked_hashes(arrays: Arrays, name: str) -> Hashes:
    """Return the hashes of one channel. Kernels do not check what they are given."""
    check_arrays(arrays, [ArrayRecord(name, np.int32, (None,))])
    hashes: Hashes = arrays[name]
    if (hashes < 0).any():
        raise InputError(f"its array {name!r} has negative numbers, which are no hashes")
    return hashes


def _slot_rows(lengths: Ints, asked: Bools, slots: Sequence[int]) -> Ints:
    """Return the rows of the slots of all units that are asked about; outside the sequence, an empty row."""
    units = np.flatnonzero(asked)
    ends = np.cumsum(lengths)
    sequence = np.searchsorted(ends, units, side="right")
    before = (ends - lengths)[sequence] + sequence
    after = before + lengths[sequence] + 1
    rows: Ints = (units + sequence + 1)[:, None] + np.array(slots)
    np.clip(rows, before[:, None], after[:, None], out=rows)
    return rows


class BoundaryRunner:
    """Runs a network with the parameters that it has now; threads may share it."""

    def __init__(self, network: BoundaryNetwork) -> None:
        self._vocabulary, self._slots = network.vocabulary, network.shape.slots
        self._encoder = EncoderRunner(network.encoder, np.zeros((1, 0), np.float32))
        weight, self._bias, output, bias = network.decider.arrays("slots", "bias", "output", "output.bias")
        width, hidden = network.shape.width, network.shape.hidden
        by_slot = weight.reshape(width, len(self._slots), hidden).transpose(1, 0, 2)
        self._weight = by_slot.reshape(-1, hidden)
        self._output = output[:, 1] - output[:, 0]
        self._threshold = bias[0] - bias[1]

    def margins(self, hashes: Hashes, lengths: Ints, asked: Bools) -> Floats:
        """Return the score of a boundary minus that of none for each unit that is asked about, (n asked,).

        There is a boundary where the margin is positive.
        """
        rows = self._encoder.run(self._vocabulary.number(hashes), lengths)
        slots = _slot_rows(lengths, asked, self._slots)
        read = rows[slots].reshape(len(slots), len(self._weight))
        hidden = np.maximum(read @ self._weight + self._bias, 0)
        margins: Floats = hidden @ self._output - self._threshold
        return margins


class BoundaryTask:
    """Training a network that finds boundaries; see `firth.network.training.Task`.

    Parameters
    ----------
    network
        What to train.
    train, dev, varied_dev
        The data to train on, and to score on: as they are, and a varied copy. Both together decide which
        epoch is the best.
    name
        The name of the spans that end at boundaries: tokens or sentences.
    """

    def __init__(
        self,
        network: BoundaryNetwork,
        train: Boundaries,
        dev: Boundaries,
        varied_dev: Boundaries,
        name: str,
    ) -> None:
        self.parameters = network.parameters
        self._network, self._train, self._name = network, train, name
        self._dev, self._varied_dev = dev, varied_dev
        self._ids = network.vocabulary.number(train.hashes)[:, :-1]
        self._first = np.cumsum(train.lengths) - train.lengths

    def lengths(self) -> Ints:
        """Return the number of units of each sequence."""
        return self._train.lengths

    def gradient(
        self, sentences: Sequence[int], gradients: Gradients, random: np.random.Generator, epoch: int
    ) -> tuple[float, int]:
        """Add the gradient of the cross-entropy of all decisions in some sequences."""
        lengths = self._train.lengths[sentences]
        ends = np.cumsum(lengths)
        units = np.arange(ends[-1]) + np.repeat(self._first[sentences] - (ends - lengths), lengths)
        ids = self._ids[units]
        ids[random.random(ids.shape, np.float32) < _FORGOTTEN_SHARE] = 0
        asked = self._train.asked[units]
        right = self._train.right[units][asked]
        batch = Batch(ids, np.zeros((len(ids), 0), np.float32), lengths)
        scores, backward = self._network.forward(batch, asked, gradients, random)
        optimal = np.stack([~right, right], axis=1)
        losses, loss_backward = layers.optimal_softmax(scores, np.ones_like(optimal), optimal)
        backward(*loss_backward(np.ones_like(losses)))
        return float(losses.sum(dtype=np.float64)), len(losses)

    def evaluate(self) -> dict[str, float]:
        """Return the F1 of the spans between boundaries: the mean over both copies, and of dev itself."""
        plain, varied = (self._f1(data) for data in (self._dev, self._varied_dev))
        return {f"varied {self._name} F1": (plain + varied) / 2, f"{self._name} F1": plain}

    def _f1(self, data: Boundaries) -> float:
        found = data.given.copy()
        found[data.asked] = BoundaryRunner(self._network).margins(data.hashes, data.lengths, data.asked) > 0
        return spans_f1(data.right, found)


def spans_f1(right: Bools, found: Bools) -> float:
    """Return the F1, in percent, of spans that follow each other without a gap, given where they end."""
    places = np.flatnonzero(right | found)
    in_both = right[places] & found[places]
    # A span is right if it ends where one should, and so does the last one before it on either side.
    n_right = np.count_nonzero(in_both & np.append(True, in_both)[:-1])
    total = int(np.count_nonzero(right) + np.count_nonzero(found))
    return 200 * n_right / total if total else 0.0
