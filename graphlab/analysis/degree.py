"""Where a model is right: metrics of test samples by the degree of their nodes."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from graphlab.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor

__all__ = ["degree_bins", "endpoint_degree", "link_metrics_by_degree", "node_metrics_by_degree"]


def degree_bins(largest: int) -> list[tuple[int, int]]:
    """Return bins of degrees, both ends included: 0, 1, 2, 3-4, 5-8, 9-16 and so on.

    They are the same whatever the data, so that runs and seeds can be averaged bin by bin.

    Args:
        largest: The last bin is the one that holds this degree.

    Raises:
        InputError: ``largest`` is negative.

    Example:
        >>> degree_bins(5)
        [(0, 0), (1, 1), (2, 2), (3, 4), (5, 8)]
    """
    if largest < 0:
        raise InputError(f"largest is {largest}, expected a degree >= 0.")
    bins = [(0, 0), (1, 1)]
    while bins[-1][1] < largest:
        high = bins[-1][1]
        bins.append((high + 1, 2 * high))
    return bins if largest else bins[:1]


def endpoint_degree(degree: Tensor, pairs: Tensor) -> Tensor:
    """Return the smaller degree of the two nodes of each pair: the side of which less is known.

    Args:
        degree: Degree of every node.
        pairs: Links.

    Shapes:
        - ``degree``: (n,) int64, ``pairs``: (P, 2) int64
        - returns: (P,) int64

    Example:
        >>> import torch
        >>> endpoint_degree(torch.tensor([4, 1, 7]), torch.tensor([[0, 1], [0, 2]])).tolist()
        [1, 4]
    """
    return degree[pairs].amin(1)


def node_metrics_by_degree(
    scores: Tensor,
    target: Tensor,
    degree: Tensor,
    metrics: Mapping[str, Callable[[Tensor, Tensor], float]],
) -> list[dict[str, float]]:
    """Return the metrics of nodes in each bin of degrees that holds a node.

    A metric that a bin does not allow, such as the area under a ROC curve of one class alone, is
    left out of that bin.

    Args:
        scores: Scores of the test nodes.
        target: Their classes.
        degree: Their degrees.
        metrics: Name -> function of scores and classes.

    Shapes:
        - ``scores``: (B, C) or (B,), ``target``: (B,), ``degree``: (B,) int64
        - returns: one dictionary a bin: ``low``, ``high``, ``count`` and the metrics

    Raises:
        InputError: The three have different lengths.

    Cost: that of the metrics on B rows, and O(B) for each of at most 1 + log2(degree) bins.

    Example:
        >>> import torch
        >>> scores = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
        >>> right = lambda s, y: float((s.argmax(1) == y).double().mean())
        >>> found = node_metrics_by_degree(
        ...     scores, torch.tensor([0, 1, 1]), torch.tensor([1, 3, 4]), {"acc": right})
        >>> [(b["low"], b["high"], b["count"], b["acc"]) for b in found]
        [(1, 1, 1, 1.0), (3, 4, 2, 0.5)]
    """
    _same_length(degree, scores=scores, target=target)
    return [
        {**here, **_computed(metrics, scores[rows], target[rows])}
        for here, rows in _rows_by_bin(degree)
    ]


def link_metrics_by_degree(
    positive: Tensor,
    negative: Tensor,
    degree: Tensor,
    metrics: Mapping[str, Callable[[Tensor, Tensor], float]],
) -> list[dict[str, float]]:
    """Return the metrics of positive links in each bin of degrees that holds one.

    The positives of a bin are ranked against the same negatives as all positives are: all shared
    ones, or each its own. So of Hits@K, MRR and the area under the ROC curve the mean over bins,
    weighted by their counts, is the metric of the whole. That is not so of average precision,
    which falls with the share of positives.

    Args:
        positive: Scores of the positives.
        negative: Scores of the negatives, shared (N,) or each positive's own (P, K).
        degree: Of each positive, see :func:`endpoint_degree`.
        metrics: Name -> function of positive and negative scores.

    Shapes:
        - ``positive``: (P,), ``degree``: (P,) int64
        - returns: one dictionary a bin: ``low``, ``high``, ``count`` and the metrics

    Raises:
        InputError: ``positive``, ``degree``, and own negatives have different lengths.

    Cost: for each of at most 1 + log2(degree) bins that of the metrics on N negatives; with own
    negatives O(P K) for all bins together.

    Example:
        >>> import torch
        >>> pos, neg = torch.tensor([0.9, 0.1]), torch.tensor([0.5])
        >>> above = lambda p, n: float((p > n.max()).double().mean())
        >>> found = link_metrics_by_degree(pos, neg, torch.tensor([8, 2]), {"hits@1": above})
        >>> [(b["low"], b["high"], b["hits@1"]) for b in found]
        [(2, 2, 0.0), (5, 8, 1.0)]
    """
    own = negative.dim() == 2
    _same_length(degree, positive=positive, **({"negative": negative} if own else {}))
    return [
        {**here, **_computed(metrics, positive[rows], negative[rows] if own else negative)}
        for here, rows in _rows_by_bin(degree)
    ]


def _rows_by_bin(degree: Tensor) -> list[tuple[dict[str, float], Tensor]]:
    """Every bin that holds a sample: its ends and its count, and which rows they are."""
    if not degree.numel():
        return []
    found: list[tuple[dict[str, float], Tensor]] = []
    for low, high in degree_bins(int(degree.max())):
        rows = ((degree >= low) & (degree <= high)).nonzero().squeeze(1)
        if rows.numel():
            found.append(({"low": low, "high": high, "count": rows.numel()}, rows))
    return found


def _computed(
    metrics: Mapping[str, Callable[[Tensor, Tensor], float]], first: Tensor, second: Tensor
) -> dict[str, float]:
    values = {}
    with warnings.catch_warnings():
        # what is odd of all samples has been said when all were measured
        warnings.simplefilter("ignore")
        for name, metric in metrics.items():
            try:
                values[name] = float(metric(first, second))
            except InputError:  # not defined for these few
                continue
    return values


def _same_length(degree: Tensor, **others: Tensor) -> None:
    for name, other in others.items():
        if other.shape[0] != degree.shape[0]:
            raise InputError(
                f"{name} has {other.shape[0]} rows, but degree has {degree.shape[0]}; expected one "
                "degree a row."
            )
