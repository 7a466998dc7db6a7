"""Gradient checks of the layers, the encoder, the decider and the L2 penalty.

`firth.learning.gradcheck.check_all` runs them. A check needs a function whose value is a number, but a layer
returns an array. So the check takes a sum of the entries with random weights; the backward pass then starts
from these weights.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from firth.arrays import Float64s, Floats, Ints
from firth.learning.gradcheck import Case, Function, Make, Point
from firth.network import kernels, layers
from firth.network.decider import Decider, DeciderShape
from firth.network.encoder import Batch, Encoder, EncoderShape
from firth.network.gradients import Gradients
from firth.network.layers import Backward
from firth.network.parameters import Parameters


def _weighted(layer: Callable[..., tuple[Floats, Backward]], random: np.random.Generator) -> Function:
    """Return a function of the arguments of a layer: the weighted sum of its output, and its gradients."""
    seed = int(random.integers(2**32))

    def function(**arguments: Float64s) -> tuple[Any, ...]:
        y, backward = layer(**arguments)
        weights = np.random.default_rng(seed).normal(size=y.shape)
        return np.sum(weights * y), *backward(weights)

    return function


def _linear(random: np.random.Generator) -> tuple[Function, Point]:
    point = {
        "x": random.normal(size=(3, 4)),
        "weight": random.normal(size=(4, 2)),
        "bias": random.normal(size=2),
    }
    return _weighted(layers.linear, random), point


def _embedding(random: np.random.Generator) -> tuple[Function, Point]:
    ids = np.array([3, 0, 3, 3, 1])

    def embedding(table: Float64s) -> tuple[Floats, Backward]:
        def backward(dy: Floats) -> tuple[Floats]:
            gradients, total = Gradients(), np.zeros_like(table)
            gradients.add_rows("table", ids, dy)
            gradients.add_to(total, "table")
            return (total,)

        return table[ids], backward

    return _weighted(embedding, random), {"table": random.normal(size=(5, 3))}


def _activation(name: str) -> Make:
    def make(random: np.random.Generator) -> tuple[Function, Point]:
        x = random.normal(size=(3, 4))
        x[0, 0] = 0  # where ReLU has no derivative
        return _weighted(lambda x: layers.activation(x, name), random), {"x": x}

    return make


def _dropout(random: np.random.Generator) -> tuple[Function, Point]:
    def dropout(x: Float64s) -> tuple[Floats, Backward]:
        return layers.dropout(x, 0.4, np.random.default_rng(1))

    return _weighted(dropout, random), {"x": random.normal(size=(4, 5))}


def _layer_norm(random: np.random.Generator) -> tuple[Function, Point]:
    point = {
        "x": random.normal(size=(3, 5)),
        "gain": random.normal(size=5),
        "bias": random.normal(size=5),
    }
    return _weighted(layers.layer_norm, random), point


def _convolution(random: np.random.Generator) -> tuple[Function, Point]:
    point = {
        "x": random.normal(size=(5, 2)),
        "weight": random.normal(size=(6, 3)),
        "bias": random.normal(size=3),
    }
    return _weighted(layers.convolution, random), point


# One unit is in both slots of a decision, one in the same slot of two decisions, and unit 3 is in none. The
# same holds for labels, with label 2 in none.
_UNIT_SLOTS = np.array([[0, 0], [2, 1], [2, 4]])
_LABEL_SLOTS = np.array([[1, 1], [1, 0], [3, 0]])
_NO_LABELS = np.zeros((3, 0), np.int64)


def _slots(label_slots: Ints) -> Make:
    def make(random: np.random.Generator) -> tuple[Function, Point]:
        point = {
            "units": random.normal(size=(5, 2)),
            "weight": random.normal(size=(2, 2 * 3)),
            "label_table": random.normal(size=(4, label_slots.shape[1] * 3)),
            "bias": random.normal(size=3),
        }
        return _weighted(
            lambda **p: layers.slots(**p, unit_slots=_UNIT_SLOTS, label_slots=label_slots), random
        ), point

    return make


def _optimal_softmax(optimal: list[list[int]]) -> Make:
    """Make a case of five decisions. Decision 3 is illegal, and decision 0 is legal in the first row only."""

    def make(random: np.random.Generator) -> tuple[Function, Point]:
        legal, right = np.ones((2, len(optimal), 5), np.bool_)
        legal[:, 3] = legal[1:, 0] = False
        right[:] = [[k in row for k in range(5)] for row in optimal]
        point = {"scores": random.normal(scale=2, size=right.shape)}
        return _weighted(lambda scores: layers.optimal_softmax(scores, legal, right), random), point

    return make


def _first_values(part: Encoder | Decider, random: np.random.Generator) -> Parameters:
    """Return first values of all parameters in float64, moved away from the zeros that some begin with."""
    part.initialise(random)
    return {
        name: array + random.normal(scale=0.1, size=array.shape) for name, array in part.parameters.items()
    }


def _totals(gradients: Gradients, parameters: Parameters) -> list[Floats]:
    totals = [np.zeros_like(array) for array in parameters.values()]
    for total, name in zip(totals, parameters, strict=True):
        gradients.add_to(total, name)
    return totals


def _encoder(random: np.random.Generator) -> tuple[Function, Point]:
    shape = EncoderShape(tables=((4, 3), (3, 2)), vectors=2, width=5, depth=2)
    lengths = np.array([3, 1, 2])
    ids = np.stack([random.integers(n, size=6) for n, _ in shape.tables], axis=1)
    batch = Batch(ids, random.normal(size=(6, shape.vectors)), lengths)
    # The empty rows have weights too, which must have no effect.
    weights = random.normal(size=(batch.n_rows, shape.width))

    def encoder(**parameters: Floats) -> tuple[Any, ...]:
        gradients = Gradients()
        rows, backward = Encoder(shape, parameters).forward(batch, gradients, 0.3, np.random.default_rng(1))
        backward(weights)
        return np.sum(weights * rows), *_totals(gradients, parameters)

    return encoder, _first_values(Encoder(shape, {}), random)


def _decider(random: np.random.Generator) -> tuple[Function, Point]:
    shape = DeciderShape(
        units=2, extras=2, slots=2, label_slots=2, labels=4, hidden=3, outputs=4, activation="cube"
    )
    weights = random.normal(size=(len(_UNIT_SLOTS), shape.outputs))

    def decider(units: Floats, **parameters: Floats) -> tuple[Any, ...]:
        gradients = Gradients()
        scores, backward = Decider(shape, parameters).forward(
            units, _UNIT_SLOTS, _LABEL_SLOTS, gradients, 0.3, np.random.default_rng(1)
        )
        grad_units = backward(weights)
        return np.sum(weights * scores), grad_units, *_totals(gradients, parameters)

    # Three units and two extras: `_UNIT_SLOTS` reads unit 4, the last extra unit.
    return decider, {"units": random.normal(size=(3, 2)), **_first_values(Decider(shape, {}), random)}


def _l2_penalty(random: np.random.Generator) -> tuple[Function, Point]:
    l2 = 0.3

    def penalty(x: Float64s) -> tuple[Any, ...]:
        # The gradient of the loss is 0 and β₁ = 0, so the step leaves the gradient of the penalty in `first`.
        parameter, first = x.copy(), np.zeros_like(x)
        kernels.adam_step(
            parameter, np.zeros_like(x), first, np.zeros_like(x), 1.0, l2, 0.1, 0.0, 0.9, 1e-8, 1.0, 0.1
        )
        return l2 / 2 * np.sum(x**2), first

    return penalty, random.normal(size=5)


CASES = (
    Case("linear", _linear),
    Case("embedding, repeated ids", _embedding),
    *(Case(f"{name} layer", _activation(name)) for name in layers.ACTIVATIONS),
    Case("dropout, fixed mask", _dropout),
    Case("layer_norm", _layer_norm),
    Case("convolution", _convolution),
    Case("slots, repeated units and labels", _slots(_LABEL_SLOTS)),
    Case("slots, no labels", _slots(_NO_LABELS)),
    Case("optimal_softmax, one optimal", _optimal_softmax([[0], [4]])),
    Case("optimal_softmax, several optimal", _optimal_softmax([[0, 2, 4], [1, 2], [1, 2, 4]])),
    Case("encoder", _encoder),
    Case("decider", _decider),
    Case("l2 penalty", _l2_penalty),
)
"""All gradient checks of this room."""
