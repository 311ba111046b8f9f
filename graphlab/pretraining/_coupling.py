"""Conditional gradient for the square Gromov-Wasserstein problem, from given couplings."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["COARSE", "FINE", "Depth", "constants", "descend", "starting_plans"]


class Depth(NamedTuple):
    """How far to descend.

    Attributes:
        gap: What a step may still promise at the end, relative to what both matrices sum to.
        steps: Most steps.
    """

    gap: float
    steps: int


FINE = Depth(1e-11, 1000)
COARSE = Depth(1e-6, 50)  # tells starts apart; the last digits take most of the steps


def starting_plans(p: Floats, q: Floats) -> list[Floats]:
    """Return the product of the marginals, and the identity where they are equal."""
    plans = [np.outer(p, q)]
    if len(p) == len(q) and np.array_equal(p, q):
        plans.append(np.diag(p))
    return plans


def constants(C1: Floats, C2: Floats, p: Floats, q: Floats) -> float:
    """Return the part of the objective that no coupling changes."""
    return float(p @ (C1 * C1) @ p + q @ (C2 * C2) @ q)


def descend(  # noqa: PLR0917  (in the order of the formula)
    C1: Floats, C2: Floats, p: Floats, q: Floats, plan: Floats, depth: Depth = FINE
) -> tuple[float, Floats]:
    """Return objective and coupling of the local optimum that is reached from one coupling.

    With X = C1 T C2 the objective is const - 2 <X, T>, its gradient const - 4 X; along a step D
    it is a parabola, whose minimum on [0, 1] is exact.
    """
    fixed = constants(C1, C2, p, q)
    bound = depth.gap * fixed
    step_to = _linear_solver(p, q)
    pulled = C1 @ plan @ C2
    for _ in range(depth.steps):
        step = step_to(pulled) - plan
        slope = -4.0 * float(np.vdot(pulled, step))
        if slope >= -bound:
            break
        change = C1 @ step @ C2
        curve = -2.0 * float(np.vdot(change, step))
        # a concave parabola that falls at 0 falls all the way
        length = 1.0 if curve <= 0 else min(1.0, -slope / (2 * curve))
        plan = plan + length * step
        pulled = pulled + length * change
    return fixed - 2.0 * float(np.vdot(pulled, plan)), plan


# -- private --------------------------------------------------------------------------------------


def _linear_solver(p: Floats, q: Floats) -> Callable[[Floats], Floats]:
    """Return a function: gain (r, s) -> the coupling of largest total gain."""
    if len(p) == len(q) and np.ptp(p) == 0 and np.ptp(q) == 0:
        from scipy.optimize import linear_sum_assignment

        def assign(gain: Floats) -> Floats:
            # a corner of the couplings of equal masses is a permutation: 20 times faster so
            target = linear_sum_assignment(gain, maximize=True)
            plan = np.zeros(gain.shape)
            plan[target] = p[0]
            return plan

        return assign
    import ot

    def transport(gain: Floats) -> Floats:
        scale = np.abs(gain).max() or 1.0  # POT's tolerances are absolute
        plan: Floats = ot.emd(p, q, -gain / scale)
        return plan

    return transport
