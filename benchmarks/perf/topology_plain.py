"""Topological concentration as its definition reads: sets, counters and loops over nodes."""

from __future__ import annotations

from collections import Counter

import numpy as np
import scipy.sparse
import torch


def neighbor_sets(edges, n):
    """Return the set of neighbours of each node; ``edges`` is a list of pairs."""
    found = [set() for _ in range(n)]
    for i, j in edges:
        found[i].add(j)
        found[j].add(i)
    return found


def hop_counts(near, hops):
    """Return for every node one dictionary a hop: how many walks end at each node."""
    every = []
    for i in range(len(near)):
        found, now = [dict.fromkeys(near[i], 1)], None
        for _ in range(hops - 1):
            now, after = found[-1], {}
            for u, times in now.items():
                for v in near[u]:
                    after[v] = after.get(v, 0) + times
            found.append(after)
        every.append(found)
    return every


def kept(split, n, hops):
    """Return TC of train, val and test for lists of pairs; hops of a node are made once."""
    near = neighbor_sets(split["train"], n)
    beta = n / sum(map(len, near))
    walks = hop_counts(near, hops)
    supports = [[set(each) for each in found] for found in walks]
    sizes = [[sum(each.values()) for each in found] for found in walks]
    out = {}
    for name, edges in split.items():
        own = name == "train"
        ends = near if own else neighbor_sets(edges, n)
        values = np.zeros(n)
        for i in range(n):
            if len(near[i]) <= own or not ends[i]:
                continue
            norm = sum(beta ** (a + b) * sizes[i][a] for a in range(hops) for b in range(hops))
            total = 0.0
            for j in ends[i]:
                for a in range(hops):
                    mine, times = supports[i][a], walks[i][a]
                    for b in range(hops):
                        shared = mine & supports[j][b]
                        count = len(shared) if a == 0 else sum(times[v] for v in shared)
                        total += beta ** (a + b) * count
            values[i] = total / (norm - own) / len(ends[i])
        out[name] = values
    return out


def hop_lists(near, i, hops):
    """Return the ends of all walks of 1 to K steps from i, one list a hop."""
    found, now = [], [i]
    for _ in range(hops):
        after = []
        for u in now:
            after.extend(near[u])
        found.append(after)
        now = after
    return found


def direct(split, n, hops):
    """Return TC of train, val and test, word for word: hops of both ends are made for each link.

    The authors' code does this too.
    """
    near = neighbor_sets(split["train"], n)
    beta = n / sum(map(len, near))
    every = {name: neighbor_sets(edges, n) for name, edges in split.items()}
    out = {name: np.zeros(n) for name in split}
    for i in range(n):
        mine = [Counter(hop) for hop in hop_lists(near, i, hops)]
        supports = [set(hop) for hop in mine]
        for name, ends in every.items():
            own = name == "train"
            if len(near[i]) <= own or not ends[i]:
                continue
            shares = []
            for j in ends[i]:
                others = [set(hop) for hop in hop_lists(near, j, hops)]
                shared = norm = 0.0
                for a in range(hops):
                    for b in range(hops):
                        discount = beta ** (a + b)
                        both = supports[a] & others[b]
                        shared += discount * sum([mine[a][v] for v in both])
                        norm += discount * sum(mine[a].values())
                shares.append(shared / (norm - own))
            out[name][i] = np.mean(shares)
    return out


def approximation(split, n, hops, features):
    """Return ATC of train, val and test: products of a scipy matrix, cosines node by node."""
    near = neighbor_sets(split["train"], n)
    row = [i for i in range(n) for _ in range(len(near[i]) + 1)]
    col = [j for i in range(n) for j in (i, *near[i])]
    weight = [1 / (len(near[i]) + 1) for i in range(n) for _ in range(len(near[i]) + 1)]
    step = scipy.sparse.csr_array((np.array(weight, np.float32), (row, col)), shape=(n, n))
    now, total = features.numpy(), 0.0
    for _ in range(hops):
        now = step @ now
        total = total + now
    embedding = torch.from_numpy(total / hops)
    out = {}
    for name, edges in split.items():
        ends = near if name == "train" else neighbor_sets(edges, n)
        values = np.zeros(n)
        for i in range(n):
            if ends[i] and near[i]:
                others = embedding[list(ends[i])]
                alike = torch.cosine_similarity(embedding[i : i + 1], others, dim=1, eps=1e-6)
                values[i] = alike.mean().item()
        out[name] = values
    return out
