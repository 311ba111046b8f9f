"""One graph out of one file: an edge list, Matrix Market, GraphML, or arrays in an ``.npz``."""

from __future__ import annotations

import gzip
import warnings
import zipfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from graphlab.datasets.arrays import entries, reading
from graphlab.datasets.edge_list_text import LARGEST_ID, EdgeRows, read_edge_rows
from graphlab.datasets.matrix_file import (
    check_square,
    opened,
    read_matrix_market,
    read_saved_matrix,
)
from graphlab.errors import (
    DatasetNotFound,
    GraphlabError,
    InputError,
    ResourceError,
)
from graphlab.graph import Graph, as_graph
from graphlab.resources import available_bytes

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from graphlab.datasets.arrays import Array

__all__ = ["GRAPH_ENDINGS", "read_graph_file"]

GRAPH_ENDINGS = (".txt", ".tsv", ".csv", ".edges", ".edgelist", ".mtx", ".graphml", ".npz")
"""Endings of the files that are read; all but ``.npz`` also with ``.gz`` behind."""

_CHUNK = 1 << 20
_PARTS = {"format", "shape", "data"}  # arrays that scipy.sparse.save_npz writes for every format
_STATED = {"num_nodes", "n", "x", "y", "adj_shape"}  # arrays that tell the number of nodes
_SPARE_IDS, _IDS_AN_EDGE = 1_000_000, 100  # larger numbers in an edge list are hardly positions
_CHECK_EVERY = 64


def read_graph_file(
    path: str | os.PathLike[str],
    *,
    directed: bool = False,
    named: bool = False,
    num_nodes: int | None = None,
) -> tuple[Graph, tuple[str, ...] | None]:
    r"""Read the nodes and edges of a graph file; weights and attributes are not read.

    ===================================  ==========================================================
    ending                               content
    ===================================  ==========================================================
    .txt .tsv .csv .edges .edgelist      a line an edge: two nodes, parted by commas, tabs,
                                         semicolons or blanks; lines that begin with ``#`` or ``%``
                                         are comments; node numbers from 0, or names
    .mtx                                 Matrix Market, a square matrix
    .graphml                             GraphML; ids are names unless they are 0 to n-1
    .npz                                 a matrix of ``scipy.sparse.save_npz``, or ``edge_index``
                                         (2, m), ``edges`` (m, 2) or a CSR matrix in ``adj_data``,
                                         ``adj_indices``, ``adj_indptr``, ``adj_shape``; with
                                         ``num_nodes`` or ``n``
    ===================================  ==========================================================

    Text may be compressed (``.txt.gz``). Nothing in a file is ever executed. For features, labels
    and weights see :func:`graphlab.datasets.load_local`.

    Args:
        path: The file.
        directed: Edges of a list (text, ``edge_index``, ``edges``) have a direction; otherwise
            each is stored in both. Matrices and GraphML say it themselves: nonzeros are entries,
            and an unsymmetric matrix gives a graph that is not undirected.
        named: Take the numbers of an edge list for names: nodes are then numbered in the order of
            first appearance, without the gaps that the numbers may have.
        num_nodes: Number of nodes, for isolated ones behind the largest number of a list.

    Returns:
        The graph, each entry once, self-loops kept; and the names of its nodes in their order,
        None where the file numbers them.

    Raises:
        InputError: A wrong line, value, shape or ending; with file, line and what was expected.
        DatasetNotFound: No such file.
        DatasetCorrupt: A damaged file.
        UnsafeFileError: A file that could run code or name other files.
        ResourceError: It needs more memory than there is.

    Cost: 0.2 s a million edges of a numbered list, 1 s of a named one or of GraphML.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "friends.txt"
        >>> _ = file.write_text("# who knows whom\nann bob\nbob carl\n")
        >>> read_graph_file(file)
        (Graph(num_nodes=3, num_edges=4), ('ann', 'bob', 'carl'))
    """
    file = Path(path).expanduser()
    ending = _ending(file)
    if num_nodes is not None and not 0 <= num_nodes <= LARGEST_ID + 1:
        raise InputError(f"num_nodes is {num_nodes}; expected 0 to {LARGEST_ID + 1}.")
    with _limits(file):
        if ending == ".npz":
            return _from_npz(file, directed=directed, num_nodes=num_nodes), None
        content = _unpacked(file) if file.suffix.lower() == ".gz" else None
        if ending == ".mtx":
            return _from_matrix(read_matrix_market(file, content), file, num_nodes), None
        if ending == ".graphml":
            from graphlab.datasets.graphml import read_graphml

            with opened(file, content) as stream:
                rows = read_graphml(file, stream)
            return _from_rows(rows, file, num_nodes, both=False), rows.names
        rows = read_edge_rows(file, content, named=named)
        if rows.columns > 2:
            _warn(
                f"{file}: of {rows.columns} columns the first two, the nodes of an edge, are read."
            )
        return _from_rows(rows, file, num_nodes, both=not directed), rows.names


def _ending(file: Path) -> str:
    """Return the ending that tells the format, after the file was found."""
    if not file.is_file():
        what = "it is a folder, expected a file" if file.is_dir() else "no such file"
        raise DatasetNotFound(f"{file}: {what}.")
    name = file.name.lower()
    ending = Path(name.removesuffix(".gz")).suffix
    if ending not in GRAPH_ENDINGS or name.endswith(".npz.gz"):
        raise InputError(
            f"{file} ends in {Path(name).suffix or 'nothing'!r}; expected one of "
            f"{' '.join(GRAPH_ENDINGS)}, text also with .gz behind."
        )
    return ending


@contextmanager
def _limits(file: Path) -> Iterator[None]:
    """Refuse a file that passes the memory, before or while it is read."""
    try:
        file.open("rb").close()
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}.") from error
    _check_size(file, file.stat().st_size)
    try:
        yield
    except MemoryError as error:
        if isinstance(error, GraphlabError):
            raise
        raise ResourceError(f"{file} needs more memory than there is.") from error


def _check_size(file: Path, size: int) -> None:
    free = available_bytes()
    if free is not None and size > free:
        raise ResourceError(
            f"{file} holds {size} bytes or more, {free} are available: it does not fit into memory."
        )


def _unpacked(file: Path) -> bytes:
    """Unpack, counting the bytes: what a packed file says of its size may be false."""
    parts, size = [], 0
    with reading(file), gzip.open(file) as packed:
        while part := packed.read(_CHUNK):
            parts.append(part)
            size += len(part)
            if not len(parts) % _CHECK_EVERY:
                _check_size(file, size)  # what is free has shrunk by as much: half of it is taken
    return b"".join(parts)


def _from_npz(file: Path, *, directed: bool, num_nodes: int | None) -> Graph:
    with reading(file), zipfile.ZipFile(file) as archive:
        members = archive.infolist()
    _check_size(file, sum(member.file_size for member in members))
    names = {member.filename.removesuffix(".npy") for member in members}
    if names >= _PARTS:
        return _from_matrix(read_saved_matrix(file), file, num_nodes)
    from graphlab.datasets.user_arrays import read_user_arrays

    arrays = read_user_arrays({"graph": file}, directed=True)
    stated = int(arrays["num_nodes"]) if names & _STATED else None
    source, target = arrays["edge_index"]
    rows = EdgeRows(source, target, num_nodes=stated)
    return _from_rows(rows, file, num_nodes, both=not directed and "adj_indptr" not in names)


def _from_matrix(matrix: Any, file: Path, num_nodes: int | None) -> Graph:  # noqa: ANN401  (scipy)
    from scipy import sparse

    check_square(file, matrix.shape)
    _check_nodes(file, int(matrix.shape[0]), num_nodes)
    coo = sparse.coo_array(matrix)
    source, target = (np.asarray(part) for part in coo.coords)
    weight = np.asarray(coo.data)
    if weight.dtype.kind in "fc" and not np.isfinite(weight).all():
        at = int(np.isfinite(weight).argmin())
        raise InputError(
            f"{file}: the entry ({source[at]}, {target[at]}) is {weight[at]}; expected a number."
        )
    kept = weight != 0
    if (weight[kept] != 1).any():
        _warn(f"{file}: nonzero values are read as edges, not as weights.")
    return _graph(source[kept], target[kept], int(matrix.shape[0]), file, both=False)


def _check_nodes(file: Path, found: int, num_nodes: int | None) -> None:
    if num_nodes is not None and num_nodes != found:
        raise InputError(f"{file} has {found} nodes, but num_nodes is {num_nodes}.")


def _from_rows(rows: EdgeRows, file: Path, num_nodes: int | None, *, both: bool) -> Graph:
    if rows.num_nodes is not None:
        _check_nodes(file, rows.num_nodes, num_nodes)
    count = num_nodes if rows.num_nodes is None else rows.num_nodes
    largest = int(max(rows.source.max(), rows.target.max())) if rows.source.size else -1
    if count is None and not rows.source.size:
        raise InputError(f"{file} holds no edge. If that is meant, give num_nodes (--num-nodes).")
    if count is None and largest > _SPARE_IDS + _IDS_AN_EDGE * rows.source.size:
        raise InputError(
            f"{file}: the largest node number is {largest}, but there are {rows.source.size} edges "
            f"only. If {largest + 1} nodes are meant, give num_nodes (--num-nodes); if the "
            "numbers are names, named=True (--names) numbers the nodes anew."
        )
    if count is not None and largest >= count:
        raise InputError(
            f"{file}: an edge names node {largest}, but num_nodes is {count} "
            f"(ids must be 0..{count - 1})."
        )
    count = largest + 1 if count is None else count
    return _graph(rows.source, rows.target, count, file, both=both)


def _graph(source: Array, target: Array, num_nodes: int, file: Path, *, both: bool) -> Graph:
    if not 0 <= num_nodes <= LARGEST_ID + 1:
        raise InputError(f"{file}: {num_nodes} nodes; expected 0 to {LARGEST_ID + 1}.")
    index = entries(source, target, num_nodes, both=both, loops=True)
    graph = as_graph(torch.from_numpy(index), num_nodes=num_nodes)
    if both:
        graph.cached("undirected", lambda: True)  # so no one needs to look
    return graph


def _warn(text: str) -> None:
    warnings.warn(text, UserWarning, stacklevel=3)
