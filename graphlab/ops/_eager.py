"""Keep ``torch.compile`` out of what it cannot trace."""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["eager"]

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
