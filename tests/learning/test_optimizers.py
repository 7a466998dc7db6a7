"""Optimisers: first steps by hand, PyTorch's optimisers, resuming, schedules, bad input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from firth import FirthError
from firth.learning.optimizers import SGD, Adam


def test_sgd_by_hand() -> None:
    w = np.array([1.0, 2.0])
    SGD(0.5).step({"w": w}, {"w": np.array([2.0, -2.0])})
    np.testing.assert_array_equal(w, [0, 3])


def test_first_step_of_adam_is_the_learning_rate_in_every_direction() -> None:
    # m̂ = g and v̂ = g² after one step: only the sign of the gradient is left.
    w = np.zeros(3)
    Adam(lr=0.1).step({"w": w}, {"w": np.array([1e-3, -5.0, 2e4])})
    np.testing.assert_allclose(w, [-0.1, 0.1, -0.1], rtol=1e-4)


def test_adam_is_its_formula() -> None:
    random = np.random.default_rng(0)
    w = random.normal(size=4)
    theta, m, v = w.copy(), np.zeros(4), np.zeros(4)
    adam = Adam(lr=0.02, beta1=0.8, beta2=0.95, eps=1e-3)
    for t in range(1, 6):
        g = random.normal(size=4)
        adam.step({"w": w}, {"w": g})
        m = 0.8 * m + 0.2 * g
        v = 0.95 * v + 0.05 * g * g
        theta -= 0.02 * (m / (1 - 0.8**t)) / (np.sqrt(v / (1 - 0.95**t)) + 1e-3)
    np.testing.assert_allclose(w, theta, rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_agrees_with_pytorch(dtype: type) -> None:
    torch = pytest.importorskip("torch")
    random = np.random.default_rng(1)
    start = {"U": random.normal(size=(3, 4)).astype(dtype), "b": random.normal(size=5).astype(dtype)}
    for ours, theirs in (
        (Adam(lr=0.03), lambda p: torch.optim.Adam(p, lr=0.03)),
        (SGD(0.03), lambda p: torch.optim.SGD(p, lr=0.03)),
    ):
        parameters = {name: array.copy() for name, array in start.items()}
        tensors = {name: torch.tensor(array, requires_grad=True) for name, array in start.items()}
        optimizer = theirs(list(tensors.values()))
        for _ in range(50):
            gradients = {name: random.normal(size=a.shape).astype(dtype) for name, a in start.items()}
            ours.step(parameters, gradients)
            for name, tensor in tensors.items():
                tensor.grad = torch.tensor(gradients[name])
            optimizer.step()
        for name, tensor in tensors.items():
            tolerance = 1e-5 if dtype == np.float32 else 1e-11
            np.testing.assert_allclose(parameters[name], tensor.detach().numpy(), atol=tolerance)
            assert parameters[name].dtype == dtype


def test_steps_go_downhill_in_place() -> None:
    for optimizer in (Adam(lr=0.05), SGD(0.05)):
        w = np.array([3.0, -4.0])
        parameters = {"w": w}
        for _ in range(300):
            optimizer.step(parameters, {"w": 2 * w})
        assert parameters["w"] is w
        assert np.abs(w).max() < 1e-3


def test_adam_resumes_exactly_from_its_state() -> None:
    random = np.random.default_rng(2)
    gradients = random.normal(size=(6, 3))
    w, straight = np.ones(3), Adam()
    for g in gradients:
        straight.step({"w": w}, {"w": g})
    resumed, first = np.ones(3), Adam()
    for g in gradients[:4]:
        first.step({"w": resumed}, {"w": g})
    second = Adam()
    second.steps, second.first, second.second = first.steps, first.first, first.second
    for g in gradients[4:]:
        second.step({"w": resumed}, {"w": g})
    np.testing.assert_array_equal(resumed, w)


def test_adam_keeps_its_means_where_they_are_put() -> None:
    w, alone = np.ones(3), np.ones(3)
    first, second = np.zeros(6), np.zeros(6)  # of a larger matrix, of which w is a part
    g = np.array([1.0, -2.0, 3.0])
    for steps in range(2):
        adam = Adam()
        adam.steps, adam.first, adam.second = steps, {"w": first[:3]}, {"w": second[:3]}
        adam.step({"w": w}, {"w": g})
    np.testing.assert_allclose(first, [*(1 - 0.9**2) * g, 0, 0, 0])
    np.testing.assert_allclose(second, [*(1 - 0.999**2) * g * g, 0, 0, 0])
    straight = Adam()
    for _ in range(2):
        straight.step({"w": alone}, {"w": g})
    np.testing.assert_array_equal(w, alone)


def test_the_learning_rate_may_change_between_steps() -> None:
    sgd = SGD(0.5)
    sgd.lr = 0.25
    w = np.ones(1)
    sgd.step({"w": w}, {"w": np.ones(1)})
    assert w == 0.75


ONES = np.ones((2, 3))


@pytest.mark.parametrize(
    ("parameter", "gradient", "message"),
    [
        (ONES, np.ones((3, 2)), r"'w' is \(2, 3\) of float64 but its gradient is \(3, 2\)"),
        (ONES, np.ones((2, 3), np.float32), "its gradient is .* of float32"),
        (ONES, np.ones((2, 3), np.float16), "the gradient 'w' is float16"),
        (ONES, np.ones((2, 3), int), "the gradient 'w' is int64"),
        ([1.0], [1.0], "the parameter 'w' is list"),
        (ONES, np.full((2, 3), np.nan), "the gradient 'w' is not finite"),
        (ONES, np.full((2, 3), -np.inf), "the gradient 'w' is not finite"),
        (np.full((2, 3), np.nan), ONES, "the parameter 'w' is not finite"),
        (np.float32([1]), np.float32([1e30]), "its square overflows float32"),
        (np.broadcast_to(1.0, (2, 3)), ONES, "the parameter 'w' is read-only"),
    ],
)
@pytest.mark.parametrize("make", [Adam, lambda: SGD(0.1)], ids=["adam", "sgd"])
def test_bad_input_changes_nothing(make: Any, parameter: Any, gradient: Any, message: str) -> None:
    before = np.array(parameter)
    good = np.ones(2)
    optimizer = make()
    with pytest.raises(FirthError, match=message) as caught:
        optimizer.step({"good": good, "w": parameter}, {"good": np.ones(2), "w": gradient})
    assert "\n" not in str(caught.value)
    np.testing.assert_array_equal(parameter, before)
    np.testing.assert_array_equal(good, 1)
    assert getattr(optimizer, "steps", 0) == 0


def test_names_must_agree() -> None:
    with pytest.raises(FirthError, match="'b' has no gradient"):
        SGD(0.1).step({"a": np.ones(1), "b": np.ones(1)}, {"a": np.ones(1)})
    with pytest.raises(FirthError, match="'b' has no parameter"):
        SGD(0.1).step({"a": np.ones(1)}, {"a": np.ones(1), "b": np.ones(1)})
    adam = Adam()
    adam.step({"a": np.ones(1)}, {"a": np.ones(1)})
    with pytest.raises(FirthError, match="parameters and running means must have the same names"):
        adam.step({"b": np.ones(1)}, {"b": np.ones(1)})
    with pytest.raises(FirthError, match=r"its running mean is \(1,\)"):
        adam.step({"a": np.ones(2)}, {"a": np.ones(2)})
    assert adam.steps == 1


@pytest.mark.parametrize(
    "make",
    [
        lambda: SGD(0),
        lambda: SGD(float("nan")),
        lambda: SGD(float("inf")),
        lambda: Adam(lr=-1),
        lambda: Adam(beta1=1),
        lambda: Adam(beta2=-0.1),
        lambda: Adam(eps=0),
    ],
)
def test_settings_that_make_no_sense_are_refused(make: Any) -> None:
    with pytest.raises(FirthError, match=" is "):
        make()
