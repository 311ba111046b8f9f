"""Machine code for the operations of ``_simd_wide``; called once, before the first compilation."""
# ruff: noqa: ANN401, PLR0917, PLW0108  (a typing language of numba's own, wants lambdas with the
# very names of the arguments; its objects carry no types)
# mypy: ignore-errors

from __future__ import annotations

import functools
from typing import Any

from graphlab.ops import _simd_wide
from graphlab.ops._simd import LANES

__all__ = ["register"]


@functools.cache
def register() -> None:
    """Teach numba the functions of ``_simd_wide``, on the vector type of ``_simd``."""
    from llvmlite import ir
    from numba.core import types
    from numba.extending import intrinsic, overload

    double = ir.VectorType(ir.DoubleType(), LANES)

    def pointer(context: Any, builder: Any, kind: Any, array: Any, at: Any, to: Any) -> Any:
        data = context.make_array(kind)(context, builder, array).data
        return builder.bitcast(builder.gep(data, [at]), to.as_pointer())

    def widened(context: Any, builder: Any, kind: Any, array: Any, at: Any) -> Any:
        element = context.get_value_type(kind.dtype)
        where = pointer(context, builder, kind, array, at, ir.VectorType(element, LANES))
        value = builder.load(where, align=kind.dtype.bitwidth // 8)
        return value if isinstance(element, ir.DoubleType) else builder.fpext(value, double)

    @intrinsic
    def _add(typing: Any, total: Any, wide: Any, at: Any, array: Any, start: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            sums, first, at, second, start = arguments
            x = widened(context, builder, signature.args[1], first, at)
            y = widened(context, builder, signature.args[3], second, start)
            product = builder.fmul(x, y, flags=("contract",))
            return builder.fadd(sums, product, flags=("contract",))

        return total(total, wide, types.intp, array, types.intp), code

    @intrinsic
    def _copy(typing: Any, array: Any, start: Any, wide: Any, at: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            first, start, second, at = arguments
            value = widened(context, builder, signature.args[0], first, start)
            where = pointer(context, builder, signature.args[2], second, at, double)
            builder.store(value, where, align=8)
            return context.get_dummy_value()

        return types.void(array, types.intp, wide, types.intp), code

    overload(_simd_wide.add_wide)(
        lambda total, wide, at, array, start: (
            lambda total, wide, at, array, start: _add(total, wide, at, array, start)
        )
    )
    overload(_simd_wide.copy_wide)(
        lambda array, start, wide, at: lambda array, start, wide, at: _copy(array, start, wide, at)
    )
