"""Every heuristic score written as its definition, with dense matrices and networkx."""

from __future__ import annotations

import itertools
import math

import networkx as nx
import numpy as np


def dense(graph: nx.Graph) -> np.ndarray:
    return nx.to_numpy_array(graph, nodelist=range(graph.number_of_nodes()))


def overlap(graph: nx.Graph, i: int, j: int) -> dict[str, float]:
    a, b = set(graph[i]), set(graph[j])
    degree = dict(graph.degree)
    common = a & b
    return {
        "cn": len(common),
        "aa": sum(1 / math.log(degree[u]) for u in common if degree[u] > 1),
        "ra": sum(1 / degree[u] for u in common),
        "jaccard": len(common) / len(a | b) if a | b else 0.0,
        "pa": degree[i] * degree[j],
    }


def katz(graph: nx.Graph, b: float, length: int) -> np.ndarray:
    matrix = dense(graph)
    return sum(b**p * np.linalg.matrix_power(matrix, p) for p in range(1, length + 1))


def katz_closed(graph: nx.Graph, b: float) -> np.ndarray:
    one = np.eye(graph.number_of_nodes())
    return np.linalg.inv(one - b * dense(graph)) - one


def katz_simple(graph: nx.Graph, b: float, length: int, i: int, j: int) -> float:
    if i == j:
        return 0.0
    paths = nx.all_simple_paths(graph, i, j, cutoff=length)
    return sum(b ** (len(path) - 1) for path in paths)


def pagerank(graph: nx.Graph, restart: float) -> np.ndarray:
    matrix = dense(graph)
    degree = matrix.sum(1)
    walk = np.where(degree[:, None] > 0, matrix / np.maximum(degree, 1)[:, None], 0.0)
    walk += np.diag((degree == 0).astype(float))
    return restart * np.linalg.inv(np.eye(len(matrix)) - (1 - restart) * walk)


def path(graph: nx.Graph, i: int, j: int, *, without_edge: bool = False) -> float:
    if i == j:
        return 0.0
    if without_edge and graph.has_edge(i, j):
        graph = graph.copy()
        graph.remove_edge(i, j)
    if not nx.has_path(graph, i, j):
        return 0.0
    return 1 / nx.shortest_path_length(graph, i, j)


def every_score(graph: nx.Graph, pairs, *, b=0.005, length=3, restart=0.15) -> dict[str, list]:
    """Return all scores of pairs (2, B) under the names of ``link_scores``."""
    walks, closed = katz(graph, b, length), katz_closed(graph, b)
    rank = pagerank(graph, restart)
    rows = []
    for i, j in itertools.starmap(lambda i, j: (int(i), int(j)), zip(*pairs, strict=True)):
        rows.append(
            {
                **overlap(graph, i, j),
                "katz": walks[i, j],
                "katz_closed": closed[i, j],
                "katz_simple": katz_simple(graph, b, length, i, j),
                "ppr": rank[i, j],
                "ppr_sym": rank[i, j] + rank[j, i],
                "sp": path(graph, i, j),
                "sp_removed": path(graph, i, j, without_edge=True),
            }
        )
    return {name: [row[name] for row in rows] for name in rows[0]} if rows else {}
