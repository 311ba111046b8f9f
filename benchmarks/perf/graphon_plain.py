"""Graphons and weights as the authors' procedures read: dense matrices, one graph at a time.

Written from the specification (sections 2 to 4). Estimators take edge lists, make a dense matrix of
each graph, and stack the padded ones; the sort by degree is stable, so that results are equal.
"""

from __future__ import annotations

import itertools

import numpy as np
import torch


def dense(graphs):
    """One matrix a graph, of edge lists (2, m) with both directions and numbers of nodes."""
    matrices = []
    for edge_index, n in graphs:
        matrix = np.zeros((n, n))
        matrix[edge_index[0], edge_index[1]] = 1.0
        matrices.append(matrix)
    return matrices


def align(matrices):
    """Sort nodes by descending degree, fill up with zeros: (K, N, N)."""
    size = max(len(matrix) for matrix in matrices)
    aligned = []
    for matrix in matrices:
        n = len(matrix)
        degree = 0.5 * matrix.sum(0) + 0.5 * matrix.sum(1)
        order = np.argsort(-degree, kind="stable")
        padded = np.zeros((size, size))
        padded[:n, :n] = matrix[order][:, order]
        aligned.append(padded)
    return np.stack(aligned)


def block_sizes(n):
    h = int(np.floor(np.log2(n) + 1))
    return h, n // h


def histogram(mean, h, k):
    """Means of h x h blocks."""
    return mean[: h * k, : h * k].reshape(k, h, k, h).mean((1, 3))


def denoise(x, weight, sweeps=200, tolerance=2e-4):
    """Total variation by Chambolle's dual iteration."""
    p = np.zeros((2, *x.shape))
    g = np.zeros_like(p)
    d = np.zeros_like(x)
    out = x
    first = before = 0.0
    for sweep in range(sweeps):
        if sweep > 0:
            d = -p.sum(0)
            d[1:] += p[0, :-1]
            d[:, 1:] += p[1, :, :-1]
            out = x + d
        g[0, :-1] = np.diff(out, axis=0)
        g[1, :, :-1] = np.diff(out, axis=1)
        norm = np.sqrt((g**2).sum(0))
        energy = ((d**2).sum() + weight * norm.sum()) / x.size
        p = (p - 0.25 * g) / (1 + 0.25 / weight * norm)
        if sweep == 0:
            first = energy
        elif abs(before - energy) < tolerance * first:
            break
        before = energy
    return out


def sas_of(matrices):
    mean = align(matrices).mean(0)
    h, k = block_sizes(len(mean))
    return denoise(histogram(mean, h, k), h)


def sas(graphs):
    return sas_of(dense(graphs))


def lg_of(matrices, gap="abs"):
    """Parts between gaps of degree; a loop over pairs of parts."""
    mean = align(matrices).mean(0)
    n = len(mean)
    k = block_sizes(n)[1]
    degree = mean.sum(1) / (n - 1)
    steps = np.diff(degree)
    steps = -np.abs(steps) if gap == "abs" else -steps
    cuts = np.sort(np.argsort(steps, kind="stable")[: k - 1]) + 1
    bounds = [0, *cuts.tolist(), n]
    step = np.zeros((n, n))
    for a, b in itertools.pairwise(bounds):
        for c, d in itertools.pairwise(bounds):
            step[a:b, c:d] = mean[a:b, c:d].mean()
    return step


def lg(graphs, gap="abs"):
    return lg_of(dense(graphs), gap)


def aligned_mean(graphs):
    return align(dense(graphs)).mean(0)


def sinkhorn(cost, p, q, *, eps=1e-5, sweeps=100, bound=0.1):
    """Coupling in the log domain; stops by what the two potentials have moved."""
    u, v = torch.zeros_like(p), torch.zeros_like(q)
    for _ in range(sweeps):
        old_u, old_v = u, v
        inner = (-cost + u[:, None] + v[None]) / eps
        u = eps * (torch.log(p) - torch.logsumexp(inner, 1)) + u
        inner = (-cost + u[:, None] + v[None]) / eps
        v = eps * (torch.log(q) - torch.logsumexp(inner, 0)) + v
        if ((u - old_u).abs().sum() + (v - old_v).abs().sum()).item() < bound:
            break
    return torch.exp((-cost + u[:, None] + v[None]) / eps)


def entropic_gw(C1, C2, p, q, *, rounds=100, tolerance=1e-9):
    """Square loss / 2: gradient steps over couplings, each an entropic transport problem."""
    fixed = (0.5 * C1**2 @ p)[:, None] + (0.5 * C2**2 @ q)[None]
    plan = p[:, None] * q[None]
    for number in range(rounds):
        before = plan
        plan = sinkhorn(2 * (fixed - C1 @ plan @ C2.T), p, q)
        if number % 10 == 0 and torch.linalg.norm(plan - before).item() <= tolerance:
            break
    return ((fixed - C1 @ plan @ C2.T) * plan).sum()


def fit_weights(bases, target, epochs=100):
    """Softmax weights by Adam, through all iterations; weights of the last epoch."""
    stack, aim = torch.as_tensor(np.stack(bases)), torch.as_tensor(target)
    p = torch.full((stack.shape[1],), 1 / stack.shape[1], dtype=stack.dtype)
    q = torch.full((len(aim),), 1 / len(aim), dtype=stack.dtype)
    theta = torch.ones(len(stack), dtype=stack.dtype, requires_grad=True)
    optimiser = torch.optim.Adam([theta], lr=0.05, betas=(0.9, 0.99), weight_decay=1e-5)
    best, misses = np.inf, 0
    for epoch in range(epochs):
        loss = entropic_gw(torch.einsum("k,kij->ij", theta.softmax(0), stack), aim, p, q)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if epoch % 20 == 0:
            misses = 0
        if loss.item() < best:
            best, misses = loss.item(), 0
        elif epoch > 30:
            misses += 1
            if misses >= 3:
                break
    return theta.softmax(0).detach().numpy()
