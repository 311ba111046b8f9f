"""Graphon estimators that work on the mean matrix of aligned graphs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from graphlab.pretraining._alignment import block_sizes

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

__all__ = ["block_means", "largest_gaps", "matrix_completion", "singular_values", "sorted_blocks"]

USVT_THRESHOLD = 2.02
SBA_THRESHOLD = 0.1


def block_means(mean: Floats) -> Floats:
    """Return means of non-overlapping h x h blocks, (k, k); what is left over is dropped."""
    h, k = block_sizes(len(mean))
    found: Floats = mean[: h * k, : h * k].reshape(k, h, k, h).mean((1, 3))
    return found


def largest_gaps(mean: Floats, gap: str) -> Floats:
    """Cut the nodes after the k - 1 largest gaps of degree; average each pair of parts (LG).

    Args:
        mean: Aligned mean (N, N).
        gap: ``"abs"`` takes the largest drops; ``"signed"`` the largest signed differences, as
            the authors' code does: degrees fall, so these are the smallest drops.
    """
    n = len(mean)
    degree = mean.sum(1) / max(n - 1, 1)
    steps = np.diff(degree)
    cuts = block_sizes(n)[1] - 1
    by_size = -np.abs(steps) if gap == "abs" else -steps
    chosen = np.sort(np.argsort(by_size, kind="stable")[:cuts])
    starts = np.concatenate([[0], chosen + 1])
    sizes = np.diff(np.append(starts, n))
    sums = np.add.reduceat(np.add.reduceat(mean, starts, 0), starts, 1)
    blocks = sums / np.outer(sizes, sizes)
    found: Floats = np.repeat(np.repeat(blocks, sizes, 1), sizes, 0)
    return found


def matrix_completion(mean: Floats) -> Floats:
    """Keep the floor(N / floor(ln N)) largest singular values of 2 M - 1 (MC)."""
    n = len(mean)
    rank = n // max(int(np.log(n)), 1)
    kept = _truncated(2 * mean - 1, lambda values: np.arange(len(values)) < rank)
    return np.clip((kept + 1) / 2, 0, 1)


def singular_values(mean: Floats, threshold: float) -> Floats:
    """Drop singular values below threshold * sqrt(N) (USVT)."""
    bound = threshold * np.sqrt(len(mean))
    return np.clip(_truncated(mean, lambda values: values >= bound), 0, 1)


def sorted_blocks(
    first: Floats, second: Floats, num_graphs: int, threshold: float, *, seed: int
) -> Floats:
    """Group nodes with alike rows, then average each pair of groups (SBA).

    Rows are compared between the sums of the two halves of the graphs, without the two columns
    of the compared nodes. All inner products come from one product of the two matrices; since
    these are symmetric, rows and columns tell the same.
    """
    n = len(first)
    half = num_graphs // 2
    scale = 1.0 / ((half + 1) * ((n - half) or 1))
    dots = first @ second
    # numpy's legacy stream is what the authors' code draws from after numpy.random.seed
    draw = np.random.RandomState(seed % 2**32)
    label, pivots = np.zeros(n, np.int64), np.zeros(n, np.int64)
    blocks, left = 1, np.arange(1, n)
    while len(left):
        at = draw.permutation(len(left))[0] if len(left) > 1 else 0
        i, b = int(left[at]), pivots[:blocks]
        left = np.delete(left, at)

        def off(x: Ints | int, y: Ints | int, i: int = i, b: Ints = b) -> Floats:
            """Inner product of rows x and y without the columns i and b."""
            without = first[x, i] * second[y, i] + first[x, b] * second[y, b]
            kept: Floats = dots[x, y] - without
            return kept

        gap = off(i, i) + off(b, b) - off(i, b) - off(b, i)
        distance = np.sqrt(np.abs(scale * gap) / max(n - 2, 1))
        nearest = int(np.argmin(distance))
        if distance[nearest] < threshold:
            label[i] = nearest
        else:
            label[i], pivots[blocks] = blocks, i
            blocks += 1
    member = (label[None] == np.arange(blocks)[:, None]).astype(np.float64)
    total = first + second if num_graphs > 1 else first
    sizes = member.sum(1)
    means = member @ total @ member.T / (num_graphs * np.outer(sizes, sizes))
    found: Floats = means[np.ix_(label, label)]
    return found


# -- private --------------------------------------------------------------------------------------


def _truncated(matrix: Floats, keep: Callable[[Floats], NDArray[np.bool_]]) -> Floats:
    # of a symmetric matrix, singular values are the sizes of eigenvalues: a third of the time
    values, vectors = np.linalg.eigh(matrix)
    order = np.argsort(-np.abs(values), kind="stable")
    chosen = order[keep(np.abs(values[order]))]
    found: Floats = (vectors[:, chosen] * values[chosen]) @ vectors[:, chosen].T
    return found
