"""Choice of hard negatives written as it is told, one positive and one node at a time."""

from __future__ import annotations

from collections import deque

import numpy as np


def resource_allocation(neighbours: list[set[int]], anchor: int) -> list[float]:
    scores = []
    for v in range(len(neighbours)):
        common = sorted(neighbours[anchor] & neighbours[v])
        scores.append(sum(1 / len(neighbours[u]) for u in common))
    return scores


def pushed_pagerank(
    neighbours: list[set[int]], anchor: int, restart: float, tolerance: float
) -> list[float]:
    settled, held = [0.0] * len(neighbours), [0.0] * len(neighbours)
    held[anchor] = 1.0
    queue = deque([anchor])
    while queue:
        u = queue.popleft()
        mass, held[u] = held[u], 0.0
        if not neighbours[u]:
            settled[u] += mass
            continue
        settled[u] += restart * mass
        for v in sorted(neighbours[u]):
            held[v] += (1 - restart) * mass / len(neighbours[u])
            if held[v] >= tolerance * len(neighbours[v]) and v not in queue:
                queue.append(v)
    return settled


def cosine(x: np.ndarray, anchor: int) -> list[float]:
    """Squared cosines, rounded where equal ones may differ in the last digits; never negative."""
    norms = np.sqrt((x**2).sum(1))
    scores = []
    for v in range(len(x)):
        both = norms[anchor] * norms[v]
        value = float(x[anchor] @ x[v] / both) if both > 0 else 0.0
        scores.append(round(max(value, 0.0), 12))
    return scores


def ranks(scores: list[float], filtered: set[int]) -> list[int]:
    """Largest first, ties share the smallest rank; then zeros, then what is filtered."""
    values = [s for v, s in enumerate(scores) if v not in filtered and s > 0]
    found = {s: 1 + sum(other > s for other in values) for s in set(values)}
    last = max(found.values(), default=0)
    return [
        last + 2 if v in filtered else found.get(s, last + 1) if s > 0 else last + 1
        for v, s in enumerate(scores)
    ]


def best(
    rows: list[list[float]], filtered: set[int], need: int
) -> tuple[set[int], set[int], int, list[int]]:
    """Return what must be chosen, what else may be, how many of it, and all candidates."""
    n = len(rows[0])
    combined = np.min([ranks(scores, filtered) for scores in rows], axis=0)
    candidates = [v for v in range(n) if v not in filtered]
    scored = [v for v in candidates if any(scores[v] > 0 for scores in rows)]
    unscored = [v for v in candidates if v not in scored]
    if need == 0:
        return set(), set(), 0, candidates
    if len(scored) <= need:
        return set(scored), set(unscored), need - len(scored), candidates
    threshold = sorted(combined[v] for v in scored)[need - 1]
    certain = {v for v in scored if combined[v] < threshold}
    tied = {v for v in scored if combined[v] == threshold}
    return certain, tied, need - len(certain), candidates
