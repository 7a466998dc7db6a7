"""The compiled loops of the layers compute what plain NumPy does, and write nowhere else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from firth.compute.quantized import multiply, quantize, whole_numbers
from firth.learning.optimizers import Adam
from firth.network import kernels, layers
from firth.network.runner import SPARE_ROWS

GUARD = 64
"""Entries around the array that a kernel is given, to see that it leaves them alone."""


def _guarded(*shape: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a float32 array, and the memory that it lies in the middle of."""
    memory = np.full(int(np.prod(shape)) + 2 * GUARD, -7, np.float32)
    return memory[GUARD:-GUARD].reshape(shape), memory


def _is_intact(memory: np.ndarray) -> bool:
    return bool((memory[:GUARD] == -7).all() and (memory[-GUARD:] == -7).all())


def _normal(*shape: int, dtype: type = np.float32) -> np.ndarray:
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("ids", [[], [2], [0, 2, 0, 0, 3]], ids=str)
def test_add_rows(ids: list[int], dtype: type) -> None:
    target, rows = _normal(4, 5, dtype=dtype), _normal(len(ids), 5, dtype=dtype)
    expected = target.copy()
    np.add.at(expected, np.array(ids, np.int64), rows)
    kernels.add_rows(target, np.array(ids, np.int64), rows)
    np.testing.assert_allclose(target, expected, rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_adam_step_is_that_of_the_optimizer_on_the_loss_with_its_penalty(dtype: type) -> None:
    scale, l2, lr, beta1, beta2, eps = 0.25, 0.1, 0.02, 0.8, 0.95, 1e-3
    parameter = _normal(50, dtype=dtype)
    expected, adam = parameter.copy(), Adam(lr, beta1, beta2, eps)
    gradient, first, second = (np.zeros_like(parameter) for _ in range(3))
    for t in range(1, 5):
        g = np.random.default_rng(t).normal(size=50).astype(dtype)
        gradient += g
        adam.step({"w": expected}, {"w": dtype(scale) * g + dtype(l2) * expected})
        numbers = (scale, l2, lr, beta1, beta2, eps, 1 - beta1**t, 1 - beta2**t)
        kernels.adam_step(parameter, gradient, first, second, *map(dtype, numbers))
        np.testing.assert_array_equal(gradient, 0)
    tolerance = 1e-5 if dtype == np.float32 else 1e-12
    np.testing.assert_allclose(parameter, expected, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(first, adam.first["w"], rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(second, adam.second["w"], rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_means_of_what_has_long_been_zero_come_to_rest_at_zero(dtype: type) -> None:
    """And not at numbers so small that processors are slow with them."""
    parameter, gradient, first, second = (np.full(20, 1e-3, dtype) for _ in range(4))
    numbers = [dtype(number) for number in (1, 0, 0.01, 0.5, 0.9, 1e-8, 1, 1)]
    for _ in range(1000):
        kernels.adam_step(parameter, gradient, first, second, *numbers)
    np.testing.assert_array_equal([first, second], 0)
    assert np.isfinite(parameter).all()


UNITS, LABELS = np.array([[0, 3, 3], [2, 2, 2], [0, 1, 0]]), np.array([[1, 0], [1, 1], [0, 1]])
NO_LABELS = np.zeros((3, 0), np.int64)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("labels", [LABELS, NO_LABELS], ids=["labels", "no labels"])
def test_slots(labels: np.ndarray, dtype: type) -> None:
    hidden = 7
    products, bias = _normal(4, 3 * hidden, dtype=dtype), _normal(hidden, dtype=dtype)
    label_table = _normal(2, labels.shape[1] * hidden, dtype=dtype)
    by_unit = products.reshape(4, 3, hidden)
    by_label = label_table.reshape(2, -1, hidden)
    slot, label_slot = np.arange(3), np.arange(labels.shape[1])
    y = kernels.sum_slots(products, UNITS, label_table, labels, bias)
    assert y.dtype == dtype
    expected = bias + by_unit[UNITS, slot].sum(axis=1) + by_label[labels, label_slot].sum(axis=1)
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-6)

    dy = _normal(3, hidden, dtype=dtype)
    dproducts, dlabels = products.copy(), label_table.copy()
    kernels.spread_slots(dy, dproducts, UNITS, dlabels, labels)
    np.add.at(by_unit, (UNITS, slot), dy[:, None])
    np.add.at(by_label, (labels, label_slot), dy[:, None])
    np.testing.assert_allclose(dproducts, products, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(dlabels, label_table, rtol=1e-5, atol=1e-6)


def _rounded(x: np.ndarray, axis: int) -> np.ndarray:
    """Return a matrix as it is in 8 bits."""
    return np.multiply(*whole_numbers(x, axis))


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 5, 10, 11])
@pytest.mark.parametrize(("width", "taps", "columns"), [(16, 1, 16), (16, 3, 64), (32, 2, 80), (192, 3, 144)])
def test_multiply(n: int, width: int, taps: int, columns: int) -> None:
    x, weight = _normal(n + taps - 1, width), _normal(taps * width, columns)
    x[: n // 2] *= 100  # each row has its own scale
    x[: n // 4] = 0
    y, memory = _guarded(-(-n // 4) * 4, columns)
    multiply(y, x, n, quantize(weight, taps))
    windows = np.array([_rounded(x, 1)[i : i + taps].reshape(-1) for i in range(n)]).reshape(n, taps * width)
    exact = windows.astype(np.float64) @ _rounded(weight, 0)
    np.testing.assert_allclose(y[:n], exact, rtol=1e-5, atol=1e-5 * np.abs(exact).max(initial=0))
    assert _is_intact(memory)


def test_eight_bits_are_enough() -> None:
    x, weight = _normal(100, 192), _normal(192, 64)
    y = np.zeros((100, 64), np.float32)
    multiply(y, x, 100, quantize(weight))
    assert np.std(y - x @ weight) < 0.012 * np.std(x @ weight)


def test_a_rounded_matrix_stays_as_it_is() -> None:
    weight = _rounded(_normal(32, 16), 0)
    y = np.zeros((32, 16), np.float32)
    multiply(y, np.eye(32, dtype=np.float32), 32, quantize(weight))
    np.testing.assert_allclose(y, weight, rtol=1e-6, atol=1e-7)


LENGTHS = [[1], [2, 1], [3, 4], [1, 1, 1, 1], [6, 1, 5]]


@pytest.mark.parametrize("lengths", LENGTHS, ids=str)
def test_embed(lengths: list[int]) -> None:
    n, n_rows, width = sum(lengths), sum(lengths) + len(lengths) + 1, 16
    random = np.random.default_rng(1)
    ids = np.stack([random.integers(3, size=n), random.integers(5, size=n)], axis=1)
    table, gain, shift = _normal(8, width), _normal(width), _normal(width)
    rows, memory = _guarded(n_rows, width)
    kernels.embed(ids, np.array([0, 3]), table, gain, shift, layers.EPSILON, np.array(lengths), rows)
    expected, _ = layers.layer_norm(table[ids[:, 0]] + table[3 + ids[:, 1]], gain, shift)
    units = np.concatenate([np.full(length, k) for k, length in enumerate(lengths)]) + np.arange(n) + 1
    np.testing.assert_allclose(rows[units], expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(np.delete(rows, units, axis=0), 0)
    assert _is_intact(memory)


def _convolved(lengths: list[int], width: int) -> tuple[np.ndarray, np.ndarray, tuple[np.ndarray, ...]]:
    """Run the kernel; return the rows before and after, and the parameters."""
    n_rows = sum(lengths) + len(lengths) + 1
    parameters = (_normal(3 * width, width), *(_normal(width + k)[:width] for k in range(3)))
    rows, memory = _guarded(n_rows + SPARE_ROWS, width)
    space, more_memory = _guarded(n_rows + SPARE_ROWS, width)
    rows[:] = _normal(*rows.shape)
    ends = np.cumsum([0, *(length + 1 for length in lengths)])
    rows[ends] = rows[n_rows:] = 0
    before = rows.copy()
    weight, *others = parameters
    kernels.convolve(rows, space, quantize(weight, 3), *others, layers.EPSILON, np.array(lengths))
    assert _is_intact(memory)
    assert _is_intact(more_memory)
    np.testing.assert_array_equal(rows[n_rows:], 0)
    np.testing.assert_array_equal(rows[ends], 0)
    return before[:n_rows], rows[:n_rows], parameters


@pytest.mark.parametrize("lengths", LENGTHS, ids=str)
@pytest.mark.parametrize("width", [16, 80])
def test_convolve(lengths: list[int], width: int) -> None:
    before, after, (weight, bias, gain, shift) = _convolved(lengths, width)
    y, _ = layers.convolution(_rounded(before, 1), _rounded(weight, 0), bias)
    y, _ = layers.layer_norm(np.maximum(y, 0), gain, shift)
    y[np.cumsum([0, *(length + 1 for length in lengths)])] = 0
    np.testing.assert_allclose(after, before + y, rtol=1e-4, atol=1e-4)


def test_plain_python_computes_the_same(tmp_path: Path) -> None:
    """With NUMBA_DISABLE_JIT=1 the same code runs uncompiled."""
    program = """
import sys
import numpy as np
sys.path.insert(0, sys.argv[1])
import test_kernels as t
f = np.float32
target = t._normal(4, 5)
t.kernels.add_rows(target, np.array([1, 3, 1]), t._normal(3, 5))
adam = [t._normal(6 + k)[:6] ** 2 for k in range(4)]
t.kernels.adam_step(*adam, *map(f, (0.5, 0.1, 0.01, 0.9, 0.99, 1e-8, 0.1, 0.01)))
y = t.kernels.sum_slots(t._normal(4, 12), t.UNITS, t._normal(2, 8), t.LABELS, t._normal(4))
dproducts, dlabels = np.zeros((4, 12), f), np.zeros((2, 8), f)
t.kernels.spread_slots(y, dproducts, t.UNITS, dlabels, t.LABELS)
_, convolved, _ = t._convolved([2, 3], 16)
t.test_embed([3, 4])
results = dict(target=target, adam=adam, y=y, dproducts=dproducts, dlabels=dlabels, convolved=convolved)
np.savez(sys.argv[2], **results)
"""
    results = []
    for plain in ("0", "1"):
        out = str(tmp_path / f"{plain}.npz")
        environment = os.environ | {"NUMBA_DISABLE_JIT": plain}
        command = [sys.executable, "-c", program, str(Path(__file__).parent), out]
        subprocess.run(command, env=environment, check=True)
        results.append(dict(np.load(out)))
    compiled, plain_python = results
    for name in compiled:
        np.testing.assert_allclose(compiled[name], plain_python[name], rtol=1e-5, atol=1e-6, err_msg=name)
