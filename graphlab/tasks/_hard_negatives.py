r"""Hard negatives for link prediction: pairs that share a node with a positive and look like links.

After HeaRT [li2023]_, section 4. A positive :math:`(a, b)` gets k negatives of its own, half of
them :math:`(a, v)` and half :math:`(u, b)`. For the node that stays, all other nodes are ranked by
several criteria:

==========  =========================================================================
``ra``      resource allocation, :math:`\sum_{w \in N(a) \cap N(v)} 1 / d_w`
``ppr``     personalized PageRank of v seen from a, pushed up to a tolerance
``cosine``  cosine similarity of features; where it is negative it counts as 0
==========  =========================================================================

Rank 1 is the largest score, ties share the smallest rank, zero scores get one more than the last
rank. Left out are the node itself, the positive's other end, and neighbours by a known edge. The
combined rank of a node is its smallest; the best are taken, and where fewer have a score in any
criterion, the others are filled up with uniform random nodes without one.

What the paper leaves open: as few nodes have common neighbours with a, the last rank by ``ra`` is
small, and by the rule for zeros so is the combined rank of every node behind it. Such ties are
broken at random, nodes with some score before nodes without any; the draw follows from the seed.
If there are fewer candidates than negatives, some occur twice.

Results are kept in ``hard-negatives`` below the data root, under a hash of all that decides them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from graphlab.errors import InputError
from graphlab.graph import as_graph
from graphlab.heuristics import ppr_rows, ra_rows
from graphlab.ops import adjacency
from graphlab.ops._threads import run_blocks
from graphlab.seeding import numpy_generator
from graphlab.tasks._cosine import Cosine, entries_of
from graphlab.tasks._kept_results import file_of, keep, kept
from graphlab.tasks._rank_kernels import pick_best

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from numpy.typing import NDArray

    from graphlab.graph import Graph
    from graphlab.ops import Csr

__all__ = ["CRITERIA", "hard_negatives"]

CRITERIA = ("ra", "ppr", "cosine")
_VERSION = 1  # of the choice: another one makes kept results void
_NUMBERS = 1 << 21  # scores of one criterion held at once: 16 MiB


def hard_negatives(
    graph: Any,  # noqa: ANN401  (whatever as_graph accepts)
    positives: Tensor,
    *,
    known: Tensor | None = None,
    x: Tensor | None = None,
    k: int = 500,
    criteria: Sequence[str] | None = None,
    restart: float = 0.15,
    tolerance: float = 1e-7,
    seed: int = 0,
    root: str | PathLike[str] | None = None,
    cache: bool = True,
) -> Tensor:
    """Return k hard negatives of each positive; see the head of this file.

    Args:
        graph: What may be seen when negatives are chosen: the training edges.
        positives: Edges (a, b) to be ranked.
        known: Edges whose ends are no negatives of each other, in both directions; None: those of
            ``graph``. For test also the validation edges; for ogbl-collab none.
        x: Features (n, F), dense or torch sparse CSR, for ``cosine``. The paper uses them on all
            but the OGB sets.
        k: Negatives a positive; of an odd number the larger half is (a, v).
        criteria: Of ``CRITERIA``; None: all, without ``cosine`` where there are no features.
        restart: Of PageRank.
        tolerance: Of PageRank: 1e-7 on Cora and CiteSeer, 5e-6 on ogbl-ppa, 1e-5 on ogbl-collab
            and ogbl-ddi, 5e-5 on ogbl-citation2.
        seed: Of ties and of what is filled up.
        root: Data root below which results are kept, see ``graphlab.datasets.catalog.data_root``.
        cache: Whether to read and keep results there. A folder that cannot be written is no
            error.

    Shapes:
        - ``positives``: (P, 2) int64; ``known``: (E, 2) int64
        - returns: (P, k, 2) int64 on the CPU; rows (a, v), best first, then rows (u, b)

    Raises:
        InputError: Pairs of another shape or out of range, unknown criteria, or a node that is
            linked to all others.

    Cost: rows of n scores for each distinct end of a positive, and O(n) for each positive; memory
    about 16 x 8 bytes x max(n, 2 million), and the result. Cora: about three seconds.

    Example:
        >>> path = [[0, 1, 2, 3], [1, 2, 3, 4]]
        >>> hard_negatives(path, torch.tensor([[0, 4]]), k=2, cache=False).tolist()
        [[[0, 2], [2, 4]]]
    """
    simple = as_graph(graph).to("cpu").simple()
    pos = _pairs("positives", positives, simple.num_nodes)
    hidden = None if known is None else _pairs("known", known, simple.num_nodes)
    names = _criteria(criteria, x)
    if isinstance(k, bool) or not isinstance(k, int) or k < 1:
        raise InputError(f"k is {k!r}; expected an integer >= 1.")
    features = None
    if "cosine" in names and x is not None:
        features = Cosine(x, simple.num_nodes)
    options = {"k": k, "criteria": names, "restart": restart, "tolerance": tolerance, "seed": seed}
    place = None
    if cache:
        rows = adjacency(simple)
        given = (rows.indptr, rows.indices, pos, hidden, None if features is None else features.x)
        place = file_of("hard-negatives", given, {"version": _VERSION, **options}, root)
    nodes = kept(place, (len(pos), k), simple.num_nodes)
    if nodes is None:
        filtered = adjacency(simple if hidden is None else as_graph(hidden.t(), simple.num_nodes))
        chooser = _Chooser(simple, filtered, features, names, restart, tolerance)
        nodes = chooser.choose(pos, k, numpy_generator(seed, "hard-negatives"))
        keep(place, nodes)
    return _joined(pos, torch.from_numpy(nodes.astype(np.int64)))


def _joined(pos: Tensor, nodes: Tensor) -> Tensor:
    """Put each chosen node beside the end of the positive that stays."""
    first = (nodes.shape[1] + 1) // 2
    out = torch.empty((*nodes.shape, 2), dtype=torch.int64)
    out[:, :first, 0], out[:, :first, 1] = pos[:, :1], nodes[:, :first]
    out[:, first:, 0], out[:, first:, 1] = nodes[:, first:], pos[:, 1:]
    return out


@dataclass(frozen=True)
class _Chooser:
    """Ranks all nodes for some anchors at a time, and chooses from them for each positive."""

    graph: Graph
    known: Csr
    features: Cosine | None
    criteria: tuple[str, ...]
    restart: float
    tolerance: float

    def choose(self, pos: Tensor, k: int, rng: np.random.Generator) -> NDArray[np.int32]:
        """Return the nodes that take the place of an end of each positive, (P, k)."""
        n, half = self.graph.num_nodes, (k + 1) // 2
        ends = torch.cat([pos[:, 0], pos[:, 1]])
        others = torch.cat([pos[:, 1], pos[:, 0]])
        order = torch.argsort(ends, stable=True)
        anchors, sizes = torch.unique_consecutive(ends[order], return_counts=True)
        done = torch.cat([sizes.new_zeros(1), sizes.cumsum(0)])
        found = np.full((len(ends), half), -1, np.int32)
        step = max(1, _NUMBERS // max(n, 1))
        for first in range(0, anchors.numel(), step):
            block = anchors[first : first + step]
            rows = order[done[first] : done[first + block.numel()]]
            anchor = torch.arange(block.numel()).repeat_interleave(sizes[first : first + step])
            need = torch.where(rows < len(pos), half, k // 2)
            chosen = self._pick(block, anchor, others[rows], need, rng.random((len(rows), half)))
            empty = (chosen[:, 0] < 0) & (need.numpy() > 0)
            if empty.any():
                node = int(block[anchor[int(empty.argmax())]])
                raise InputError(
                    f"node {node} of a positive is linked to all other nodes by known edges, so "
                    "it has no negative; take a protocol with shared negatives."
                )
            found[rows.numpy()] = chosen
        return np.concatenate([found[: len(pos)], found[len(pos) :, : k // 2]], axis=1)

    def _pick(
        self,
        anchors: Tensor,
        anchor: Tensor,
        other: Tensor,
        need: Tensor,
        uniform: NDArray[np.float64],
    ) -> NDArray[np.int32]:
        hidden = self._hidden(anchors)
        ranked = [_ranks(self._scores(name, anchors), hidden) for name in self.criteria]
        ranks = np.concatenate([r.reshape(-1) for r, _ in ranked])
        lowest = np.concatenate([low.reshape(-1) for _, low in ranked])
        sizes = anchors.numel(), self.graph.num_nodes
        rows = tuple(part.numpy() for part in (anchor, other, need))
        chosen = np.full(uniform.shape, -1, np.int32)
        given, out = uniform.reshape(-1), chosen.reshape(-1)

        def call(first: int, last: int) -> None:
            pick_best(ranks, lowest, *sizes, *rows, given, out, first, last)

        run_blocks(call, anchor.numel(), anchor.numel() * sizes[1])
        return chosen

    def _scores(self, name: str, anchors: Tensor) -> Tensor:
        if name == "ra":
            return ra_rows(self.graph, anchors)
        if name == "ppr":
            return ppr_rows(self.graph, anchors, restart=self.restart, tolerance=self.tolerance)
        assert self.features is not None  # noqa: S101  (asked for only with features)
        return self.features.rows(anchors)

    def _hidden(self, anchors: Tensor) -> Tensor:
        """Return row and column of what no positive of these anchors may use, (2, h)."""
        row, at = entries_of(self.known.indptr, anchors)
        itself = torch.stack([torch.arange(anchors.numel()), anchors])
        return torch.cat([torch.stack([row, self.known.indices[at].long()]), itself], 1)


def _ranks(scores: Tensor, hidden: Tensor) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Turn rows of scores into ranks, and tell the last rank, its size, and the rank before it."""
    scores[hidden[0], hidden[1]] = -1.0
    n = scores.shape[1]
    ordered, order = torch.sort(scores, dim=1, descending=True, stable=True)
    position = torch.arange(n, dtype=torch.int32).expand_as(ordered)
    starts = torch.ones_like(ordered, dtype=torch.bool)
    starts[:, 1:] = ordered[:, 1:] < ordered[:, :-1]
    rank = torch.cummax(position.where(starts, 0), 1).values + 1
    scored = (ordered > 0).sum(1)
    last = rank.gather(1, (scored - 1).clamp(min=0)[:, None])[:, 0].where(scored > 0, 0).long()
    before = rank.gather(1, (last - 2).clamp(min=0)[:, None])[:, 0].where(last > 1, 0).long()
    rank.masked_fill_(ordered == 0, 0).masked_fill_(ordered < 0, -1)
    out = torch.empty_like(rank).scatter_(1, order, rank)
    lowest = torch.stack([last, scored - last + 1, before], 1)
    return out.numpy(), lowest.numpy()


def _pairs(name: str, value: Any, num_nodes: int) -> Tensor:  # noqa: ANN401
    pairs = torch.as_tensor(value).cpu()
    if pairs.numel() == 0:
        return torch.empty((0, 2), dtype=torch.int64)
    if pairs.dim() != 2 or pairs.shape[1] != 2 or pairs.is_floating_point():
        raise InputError(
            f"{name} is {pairs.dtype} of shape {tuple(pairs.shape)}, expected integers (P, 2)."
        )
    low, high = (int(v) for v in pairs.aminmax())
    if low < 0 or high >= num_nodes:
        raise InputError(
            f"{name} holds node {low if low < 0 else high}, but the graph has {num_nodes} nodes "
            f"(ids must be 0..{num_nodes - 1})."
        )
    return pairs.long()


def _criteria(criteria: Sequence[str] | None, x: Tensor | None) -> tuple[str, ...]:
    if criteria is None:
        return CRITERIA if x is not None else CRITERIA[:2]
    names = tuple(criteria)
    if not names or not set(names) <= set(CRITERIA):
        raise InputError(f"criteria is {criteria!r}; expected some of {', '.join(CRITERIA)}.")
    if "cosine" in names and x is None:
        raise InputError("criteria holds 'cosine', but x is None; give features or leave it out.")
    return names
