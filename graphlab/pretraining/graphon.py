"""Graphons: the shape that a collection of graphs has in common, as a step function."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from graphlab.errors import InputError
from graphlab.pretraining import _alignment as alignment
from graphlab.pretraining import _estimators as estimators
from graphlab.pretraining._barycentre import BarycentreOptions, barycentre
from graphlab.pretraining._packed import pack
from graphlab.pretraining.steps import resize_step, total_variation

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from graphlab.pretraining._packed import Packed

    Floats = NDArray[np.float64]

__all__ = ["Align", "Graphon", "Method", "estimate_graphon"]

Method = Literal["hist", "sas", "lg", "mc", "usvt", "sba", "gwb", "sgwb", "fgwb", "sfgwb"]
Align = Literal["stretch", "pad"]
_WITHOUT_ALIGNMENT = ("gwb", "sgwb", "fgwb", "sfgwb")


@dataclass(frozen=True)
class Graphon:
    """A symmetric step function on the unit square: the chance of an edge between two places.

    Attributes:
        step: Values (s, s) float64 in [0, 1]; places go from large to small degree.
        method: Estimator.
        n_graphs: Number of graphs it was estimated from.
        sizes: Number of nodes of each, (K,) int64.
        align: How graphs of different sizes were brought together; None where the estimator
            couples them itself.

    Example:
        >>> triangle = estimate_graphon([[[0, 1, 2], [1, 2, 0]]], "hist", r=3)
        >>> triangle.step.round(2).tolist()
        [[0.0, 1.0, 1.0], [1.0, 0.0, 1.0], [1.0, 1.0, 0.0]]
        >>> round(triangle.density, 3)
        0.667
    """

    step: Floats
    method: str
    n_graphs: int
    sizes: NDArray[np.int64] = field(repr=False)
    align: str | None

    @property
    def density(self) -> float:
        """Mean of the step function: the chance of an edge between two random places."""
        return float(self.step.mean())

    def resample(self, r: int) -> Floats:
        """Return the values at resolution r by :func:`resize_step`, (r, r)."""
        return self.step if len(self.step) == r else resize_step(self.step, r)


def estimate_graphon(
    graphs: Any,  # noqa: ANN401  (any collection of graphs)
    method: Method = "hist",
    align: Align = "stretch",
    *,
    r: int = 50,
    threshold: float | None = None,
    gap: Literal["abs", "signed"] = "abs",
    seed: int = 0,
    alpha: float = 3e-4,
    beta: float = 5e-3,
    gamma: float = 0.5,
    inner_iters: int = 50,
    outer_iters: int = 20,
) -> Graphon:
    r"""Estimate the graphon of a collection of graphs [cao2023]_.

    Nodes are sorted by descending degree, graphs of different sizes brought together, and their
    mean M is smoothed by one of these methods (k blocks of :math:`h = \lfloor \log_2 N + 1
    \rfloor` nodes; step functions of other methods have N cells):

    - ``hist``: with ``align="stretch"`` the mean itself, with ``"pad"`` its block means;
    - ``sas``: block means with total variation denoised away, weight h. It flattens;
    - ``lg``: parts between the largest gaps of degree; ``mc``: low-rank completion;
      ``usvt``: large singular values; ``sba``: groups of nodes with alike rows;
    - ``gwb``, ``sgwb``, ``fgwb``, ``sfgwb``: Gromov-Wasserstein barycentre, s for smoothed, f for
      fused with degrees. These align by themselves.

    Args:
        graphs: List of graphs as :func:`graphlab.graph.as_graph` reads them, a
            :class:`graphlab.collection.GraphCollection`, or a loaded data set of graphs. One
            direction of an edge list is enough; directed matrices and networkx graphs are made
            undirected with a warning; loops are removed. Weights must lie in [0, 1].
        method: Estimator.
        align: ``"stretch"`` maps each graph to r cells of [0, 1] by area, so that size does not
            matter; ``"pad"`` fills up with zeros, as the authors' code does.
        r: Cells on a side with ``align="stretch"``.
        threshold: Of ``usvt`` (2.02 as in the authors' code, which gives zero on sparse graphs)
            and ``sba`` (0.1, our choice; the authors give none).
        gap: Of ``lg``: ``"signed"`` as in the authors' code takes the smallest drops of degree,
            ``"abs"`` the largest.
        seed: Order of nodes of ``sba``; numpy's legacy stream, as in the authors' code.
        alpha: Smoothness of ``sgwb`` and ``sfgwb``.
        beta: Temperature of the barycentres' Sinkhorn iteration.
        gamma: Share of structure against degrees in ``fgwb`` and ``sfgwb``.
        inner_iters: Sweeps of Sinkhorn.
        outer_iters: Rounds of the barycentres.

    Raises:
        InputError: (a ``ValueError``) No graphs, one that cannot be read (with its number),
            weights outside [0, 1], an impossible option.
        ResourceError: A padded mean does not fit into memory.

    Cost: O(m) for alignment; ``hist`` and ``sas`` O(k^2) memory with ``"pad"``, all others
    O(N^2); graphs are never stacked. ``lg`` O(N^2), ``mc``, ``usvt`` and ``sba`` O(N^3);
    barycentres O(K N^2 k) a round.

    Example:
        >>> star = [[0, 0, 0], [1, 2, 3]]
        >>> estimate_graphon([star, star], r=4).step[0].tolist()
        [0.0, 1.0, 1.0, 1.0]
    """
    _check(method, align, r, threshold, gap)
    packed = pack(graphs)
    options = BarycentreOptions(alpha, beta, gamma, inner_iters, outer_iters)
    _check_barycentre(options)
    if not len(packed.col):
        warnings.warn(
            f"None of the {len(packed)} graphs has an edge: the graphon is zero.",
            UserWarning,
            stacklevel=2,
        )
    if method in _WITHOUT_ALIGNMENT:
        step = barycentre(packed, options, smooth="s" in method[:1], fused="f" in method)
        return Graphon(step, method, len(packed), packed.sizes, None)
    if align == "pad":
        alignment.warn_if_uneven(packed)
    step = np.clip(_estimate(packed, method, align, r, (threshold, gap, seed)), 0, 1)
    return Graphon(step, method, len(packed), packed.sizes, align)


# -- private --------------------------------------------------------------------------------------


def _estimate(
    packed: Packed, method: str, align: str, r: int, options: tuple[float | None, str, int]
) -> Floats:
    threshold, gap, seed = options
    if method in ("hist", "sas") and align == "pad":
        return _smoothed(alignment.block_mean(packed), method, alignment.largest(packed))

    def total(graphs: Packed) -> Floats:
        if align == "pad":
            return alignment.padded_sum(graphs)
        return alignment.stretched_sum(graphs, r)

    if method == "sba":
        bound = estimators.SBA_THRESHOLD if threshold is None else threshold
        return estimators.sorted_blocks(*_halves(packed, total), len(packed), bound, seed=seed)
    mean = total(packed) / len(packed)
    bound = estimators.USVT_THRESHOLD if threshold is None else threshold
    by_method: dict[str, Callable[[], Floats]] = {
        "hist": lambda: mean,
        "sas": lambda: _smoothed(estimators.block_means(mean), method, r),
        "lg": lambda: estimators.largest_gaps(mean, gap),
        "mc": lambda: estimators.matrix_completion(mean),
        "usvt": lambda: estimators.singular_values(mean, bound),
    }
    # rounding of singular values must not leave what is no edge
    return by_method[method]() if len(packed.col) else np.zeros_like(by_method[method]())


def _halves(packed: Packed, total: Callable[[Packed], Floats]) -> tuple[Floats, Floats]:
    """Return the sums of both halves of the graphs; of one graph, twice its matrix."""
    half, chosen = len(packed) // 2, np.arange(len(packed))
    second = total(packed.select(chosen[half:]))
    first = total(packed.select(chosen[:half])) if half else second
    return _same_shape(first, second)


def _same_shape(first: Floats, second: Floats) -> tuple[Floats, Floats]:
    """Pad the smaller of two sums: the largest graph is in one half alone."""
    n = max(len(first), len(second))
    one, two = (np.pad(s, (0, n - len(s))) for s in (first, second))
    return one, two


def _smoothed(blocks: Floats, method: str, num_nodes: int) -> Floats:
    if method == "hist":
        return blocks
    return total_variation(blocks, float(alignment.block_sizes(num_nodes)[0]))


def _check(method: str, align: str, r: int, threshold: float | None, gap: str) -> None:
    for name, value, known in (
        ("method", method, get_args(Method)),
        ("align", align, get_args(Align)),
        ("gap", gap, ("abs", "signed")),
    ):
        if value not in known:
            raise InputError(f"{name} is {value!r}, expected one of {', '.join(known)}.")
    if isinstance(r, bool) or not isinstance(r, int | np.integer) or r < 2:
        raise InputError(f"r is {r!r}, expected a whole number >= 2: the cells on a side.")
    if threshold is not None and not (np.isfinite(threshold) and threshold >= 0):
        raise InputError(f"threshold is {threshold!r}, expected None or a number >= 0.")


def _check_barycentre(options: BarycentreOptions) -> None:
    if not options.alpha >= 0 or not options.beta > 0 or not 0 <= options.gamma <= 1:
        raise InputError(
            f"alpha is {options.alpha!r}, beta {options.beta!r}, gamma {options.gamma!r}; expected "
            "alpha >= 0, beta > 0 and gamma in [0, 1]."
        )
    if options.inner_iters < 1 or options.outer_iters < 1:
        raise InputError(
            f"inner_iters is {options.inner_iters!r}, outer_iters {options.outer_iters!r}; "
            "expected whole numbers >= 1."
        )
