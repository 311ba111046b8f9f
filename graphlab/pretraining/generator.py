"""Random graphs drawn from mixtures of graphon bases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from graphlab.errors import InputError
from graphlab.graph import Graph
from graphlab.pretraining.graphon import Graphon
from graphlab.pretraining.steps import checked_square, resize_step
from graphlab.seeding import numpy_generator

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["sample_from_generator"]

_ASYMMETRY = 1e-6  # that rounding may leave
_SUM = 1e-6  # how far weights may be from a sum of 1


def sample_from_generator(
    bases: Any,  # noqa: ANN401  (graphons or matrices, in a list or by name)
    weights: Any = None,  # noqa: ANN401  (numbers, in a list or by name)
    n_graphs: int = 10,
    *,
    n_nodes: int = 60,
    seed: int = 0,
) -> list[Graph]:
    r"""Draw graphs from a mixture :math:`W = \sum_k a_k B_k` of graphons [cao2023]_.

    Each node has a place :math:`u_i`, uniform in [0, 1]; each pair i < j is joined with the chance
    :math:`W(u_i, u_j)`. Graphs are undirected and have no loops (the authors' simulator draws
    both directions on their own, and loops).

    Args:
        bases: Graphons or symmetric matrices of values in [0, 1]; a list, or a mapping such as
            ``bases`` of a report. Different resolutions are brought to the finest.
        weights: Weights, at least 0 and of sum 1: a list, or a mapping such as ``best_weights``
            of a report, where bases that are not named weigh 0. None draws them for each graph
            anew, from all mixtures alike (Dirichlet of ones).
        n_graphs: Number of graphs.
        n_nodes: Nodes of each.
        seed: Of all draws; graph number i is the same whatever ``n_graphs`` is.

    Raises:
        InputError: No bases, values outside [0, 1], a matrix that is not symmetric, weights that
            do not fit.

    Cost: O(n_nodes^2) a graph.

    Example:
        >>> bipartite = [[0.0, 1.0], [1.0, 0.0]]
        >>> graph = sample_from_generator([bipartite], n_graphs=1, n_nodes=8)[0]
        >>> graph.num_nodes, graph.is_undirected()
        (8, True)
    """
    names, stack = _stacked(bases)
    for name, value, least in (("n_graphs", n_graphs, 0), ("n_nodes", n_nodes, 1)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            raise InputError(f"{name} is {value!r}, expected a whole number >= {least}.")
    fixed = None if weights is None else _checked_weights(weights, names)
    graphs = []
    for number in range(n_graphs):
        rng = numpy_generator(seed, f"generator-{number}")
        mix = rng.dirichlet(np.ones(len(stack))) if fixed is None else fixed
        graphs.append(_drawn(np.tensordot(mix, stack, 1), n_nodes, rng))
    return graphs


# -- private --------------------------------------------------------------------------------------


def _drawn(chance: Floats, n: int, rng: np.random.Generator) -> Graph:
    cell = np.minimum((rng.random(n) * len(chance)).astype(np.int64), len(chance) - 1)
    # loops and the lower half are no draws of their own
    upper = np.triu(rng.random((n, n)) < chance[np.ix_(cell, cell)], 1)
    row, col = np.nonzero(upper | upper.T)
    indptr = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=n))])
    return Graph.from_simple_rows(torch.from_numpy(indptr), torch.from_numpy(col))


def _stacked(bases: Any) -> tuple[list[str], Floats]:  # noqa: ANN401
    if isinstance(bases, Mapping):
        names, values = [str(name) for name in bases], list(bases.values())
    else:
        values = [bases] if isinstance(bases, Graphon) else list(bases)
        names = [str(k) for k in range(len(values))]
    if not values:
        raise InputError("bases is empty, expected at least one graphon.")
    steps = []
    for name, value in zip(names, values, strict=True):
        step = checked_square(f"bases[{name}]", value.step if isinstance(value, Graphon) else value)
        if step.min() < 0 or step.max() > 1 or np.abs(step - step.T).max() > _ASYMMETRY:
            raise InputError(
                f"bases[{name}] has values from {step.min():g} to {step.max():g}; expected a "
                "symmetric matrix of chances in [0, 1]."
            )
        steps.append(step)
    finest = max(len(step) for step in steps)
    return names, np.stack([s if len(s) == finest else resize_step(s, finest) for s in steps])


def _checked_weights(weights: Any, names: list[str]) -> Floats:  # noqa: ANN401
    if isinstance(weights, Mapping):
        unknown = [str(name) for name in weights if str(name) not in names]
        if unknown:
            raise InputError(f"weights name {unknown[0]!r}; bases are {', '.join(names)}.")
        named = {str(name): value for name, value in weights.items()}
        weights = [named.get(name, 0.0) for name in names]
    values = np.asarray(weights, dtype=np.float64)
    if values.shape != (len(names),):
        raise InputError(f"weights has shape {values.shape}, expected ({len(names)},): one a base.")
    if not (np.isfinite(values).all() and (values >= 0).all() and abs(values.sum() - 1) < _SUM):
        raise InputError(
            f"weights are {values.tolist()}, expected numbers >= 0 of sum 1. Divide by the sum."
        )
    mix: Floats = values / values.sum()
    return mix
