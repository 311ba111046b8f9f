"""How often each edge joins each two orbits of a graphlet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from graphlab.errors import InputError
from graphlab.graphlets._edge_kernels import sum_cliques, sum_cycles
from graphlab.graphlets._edge_values import EdgeSums, edge_values
from graphlab.graphlets._input import read_graph
from graphlab.graphlets._keys import EDGE_ORBITS
from graphlab.graphlets._ranked import Private, Ranked, check_limit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["edge_orbit_counts"]


def edge_orbit_counts(
    graph: Any,  # noqa: ANN401  (every description of a graph)
    *,
    num_nodes: int | None = None,
    num_threads: int | None = None,
    aligned: bool = False,
    to_undirected: bool = False,
    nodelist: Sequence[Any] | None = None,
) -> Any:  # noqa: ANN401  (an array, or a pair of arrays)
    """Count the edge orbits of all graphlets on three and four nodes at every edge.

    Column c is the number of connected induced subgraphs that hold the edge and in which its ends
    are at the orbits of ``EDGE_ORBITS[c]``: ORCA's edge orbits 0 to 11 [hocevar2016]_, of which
    those of an edge alone are left out. Exact; 64-bit sums throughout.

    Args:
        graph: As in :func:`graphlab.graphlets.orbit_counts`.
        num_nodes: Number of nodes; needed for isolated nodes at the end of an edge list.
        num_threads: Largest number of threads; None for as many as torch uses. Results are equal.
        aligned: Give one row for each column of ``edge_index``, in its order; ``graph`` must be an
            edge list or hold one. Both directions and repeats of an edge have equal rows, self
            loops zeros.
        to_undirected: Take a directed graph as undirected; without it, one is an error.
        nodelist: Order of the nodes for a networkx graph; default ``list(graph.nodes)``.

    Shapes:
        - returns: edges (m, 2) int64 with u < v, sorted, and counts (m, 12) int64; with
          ``aligned`` counts (E, 12) alone

    Raises:
        InputError: No graph, a directed graph, ids out of range, no edge list for ``aligned``.

    Cost: as :func:`graphlab.graphlets.orbit_counts`; memory about 300 bytes an edge, and 100 for
    each thread.

    Example:
        >>> edges, counts = edge_orbit_counts([[0, 0, 1, 2], [1, 2, 2, 3]])
        >>> edges.tolist()
        [[0, 1], [0, 2], [1, 2], [2, 3]]
        >>> counts[:, [1, 6, 7, 8]].tolist()  # triangles; tail, base and sides of the paw
        [[1, 0, 1, 0], [1, 0, 0, 1], [1, 0, 0, 1], [0, 1, 0, 0]]
    """
    threads = check_limit("num_threads", num_threads)
    simple = read_graph(graph, num_nodes=num_nodes, to_undirected=to_undirected, nodelist=nodelist)
    given = _columns(graph) if aligned else None
    n = simple.num_nodes
    edges, counts = np.empty((0, 2), np.int64), np.empty((0, len(EDGE_ORBITS)), np.int64)
    if simple.num_edges:
        edges, counts = _count(Ranked(simple, threads))
    if given is None:
        return edges, counts
    low, high = given.min(0), given.max(0)
    rows = np.zeros((given.shape[1], len(EDGE_ORBITS)), np.int64)
    known, wanted = edges[:, 0] * n + edges[:, 1], low * n + high
    place = np.searchsorted(known, wanted)
    place[place == known.size] = 0
    # loops are no edges, nor are entries of weight 0
    there = known[place] == wanted if known.size else np.zeros(wanted.size, bool)
    rows[there] = counts[place[there]]
    return rows


def _count(ranked: Ranked) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return edges and counts, sorted by the old names of the nodes."""
    source = np.repeat(np.arange(ranked.num_nodes), ranked.degree)
    is_up = ranked.columns > source
    ends = np.stack([source[is_up], ranked.columns[is_up]])
    values = edge_values(_sums(ranked, is_up, ends), _both_ways())
    pairs = ranked.order[ends].astype(np.int64)
    low, high = pairs.min(0), pairs.max(0)
    place = np.argsort(low * ranked.num_nodes + high, kind="stable")
    counts = np.empty((ranked.num_edges, len(EDGE_ORBITS)), np.int64)
    for column, (h, i, j) in enumerate(EDGE_ORBITS):
        both = values[h, i, j] if i == j else values[h, i, j] + values[h, j, i]
        counts[:, column] = both[place]
    return np.stack([low, high], 1)[place], counts


def _both_ways() -> list[tuple[int, int, int]]:
    return [*EDGE_ORBITS, *((h, j, i) for h, i, j in EDGE_ORBITS if i != j)]


def _sums(ranked: Ranked, is_up: NDArray[np.bool_], ends: NDArray[np.int64]) -> EdgeSums:
    entries, n = ranked.columns.size, ranked.num_nodes
    triangles = ranked.triangles
    _, closed, beyond, _ = ranked.spread()[1].T.astype(np.int64)

    def scratch() -> tuple[NDArray[Any], ...]:
        nodes = np.zeros((3, n), ranked.small)
        return np.zeros(4 * entries, np.int64), *nodes

    cliques = Private(scratch)
    cycles = Private(lambda: (np.zeros(entries, np.int64), *ranked.counters()))

    def call_cliques(first: int, last: int) -> None:
        sum_cliques(*ranked.rows, triangles, *cliques.get(), first, last)

    def call_cycles(first: int, last: int) -> None:
        sum_cycles(*ranked.rows, ranked.twin, *cycles.get(), first, last)

    ranked.run(call_cliques, ranked.fan)
    ranked.run(call_cycles, ranked.reach)
    degrees, toward, back, four = np.ascontiguousarray(cliques.total(0).reshape(-1, 4)[is_up].T)
    through = cycles.total(0)
    # both entries of an edge hold a part of its cycles
    through[ranked.twin[~is_up]] += through[~is_up]
    u, v = ends
    degree = ranked.degree.astype(np.int64)
    return EdgeSums(
        triangles[is_up].astype(np.int64),
        *(toward, back, degrees, four),
        cycles=through[is_up],
        degree=(degree[u], degree[v]),
        closed=(closed[u], closed[v]),
        beyond=(beyond[u], beyond[v]),
    )


def _columns(graph: Any) -> NDArray[np.int64]:  # noqa: ANN401
    """Return the entries of an edge list in their order, (2, E)."""
    index = graph.get("edge_index") if isinstance(graph, dict) else graph
    index = getattr(index, "edge_index", index)
    array: NDArray[Any] = np.empty(0)
    if isinstance(index, torch.Tensor) and index.layout == torch.strided:
        array = index.detach().cpu().numpy()
    elif isinstance(index, np.ndarray | list | tuple):
        array = np.asarray(index)
    if array.ndim == 2 and array.shape[0] != 2 and array.shape[1] == 2:
        array = array.T
    kinds = "iu" if array.shape == (2, 2) else "iuf"  # four floating numbers are a matrix
    if array.ndim != 2 or array.shape[0] != 2 or (array.size and array.dtype.kind not in kinds):
        raise InputError(
            f"aligned=True needs an edge list, but graph is a {type(graph).__name__}; leave it "
            "out, and take the edges that are returned."
        )
    return array.astype(np.int64)
