"""Graphs of the tokenizers' tests."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import torch

from graphlab.collection import GraphBatch

GOLDEN = (
    "ba80",
    "cycle6_ties",
    "disconnected",
    "dups_loops",
    "gnp60_int_ties",
    "grid5x6_unit",
    "karate_features",
    "negative_weights",
    "no_edges",
    "path16_binary",
    "path8_increasing",
    "single_node",
    "star7",
)


def golden_graph(golden, name):
    """Return the arrays of a golden file, and its graph."""
    z = np.load(golden / "gsm" / f"hac_{name}.npz")
    x, index = torch.from_numpy(z["x"]), torch.from_numpy(z["edge_index"])
    return z, SimpleNamespace(edge_index=index, num_nodes=int(z["num_nodes"]), x=x)


def some_graph(n, m, seed, width=3):
    """Return a random graph with loops and duplicates, features and attributes of edges."""
    rng = np.random.default_rng(seed)
    index = torch.from_numpy(rng.integers(0, max(n, 1), (2, m)))
    x = torch.from_numpy(rng.standard_normal((n, width)))
    attr = torch.from_numpy(rng.standard_normal((m, 2)))
    return SimpleNamespace(edge_index=index, num_nodes=n, x=x, edge_attr=attr)


def parts():
    """Return graphs of all kinds: single nodes, none, in pieces, dense."""
    sizes = ((6, 9), (1, 0), (0, 0), (5, 0), (30, 40), (12, 8), (2, 1), (9, 30))
    return [some_graph(n, m, seed) for seed, (n, m) in enumerate(sizes)]


def union(graphs):
    """Return the batch of some graphs."""
    ptr = torch.tensor([0] + [g.num_nodes for g in graphs]).cumsum(0)
    edge_ptr = torch.tensor([0] + [g.edge_index.shape[1] for g in graphs]).cumsum(0)
    index = torch.cat([g.edge_index + p for g, p in zip(graphs, ptr, strict=False)], dim=1)
    fields = {
        "x": torch.cat([g.x for g in graphs]),
        "edge_attr": torch.cat([g.edge_attr for g in graphs]),
    }
    return GraphBatch(index, ptr, edge_ptr, fields)


def tokens_of(tokens, row):
    """Return what the tokens of a row are, without padding: sets of nodes, x, pe and level."""
    out = []
    for at in tokens.mask[row].nonzero()[:, 0].tolist():
        token = int(tokens.index[row, at])
        if tokens.members is not None:
            ptr, nodes = tokens.members
            token = nodes[ptr[token] : ptr[token + 1]].tolist()
        parts = (tokens.x, tokens.pe, tokens.level)
        values = [None if p is None else p[row, at].tolist() for p in parts]
        out.append((token, *values))
    return out


def shifted(token, by):
    """Return a token of :func:`tokens_of` with other node ids."""
    nodes = [v + by for v in token[0]] if isinstance(token[0], list) else token[0] + by
    return (nodes, *token[1:])
