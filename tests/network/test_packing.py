"""Parameters in 8 bits: how they are rounded follows from their specs, never from their names."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from firth.errors import InputError
from firth.network.decider import Decider, DeciderShape
from firth.network.encoder import Encoder, EncoderShape
from firth.network.packing import pack, round_parameters, unpack
from firth.network.parameters import Parameters, ParameterSpec, initialise, normal, zeros

SPECS = (
    ParameterSpec("weight", (4, 3), normal(), scale_axis=1),
    ParameterSpec("rows", (4, 3), normal(), scale_axis=0),
    ParameterSpec("bias", (3,), zeros),
)
# Names that once decided along which axis a matrix was rounded.
NAMES = ("table", "labels", "extras", "weight.table.0", "decider.labels", "output")


def _made(specs: tuple[ParameterSpec, ...] = SPECS, seed: int = 1) -> Parameters:
    parameters: Parameters = {}
    initialise(parameters, specs, np.random.default_rng(seed))
    return parameters


def _network() -> tuple[Parameters, list[ParameterSpec]]:
    parameters: Parameters = {}
    parts = (
        Encoder(EncoderShape(((9, 5), (4, 3)), 6, 16, 2), parameters),
        Decider(DeciderShape(16, 2, slots=3, label_slots=1, labels=5, hidden=6, outputs=4), parameters),
    )
    random = np.random.default_rng(1)
    for part in parts:
        part.initialise(random)
    return parameters, [spec for part in parts for spec in part.specs()]


def test_specs_name_all_parameters() -> None:
    parameters, specs = _network()
    assert {spec.name: spec.shape for spec in specs} == {
        name: array.shape for name, array in parameters.items()
    }
    assert all((spec.scale_axis is None) == (len(spec.shape) == 1) for spec in specs)


def test_packed_parameters() -> None:
    parameters, specs = _network()
    rounded = unpack(pack(parameters, specs), specs)
    for spec in specs:
        array = parameters[spec.name]
        assert rounded[spec.name].dtype == np.float32
        axis = 1 if {"table", "labels", "extras"} & set(spec.name.split(".")) else 0
        step = np.abs(array).max(axis=axis, keepdims=True) / 127 if array.ndim == 2 else 0
        assert (np.abs(rounded[spec.name] - array) <= 0.51 * step).all()
    again = unpack(pack(rounded, specs), specs)
    round_parameters(parameters, specs)
    for name, array in rounded.items():
        np.testing.assert_array_equal(parameters[name], array)
        np.testing.assert_allclose(again[name], array, rtol=1e-6, err_msg=name)


def test_scales_run_along_their_axis() -> None:
    packed = pack(_made(), SPECS)
    assert {name: array.shape for name, array in packed.items()} == {
        "weight": (4, 3), "weight/scales": (1, 3), "rows": (4, 3), "rows/scales": (4, 1), "bias": (3,),
    }  # fmt: skip
    assert {name for name, array in packed.items() if array.dtype == np.int8} == {"weight", "rows"}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("spec", SPECS[:2], ids=lambda spec: spec.name)
def test_another_name_changes_no_rounding(spec: ParameterSpec, name: str) -> None:
    renamed = replace(spec, name=name)
    array = _made((spec,))[spec.name]
    expected, found = {spec.name: array.copy()}, {name: array.copy()}
    round_parameters(expected, [spec])
    round_parameters(found, [renamed])
    np.testing.assert_array_equal(found[name], expected[spec.name])
    assert not np.array_equal(found[name], array)


def test_specs_are_drawn_in_their_order() -> None:
    first, again, turned = _made(), _made(), _made((SPECS[1], SPECS[0], SPECS[2]))
    np.testing.assert_array_equal(first["weight"], again["weight"])
    np.testing.assert_array_equal(first["weight"], turned["rows"])
    assert not np.array_equal(first["weight"], first["rows"])


@pytest.mark.parametrize("name", ["weight", "weight/scales", "rows/scales", "bias"])
def test_arrays_that_do_not_fit_are_refused(name: str) -> None:
    arrays = pack(_made(), SPECS)
    with pytest.raises(InputError, match=f"its array '{name}' is missing"):
        unpack({key: array for key, array in arrays.items() if key != name}, SPECS)
    for wrong in (arrays[name][:-1], arrays[name][..., None], arrays[name].astype(np.float64)):
        with pytest.raises(InputError, match=f"its array '{name}' is"):
            unpack(arrays | {name: wrong}, SPECS)
