"""The parameters of a network: their shapes and how they begin."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from firth.arrays import Floats

Parameters: TypeAlias = dict[str, Floats]
Shapes: TypeAlias = dict[str, tuple[int, ...]]


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


def glorot(random: np.random.Generator, rows: int, columns: int) -> Floats:
    """Return weights that keep the variance of what passes, forward and back (Glorot & Bengio 2010)."""
    return random.normal(size=(rows, columns), scale=np.sqrt(2 / (rows + columns)))
