"""A generated graph of the size of a large public one: 3 million nodes, 30 million edges."""

from __future__ import annotations

import numpy as np
import torch

_DRAW = 1 << 22  # ends drawn at once


def large_graph(
    num_nodes: int = 3_000_000, num_edges: int = 30_000_000, seed: int = 0
) -> torch.Tensor:
    """Return distinct undirected edges (2, m) without loops, each once, ids without meaning.

    Ends are drawn with weight (rank + 20)^-0.6, which gives some hubs of about ten thousand
    neighbours, a median degree near 12 and a mean of 20. Drawn are a few more than wanted, since
    a pair may come twice. Peak memory about 3 x 8 bytes an edge; time about 0.4 s a million.
    """
    rng = np.random.default_rng(seed)
    name = rng.permutation(num_nodes)
    keys = np.empty(0, np.int64)
    while keys.size < num_edges:
        missing = num_edges - keys.size
        drawn = [keys]
        for first in range(0, missing + missing // 50 + 16, _DRAW):
            count = min(_DRAW, missing + missing // 50 + 16 - first)
            a, b = (name[_ranks(rng.random(count), num_nodes)] for _ in range(2))
            low, high = np.minimum(a, b), np.maximum(a, b)
            drawn.append((low * num_nodes + high)[low != high])
        keys = np.concatenate(drawn)
        del drawn
        keys.sort()
        keys = keys[np.concatenate([[True], keys[1:] != keys[:-1]])] if keys.size else keys
    surplus = rng.choice(keys.size, keys.size - num_edges, replace=False)
    keys = np.delete(keys, surplus)
    edges = np.empty((2, num_edges), np.int64)
    np.divmod(keys, num_nodes, out=(edges[0], edges[1]))
    return torch.from_numpy(edges)


def _ranks(uniform: np.ndarray, num_nodes: int, shift: float = 20.0) -> np.ndarray:
    """Turn uniform numbers into ranks of density (rank + shift)^-0.6, by its inverse integral."""
    low, high = shift**0.4, (num_nodes + shift) ** 0.4
    rank = (uniform * (high - low) + low) ** 2.5 - shift
    return rank.astype(np.int64).clip(0, num_nodes - 1)
