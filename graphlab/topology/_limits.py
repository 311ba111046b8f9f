"""Checks of numbers, of the work and of the memory that a call would take, before it starts."""

from __future__ import annotations

import numpy as np

from graphlab.errors import InputError, ResourceError
from graphlab.resources import available_bytes

__all__ = ["MAX_WALKS", "check_bytes", "check_positive", "check_vectors", "check_walks"]

MAX_WALKS = 2e9
_ASK = 1 << 28  # bytes below which nobody asks how much memory is free
_SHARE = 0.5


def check_positive(name: str, value: object) -> int:
    """Return a whole number of at least 1; InputError otherwise."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise InputError(f"{name} is {value!r}, expected an integer >= 1.")
    return int(value)


def check_walks(number: float, hops: int, max_walks: float) -> None:
    """Raise ResourceError where there are more walks than allowed."""
    if not number <= max_walks:
        raise ResourceError(
            f"The training graph has {number:.3g} walks of {hops} steps, more than max_walks = "
            f"{max_walks:.3g}; exact values would take very long. Use fewer hops, or "
            "approximate_topological_concentration with a number for dim; or give block= to "
            "compute them all the same."
        )


def check_vectors(num_nodes: int, vectors: int, threads: int | None) -> None:
    """Raise ResourceError where some vectors of 8 bytes a node do not fit for each thread."""
    import torch

    count = threads or torch.get_num_threads()
    check_bytes(
        8 * count * num_nodes * vectors,
        f"{vectors} vectors of {num_nodes} nodes for each of {count} threads",
        "Use fewer threads (num_threads=) or fewer hops.",
    )


def check_bytes(needed: int, what: str, remedy: str) -> None:
    """Raise ResourceError where more than half of the free memory would be needed."""
    if needed < _ASK:
        return
    free = available_bytes()
    if free is not None and needed > _SHARE * free:
        raise ResourceError(
            f"{what} take {needed / 2**30:.2f} GiB, more than half of the {free / 2**30:.2f} GiB "
            f"that are free. {remedy}"
        )
