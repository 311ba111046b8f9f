"""All heuristic scores of node pairs by one call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

from graphlab.errors import InputError
from graphlab.heuristics._pairs import Structure, read, structure
from graphlab.heuristics.katz import check_katz, closed, discounted, simple_paths, walks
from graphlab.heuristics.overlap import OVERLAP_METHODS, overlap_scores
from graphlab.heuristics.pagerank import check_ppr, from_shares, shares
from graphlab.heuristics.paths import hops, scores_of_hops
from graphlab.registry import nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from graphlab.ops.spmm import Backend

__all__ = ["LINK_METHODS", "LinkMethod", "link_scores"]

LinkMethod = Literal[
    "cn",
    "aa",
    "ra",
    "jaccard",
    "pa",
    "katz",
    "katz_closed",
    "katz_simple",
    "ppr",
    "ppr_sym",
    "sp",
    "sp_removed",
]
LINK_METHODS: tuple[LinkMethod, ...] = get_args(LinkMethod)


def link_scores(
    graph: Any,  # noqa: ANN401  (whatever as_graph accepts)
    pairs: Any,  # noqa: ANN401  (tensor, array, nested list)
    methods: Sequence[LinkMethod] | LinkMethod = (
        "cn",
        "aa",
        "ra",
        "jaccard",
        "pa",
        "katz",
        "ppr",
        "sp",
    ),
    *,
    b: float = 0.005,
    L: int = 3,
    restart: float = 0.15,
    ppr_tolerance: float | None = None,
    num_nodes: int | None = None,
    backend: Backend = "auto",
) -> dict[str, Tensor]:
    """Score node pairs by heuristics; work that several scores need is done once.

    ================================  ==================================================
    ``cn aa ra jaccard pa``           :func:`~graphlab.heuristics.overlap_scores`
    ``katz katz_closed katz_simple``  :func:`~graphlab.heuristics.katz_scores`
    ``ppr ppr_sym``                   :func:`~graphlab.heuristics.ppr_scores`
    ``sp sp_removed``                 :func:`~graphlab.heuristics.shortest_path_scores`
    ================================  ==================================================

    The graph is taken as undirected, without loops, each edge once. A higher score says that a
    link is likelier; scores of two methods do not compare.

    Args:
        graph: Any graph that :func:`graphlab.graph.as_graph` accepts.
        pairs: Node ids; an edge, a self pair and a repeat are pairs like any other.
        methods: Scores to return, or one.
        b: Discount of an edge, for Katz.
        L: Longest walk, for ``katz`` and ``katz_simple``.
        restart: Probability of going back to the first node in each step, for PageRank.
        ppr_tolerance: None for exact PageRank, else the tolerance of pushing.
        num_nodes: Number of nodes, where ``graph`` is an edge list that does not say.
        backend: ``"compiled"`` (CPU), ``"torch"`` (any device), or the one that fits; equal
            results up to rounding.

    Shapes:
        - ``pairs``: (2, B) integers
        - returns: each (B,) float64, on the device of the graph

    Raises:
        InputError: An unknown method, an impossible option, pairs of another shape or out of
            range.

    Cost: see the functions above. Overlap scores take about a microsecond a pair; Katz, PageRank
    and paths search from each distinct source, so pairs with common ends are cheaper.

    Example:
        >>> scores = link_scores([[0, 1, 2], [1, 2, 3]], [[0, 0], [2, 3]], ("cn", "sp"))
        >>> {name: values.tolist() for name, values in scores.items()}
        {'cn': [1.0, 0.0], 'sp': [0.5, 0.3333333333333333]}
    """
    wanted = (methods,) if isinstance(methods, str) else tuple(methods)
    for name in wanted:
        if name not in LINK_METHODS:
            near = nearest(str(name), LINK_METHODS, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise InputError(f"{name!r} is not a link score ({', '.join(LINK_METHODS)}).{hint}")
    check_katz(b, L, simple="katz_simple" in wanted)
    check_ppr(restart, ppr_tolerance)
    given = structure(graph, num_nodes, backend)
    ends = read(pairs, given)
    found: dict[str, Tensor] = {}
    local = [name for name in OVERLAP_METHODS if name in wanted]
    if local:
        found.update(overlap_scores(given.graph, ends, local, backend=backend))
    found.update(_katz(wanted, given, ends, b, L))
    if {"ppr", "ppr_sym"} & set(wanted):
        share = shares(given, ends, restart, ppr_tolerance)
        found["ppr"] = from_shares(share, given, ends, symmetric=False)
        found["ppr_sym"] = from_shares(share, given, ends, symmetric=True)
    for name in ("sp", "sp_removed"):
        if name in wanted:
            found[name] = scores_of_hops(hops(given, ends, without_edge=name == "sp_removed"))
    return {name: found[name] for name in wanted}


def _katz(
    wanted: tuple[str, ...], given: Structure, pairs: Tensor, b: float, length: int
) -> dict[str, Tensor]:
    found = {}
    if {"katz", "katz_simple"} & set(wanted):
        counts = walks(given, pairs, length)
        found["katz"] = discounted(counts, b)
        if "katz_simple" in wanted:
            found["katz_simple"] = discounted(simple_paths(counts, given, pairs), b)
    if "katz_closed" in wanted:
        found["katz_closed"] = closed(given, pairs, b)
    return found
