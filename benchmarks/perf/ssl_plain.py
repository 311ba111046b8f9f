"""Pretext targets as the authors' procedures read, one node and one pair at a time."""

from __future__ import annotations

import networkx as nx
import numpy as np
import torch
from sklearn.linear_model import LogisticRegression


def graph_of(edge_index, n):
    graph = nx.Graph()
    graph.add_nodes_from(range(n))
    graph.add_edges_from(edge_index.T.tolist())
    return graph


def distance_to_labelled(edge_index, n, train_idx, y_train):
    """A dictionary of distances for each labelled node, then means of the inverse."""
    graph = graph_of(edge_index, n)
    inverse = np.zeros((n, len(train_idx)), np.float32)
    for k, source in enumerate(train_idx.tolist()):
        for node, hops in nx.single_source_shortest_path_length(graph, source).items():
            inverse[node, k] = 1 / hops if hops else 0
    classes = int(y_train.max()) + 1
    return np.stack([inverse[:, y_train == c].mean(1) for c in range(classes)], axis=1)


def distance_classes(edge_index, n, hops=3):
    """Dictionaries of distances within three hops, written into an (n, n) matrix."""
    graph = graph_of(edge_index, n)
    out = np.full((n, n), hops, np.int64)
    for source, near in nx.all_pairs_shortest_path_length(graph, cutoff=hops):
        for node, distance in near.items():
            out[source, node] = distance - 1
    out[np.tril_indices(n)] = -1
    return out


def label_propagation(edge_index, n, train_idx, y_train, iters=30):
    """Products with a dense (n, n) matrix."""
    walk = torch.zeros(n, n, dtype=torch.float64)
    walk[tuple(torch.from_numpy(edge_index))] = 1
    walk /= walk.sum(1, keepdim=True).clamp(min=1)
    walk[train_idx] = 0
    fixed = torch.zeros(n, int(y_train.max()) + 1, dtype=torch.float64)
    fixed[train_idx, y_train] = 1
    state = torch.zeros_like(fixed)
    for _ in range(iters):
        state = walk @ state + fixed
    return state.numpy()


def iterative_classification(edge_index, x, train_idx, y_train, sweeps=10):
    """One call of the classifier for each node in each sweep, on features and counts beside."""
    n = len(x)
    graph = graph_of(edge_index, n)
    near = [list(graph[i]) for i in range(n)]
    classes = int(y_train.max()) + 1
    local = LogisticRegression().fit(x[train_idx], y_train)
    labels = local.predict(x)
    labels[train_idx] = y_train

    def row(i):
        counts = np.bincount(labels[near[i]], minlength=classes)
        return np.concatenate([x[i], counts])

    rows = np.stack([row(i) for i in train_idx.tolist()])
    relational = LogisticRegression().fit(rows, y_train)
    known = set(train_idx.tolist())
    free = [i for i in range(n) if i not in known]
    for _ in range(sweeps):
        for i in free:
            labels[i] = relational.predict(row(i)[None, :])[0]
    return labels
