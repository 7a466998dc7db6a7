"""The decider, the second half of the network: it scores decisions, each from a few units.

A *slot* is a place in the input of a decision: "the word on top of the stack", or "the character before". For
each decision, every slot holds one unit (or one label). Only the numbers in the slots differ from decision to
decision, so the products of all units with all slots are computed once; see `firth.network.layers.slots`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from firth.arrays import Floats, Ints
from firth.network import layers
from firth.network.gradients import Gradients
from firth.network.parameters import Parameters, ParameterSpec, glorot, initialise, normal, zeros


@dataclass(frozen=True)
class DeciderShape:
    """The sizes of a decider.

    Attributes
    ----------
    units
        Width of the vector of a unit.
    extras
        Number of extra units, which are in no sentence (ROOT; an empty slot). Their vectors are parameters.
    slots, label_slots
        Number of units, and of labels, that a decision reads.
    labels
        Number of labels, with the one that stands for no label; 0 if no decision reads labels.
    hidden
        Width of the hidden layer.
    outputs
        Number of possible decisions.
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
    """Slots, a hidden layer, and a score for each possible decision (Chen & Manning 2014).

    Parameters
    ----------
    shape, parameters, prefix
        See `firth.network.encoder.Encoder`.
    """

    def __init__(self, shape: DeciderShape, parameters: Parameters, prefix: str = "decider.") -> None:
        self.shape, self.parameters, self.prefix = shape, parameters, prefix

    def specs(self) -> Iterator[ParameterSpec]:
        """Yield the specs of all parameters, in the order in which their first values are drawn."""
        shape, prefix = self.shape, self.prefix
        # One more, as if the bias were an input: trained models depend on this number.
        slots = normal(np.sqrt(2 / (shape.units * shape.slots + 1)))
        yield ParameterSpec(f"{prefix}slots", (shape.units, shape.slots * shape.hidden), slots, scale_axis=1)
        yield ParameterSpec(f"{prefix}extras", (shape.extras, shape.units), normal(), scale_axis=0)
        labels = (shape.labels, shape.label_slots * shape.hidden)
        yield ParameterSpec(f"{prefix}labels", labels, normal(0.1), scale_axis=0)
        yield ParameterSpec(f"{prefix}bias", (shape.hidden,), zeros)
        yield ParameterSpec(f"{prefix}output", (shape.hidden, shape.outputs), glorot(), scale_axis=1)
        yield ParameterSpec(f"{prefix}output.bias", (shape.outputs,), zeros)

    def initialise(self, random: np.random.Generator) -> None:
        """Set all parameters to their random first values."""
        initialise(self.parameters, self.specs(), random)

    def arrays(self, *names: str) -> list[Floats]:
        """Return parameters, by their names without the prefix."""
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
        """Return the scores of m decisions, and the backward pass, which adds to `gradients`.

        Parameters
        ----------
        units
            (n, units): the rows of a batch. The extra units have the numbers after them, from n.
        unit_slots, label_slots
            (m, slots) and (m, label_slots); see `firth.network.layers.slots`.
        gradients
            The backward pass adds the gradients of all parameters here.
        p_drop
            Probability with which an entry of the hidden layer is dropped.
        random
            Draws the dropout mask; None at evaluation.

        Returns
        -------
        scores
            (m, outputs).
        backward
            Takes the gradient of `scores`, and returns the gradient of `units`.
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
