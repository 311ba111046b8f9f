"""Where the files live that graphlab ships: data sets, suites, published numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

__all__ = ["resource_dir"]

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
