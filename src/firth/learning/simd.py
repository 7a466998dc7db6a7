"""Small matrix products in vector registers, for the inner loops of the training kernels.

The products that word2vec needs are tiny (4 rows by 16), far below the size at which a BLAS pays for its own
calls, packing and threads. The functions here are the register tiles of such products, emitted as LLVM
vector code of 16 floats: LLVM turns it into whatever the machine has (AVX-512, AVX2, NEON). Autovectorised
loops do not get there: LLVM prefers 256-bit vectors on machines that have 512, and reduces every sum of
products on its own.

Matrices are passed as a flat, C-contiguous float32 array with the index of their first element and the
distance between rows. Nothing checks bounds: these are private to the kernels. Each function has a plain
twin of a few lines, which runs when ``NUMBA_DISABLE_JIT=1`` and says what it computes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from llvmlite import binding, ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

LANES = 16
"""Floats in a vector; rows are padded to a multiple of it."""

_FLOAT = ir.FloatType()
_INT = ir.IntType(32)
_VECTOR = ir.VectorType(_FLOAT, LANES)
_CONTRACT = ("contract",)  # lets LLVM fuse multiply and add where the machine can
_INTEGERS = ir.VectorType(_INT, LANES)
_TINY = 1e-30


def _has_byte_products() -> bool:
    """Return whether compiled code can multiply bytes: instructions of x86 processors from 2019 on."""
    if config.DISABLE_JIT:
        return True
    if config.CPU_NAME in (None, "host") and config.CPU_FEATURES is None:
        features = binding.get_host_cpu_features().flatten()
    else:
        features = config.CPU_FEATURES or ""
    return "+avx512vnni" in features.split(",")


BYTES = _has_byte_products()
"""Whether `scaled_tile` multiplies bytes; where the processor cannot, it multiplies floats."""


def padded(n: int) -> int:
    """Return the smallest multiple of `LANES` that is at least `n`."""
    return -(-n // LANES) * LANES


def aligned_zeros(n: int) -> np.ndarray:
    """Return a float32 array of `n` zeros that begins on a cache line (64 bytes)."""
    raw = np.zeros(n + LANES, np.float32)
    skip = (-raw.ctypes.data % 64) // 4
    return raw[skip : skip + n]


class _Emitter:
    """The few vector instructions that the tiles below are made of."""

    def __init__(self, context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> None:
        self.builder = builder
        self._context, self._signature, self._arguments = context, signature, arguments

    def pointer(self, k: int) -> ir.Value:
        """Return the data pointer of the array that is argument `k`."""
        array_type, array = self._signature.args[k], self._arguments[k]
        return self._context.make_array(array_type)(self._context, self.builder, array).data

    def zero(self) -> ir.Value:
        return ir.Constant(_VECTOR, None)

    def load(self, pointer: ir.Value, index: ir.Value) -> ir.Value:
        address = self.builder.bitcast(self.builder.gep(pointer, [index]), _VECTOR.as_pointer())
        return self.builder.load(address, align=4)

    def store(self, vector: ir.Value, pointer: ir.Value, index: ir.Value, lanes: int = LANES) -> None:
        kind = ir.VectorType(_FLOAT, lanes).as_pointer()
        address = self.builder.bitcast(self.builder.gep(pointer, [index]), kind)
        self.builder.store(vector, address, align=4)

    def constant(self, value: float) -> ir.Value:
        return ir.Constant(_VECTOR, [_FLOAT(float(np.float32(value)))] * LANES)

    def spread(self, scalar: ir.Value) -> ir.Value:
        """Return the scalar in every lane."""
        undefined = ir.Constant(ir.VectorType(scalar.type, LANES), ir.Undefined)
        first = self.builder.insert_element(undefined, scalar, _INT(0))
        return self.shuffle(first, first, [0] * LANES)

    def broadcast(self, pointer: ir.Value, index: ir.Value) -> ir.Value:
        return self.spread(self.builder.load(self.builder.gep(pointer, [index])))

    def call(self, name: str, *vectors: ir.Value) -> ir.Value:
        """Call one of LLVM's elementwise functions."""
        kind = ir.FunctionType(_VECTOR, [_VECTOR] * len(vectors))
        function = cgutils.get_or_insert_function(self.builder.module, kind, f"llvm.{name}.v{LANES}f32")
        return self.builder.call(function, vectors)

    def load_integers(self, pointer: ir.Value, index: ir.Value) -> ir.Value:
        """Load 64 bytes, or 16 integers, from an index into the array."""
        address = self.builder.bitcast(self.builder.gep(pointer, [index]), _INTEGERS.as_pointer())
        return self.builder.load(address, align=1)

    def add_byte_products(self, total: ir.Value, unsigned: ir.Value, signed: ir.Value) -> ir.Value:
        """Add to each of 16 integers the sum of 4 products of bytes, of which the first are unsigned."""
        kind = ir.FunctionType(_INTEGERS, [_INTEGERS] * 3)
        name = "llvm.x86.avx512.vpdpbusd.512"
        function = cgutils.get_or_insert_function(self.builder.module, kind, name)
        return self.builder.call(function, [total, unsigned, signed])

    def polynomial(self, coefficients: list[float], x: ir.Value) -> ir.Value:
        """Return c0 + c1 x + c2 x^2 + ... (Horner)."""
        total = self.constant(coefficients[-1])
        for coefficient in reversed(coefficients[:-1]):
            total = self.multiply_add(total, x, self.constant(coefficient))
        return total

    def multiply_add(self, a: ir.Value, b: ir.Value, total: ir.Value) -> ir.Value:
        product = self.builder.fmul(a, b, flags=_CONTRACT)
        return self.builder.fadd(product, total, flags=_CONTRACT)

    def shuffle(self, a: ir.Value, b: ir.Value, lanes: list[int]) -> ir.Value:
        mask = ir.Constant(ir.VectorType(_INT, len(lanes)), [_INT(lane) for lane in lanes])
        return self.builder.shuffle_vector(a, b, mask)

    def sums(self, vectors: list[ir.Value]) -> ir.Value:
        """Sum each of 16 vectors; the sum of vector k is in lane k.

        Two vectors at a time are folded into one that holds halves of both, until one is left: 30 shuffles
        for 16 sums, where one sum at a time would take 64. Folding reverses the bits of the order, so it
        starts from the reversed order.
        """
        vectors = [vectors[int(f"{k:04b}"[::-1], 2)] for k in range(LANES)]
        for half in (8, 4, 2, 1):
            lower = []
            for lane in range(LANES):
                group, k = divmod(lane, 2 * half)
                source, k = divmod(k, half)
                lower.append(source * LANES + group * 2 * half + k)
            upper = [lane + half for lane in lower]
            vectors = [
                self.builder.fadd(self.shuffle(a, b, lower), self.shuffle(a, b, upper))
                for a, b in zip(vectors[::2], vectors[1::2], strict=True)
            ]
        return vectors[0]


def _dot_tile(
    out: np.ndarray, o: int, out_stride: int,
    a: np.ndarray, i: int, a_stride: int,
    b: np.ndarray, j: int, b_stride: int,
    n: int,
) -> None:  # fmt: skip
    """out[r, c] = a[r] @ b[c], for 4 rows of each that are `n` long, a multiple of 16."""
    for r in range(4):
        row = a[i + r * a_stride : i + r * a_stride + n]
        for c in range(4):
            column = b[j + c * b_stride : j + c * b_stride + n]
            out[o + r * out_stride + c] = np.dot(row, column)


@intrinsic
def _dot_tile_compiled(typing, out, o, out_stride, a, i, a_stride, b, j, b_stride, n):
    def codegen(context, builder, signature, arguments):
        emit = _Emitter(context, builder, signature, arguments)
        _, o, out_stride, _, i, a_stride, _, j, b_stride, n = arguments
        out_data, a_data, b_data = emit.pointer(0), emit.pointer(3), emit.pointer(6)
        rows = [
            builder.gep(a_data, [builder.add(i, builder.mul(a_stride, a_stride.type(r)))]) for r in range(4)
        ]
        columns = [
            builder.gep(b_data, [builder.add(j, builder.mul(b_stride, b_stride.type(c)))]) for c in range(4)
        ]
        totals = [cgutils.alloca_once_value(builder, emit.zero()) for _ in range(16)]
        for total in totals:
            builder.store(emit.zero(), total)
        with cgutils.for_range_slice(builder, n.type(0), n, n.type(LANES), n.type) as (k, _):
            left = [emit.load(row, k) for row in rows]
            for c, column in enumerate(columns):
                right = emit.load(column, k)
                for r in range(4):
                    total = totals[4 * r + c]
                    builder.store(emit.multiply_add(left[r], right, builder.load(total)), total)
        sums = emit.sums([builder.load(total) for total in totals])
        for r in range(4):
            four = emit.shuffle(sums, sums, [4 * r + c for c in range(4)])
            emit.store(four, out_data, builder.add(o, builder.mul(out_stride, o.type(r))), lanes=4)
        return context.get_dummy_value()

    return types.void(out, o, out_stride, a, i, a_stride, b, j, b_stride, n), codegen


def _product_tile(
    y: np.ndarray, i: int, y_stride: int,
    g: np.ndarray, o: int, g_row_stride: int, g_stride: int, k: int,
    x: np.ndarray, j: int, x_stride: int,
    n: int,
) -> None:  # fmt: skip
    """4 rows of `y` become a product of matrices: y[r] = sum over k of g[r, k] x[k]; rows are `n` long."""
    for r in range(4):
        y[i + r * y_stride : i + r * y_stride + n] = 0
    _add_product_tile(y, i, y_stride, g, o, g_row_stride, g_stride, k, x, j, x_stride, n)


def _add_product_tile(
    y: np.ndarray, i: int, y_stride: int,
    g: np.ndarray, o: int, g_row_stride: int, g_stride: int, k: int,
    x: np.ndarray, j: int, x_stride: int,
    n: int,
) -> None:  # fmt: skip
    """Add to 4 rows of `y` a product of matrices, as in `_product_tile`."""
    for r in range(4):
        row = y[i + r * y_stride : i + r * y_stride + n]
        for m in range(k):
            row += g[o + r * g_row_stride + m * g_stride] * x[j + m * x_stride : j + m * x_stride + n]


@intrinsic
def _product_tile_compiled(typing, y, i, y_stride, g, o, g_row_stride, g_stride, k, x, j, x_stride, n):
    signature = types.void(y, i, y_stride, g, o, g_row_stride, g_stride, k, x, j, x_stride, n)
    return signature, partial(_emit_product_tile, False)


@intrinsic
def _add_product_tile_compiled(typing, y, i, y_stride, g, o, g_row_stride, g_stride, k, x, j, x_stride, n):
    signature = types.void(y, i, y_stride, g, o, g_row_stride, g_stride, k, x, j, x_stride, n)
    return signature, partial(_emit_product_tile, True)


def _emit_product_tile(add: bool, context, builder, signature, arguments):
    """Emit a product of 4 rows, 4 vectors of columns at a time: 16 sums stay in registers."""
    emit = _Emitter(context, builder, signature, arguments)
    _, i, y_stride, _, o, g_row_stride, g_stride, k, _, j, x_stride, n = arguments
    y_data, g_data, x_data = emit.pointer(0), emit.pointer(3), emit.pointer(8)
    index = n.type
    rows = [builder.add(i, builder.mul(y_stride, index(r))) for r in range(4)]
    factors = [builder.gep(g_data, [builder.add(o, builder.mul(g_row_stride, index(r)))]) for r in range(4)]
    slots = [[cgutils.alloca_once_value(builder, emit.zero()) for _ in range(4)] for _ in range(4)]

    def tile(start: ir.Value, width: int) -> None:
        # Row pointers with constant offsets: an index for each vector would not fit the registers.
        targets = [builder.gep(y_data, [builder.add(row, start)]) for row in rows]
        offsets = [index(c * LANES) for c in range(width)]
        for r in range(4):
            for c in range(width):
                builder.store(emit.load(targets[r], offsets[c]) if add else emit.zero(), slots[r][c])
        base = builder.gep(x_data, [builder.add(j, start)])
        with cgutils.for_range(builder, k) as loop:
            along = builder.mul(loop.index, g_stride)
            source = builder.gep(base, [builder.mul(loop.index, x_stride)])
            xs = [emit.load(source, offset) for offset in offsets]
            for r in range(4):
                factor = emit.broadcast(factors[r], along)
                for c in range(width):
                    total = emit.multiply_add(factor, xs[c], builder.load(slots[r][c]))
                    builder.store(total, slots[r][c])
        for r in range(4):
            for c in range(width):
                emit.store(builder.load(slots[r][c]), targets[r], offsets[c])

    _emit_tiles(builder, n, tile)
    return context.get_dummy_value()


def _emit_tiles(builder: ir.IRBuilder, n: ir.Value, tile: Callable[[ir.Value, int], None]) -> None:
    """Emit a tile for each four vectors of `n` columns, and one for the rest: given its start and vectors."""
    index = n.type
    wide = index(4 * LANES)
    whole = builder.mul(builder.udiv(n, wide), wide)
    with cgutils.for_range_slice(builder, index(0), whole, wide, index) as (start, _):
        tile(start, 4)
    rest = builder.sub(n, whole)
    for width in (1, 2, 3):
        with builder.if_then(builder.icmp_unsigned("==", rest, index(width * LANES))):
            tile(whole, width)


def _scaled_tile(
    y: np.ndarray, i: int, y_stride: int,
    x: np.ndarray, o: int, x_stride: int, x_scales: np.ndarray, r0: int,
    w: np.ndarray, j: int, starts: np.ndarray, t: int, scales: np.ndarray, c0: int,
    k: int, n: int, add: bool,
) -> None:  # fmt: skip
    """4 rows of `y` become, or grow by, a product of bytes, times a scale for each row and each column.

    y[r, c] = x_scales[r] scales[c] (starts[c] + sum over k of x[r, k] w[k, c]). Rows of `x` are unsigned, `k`
    bytes long, a multiple of 4; `n`, a multiple of 16, is the number of columns of `w`, whose signed bytes
    are in the order of w[k // 4, c, k % 4].
    """
    weights = w[j : j + k * n].reshape(-1, n, 4).transpose(0, 2, 1).reshape(k, n).astype(np.int64)
    for r in range(4):
        row = y[i + r * y_stride : i + r * y_stride + n]
        sums = starts[t : t + n] + x[o + r * x_stride : o + r * x_stride + k] @ weights
        row[:] = (row if add else 0) + x_scales[r0 + r] * scales[c0 : c0 + n] * sums


@intrinsic
def _scaled_tile_compiled(
    typing, y, i, y_stride, x, o, x_stride, x_scales, r0, w, j, starts, t, scales, c0, k, n, add
):  # fmt: skip
    def codegen(context, builder, signature, arguments):
        emit = _Emitter(context, builder, signature, arguments)
        _, i, y_stride, _, o, x_stride, _, r0, _, j, _, t, _, c0, k, n, add = arguments
        y_data, x_data, x_scale_data, w_data = (emit.pointer(a) for a in (0, 3, 6, 8))
        start_data, scale_data = emit.pointer(10), emit.pointer(12)
        index = n.type
        rows = [builder.gep(x_data, [builder.add(o, builder.mul(x_stride, index(r)))]) for r in range(4)]
        blank = ir.Constant(_INTEGERS, None)
        slots = [[cgutils.alloca_once_value(builder, blank) for _ in range(4)] for _ in range(4)]
        row_bytes = builder.mul(n, index(4))

        def tile(start: ir.Value, width: int) -> None:
            offsets = [index(4 * c * LANES) for c in range(width)]
            for c in range(width):
                column = builder.add(start, index(c * LANES))
                first = emit.load_integers(start_data, builder.add(t, column))
                for r in range(4):
                    builder.store(first, slots[r][c])
            base = builder.gep(w_data, [builder.add(j, builder.mul(start, index(4)))])
            with cgutils.for_range(builder, builder.udiv(k, index(4))) as loop:
                along = builder.mul(loop.index, index(4))
                source = builder.gep(base, [builder.mul(loop.index, row_bytes)])
                signed = [emit.load_integers(source, offset) for offset in offsets]
                for r in range(4):
                    address = builder.bitcast(builder.gep(rows[r], [along]), _INT.as_pointer())
                    unsigned = emit.spread(builder.load(address, align=1))
                    for c in range(width):
                        total = emit.add_byte_products(builder.load(slots[r][c]), unsigned, signed[c])
                        builder.store(total, slots[r][c])
            for r in range(4):
                row_scale = emit.broadcast(x_scale_data, builder.add(r0, index(r)))
                row = builder.add(i, builder.mul(y_stride, index(r)))
                for c in range(width):
                    column = builder.add(start, index(c * LANES))
                    at = builder.add(row, column)
                    scale = builder.fmul(row_scale, emit.load(scale_data, builder.add(c0, column)))
                    sums = builder.sitofp(builder.load(slots[r][c]), _VECTOR)
                    before = builder.select(add, emit.load(y_data, at), emit.zero())
                    emit.store(emit.multiply_add(scale, sums, before), y_data, at)

        _emit_tiles(builder, n, tile)
        return context.get_dummy_value()

    signature = types.void(
        y, i, y_stride, x, o, x_stride, x_scales, r0, w, j, starts, t, scales, c0, k, n, add
    )
    return signature, codegen


def _sum_rows(
    target: np.ndarray, t: int, source: np.ndarray, starts: np.ndarray, count: int, n: int
) -> None:  # fmt: skip
    """Add to ``target[t : t + n]`` the parts of `source` that begin at the first `count` of `starts`."""
    for k in range(count):
        target[t : t + n] += source[starts[k] : starts[k] + n]


@intrinsic
def _sum_rows_compiled(typing, target, t, source, starts, count, n):
    def codegen(context, builder, signature, arguments):
        emit = _Emitter(context, builder, signature, arguments)
        _, t, _, _, count, n = arguments
        target_data, source_data, start_data = emit.pointer(0), emit.pointer(2), emit.pointer(3)
        index = n.type
        slots = [cgutils.alloca_once_value(builder, emit.zero()) for _ in range(4)]

        def part(at: ir.Value, width: int) -> None:
            places = [builder.add(at, index(c * LANES)) for c in range(width)]
            for c in range(width):
                builder.store(emit.load(target_data, builder.add(t, places[c])), slots[c])
            with cgutils.for_range(builder, count) as loop:
                start = builder.load(builder.gep(start_data, [loop.index]))
                for c in range(width):
                    row = emit.load(source_data, builder.add(start, places[c]))
                    builder.store(builder.fadd(builder.load(slots[c]), row), slots[c])
            for c in range(width):
                emit.store(builder.load(slots[c]), target_data, builder.add(t, places[c]))

        wide = index(4 * LANES)
        whole = builder.mul(builder.udiv(n, wide), wide)
        with cgutils.for_range_slice(builder, index(0), whole, wide, index) as (at, _):
            part(at, 4)
        with cgutils.for_range_slice(builder, whole, n, index(LANES), index) as (at, _):
            part(at, 1)
        return context.get_dummy_value()

    return types.void(target, t, source, starts, count, n), codegen


def _round_row(codes: np.ndarray, o: int, x: np.ndarray, i: int, n: int) -> np.float32:
    """Round ``x[i : i + n]`` to codes from 1 to 255, of which 128 stands for 0; return their scale."""
    row = x[i : i + n]
    largest = np.float32(max(np.abs(row).max(), _TINY))
    codes[o : o + n] = np.rint(row * (np.float32(127) / largest)) + 128
    return np.float32(largest / np.float32(127))


@intrinsic
def _round_row_compiled(typing, codes, o, x, i, n):
    def codegen(context, builder, signature, arguments):
        emit = _Emitter(context, builder, signature, arguments)
        _, o, _, i, n = arguments
        code_data, x_data = emit.pointer(0), emit.pointer(2)
        index, byte = n.type, ir.IntType(8)
        slot = cgutils.alloca_once_value(builder, emit.zero())
        builder.store(emit.constant(_TINY), slot)
        with cgutils.for_range_slice(builder, index(0), n, index(LANES), index) as (k, _):
            size = emit.call("fabs", emit.load(x_data, builder.add(i, k)))
            builder.store(emit.call("maxnum", builder.load(slot), size), slot)
        folded = builder.load(slot)
        for half in (8, 4, 2, 1):
            other = emit.shuffle(folded, folded, [(lane + half) % LANES for lane in range(LANES)])
            folded = emit.call("maxnum", folded, other)
        inverse = builder.fdiv(emit.constant(127.0), folded)
        zero = ir.Constant(_INTEGERS, [_INT(128)] * LANES)
        with cgutils.for_range_slice(builder, index(0), n, index(LANES), index) as (k, _):
            scaled = builder.fmul(emit.load(x_data, builder.add(i, k)), inverse)
            whole = builder.add(builder.fptosi(emit.call("rint", scaled), _INTEGERS), zero)
            address = builder.gep(code_data, [builder.add(o, k)])
            pointer = builder.bitcast(address, ir.VectorType(byte, LANES).as_pointer())
            builder.store(builder.trunc(whole, ir.VectorType(byte, LANES)), pointer, align=1)
        return builder.fdiv(builder.extract_element(folded, _INT(0)), _FLOAT(127.0))

    return types.float32(codes, o, x, i, n), codegen


def _argmax_sum(a: np.ndarray, i: int, b: np.ndarray, j: int, n: int) -> int:
    """Return where ``a[i : i + n] + b[j : j + n]`` is largest, or first so; `n` is a multiple of 16."""
    return int(np.argmax(a[i : i + n] + b[j : j + n]))


@intrinsic
def _argmax_sum_compiled(typing, a, i, b, j, n):
    def codegen(context, builder, signature, arguments):
        emit = _Emitter(context, builder, signature, arguments)
        _, i, _, j, n = arguments
        a_data, b_data = emit.pointer(0), emit.pointer(2)
        index = n.type
        lanes = ir.Constant(_INTEGERS, [_INT(k) for k in range(LANES)])
        value_slot = cgutils.alloca_once_value(builder, emit.zero())
        place_slot = cgutils.alloca_once_value(builder, lanes)
        builder.store(builder.fadd(emit.load(a_data, i), emit.load(b_data, j)), value_slot)
        builder.store(lanes, place_slot)
        with cgutils.for_range_slice(builder, index(LANES), n, index(LANES), index) as (k, _):
            value = builder.fadd(emit.load(a_data, builder.add(i, k)), emit.load(b_data, builder.add(j, k)))
            place = builder.add(emit.spread(builder.trunc(k, _INT)), lanes)
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
        return builder.sext(builder.extract_element(places, _INT(0)), ir.IntType(64))

    return types.int64(a, i, b, j, n), codegen


def _zero_row(target: np.ndarray, i: int, n: int) -> None:
    """target[i : i + n] = 0, for `n` a multiple of 16."""
    target[i : i + n] = 0


@intrinsic
def _zero_row_compiled(typing, target, i, n):
    def codegen(context, builder, signature, arguments):
        emit = _Emitter(context, builder, signature, arguments)
        _, i, n = arguments
        data = emit.pointer(0)
        with cgutils.for_range_slice(builder, n.type(0), n, n.type(LANES), n.type) as (k, _):
            emit.store(emit.zero(), data, builder.add(i, k))
        return context.get_dummy_value()

    return types.void(target, i, n), codegen


def _copy_row(target: np.ndarray, i: int, source: np.ndarray, j: int, n: int) -> None:
    """target[i : i + n] = source[j : j + n], for `n` a multiple of 16."""
    target[i : i + n] = source[j : j + n]


@intrinsic
def _copy_row_compiled(typing, target, i, source, j, n):
    def codegen(context, builder, signature, arguments):
        emit = _Emitter(context, builder, signature, arguments)
        _, i, _, j, n = arguments
        target_data, source_data = emit.pointer(0), emit.pointer(2)
        with cgutils.for_range_slice(builder, n.type(0), n, n.type(LANES), n.type) as (k, _):
            emit.store(emit.load(source_data, builder.add(j, k)), target_data, builder.add(i, k))
        return context.get_dummy_value()

    return types.void(target, i, source, j, n), codegen


def _add_row(target: np.ndarray, i: int, source: np.ndarray, j: int, n: int) -> None:
    """target[i : i + n] += source[j : j + n], for `n` a multiple of 16."""
    target[i : i + n] += source[j : j + n]


@intrinsic
def _add_row_compiled(typing, target, i, source, j, n):
    def codegen(context, builder, signature, arguments):
        emit = _Emitter(context, builder, signature, arguments)
        _, i, _, j, n = arguments
        target_data, source_data = emit.pointer(0), emit.pointer(2)
        with cgutils.for_range_slice(builder, n.type(0), n, n.type(LANES), n.type) as (k, _):
            at = builder.add(i, k)
            total = builder.fadd(emit.load(target_data, at), emit.load(source_data, builder.add(j, k)))
            emit.store(total, target_data, at)
        return context.get_dummy_value()

    return types.void(target, i, source, j, n), codegen


_LOG2_E = math.log2(math.e)
_EXP2 = [math.log(2.0) ** k / math.factorial(k) for k in range(7)]
"""Taylor series of 2**f; on [-1/2, 1/2] it is off by less than 1.3e-7."""
_ARTANH = [1.0 / k for k in (1, 3, 5, 7, 9, 11)]
"""Series of artanh(z) / z in z**2; on [0, 1/3] it is off by less than 1.7e-7."""


def _logistic_step(
    scores: np.ndarray, o: int, first: int, last: int, middle: int,
    weight: np.float32, slope: np.float32, sign: np.float32, lr: np.float32, losses: np.ndarray, at: int,
) -> None:  # fmt: skip
    """Turn 16 scores into the factors of their gradients, in place, and add their losses to 16 sums.

    A score x = u'v costs ``-w log sigmoid(sign x)``; its factor, ``sign w lr (1 - sigmoid(sign x))``, is what
    u brings into v's step and v into u's. The weight w is ``weight - slope |lane - middle|`` for the lanes
    from `first` to `last` other than `middle`, and 0 elsewhere.
    """
    lane = np.arange(LANES)
    counts = (lane >= first) & (lane <= last) & (lane != middle)
    weights = counts * (weight - slope * np.abs(lane - middle))
    x = sign * scores[o : o + LANES]
    e = np.exp(-np.abs(x))
    losses[at : at + LANES] += weights * (np.log1p(e) - np.minimum(x, 0))
    scores[o : o + LANES] = (sign * lr) * weights * np.where(x >= 0, e, 1) / (1 + e)


@intrinsic
def _logistic_step_compiled(typing, scores, o, first, last, middle, weight, slope, sign, lr, losses, at):
    def codegen(context, builder, signature, arguments):
        emit = _Emitter(context, builder, signature, arguments)
        _, o, first, last, middle, weight, slope, sign, lr, _, at = arguments
        scores_data, losses_data = emit.pointer(0), emit.pointer(9)
        zero, one, two = emit.zero(), emit.constant(1.0), emit.constant(2.0)

        x = builder.fmul(emit.spread(sign), emit.load(scores_data, o))
        distance = emit.call("fabs", x)
        # e = exp(-|x|) = 2**whole * 2**f
        t = emit.call("maxnum", builder.fmul(distance, emit.constant(-_LOG2_E)), emit.constant(-126.0))
        whole = emit.call("rint", t)
        series = emit.polynomial(_EXP2, builder.fsub(t, whole))
        integers = ir.VectorType(_INT, LANES)
        exponent = builder.add(builder.fptosi(whole, integers), ir.Constant(integers, [_INT(127)] * LANES))
        power = builder.bitcast(builder.shl(exponent, ir.Constant(integers, [_INT(23)] * LANES)), _VECTOR)
        e = builder.fmul(power, series)
        # One division serves 1/(1+e) and z = e/(2+e), of which log(1+e) = 2 artanh(z).
        a, b = builder.fadd(one, e), builder.fadd(two, e)
        inverse = builder.fdiv(one, builder.fmul(a, b))
        z = builder.fmul(e, builder.fmul(inverse, a))
        log = builder.fmul(builder.fmul(two, z), emit.polynomial(_ARTANH, builder.fmul(z, z)))
        positive = builder.fcmp_ordered(">=", x, zero)
        other = builder.fmul(builder.select(positive, e, one), builder.fmul(inverse, b))
        loss = builder.fsub(log, builder.select(positive, zero, x))  # NaN stays NaN

        lanes = ir.Constant(integers, [_INT(k) for k in range(LANES)])
        first, last, middle = (emit.spread(builder.trunc(k, _INT)) for k in (first, last, middle))
        inside = builder.and_(builder.icmp_signed(">=", lanes, first), builder.icmp_signed("<=", lanes, last))
        counts = builder.and_(inside, builder.icmp_signed("!=", lanes, middle))
        steps = emit.call("fabs", builder.sitofp(builder.sub(lanes, middle), _VECTOR))
        weighted = builder.fsub(emit.spread(weight), builder.fmul(emit.spread(slope), steps))
        weights = builder.select(counts, weighted, zero)
        total = emit.multiply_add(weights, loss, emit.load(losses_data, at))
        emit.store(total, losses_data, at)
        scale = emit.spread(builder.fmul(sign, lr))
        emit.store(builder.fmul(builder.fmul(scale, weights), other), scores_data, o)
        return context.get_dummy_value()

    return types.void(scores, o, first, last, middle, weight, slope, sign, lr, losses, at), codegen


@intrinsic
def _prefetch_compiled(typing, a, i, n):
    def codegen(context, builder, signature, arguments):
        emit = _Emitter(context, builder, signature, arguments)
        _, i, n = arguments
        data = emit.pointer(0)
        byte = ir.IntType(8).as_pointer()
        fetch = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(ir.VoidType(), [byte, _INT, _INT, _INT]),
            "llvm.prefetch.p0",
        )
        with cgutils.for_range_slice(builder, n.type(0), n, n.type(LANES), n.type) as (k, _):
            address = builder.bitcast(builder.gep(data, [builder.add(i, k)]), byte)
            builder.call(fetch, [address, _INT(0), _INT(2), _INT(1)])
        return context.get_dummy_value()

    return types.void(a, i, n), codegen


def _prefetch(a: np.ndarray, i: int, n: int) -> None:
    """Ask the machine to bring ``a[i : i + n]`` nearer; changes nothing."""


def _pick(plain: Callable[..., Any], compiled: Callable[..., Any]) -> Callable[..., Any]:
    return plain if config.DISABLE_JIT else compiled


dot_tile = _pick(_dot_tile, _dot_tile_compiled)
product_tile = _pick(_product_tile, _product_tile_compiled)
add_product_tile = _pick(_add_product_tile, _add_product_tile_compiled)
sum_rows = _pick(_sum_rows, _sum_rows_compiled)
round_row = _pick(_round_row, _round_row_compiled)
argmax_sum = _pick(_argmax_sum, _argmax_sum_compiled)
scaled_tile = _pick(_scaled_tile, _scaled_tile_compiled)
zero_row = _pick(_zero_row, _zero_row_compiled)
copy_row = _pick(_copy_row, _copy_row_compiled)
add_row = _pick(_add_row, _add_row_compiled)
logistic_step = _pick(_logistic_step, _logistic_step_compiled)
prefetch = _pick(_prefetch, _prefetch_compiled)
