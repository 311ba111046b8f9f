"""Small graphs for graph-sequence models."""

from __future__ import annotations

from types import SimpleNamespace

import torch

F = 5
TOKENIZERS = ("node", "edge", "khop", "random_walk", "hac")
MORE = ("hac_bfs", "hac_order", "patch")


def graph(n, pairs, *, x=None, seed=0):
    """Both directions of each pair; random features unless given."""
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.rand(n, F, generator=generator)
    pairs = torch.tensor(pairs, dtype=torch.int64).reshape(-1, 2).t()
    return SimpleNamespace(
        x=drawn if x is None else x, edge_index=torch.cat([pairs, pairs.flip(0)], 1), num_nodes=n
    )


def random_graph(n=20, m=30, *, seed=1):
    generator = torch.Generator().manual_seed(seed)
    pairs = torch.combinations(torch.arange(n), 2)
    chosen = pairs[torch.randperm(len(pairs), generator=generator)[:m]]
    return graph(n, chosen.tolist(), seed=seed)


EDGE_CASES = {
    "empty": graph(0, []),
    "single": graph(1, []),
    "no edges": graph(4, []),
    "disconnected": graph(7, [[0, 1], [3, 4], [4, 5]]),
    "ties": graph(6, [[i, (i + 1) % 6] for i in range(6)], x=torch.ones(6, F)),
}


def batch(graphs):
    """Several graphs as one, as PyG writes it."""
    sizes = torch.tensor([g.num_nodes for g in graphs])
    first = sizes.cumsum(0) - sizes
    return SimpleNamespace(
        x=torch.cat([g.x for g in graphs]),
        edge_index=torch.cat([g.edge_index + f for g, f in zip(graphs, first, strict=True)], 1),
        batch=torch.arange(len(graphs)).repeat_interleave(sizes),
        ptr=torch.cat([sizes.new_zeros(1), sizes.cumsum(0)]),
        num_graphs=len(graphs),
        num_nodes=int(sizes.sum()),
    )
