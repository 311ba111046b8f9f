"""What functions with a gradient of their own share: refusals that are clear."""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["eager", "first_order"]

P = ParamSpec("P")
R = TypeVar("R")


def eager(function: Callable[P, R]) -> Callable[P, R]:
    """Run a function outside compiled graphs: ``torch.compile`` breaks its graph around the call.

    ``torch._dynamo.disable`` does the same, but must be imported for it, which takes a second;
    nothing is imported here before somebody else has.
    """
    disabled: list[Callable[P, R]] = []

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        if disabled:
            return disabled[0](*args, **kwargs)
        dynamo = sys.modules.get("torch._dynamo")
        if dynamo is None or not hasattr(dynamo, "disable"):
            return function(*args, **kwargs)
        disabled.append(dynamo.disable(function))
        return disabled[0](*args, **kwargs)

    return run


def first_order(backward: Callable[P, R]) -> Callable[P, R]:
    """Refuse to be differentiated again, where torch's own guard may return a wrong gradient.

    ``once_differentiable`` lets a backward pass go without a graph when the incoming gradient is a
    constant; a penalty on the result would then be ignored without a word.

    Raises:
        NotImplementedError: In a backward pass with ``create_graph=True``.
    """

    @functools.wraps(backward)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        if torch.is_grad_enabled():
            raise NotImplementedError(
                "Second derivatives (create_graph=True) are not available from compiled kernels; "
                "backend='torch' has them."
            )
        return backward(*args, **kwargs)

    return run
