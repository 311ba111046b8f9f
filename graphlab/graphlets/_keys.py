"""Names of orbits, of graphlets and of pairs of orbits, and the choice among them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphlab.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "EDGE_ORBITS",
    "GRAPHLETS",
    "ORBIT_PAIRS",
    "PER_NODE",
    "SEEN_BY_WALKS",
    "Key",
    "check_graphlet",
    "select_keys",
]

Key = tuple[int, int, int]

PER_NODE: dict[Key, int] = {
    **{(1, 0, 0): 1, (1, 1, 2): 1, (1, 2, 1): 2, (1, 3, 3): 2, (1, 4, 5): 1, (1, 5, 4): 1},
    **{(1, 5, 5): 1, (1, 6, 7): 1, (1, 7, 6): 3, (1, 8, 8): 2, (1, 9, 11): 1, (1, 11, 9): 1},
    **{(1, 10, 10): 1, (1, 10, 11): 1, (1, 11, 10): 2, (1, 12, 13): 2, (1, 13, 12): 2},
    **{(1, 13, 13): 1, (1, 14, 14): 3},
    **{(2, 1, 1): 1, (2, 4, 5): 1, (2, 5, 4): 1, (2, 6, 6): 2, (2, 8, 8): 1, (2, 9, 10): 2},
    **{(2, 10, 9): 1, (2, 12, 12): 1},
    (3, 4, 4): 1,
}
"""Nodes at orbit j, h steps from a node at orbit i inside the graphlet, for each key (h, i, j)."""

ORBIT_PAIRS: tuple[Key, ...] = tuple(PER_NODE)
"""The 28 keys (h, i, j): distance inside the graphlet, orbit of the row, orbit of the column."""

_ORBITS = ((0,), (1, 2), (3,), (4, 5), (6, 7), (8,), (9, 10, 11), (12, 13), (14,))

GRAPHLETS: dict[int, tuple[Key, ...]] = {
    k: tuple(key for key in ORBIT_PAIRS if key[1] in orbits) for k, orbits in enumerate(_ORBITS)
}
"""Keys of each graphlet G0 to G8: their matrices sum up to the graphlet adjacency."""

EDGE_ORBITS: tuple[Key, ...] = tuple(
    key for key in ORBIT_PAIRS if key[0] == 1 and 0 < key[1] <= key[2]
)
"""Columns of edge orbit counts: the twelve pairs of orbits that an edge can join."""

SEEN_BY_WALKS: tuple[Key, ...] = tuple(
    key
    for key in ORBIT_PAIRS
    if key in {(1, 0, 0), (2, 1, 1), (1, 3, 3), (3, 4, 4), (1, 8, 8), (2, 9, 10), (2, 10, 9)}
    or key in {(2, 12, 12), (1, 12, 13), (1, 13, 12), (1, 14, 14)}
)
"""The eleven keys whose entries add to walks of up to three steps; the others are unseen."""


def select_keys(
    orbits: Iterable[tuple[int, ...]] | None = None,
    hop: int | None = None,
    graphlet: int | None = None,
) -> tuple[Key, ...]:
    """Return the wanted keys in the order of :data:`ORBIT_PAIRS`.

    Args:
        orbits: Keys (h, i, j), or pairs (i, j) where h is unique; one key alone; None for all.
        hop: Keep keys of this distance.
        graphlet: Keep keys of this graphlet, 0 to 8.

    Raises:
        InputError: A key that does not exist, a pair of orbits at two distances, nothing left.
    """
    if hop is not None and hop not in (1, 2, 3):
        raise InputError(f"hop is {hop!r}, expected 1, 2 or 3.")
    if graphlet is not None:
        check_graphlet(graphlet)
    wanted = set(ORBIT_PAIRS) if orbits is None else {_key(item) for item in _items(orbits)}
    kept = tuple(
        key
        for key in ORBIT_PAIRS
        if key in wanted
        and (hop is None or key[0] == hop)
        and (graphlet is None or key in GRAPHLETS[graphlet])
    )
    if not kept:
        raise InputError(
            f"No orbit adjacency is left of orbits={orbits!r}, hop={hop!r}, graphlet={graphlet!r}; "
            "see graphlab.graphlets.ORBIT_PAIRS for the 28 keys."
        )
    return kept


def check_graphlet(k: int) -> None:
    """Refuse what is not the number of a graphlet."""
    if k not in tuple(GRAPHLETS):
        raise InputError(f"graphlet is {k!r}, expected a number from 0 (edge) to 8 (K4).")


def _items(orbits: Iterable[tuple[int, ...]]) -> list[tuple[int, ...]]:
    try:
        items = list(orbits)
    except TypeError as error:
        raise InputError(f"orbits is {orbits!r}, expected keys such as (1, 4, 5).") from error
    if items and all(not hasattr(item, "__len__") for item in items):
        return [tuple(items)]  # type: ignore[arg-type]  # one key, not a list of keys
    return items


def _key(item: tuple[int, ...]) -> Key:
    try:
        parts = tuple(int(part) for part in item)
        whole = parts == tuple(item)
    except (TypeError, ValueError):
        parts, whole = (), False
    if whole and len(parts) == 3 and parts in PER_NODE:
        return parts
    if whole and len(parts) == 2:
        found = [key for key in ORBIT_PAIRS if key[1:] == parts]
        if len(found) == 1:
            return found[0]
        if found:
            raise InputError(
                f"The orbits {item!r} occur at several distances; choose one of "
                f"{', '.join(map(str, found))}."
            )
    near = [key for key in ORBIT_PAIRS if set(key[1:]) == set(parts[-2:])]
    hint = f" Did you mean {' or '.join(map(str, near))}?" if near else ""
    raise InputError(
        f"{item!r} is no orbit pair (h, i, j); graphlab.graphlets.ORBIT_PAIRS lists all 28.{hint}"
    )
