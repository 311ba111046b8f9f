"""Weights of graphon bases: which mixture of them is nearest to a graphon."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from graphlab.errors import InputError
from graphlab.pretraining._coupling import COARSE, FINE, Depth, constants, descend, starting_plans
from graphlab.pretraining._simplex import minimise_on_simplex
from graphlab.pretraining.distance import Loss, gw_distance
from graphlab.pretraining.graphon import Graphon
from graphlab.pretraining.steps import checked_square

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["BasisWeights", "fit_basis_weights"]

_SAME = 1e-12  # couplings this near are one


@dataclass(frozen=True)
class BasisWeights:
    """The best mixture that was found.

    Attributes:
        alpha: Weights (K,), at least 0, of sum 1.
        objective: Gromov-Wasserstein objective between mixture and target.
        coupling: Mass (r, s) between their cells.
        history: Objective after each round from the best start; it never rises.
        starts: Number of starting points.
        loss: Loss of ``objective``.
    """

    alpha: Floats
    objective: float
    coupling: Floats
    history: tuple[float, ...]
    starts: int
    loss: str

    @property
    def distance(self) -> float:
        """Square root of the objective."""
        return math.sqrt(self.objective)


def fit_basis_weights(
    bases: Sequence[Any],  # matrices or Graphon objects
    target: Any,  # noqa: ANN401
    loss: Loss = "square",
    *,
    max_iter: int = 50,
    tol: float = 1e-9,
) -> BasisWeights:
    r"""Find weights a of the simplex that bring :math:`\sum_k a_k B_k` nearest to a graphon D.

    For a fixed coupling T the objective is :math:`a^\top H a - 2 c^\top a` + const with
    :math:`H_{kl} = \sum_{ij} p_i p_j B_{k,ij} B_{l,ij}` and :math:`c_k = \langle B_k, T D T^\top
    \rangle`, solved exactly; for fixed weights T moves on by conditional gradient from where it
    was. Both in turns never make the objective worse. Starts are all bases evenly and each base
    alone, with the identity and the product coupling; each is followed roughly, the best one then
    to its end. Exact duplicates among bases share their weight evenly.

    Args:
        bases: Step functions of one resolution.
        target: Step function of any resolution.
        loss: What ``objective`` is: with ``"kl"`` weights are those of the square loss, and
            the number is the authors', for comparison.
        max_iter: Most rounds from one start.
        tol: A round that lowers the objective by less is the last one.

    Shapes:
        - ``bases``: K of (r, r); ``target``: (s, s)

    Raises:
        InputError: No bases, or of different resolutions; not square or not finite matrices.

    Cost: K + 1 starts, each at most ``max_iter`` rounds of O(r s (r + s)) steps.

    Example:
        >>> dense, sparse = np.full((2, 2), 0.8), np.array([[0.4, 0.0], [0.0, 0.0]])
        >>> fit_basis_weights([dense, sparse], 0.25 * dense + 0.75 * sparse).alpha.round(6).tolist()
        [0.25, 0.75]
    """
    stack = _stack(bases)
    aim = checked_square("target", target.step if isinstance(target, Graphon) else target)
    if max_iter < 1 or not tol >= 0:
        raise InputError(f"max_iter is {max_iter!r}, tol {tol!r}; expected >= 1 and >= 0.")
    distinct, kind = np.unique(stack.reshape(len(stack), -1), axis=0, return_inverse=True)
    kind = kind.reshape(-1)
    one_of = [int(np.flatnonzero(kind == k)[0]) for k in range(len(distinct))]
    best = _search(stack[one_of], aim, max_iter, tol)
    alpha = best.alpha[kind] / np.bincount(kind)[kind]
    objective = best.objective
    if loss == "kl":
        mixture = np.tensordot(alpha, stack, 1)
        objective = gw_distance(mixture, aim, loss="kl").objective
    elif loss != "square":
        raise InputError(f"loss is {loss!r}, expected 'square' or 'kl'.")
    return BasisWeights(alpha, objective, best.coupling, best.history, best.starts, loss)


# -- private --------------------------------------------------------------------------------------


def _stack(bases: Sequence[Any]) -> Floats:
    matrices = [
        checked_square(f"bases[{k}]", b.step if isinstance(b, Graphon) else b)
        for k, b in enumerate(bases)
    ]
    if not matrices:
        raise InputError("bases is empty, expected at least one graphon.")
    sizes = sorted({len(m) for m in matrices})
    if len(sizes) > 1:
        raise InputError(
            f"bases have {sizes[0]} and {sizes[-1]} cells on a side, expected one resolution. "
            "Graphon.resample(r) brings them there."
        )
    return np.stack(matrices)


def _search(stack: Floats, aim: Floats, max_iter: int, tol: float) -> BasisWeights:
    count, r = stack.shape[:2]
    p, q = np.full(r, 1 / r), np.full(len(aim), 1 / len(aim))
    H = np.einsum("kij,lij->kl", stack, stack, optimize=True) / (r * r)
    weights = [np.full(count, 1 / count), *np.eye(count)] if count > 1 else [np.ones(1)]
    best: BasisWeights | None = None
    ended: list[Floats] = []
    depth = COARSE if count > 1 else FINE
    for start in weights:
        for plan in starting_plans(p, q):
            found = _alternate(stack, aim, H, (start, plan), max_iter, tol, (depth, ended))
            if best is None or found.objective < best.objective:
                best = found
            if best.objective <= 0:
                break
    assert best is not None  # noqa: S101  (there is always a start)
    if depth is COARSE and best.objective > 0:
        fine = _alternate(stack, aim, H, (best.alpha, best.coupling), max_iter, tol, (FINE, []))
        if fine.objective <= best.objective:
            best = replace(fine, history=best.history + fine.history)
    total = len(weights) * len(starting_plans(p, q))
    return BasisWeights(
        best.alpha, max(best.objective, 0.0), best.coupling, best.history, total, "square"
    )


def _alternate(  # noqa: PLR0917  (one call, in the loop above)
    stack: Floats,
    aim: Floats,
    H: Floats,
    start: tuple[Floats, Floats],
    max_iter: int,
    tol: float,
    search: tuple[Depth, list[Floats]],
) -> BasisWeights:
    """Weights and coupling in turns from one start; stops where an earlier start has been."""
    alpha, plan = start
    depth, ended = search
    r, count = stack.shape[1], len(stack)
    p, q = np.full(r, 1 / r), np.full(len(aim), 1 / len(aim))
    flat = stack.reshape(count, -1)
    history: list[float] = []
    for _ in range(max_iter):
        mixture = (alpha @ flat).reshape(r, r)
        value, plan = descend(mixture, aim, p, q, plan, depth)
        if count > 1:
            c = flat @ (plan @ aim @ plan.T).reshape(-1)
            better = minimise_on_simplex(H, c, alpha)
            gain = (alpha @ H @ alpha - 2 * c @ alpha) - (better @ H @ better - 2 * c @ better)
            if gain > 0:
                alpha, value = better, value - float(gain)
        # sums of squares cancel where the fit is exact: what is left of them is rounding
        scale = constants((alpha @ flat).reshape(r, r), aim, p, q)
        value = 0.0 if value < 1e-14 * scale else value
        history.append(min(value, history[-1]) if history else value)
        if value == 0 or count == 1 or (len(history) > 1 and history[-2] - value < tol):
            break
        if any(np.abs(plan - other).max() < _SAME for other in ended):
            break
    ended.append(plan)
    return BasisWeights(alpha, history[-1], plan, tuple(history), 1, "square")
