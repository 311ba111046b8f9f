"""Compiled sampling from lists that are too long."""
# ruff: noqa: ANN401, PLR0917  (kernels take arrays, scalars of the arrays' type, and many)

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from graphlab.ops._compile import kernel
from graphlab.ops._dropout_kernels import draw

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

__all__ = ["cap"]


@kernel
def cap(
    ptr: Array,
    nodes: Array,
    out_ptr: Array,
    out: Array,
    weight: Array,
    key: Any,  # uint64
    first: int,
    last: int,
) -> None:
    """Copy each list, or draw from it with replacement what its new length allows."""
    for i in range(first, last):
        length, kept = ptr[i + 1] - ptr[i], out_ptr[i + 1] - out_ptr[i]
        for e in range(out_ptr[i], out_ptr[i + 1]):
            place = e - out_ptr[i]
            if length > kept:
                place = np.int64((draw(e, key) * np.uint64(length)) >> np.uint64(32))
            out[e] = nodes[ptr[i] + place]
            weight[e] = length / kept
