"""Small sets in OGB's layout with random content, and OGB's own loaders to compare with."""

from __future__ import annotations

import dataclasses
import gzip
import importlib
from contextlib import contextmanager

import numpy as np
import torch

from graphlab.datasets.arrays import widened
from graphlab.datasets.card import RawFile
from graphlab.datasets.catalog import find_dataset
from graphlab.datasets.loaded import build_data
from graphlab.datasets.ogb import read_ogb

LOADERS = {
    "node": ("ogb.nodeproppred.dataset_pyg", "PygNodePropPredDataset"),
    "link": ("ogb.linkproppred.dataset_pyg", "PygLinkPropPredDataset"),
    "graph": ("ogb.graphproppred.dataset_pyg", "PygGraphPropPredDataset"),
}


class _Torch:
    """``torch`` for one module, with a ``load`` that reads pickles as torch did before 2.6."""

    def __getattr__(self, name):
        if name == "load":
            return lambda *args, **kwargs: torch.load(*args, **{**kwargs, "weights_only": False})
        return getattr(torch, name)


@contextmanager
def trusting_ogb(module):
    """Let OGB's loaders read their own files; ``torch.load`` itself stays as it is."""
    module.torch = _Torch()
    try:
        yield
    finally:
        module.torch = torch


def theirs(name, root):
    """Return what OGB's loader gives: the PyG data set and its split."""
    kind = find_dataset(name).tasks[0]
    module = importlib.import_module(LOADERS[kind][0])
    official = {"ogbn-papers100m": "ogbn-papers100M"}.get(name, name)
    with trusting_ogb(module):
        found = getattr(module, LOADERS[kind][1])(official, root=str(root))
        return found, found.get_edge_split() if kind == "link" else found.get_idx_split()


def bare(name):
    """A card without checksums and counts, but with the number of classes."""
    card = find_dataset(name)
    return dataclasses.replace(
        card,
        files={path: RawFile(path) for path in card.files},
        num_nodes=None,
        num_edges=None,
        train_entries=None,
        num_features=None,
        optional={path: RawFile(path) for path in card.optional},
    )


def ours(folder, card):
    """Return what our reader gives, past the checks of a catalogued set."""
    arrays = widened(read_ogb(folder, card))
    return build_data(card, card.tasks[0], arrays, info={"folder": str(folder)})


def in_official_order(graph, *columns):
    """Return entries, and columns of entries, in the order of the files."""
    back = torch.empty_like(graph.perm)
    back[graph.perm] = torch.arange(graph.num_edges)
    return [graph.edge_index[:, back], *(column[back] for column in columns)]


def write_table(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = (",".join(map(str, row)) for row in np.asarray(values).tolist())
    # a blank line would be skipped: pandas, which wrote OGB's files, quotes an empty single value
    text = "".join((row.replace("nan", "") or '""') + "\n" for row in rows)
    path.write_bytes(gzip.compress(text.encode()))


def write_set(folder, card, *extra, seed=0):
    """Write all files of a card with random content: 9 graphs, or one of 40 nodes.

    ``extra``: paths of optional files to be written.
    """
    rng = np.random.default_rng(seed)
    by_graph = "graph" in card.tasks
    nodes = rng.integers(2, 7, 9) if by_graph else np.array([40])
    edges = rng.integers(0, 8, 9) if by_graph else np.array([120])
    pairs = rng.integers(0, np.repeat(nodes, edges)[:, None], (edges.sum(), 2))
    n, m = int(nodes.sum()), int(edges.sum())
    columns = {
        "edge": pairs,
        "num-node-list": nodes[:, None],
        "num-edge-list": edges[:, None],
        "node-feat": rng.integers(0, 300, (n, 9))
        if card.name.startswith("ogbg") or card.name == "ogbl-ppa"
        else rng.normal(size=(n, 7)).round(6),
        "edge-feat": rng.integers(0, 9, (m, 3))
        if card.name.startswith("ogbg-mol")
        else rng.random((m, 8)).round(3),
        "node_year": rng.integers(1990, 2020, (n, 1)),
        "species": rng.integers(3000, 9000, (n, 1)),
        "edge_weight": rng.integers(1, 9, (m, 1)),
        "edge_year": rng.integers(1990, 2017, (m, 1)),
    }
    columns["node_species"] = columns["species"]
    columns |= {f"{kind}-label": _labels(card, kind, n, len(nodes), rng) for kind in LOADERS}
    for path in (*card.files, *extra):
        base = path.rpartition("/")[2].removesuffix(".csv.gz")
        if path.startswith("split/"):
            _write_part(folder / path, card, len(nodes) if by_graph else n, rng)
        elif path == "raw/data.npz":
            (folder / "raw").mkdir(parents=True, exist_ok=True)
            lists = {"num_nodes_list": nodes, "num_edges_list": edges, "edge_index": pairs.T}
            features = {"node_feat": rng.random((n, 5), dtype=np.float32)}
            if card.name == "ogbn-papers100m":
                features["node_year"] = columns["node_year"]
            np.savez(folder / path, **lists, **features)
        elif path == "raw/node-label.npz":
            np.savez(folder / path, node_label=columns["node-label"])
        elif path == "RELEASE_v1.txt":
            folder.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text("any text\n")
        else:
            write_table(folder / path, columns[base])


def _labels(card, kind, num_nodes, num_graphs, rng):
    count = num_graphs if kind == "graph" else num_nodes
    width = {"ogbn-proteins": 112, "ogbg-molpcba": 128}.get(card.name, 1)
    if card.num_classes is None:
        return rng.normal(size=(count, width)).round(4)
    labels = rng.integers(0, card.num_classes, (count, width))
    if card.name in {"ogbn-papers100m", "ogbg-molpcba"}:
        labels = np.where(rng.random(labels.shape) < 0.4, np.nan, labels)
    return labels


def _write_part(path, card, count, rng):
    train = path.name.startswith("train")
    size = 30 if train else 10
    if path.suffix == ".gz":
        write_table(path, rng.choice(count, min(size, count // 3), replace=False)[:, None])
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    if card.name == "ogbl-citation2":
        part = {key: rng.integers(0, count, size) for key in ("source_node", "target_node")}
        if not train:
            part["target_node_neg"] = rng.integers(0, count, (size, 1000))
        torch.save(part, path, pickle_protocol=4)
        return
    part = {"edge": rng.integers(0, count, (size, 2))}
    if not train or card.name == "ogbl-vessel":
        part["edge_neg"] = rng.integers(0, count, (2 * size, 2))
    if card.name == "ogbl-ppa":
        part = {key: torch.from_numpy(value) for key, value in part.items()}
    torch.save(part, path, _use_new_zipfile_serialization=card.name == "ogbl-vessel")
