"""How much memory is free, and whether a data set fits into it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from graphlab.errors import DatasetTooLarge

if TYPE_CHECKING:
    from graphlab.datasets.card import DatasetCard

__all__ = ["available_bytes", "check_memory"]


def check_memory(card: DatasetCard) -> None:
    """Refuse a set whose card states more memory than is free; unknown sizes pass.

    Raises:
        DatasetTooLarge: With the bytes needed and available.
    """
    available = available_bytes()
    if card.bytes_memory is None or available is None or card.bytes_memory <= available:
        return
    raise DatasetTooLarge(
        f"{card.name} needs {card.bytes_memory} bytes in memory, {available} are available. "
        "There is no out-of-core option for it in this version: use a machine with more memory, "
        "or a smaller set."
    )


def available_bytes() -> int | None:
    """Return the memory this process may still take, or None where the system does not say.

    The least of what the system reports as available and what an address-space limit leaves.

    Example:
        >>> available_bytes() != 0
        True
    """
    found = [value for value in (_system(), _limit()) if value is not None]
    return min(found) if found else None


def _system() -> int | None:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return None


def _limit() -> int | None:
    import resource

    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit == resource.RLIM_INFINITY:
        return None
    try:
        used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        used = 0
    return max(limit - used, 0)
