"""Link scores without parameters, as models: common neighbours, Katz, PageRank, shortest paths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn

from graphlab.errors import InputError
from graphlab.graph import as_graph
from graphlab.heuristics import katz_scores, overlap_scores, ppr_scores, shortest_path_scores
from graphlab.heuristics.katz import check_katz
from graphlab.heuristics.pagerank import check_ppr
from graphlab.registry import register_model

if TYPE_CHECKING:
    from graphlab.heuristics.katz import KatzKind
    from graphlab.heuristics.overlap import OverlapMethod

__all__ = [
    "AdamicAdar",
    "CommonNeighbors",
    "Jaccard",
    "Katz",
    "PersonalizedPageRank",
    "PreferentialAttachment",
    "ResourceAllocation",
    "ShortestPath",
]


class HeuristicModel(nn.Module):
    """A link model that reads the graph alone and has nothing to learn.

    Scores are float64, not logits: they rank pairs, and rounding them would make or break ties.
    ``encode`` returns rows of width 0, so that it can stand wherever a link model can.
    """

    # in evaluation: pairs that are scored together share the searches from their common ends
    pairs_at_once = 1 << 20

    def __init__(self) -> None:
        super().__init__()

    def reset_parameters(self) -> None:
        """Do nothing: there are none."""

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """Return no group."""
        return {}

    def encode(self, x: Tensor | None, graph: Any) -> Tensor:  # noqa: ANN401  (what as_graph takes)
        """Return a row of width 0 a node, (n, 0); features are not read."""
        structure = as_graph(graph, None if x is None else x.shape[0])
        return torch.empty((structure.num_nodes, 0), device=structure.device)

    def score(self, h: Tensor, graph: Any, pairs: Tensor) -> Tensor:  # noqa: ANN401
        """Return one score a pair, (B,) float64.

        Args:
            h: What :meth:`encode` returned; its rows tell the number of nodes.
            graph: Any graph of n nodes; taken as undirected, without loops, each edge once.
            pairs: Nodes i and j of each candidate link, (2, B).

        Raises:
            InputError: A graph of another size, pairs of another shape or out of range.
        """
        return self._scores(as_graph(graph, h.shape[0]), pairs)

    def forward(self, x: Tensor | None, graph: Any, pairs: Tensor) -> Tensor:  # noqa: ANN401
        """Return one score a pair, (B,) float64."""
        return self.score(self.encode(x, graph), graph, pairs)

    def _scores(self, graph: Any, pairs: Tensor) -> Tensor:  # noqa: ANN401
        raise NotImplementedError


class _Overlap(HeuristicModel):
    """One of the scores that a pass over two rows gives."""

    method: OverlapMethod

    def _scores(self, graph: Any, pairs: Tensor) -> Tensor:  # noqa: ANN401
        return overlap_scores(graph, pairs, (self.method,))[self.method]


@register_model(
    "cn", tasks=("link",), paper="Liben-Nowell and Kleinberg 2007, doi 10.1002/asi.20591"
)
class CommonNeighbors(_Overlap):
    """Number of common neighbours [libennowell2007]_.

    Example:
        >>> path = torch.tensor([[0, 1], [1, 2]])
        >>> CommonNeighbors()(None, path, torch.tensor([[0, 0], [1, 2]])).tolist()
        [0.0, 1.0]
    """

    method = "cn"


@register_model(
    "aa", tasks=("link",), paper="Adamic and Adar 2003, doi 10.1016/S0378-8733(03)00009-1"
)
class AdamicAdar(_Overlap):
    """Common neighbours, each worth one over the logarithm of its degree [adamic2003]_.

    Example:
        >>> star = torch.tensor([[0, 0, 0], [1, 2, 3]])
        >>> round(AdamicAdar()(None, star, torch.tensor([[1], [2]])).item(), 4)
        0.9102
    """

    method = "aa"


@register_model("ra", tasks=("link",), paper="Zhou, Lu, Zhang 2009, doi 10.1140/epjb/e2009-00335-8")
class ResourceAllocation(_Overlap):
    """Common neighbours, each worth one over its degree [zhou2009]_.

    Example:
        >>> star = torch.tensor([[0, 0, 0, 0], [1, 2, 3, 4]])
        >>> ResourceAllocation()(None, star, torch.tensor([[1], [2]])).item()
        0.25
    """

    method = "ra"


@register_model(
    "jaccard", tasks=("link",), paper="Liben-Nowell and Kleinberg 2007, doi 10.1002/asi.20591"
)
class Jaccard(_Overlap):
    """Common neighbours as a share of all neighbours of both nodes [libennowell2007]_.

    Example:
        >>> square = torch.tensor([[0, 1, 2, 3], [1, 2, 3, 0]])
        >>> Jaccard()(None, square, torch.tensor([[0], [2]])).item()
        1.0
    """

    method = "jaccard"


@register_model(
    "pa", tasks=("link",), paper="Barabasi and Albert 1999, doi 10.1126/science.286.5439.509"
)
class PreferentialAttachment(_Overlap):
    """Product of the two degrees [barabasi1999]_: what degrees alone can tell.

    Example:
        >>> star = torch.tensor([[0, 0, 0], [1, 2, 3]])
        >>> PreferentialAttachment()(None, star, torch.tensor([[0, 1], [1, 2]])).tolist()
        [3.0, 1.0]
    """

    method = "pa"


@register_model(
    "katz",
    tasks=("link",),
    paper="Katz 1953, doi 10.1007/BF02289026",
    search={"b": (0.0005, 0.1, "log"), "L": (2, 6)},
)
class Katz(HeuristicModel):
    """Number of walks between the two nodes, each edge discounted by b [katz1953]_.

    See :func:`graphlab.heuristics.katz_scores`.

    Args:
        b: Discount of an edge.
        L: Longest walk, in edges.
        kind: ``"truncated"`` counts walks up to L edges, ``"closed"`` all, ``"simple"`` simple
            paths up to L edges.

    Raises:
        InputError: ``b`` not positive, ``L`` below 1, an unknown ``kind``; in scoring, ``b`` too
            large for ``"closed"``.

    Example:
        >>> path = torch.tensor([[0, 1], [1, 2]])
        >>> round(Katz(b=0.1)(None, path, torch.tensor([[0], [2]])).item(), 4)
        0.01
    """

    def __init__(
        self,
        *,
        b: float = 0.005,
        L: int = 3,
        kind: Literal["truncated", "closed", "simple"] = "truncated",
    ) -> None:
        super().__init__()
        if kind not in {"truncated", "closed", "simple"}:
            raise InputError(f"kind is {kind!r}; expected 'truncated', 'closed' or 'simple'.")
        check_katz(b, L, simple=kind == "simple")
        self.b, self.L = b, L
        self.kind: KatzKind = kind

    def _scores(self, graph: Any, pairs: Tensor) -> Tensor:  # noqa: ANN401
        return katz_scores(graph, pairs, kind=self.kind, b=self.b, L=self.L)

    def extra_repr(self) -> str:
        """Return what the representation shows."""
        return f"b={self.b}, L={self.L}, kind={self.kind!r}"


@register_model(
    "ppr",
    tasks=("link",),
    paper="Page, Brin, Motwani, Winograd 1999, Stanford InfoLab 1999-66",
    search={"restart": (0.05, 0.5)},
)
class PersonalizedPageRank(HeuristicModel):
    """Personalized PageRank between the two nodes [page1999]_.

    See :func:`graphlab.heuristics.ppr_scores`.

    Args:
        restart: Probability of going back to the start in each step.
        symmetric: Add both directions: a candidate link has none. False: from the first node to
            the second.
        tolerance: None for exact values, else the tolerance of pushing, for large graphs.

    Raises:
        InputError: A ``restart`` or ``tolerance`` that is no share.

    Example:
        >>> path = torch.tensor([[0, 1], [1, 2]])
        >>> scores = PersonalizedPageRank()(None, path, torch.tensor([[0, 2], [2, 0]]))
        >>> bool(scores[0] == scores[1])
        True
    """

    def __init__(
        self, *, restart: float = 0.15, symmetric: bool = True, tolerance: float | None = None
    ) -> None:
        super().__init__()
        check_ppr(restart, tolerance)
        self.restart, self.symmetric, self.tolerance = restart, symmetric, tolerance

    def _scores(self, graph: Any, pairs: Tensor) -> Tensor:  # noqa: ANN401
        return ppr_scores(
            graph,
            pairs,
            restart=self.restart,
            symmetric=self.symmetric,
            tolerance=self.tolerance,
        )

    def extra_repr(self) -> str:
        """Return what the representation shows."""
        return f"restart={self.restart}, symmetric={self.symmetric}, tolerance={self.tolerance}"


@register_model(
    "sp", tasks=("link",), paper="Liben-Nowell and Kleinberg 2007, doi 10.1002/asi.20591"
)
class ShortestPath(HeuristicModel):
    """One over the hops between the two nodes [libennowell2007]_, 0 without a path.

    Args:
        remove_target_edge: Measure each pair that is an edge in the graph without this one edge.

    Example:
        >>> path = torch.tensor([[0, 1], [1, 2]])
        >>> ShortestPath()(None, path, torch.tensor([[0, 0], [1, 2]])).tolist()
        [1.0, 0.5]
    """

    def __init__(self, *, remove_target_edge: bool = False) -> None:
        super().__init__()
        self.remove_target_edge = remove_target_edge

    def _scores(self, graph: Any, pairs: Tensor) -> Tensor:  # noqa: ANN401
        return shortest_path_scores(graph, pairs, remove_target_edge=self.remove_target_edge)

    def extra_repr(self) -> str:
        """Return what the representation shows."""
        return f"remove_target_edge={self.remove_target_edge}"
