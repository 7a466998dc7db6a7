r"""Gradient checks: every analytic gradient against central differences.

`check` compares the gradients that a function computes with difference quotients of its value:

>>> import numpy as np
>>> from firth.learning import gradcheck
>>> def squared_length(x):
...     return np.sum(x**2), 2 * x
>>> gradcheck.check(squared_length, np.array([1.0, -2.0, 3.0]))[0].passed
True

`check_all` does this for a list of cases. The cases of the formulas are in `firth.learning.cases`, the cases
of the network in `firth.network.cases`. ``firth gradcheck`` checks both and prints the results.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from firth.arrays import Float64s
from firth.errors import InputError
from firth.learning.activations import as_floats

Function: TypeAlias = Callable[..., tuple[Any, ...]]
Point: TypeAlias = npt.ArrayLike | Mapping[str, npt.ArrayLike]
Make: TypeAlias = Callable[[np.random.Generator], tuple[Function, Point]]


class Case(NamedTuple):
    """A function whose gradients are checked by `check_all`.

    Attributes
    ----------
    name
        Its name in the results.
    make
        Takes a random generator, and returns the first two arguments of `check`: a function that computes a
        scalar and its gradients, and the point at which to check them.
    """

    name: str
    make: Make


# A central difference of step h has two errors: h²|f'''|/6, because h is not 0, and about ε|f|/h, because the
# values of f are rounded. Up to constants, their sum is smallest at h = ∛ε, where it is about ε^⅔ = 4e-11.
STEP = float(np.finfo(np.float64).eps) ** (1 / 3)

# An entry is at a kink if its slopes on the two sides differ by more than this share of the largest slope. At
# smooth points the slopes differ by rounding alone, a hundred times less.
KINK = 1e-4


@dataclass(frozen=True)
class GradientCheck:
    """The verdict on the gradient with respect to one argument.

    Attributes
    ----------
    name
        Name of the function.
    argument
        Name of the argument.
    shape
        Shape of the argument, and of the gradient.
    error
        The largest deviation of an entry, relative to the largest entry of the gradient; see `check`.
    kinks
        Number of entries at which the function has a kink.
    passed
        Whether the error is within the tolerance.
    """

    name: str
    argument: str
    shape: tuple[int, ...]
    error: float
    kinks: int
    passed: bool


def check(
    function: Function,
    point: Point,
    *,
    name: str | None = None,
    step: float = STEP,
    tolerance: float = 1e-6,
    floor: float = 1e-3,
) -> list[GradientCheck]:
    r"""Check the gradients that a function computes against central differences of its value.

    With :math:`g` the analytic gradient,
    :math:`\tilde g_i = (J(x + h_i e_i) - J(x - h_i e_i)) / 2h_i` the numerical one,
    :math:`s_i = \max(1, |x_i|)` and :math:`h_i = \mathtt{step} \cdot s_i`, the error is

    .. math::

        \max_i \frac{|g_i - \tilde g_i|}
             {\max(\|g\|_\infty,\; \|\tilde g\|_\infty,\; \mathtt{floor} \cdot \max(1, |J|) / s_i)}.

    The error is relative to the *largest* entry, because rounding disturbs all entries alike: small entries
    would fail if each were compared with itself. The floor lets gradients pass that are 0 but for rounding:
    deviations below ``tolerance · floor``, 1e-9 by default, pass. To check gradients that small, lower the
    floor, or scale the function up.

    At a kink (ReLU at 0) there is no derivative. An entry passes there if it lies between the slopes on the
    two sides, as a subgradient must. It is counted in `GradientCheck.kinks`.

    Parameters
    ----------
    function
        Returns a scalar and then its gradient with respect to each argument, in order:
        ``J, grad_1, grad_2, …``. To check an array-valued function, weight its entries at random and sum
        them. It must be deterministic, so a layer with dropout needs a fixed mask.
    point
        Where to check: one float64 array, with which ``function(point)`` is called, or several by name,
        with which ``function(**point)`` is called. It is called four times per entry, so keep it small.
    name
        The name of the function in the results; by default its own name.
    step
        The step for entries of size 1 or less. For larger entries it grows in proportion.
    tolerance
        The largest error that passes.
    floor
        See above.

    Returns
    -------
    list of GradientCheck
        One for each argument. A gradient with NaN or infinite entries has failed, with an infinite error.

    Raises
    ------
    InputError
        If the point is not finite float64, the value is not a finite float64 scalar, the gradients do not
        match the arguments in number and shape, or the function changes its arguments.

    Examples
    --------
    >>> import numpy as np
    >>> from firth.learning import gradcheck
    >>> def bilinear(a, b):
    ...     return a @ b, b, a
    >>> random = np.random.default_rng(1)
    >>> point = {"a": random.normal(size=3), "b": random.normal(size=3)}
    >>> [(result.argument, result.passed) for result in gradcheck.check(bilinear, point)]
    [('a', True), ('b', True)]
    >>> gradcheck.check(lambda a, b: (a @ b, -b, a), point)[0].passed  # the sign is wrong
    False
    """
    name = getattr(function, "__name__", "function") if name is None else name
    start = _arrays(point)
    arrays = {argument: array.copy() for argument, array in start.items()}

    def evaluate() -> tuple[Any, ...]:
        return function(**arrays) if isinstance(point, Mapping) else function(*arrays.values())

    result = evaluate()
    here = _value(result, name)
    gradients = _gradients(result, arrays, name)
    results = []
    for argument, array in arrays.items():
        sizes = np.maximum(1, np.abs(array))
        slopes = _slopes(lambda: _value(evaluate(), name), here, array, step * sizes)
        if not np.array_equal(array, start[argument]):
            raise InputError(f"{name} changes its argument {argument!r}: it must work on a copy")
        error, kinks = _compare(gradients[argument], slopes, floor * max(1.0, abs(here)) / sizes)
        results.append(GradientCheck(name, argument, array.shape, error, kinks, error <= tolerance))
    return results


def check_all(cases: Iterable[Case]) -> list[GradientCheck]:
    """Check the gradients of some cases, each at a random point, which is the same in every run."""
    return [
        result for case in cases for result in check(*case.make(np.random.default_rng(1)), name=case.name)
    ]


def _arrays(point: Point) -> dict[str, Float64s]:
    arrays = {}
    for argument, x in (point if isinstance(point, Mapping) else {"x": point}).items():
        array = as_floats(x, argument)
        if array.dtype != np.float64:
            raise InputError(f"{argument} has dtype {array.dtype}: differences need float64")
        arrays[argument] = array.astype(np.float64)
    return arrays


def _value(result: Any, name: str) -> float:
    if not isinstance(result, tuple) or not result:
        raise InputError(f"{name} returns {type(result).__name__}: it must return a value and its gradients")
    value = np.asarray(result[0])
    if value.shape or value.dtype != np.float64:
        raise InputError(
            f"the value of {name} is {value.shape} of {value.dtype}: it must be a float64 scalar"
        )
    if not np.isfinite(value):
        raise InputError(f"the value of {name} is {value} at or beside the point: choose another point")
    return float(value)


def _gradients(result: tuple[Any, ...], arrays: Mapping[str, Float64s], name: str) -> dict[str, Float64s]:
    if len(result) != 1 + len(arrays):
        raise InputError(
            f"{name} returns {len(result) - 1} gradients for {len(arrays)} arguments: it must return "
            f"one for each"
        )
    gradients = {}
    for (argument, array), gradient in zip(arrays.items(), result[1:], strict=True):
        gradients[argument] = np.array(gradient, dtype=np.float64)
        if gradients[argument].shape != array.shape:
            raise InputError(
                f"the gradient of {name} has shape {gradients[argument].shape} but {argument} has shape "
                f"{array.shape}: they must be the same"
            )
    return gradients


def _slopes(
    value: Callable[[], float], here: float, array: Float64s, steps: Float64s
) -> tuple[Float64s, Float64s, Float64s]:
    """Return the slopes of `value`, now `here`, by each entry of `array`: to the left, central, right."""
    left, central, right = (np.empty_like(array) for _ in range(3))

    def at(index: tuple[int, ...], x: float) -> float:
        array[index] = x
        return value()

    for index in np.ndindex(array.shape):
        x = float(array[index])
        # This h makes x + h exact: a float, without rounding.
        h = (x + float(steps[index])) - x
        far_left, near_left = at(index, x - h), at(index, x - h / 2)
        near_right, far_right = at(index, x + h / 2), at(index, x + h)
        array[index] = x
        central[index] = (far_right - far_left) / (2 * h)
        # Derivatives of the parabolas through the three points on each side. Only a kink makes them differ;
        # curvature does not.
        left[index] = (3 * here - 4 * near_left + far_left) / h
        right[index] = (-3 * here + 4 * near_right - far_right) / h
    return left, central, right


def _compare(
    gradient: Float64s, slopes: tuple[Float64s, Float64s, Float64s], floor: Float64s
) -> tuple[float, int]:
    """Return the error of `gradient` and the number of kinks."""
    if not np.isfinite(gradient).all():
        return float("inf"), 0
    left, central, right = slopes
    largest = max(np.abs(gradient).max(initial=0), np.abs(central).max(initial=0))
    scale = np.maximum(largest, floor)
    kinks = np.abs(right - left) > KINK * scale
    low = np.where(kinks, np.minimum(left, right), central)
    high = np.where(kinks, np.maximum(left, right), central)
    deviation = np.maximum(low - gradient, gradient - high)
    return float((deviation / scale).max(initial=0)), int(kinks.sum())
