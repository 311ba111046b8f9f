"""Machine code for the operations of ``_simd_gate``; called once, before the first compilation."""
# ruff: noqa: ANN401, PLW0108  (a typing language of numba's own, wants lambdas with the very names
# of the arguments; its objects carry no types)
# mypy: ignore-errors

from __future__ import annotations

import functools
import math
from typing import Any

from graphlab.ops import _simd_gate
from graphlab.ops._simd import LANES

__all__ = ["register"]

# largest argument, terms of the series after the constant one (the rest is below half a unit in the
# last place for |r| <= log(2) / 2), bits of the fraction, offset of the exponent
_FLOAT = (87.0, 7, 23, 127)
_DOUBLE = (708.0, 13, 52, 1023)
_LN2_HIGH = 0.693145751953125  # few digits: times an exponent it stays exact
_LN2_LOW = math.log(2) - _LN2_HIGH


@functools.cache
def register() -> None:
    """Teach numba the functions of ``_simd_gate``, on the vector type of ``_simd``."""
    from llvmlite import ir
    from numba.core import cgutils
    from numba.extending import intrinsic, overload

    def constant(kind: Any, value: float) -> Any:
        return ir.Constant(kind, [value] * LANES)

    def add(builder: Any, x: Any, y: Any) -> Any:
        return builder.fadd(x, y, flags=("contract",))

    def times(builder: Any, x: Any, y: Any) -> Any:
        return builder.fmul(x, y, flags=("contract",))

    def exponential(builder: Any, x: Any) -> Any:
        """Return exp(x) for x within the limits: 2 ** n times the series of the rest."""
        kind = x.type
        double = isinstance(kind.element, ir.DoubleType)
        _, terms, fraction, offset = _DOUBLE if double else _FLOAT
        name = f"llvm.rint.v{LANES}{kind.element.intrinsic_name}"
        rint = cgutils.get_or_insert_function(builder.module, ir.FunctionType(kind, [kind]), name)
        n = builder.call(rint, [times(builder, x, constant(kind, 1 / math.log(2)))])
        r = add(builder, x, times(builder, n, constant(kind, -_LN2_HIGH)))
        r = add(builder, r, times(builder, n, constant(kind, -_LN2_LOW)))
        series = constant(kind, 1 / math.factorial(terms))
        for k in range(terms - 1, -1, -1):
            series = add(builder, times(builder, series, r), constant(kind, 1 / math.factorial(k)))
        short = ir.VectorType(ir.IntType(32), LANES)
        whole = ir.VectorType(ir.IntType(64 if double else 32), LANES)
        exponent = builder.fptosi(n, short)
        exponent = builder.sext(exponent, whole) if double else exponent
        exponent = builder.add(exponent, ir.Constant(whole, [offset] * LANES))
        power = builder.shl(exponent, ir.Constant(whole, [fraction] * LANES))
        return times(builder, series, builder.bitcast(power, kind))

    @intrinsic
    def _sigmoid(typing: Any, vector: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            x = arguments[0]
            double = isinstance(x.type.element, ir.DoubleType)
            limit = (_DOUBLE if double else _FLOAT)[0]
            for sign, bound in ((">", limit), ("<", -limit)):
                beyond = builder.fcmp_ordered(sign, x, constant(x.type, bound))  # NaN is not
                x = builder.select(beyond, constant(x.type, bound), x)
            power = exponential(builder, builder.fsub(constant(x.type, -0.0), x))
            one = constant(x.type, 1.0)
            return builder.fdiv(one, builder.fadd(one, power))

        return vector(vector), code

    def by_sign(through: bool) -> Any:
        @intrinsic
        def _chosen(typing: Any, vector: Any) -> Any:
            def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
                x = arguments[0]
                zero, one = constant(x.type, 0.0), constant(x.type, 1.0)
                stopped = builder.fcmp_ordered("<=", x, zero)
                return builder.select(stopped, zero, x if through else one)

            return vector(vector), code

        return _chosen

    @intrinsic
    def _divide(typing: Any, vector: Any, by: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.fdiv(*arguments)

        return vector(vector, by), code

    _relu, _step = by_sign(through=True), by_sign(through=False)
    overload(_simd_gate.sigmoid)(lambda vector: lambda vector: _sigmoid(vector))
    overload(_simd_gate.relu)(lambda vector: lambda vector: _relu(vector))
    overload(_simd_gate.step)(lambda vector: lambda vector: _step(vector))
    overload(_simd_gate.divide)(lambda vector, by: lambda vector, by: _divide(vector, by))
