"""Vector instructions on rows: copy, add, sum, round, find the largest, prefetch.

A row is passed as ``target, target_at`` and a length `n`, which is a multiple of 16; see
`firth.compute.tiles`.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from firth.compute.emitter import FLOAT, INT, INTEGERS, Emitter
from firth.compute.lanes import LANES, pick

# The largest entry of a row counts as at least this, so that a row of zeros has a positive scale.
_SMALLEST_MAXIMUM = 1e-30


def _sum_rows(
    target: np.ndarray, target_at: int, source: np.ndarray, starts: np.ndarray, count: int, n: int
) -> None:  # fmt: skip
    """Add to a row of `target` the rows of `source` that begin at the first `count` of `starts`."""
    for k in range(count):
        target[target_at : target_at + n] += source[starts[k] : starts[k] + n]


@intrinsic
def _sum_rows_compiled(typing, target, target_at, source, starts, count, n):
    def codegen(context, builder, signature, arguments):
        emit = Emitter(context, builder, signature, arguments)
        _, target_at, _, _, count, n = arguments
        target_data, source_data, start_data = emit.pointer(0), emit.pointer(2), emit.pointer(3)
        index = n.type
        slots = [cgutils.alloca_once_value(builder, emit.zero()) for _ in range(4)]

        def part(at: ir.Value, width: int) -> None:
            places = [builder.add(at, index(c * LANES)) for c in range(width)]
            for c in range(width):
                builder.store(emit.load(target_data, builder.add(target_at, places[c])), slots[c])
            with cgutils.for_range(builder, count) as loop:
                start = builder.load(builder.gep(start_data, [loop.index]))
                for c in range(width):
                    row = emit.load(source_data, builder.add(start, places[c]))
                    builder.store(builder.fadd(builder.load(slots[c]), row), slots[c])
            for c in range(width):
                emit.store(builder.load(slots[c]), target_data, builder.add(target_at, places[c]))

        wide = index(4 * LANES)
        whole = builder.mul(builder.udiv(n, wide), wide)
        with cgutils.for_range_slice(builder, index(0), whole, wide, index) as (at, _):
            part(at, 4)
        with cgutils.for_range_slice(builder, whole, n, index(LANES), index) as (at, _):
            part(at, 1)
        return context.get_dummy_value()

    return types.void(target, target_at, source, starts, count, n), codegen


def _round_row(codes: np.ndarray, codes_at: int, x: np.ndarray, x_at: int, n: int) -> np.float32:
    """Round ``x[x_at : x_at + n]`` to codes from 1 to 255, where 128 stands for 0; return their scale."""
    row = x[x_at : x_at + n]
    largest = np.float32(max(np.abs(row).max(), _SMALLEST_MAXIMUM))
    codes[codes_at : codes_at + n] = np.rint(row * (np.float32(127) / largest)) + 128
    return np.float32(largest / np.float32(127))


@intrinsic
def _round_row_compiled(typing, codes, codes_at, x, x_at, n):
    def codegen(context, builder, signature, arguments):
        emit = Emitter(context, builder, signature, arguments)
        _, codes_at, _, x_at, n = arguments
        code_data, x_data = emit.pointer(0), emit.pointer(2)
        index, byte = n.type, ir.IntType(8)
        slot = cgutils.alloca_once_value(builder, emit.zero())
        builder.store(emit.constant(_SMALLEST_MAXIMUM), slot)
        with cgutils.for_range_slice(builder, index(0), n, index(LANES), index) as (k, _):
            size = emit.call("fabs", emit.load(x_data, builder.add(x_at, k)))
            builder.store(emit.call("maxnum", builder.load(slot), size), slot)
        folded = builder.load(slot)
        for half in (8, 4, 2, 1):
            other = emit.shuffle(folded, folded, [(lane + half) % LANES for lane in range(LANES)])
            folded = emit.call("maxnum", folded, other)
        inverse = builder.fdiv(emit.constant(127.0), folded)
        zero = ir.Constant(INTEGERS, [INT(128)] * LANES)
        with cgutils.for_range_slice(builder, index(0), n, index(LANES), index) as (k, _):
            scaled = builder.fmul(emit.load(x_data, builder.add(x_at, k)), inverse)
            whole = builder.add(builder.fptosi(emit.call("rint", scaled), INTEGERS), zero)
            address = builder.gep(code_data, [builder.add(codes_at, k)])
            pointer = builder.bitcast(address, ir.VectorType(byte, LANES).as_pointer())
            builder.store(builder.trunc(whole, ir.VectorType(byte, LANES)), pointer, align=1)
        return builder.fdiv(builder.extract_element(folded, INT(0)), FLOAT(127.0))

    return types.float32(codes, codes_at, x, x_at, n), codegen


def _argmax_sum(a: np.ndarray, a_at: int, b: np.ndarray, b_at: int, n: int) -> int:
    """Return the place at which the sum of a row of `a` and a row of `b` is largest; the first of equals.

    `n` is a multiple of 16.
    """
    return int(np.argmax(a[a_at : a_at + n] + b[b_at : b_at + n]))


@intrinsic
def _argmax_sum_compiled(typing, a, a_at, b, b_at, n):
    def codegen(context, builder, signature, arguments):
        emit = Emitter(context, builder, signature, arguments)
        _, a_at, _, b_at, n = arguments
        a_data, b_data = emit.pointer(0), emit.pointer(2)
        index = n.type
        lanes = ir.Constant(INTEGERS, [INT(k) for k in range(LANES)])
        value_slot = cgutils.alloca_once_value(builder, emit.zero())
        place_slot = cgutils.alloca_once_value(builder, lanes)
        builder.store(builder.fadd(emit.load(a_data, a_at), emit.load(b_data, b_at)), value_slot)
        builder.store(lanes, place_slot)
        with cgutils.for_range_slice(builder, index(LANES), n, index(LANES), index) as (k, _):
            value = builder.fadd(
                emit.load(a_data, builder.add(a_at, k)), emit.load(b_data, builder.add(b_at, k))
            )
            place = builder.add(emit.spread(builder.trunc(k, INT)), lanes)
            better = builder.fcmp_ordered(">", value, builder.load(value_slot))
            builder.store(builder.select(better, place, builder.load(place_slot)), place_slot)
            builder.store(builder.select(better, value, builder.load(value_slot)), value_slot)
        values, places = builder.load(value_slot), builder.load(place_slot)
        for half in (8, 4, 2, 1):
            turned = [(lane + half) % LANES for lane in range(LANES)]
            other_values, other_places = (
                emit.shuffle(values, values, turned),
                emit.shuffle(places, places, turned),
            )
            equal = builder.fcmp_ordered("==", other_values, values)
            earlier = builder.and_(equal, builder.icmp_signed("<", other_places, places))
            better = builder.or_(builder.fcmp_ordered(">", other_values, values), earlier)
            values = builder.select(better, other_values, values)
            places = builder.select(better, other_places, places)
        return builder.sext(builder.extract_element(places, INT(0)), ir.IntType(64))

    return types.int64(a, a_at, b, b_at, n), codegen


def _zero_row(target: np.ndarray, target_at: int, n: int) -> None:
    """target[target_at : target_at + n] = 0, for `n` a multiple of 16."""
    target[target_at : target_at + n] = 0


@intrinsic
def _zero_row_compiled(typing, target, target_at, n):
    def codegen(context, builder, signature, arguments):
        emit = Emitter(context, builder, signature, arguments)
        _, target_at, n = arguments
        data = emit.pointer(0)
        with cgutils.for_range_slice(builder, n.type(0), n, n.type(LANES), n.type) as (k, _):
            emit.store(emit.zero(), data, builder.add(target_at, k))
        return context.get_dummy_value()

    return types.void(target, target_at, n), codegen


def _copy_row(target: np.ndarray, target_at: int, source: np.ndarray, source_at: int, n: int) -> None:
    """target[target_at : target_at + n] = source[source_at : source_at + n], for `n` a multiple of 16."""
    target[target_at : target_at + n] = source[source_at : source_at + n]


@intrinsic
def _copy_row_compiled(typing, target, target_at, source, source_at, n):
    def codegen(context, builder, signature, arguments):
        emit = Emitter(context, builder, signature, arguments)
        _, target_at, _, source_at, n = arguments
        target_data, source_data = emit.pointer(0), emit.pointer(2)
        with cgutils.for_range_slice(builder, n.type(0), n, n.type(LANES), n.type) as (k, _):
            emit.store(
                emit.load(source_data, builder.add(source_at, k)), target_data, builder.add(target_at, k)
            )
        return context.get_dummy_value()

    return types.void(target, target_at, source, source_at, n), codegen


def _add_row(target: np.ndarray, target_at: int, source: np.ndarray, source_at: int, n: int) -> None:
    """target[target_at : target_at + n] += source[source_at : source_at + n], for `n` a multiple of 16."""
    target[target_at : target_at + n] += source[source_at : source_at + n]


@intrinsic
def _add_row_compiled(typing, target, target_at, source, source_at, n):
    def codegen(context, builder, signature, arguments):
        emit = Emitter(context, builder, signature, arguments)
        _, target_at, _, source_at, n = arguments
        target_data, source_data = emit.pointer(0), emit.pointer(2)
        with cgutils.for_range_slice(builder, n.type(0), n, n.type(LANES), n.type) as (k, _):
            at = builder.add(target_at, k)
            total = builder.fadd(
                emit.load(target_data, at), emit.load(source_data, builder.add(source_at, k))
            )
            emit.store(total, target_data, at)
        return context.get_dummy_value()

    return types.void(target, target_at, source, source_at, n), codegen


@intrinsic
def _prefetch_compiled(typing, a, a_at, n):
    def codegen(context, builder, signature, arguments):
        emit = Emitter(context, builder, signature, arguments)
        _, a_at, n = arguments
        data = emit.pointer(0)
        byte = ir.IntType(8).as_pointer()
        fetch = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(ir.VoidType(), [byte, INT, INT, INT]),
            "llvm.prefetch.p0",
        )
        with cgutils.for_range_slice(builder, n.type(0), n, n.type(LANES), n.type) as (k, _):
            address = builder.bitcast(builder.gep(data, [builder.add(a_at, k)]), byte)
            builder.call(fetch, [address, INT(0), INT(2), INT(1)])
        return context.get_dummy_value()

    return types.void(a, a_at, n), codegen


def _prefetch(a: np.ndarray, a_at: int, n: int) -> None:
    """Ask the processor to load ``a[a_at : a_at + n]`` into its cache. Changes no values."""


sum_rows = pick(_sum_rows, _sum_rows_compiled)
round_row = pick(_round_row, _round_row_compiled)
argmax_sum = pick(_argmax_sum, _argmax_sum_compiled)
zero_row = pick(_zero_row, _zero_row_compiled)
copy_row = pick(_copy_row, _copy_row_compiled)
add_row = pick(_add_row, _add_row_compiled)
prefetch = pick(_prefetch, _prefetch_compiled)
