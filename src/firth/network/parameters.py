"""The parameters of a network: their names, their shapes, how they begin and how files round them.

Each part of a network lists its parameters once, as `ParameterSpec`. Random beginnings, checks of what comes
from a file, and 8-bit files (`firth.network.packing`) all follow from that list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from firth.arrays import Floats

Parameters: TypeAlias = dict[str, Floats]
"""Parameters by name."""

Initialiser: TypeAlias = Callable[[np.random.Generator, tuple[int, ...]], Floats]
"""Makes the first values of a parameter of some shape."""


@dataclass(frozen=True)
class ParameterSpec:
    """One parameter of a network.

    Attributes
    ----------
    name
        Its name among all parameters of the network.
    shape
        Its shape.
    initialiser
        Makes its first values.
    scale_axis
        Along which axis the scales run when a file keeps it in 8 bits: 0 for a scale a row (a table whose
        rows are looked up), 1 for a scale a column (a matrix that is multiplied with). None: the file keeps
        it in floats.
    """

    name: str
    shape: tuple[int, ...]
    initialiser: Initialiser
    scale_axis: int | None = None


def initialise(parameters: Parameters, specs: Iterable[ParameterSpec], random: np.random.Generator) -> None:
    """Set parameters to their first values, drawn in the order of `specs`."""
    for spec in specs:
        parameters[spec.name] = spec.initialiser(random, spec.shape).astype(np.float32)


def zeros(random: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """Return zeros; an `Initialiser`."""
    return np.zeros(shape)


def ones(random: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """Return ones; an `Initialiser`."""
    return np.ones(shape)


def normal(scale: float = 1.0) -> Initialiser:
    """Return an initialiser that draws from a normal distribution of mean 0."""
    return lambda random, shape: random.normal(size=shape, scale=scale)


def glorot(gain: float = 1.0) -> Initialiser:
    """Return an initialiser of weights (inputs, outputs).

    It keeps the variance of what passes through them, forward and back (Glorot & Bengio 2010), or makes it
    ``gain ** 2`` times as large.
    """

    def draw(random: np.random.Generator, shape: tuple[int, ...]) -> Floats:
        # The gain is applied afterwards: as a part of `scale` it would round differently.
        return random.normal(size=shape, scale=np.sqrt(2 / sum(shape))) * gain

    return draw
