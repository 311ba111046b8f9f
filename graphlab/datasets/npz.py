"""Sets whose raw file is one ``.npz``: Amazon, Coauthor, the heterophilous and filtered ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from graphlab.datasets.arrays import (
    Array,
    Arrays,
    entries,
    feature_arrays,
    mask_arrays,
    read_npz,
    reading,
    sparse_feature_arrays,
)

if TYPE_CHECKING:
    from pathlib import Path

    from graphlab.datasets.card import DatasetCard

__all__ = ["read_debdeps", "read_npz_set"]

_CSR = ("data", "indices", "indptr", "shape")
_TRAIN, _VAL, _TEST = 20, 500, 1000  # the shipped set's split: training nodes are of each class


def read_npz_set(folder: Path, card: DatasetCard) -> Arrays:
    """Read a set of one ``.npz``, in either of the two layouts in use.

    - Amazon and Coauthor [shchur2018]_: two CSR matrices ``adj_*`` and ``attr_*`` and ``labels``.
      Both directions of each edge, no self-loops; positive attributes become 1, as in PyG's
      loader (it changes Coauthor's word counts).
    - heterophilous and filtered sets [platonov2023]_: ``edges`` (m, 2), ``node_features``,
      ``node_labels`` and ten masks. Both directions of each edge.

    Args:
        folder: Folder of the set.
        card: The set; gives the file's name.

    Returns:
        Arrays in the layout of :mod:`graphlab.datasets.arrays`.

    Raises:
        DatasetCorrupt: The file is damaged or holds other arrays.
    """
    path = folder / card.required_files[0]
    with reading(path), np.load(path, allow_pickle=False) as content:
        keys = set(content.files)
    return _matrices(path) if "adj_indptr" in keys else _edge_list(path)


def _matrices(path: Path) -> Arrays:
    from scipy import sparse

    keys = [f"{name}_{part}" for name in ("adj", "attr") for part in _CSR]
    raw = read_npz(path, [*keys, "labels"])
    with reading(path):
        adjacency, attributes = (
            sparse.csr_matrix(tuple(raw[f"{name}_{p}"] for p in _CSR[:3]), raw[f"{name}_shape"])
            for name in ("adj", "attr")
        )
        attributes.sum_duplicates()
        attributes.data[attributes.data > 0] = 1
        coo = adjacency.tocoo()
        num_nodes = attributes.shape[0]
        return {
            "edge_index": entries(coo.row, coo.col, num_nodes, both=True, loops=False),
            "num_nodes": np.array(num_nodes),
            "y": raw["labels"].astype(np.int64),
            **sparse_feature_arrays(attributes),
        }


def _edge_list(path: Path) -> Arrays:
    stages = [f"{stage}_masks" for stage in ("train", "val", "test")]
    raw = read_npz(path, ["edges", "node_features", "node_labels", *stages])
    with reading(path):
        num_nodes = len(raw["node_labels"])
        source, target = raw["edges"].T
        return {
            "edge_index": entries(source, target, num_nodes, both=True, loops=True),
            "num_nodes": np.array(num_nodes),
            "y": raw["node_labels"].astype(np.int64),
            **feature_arrays(raw["node_features"]),
            **mask_arrays(*(raw[stage].T for stage in stages)),
        }


def read_debdeps(folder: Path, card: DatasetCard) -> Arrays:
    """Read the shipped set: dependencies between Debian source packages.

    Args:
        folder: Folder of the card.
        card: The set.

    Returns:
        Arrays in the layout of :mod:`graphlab.datasets.arrays`; both directions of each edge, and
        the fixed split: 20 nodes of each class train, of the rest 500 validate, 1000 are tested.
    """
    from scipy import sparse

    path = folder / card.required_files[0]
    raw = read_npz(path)
    with reading(path):
        num_nodes = len(raw["node_labels"])
        source, target = raw["edges"].T
        words = (np.ones(raw["feat_indices"].size, np.float32), raw["feat_indices"])
        x = sparse.csr_matrix((*words, raw["feat_indptr"]), tuple(raw["feat_shape"]))
        return {
            "edge_index": entries(source, target, num_nodes, both=True, loops=False),
            "num_nodes": np.array(num_nodes),
            "y": raw["node_labels"].astype(np.int64),
            "class_names": raw["class_names"],
            **sparse_feature_arrays(x),
            **mask_arrays(*_fixed_masks(raw["node_labels"], len(raw["class_names"]))),
        }


def _fixed_masks(labels: Array, num_classes: int) -> Array:
    """Masks (3, n): drawn by class with a constant seed, the same on every platform."""
    rng = np.random.default_rng(0)
    orders = [rng.permutation(np.flatnonzero(labels == label)) for label in range(num_classes)]
    pool = rng.permutation(np.concatenate([order[_TRAIN:] for order in orders]))
    masks = np.zeros((3, labels.size), bool)
    masks[0, np.concatenate([order[:_TRAIN] for order in orders])] = True
    masks[1, pool[:_VAL]] = True
    masks[2, pool[_VAL : _VAL + _TEST]] = True
    return masks
