"""Compiled searches from source nodes: walks, hop distances, pushed PageRank."""
# ruff: noqa: PLR0917  (kernels take arrays and many numbers)

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from graphlab.ops._compile import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

__all__ = ["hop_distances", "meeting_distances", "push", "two_hop_rows", "walk_counts"]


@kernel
def walk_counts(
    indptr: Array,
    columns: Array,
    sources: Array,
    ptr: Array,  # group g has the targets ptr[g] to ptr[g + 1] - 1
    targets: Array,
    length: int,
    counts: Array,  # (length * pairs,): walks of 1, of 2, ... edges
    first_group: int,
    last_group: int,
) -> None:
    """Count the walks of each length up to ``length`` from each source to its targets."""
    n, pairs = indptr.size - 1, targets.size
    now, after = np.zeros(n, np.float64), np.zeros(n, np.float64)
    reached, coming = np.empty(n, np.int32), np.empty(n, np.int32)
    for g in range(first_group, last_group):
        reached[0], size = sources[g], 1
        now[sources[g]] = 1.0
        for step in range(length):
            if step == length - 1:  # the last edge: only at the targets
                for p in range(ptr[g], ptr[g + 1]):
                    walks = 0.0
                    for e in range(indptr[targets[p]], indptr[targets[p] + 1]):
                        walks += now[columns[e]]
                    counts[step * pairs + p] = walks
                break
            found = 0
            for q in range(size):
                u = reached[q]
                for e in range(indptr[u], indptr[u + 1]):
                    v = columns[e]
                    if after[v] == 0.0:
                        coming[found] = v
                        found += 1
                    after[v] += now[u]
            for q in range(size):
                now[reached[q]] = 0.0
            now, after = after, now
            reached, coming, size = coming, reached, found
            for p in range(ptr[g], ptr[g + 1]):
                counts[step * pairs + p] = now[targets[p]]
        for q in range(size):
            now[reached[q]] = 0.0


@kernel
def hop_distances(
    indptr: Array,
    columns: Array,
    sources: Array,
    ptr: Array,
    targets: Array,
    hops: Array,
    first_group: int,
    last_group: int,
) -> None:
    """Write the hops from each source to its targets, -1 where there is no path.

    A breadth-first search a source; it ends with the last target.
    """
    n = indptr.size - 1
    distance, queue = np.full(n, -1, np.int32), np.empty(n, np.int32)
    wanted = np.zeros(n, np.bool_)
    for g in range(first_group, last_group):
        left = 0
        for p in range(ptr[g], ptr[g + 1]):
            left += not wanted[targets[p]]
            wanted[targets[p]] = True
        queue[0] = sources[g]
        distance[sources[g]] = 0
        left -= wanted[sources[g]]
        head, tail = 0, 1
        while head < tail and left > 0:
            u = queue[head]
            head += 1
            for e in range(indptr[u], indptr[u + 1]):
                v = columns[e]
                if distance[v] < 0:
                    distance[v] = distance[u] + 1
                    queue[tail] = v
                    tail += 1
                    left -= wanted[v]
        for p in range(ptr[g], ptr[g + 1]):
            hops[p] = distance[targets[p]]
            wanted[targets[p]] = False
        for q in range(tail):
            distance[queue[q]] = -1


@kernel
def meeting_distances(
    indptr: Array,
    columns: Array,
    src: Array,
    dst: Array,
    without_edge: int,
    hops: Array,
    first_pair: int,
    last_pair: int,
) -> None:
    """Write the hops between the ends of each pair, -1 where there is no path.

    Searches from both ends, level by level; the end whose next level has fewer entries goes on.
    Before each level the two balls are disjoint, so the first entry that joins them is on a
    shortest path. With ``without_edge`` the edge between the two ends does not count.
    """
    n = indptr.size - 1
    side = np.zeros(n, np.int8)  # 1: reached from the first end, 2: from the second
    queue = np.empty(n, np.int32)  # of the first end from the front, of the second from the back
    for p in range(first_pair, last_pair):
        i, j = src[p], dst[p]
        if i == j:
            hops[p] = 0
            continue
        side[i], side[j] = 1, 2
        queue[0], queue[n - 1] = i, j
        a, a_end, b, b_end = 0, 1, 0, 1  # levels of both ends, counted from their side of the queue
        a_work, b_work = indptr[i + 1] - indptr[i], indptr[j + 1] - indptr[j]
        steps, met = 0, False
        while not met and a < a_end and b < b_end:
            mine, first = (1, True) if a_work <= b_work else (2, False)
            at, end, work = (a, a_end, 0) if first else (b, b_end, 0)
            last = end
            steps += 1
            while at < last and not met:
                u = queue[at] if first else queue[n - 1 - at]
                at += 1
                for e in range(indptr[u], indptr[u + 1]):
                    v = columns[e]
                    if side[v] == mine:
                        continue
                    if without_edge and ((u == i and v == j) or (u == j and v == i)):
                        continue
                    if side[v] != 0:
                        met = True
                        break
                    side[v] = mine
                    queue[end if first else n - 1 - end] = v
                    end += 1
                    work += indptr[v + 1] - indptr[v]
            if first:
                a, a_end, a_work = last, end, work
            else:
                b, b_end, b_work = last, end, work
        hops[p] = steps if met else -1
        for q in range(a_end):
            side[queue[q]] = 0
        for q in range(b_end):
            side[queue[n - 1 - q]] = 0


@kernel
def push(
    indptr: Array,
    columns: Array,
    sources: Array,
    ptr: Array | None,
    targets: Array | None,
    restart: float,
    tolerance: float,
    out: Array,
    first_group: int,
    last_group: int,
) -> None:
    """Push PageRank from each source until no node holds ``tolerance`` times its degree or more.

    First in, first out. Written are the values at the source's targets, or without targets whole
    rows, (groups * n,).
    """
    n = indptr.size - 1
    settled, held = np.zeros(n, np.float64), np.zeros(n, np.float64)
    queue, touched = np.empty(n, np.int32), np.empty(n, np.int32)
    state = np.zeros(n, np.int8)  # 1: touched, 2: waiting in the queue too
    for g in range(first_group, last_group):
        s = sources[g]
        queue[0], touched[0] = s, s
        held[s], state[s] = 1.0, 2
        head, waiting, size = 0, 1, 1
        while waiting > 0:
            u = queue[head]
            head = head + 1 if head + 1 < n else 0
            waiting -= 1
            state[u] = 1
            mass, held[u] = held[u], 0.0
            degree = indptr[u + 1] - indptr[u]
            if degree == 0:  # nowhere to go: the mass stays
                settled[u] += mass
                continue
            settled[u] += restart * mass
            share = (1.0 - restart) * mass / degree
            for e in range(indptr[u], indptr[u + 1]):
                v = columns[e]
                held[v] += share
                if state[v] == 0:
                    touched[size], state[v] = v, 1
                    size += 1
                if state[v] == 1 and held[v] >= tolerance * (indptr[v + 1] - indptr[v]):
                    place = head + waiting
                    queue[place if place < n else place - n] = v
                    waiting += 1
                    state[v] = 2
        if ptr is not None and targets is not None:
            for p in range(ptr[g], ptr[g + 1]):
                out[p] = settled[targets[p]]
        for q in range(size):
            v = touched[q]
            if targets is None:
                out[g * n + v] = settled[v]
            settled[v], held[v], state[v] = 0.0, 0.0, 0


@kernel
def two_hop_rows(
    indptr: Array,
    columns: Array,
    weight: Array,
    sources: Array,
    out: Array,  # (groups * n,), zeros
    first_group: int,
    last_group: int,
) -> None:
    """Add the weight of each neighbour of a source to all neighbours of that neighbour."""
    n = indptr.size - 1
    for g in range(first_group, last_group):
        for k in range(indptr[sources[g]], indptr[sources[g] + 1]):
            u = columns[k]
            for e in range(indptr[u], indptr[u + 1]):
                out[g * n + columns[e]] += weight[u]
