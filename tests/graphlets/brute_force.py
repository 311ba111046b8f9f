"""Orbit counts and orbit adjacency by enumeration of all induced subgraphs: slow and readable."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from graphlab.graphlets._keys import EDGE_ORBITS, ORBIT_PAIRS

# sorted degrees inside the graphlet, and for graphlets the orbit of each degree
_ORBIT = {
    (1, 1): {1: 0},
    (1, 1, 2): {1: 1, 2: 2},
    (2, 2, 2): {2: 3},
    (1, 1, 2, 2): {1: 4, 2: 5},
    (1, 1, 1, 3): {1: 6, 3: 7},
    (2, 2, 2, 2): {2: 8},
    (1, 2, 2, 3): {1: 9, 2: 10, 3: 11},
    (2, 2, 3, 3): {2: 12, 3: 13},
    (3, 3, 3, 3): {3: 14},
}


def neighbours(n, edges):
    near = [set() for _ in range(n)]
    for u, v in np.asarray(edges).reshape(-1, 2).tolist():
        if u != v:
            near[u].add(v)
            near[v].add(u)
    return near


def occurrences(n, edges):
    """Yield (nodes, orbit of each, distance inside the graphlet of each pair)."""
    near = neighbours(n, edges)
    for size in (2, 3, 4):
        for nodes in combinations(range(n), size):
            inside = {u: near[u] & set(nodes) for u in nodes}
            degrees = tuple(sorted(len(inside[u]) for u in nodes))
            if degrees not in _ORBIT:  # not connected: no graphlet has the degrees of such a graph
                continue
            orbit = {u: _ORBIT[degrees][len(inside[u])] for u in nodes}
            distance = {}
            for start in nodes:
                reached, ring, step = {start}, {start}, 0
                while ring:
                    for u in ring:
                        distance[start, u] = step
                    ring = set().union(*(inside[u] for u in ring)) - reached
                    reached |= ring
                    step += 1
            yield nodes, orbit, distance


def orbit_counts(n, edges):
    counts = np.zeros((n, 15), np.int64)
    for nodes, orbit, _ in occurrences(n, edges):
        for u in nodes:
            counts[u, orbit[u]] += 1
    return counts


def orbit_adjacency(n, edges):
    matrices = {key: np.zeros((n, n), np.int64) for key in ORBIT_PAIRS}
    for nodes, orbit, distance in occurrences(n, edges):
        for u in nodes:
            for v in nodes:
                if u != v:
                    matrices[distance[u, v], orbit[u], orbit[v]][u, v] += 1
    return matrices


def edge_orbit_counts(n, edges):
    matrices = orbit_adjacency(n, edges)
    near = neighbours(n, edges)
    pairs = np.array([(u, v) for u in range(n) for v in sorted(near[u]) if u < v], np.int64)
    pairs = pairs.reshape(-1, 2)
    columns = []
    for key in EDGE_ORBITS:
        one = matrices[key]
        both = one if key[1] == key[2] else one + one.T
        columns.append(both[pairs[:, 0], pairs[:, 1]])
    return pairs, np.stack(columns, 1)
