"""Every value of the package written as its definition, with sets, counters and dense matrices."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import networkx as nx
import numpy as np


def neighbors(edges, n: int, *, loops: bool = False) -> list[set[int]]:
    found: list[set[int]] = [set() for _ in range(n)]
    for i, j in edges:
        if i != j or loops:
            found[i].add(j)
            found[j].add(i)
    return found


def hop_counts(near: list[set[int]], i: int, hops: int) -> list[Counter]:
    """Walks of exactly 1 to ``hops`` steps from i: how many end at each node."""
    found, now = [], Counter({i: 1})
    for _ in range(hops):
        after: Counter = Counter()
        for u, times in now.items():
            for v in near[u]:
                after[v] += times
        found.append(after)
        now = after
    return found


def concentration(train, n: int, target=None, *, hops=1, beta=None, loops=False) -> np.ndarray:
    near = neighbors(train, n, loops=loops)
    ends = near if target is None else neighbors(target, n, loops=loops)
    mean = sum(map(len, near)) / n if n else 0.0
    if beta is None:
        beta = 1 / mean if mean else 1.0
    walks = [hop_counts(near, i, hops) for i in range(n)]
    out = np.zeros(n)
    for i in range(n):
        if len(near[i]) <= (target is None) or not ends[i]:
            continue
        every = list(itertools.product(range(hops), range(hops)))
        norm = sum(beta ** (a + b) * sum(walks[i][a].values()) for a, b in every)
        norm -= target is None
        total = 0.0
        for j in ends[i]:
            for a, b in every:
                shared = sum(times for v, times in walks[i][a].items() if v in walks[j][b])
                total += beta ** (a + b) * shared
        out[i] = total / norm / len(ends[i])
    return out


def lazy_walk(near: list[set[int]]) -> np.ndarray:
    n = len(near)
    matrix = np.eye(n)
    for i in range(n):
        matrix[i, list(near[i])] = 1
    return matrix / matrix.sum(1, keepdims=True)


def approximation(
    train, n, target=None, *, hops=1, features=None, similarity="cosine", isolated="zero"
) -> np.ndarray:
    near = neighbors(train, n)
    ends = near if target is None else neighbors(target, n)
    step = lazy_walk(near)
    powers = [np.linalg.matrix_power(step, k) for k in range(1, hops + 1)]
    rows = sum(powers) / hops @ (np.eye(n) if features is None else features)
    out = np.zeros(n)
    for i in range(n):
        if ends[i] and (near[i] or isolated == "official"):
            values = [rows[i] @ rows[j] for j in ends[i]]
            if similarity == "cosine":
                length = np.linalg.norm(rows, axis=1)
                scales = [max(length[i] * length[j], 1e-6) for j in ends[i]]
                values = [value / scale for value, scale in zip(values, scales, strict=True)]
            out[i] = np.mean(values)
    return out


def density(train, n: int, hops: int, *, loops=False) -> np.ndarray:
    graph = nx.Graph()
    graph.add_nodes_from(range(n))
    graph.add_edges_from((i, j) for i, j in train if loops or i != j)
    return np.array([nx.density(nx.ego_graph(graph, i, radius=hops)) for i in range(n)])


def ranking(scores: np.ndarray, truth: set[int], topk) -> dict[str, list[float] | float]:
    """Metrics of one node by walking down the sorted list."""
    order = sorted(range(len(scores)), key=lambda v: (-scores[v], v))
    out: dict[str, list[float]] = {m: [] for m in ("recall", "ndcg", "hits", "precision", "f1")}
    for k in topk:
        hits = [v in truth for v in order[:k]]
        recall, precision = sum(hits) / len(truth), sum(hits) / k
        both = recall + precision
        gain = sum(hit / math.log2(rank + 2) for rank, hit in enumerate(hits))
        ideal = sum(1 / math.log2(rank + 2) for rank in range(min(k, len(truth))))
        out["recall"].append(recall)
        out["precision"].append(precision)
        out["f1"].append(2 * recall * precision / both if both else 0.0)
        out["ndcg"].append(gain / ideal)
        out["hits"].append(float(any(hits)))
    return {**out, "mrr": 1 / (1 + min(order.index(v) for v in truth))}
