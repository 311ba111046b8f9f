"""The Open Graph Benchmark's files [hu2020]_, read without its package: no prompt, no network.

Text files are header-less gzip CSV; ``split/<type>/`` holds the official split. How a set is to
be read follows from its card: the task, which files it has, whether its edges have a direction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from graphlab.datasets.arrays import Array, Arrays, Ints, read_npz, reading, row_pointers

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from graphlab.datasets.card import DatasetCard

__all__ = ["read_ogb", "read_table"]

_BINARY = "raw/data.npz"
_EDGES = "raw/edge.csv.gz"
_OLD_NAMES = {"species": "node_species"}  # which the official loader renames
_LAYOUT = {"node_feat": "x", "edge_feat": "edge_attr"}  # others are extra_... columns
_CHUNK_ROWS = 1 << 17  # rows parsed at once: bounds what a float64 parse needs on top


def read_ogb(folder: Path, card: DatasetCard) -> Arrays:
    """Read a node, link or graph set in OGB's layout.

    Undirected text sets name each edge once; its reverse is put behind it and its features are
    repeated, as the official loader does. Entries are then sorted; ``edge_perm`` is the place of
    each in the official order. The graph of a link set has the training edges only.

    Types follow the official loader: columns of whole numbers are int64, others float32; class
    labels are int64, or float32 where some are NaN (unknown); targets of a regression are float32.

    Args:
        folder: Folder of the set.
        card: The set: its files, task and whether it is directed.

    Returns:
        Arrays in the layout of :mod:`graphlab.datasets.arrays`. Targets keep OGB's shape, (n, T)
        for nodes and (G, T) for graphs; ``node_year``, ``node_species``, ``edge_weight`` and
        ``edge_year`` are ``extra_...`` columns, the weight also the graph's ``edge_weight``.

    Raises:
        DatasetCorrupt: A file is damaged, or the parts do not fit together.

    Cost: 0.5 s and 130 MB for the million edges of ogbl-ddi.
    """
    binary = _BINARY in card.files
    columns = {} if binary else _columns(folder, card)
    raw = read_npz(folder / _BINARY) if binary else _read_text(folder, columns)
    edge_file = folder / (_BINARY if binary else _EDGES)
    with reading(edge_file):
        sizes = (raw.pop("num_nodes_list").reshape(-1), raw.pop("num_edges_list").reshape(-1))
        arrays, source = _entries(raw.pop("edge_index"), *sizes, both=not (card.directed or binary))
    by_graph = "graph" in card.tasks
    if by_graph:
        arrays["node_ptr"] = _pointers(sizes[0])
        arrays["edge_ptr"] = arrays["edge_indptr"][arrays["node_ptr"]]
    elif sizes[0].size != 1:
        with reading(edge_file):
            raise ValueError("not a single graph")
    num_nodes, num_raw = int(arrays["num_nodes"]), int(sizes[1].sum())
    for name, column in raw.items():
        of_node = name.startswith("node_")
        with reading(folder / columns.get(name, _BINARY)):
            if not name.startswith(("node_", "edge_")):
                raise ValueError("an array of neither nodes nor edges")
            if len(column) != (num_nodes if of_node else num_raw):
                raise ValueError("another number of rows than nodes or edges")
            aligned = column if of_node else column[source]
            arrays[_LAYOUT.get(name, f"extra_{name}")] = aligned
            if name == "edge_weight":
                arrays[name] = _weights(aligned)
    count = sizes[0].size if by_graph else num_nodes
    targets = _targets(folder, card, "graph" if by_graph else "node", count)
    if targets is not None:
        arrays["graph_y" if by_graph else "y"] = targets
    return arrays


def read_table(path: Path) -> Array:
    """Read one header-less gzip CSV: (rows, columns), whole numbers or float32.

    Raises:
        DatasetCorrupt: Truncated, damaged, or not numbers.
    """
    import pandas as pd

    with reading(path):
        parts: list[Array] = []
        chunks = pd.read_csv(path, compression="gzip", header=None, chunksize=_CHUNK_ROWS)
        with chunks:
            for chunk in chunks:
                values = chunk.to_numpy()
                if values.dtype.kind not in "iuf":
                    raise ValueError("not a table of numbers")
                whole = values.dtype.kind in "iu"
                parts.append(values.astype(np.int64 if whole else np.float32, copy=False))
        if any(part.dtype.kind == "f" for part in parts):
            parts = [part.astype(np.float32, copy=False) for part in parts]
        return np.concatenate(parts)


def _columns(folder: Path, card: DatasetCard) -> dict[str, str]:
    """Return the files with columns of nodes and edges, by the name ``data.npz`` gives each."""
    found = {}
    for path in (*card.files, *(p for p in card.optional if (folder / p).is_file())):
        base = path.removeprefix("raw/").removesuffix(".csv.gz")
        base = _OLD_NAMES.get(base, base)
        if base in {"node-feat", "edge-feat"} or base.startswith(("node_", "edge_")):
            found[base.replace("-", "_")] = path
    return found


def _read_text(folder: Path, columns: Mapping[str, str]) -> dict[str, Array]:
    """Read the text files under the names that ``data.npz`` gives its arrays."""
    return {
        "edge_index": read_table(folder / _EDGES).T,
        "num_nodes_list": read_table(folder / "raw/num-node-list.csv.gz"),
        "num_edges_list": read_table(folder / "raw/num-edge-list.csv.gz"),
        **{name: read_table(folder / path) for name, path in columns.items()},
    }


def _entries(
    edges: Array, num_nodes: Array, num_edges: Array, *, both: bool
) -> tuple[Arrays, Ints]:
    """Return the sorted entries of all graphs, and the raw edge that each of them is.

    Args:
        edges: (2, k) ids that start at 0 in every graph.
        num_nodes: Nodes of each graph.
        num_edges: Raw edges of each graph.
        both: Put the reverse of each edge behind it.
    """
    lists = (edges, num_nodes, num_edges)
    if any(a.dtype.kind not in "iu" for a in lists) or edges.ndim != 2 or len(edges) != 2:
        raise ValueError("ids and counts are whole numbers, two ids an edge")
    if num_nodes.size != num_edges.size or edges.shape[1] != num_edges.sum():
        raise ValueError("the counts do not fit the number of edges")
    if edges.size and (edges.min() < 0 or (edges >= np.repeat(num_nodes, num_edges)).any()):
        raise ValueError("an edge names a node that does not exist")
    n = int(num_nodes.sum())
    row, col = edges.astype(np.int64) + np.repeat(_pointers(num_nodes)[:-1], num_edges)
    if both:
        row, col = _interleaved(row, col), _interleaved(col, row)
    order = torch.argsort(torch.from_numpy(row * n + col), stable=True)  # numpy takes twice as long
    perm = order.numpy()
    edge_index = np.stack([row[perm], col[perm]])
    indptr = row_pointers(edge_index, n)
    if indptr is None:
        raise ValueError("ids overflow")
    arrays = {"edge_index": edge_index, "edge_indptr": indptr, "edge_perm": perm}
    return {**arrays, "num_nodes": np.array(n)}, perm // 2 if both else perm


def _interleaved(first: Ints, second: Ints) -> Ints:
    return np.stack([first, second], axis=1).reshape(-1)


def _pointers(sizes: Array) -> Ints:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes, dtype=np.int64)])


def _weights(column: Array) -> Array:
    weight = column.reshape(len(column), -1)
    if weight.shape[1] != 1 or not np.isfinite(weight).all() or (weight < 0).any():
        raise ValueError("weights are one finite number >= 0 an edge")
    return weight[:, 0].astype(np.float32)


def _targets(folder: Path, card: DatasetCard, kind: str, count: int) -> Array | None:
    """Return labels or targets (count, T) in the official loader's types."""
    text, binary = f"raw/{kind}-label.csv.gz", f"raw/{kind}-label.npz"
    if text in card.files:
        path, values = folder / text, read_table(folder / text)
    elif binary in card.files:
        path, key = folder / binary, f"{kind}_label"
        values = read_npz(path, [key])[key]
    else:
        return None
    with reading(path):
        if len(values) != count:
            raise ValueError("another number of labels than nodes or graphs")
        values = values.reshape(count, -1)
        classes = card.num_classes is not None and not np.isnan(values).any()
        return values.astype(np.int64 if classes else np.float32)
