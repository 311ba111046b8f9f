"""Topological concentration: how much of a node's surroundings its links stay within."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from graphlab.errors import InputError
from graphlab.ops._threads import run_blocks
from graphlab.topology._counts import common_sums, triangles, walks
from graphlab.topology._limits import MAX_WALKS, check_positive, check_vectors, check_walks
from graphlab.topology._row_kernels import divide_sums
from graphlab.topology._rows import Layout, Reading
from graphlab.topology._targets import Targets, splits_of, targets_of
from graphlab.topology._walk_kernels import add_to_ends, walk_overlaps

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from torch import Tensor

    from graphlab.topology._rows import Edges, Rows

    Values = NDArray[np.float64]

__all__ = ["tc_by_split", "topological_concentration"]


def topological_concentration(
    train_edges: Edges,
    num_nodes: int | None,
    target: Edges | Mapping[str, Edges] | None = None,
    *,
    hops: int = 1,
    beta: float | None = None,
    num_threads: int | None = None,
    self_loops: str = "remove",
    directed: str = "symmetrize",
    layout: Layout | None = None,
    block: int | None = None,
    max_walks: float = MAX_WALKS,
) -> Any:  # noqa: ANN401  (a tensor, or a mapping of tensors where target is one)
    r"""Return the topological concentration (TC) of every node [wang2024tc]_, exactly.

    How much of what a node reaches in K steps is also reached by its neighbours, on average over
    the neighbours j that the target links it to:

    .. math:: I(i, j) = \sum_{a, b = 1}^{K} \beta^{a + b - 2}
        \sum_{v \in S^a_i \cap S^b_j} (\mathbf A^a)_{iv}, \qquad
        \mathrm{TC}^t_i = \frac{1}{|N^t(i)|} \sum_{j \in N^t(i)} \frac{I(i, j)}{\mathrm{norm}(i)}

    with A of the training edges alone, :math:`S^a_i` the nodes that exactly a steps reach, and
    :math:`\mathrm{norm}(i) = \sum_{a, b} \beta^{a + b - 2} \sum_v (\mathbf A^a)_{iv}`; for the
    training edges themselves, norm(i) - 1, as j is no common neighbour of i and j. With K = 1,
    :math:`\mathrm{TC}^{\mathrm{train}}` is the local clustering coefficient.

    0 where a node has no training neighbour (for the training edges: less than two) or no
    neighbour in the target. Directions and repeats of edges do not matter.

    Args:
        train_edges: Training edges, or any graph that :func:`graphlab.graph.as_graph` accepts.
        num_nodes: Number of nodes; isolated ones count in ``beta``. None where ``train_edges``
            is a graph that says it.
        target: Links whose ends are averaged, say of a test split; None for the training edges.
            A mapping name -> links gives a mapping; what the targets share is computed once.
        hops: K.
        beta: Discount of a step; by default one over the mean degree, as in the authors' code.
        num_threads: Most threads; by default as many as torch uses. Results do not depend on it.
        self_loops: ``"keep"`` makes a node with a loop its own neighbour, as the authors' code
            does; values may then exceed 1.
        directed: ``"error"`` refuses edges of which some have both directions and others one.
        layout: Needed for edges of shape (2, 2) alone.
        block: Compute this many nodes at a time. Lifts ``max_walks``: the result is the same,
            the computation takes its time and can be interrupted between blocks.
        max_walks: Most walks of K steps in the graph, beyond which the call is refused.

    Shapes:
        - ``train_edges``, ``target``: (E, 2) or (2, E) integers, or a graph
        - returns: (n,) float64, on the device of ``train_edges``; or a mapping of these

    Raises:
        InputError: (a ``ValueError``) Edges of another shape or type, ids out of range, an
            impossible option.
        ResourceError: (a ``MemoryError``) More than ``max_walks`` walks, or too little memory.

    Cost: K = 1: triangles by the order of degrees, and one intersection a target link. K >= 2: time
    of the order of the walks of K + 1 steps. Memory O(m + K n) for each thread; no power of the
    matrix is ever stored.

    Example:
        >>> triangle_and_tail = [[0, 1], [1, 2], [2, 0], [2, 3]]
        >>> topological_concentration(triangle_and_tail, 4).tolist()
        [1.0, 1.0, 0.3333333333333333, 0.0]
        >>> topological_concentration(triangle_and_tail, 4, [[0, 3]]).tolist()
        [0.5, 0.0, 0.0, 1.0]
    """
    reading = Reading(num_nodes, layout, self_loops, directed)
    hops = check_positive("hops", hops)
    threads = None if num_threads is None else check_positive("num_threads", num_threads)
    beta = _checked_beta(beta)
    if block is not None:
        block = check_positive("block", block)
    given = targets_of(train_edges, target, reading)
    beta = discount(given.train) if beta is None else beta
    if hops == 1 or beta == 0:  # without weight, further steps change nothing
        found = _one_hop(given, threads, loops=self_loops == "keep")
    else:
        check_vectors(given.train.num_nodes, hops + 4, threads)
        steps = walks(given.train, hops)
        if block is None:
            check_walks(float(steps[-1].sum()), hops, max_walks)
        found = _more_hops(given, steps, beta, threads, block)
    return given.result(lambda name: given.train.result(found[name]))


def tc_by_split(
    split_edge: Mapping[str, Any],
    num_nodes: int | None,
    hops: int = 1,
    *,
    beta: float | None = None,
    num_threads: int | None = None,
    self_loops: str = "remove",
    directed: str = "symmetrize",
    layout: Layout | None = None,
    block: int | None = None,
    max_walks: float = MAX_WALKS,
) -> dict[str, Tensor]:
    """Return the topological concentration of training, validation and test links.

    Args:
        split_edge: Links under the keys train, val (or valid) and test: edges, or dictionaries
            that hold them under ``edge``, as splits of OGB and of :mod:`graphlab.tasks` do.
        num_nodes: Number of nodes.
        hops: K.
        beta: This and the others as for :func:`topological_concentration`.
        num_threads: See there.
        self_loops: See there.
        directed: See there.
        layout: See there.
        block: See there.
        max_walks: See there.

    Shapes:
        - edges: (E, 2) or (2, E) integers
        - returns: keys ``train``, ``val``, ``test``; each (n,) float64

    Raises:
        InputError: A split is missing, and as for :func:`topological_concentration`.
        ResourceError: As there.

    Cost: what one call needs for the training edges, and the links of the others.

    Example:
        >>> split = {"train": [[0, 1], [1, 2], [2, 0]], "valid": [[0, 3]], "test": []}
        >>> found = tc_by_split(split, 4)
        >>> {name: values.tolist() for name, values in found.items()}["train"]
        [1.0, 1.0, 1.0, 0.0]
    """
    edges = splits_of(split_edge)
    target = {**edges, "train": None}
    found: dict[str, Tensor] = topological_concentration(
        edges["train"],
        num_nodes,
        target,
        hops=hops,
        beta=beta,
        num_threads=num_threads,
        self_loops=self_loops,
        directed=directed,
        layout=layout,
        block=block,
        max_walks=max_walks,
    )
    return found


def discount(train: Rows) -> float:
    """Return one over the mean degree, isolated nodes included; 1 without edges."""
    return train.num_nodes / train.columns.size if train.columns.size else 1.0


def averaged(given: Targets, name: str, sums: Values, norm: Values | None) -> Values:
    """Return sums over the links of a target, divided by their number and by the norm."""
    train, rows = given.train, given.sets[name]
    out = np.empty(train.num_nodes)
    divide_sums(train.indptr, rows.indptr, int(rows is train), norm, sums, out)
    return out


def _one_hop(given: Targets, threads: int | None, *, loops: bool) -> dict[str, Values]:
    train, found = given.train, {}
    for name, rows in given.sets.items():
        if rows is train and not loops:
            sums = 2 * triangles(train, threads)
        else:
            sums = common_sums(train, rows, threads)
        found[name] = averaged(given, name, sums.astype(np.float64), None)
    return found


def _more_hops(
    given: Targets, steps: list[Values], beta: float, threads: int | None, block: int | None
) -> dict[str, Values]:
    train, names = given.train, list(given.sets)
    n, hops = train.num_nodes, len(steps)
    pair_ptr, pair_ends = given.joined(names)
    overlap = np.zeros(pair_ends.size)

    def call(first: int, last: int) -> None:
        seen, q, z = np.zeros(n, np.int64), np.zeros(n), np.empty(2 * n)
        reached, wanted = np.empty((2, hops * n + 1), np.int32)
        walk_overlaps(
            *(train.indptr, train.columns, hops, beta, pair_ptr, pair_ends, overlap),
            *(seen, q, z, reached, wanted, np.empty(hops, np.int64), first, last),
        )

    run_blocks(call, n, int(min(steps[-1].sum(), 2**62)), threads, block)
    discounts = beta ** np.arange(hops)
    norm = (np.dot(discounts, np.stack(steps)) * discounts.sum()).astype(np.float64)
    found, at = {}, 0
    for name in names:
        size, sums = given.sets[name].columns.size, np.zeros(n)
        add_to_ends(pair_ends, overlap, sums, 0, at, at + size)
        found[name] = averaged(given, name, sums, norm)
        at += size
    return found


def _checked_beta(beta: float | None) -> float | None:
    if beta is None:
        return None
    if isinstance(beta, bool) or not isinstance(beta, int | float | np.number):
        raise InputError(f"beta is {beta!r}, expected None or a finite number >= 0.")
    if not math.isfinite(beta) or beta < 0:
        raise InputError(f"beta is {beta!r}, expected None or a finite number >= 0.")
    return float(beta)
