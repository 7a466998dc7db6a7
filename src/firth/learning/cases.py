"""Gradient checks of the activations and objectives, each at a small random point."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from firth.arrays import Float64s, Floats
from firth.learning import activations, objectives
from firth.learning.gradcheck import Case, Function, Make, Point
from firth.learning.phrase_objective import L2Normalize, phrase_loss


def _elementwise(
    function: Callable[[npt.ArrayLike], Any], derivative: Callable[[npt.ArrayLike], Any]
) -> Make:
    """Make the case of an activation: the weighted sum of its values at random points and at 0."""

    def make(random: np.random.Generator) -> tuple[Function, Point]:
        x = random.normal(scale=3, size=(4, 5))
        x[0, 0] = 0
        weights = random.uniform(0.5, 1.5, size=x.shape)
        return lambda x: (np.sum(weights * function(x)), weights * derivative(x)), x

    return make


def _softmax(random: np.random.Generator) -> tuple[Function, Point]:
    weights = random.normal(size=(3, 5))

    def weighted(x: Float64s) -> tuple[Any, ...]:
        jacobian = activations.softmax_gradient(x)
        return np.sum(weights * activations.softmax(x)), np.einsum("ri,rij->rj", weights, jacobian)

    return weighted, random.normal(size=weights.shape)


def _pair(random: np.random.Generator) -> dict[str, Float64s]:
    return {"center": random.normal(size=4), "U": random.normal(size=(6, 4))}


def _naive_softmax(random: np.random.Generator) -> tuple[Function, Point]:
    return lambda center, U: objectives.naive_softmax(center, 2, U), _pair(random)


def _negative_sampling(negatives: list[int]) -> Make:
    return lambda random: (
        lambda center, U: objectives.negative_sampling(center, 2, negatives, U),
        _pair(random),
    )


def _skip_gram(outsides: list[int], **options: Any) -> Make:
    def make(random: np.random.Generator) -> tuple[Function, Point]:
        point = {"V": random.normal(size=(6, 4)), "U": random.normal(size=(6, 4))}
        return lambda V, U: objectives.skip_gram(1, outsides, V, U, **options), point

    return make


# Word 3 is in the window twice. The centre word, 1, is among its own neighbours.
_WINDOW = [3, 0, 1, 3]
_DRAWN = [[4, 4, 0], [0, 5, 2], [1, 3, 1], [5, 3, 2]]


def _phrase_loss(labels: int | list[int], l2_normalize: L2Normalize) -> Make:
    def make(random: np.random.Generator) -> tuple[Function, Point]:
        factors, weights = random.uniform(0.5, 1.5, size=3), random.uniform(0.5, 1.5, size=4)
        point = {
            "vectors": random.normal(size=(3, 5)),
            "outside": random.normal(size=(4, 5)),
            "bias": random.normal(size=4),
        }

        def loss(vectors: Floats, outside: Floats, bias: Floats) -> tuple[Any, ...]:
            return phrase_loss(
                vectors, factors, outside, bias, labels, l2_normalize=l2_normalize, weights=weights
            )

        return loss, point

    return make


_NORMALIZED: tuple[L2Normalize, ...] = ("none", "words", "phrase")

CASES = (
    Case("sigmoid", _elementwise(activations.sigmoid, activations.sigmoid_gradient)),
    Case("log_sigmoid", _elementwise(activations.log_sigmoid, activations.log_sigmoid_gradient)),
    Case("relu", _elementwise(activations.relu, activations.relu_gradient)),
    Case("leaky_relu", _elementwise(activations.leaky_relu, activations.leaky_relu_gradient)),
    Case("cube", _elementwise(activations.cube, activations.cube_gradient)),
    Case("softmax", _softmax),
    Case("naive_softmax", _naive_softmax),
    Case("negative_sampling", _negative_sampling([0, 5, 3])),
    Case("negative_sampling, repeats", _negative_sampling([4, 1, 4, 4, 1])),
    Case("negative_sampling, outside drawn", _negative_sampling([2, 0, 2, 5])),
    Case("skip_gram, naive_softmax, repeats", _skip_gram(_WINDOW)),
    Case(
        "skip_gram, negative_sampling, repeats",
        _skip_gram(_WINDOW, objective="negative_sampling", negatives=_DRAWN),
    ),
    *(
        Case(f"phrase_loss, {kind}, l2_normalize={normalize}", _phrase_loss(labels, normalize))
        for normalize in _NORMALIZED
        for kind, labels in (("softmax", 2), ("several labels", [0, 3]))
    ),
)
"""All gradients of this room."""
