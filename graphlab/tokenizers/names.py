"""Tokenizers by name."""

from __future__ import annotations

from inspect import signature
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

from graphlab.errors import InputError
from graphlab.registry import nearest
from graphlab.tokenizers.edge import Edge
from graphlab.tokenizers.hac import HAC
from graphlab.tokenizers.khop import KHop
from graphlab.tokenizers.node import Node
from graphlab.tokenizers.patch import Patch
from graphlab.tokenizers.random_walk import RandomWalk

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphlab.tokenizers.base import Tokenizer

__all__ = ["TOKENIZERS", "make_tokenizer"]

TOKENIZERS: Mapping[str, type[Any]] = MappingProxyType(
    {
        "node": Node,
        "edge": Edge,
        "khop": KHop,
        "random_walk": RandomWalk,
        "hac": HAC,
        "patch": Patch,
    }
)
"""Classes of the tokenizers by name."""


def make_tokenizer(name: str | Tokenizer, **options: Any) -> Tokenizer:  # noqa: ANN401
    """Return a tokenizer by name.

    Args:
        name: A key of :data:`TOKENIZERS`; ``hac_dfs``, ``hac_bfs`` or ``hac_order`` for a
            traversal; or a tokenizer, returned as it is.
        options: Arguments of its constructor.

    Raises:
        InputError: An unknown name, or an option that the tokenizer does not have.

    Example:
        >>> make_tokenizer("hac_bfs").traversal
        'bfs'
    """
    if not isinstance(name, str):
        if options:
            raise InputError(
                f"options {sorted(options)} were given beside a {type(name).__name__}; give a "
                "name, or a tokenizer made with its options."
            )
        return name
    base, _, traversal = name.partition("_")
    key = name
    if base == "hac" and traversal:
        key, options = "hac", {"traversal": traversal, **options}
    if key not in TOKENIZERS:
        close = nearest(name, tuple(TOKENIZERS))
        hint = f" Did you mean {close[0]}?" if close else f" Known: {', '.join(TOKENIZERS)}."
        raise InputError(f"there is no tokenizer {name!r}.{hint}")
    known = tuple(signature(TOKENIZERS[key]).parameters)
    for option in options:
        if option not in known:
            close = nearest(option, known, n=1)
            hint = f" Did you mean {close[0]}?" if close else ""
            raise InputError(
                f"{option} is no option of tokenizer {name!r}: it has {', '.join(known) or 'none'}."
                f"{hint}"
            )
    return cast("Tokenizer", TOKENIZERS[key](**options))
