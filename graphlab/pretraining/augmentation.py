"""Views of graphs for contrastive learning: a share of the edges or nodes of each is left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from graphlab.collection import GraphBatch
from graphlab.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["drop_edges", "drop_nodes"]


def drop_edges(batch: GraphBatch, rate: float, *, generator: torch.Generator) -> GraphBatch:
    r"""Leave out a share of the edges of every graph, the edge perturbation of [you2020]_.

    Of a graph with e edges exactly :math:`\lfloor rate \cdot e \rfloor` go, each set of so many
    equally likely. Both directions of an edge, and repeats of it, are one edge.

    Args:
        batch: Graphs side by side.
        rate: Share in [0, 1).
        generator: Source of the draws, on the CPU: views do not depend on the device.

    Returns:
        A new batch over the same nodes; ``x``, ``pe`` and ``edge_attr`` come along.

    Raises:
        InputError: ``rate`` outside [0, 1).

    Cost: O(m log m).

    Example:
        >>> ring = torch.tensor([[0, 1, 2, 3, 1, 2, 3, 0], [1, 2, 3, 0, 0, 1, 2, 3]])
        >>> batch = GraphBatch(ring, torch.tensor([0, 4]), torch.tensor([0, 8]), {})
        >>> drop_edges(batch, 0.5, generator=torch.Generator().manual_seed(0)).num_edges
        4
    """
    _check_rate("rate", rate)
    low, high = batch.edge_index.aminmax(dim=0) if batch.num_edges else batch.edge_index
    pairs, edge_of = torch.unique(low * batch.num_nodes + high, return_inverse=True)
    group = batch.batch[pairs // max(batch.num_nodes, 1)]
    kept = _kept(group, batch.num_graphs, rate, generator)[edge_of]
    return _subgraph(batch, None, kept)


def drop_nodes(batch: GraphBatch, rate: float, *, generator: torch.Generator) -> GraphBatch:
    r"""Leave out a share of the nodes of every graph, with their edges [you2020]_.

    Of a graph with n nodes exactly :math:`\lfloor rate \cdot n \rfloor` go; the others are
    numbered anew in their old order. A graph that has nodes keeps at least one.

    Args:
        batch: Graphs side by side.
        rate: Share in [0, 1).
        generator: Source of the draws, on the CPU.

    Returns:
        A new batch of as many graphs; ``x``, ``pe`` and ``edge_attr`` come along.

    Raises:
        InputError: ``rate`` outside [0, 1).

    Cost: O(n log n + m).

    Example:
        >>> path = torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]])
        >>> batch = GraphBatch(path, torch.tensor([0, 3]), torch.tensor([0, 4]), {})
        >>> drop_nodes(batch, 0.4, generator=torch.Generator().manual_seed(0)).num_nodes
        2
    """
    _check_rate("rate", rate)
    kept = _kept(batch.batch, batch.num_graphs, rate, generator)
    source, target = batch.edge_index
    return _subgraph(batch, kept, kept[source] & kept[target])


# -- private --------------------------------------------------------------------------------------


def _check_rate(name: str, rate: float) -> None:
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate < 1:
        raise InputError(f"{name} is {rate!r}, expected a share from 0 to below 1.")


def _kept(group: Tensor, num_groups: int, rate: float, generator: torch.Generator) -> Tensor:
    """Return which items stay, bool; ``group`` ascends. Every item draws, whatever the rate."""
    place = torch.rand(len(group), generator=generator, dtype=torch.float64).to(group.device)
    order = torch.argsort(group + place, stable=True)  # by group, within it by chance
    counts = torch.bincount(group, minlength=num_groups)
    rank = torch.arange(len(group), device=group.device) - (counts.cumsum(0) - counts)[group]
    # 0.29 * 100 must be 29, though it is less in floating point
    dropped = torch.floor(counts * float(rate) + 1e-9).to(torch.int64)[group]
    kept = torch.empty_like(group, dtype=torch.bool)
    kept[order] = rank >= dropped
    return kept


def _subgraph(batch: GraphBatch, nodes: Tensor | None, entries: Tensor) -> GraphBatch:
    """Return a batch of the kept nodes (None: all) and kept entries."""
    index, ptr, graph = batch.edge_index[:, entries], batch.ptr, batch.batch
    fields: dict[str, Tensor] = {}
    for name in ("x", "pe"):
        value = getattr(batch, name)
        if value is not None:
            fields[name] = value if nodes is None else value[nodes]
    if batch.edge_attr is not None:
        fields["edge_attr"] = batch.edge_attr[entries]
    if nodes is not None:
        index = (nodes.cumsum(0) - 1)[index]
        graph = graph[nodes]
        ptr = _offsets(graph, batch.num_graphs)
    fields["batch"] = graph
    of_entry = graph[index[0]]
    return GraphBatch(index, ptr, _offsets(of_entry, batch.num_graphs), fields)


def _offsets(group: Tensor, num_groups: int) -> Tensor:
    counts = torch.bincount(group, minlength=num_groups)
    return torch.cat([counts.new_zeros(1), counts.cumsum(0)])
