"""Small matrix products in vector registers, for the inner loops of the training kernels.

The products in word2vec are tiny (4 rows by 16). BLAS is slow at this size: its calls, packing and threads
cost more than the arithmetic. The functions here are register tiles of such products, emitted as LLVM code
for vectors of 16 floats. LLVM translates it to the instructions of the processor (AVX-512, AVX2, NEON).
Autovectorised loops are slower: LLVM prefers 256-bit vectors even on processors with 512 bits, and reduces
each sum of products separately.

A matrix is passed as three arguments, ``y, y_at, y_stride``: a flat, C-contiguous array, the index of the
matrix's first element in it, and the distance between rows. Bounds are not checked, so only kernels may call
these functions. Each has a plain twin of a few lines, which states what is computed and runs when
``NUMBA_DISABLE_JIT=1``.

A product tile is 4 rows of the result by at most 4 vectors of 16 columns. Its 16 vectors stay in registers
while the loop goes down the common dimension ``m`` of both factors::

                                x[m]   [ 16 ][ 16 ][ 16 ][ 16 ]       loaded once a step
                                          |     |     |     |
      factors[0, m]  spread to 16 lanes * [y00] [y01] [y02] [y03]     y[0] += factors[0, m] x[m]
      factors[1, m]  spread to 16 lanes * [y10] [y11] [y12] [y13]
      factors[2, m]  spread to 16 lanes * [y20] [y21] [y22] [y23]
      factors[3, m]  spread to 16 lanes * [y30] [y31] [y32] [y33]

`scaled_tile` does the same with bytes. One instruction multiplies 4 bytes by 4 bytes and adds the products to
a 32-bit integer, in each of 16 lanes. Four rows of the weights are therefore interleaved, column by column::

      w[0:4]   ->  w[0,0] w[1,0] w[2,0] w[3,0] | w[0,1] w[1,1] w[2,1] w[3,1] | ...  n columns, 4 n bytes
      w[4:8]   ->  w[4,0] w[5,0] w[6,0] w[7,0] | ...                                then the next four rows
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from llvmlite import binding, ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

from firth.compute.emitter import INT, INTEGERS, VECTOR, Emitter
from firth.compute.lanes import LANES, pick


def _has_byte_products() -> bool:
    """Return whether compiled code can multiply bytes (AVX-512 VNNI, in x86 processors since 2019)."""
    if config.DISABLE_JIT:
        return True
    if config.CPU_NAME in (None, "host") and config.CPU_FEATURES is None:
        features = binding.get_host_cpu_features().flatten()
    else:
        features = config.CPU_FEATURES or ""
    return "+avx512vnni" in features.split(",")


HAS_BYTE_PRODUCTS = _has_byte_products()
"""Whether `scaled_tile` multiplies bytes; where the processor cannot, it multiplies floats."""


def _dot_tile(
    out: np.ndarray, out_at: int, out_stride: int,
    a: np.ndarray, a_at: int, a_stride: int,
    b: np.ndarray, b_at: int, b_stride: int,
    n: int,
) -> None:  # fmt: skip
    """out[r, c] = a[r] @ b[c], for 4 rows of each that are `n` long, a multiple of 16."""
    for r in range(4):
        row = a[a_at + r * a_stride : a_at + r * a_stride + n]
        for c in range(4):
            column = b[b_at + c * b_stride : b_at + c * b_stride + n]
            out[out_at + r * out_stride + c] = np.dot(row, column)


@intrinsic
def _dot_tile_compiled(typing, out, out_at, out_stride, a, a_at, a_stride, b, b_at, b_stride, n):
    def codegen(context, builder, signature, arguments):
        emit = Emitter(context, builder, signature, arguments)
        _, out_at, out_stride, _, a_at, a_stride, _, b_at, b_stride, n = arguments
        out_data, a_data, b_data = emit.pointer(0), emit.pointer(3), emit.pointer(6)
        rows = [
            builder.gep(a_data, [builder.add(a_at, builder.mul(a_stride, a_stride.type(r)))])
            for r in range(4)
        ]
        columns = [
            builder.gep(b_data, [builder.add(b_at, builder.mul(b_stride, b_stride.type(c)))])
            for c in range(4)
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
            emit.store(four, out_data, builder.add(out_at, builder.mul(out_stride, out_at.type(r))), lanes=4)
        return context.get_dummy_value()

    return types.void(out, out_at, out_stride, a, a_at, a_stride, b, b_at, b_stride, n), codegen


def _product_tile(
    y: np.ndarray, y_at: int, y_stride: int,
    factors: np.ndarray, factors_at: int, row_stride: int, column_stride: int, depth: int,
    x: np.ndarray, x_at: int, x_stride: int,
    n: int,
) -> None:  # fmt: skip
    """Set 4 rows of `y` to a product of matrices: y[r] = sum over m < depth of factors[r, m] x[m].

    Rows of `x` and `y` are `n` long, a multiple of 16. ``factors[r, m]`` is at ``factors_at + r * row_stride
    + m * column_stride``, so that a matrix can be read transposed.
    """
    for r in range(4):
        y[y_at + r * y_stride : y_at + r * y_stride + n] = 0
    _add_product_tile(
        y, y_at, y_stride, factors, factors_at, row_stride, column_stride, depth, x, x_at, x_stride, n
    )


def _add_product_tile(
    y: np.ndarray, y_at: int, y_stride: int,
    factors: np.ndarray, factors_at: int, row_stride: int, column_stride: int, depth: int,
    x: np.ndarray, x_at: int, x_stride: int,
    n: int,
) -> None:  # fmt: skip
    """Add to 4 rows of `y` a product of matrices, as in `_product_tile`."""
    for r in range(4):
        row = y[y_at + r * y_stride : y_at + r * y_stride + n]
        for m in range(depth):
            row += (
                factors[factors_at + r * row_stride + m * column_stride]
                * x[x_at + m * x_stride : x_at + m * x_stride + n]
            )


@intrinsic
def _product_tile_compiled(
    typing, y, y_at, y_stride, factors, factors_at, row_stride, column_stride, depth, x, x_at, x_stride, n
):
    signature = types.void(
        y, y_at, y_stride, factors, factors_at, row_stride, column_stride, depth, x, x_at, x_stride, n
    )
    return signature, partial(_emit_product_tile, False)


@intrinsic
def _add_product_tile_compiled(
    typing, y, y_at, y_stride, factors, factors_at, row_stride, column_stride, depth, x, x_at, x_stride, n
):
    signature = types.void(
        y, y_at, y_stride, factors, factors_at, row_stride, column_stride, depth, x, x_at, x_stride, n
    )
    return signature, partial(_emit_product_tile, True)


def _emit_product_tile(add: bool, context, builder, signature, arguments):
    """Emit a product of 4 rows, 4 vectors of columns at a time: 16 sums stay in registers."""
    emit = Emitter(context, builder, signature, arguments)
    _, y_at, y_stride, _, factors_at, row_stride, column_stride, depth, _, x_at, x_stride, n = arguments
    y_data, factor_data, x_data = emit.pointer(0), emit.pointer(3), emit.pointer(8)
    index = n.type
    rows = [builder.add(y_at, builder.mul(y_stride, index(r))) for r in range(4)]
    factor_rows = [
        builder.gep(factor_data, [builder.add(factors_at, builder.mul(row_stride, index(r)))])
        for r in range(4)
    ]
    slots = [[cgutils.alloca_once_value(builder, emit.zero()) for _ in range(4)] for _ in range(4)]

    def tile(start: ir.Value, width: int) -> None:
        # Row pointers with constant offsets: an index for each vector would not fit the registers.
        targets = [builder.gep(y_data, [builder.add(row, start)]) for row in rows]
        offsets = [index(c * LANES) for c in range(width)]
        for r in range(4):
            for c in range(width):
                builder.store(emit.load(targets[r], offsets[c]) if add else emit.zero(), slots[r][c])
        base = builder.gep(x_data, [builder.add(x_at, start)])
        with cgutils.for_range(builder, depth) as loop:
            along = builder.mul(loop.index, column_stride)
            source = builder.gep(base, [builder.mul(loop.index, x_stride)])
            xs = [emit.load(source, offset) for offset in offsets]
            for r in range(4):
                factor = emit.broadcast(factor_rows[r], along)
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
    y: np.ndarray, y_at: int, y_stride: int,
    x: np.ndarray, x_at: int, x_stride: int, x_scales: np.ndarray, x_scales_at: int,
    w: np.ndarray, w_at: int, starts: np.ndarray, starts_at: int, w_scales: np.ndarray, w_scales_at: int,
    depth: int, n: int, add: bool,
) -> None:  # fmt: skip
    """4 rows of `y` become, or grow by, a product of bytes, times a scale for each row and each column.

    y[r, c] = x_scales[r] w_scales[c] (starts[c] + sum over m < depth of x[r, m] w[m, c]). Rows of `x` are
    unsigned bytes; `depth` is a multiple of 4. `n`, a multiple of 16, is the number of columns of `w`, whose
    signed bytes are interleaved as at the top of this module.
    """
    bytes_of_rows = w[w_at : w_at + depth * n].astype(np.int64).reshape(-1, n, 4)
    weights = bytes_of_rows.transpose(0, 2, 1).reshape(depth, n)
    column_starts = starts[starts_at : starts_at + n]
    column_scales = w_scales[w_scales_at : w_scales_at + n]
    for r in range(4):
        row = y[y_at + r * y_stride : y_at + r * y_stride + n]
        inputs = x[x_at + r * x_stride : x_at + r * x_stride + depth]
        sums = column_starts + inputs @ weights
        row[:] = (row if add else 0) + x_scales[x_scales_at + r] * column_scales * sums


@intrinsic
def _scaled_tile_compiled(
    typing, y, y_at, y_stride, x, x_at, x_stride, x_scales, x_scales_at,
    w, w_at, starts, starts_at, w_scales, w_scales_at, depth, n, add,
):  # fmt: skip
    def codegen(context, builder, signature, arguments):
        emit = Emitter(context, builder, signature, arguments)
        _, y_at, y_stride, _, x_at, x_stride, _, x_scales_at, *arguments = arguments
        _, w_at, _, starts_at, _, w_scales_at, depth, n, add = arguments
        y_data, x_data, x_scale_data, w_data = (emit.pointer(a) for a in (0, 3, 6, 8))
        start_data, w_scale_data = emit.pointer(10), emit.pointer(12)
        index = n.type
        rows = [builder.gep(x_data, [builder.add(x_at, builder.mul(x_stride, index(r)))]) for r in range(4)]
        blank = ir.Constant(INTEGERS, None)
        slots = [[cgutils.alloca_once_value(builder, blank) for _ in range(4)] for _ in range(4)]
        row_bytes = builder.mul(n, index(4))

        def tile(start: ir.Value, width: int) -> None:
            offsets = [index(4 * c * LANES) for c in range(width)]
            for c in range(width):
                column = builder.add(start, index(c * LANES))
                first = emit.load_integers(start_data, builder.add(starts_at, column))
                for r in range(4):
                    builder.store(first, slots[r][c])
            base = builder.gep(w_data, [builder.add(w_at, builder.mul(start, index(4)))])
            with cgutils.for_range(builder, builder.udiv(depth, index(4))) as loop:
                along = builder.mul(loop.index, index(4))
                source = builder.gep(base, [builder.mul(loop.index, row_bytes)])
                signed = [emit.load_integers(source, offset) for offset in offsets]
                for r in range(4):
                    address = builder.bitcast(builder.gep(rows[r], [along]), INT.as_pointer())
                    unsigned = emit.spread(builder.load(address, align=1))
                    for c in range(width):
                        total = emit.add_byte_products(builder.load(slots[r][c]), unsigned, signed[c])
                        builder.store(total, slots[r][c])
            for r in range(4):
                row_scale = emit.broadcast(x_scale_data, builder.add(x_scales_at, index(r)))
                row = builder.add(y_at, builder.mul(y_stride, index(r)))
                for c in range(width):
                    column = builder.add(start, index(c * LANES))
                    at = builder.add(row, column)
                    scale = builder.fmul(row_scale, emit.load(w_scale_data, builder.add(w_scales_at, column)))
                    sums = builder.sitofp(builder.load(slots[r][c]), VECTOR)
                    before = builder.select(add, emit.load(y_data, at), emit.zero())
                    emit.store(emit.multiply_add(scale, sums, before), y_data, at)

        _emit_tiles(builder, n, tile)
        return context.get_dummy_value()

    signature = types.void(
        y, y_at, y_stride, x, x_at, x_stride, x_scales, x_scales_at,
        w, w_at, starts, starts_at, w_scales, w_scales_at, depth, n, add,
    )  # fmt: skip
    return signature, codegen


dot_tile = pick(_dot_tile, _dot_tile_compiled)
product_tile = pick(_product_tile, _product_tile_compiled)
add_product_tile = pick(_add_product_tile, _add_product_tile_compiled)
scaled_tile = pick(_scaled_tile, _scaled_tile_compiled)
