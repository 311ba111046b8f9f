"""Packages whose names are imported on first use (PEP 562), so that listing them costs little."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["lazy_names"]


def lazy_names(
    package: str, homes: Mapping[str, Iterable[str]]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return ``__getattr__`` and ``__dir__`` of a package.

    Args:
        package: Its name.
        homes: Names by the module that holds them.

    Example:
        >>> find, listed = lazy_names("toy", {"math": ("tau", "pi")})
        >>> listed(), find("pi")
        (['pi', 'tau'], 3.141592653589793)
    """
    module_of = {name: module for module, names in homes.items() for name in names}

    def find(name: str) -> Any:  # noqa: ANN401  (whatever the name stands for)
        if name not in module_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(module_of[name]), name)

    return find, lambda: sorted(module_of)
