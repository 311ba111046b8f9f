"""The entries one step apart: closed forms of six sums an edge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from graphlab.graphlets._keys import Key

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

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
    degrees: Array
    cliques: Array
    cycles: Array | None = None
    through: Array | None = None
    degree: tuple[Array, Array] = ()  # type: ignore[assignment]  # of u and of v
    closed: tuple[Array, Array] = ()  # type: ignore[assignment]  # triangles at u and at v
    beyond: tuple[Array, Array] = ()  # type: ignore[assignment]  # S2 of u and of v


def edge_values(sums: EdgeSums, keys: Iterable[Key]) -> dict[Key, Array]:
    """Return the values of the keys of distance 1 at each entry (u, v), int64."""
    known = _Values(sums)
    return {key: known.of(key) for key in keys}


class _Values:
    """Values of keys, each computed when first wanted."""

    def __init__(self, sums: EdgeSums) -> None:
        self.sums = sums
        t = sums.triangles
        self.past_v = sums.degree[1] - 1 - t  # neighbours of v alone
        self.past_u = sums.degree[0] - 1 - t
        self.at_v = sums.toward - t - 2 * sums.cliques  # diamonds whose chord ends at v
        self.at_u = sums.back - t - 2 * sums.cliques
        self.found: dict[Key, Array] = {}

    def of(self, key: Key) -> Array:
        if key not in self.found:
            self.found[key] = self._compute(key)
        return self.found[key]

    def _compute(self, key: Key) -> Array:  # noqa: PLR0911  (one line a key)
        s, t, k = self.sums, self.sums.triangles, self.sums.cliques
        _, i, j = key
        from_u = (i, j) in {(1, 2), (4, 5), (6, 7), (9, 11), (10, 11), (12, 13)}
        past, other = (self.past_v, self.past_u) if from_u else (self.past_u, self.past_v)
        chord = self.at_v if from_u else self.at_u
        match (min(i, j), max(i, j)):
            case (0, 0):
                return np.ones_like(t)
            case (1, 2):
                return past
            case (3, 3):
                return t
            case (4, 5):
                beyond = s.beyond[1] if from_u else s.beyond[0]
                sums = s.degrees - t - (s.toward if from_u else s.back)
                return beyond - other - sums - self.of((1, 8, 8))
            case (5, 5):
                return self.past_v * self.past_u - self.of((1, 8, 8))
            case (6, 7):
                kites = self.of((1, 9, 11) if from_u else (1, 11, 9))
                return past * (past - 1) // 2 - kites
            case (8, 8):
                if s.through is not None:
                    return s.through - self.at_v - self.past_v
                assert s.cycles is not None  # noqa: S101  (one of both is always given)
                return s.cycles - 2 * k - self.at_v - self.at_u
            case (9, 11):
                return (s.closed[1] if from_u else s.closed[0]) - t - chord - k
            case (10, 10):
                return s.degrees - t - s.back - self.at_v
            case (10, 11):
                return t * past - chord
            case (12, 13):
                return chord
            case (13, 13):
                return t * (t - 1) // 2 - k
            case _:
                return k
