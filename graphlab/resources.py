"""What there is to work with: the files that graphlab ships, and the memory that is free."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

__all__ = ["available_bytes", "resource_dir"]

_CHECKOUT = {
    "datasets": Path("datasets"),
    "suites": Path("benchmarks") / "suites",
    "reference": Path("benchmarks") / "reference",
}


def resource_dir(kind: Literal["datasets", "suites", "reference"]) -> Path:
    """Return the folder of shipped files of one kind.

    In an installed wheel they lie inside the package, in a checkout at the repository's root.

    Args:
        kind: ``"datasets"`` (cards and shipped raw files), ``"suites"`` (TOML) or
            ``"reference"`` (published numbers, CSV).

    Raises:
        FileNotFoundError: The installation is incomplete.

    Example:
        >>> (resource_dir("suites") / "quick.toml").exists()
        True
    """
    package = Path(__file__).resolve().parent
    for folder in (package / "share" / kind, package.parent / _CHECKOUT[kind]):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(
        f"The shipped folder {kind!r} is missing beside {package}; "
        "the installation is incomplete. Install graphlab again."
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
