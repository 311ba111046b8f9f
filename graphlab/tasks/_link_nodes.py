"""How well a link model ranks all nodes for single nodes, scored in blocks of query nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from graphlab.metrics.node_ranking import node_ranking_metrics
from graphlab.tasks._link_scoring import single

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from graphlab.tasks._link_problem import LinkProblem

__all__ = ["TOPK", "may_recur", "neighbours", "rank_nodes"]

TOPK = (5, 10, 20, 50, 100)  # cut-offs of the published analysis
_BLOCK = 1 << 22  # scores that are held at a time


def rank_nodes(
    network: Any,  # noqa: ANN401  (encode and score are no methods of every module)
    problem: LinkProblem,
    *,
    size: int,
    block: int = _BLOCK,
    after_block: Callable[[], None] | None = None,
) -> dict[str, Tensor]:
    """Rank all n nodes for each node of a test edge; see ``LinkPrediction.rank_nodes``.

    Args:
        network: With ``encode`` and ``score``, in evaluation mode; gradients are off.
        problem: Its test stage is ranked, in the graph that this stage may see.
        size: Pairs that are scored at once.
        block: Scores that are held at a time, but one row of n at least.
        after_block: Called after each block of query nodes; may raise to break off.
    """
    stage = problem.test
    n = stage.inputs.graph.num_nodes
    query, node = neighbours(stage.pos, n)
    nodes, sizes = torch.unique_consecutive(query, return_counts=True)
    truth = torch.split(node, sizes.tolist())
    ends = sizes.new_zeros(n).scatter_(0, nodes, 1) > 0
    known = None if may_recur(problem) else _known(problem, ends)
    h = network.encode(stage.inputs.x, stage.inputs.graph)
    rows = max(1, block // max(n, 1))
    parts: list[dict[str, Tensor]] = []
    for first in range(0, len(nodes), rows):
        here = nodes[first : first + rows]
        scores = _scores(network, h, stage.inputs.graph, here, size)
        if known is not None:
            _mask(scores, here, *known)
        parts.append(node_ranking_metrics(scores, truth[first : first + rows], TOPK))
        if after_block is not None:
            after_block()
    return {
        "nodes": nodes,
        "topk": torch.tensor(TOPK, device=nodes.device),
        **{name: torch.cat([part[name] for part in parts]) for name in parts[0]},
    }


def neighbours(edges: Tensor, num_nodes: int) -> tuple[Tensor, Tensor]:
    """Return all pairs (node, neighbour) of some edges, both ways, sorted, each once.

    Shapes:
        - ``edges``: (E, 2); returns two (P,)
    """
    both = torch.cat([edges, edges.flip(1)])
    key = torch.unique(both[:, 0] * num_nodes + both[:, 1])
    return torch.div(key, num_nodes, rounding_mode="floor"), key % num_nodes


def may_recur(problem: LinkProblem) -> bool:
    """Whether a known pair may be a new edge too, as in ogbl-collab: then nothing is masked.

    So it is where training edges repeat a pair: two authors write together again.
    """
    return problem.train.copies is not None


# -- private --------------------------------------------------------------------------------------


def _known(problem: LinkProblem, ends: Tensor) -> tuple[Tensor, Tensor]:
    """Return the training and validation neighbours of the nodes in a mask, sorted by node."""
    edges = torch.cat([problem.train.edges, problem.val.pos])
    node, other = neighbours(edges, len(ends))
    wanted = ends[node]
    return node[wanted], other[wanted]


def _scores(network: Any, h: Tensor, graph: Any, nodes: Tensor, size: int) -> Tensor:  # noqa: ANN401
    """Return the scores of some nodes with all nodes, themselves included, (q, n)."""
    n = graph.num_nodes
    found = []
    for first in range(0, len(nodes) * n, size):
        flat = torch.arange(first, min(first + size, len(nodes) * n), device=nodes.device)
        row = torch.div(flat, n, rounding_mode="floor")
        found.append(single(network.score(h, graph, torch.stack([nodes[row], flat - row * n]))))
    return torch.cat(found).reshape(len(nodes), n)


def _mask(scores: Tensor, nodes: Tensor, node: Tensor, other: Tensor) -> None:
    """Put the known neighbours of the rows behind all others; ``nodes`` and ``node`` ascend."""
    bounds = torch.searchsorted(node, torch.stack([nodes[0], nodes[-1] + 1]))
    inside = slice(int(bounds[0]), int(bounds[1]))
    row = torch.searchsorted(nodes, node[inside])
    # the smallest finite number, not infinity: that would pass for a damaged score
    scores[row, other[inside]] = torch.finfo(scores.dtype).min
