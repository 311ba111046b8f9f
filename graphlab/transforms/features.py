"""Node features made ready for a model; dense and torch sparse CSR alike, never in place."""

from __future__ import annotations

from typing import TYPE_CHECKING, overload

import torch
from torch import Tensor

from graphlab.errors import InputError
from graphlab.registry import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from graphlab.graph import Graph

__all__ = ["ADDED_FEATURES", "append_features", "check_added_features", "row_normalize"]

ADDED_FEATURES = {"orbit-counts": 15}
"""Features that can be computed of a graph, and how many columns each has."""


@overload
def append_features(x: Tensor, graph: Graph, names: Iterable[str]) -> Tensor: ...


@overload
def append_features(x: Tensor | None, graph: Graph, names: Iterable[str]) -> Tensor | None: ...


def append_features(x: Tensor | None, graph: Graph, names: Iterable[str]) -> Tensor | None:
    """Append columns computed of a graph to its nodes' features.

    ``"orbit-counts"`` are the 15 orbit counts as log(1 + count), see
    :func:`graphlab.graphlets.orbit_counts`. They depend on every edge within three hops: give the
    graph that may be seen, for links the one without the edges to be predicted.

    Args:
        x: Features (n, F), floating; dense or torch sparse CSR. None: the new columns alone.
        graph: A graph of n nodes, taken as undirected and simple.
        names: Of :data:`ADDED_FEATURES`; none of them returns ``x`` itself.

    Returns:
        Features (n, F + columns) on the device of ``x``, of its type and layout; float32 without.

    Raises:
        InputError: An unknown name (suggests the nearest), or ``x`` of another number of rows.

    Cost: that of counting, and a copy of ``x``.

    Example:
        >>> from graphlab.graph import as_graph
        >>> star = as_graph(torch.tensor([[0, 0], [1, 2]]), num_nodes=3)
        >>> append_features(torch.ones(3, 2), star, ["orbit-counts"]).shape
        torch.Size([3, 17])
    """
    wanted = check_added_features(names)
    if not wanted:
        return x
    if x is not None and x.shape[0] != graph.num_nodes:
        raise InputError(f"x has {x.shape[0]} rows, but the graph has {graph.num_nodes} nodes.")
    new = torch.cat([_computed(name, graph) for name in wanted], 1)
    if x is None:
        return new.to(graph.device)
    new = new.to(device=x.device, dtype=x.dtype)
    return torch.cat([x, new], 1) if x.layout == torch.strided else _beside(x, new)


def check_added_features(names: Iterable[str]) -> tuple[str, ...]:
    """Return names of :data:`ADDED_FEATURES`, each once.

    Raises:
        InputError: An unknown name; suggests the nearest.

    Example:
        >>> check_added_features(["orbit-counts"])
        ('orbit-counts',)
    """
    listed = [names] if isinstance(names, str) else list(names)
    for name in listed:
        if name not in ADDED_FEATURES:
            near = nearest(str(name), list(ADDED_FEATURES), n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            known = ", ".join(ADDED_FEATURES)
            raise InputError(f"{name!r} is not a feature that can be added ({known}).{hint}")
    return tuple(dict.fromkeys(listed))


def row_normalize(x: Tensor) -> Tensor:
    """Divide every row by its sum, as Kipf and Welling 2017 do with bags of words.

    Rows that sum to zero stay as they are. Doing it twice changes nothing but rounding.

    Args:
        x: Features (n, F), floating; dense or torch sparse CSR.

    Returns:
        A new tensor of the same layout and type; rows sum to 1.

    Raises:
        InputError: ``x`` is no floating matrix, of another sparse layout, or holds a negative
            value (rows of mixed sign have no meaningful sum).

    Cost: O(nnz).

    Example:
        >>> row_normalize(torch.tensor([[1.0, 3.0], [0.0, 0.0]])).tolist()
        [[0.25, 0.75], [0.0, 0.0]]
    """
    if x.dim() != 2 or not x.is_floating_point():
        raise InputError(
            f"x has shape {tuple(x.shape)} and type {x.dtype}, expected (n, F) floating."
        )
    if x.layout not in (torch.strided, torch.sparse_csr):
        raise InputError(f"x has layout {x.layout}, expected dense or torch.sparse_csr.")
    values = x if x.layout == torch.strided else x.values()
    if bool((values < 0).any()):
        raise InputError(
            f"x holds {float(values.min())}, but rows are divided by their sums: values must be "
            ">= 0. Use feature_norm = 'none'."
        )
    if x.layout == torch.strided:
        total = x.sum(1, keepdim=True)
        return x / torch.where(total == 0, 1, total)
    start = x.crow_indices()
    row = torch.repeat_interleave(torch.arange(x.shape[0], device=x.device), start.diff())
    total = values.new_zeros(x.shape[0]).index_add_(0, row, values)
    scaled = values / torch.where(total == 0, 1, total)[row]
    # the structure is that of x, which was checked when it was made
    return torch.sparse_csr_tensor(start, x.col_indices(), scaled, x.shape, check_invariants=False)


def _computed(name: str, graph: Graph) -> Tensor:
    """Return the columns of a checked name, (n, columns) float32 on the CPU."""
    from graphlab.graphlets.counts import orbit_counts

    assert name == "orbit-counts"  # noqa: S101  (there is no other)
    counts = torch.from_numpy(orbit_counts(graph.simple()))
    return counts.double().log1p().float()


def _beside(x: Tensor, new: Tensor) -> Tensor:
    """Append dense columns to a sparse CSR matrix; entries stay in order, since they come last."""
    start, width = x.crow_indices(), new.shape[1]
    n = x.shape[0]
    ends = start + width * torch.arange(n + 1, device=x.device, dtype=start.dtype)
    size = x.values().numel() + n * width
    columns, values = x.col_indices().new_empty(size), x.values().new_empty(size)
    added = (ends[1:, None] - width + torch.arange(width, device=x.device)).reshape(-1)
    old = torch.ones(size, dtype=torch.bool, device=x.device)
    old[added] = False
    columns[old], values[old] = x.col_indices(), x.values()
    columns[added] = torch.arange(x.shape[1], x.shape[1] + width, device=x.device).repeat(n)
    values[added] = new.reshape(-1)
    shape = (n, x.shape[1] + width)
    return torch.sparse_csr_tensor(ends, columns, values, shape, check_invariants=False)
