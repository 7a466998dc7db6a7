"""Parameters as a model file keeps them: matrices in 8 bits, vectors in floats.

A matrix becomes whole numbers from -127 to 127 (int8) under its own name, and one float scale for each row or
each column under ``NAME/scales``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from firth.arrays import Arrays
from firth.compute.quantized import whole_numbers
from firth.files.records import ArrayRecord, check_arrays
from firth.network.parameters import Parameters, ParameterSpec


def pack(parameters: Parameters, specs: Iterable[ParameterSpec]) -> dict[str, npt.NDArray[Any]]:
    """Return parameters as a model file keeps them.

    A multiplied matrix has a scale for each column, just as `firth.compute.quantized.quantize` rounds it when
    the network is at work.
    """
    arrays: dict[str, npt.NDArray[Any]] = {}
    for spec in specs:
        array = parameters[spec.name]
        if spec.scale_axis is None:
            arrays[spec.name] = array
        else:
            codes, arrays[_scales(spec)] = whole_numbers(array, axis=1 - spec.scale_axis)
            arrays[spec.name] = codes.astype(np.int8)
    return arrays


def unpack(arrays: Arrays, specs: Iterable[ParameterSpec]) -> Parameters:
    """Restore what `pack` made.

    Raises
    ------
    InputError
        An array is missing, or is not of the type and shape that its spec asks for. Kernels do not check
        what they are given.
    """
    parameters: Parameters = {}
    for spec in specs:
        check_arrays(arrays, _records(spec))
        array = arrays[spec.name]
        parameters[spec.name] = (
            array.astype(np.float32) if spec.scale_axis is None else array * arrays[_scales(spec)]
        )
    return parameters


def round_parameters(parameters: Parameters, specs: Iterable[ParameterSpec]) -> None:
    """Round parameters, in place, to what a model file keeps of them."""
    specs = list(specs)
    for name, rounded in unpack(pack(parameters, specs), specs).items():
        parameters[name][:] = rounded


def _records(spec: ParameterSpec) -> Iterator[ArrayRecord]:
    """Yield what a file holds of a parameter."""
    if spec.scale_axis is None:
        yield ArrayRecord(spec.name, np.float32, spec.shape)
    else:
        yield ArrayRecord(spec.name, np.int8, spec.shape)
        n_scales = spec.shape[spec.scale_axis]
        yield ArrayRecord(_scales(spec), np.float32, (n_scales, 1) if spec.scale_axis == 0 else (1, n_scales))


def _scales(spec: ParameterSpec) -> str:
    return f"{spec.name}/scales"
