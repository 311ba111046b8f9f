"""Ranking metrics of single nodes: each node ranks all others, its true neighbours should lead."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from graphlab.errors import InputError
from graphlab.metrics._finite import ArrayLike, check_finite

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["node_ranking_metrics"]

_BLOCK = 1 << 22  # scores that are compared at a time
_INTEGERS = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)


def node_ranking_metrics(
    scores: ArrayLike,
    ground_truth: Sequence[ArrayLike],
    topk: Sequence[int] = (5, 10, 20, 50, 100),
) -> dict[str, Tensor]:
    r"""Return recall, precision, F1, NDCG, hits and reciprocal rank of each query node.

    With the h of a node's g true nodes that are among its k best:

    ==============  ====================================================================
    ``recall``      h / g
    ``precision``   h / k
    ``f1``          their harmonic mean, 0 where both are 0
    ``ndcg``        sum of 1 / log2(rank + 1) over the h, divided by the largest possible,
                    that over ranks 1 to min(k, g)
    ``hits``        1 where h > 0, else 0
    ``mrr``         1 / rank of the best true node, whatever its rank
    ==============  ====================================================================

    Ranks are ordinal: of equal scores, the lower node id comes first. Nodes that must not be
    ranked (known neighbours) are given a score below all others beforehand.

    Args:
        scores: Scores of all n nodes for each of q query nodes.
        ground_truth: The true nodes of each query node; repeats count once.
        topk: Cut-offs k; one may exceed n.

    Shapes:
        - ``scores``: (q, n) float or integer; ``ground_truth``: q lists of integers
        - returns: ``recall``, ``ndcg``, ``hits``, ``precision``, ``f1``: (q, len(topk)), and
          ``mrr``: (q,); float64, on the device of ``scores``; a node without true nodes is 0

    Raises:
        NonFiniteError: A score is NaN or infinite.
        InputError: Lists that do not fit the rows, node ids out of range, a cut-off below 1.

    Cost: time O(n) for each true node; memory for some million scores at a time.

    Example:
        >>> found = node_ranking_metrics([[0.9, 0.1, 0.5, 0.3]], [[2, 1]], topk=(2,))
        >>> {name: values.reshape(-1).tolist() for name, values in found.items()}["recall"]
        [0.5]
        >>> found["mrr"].tolist()
        [0.5]
    """
    values = torch.as_tensor(scores)
    if values.dim() != 2:
        raise InputError(f"scores has shape {tuple(values.shape)}, expected (q, n).")
    check_finite(values)
    queries = values.shape[0]
    cut = torch.tensor(_cut_offs(topk), dtype=torch.float64, device=values.device)
    query, node = _true_pairs(ground_truth, values)
    rank = _ranks(values, query, node).to(torch.float64)
    inside = (rank[:, None] <= cut).to(torch.float64)
    size = torch.bincount(query, minlength=queries).unsqueeze(1)
    found = _sums(inside, query, queries)
    recall, precision = found / size.clamp(min=1), found / cut
    both = recall + precision
    gain = _sums(inside / torch.log2(rank + 1)[:, None], query, queries)
    best = rank.new_zeros(queries).scatter_reduce(0, query, 1 / rank, "amax")
    return {
        "recall": recall,
        "ndcg": gain / _ideal(torch.minimum(size, cut.to(torch.int64))),
        "hits": (found > 0).to(torch.float64),
        "precision": precision,
        "f1": torch.where(both > 0, 2 * recall * precision / both, 0.0),
        "mrr": best,
    }


def _cut_offs(topk: Sequence[int]) -> list[int]:
    found = [int(k) for k in topk if not isinstance(k, bool) and int(k) == k and k >= 1]
    if len(found) != len(topk) or not found:
        raise InputError(f"topk is {topk!r}, expected whole numbers >= 1.")
    return found


def _true_pairs(ground_truth: Sequence[ArrayLike], scores: Tensor) -> tuple[Tensor, Tensor]:
    """Return query and node of every true pair, each once, sorted."""
    queries, n = scores.shape
    if len(ground_truth) != queries:
        raise InputError(
            f"ground_truth has {len(ground_truth)} lists, but scores has {queries} rows."
        )
    lists = [torch.as_tensor(each).reshape(-1) for each in ground_truth]
    wrong = next((each for each in lists if each.numel() and each.dtype not in _INTEGERS), None)
    if wrong is not None:
        raise InputError(f"ground_truth holds {wrong.dtype}, expected lists of node ids.")
    sizes = torch.tensor([each.numel() for each in lists], dtype=torch.int64)
    query = torch.arange(queries).repeat_interleave(sizes)
    empty = torch.empty(0, dtype=torch.int64)
    node = torch.cat([empty, *(each.to("cpu", torch.int64) for each in lists)])
    if node.numel():
        low, high = (int(v) for v in node.aminmax())
        if low < 0 or high >= n:
            raise InputError(
                f"ground_truth holds node {low if low < 0 else high}, but scores has {n} columns "
                f"(ids must be 0..{n - 1})."
            )
    key = torch.unique(query * max(n, 1) + node).to(scores.device)
    return key // max(n, 1), key % max(n, 1)


def _ranks(scores: Tensor, query: Tensor, node: Tensor) -> Tensor:
    """Return the rank of each true node among all nodes of its query."""
    n = scores.shape[1]
    before = torch.arange(n, device=scores.device)
    parts = []
    step = max(1, _BLOCK // max(n, 1))
    for at in range(0, node.numel(), step):
        row, own = scores[query[at : at + step]], node[at : at + step, None]
        mine = row.gather(1, own)
        ahead = (row > mine) | ((row == mine) & (before < own))
        parts.append(1 + ahead.sum(1))
    return torch.cat(parts) if parts else query


def _sums(values: Tensor, query: Tensor, queries: int) -> Tensor:
    return values.new_zeros((queries, values.shape[1])).index_add(0, query, values)


def _ideal(number: Tensor) -> Tensor:
    """Return the gain of ``number`` hits on the first ranks; 1 for none."""
    most = int(number.max()) if number.numel() else 0
    gain = 1 / torch.log2(torch.arange(2, most + 2, device=number.device, dtype=torch.float64))
    total = torch.cat([gain.new_ones(1), gain.cumsum(0)])
    return total[number]
