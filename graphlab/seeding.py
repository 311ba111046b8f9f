"""Random numbers: every draw has a purpose, and every purpose has its own seed."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import torch

__all__ = ["derive_seed", "deterministic", "numpy_generator", "preserve_rng", "torch_generator"]

_MASK = (1 << 63) - 1  # torch and numpy both take 63-bit seeds


def derive_seed(seed: int, purpose: str) -> int:
    """Return the seed of one purpose within one run.

    A draw added for one purpose moves no other draw, since purposes do not share a stream.

    Args:
        seed: The run's seed.
        purpose: What the numbers are for, such as ``"split"``, ``"init"``, ``"dropout-12"``.

    Returns:
        First 8 bytes of SHA-256 over ``seed:purpose``, reduced to 63 bits.

    Example:
        >>> derive_seed(0, "init") == derive_seed(0, "init")
        True
        >>> derive_seed(0, "init") == derive_seed(1, "init")
        False
    """
    digest = hashlib.sha256(f"{int(seed)}:{purpose}".encode()).digest()
    return int.from_bytes(digest[:8], "little") & _MASK


def torch_generator(
    seed: int, purpose: str, *, device: str | torch.device = "cpu"
) -> torch.Generator:
    """Return a torch generator seeded for one purpose of one run."""
    import torch

    return torch.Generator(device=device).manual_seed(derive_seed(seed, purpose))


def numpy_generator(seed: int, purpose: str) -> np.random.Generator:
    """Return a numpy generator seeded for one purpose of one run."""
    import numpy as np

    return np.random.default_rng(derive_seed(seed, purpose))


@contextmanager
def preserve_rng() -> Iterator[None]:
    """Restore the global random states of torch, numpy and Python when the block ends."""
    import random

    import numpy as np
    import torch

    python_state, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002
    torch_state = torch.get_rng_state()
    cuda_states = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    try:
        yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)  # noqa: NPY002
        torch.set_rng_state(torch_state)
        if cuda_states:
            torch.cuda.set_rng_state_all(cuda_states)


@contextmanager
def deterministic(*, enabled: bool = True) -> Iterator[None]:
    """Switch torch's deterministic algorithms on (or off) within the block."""
    import torch

    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(enabled)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)
