"""How much memory is free, and whether a data set fits into it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphlab.errors import DatasetTooLarge
from graphlab.resources import available_bytes

if TYPE_CHECKING:
    from graphlab.datasets.card import DatasetCard

__all__ = ["check_memory"]


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
