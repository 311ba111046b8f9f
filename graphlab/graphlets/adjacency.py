"""How often each two nodes take two places of a graphlet together: 28 sparse matrices."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphlab.graphlets._build import Builder
from graphlab.graphlets._folder import FolderWriter
from graphlab.graphlets._input import read_graph
from graphlab.graphlets._keys import Key, check_graphlet, select_keys
from graphlab.graphlets._ranked import check_limit
from graphlab.graphlets._rows import Prepared
from graphlab.graphlets.matrices import OrbitAdjacency

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Sequence

    from scipy.sparse import csr_array

__all__ = ["graphlet_adjacency", "iter_orbit_adjacency", "orbit_adjacency"]

_BLOCK_BYTES = 256 << 20  # of a block of rows, where nobody says


def orbit_adjacency(
    graph: Any,  # noqa: ANN401  (every description of a graph)
    orbits: Iterable[tuple[int, ...]] | None = None,
    *,
    hop: int | None = None,
    graphlet: int | None = None,
    num_nodes: int | None = None,
    num_threads: int | None = None,
    dtype: Any = None,  # noqa: ANN401  (whatever numpy takes)
    top_k: int | None = None,
    max_memory: int | None = None,
    out: str | os.PathLike[str] | None = None,
    to_undirected: bool = False,
    nodelist: Sequence[Any] | None = None,
) -> OrbitAdjacency:
    """Count for all pairs of nodes how often they take two orbits of a graphlet together.

    Matrix (h, i, j) has at [u, v] the number of connected induced subgraphs on two to four nodes
    in which u is at orbit i, v at orbit j, and their distance inside the subgraph is h
    [windels2024]_. Exact integers; matrix (h, j, i) is the transpose of (h, i, j).

    Args:
        graph: As in :func:`graphlab.graphlets.orbit_counts`.
        orbits: Wanted keys (h, i, j), or (i, j) where h is unique; None for all 28. What is not
            asked for is not computed.
        hop: Keep keys of this distance, 1, 2 or 3.
        graphlet: Keep keys of this graphlet, 0 to 8.
        num_nodes: Number of nodes; needed for isolated nodes at the end of an edge list.
        num_threads: Largest number of threads; None for as many as torch uses. Results are equal.
        dtype: Type of the entries; None for int32 where every entry fits, else int64.
        top_k: Keep the k largest entries of each row of matrices with h >= 2, of equal ones the
            lower columns. Lossy: these matrices are then no longer symmetric.
        max_memory: Bytes that the result may take; None for half of the memory that is free.
        out: Folder to write the matrices to, block by block; they are then read from there when
            used, and never in memory as a whole.
        to_undirected: Take a directed graph as undirected; without it, one is an error.
        nodelist: Order of rows and columns for a networkx graph; default ``list(graph.nodes)``.

    Shapes:
        - each matrix: scipy ``csr_array`` (n, n), columns sorted, no zeros stored

    Raises:
        InputError: No graph, a directed graph, an unknown key.
        ResourceError: (a ``MemoryError``) The result would be too large, by an estimate.
        GraphTooLarge: (an ``OverflowError``) An entry does not fit into ``dtype``.

    Cost: time O(sum over nodes of degree squared, plus the entries), memory the result plus, for
    each thread, 10 MB and about 250 bytes a node, twice that where most pairs are entries.

    Example:
        >>> star = orbit_adjacency([[0, 0, 0], [1, 2, 3]])
        >>> star[1, 7, 6].toarray()[0].tolist(), star[2, 6, 6].nnz
        ([0, 1, 1, 1], 6)
    """
    max_memory = check_limit("max_memory", max_memory)
    if out is not None and max_memory is None:
        max_memory = _BLOCK_BYTES
    builder = _builder(
        *(graph, select_keys(orbits, hop, graphlet), num_nodes, num_threads),
        dtype=dtype,
        top_k=top_k,
        to_undirected=to_undirected,
        nodelist=nodelist,
    )
    n, keys, kept = builder.graph.num_nodes, builder.keys, builder.top_k
    if out is None:
        builder.check_memory(max_memory)
        return OrbitAdjacency(builder.rows(0, n), n, top_k=kept)
    writer = FolderWriter(Path(out), n, keys, kept)
    for _, _, rows in _blocks(builder, None, max_memory):
        writer.append(rows)
    if not n:
        writer.append(builder.rows(0, 0))  # empty matrices are matrices
    writer.close()
    return OrbitAdjacency.load(out)


def iter_orbit_adjacency(
    graph: Any,  # noqa: ANN401  (every description of a graph)
    orbits: Iterable[tuple[int, ...]] | None = None,
    *,
    block_rows: int | None = None,
    max_memory: int | None = None,
    hop: int | None = None,
    graphlet: int | None = None,
    num_nodes: int | None = None,
    num_threads: int | None = None,
    dtype: Any = None,  # noqa: ANN401  (whatever numpy takes)
    top_k: int | None = None,
    to_undirected: bool = False,
    nodelist: Sequence[Any] | None = None,
) -> Iterator[tuple[int, int, dict[Key, csr_array]]]:
    """Give the matrices of :func:`orbit_adjacency` in blocks of rows, one block at a time.

    Args:
        graph: As in :func:`orbit_adjacency`, as are the arguments that follow ``max_memory``.
        orbits: Wanted keys.
        block_rows: Rows of a block; None for as many as ``max_memory`` allows.
        max_memory: Bytes that a block should take at most, by an estimate; default 256 MB.
        hop: Keep keys of this distance.
        graphlet: Keep keys of this graphlet.
        num_nodes: Number of nodes.
        num_threads: Largest number of threads, which share the rows of a block.
        dtype: Type of the entries.
        top_k: Entries to keep of each row.
        to_undirected: Take a directed graph as undirected.
        nodelist: Order of rows and columns for a networkx graph.

    Yields:
        ``(start, stop, {key: rows})`` with rows of shape (stop - start, n).

    Raises:
        InputError: As in :func:`orbit_adjacency`, or ``block_rows`` below 1.

    Example:
        >>> blocks = iter_orbit_adjacency([[0, 1, 2], [1, 2, 3]], [(2, 1, 1)], block_rows=3)
        >>> [(start, stop, rows[2, 1, 1].nnz) for start, stop, rows in blocks]
        [(0, 3, 3), (3, 4, 1)]
    """
    block_rows = check_limit("block_rows", block_rows)
    max_memory = check_limit("max_memory", max_memory)
    builder = _builder(
        *(graph, select_keys(orbits, hop, graphlet), num_nodes, num_threads),
        dtype=dtype,
        top_k=top_k,
        to_undirected=to_undirected,
        nodelist=nodelist,
    )
    return _blocks(builder, block_rows, max_memory)


def graphlet_adjacency(
    graph: Any,  # noqa: ANN401  (every description of a graph)
    k: int,
    *,
    num_nodes: int | None = None,
    num_threads: int | None = None,
    max_memory: int | None = None,
    to_undirected: bool = False,
    nodelist: Sequence[Any] | None = None,
) -> csr_array:
    """Count for all pairs of nodes how often they are together in graphlet k [windels2019]_.

    Args:
        graph: As in :func:`orbit_adjacency`, as are all arguments but ``k``.
        k: 0 edge, 1 path of three, 2 triangle, 3 path of four, 4 star, 5 cycle, 6 paw, 7 diamond,
            8 clique.
        num_nodes: Number of nodes.
        num_threads: Largest number of threads.
        max_memory: Bytes that the matrices it is the sum of may take.
        to_undirected: Take a directed graph as undirected.
        nodelist: Order of rows and columns for a networkx graph.

    Shapes:
        - returns: scipy ``csr_array`` (n, n), symmetric

    Raises:
        InputError: No graph, a directed graph, no such graphlet.
        ResourceError: The matrices that it is the sum of would be too large.

    Example:
        >>> graphlet_adjacency([[0, 1, 2], [1, 2, 0]], 2).toarray().tolist()
        [[0, 1, 1], [1, 0, 1], [1, 1, 0]]
    """
    check_graphlet(k)
    matrices = orbit_adjacency(
        graph,
        graphlet=k,
        num_nodes=num_nodes,
        num_threads=num_threads,
        max_memory=max_memory,
        to_undirected=to_undirected,
        nodelist=nodelist,
    )
    return matrices.graphlet(k)


def _builder(
    graph: Any,  # noqa: ANN401
    keys: tuple[Key, ...],
    num_nodes: int | None,
    num_threads: int | None,
    *,
    dtype: Any,  # noqa: ANN401
    top_k: int | None,
    to_undirected: bool,
    nodelist: Sequence[Any] | None,
) -> Builder:
    threads, top_k = check_limit("num_threads", num_threads), check_limit("top_k", top_k)
    simple = read_graph(graph, num_nodes=num_nodes, to_undirected=to_undirected, nodelist=nodelist)
    prepared = Prepared(simple, threads)
    return Builder(prepared, keys, top_k=top_k, dtype=dtype, threads=threads)


def _blocks(
    builder: Builder, block_rows: int | None, max_memory: int | None
) -> Iterator[tuple[int, int, dict[Key, csr_array]]]:
    n = builder.graph.num_nodes
    if block_rows is None:
        # half: a block of well connected rows holds more than the average
        a_row = builder.bytes / max(n, 1)
        block_rows = max(1, int((max_memory or _BLOCK_BYTES) / 2 / max(a_row, 1)))
    for start in range(0, n, block_rows):
        stop = min(start + block_rows, n)
        yield start, stop, builder.rows(start, stop)
