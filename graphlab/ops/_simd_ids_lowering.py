"""Machine code for the operations of ``_simd_ids``; called once, before the first compilation."""
# ruff: noqa: ANN401, PLR0915, PLR0917, PLW0108  (a typing language of numba's own, wants lambdas with
# the very names of the arguments; its objects carry no types)
# mypy: ignore-errors

from __future__ import annotations

import functools
from typing import Any

from graphlab.ops import _simd_ids

__all__ = ["register"]


@functools.cache
def register() -> None:
    """Teach numba the vector type and the functions of ``_simd_ids``."""
    from llvmlite import ir
    from numba.core import cgutils, types
    from numba.extending import intrinsic, models, overload, register_model

    lanes = _simd_ids.WIDE
    int32, int64 = ir.IntType(32), ir.IntType(64)

    class Ids(types.Type):
        """Thirty-two integers of one type."""

        def __init__(self, dtype: Any) -> None:
            self.dtype = dtype
            super().__init__(name=f"graphlab_ids({dtype})")

    @register_model(Ids)
    class IdsModel(models.PrimitiveModel):
        def __init__(self, manager: Any, kind: Any) -> None:
            element = manager.lookup(kind.dtype).get_value_type()
            super().__init__(manager, kind, ir.VectorType(element, lanes))

    def pointer(context: Any, builder: Any, kind: Any, array: Any, at: Any, to: Any) -> Any:
        data = context.make_array(kind)(context, builder, array).data
        return builder.bitcast(builder.gep(data, [at]), to.as_pointer())

    def spread(builder: Any, scalar: Any, kind: Any) -> Any:
        empty = ir.Constant(kind, ir.Undefined)
        one = builder.insert_element(empty, scalar, int32(0))
        zero = ir.Constant(ir.VectorType(int32, kind.count), [0] * kind.count)
        return builder.shuffle_vector(one, empty, zero)

    @intrinsic
    def _load(typing: Any, array: Any, at: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            kind = context.get_value_type(signature.return_type)
            where = pointer(context, builder, signature.args[0], *arguments, kind)
            return builder.load(where, align=array.dtype.bitwidth // 8)

        return Ids(array.dtype)(array, types.intp), code

    @intrinsic
    def _store(typing: Any, array: Any, at: Any, ids: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            value = arguments[2]
            element = context.get_value_type(array.dtype)
            if element.width > value.type.element.width:
                value = builder.sext(value, ir.VectorType(element, lanes))
            where = pointer(context, builder, signature.args[0], *arguments[:2], value.type)
            builder.store(value, where, align=array.dtype.bitwidth // 8)
            return context.get_dummy_value()

        return types.void(array, types.intp, ids), code

    @intrinsic
    def _matches(typing: Any, ids: Any, wanted: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            vector, value = arguments
            equal = builder.icmp_signed("==", vector, spread(builder, value, vector.type))
            return builder.zext(builder.bitcast(equal, ir.IntType(lanes)), int64)

        return types.int64(ids, ids.dtype), code

    @intrinsic
    def _contains(typing: Any, ids: Any, wanted: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            vector, value = arguments
            element = vector.type.element
            part = ir.VectorType(element, 8)
            wide = spread(builder, value, part)
            found = None
            # as one comparison, the thirty-two results would be packed into bits first
            for start in range(0, lanes, 8):
                places = ir.Constant(ir.VectorType(int32, 8), list(range(start, start + 8)))
                ids = builder.shuffle_vector(vector, vector, places)
                equal = builder.sext(builder.icmp_signed("==", ids, wide), part)
                found = equal if found is None else builder.or_(found, equal)
            signs = builder.icmp_signed("<", found, ir.Constant(part, [0] * 8))
            bits = builder.bitcast(signs, ir.IntType(8))
            return builder.icmp_unsigned("!=", bits, ir.IntType(8)(0))

        return types.boolean(ids, ids.dtype), code

    @intrinsic
    def _only(typing: Any, ids: Any, first: Any, last: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            vector, begin, end = arguments
            kind = ir.VectorType(int32, lanes)
            start = builder.trunc(begin, int32)
            count = builder.sub(builder.trunc(end, int32), start)
            place = builder.sub(ir.Constant(kind, list(range(lanes))), spread(builder, start, kind))
            own = builder.icmp_unsigned("<", place, spread(builder, count, kind))
            return builder.select(own, vector, ir.Constant(vector.type, [-1] * lanes))

        return ids(ids, types.intp, types.intp), code

    @intrinsic
    def _entry(typing: Any, array: Any, at: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            kind = context.get_value_type(array.dtype)
            return builder.load(pointer(context, builder, array, *arguments, kind))

        return array.dtype(array, types.intp), code

    @intrinsic
    def _put(typing: Any, array: Any, at: Any, value: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            kind = context.get_value_type(array.dtype)
            where = pointer(context, builder, array, *arguments[:2], kind)
            builder.store(arguments[2], where)
            return context.get_dummy_value()

        return types.void(array, types.intp, array.dtype), code

    @intrinsic
    def _add_four(typing: Any, array: Any, at: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            element = context.get_value_type(array.dtype)
            kind = ir.VectorType(element, 4)
            added = ir.Constant(kind, ir.Undefined)
            for place, number in enumerate(arguments[2:]):
                fitted = number
                if element.width < number.type.width:
                    fitted = builder.trunc(number, element)
                added = builder.insert_element(added, fitted, int32(place))
            where = pointer(context, builder, signature.args[0], *arguments[:2], kind)
            align = array.dtype.bitwidth // 8
            total = builder.add(builder.load(where, align=align), added)
            builder.store(total, where, align=align)
            return context.get_dummy_value()

        whole = types.int64
        return types.void(array, types.intp, whole, whole, whole, whole), code

    @intrinsic
    def _lowest(typing: Any, bits: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.cttz(arguments[0], ir.IntType(1)(0))

        return types.int64(types.int64), code

    @intrinsic
    def _ones(typing: Any, bits: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.ctpop(arguments[0])

        return types.int64(types.int64), code

    @intrinsic
    def _single(typing: Any, bit: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.shl(int64(1), arguments[0])

        return types.int64(types.int64), code

    @intrinsic
    def _plus(typing: Any, ids: Any, others: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.add(*arguments)

        return ids(ids, others), code

    @intrinsic
    def _prefetch(typing: Any, array: Any, at: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            byte = ir.IntType(8)
            where = pointer(context, builder, signature.args[0], *arguments, byte)
            kind = ir.FunctionType(ir.VoidType(), [where.type, int32, int32, int32])
            function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
            # to be read, kept in all caches, data
            builder.call(function, [where, int32(0), int32(3), int32(1)])
            return context.get_dummy_value()

        return types.void(array, types.intp), code

    def plain(array: Any) -> bool:
        return isinstance(array, types.Array) and array.layout == "C"  # one entry beside the next

    overload(_simd_ids.load_ids)(
        lambda array, at: (lambda array, at: _load(array, at)) if plain(array) else None
    )
    overload(_simd_ids.store_ids)(
        lambda array, at, ids: (
            (lambda array, at, ids: _store(array, at, ids)) if plain(array) else None
        )
    )
    overload(_simd_ids.entry)(
        lambda array, at: (lambda array, at: _entry(array, at)) if plain(array) else None
    )
    overload(_simd_ids.put)(
        lambda array, at, value: (
            (lambda array, at, value: _put(array, at, value)) if plain(array) else None
        )
    )
    overload(_simd_ids.only)(
        lambda ids, first, last: lambda ids, first, last: _only(ids, first, last)
    )
    overload(_simd_ids.contains)(lambda ids, wanted: lambda ids, wanted: _contains(ids, wanted))
    overload(_simd_ids.matches)(lambda ids, wanted: lambda ids, wanted: _matches(ids, wanted))
    overload(_simd_ids.add_four)(
        lambda array, at, a, b, c, d: (
            (lambda array, at, a, b, c, d: _add_four(array, at, a, b, c, d))
            if plain(array)
            else None
        )
    )
    overload(_simd_ids.lowest)(lambda bits: lambda bits: _lowest(bits))
    overload(_simd_ids.ones)(lambda bits: lambda bits: _ones(bits))
    overload(_simd_ids.single)(lambda bit: lambda bit: _single(bit))
    overload(_simd_ids.plus)(lambda ids, others: lambda ids, others: _plus(ids, others))
    overload(_simd_ids.prefetch)(
        lambda array, at: (lambda array, at: _prefetch(array, at)) if plain(array) else None
    )
