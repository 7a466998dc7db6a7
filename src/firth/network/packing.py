"""Parameters as a model file keeps them: matrices in 8 bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from firth.arrays import Arrays
from firth.compute.quantized import whole_numbers
from firth.network.parameters import Parameters

_SCALES = "/scales"
_BY_ROW = ("table", "labels", "extras")


def pack(parameters: Parameters) -> dict[str, npt.NDArray[Any]]:
    """Return parameters as a model file keeps them: matrices in 8 bits.

    They have a scale for each row if rows are looked up, and otherwise for each column, just as
    `firth.compute.quantized.quantize` rounds them when the network is at work.
    """
    arrays: dict[str, npt.NDArray[Any]] = {}
    for name, array in parameters.items():
        if array.ndim < 2:
            arrays[name] = array
        else:
            axis = 1 if set(name.split(".")) & set(_BY_ROW) else 0
            codes, arrays[name + _SCALES] = whole_numbers(array, axis)
            arrays[name] = codes.astype(np.int8)
    return arrays


def unpack(arrays: Arrays) -> Parameters:
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


def round_parameters(parameters: Parameters) -> None:
    """Round parameters, in place, to what a model file keeps of them."""
    for name, rounded in unpack(pack(parameters)).items():
        parameters[name][:] = rounded
