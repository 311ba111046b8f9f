"""Gromov-Wasserstein distance of two step functions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from graphlab.errors import InputError
from graphlab.pretraining._coupling import descend, starting_plans
from graphlab.pretraining.steps import checked_square

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

__all__ = ["GWDistance", "Loss", "gw_distance"]

Loss = Literal["square", "kl"]
_ASYMMETRY = 1e-4  # that rounding in single precision may leave
_MASS = 1e-9  # how far marginals may be from a sum of 1


@dataclass(frozen=True)
class GWDistance:
    """The best local optimum that was found. The problem is not convex: there may be better ones.

    Attributes:
        objective: Sum of the losses under the coupling, at least 0.
        coupling: Mass (r, s) between the cells of both.
        loss: Which loss.
        starts: Number of starting couplings.
    """

    objective: float
    coupling: Floats
    loss: str
    starts: int

    @property
    def distance(self) -> float:
        """Square root of the objective."""
        return float(np.sqrt(self.objective))


def gw_distance(
    C1: ArrayLike,
    C2: ArrayLike,
    p: ArrayLike | None = None,
    q: ArrayLike | None = None,
    loss: Loss = "square",
    *,
    warm: ArrayLike | None = None,
) -> GWDistance:
    r"""Minimise :math:`\sum_{ijkl} L(C^1_{ik}, C^2_{jl}) T_{ij} T_{kl}` over couplings T.

    Conditional gradient with an exact line search. The square loss :math:`(a - b)^2` starts from
    the product of the marginals, from the identity where sizes and marginals agree, from ``warm``,
    and keeps the best. Its linear steps are transport problems of POT; between uniform marginals
    of one size, assignments. ``kl``, :math:`a \ln(a/b) - a + b`, is POT's solver from the product
    alone: its root is the number that the authors' code reports; it is not symmetric.

    Args:
        C1: Symmetric step function.
        C2: Symmetric step function, of any size.
        p: Mass of the cells of ``C1``; uniform by default.
        q: Mass of the cells of ``C2``.
        loss: ``"square"`` or ``"kl"``.
        warm: A further coupling to start from.

    Shapes:
        - ``C1``: (r, r); ``C2``: (s, s); ``p``: (r,); ``q``: (s,); ``warm``: (r, s)

    Raises:
        InputError: Not square or not finite matrices, masses that are negative or do not sum to 1,
            an unknown loss, a coupling of another shape.

    Cost: O(r s (r + s)) an iteration, and one transport problem.

    Example:
        >>> gw_distance([[0.5, 0.1], [0.1, 0.0]], [[0.0, 0.1], [0.1, 0.5]]).objective
        0.0
    """
    one, two = _checked("C1", C1), _checked("C2", C2)
    mass = _marginal("p", p, len(one)), _marginal("q", q, len(two))
    if loss not in ("square", "kl"):
        raise InputError(f"loss is {loss!r}, expected 'square' or 'kl'.")
    extra = None if warm is None else _coupling(warm, (len(one), len(two)))
    if loss == "kl":
        return _official(one, two, *mass, extra)
    one, two = (one + one.T) / 2, (two + two.T) / 2
    plans = starting_plans(*mass)
    if extra is not None:
        plans.append(extra)
    found = [descend(one, two, *mass, plan) for plan in plans]
    objective, plan = min(found, key=lambda pair: pair[0])
    return GWDistance(max(objective, 0.0), plan, loss, len(plans))


# -- private --------------------------------------------------------------------------------------


def _official(one: Floats, two: Floats, p: Floats, q: Floats, warm: Floats | None) -> GWDistance:
    import ot

    start = np.outer(p, q) if warm is None else warm
    plan, log = ot.gromov.gromov_wasserstein(one, two, p, q, "kl_loss", G0=start, log=True)
    return GWDistance(max(float(log["gw_dist"]), 0.0), np.asarray(plan), "kl", 1)


def _checked(name: str, value: ArrayLike) -> Floats:
    matrix = checked_square(name, value)
    if np.abs(matrix - matrix.T).max() > _ASYMMETRY:
        raise InputError(f"{name} is not symmetric, expected a graphon: the same both ways.")
    return matrix


def _marginal(name: str, value: ArrayLike | None, n: int) -> Floats:
    if value is None:
        return np.full(n, 1 / n)
    mass = np.asarray(value, dtype=np.float64)
    if mass.shape != (n,):
        raise InputError(f"{name} has shape {mass.shape}, expected ({n},): one mass a cell.")
    if not (np.isfinite(mass).all() and (mass >= 0).all() and abs(mass.sum() - 1) < _MASS):
        raise InputError(f"{name} sums to {mass.sum():g}, expected masses >= 0 that sum to 1.")
    return mass


def _coupling(value: ArrayLike, shape: tuple[int, int]) -> Floats:
    plan = np.asarray(value, dtype=np.float64)
    if plan.shape != shape or not np.isfinite(plan).all():
        raise InputError(f"warm has shape {plan.shape}, expected finite values {shape}.")
    return plan
