"""The logistic step of negative sampling, 16 scores at a time."""

from __future__ import annotations

import math

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from firth.compute.emitter import INT, VECTOR, Emitter
from firth.compute.lanes import LANES, pick

_LOG2_E = math.log2(math.e)
# Taylor series of 2**f. Its error on [-1/2, 1/2] is below 1.3e-7.
_EXP2 = [math.log(2.0) ** k / math.factorial(k) for k in range(7)]
# Series of artanh(z) / z in z**2. Its error on [0, 1/3] is below 1.7e-7.
_ARTANH = [1.0 / k for k in (1, 3, 5, 7, 9, 11)]


def _logistic_step(
    scores: np.ndarray, scores_at: int, first: int, last: int, middle: int,
    weight: np.float32, slope: np.float32, sign: np.float32, lr: np.float32,
    losses: np.ndarray, losses_at: int,
) -> None:  # fmt: skip
    """Turn 16 scores into the factors of their gradients, in place, and add their losses to 16 sums.

    The loss of a score x = u'v is ``-w log sigmoid(sign x)``. Its factor is
    ``f = sign w lr (1 - sigmoid(sign x))``: the step of v is f u, and the step of u is f v.
    The weight w is ``weight - slope |lane - middle|`` in the lanes from `first` to `last`, except `middle`;
    elsewhere it is 0.
    """
    lane = np.arange(LANES)
    counts = (lane >= first) & (lane <= last) & (lane != middle)
    weights = counts * (weight - slope * np.abs(lane - middle))
    x = sign * scores[scores_at : scores_at + LANES]
    e = np.exp(-np.abs(x))
    losses[losses_at : losses_at + LANES] += weights * (np.log1p(e) - np.minimum(x, 0))
    scores[scores_at : scores_at + LANES] = (sign * lr) * weights * np.where(x >= 0, e, 1) / (1 + e)


@intrinsic
def _logistic_step_compiled(
    typing, scores, scores_at, first, last, middle, weight, slope, sign, lr, losses, losses_at
):
    def codegen(context, builder, signature, arguments):
        emit = Emitter(context, builder, signature, arguments)
        _, scores_at, first, last, middle, weight, slope, sign, lr, _, losses_at = arguments
        scores_data, losses_data = emit.pointer(0), emit.pointer(9)
        zero, one, two = emit.zero(), emit.constant(1.0), emit.constant(2.0)

        x = builder.fmul(emit.spread(sign), emit.load(scores_data, scores_at))
        distance = emit.call("fabs", x)
        # e = exp(-|x|) = 2**whole * 2**f
        t = emit.call("maxnum", builder.fmul(distance, emit.constant(-_LOG2_E)), emit.constant(-126.0))
        whole = emit.call("rint", t)
        series = emit.polynomial(_EXP2, builder.fsub(t, whole))
        integers = ir.VectorType(INT, LANES)
        exponent = builder.add(builder.fptosi(whole, integers), ir.Constant(integers, [INT(127)] * LANES))
        power = builder.bitcast(builder.shl(exponent, ir.Constant(integers, [INT(23)] * LANES)), VECTOR)
        e = builder.fmul(power, series)
        # One division serves both 1/(1+e) and z = e/(2+e); log(1+e) is 2 artanh(z).
        a, b = builder.fadd(one, e), builder.fadd(two, e)
        inverse = builder.fdiv(one, builder.fmul(a, b))
        z = builder.fmul(e, builder.fmul(inverse, a))
        log = builder.fmul(builder.fmul(two, z), emit.polynomial(_ARTANH, builder.fmul(z, z)))
        positive = builder.fcmp_ordered(">=", x, zero)
        other = builder.fmul(builder.select(positive, e, one), builder.fmul(inverse, b))
        loss = builder.fsub(log, builder.select(positive, zero, x))  # NaN stays NaN

        lanes = ir.Constant(integers, [INT(k) for k in range(LANES)])
        first, last, middle = (emit.spread(builder.trunc(k, INT)) for k in (first, last, middle))
        inside = builder.and_(builder.icmp_signed(">=", lanes, first), builder.icmp_signed("<=", lanes, last))
        counts = builder.and_(inside, builder.icmp_signed("!=", lanes, middle))
        steps = emit.call("fabs", builder.sitofp(builder.sub(lanes, middle), VECTOR))
        weighted = builder.fsub(emit.spread(weight), builder.fmul(emit.spread(slope), steps))
        weights = builder.select(counts, weighted, zero)
        total = emit.multiply_add(weights, loss, emit.load(losses_data, losses_at))
        emit.store(total, losses_data, losses_at)
        scale = emit.spread(builder.fmul(sign, lr))
        emit.store(builder.fmul(builder.fmul(scale, weights), other), scores_data, scores_at)
        return context.get_dummy_value()

    return types.void(
        scores, scores_at, first, last, middle, weight, slope, sign, lr, losses, losses_at
    ), codegen


logistic_step = pick(_logistic_step, _logistic_step_compiled)
