"""Largest eigenvectors of symmetric operators by Lanczos steps, each as often as it occurs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Krylov", "complete", "leading"]

Floats = NDArray[np.float64]

_TOLERANCE = 1e-5  # of residuals, relative to the value
_FLOOR = 1e-3  # values nearer to 0 than this count as this
_NEAR = 1e-6  # relative: a larger value than this is another one
_LOOK = 4  # steps between two looks at the values
_SMALL = 1e-11  # relative: a remainder that rounding made
_UNSEEN = 1e4  # a start holds less than 1 / 1000 of its typical share with chance 1e-3; times 10


class Krylov:
    """An orthonormal basis that Lanczos steps extend, and the operator within it.

    Each new vector is made orthogonal to all before. A step that leads nowhere (the space is
    invariant) goes on from a random vector, which may hold further vectors of the same values.

    Args:
        apply: The symmetric operator on (n,).
        inside: Projector that removes what is known; it commutes with ``apply``.
        start: First vector (n,), inside.
        room: Most vectors; a full basis shrinks to its best ``keep``.
        keep: As said.
        rng: Source of vectors where steps lead nowhere.
    """

    def __init__(
        self,
        apply: Callable[[Floats], Floats],
        inside: Callable[[Floats], Floats],
        start: Floats,
        *,
        room: int,
        keep: int,
        rng: np.random.Generator,
    ) -> None:
        self.apply, self.inside, self.rng = apply, inside, rng
        self.keep = min(keep, room - 1)
        self.basis = np.empty((room + 1, start.size))
        self.inner = np.zeros((room, room))
        self.size = self.steps = 0
        self.rest = 0.0  # length of what the last step found outside
        self.exhausted = not self._append(start)

    def step(self) -> None:
        """Apply the operator to the newest vector; a full basis is shrunk before."""
        if self.size == len(self.inner):
            self._shrink()
        j = self.size
        old = self.basis[: j + 1]
        new = self.apply(old[j])
        length = float(np.linalg.norm(new))
        share = old @ new
        # once is not enough: what is left of old directions, or of known ones, grows step by step
        new = self.inside(new - share @ old)
        more = old @ new
        new -= more @ old
        share += more
        left = float(np.linalg.norm(new))
        self.inner[: j + 1, j] = self.inner[j, : j + 1] = share
        self.size, self.steps = j + 1, self.steps + 1
        scale = max(length, float(np.abs(np.diagonal(self.inner)[: j + 1]).max()))
        if left > _SMALL * scale:
            self.rest = left
            self.basis[j + 1] = new / left
        else:
            self.rest = 0.0
            self.exhausted = not self._append(self.rng.standard_normal(new.size))

    def values(self) -> tuple[Floats, Floats, Floats]:
        """Return values in falling order, their residuals, and coordinates (size, size)."""
        found, coordinates = np.linalg.eigh(self.inner[: self.size, : self.size])
        residuals = self.rest * np.abs(coordinates[-1])
        return found[::-1], residuals[::-1], coordinates[:, ::-1]

    def exact(self, values: Floats, residuals: Floats) -> int:
        """Return how many of the largest values are exact enough."""
        wrong = residuals > _TOLERANCE * np.maximum(np.abs(values), _FLOOR)
        return int(np.argmax(wrong)) if wrong.any() else wrong.size

    def pairs(self, most: int) -> tuple[Floats, Floats, int]:
        """Return up to ``most`` largest values, their vectors (c, n), and how many are exact."""
        values, residuals, coordinates = self.values()
        vectors = coordinates[:, :most].T @ self.basis[: self.size]
        return values[:most], vectors, min(self.exact(values, residuals), most)

    def _append(self, vector: Floats) -> bool:
        """Put a vector behind the basis; False where the basis spans it already."""
        length = np.linalg.norm(vector)
        for _ in range(2):
            vector = self.inside(vector)
            if self.size:
                vector = vector - (self.basis[: self.size] @ vector) @ self.basis[: self.size]
        left = float(np.linalg.norm(vector))
        if not left > 1e-8 * length:
            return False
        self.basis[self.size] = vector / left
        return True

    def _shrink(self) -> None:
        found, _, coordinates = self.values()
        best, newest = (
            coordinates[:, : self.keep].T @ self.basis[: self.size],
            self.basis[self.size].copy(),
        )
        self.basis[: self.keep], self.basis[self.keep] = best, newest
        self.inner[:] = 0
        self.inner[range(self.keep), range(self.keep)] = found[: self.keep]
        self.size = self.keep


def leading(space: Krylov, count: int, *, most_steps: int | None = None) -> None:
    """Extend a basis until its ``count`` largest values are exact, or to ``most_steps``."""
    while not space.exhausted and space.steps != most_steps:
        if space.size >= count and space.steps % _LOOK == 0:
            found, residuals, _ = space.values()
            if space.exact(found, residuals) >= count:
                return
        space.step()


def complete(
    apply: Callable[[Floats], Floats],
    inside: Callable[[Floats], Floats],
    values: Floats,
    vectors: Floats,
    count: int,
    *,
    low: float,
    rng: np.random.Generator,
) -> tuple[Floats, Floats]:
    """Return the ``count`` largest with those that a first run has missed.

    A Lanczos run sees one vector of a value that occurs several times (rings, symmetric graphs).
    So what was found is projected out, and further runs begin from random vectors, until one has
    seen nothing that is larger than the smallest of the wanted. Such a run ends as soon as a
    larger value would have shown: Chebyshev's polynomial raises the share of its vector in a
    random start from next to nothing to more than all others have [kuczynski1992]_. What the first
    run found behind the wanted is projected out too: the further the rest is, the fewer steps.

    Args:
        apply: The operator.
        inside: Projector on the space that is searched.
        values: Values of ``vectors`` in falling order, at least ``count``.
        vectors: Orthonormal rows (c, n).
        count: How many are wanted.
        low: Bound of the spectrum from below.
        rng: Source of the random vectors.
    """
    n = vectors.shape[1]
    needed = math.log(2 * math.sqrt(n) * _UNSEEN)
    while True:
        known, limit = vectors, values[count - 1] + _NEAR * abs(values[count - 1])

        def rest(x: Floats, known: Floats = known) -> Floats:
            x = inside(x)
            return x - (known @ x) @ known

        start = rest(np.asarray(rng.standard_normal(n)))
        space = Krylov(apply, rest, start, room=2 * count + 40, keep=count + 5, rng=rng)
        new = _missed(space, count, limit, low, needed)
        if not new:
            return values[:count], vectors[:count]
        more, others, _ = space.pairs(new)
        values, vectors = np.append(values, more), np.concatenate([vectors, others])
        order = np.argsort(-values, kind="stable")
        values, vectors = values[order], vectors[order]


def _missed(space: Krylov, count: int, limit: float, low: float, needed: float) -> int:
    """Return how many values above ``limit`` there are, at most ``count``."""
    while not space.exhausted:
        space.step()
        if space.steps % _LOOK and space.rest:
            continue
        found, residuals, _ = space.values()
        above, exact = int((found > limit).sum()), space.exact(found, residuals)
        if exact >= count and above >= count:
            return count
        if exact < above or above == space.size:
            continue
        if exact > above or _seen(space, float(found[above]), limit, low) > needed:
            return above
    if not space.size:  # all was known
        return 0
    return min(int((space.values()[0] > limit).sum()), count)


def _seen(space: Krylov, largest: float, limit: float, low: float) -> float:
    """Return the logarithm of what the steps raise the share of a value above ``limit`` by."""
    gap = (limit - largest) / max(largest - low, 1e-300)
    return (space.steps - 1) * math.acosh(1 + 2 * max(gap, 0.0))
