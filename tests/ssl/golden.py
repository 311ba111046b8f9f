"""Reads the golden arrays of the pretext targets, and plain formulations to compare with."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch

FILE = Path(__file__).parents[1] / "golden" / "selftask" / "pretext.npz"


def read() -> SimpleNamespace:
    with np.load(FILE) as file:
        data = SimpleNamespace(**dict(file))
    data.n = len(data.adj)
    data.edge_index = np.stack(data.adj.nonzero())
    data.disc_edge_index = np.stack(data.disc_adj.nonzero())
    data.y_train = data.y[data.idx_train]
    return data


def as_data(golden: SimpleNamespace) -> tuple[SimpleNamespace, torch.Tensor]:
    mask = torch.zeros(golden.n, dtype=torch.bool)
    mask[torch.from_numpy(golden.idx_train)] = True
    data = SimpleNamespace(
        x=torch.from_numpy(golden.x).float(),
        edge_index=torch.from_numpy(golden.edge_index),
        y=torch.from_numpy(golden.y),
        num_nodes=golden.n,
    )
    return data, mask


def random_edges(seed: int, n: int = 40, m: int = 50) -> np.ndarray:
    """Both directions of some edges, and with luck several components and lone nodes."""
    rng = np.random.default_rng(seed)
    one = rng.integers(0, n - 3, (2, m))
    one = one[:, one[0] != one[1]]
    return np.concatenate([one, one[::-1]], axis=1)


def hops_from(edges: np.ndarray, n: int, source: int) -> list[float]:
    """Distances by the definition; inf without a path."""
    near = {i: set() for i in range(n)}
    for a, b in edges.T.tolist():
        near[a].add(b)
    found = [np.inf] * n
    found[source] = 0
    queue = deque([source])
    while queue:
        u = queue.popleft()
        for v in sorted(near[u]):
            if found[v] == np.inf:
                found[v] = found[u] + 1
                queue.append(v)
    return found
