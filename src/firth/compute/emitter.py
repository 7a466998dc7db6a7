"""LLVM vector instructions, from which tiles, rows and elementwise functions are built."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils

from firth.compute.lanes import LANES

FLOAT = ir.FloatType()
INT = ir.IntType(32)
VECTOR = ir.VectorType(FLOAT, LANES)
INTEGERS = ir.VectorType(INT, LANES)
# This flag lets LLVM fuse a multiplication and an addition where the processor can.
_CONTRACT = ("contract",)


class Emitter:
    """Emits vector instructions into a compiled function.

    Parameters
    ----------
    context, builder, signature, arguments
        The arguments that Numba passes to the code generator of an intrinsic.
    """

    def __init__(self, context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> None:
        self.builder = builder
        self._context, self._signature, self._arguments = context, signature, arguments

    def pointer(self, k: int) -> ir.Value:
        """Return the data pointer of the array that is argument `k`."""
        array_type, array = self._signature.args[k], self._arguments[k]
        return self._context.make_array(array_type)(self._context, self.builder, array).data

    def zero(self) -> ir.Value:
        """Return 16 zeros."""
        return ir.Constant(VECTOR, None)

    def load(self, pointer: ir.Value, index: ir.Value) -> ir.Value:
        """Load 16 floats that begin at an index of the array."""
        address = self.builder.bitcast(self.builder.gep(pointer, [index]), VECTOR.as_pointer())
        return self.builder.load(address, align=4)

    def store(self, vector: ir.Value, pointer: ir.Value, index: ir.Value, lanes: int = LANES) -> None:
        """Store the first lanes of a vector in the array, beginning at an index."""
        kind = ir.VectorType(FLOAT, lanes).as_pointer()
        address = self.builder.bitcast(self.builder.gep(pointer, [index]), kind)
        self.builder.store(vector, address, align=4)

    def constant(self, value: float) -> ir.Value:
        """Return a number in every lane."""
        return ir.Constant(VECTOR, [FLOAT(float(np.float32(value)))] * LANES)

    def spread(self, scalar: ir.Value) -> ir.Value:
        """Return the scalar in every lane."""
        undefined = ir.Constant(ir.VectorType(scalar.type, LANES), ir.Undefined)
        first = self.builder.insert_element(undefined, scalar, INT(0))
        return self.shuffle(first, first, [0] * LANES)

    def broadcast(self, pointer: ir.Value, index: ir.Value) -> ir.Value:
        """Load one float into every lane."""
        return self.spread(self.builder.load(self.builder.gep(pointer, [index])))

    def call(self, name: str, *vectors: ir.Value) -> ir.Value:
        """Call one of LLVM's elementwise functions."""
        kind = ir.FunctionType(VECTOR, [VECTOR] * len(vectors))
        function = cgutils.get_or_insert_function(self.builder.module, kind, f"llvm.{name}.v{LANES}f32")
        return self.builder.call(function, vectors)

    def load_integers(self, pointer: ir.Value, index: ir.Value) -> ir.Value:
        """Load 64 bytes, or 16 integers, that begin at an index of the array."""
        address = self.builder.bitcast(self.builder.gep(pointer, [index]), INTEGERS.as_pointer())
        return self.builder.load(address, align=1)

    def add_byte_products(self, total: ir.Value, unsigned: ir.Value, signed: ir.Value) -> ir.Value:
        """Add to each of 16 integers the sum of 4 products of an unsigned and a signed byte."""
        kind = ir.FunctionType(INTEGERS, [INTEGERS] * 3)
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
        """Return a b + total, fused into one instruction where the processor can."""
        product = self.builder.fmul(a, b, flags=_CONTRACT)
        return self.builder.fadd(product, total, flags=_CONTRACT)

    def shuffle(self, a: ir.Value, b: ir.Value, lanes: list[int]) -> ir.Value:
        """Pick lanes of two vectors: 0 to 15 are those of `a`, 16 to 31 those of `b`."""
        mask = ir.Constant(ir.VectorType(INT, len(lanes)), [INT(lane) for lane in lanes])
        return self.builder.shuffle_vector(a, b, mask)

    def sums(self, vectors: list[ir.Value]) -> ir.Value:
        """Sum each of 16 vectors; the sum of vector k is in lane k.

        Two vectors at a time are folded into one, which holds half sums of both, until one vector is left.
        This takes 30 shuffles for 16 sums; one sum at a time would take 64. Folding reverses the bits of the
        lane numbers, so the vectors are put into that order first.
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
