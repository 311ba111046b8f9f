"""Scores of a stage's pairs, in chunks; all of them, or the part of one of several processes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from graphlab.tasks._link_problem import LinkBatch, LinkStage
from graphlab.tasks.base import Predictions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from graphlab.metrics.ranking import RankingMetric

__all__ = ["batch_part", "score_stage", "single"]


def score_stage(
    network: Any,  # noqa: ANN401  (encode and score are no methods of every module)
    stage: LinkStage,
    metrics: tuple[RankingMetric, ...],
    *,
    size: int,
    rank: int = 0,
    world: int = 1,
) -> Predictions:
    """Score the samples number ``rank``, ``rank + world``, ``rank + 2 world`` ... of a stage.

    Samples are positives with negatives of their own, or else all pairs, positives first. Every
    process encodes the nodes; they share the pairs.

    Args:
        network: With ``encode`` and ``score``.
        stage: What to score.
        metrics: What to compute of the scores.
        size: Pairs that are scored at once.
        rank: Number of this process.
        world: How many processes there are.

    Returns:
        Scores beside the numbers of their samples; none, where there are fewer than ``rank``.
    """
    h = network.encode(stage.inputs.x, stage.inputs.graph)
    own, count = stage.own_negatives, len(stage.pos)
    index = torch.arange(count if own else count + len(stage.neg_source), device=stage.pos.device)[
        rank::world
    ]
    # without a sample of its own a process scores the first one, and leaves it away
    first = rank if len(index) else 0
    rows = [
        single(network.score(h, stage.inputs.graph, pairs))
        for pairs in _chunks(stage, size, slice(first, None, world))
    ]
    scores = torch.cat(rows)
    if own:
        scores = scores.reshape(-1, 1 + stage.neg_source.shape[1])
    target = torch.zeros_like(index)
    if not own:
        target[index < count] = 1
    return Predictions(scores[: len(index)], target, index, metrics)


def batch_part(batch: LinkBatch, rank: int, world: int) -> tuple[LinkBatch, float]:
    """Return every ``world``-th edge and negative of a batch, and their share of it.

    All edges of the whole batch stay hidden, as they are in one process.
    """
    share = len(batch.pos[rank::world]) / len(batch.pos)
    first = rank if share else 0  # without an edge of its own: one that counts nothing
    part = slice(first, None, world)
    return LinkBatch(batch.inputs, batch.pos[part], batch.neg[part], batch.hidden), share


def single(scores: Tensor) -> Tensor:
    """Return scores of half precision in single precision, others as they are."""
    return scores.float() if scores.dtype in {torch.float16, torch.bfloat16} else scores


def _chunks(stage: LinkStage, size: int, part: slice) -> Iterator[Tensor]:
    """Yield pairs (2, b) in the order of the scores; no chunk is larger than ``size`` can be."""
    if stage.own_negatives:
        pos, source, target = stage.pos[part], stage.neg_source[part], stage.neg_target[part]
        # whole rows, so that pairs with a common node stay together
        rows = max(1, size // (1 + source.shape[1]))
        for first in range(0, len(pos), rows):
            here = slice(first, first + rows)
            ends = pos[here].t().unsqueeze(2)
            negatives = torch.stack([source[here], target[here]])
            yield torch.cat([ends, negatives], 2).reshape(2, -1)
        return
    negatives = torch.stack([stage.neg_source, stage.neg_target])
    pairs = torch.cat([stage.pos.t(), negatives], 1)[:, part]
    for first in range(0, pairs.shape[1], size):
        yield pairs[:, first : first + size]
