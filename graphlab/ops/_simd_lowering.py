"""Machine code for the operations of ``_simd``; called once, before the first compilation."""
# ruff: noqa: ANN401, PLR0915, PLR0917, PLW0108  (a typing language of numba's own, which wants
# lambdas with the very names of the arguments; its objects carry no types)
# mypy: ignore-errors

from __future__ import annotations

import functools
import operator
from typing import Any

from graphlab.ops import _simd

__all__ = ["register"]


@functools.cache
def register() -> None:
    """Teach numba the vector type and the functions of ``_simd``."""
    from llvmlite import ir
    from numba.core import cgutils, types
    from numba.extending import intrinsic, models, overload, register_model

    lanes = _simd.LANES
    int32 = ir.IntType(32)

    class Vector(types.Type):
        """Eight numbers of one floating type."""

        def __init__(self, dtype: Any) -> None:
            self.dtype = dtype
            super().__init__(name=f"graphlab_vector({dtype})")

    @register_model(Vector)
    class VectorModel(models.PrimitiveModel):
        def __init__(self, manager: Any, kind: Any) -> None:
            element = manager.lookup(kind.dtype).get_value_type()
            super().__init__(manager, kind, ir.VectorType(element, lanes))

    def pointer(context: Any, builder: Any, kind: Any, array: Any, at: Any, to: Any) -> Any:
        data = context.make_array(kind)(context, builder, array).data
        return builder.bitcast(builder.gep(data, [at]), to.as_pointer())

    def spread(builder: Any, scalar: Any, kind: Any) -> Any:
        empty = ir.Constant(kind, ir.Undefined)
        one = builder.insert_element(empty, scalar, int32(0))
        zero = ir.Constant(ir.VectorType(int32, lanes), [0] * lanes)
        return builder.shuffle_vector(one, empty, zero)

    def mask(builder: Any, count: Any) -> Any:
        kind = ir.VectorType(count.type, lanes)
        lane = ir.Constant(kind, list(range(lanes)))
        return builder.icmp_signed("<", lane, spread(builder, count, kind))

    def masked(builder: Any, name: str, vector: Any, arguments: list[Any], result: Any) -> Any:
        # LLVM corrects the pointer's part of the name where it spells pointers differently
        full = f"{name}.v{lanes}{vector.element.intrinsic_name}.p0"
        kind = ir.FunctionType(result, [a.type for a in arguments])
        function = cgutils.get_or_insert_function(builder.module, kind, full)
        return builder.call(function, arguments)

    @intrinsic
    def _zeros(typing: Any, array: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return ir.Constant(context.get_value_type(signature.return_type), [0.0] * lanes)

        return Vector(array.dtype)(array), code

    @intrinsic
    def _load(typing: Any, array: Any, at: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            kind = context.get_value_type(signature.return_type)
            where = pointer(context, builder, signature.args[0], *arguments, kind)
            return builder.load(where, align=array.dtype.bitwidth // 8)

        return Vector(array.dtype)(array, types.intp), code

    @intrinsic
    def _load_part(typing: Any, array: Any, at: Any, count: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            kind = context.get_value_type(signature.return_type)
            where = pointer(context, builder, signature.args[0], *arguments[:2], kind)
            align = int32(array.dtype.bitwidth // 8)
            rest = ir.Constant(kind, [0.0] * lanes)
            given = [where, align, mask(builder, arguments[2]), rest]
            return masked(builder, "llvm.masked.load", kind, given, kind)

        return Vector(array.dtype)(array, types.intp, types.intp), code

    @intrinsic
    def _store(typing: Any, array: Any, at: Any, vector: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            value = arguments[2]
            where = pointer(context, builder, signature.args[0], *arguments[:2], value.type)
            builder.store(value, where, align=array.dtype.bitwidth // 8)
            return context.get_dummy_value()

        return types.void(array, types.intp, vector), code

    @intrinsic
    def _store_part(typing: Any, array: Any, at: Any, vector: Any, count: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            value = arguments[2]
            where = pointer(context, builder, signature.args[0], *arguments[:2], value.type)
            align = int32(array.dtype.bitwidth // 8)
            given = [value, where, align, mask(builder, arguments[3])]
            masked(builder, "llvm.masked.store", value.type, given, ir.VoidType())
            return context.get_dummy_value()

        return types.void(array, types.intp, vector, types.intp), code

    @intrinsic
    def _total(typing: Any, vector: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            value, width = arguments[0], lanes
            while width > 1:
                width //= 2
                half = ir.VectorType(int32, width)
                low = ir.Constant(half, list(range(width)))
                high = ir.Constant(half, list(range(width, 2 * width)))
                low_half = builder.shuffle_vector(value, value, low)
                value = builder.fadd(low_half, builder.shuffle_vector(value, value, high))
            return builder.extract_element(value, int32(0))

        return vector.dtype(vector), code

    def arithmetic(operation: Any, instruction: str) -> None:
        @intrinsic
        def _binary(typing: Any, left: Any, right: Any) -> Any:
            def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
                x, y = arguments
                y = y if isinstance(right, Vector) else spread(builder, y, x.type)
                # "contract": a product and a sum may become one fused instruction
                return getattr(builder, instruction)(x, y, flags=("contract",))

            return left(left, right if isinstance(right, Vector) else left.dtype), code

        overload(operation)(
            lambda x, y: (lambda x, y: _binary(x, y)) if isinstance(x, Vector) else None
        )

    arithmetic(operator.add, "fadd")
    arithmetic(operator.mul, "fmul")
    overload(_simd.zeros)(lambda array: lambda array: _zeros(array))
    overload(_simd.load)(lambda array, at: lambda array, at: _load(array, at))
    overload(_simd.load_part)(
        lambda array, at, count: lambda array, at, count: _load_part(array, at, count)
    )
    overload(_simd.store)(
        lambda array, at, vector: lambda array, at, vector: _store(array, at, vector)
    )
    overload(_simd.store_part)(
        lambda array, at, vector, count: (
            lambda array, at, vector, count: _store_part(array, at, vector, count)
        )
    )
    overload(_simd.total)(lambda vector: lambda vector: _total(vector))
