"""A meeting point for threads that run compiled code without the interpreter's lock."""

from __future__ import annotations

import ctypes
import sys
import time
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

# A thread that has waited for this many turns, one to two microseconds, offers its processor to others.
_SPINS_BEFORE_YIELD = 2_000


def _meet(counter: np.ndarray, target: int) -> None:
    """Add 1 to ``counter[0]`` (int64), and wait until it is at least `target`.

    With T threads, the target of their k-th meeting is ``k T``. Threads are expected to arrive within
    microseconds of each other. A waiting thread therefore spins, and yields its processor only after a while.

    The compiled version adds atomically. This plain version does not. It serves tests that run kernels in one
    thread, without a compiler.
    """
    counter[0] += 1
    while counter[0] < target:
        time.sleep(0)


# Compiled code calls the function of the system by this name. An address would differ in the next process,
# where compiled code is used again.
_YIELD = "firth_yield_processor"
_system_yield: Any = (
    ctypes.windll.kernel32.SwitchToThread if sys.platform == "win32" else ctypes.CDLL(None).sched_yield
)
llvm.add_symbol(_YIELD, ctypes.cast(_system_yield, ctypes.c_void_p).value)


@intrinsic
def _meet_compiled(typing: Any, counter: Any, target: Any) -> Any:
    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> ir.Value:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        target = arguments[1]
        integer = target.type
        yield_processor = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(ir.IntType(32), []), _YIELD
        )
        builder.atomic_rmw("add", array.data, integer(1), "acq_rel")
        before = builder.block
        check = builder.append_basic_block("check")
        wait = builder.append_basic_block("wait")
        met = builder.append_basic_block("met")
        builder.branch(check)

        builder.position_at_end(check)
        spins = builder.phi(integer)
        spins.add_incoming(integer(0), before)
        arrived = builder.load_atomic(array.data, "acquire", align=8)
        builder.cbranch(builder.icmp_signed(">=", arrived, target), met, wait)

        builder.position_at_end(wait)
        with builder.if_then(builder.icmp_signed(">", spins, integer(_SPINS_BEFORE_YIELD))):
            builder.call(yield_processor, [])
        spins.add_incoming(builder.add(spins, integer(1)), builder.block)
        builder.branch(check)

        builder.position_at_end(met)
        return context.get_dummy_value()

    return types.void(counter, target), codegen


meet = _meet if config.DISABLE_JIT else _meet_compiled
