"""The decider: a decision reads its slots, and teaches what it reads."""

from __future__ import annotations

import numpy as np
import pytest

from firth.learning import activations
from firth.network.decider import Decider, DeciderShape
from firth.network.gradients import Gradients


def _decider(activation: str = "relu", extras: int = 2) -> Decider:
    shape = DeciderShape(
        3, extras, slots=3, label_slots=1, labels=5, hidden=6, outputs=4, activation=activation
    )
    decider = Decider(shape, {})
    random = np.random.default_rng(1)
    decider.initialise(random)
    for array in decider.parameters.values():
        array += random.normal(scale=0.2, size=array.shape)
    return decider


# Of four units: the first extra is number 4, the second 5. Unit 3 is read by no decision.
UNITS = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
UNIT_SLOTS, LABEL_SLOTS = np.array([[0, 1, 5], [2, 2, 4]]), np.array([[4], [0]])


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "cube"])
def test_a_decision_reads_its_slots(activation: str) -> None:
    decider = _decider(activation)
    scores, _ = decider.forward(UNITS, UNIT_SLOTS, LABEL_SLOTS, Gradients())
    slots, extras, labels, bias, output, output_bias = decider.arrays(
        "slots", "extras", "labels", "bias", "output", "output.bias"
    )
    for score, (a, b, c), (label,) in zip(scores, UNIT_SLOTS, LABEL_SLOTS, strict=True):
        vectors = np.concatenate([UNITS, extras])
        hidden = vectors[a] @ slots[:, :6] + vectors[b] @ slots[:, 6:12] + vectors[c] @ slots[:, 12:]
        hidden = getattr(activations, activation)(hidden + labels[label] + bias)
        np.testing.assert_allclose(score, hidden @ output + output_bias, rtol=1e-5, atol=1e-5)


def test_a_decision_teaches_what_it_reads() -> None:
    decider, gradients = _decider("cube"), Gradients()
    scores, backward = decider.forward(UNITS, UNIT_SLOTS[:1], LABEL_SLOTS[:1], gradients)
    dunits = backward(np.ones_like(scores))
    np.testing.assert_array_equal(dunits.any(axis=1), [True, True, False, False])
    extras, labels = (np.zeros_like(array) for array in decider.arrays("extras", "labels"))
    gradients.add_to(extras, "decider.extras")
    gradients.add_to(labels, "decider.labels")
    np.testing.assert_array_equal(extras.any(axis=1), [False, True])
    np.testing.assert_array_equal(np.flatnonzero(labels.any(axis=1)), [4])


def test_a_decision_without_extras_and_labels() -> None:
    decider = Decider(DeciderShape(3, 0, 1, 0, 0, hidden=6, outputs=4), {})
    decider.initialise(np.random.default_rng(1))
    gradients, words = Gradients(), np.arange(4)[:, None]
    scores, backward = decider.forward(UNITS, words, np.zeros((4, 0), np.int64), gradients)
    slots, output = decider.arrays("slots", "output")
    np.testing.assert_allclose(scores, np.maximum(UNITS @ slots, 0) @ output, rtol=1e-5, atol=1e-6)
    assert backward(np.ones_like(scores)).shape == UNITS.shape


def test_dropout_of_the_hidden_layer_is_of_the_training_only() -> None:
    decider, arguments = _decider(), (UNITS, UNIT_SLOTS, LABEL_SLOTS, Gradients())
    plain, _ = decider.forward(*arguments)
    np.testing.assert_array_equal(decider.forward(*arguments, 0.5)[0], plain)
    dropped, _ = decider.forward(*arguments, 0.5, np.random.default_rng(1))
    assert not np.allclose(dropped, plain)
