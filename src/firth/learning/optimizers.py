r"""Optimisers: the steps that parameters take along their gradients.

Each has ``step(parameters, gradients)``, which changes the arrays of `parameters` in place. The learning
rate is the attribute ``lr``, which a training loop may change between steps: see `firth.learning.schedules`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from firth.arrays import Floats
from firth.errors import InputError


class SGD:
    r"""Plain stochastic gradient descent, :math:`\theta \leftarrow \theta - \alpha g`.

    Parameters
    ----------
    lr
        The learning rate α.
    """

    def __init__(self, lr: float) -> None:
        self.lr = _positive("lr", lr)

    def step(self, parameters: Mapping[str, Floats], gradients: Mapping[str, Floats]) -> None:
        """Take one step, in place.

        Parameters
        ----------
        parameters
            float32 or float64 arrays by name.
        gradients
            The gradient of each of them, of the same shape and dtype.

        Raises
        ------
        InputError
            If names, shapes or dtypes do not agree or a gradient is not finite; nothing is changed then.
        """
        _check(parameters, gradients)
        for name, parameter in parameters.items():
            parameter -= self.lr * gradients[name]


class Adam:
    r"""Adam: momentum, and a step length for each parameter (Kingma & Ba 2015, arXiv:1412.6980).

    .. math::

        m \leftarrow \beta_1 m + (1-\beta_1) g, \qquad
        v \leftarrow \beta_2 v + (1-\beta_2) g \odot g, \qquad
        \theta \leftarrow \theta - \alpha \frac{\hat m}{\sqrt{\hat v} + \varepsilon}

    where :math:`\hat m = m / (1 - \beta_1^t)` and :math:`\hat v = v / (1 - \beta_2^t)` at step t correct the
    bias of m and v, which start at 0.

    Parameters
    ----------
    lr
        The learning rate α. No parameter changes by much more than α in one step.
    beta1, beta2
        The decay rates of the running means of the gradient and of its square, in [0, 1).
    eps
        ε > 0, which keeps the divisor positive.

    Attributes
    ----------
    steps : int
        Number of steps taken, t.
    first, second : dict of str to array
        The running means m and v, by the name of the parameter. Together with `steps` they are the whole
        state: an optimiser with the same three values continues exactly.
    """

    def __init__(self, lr: float = 1e-3, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8) -> None:
        for name, beta in (("beta1", beta1), ("beta2", beta2)):
            if not 0 <= beta < 1:
                raise InputError(f"{name} is {beta}: it must be at least 0 and less than 1")
        self.lr = _positive("lr", lr)
        self.beta1, self.beta2, self.eps = beta1, beta2, _positive("eps", eps)
        self.steps = 0
        self.first: dict[str, Floats] = {}
        self.second: dict[str, Floats] = {}

    def step(self, parameters: Mapping[str, Floats], gradients: Mapping[str, Floats]) -> None:
        """Take one step, in place.

        Parameters
        ----------
        parameters
            float32 or float64 arrays by name: the same names and shapes at every step.
        gradients
            The gradient of each of them, of the same shape and dtype.

        Raises
        ------
        InputError
            If names, shapes or dtypes do not agree with each other or with the steps before, or a
            gradient is not finite; nothing is changed then.
        """
        _check(parameters, gradients)
        if not self.first:
            self.first = {name: np.zeros_like(parameter) for name, parameter in parameters.items()}
            self.second = {name: np.zeros_like(parameter) for name, parameter in parameters.items()}
        _agree(parameters, self.first, "running mean")
        self.steps += 1
        correction1 = 1 - self.beta1**self.steps
        correction2 = 1 - self.beta2**self.steps
        for name, parameter in parameters.items():
            g, m, v = gradients[name], self.first[name], self.second[name]
            m += (1 - self.beta1) * (g - m)
            v += (1 - self.beta2) * (g * g - v)
            parameter -= self.lr * (m / correction1) / (np.sqrt(v / correction2) + self.eps)


def _positive(name: str, value: float) -> float:
    if not 0 < value < float("inf"):
        raise InputError(f"{name} is {value}: it must be positive and finite")
    return value


def _check(parameters: Mapping[str, Floats], gradients: Mapping[str, Floats]) -> None:
    """Check parameters and gradients before anything is changed."""
    _agree(parameters, gradients, "gradient")
    for name, parameter in parameters.items():
        if not parameter.flags.writeable:
            raise InputError(f"the parameter {name!r} is read-only: copy it before training")
        for array, role in ((parameter, "parameter"), (gradients[name], "gradient")):
            # A sum of squares is finite only if every square is. It takes one pass, and no temporary array.
            with np.errstate(all="ignore"):
                finite = np.isfinite(np.vdot(array, array))
            if not finite:
                raise InputError(f"the {role} {name!r} is not finite, or its square overflows {array.dtype}")


def _agree(parameters: Mapping[str, Floats], others: Mapping[str, Floats], what: str) -> None:
    """Check that `others`, called `what` in errors, have the names, shapes and dtypes of `parameters`."""
    if odd := sorted(parameters.keys() ^ others.keys()):
        missing = "parameter" if odd[0] in others else what
        raise InputError(f"{odd[0]!r} has no {missing}: parameters and {what}s must have the same names")
    for name, parameter in parameters.items():
        other = others[name]
        for array, role in ((parameter, "parameter"), (other, what)):
            if not isinstance(array, np.ndarray) or array.dtype not in (np.float32, np.float64):
                kind = getattr(array, "dtype", type(array).__name__)
                raise InputError(f"the {role} {name!r} is {kind}: it must be a float32 or float64 array")
        if parameter.shape != other.shape or parameter.dtype != other.dtype:
            raise InputError(
                f"{name!r} is {parameter.shape} of {parameter.dtype} but its {what} is {other.shape} of "
                f"{other.dtype}: shape and dtype must agree"
            )
