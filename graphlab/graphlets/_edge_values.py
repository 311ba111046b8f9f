"""The entries one step apart: closed forms of six sums an edge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from graphlab.graphlets._keys import Key

    Array = NDArray[Any]

__all__ = ["EdgeSums", "edge_values"]


@dataclass(frozen=True)
class EdgeSums:
    """What is known of each entry (u, v), all arrays of one length, 64 bits.

    Sums run over the common neighbours w of u and v: of t(v, w), t(u, w) and d(w). Of the last two,
    the four-cycles through the edge (chords allowed) or the pairs of steps from v to nodes two
    steps from u, one is given.
    """

    triangles: Array
    toward: Array  # sum of t(v, w)
    back: Array  # sum of t(u, w)
    degrees: Array  # sum of d(w)
    cliques: Array
    degree: tuple[Array, Array]  # of u and of v
    closed: tuple[Array, Array]  # triangles at u and at v
    beyond: tuple[Array, Array]  # over the neighbours w of u, and of v: d(w) - 1 - t
    cycles: Array | None = None
    through: Array | None = None


def edge_values(sums: EdgeSums, keys: Iterable[Key]) -> dict[Key, Array]:
    """Return the values of the keys of distance 1 at each entry (u, v), int64."""
    t, k = sums.triangles, sums.cliques
    past_u, past_v = (d - 1 - t for d in sums.degree)  # neighbours of one end alone
    chord_v, chord_u = (s - t - 2 * k for s in (sums.toward, sums.back))  # of diamonds, its end
    found: dict[Key, Array] = {}

    def of(i: int, j: int) -> Array:
        if (1, i, j) not in found:
            found[1, i, j] = forms[i, j]()
        return found[1, i, j]

    def cycles() -> Array:
        if sums.through is not None:
            inside: Array = sums.through - chord_v - past_v
            return inside
        if sums.cycles is None:
            raise ValueError("neither cycles nor steps through the edge are given")
        without: Array = sums.cycles - 2 * k - chord_v - chord_u
        return without

    forms: dict[tuple[int, int], Callable[[], Array]] = {
        (0, 0): lambda: np.ones_like(t),
        (1, 2): lambda: past_v,
        (2, 1): lambda: past_u,
        (3, 3): lambda: t,
        (4, 5): lambda: sums.beyond[1] - past_u - (sums.degrees - t - sums.toward) - of(8, 8),
        (5, 4): lambda: sums.beyond[0] - past_v - (sums.degrees - t - sums.back) - of(8, 8),
        (5, 5): lambda: past_v * past_u - of(8, 8),
        (6, 7): lambda: past_v * (past_v - 1) // 2 - of(9, 11),
        (7, 6): lambda: past_u * (past_u - 1) // 2 - of(11, 9),
        (8, 8): cycles,
        (9, 11): lambda: sums.closed[1] - t - chord_v - k,
        (11, 9): lambda: sums.closed[0] - t - chord_u - k,
        (10, 10): lambda: sums.degrees - t - sums.back - chord_v,
        (10, 11): lambda: t * past_v - chord_v,
        (11, 10): lambda: t * past_u - chord_u,
        (12, 13): lambda: chord_v,
        (13, 12): lambda: chord_u,
        (13, 13): lambda: t * (t - 1) // 2 - k,
        (14, 14): lambda: k,
    }
    return {key: of(key[1], key[2]) for key in keys}
