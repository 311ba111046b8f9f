"""New links of given nodes: the pairs that a link model scores highest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from graphlab.errors import InputError, NonFiniteError
from graphlab.graph import Graph, as_graph
from graphlab.models.inference import evaluating, feature_tensor, is_link_model, prepare_features

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pandas as pd
    from torch import nn

__all__ = ["Recommendations", "recommend"]

_FILLER = -1


@dataclass(frozen=True)
class Recommendations:
    """The best new links of q nodes, best first.

    Where a node has fewer than k candidates, the rest of its row is filled with node -1 and
    score ``-inf``.

    Args:
        query: The nodes that were asked for, in their order.
        nodes: Recommended nodes.
        scores: What the model says of each pair: for comparison, not probabilities.

    Shapes:
        - ``query``: (q,) int64; ``nodes``: (q, k) int64; ``scores``: (q, k) float
    """

    query: Tensor
    nodes: Tensor
    scores: Tensor

    def __len__(self) -> int:
        return self.query.numel()

    def to_frame(self, names: Sequence[object] | None = None) -> pd.DataFrame:
        """Return one line a recommended link: ``node``, ``rank`` (from 1), ``link``, ``score``.

        Args:
            names: Name of every node of the graph, to be shown in place of the numbers.

        Raises:
            InputError: There are fewer names than nodes.
        """
        import pandas as pd

        real = self.nodes != _FILLER
        row, column = real.nonzero(as_tuple=True)
        pairs = torch.stack([self.query[row], self.nodes[real]]).tolist()
        largest = max(map(max, pairs)) if pairs[0] else -1
        if names is not None and largest >= len(names):
            raise InputError(f"names holds {len(names)} names, but node {largest} is shown.")
        node, link = ([names[i] for i in ids] if names is not None else ids for ids in pairs)
        columns = {"node": node, "rank": (column + 1).tolist(), "link": link}
        return pd.DataFrame({**columns, "score": self.scores[real].tolist()})


def recommend(
    model: nn.Module,
    graph: Any,  # noqa: ANN401  (whatever as_graph accepts)
    nodes: Any,  # noqa: ANN401  (a number, list, array or tensor)
    k: int = 10,
    x: Any = None,  # noqa: ANN401  (tensor, array or scipy sparse)
    *,
    candidates: Any = None,  # noqa: ANN401  (like nodes)
    batch_size: int = 65536,
) -> Recommendations:
    """Return the k best new links of some nodes.

    A node itself and its neighbours in ``graph`` are never recommended. Equal scores are ordered
    by node, the smaller first. Runs in evaluation mode without gradients; the model's modes and
    the global random state are left as they were. Raw features are prepared as in training.

    Args:
        model: A link model: trained, from :func:`graphlab.models.load`, or a heuristic.
        graph: All links that are known; taken as undirected and simple.
        nodes: The nodes to find links for; each gets a row, repeated ones too.
        k: Links a node.
        x: Raw features (n, F). None: those of ``graph``, where the model needs some.
        candidates: Nodes that may be recommended; None: all.
        batch_size: Pairs that are scored at once.

    Raises:
        InputError: No link model, nodes that are not in the graph, k or batch_size below 1, or
            features as for :func:`graphlab.models.predict`.
        NonFiniteError: The model returned NaN or infinity.

    Cost: one encoding, then q C scores for q nodes and C candidates; memory O(C + batch_size)
        beside that of the model.

    Example:
        >>> from graphlab.models import GAE
        >>> path = [[0, 1, 2], [1, 2, 3]]
        >>> found = recommend(GAE(2, 4), path, nodes=[1], k=3, x=torch.ones(4, 2))
        >>> sorted(found.nodes[0].tolist())  # 0 and 2 are linked to 1 already
        [-1, -1, 3]
    """
    if not is_link_model(model):
        raise InputError(
            f"{type(model).__name__} is no link model: it needs encode(x, graph) and "
            "score(h, graph, pairs)."
        )
    for name, value in (("k", k), ("batch_size", batch_size)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise InputError(f"{name} is {value!r}, expected an integer >= 1.")
    features, found = _inputs(model, graph, x)
    n, device = found.num_nodes, found.device
    query = _node_ids("nodes", nodes, n).to(device)
    every = torch.arange(n) if candidates is None else _node_ids("candidates", candidates, n)
    pool = torch.unique(every).to(
        device
    )  # ascending: of equal scores the first is the smaller node
    best = torch.full((len(query), k), _FILLER, device=device)
    values = torch.full((len(query), k), -torch.inf, device=device)
    with evaluating(model), torch.inference_mode():
        network: Any = model  # encode and score are no methods of every module
        h = network.encode(features, found)
        done = 0
        for block in _scores(lambda p: network.score(h, found, p), query, pool, batch_size):
            for row in block:
                row[_known(found, int(query[done]), pool)] = -torch.inf
                chosen = _largest(row, k)
                best[done, : len(chosen)] = pool[chosen]
                values[done, : len(chosen)] = row[chosen].to(values)
                done += 1
    best[values == -torch.inf] = _FILLER
    return Recommendations(query, best, values)


def _inputs(model: nn.Module, graph: Any, x: Any) -> tuple[Tensor | None, Graph]:  # noqa: ANN401
    """Return what ``encode`` takes: features, None where the model has none, and the graph."""
    like = next((p for p in model.parameters() if p.is_floating_point()), torch.empty(0))
    config = vars(model).get("_graphlab_config")
    num_ids = (config or {}).get("num_ids")
    given = None if x is None else feature_tensor(x)
    rows = given.shape[0] if given is not None and given.dim() else None
    if rows is None and not isinstance(graph, Graph):
        rows = num_ids  # an edge list need not reach the last node
    found = as_graph(graph, rows).to(like.device)
    if num_ids is not None and found.num_nodes != num_ids:
        raise InputError(
            f"graph has {found.num_nodes} nodes, but {type(model).__name__} has learnt {num_ids} "
            "node ids: it can only serve the graph it was trained on."
        )
    # a graph of its own: what a model keeps with it is made in inference mode, unfit for training
    simple = found.cached("recommend", lambda: found.simple().with_features(None).with_labels(None))
    if num_ids is not None:
        return None if given is None else given.to(like.device), simple
    stored = found.features if given is None else given
    needed = config is None or "in_channels" in config
    if not needed or (config is None and stored is None):
        return None, simple
    return prepare_features(model, stored, like, simple), simple


def _scores(
    score: Callable[[Tensor], Any], query: Tensor, pool: Tensor, batch_size: int
) -> Iterator[Tensor]:
    """Yield the scores of some nodes at a time with all candidates, (rows, C)."""
    count = len(pool)
    for block in torch.split(query, max(1, batch_size // max(count, 1))):
        parts = [
            _checked(score(torch.stack(pair)), len(pair[0]))
            for pair in _pairs(block, pool, batch_size)
        ]
        yield torch.cat(parts).reshape(len(block), count)


def _pairs(block: Tensor, pool: Tensor, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
    if len(block) > 1 or len(pool) <= batch_size:
        yield block.repeat_interleave(len(pool)), pool.repeat(len(block))
        return
    for some in torch.split(pool, batch_size):
        yield block.expand(len(some)), some


def _checked(scores: Any, count: int) -> Tensor:  # noqa: ANN401  (of any link model)
    if not isinstance(scores, Tensor) or scores.shape != (count,):
        shape = tuple(scores.shape) if isinstance(scores, Tensor) else type(scores).__name__
        raise InputError(f"score returned {shape}, expected ({count},): one number a pair.")
    half = scores.dtype in {torch.float16, torch.bfloat16}
    result: Tensor = scores.float() if half else scores.clone()
    bad = int((~torch.isfinite(result)).sum())
    if bad:
        raise NonFiniteError(f"score returned NaN or infinity for {bad} of {count} pairs.")
    return result


def _known(graph: Graph, node: int, pool: Tensor) -> Tensor:
    """Positions in the pool of a node and its neighbours."""
    first, last = graph.indptr[node : node + 2].tolist()
    itself = torch.tensor([node], device=pool.device)
    known = torch.cat([graph.indices[first:last], itself])
    position = torch.searchsorted(pool, known).clamp_(max=max(len(pool) - 1, 0))
    return position[pool[position] == known] if len(pool) else position[:0]


def _largest(row: Tensor, k: int) -> Tensor:
    """Positions of the k largest, of equal ones the first; ``topk`` promises no order of ties."""
    count = min(k, len(row))
    if count == 0:
        return torch.zeros(0, dtype=torch.int64, device=row.device)
    least = torch.topk(row, count).values[-1]
    found = (row >= least).nonzero().squeeze(1)
    return found[torch.sort(row[found], descending=True, stable=True).indices[:count]]


def _node_ids(name: str, given: Any, num_nodes: int) -> Tensor:  # noqa: ANN401
    """Return node ids as a tensor (q,) on the CPU."""
    try:
        ids = torch.as_tensor(given)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(
            f"{name} is a {type(given).__name__}, expected a node id or a list of them."
        ) from error
    ids = ids.detach().cpu().reshape(-1) if ids.dim() < 2 else ids
    if ids.numel() == 0 and ids.dim() == 1:
        return ids.long()
    if ids.dim() != 1 or ids.is_floating_point() or ids.is_complex() or ids.dtype == torch.bool:
        raise InputError(
            f"{name} is {ids.dtype} of shape {tuple(ids.shape)}, expected integer ids (q,)."
        )
    low, high = int(ids.min()), int(ids.max())
    if low < 0 or high >= num_nodes:
        raise InputError(
            f"{name} holds node {high if high >= num_nodes else low}, but the graph has "
            f"{num_nodes} nodes (ids 0..{num_nodes - 1})."
        )
    return ids.long()
