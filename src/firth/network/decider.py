"""Decisions that read slots."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from firth.arrays import Floats, Ints
from firth.network import layers
from firth.network.gradients import Gradients
from firth.network.parameters import Parameters, Shapes, glorot


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
        One of `firth.network.layers.ACTIVATIONS`.
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
            "output": glorot(random, shape.hidden, shape.outputs),
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

    def arrays(self, *names: str) -> list[Floats]:
        """Return parameters by their names without the prefix."""
        return [self.parameters[self.prefix + name] for name in names]

    def forward(
        self,
        units: Floats,
        unit_slots: Ints,
        label_slots: Ints,
        gradients: Gradients,
        p_drop: float = 0.0,
        random: np.random.Generator | None = None,
    ) -> tuple[Floats, Callable[[Floats], Floats]]:
        """Return the scores of all decisions, and the backward pass, which adds to `gradients`.

        Parameters
        ----------
        units
            (n, units): the rows of a batch. The extra units are numbered as if they came after them, from n.
        unit_slots, label_slots
            (m, slots) and (m, label_slots); see `firth.network.layers.slots`.
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

        def backward(dscores: Floats) -> Floats:
            dunits: Floats
            dhidden, *doutput = unscore(dscores)
            (dhidden,) = undrop(dhidden)
            (dhidden,) = unactivate(dhidden)
            dunits, *dslots = unslot(dhidden)
            names = ("output", "output.bias", "slots", "labels", "bias", "extras")
            for name, value in zip(names, (*doutput, *dslots, dunits[n:].copy()), strict=True):
                gradients.add(self.prefix + name, value)
            return dunits[:n]

        return scores, backward
