"""Arrays of the user's own graph: many spellings in, the one layout of the readers out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from graphlab.datasets.arrays import feature_arrays, sparse_feature_arrays
from graphlab.datasets.tables import label_classes, read_labels, read_table
from graphlab.errors import CheckpointError, DatasetCorrupt, InputError

if TYPE_CHECKING:
    from pathlib import Path

    from graphlab.datasets.arrays import Array, Arrays, Ints

__all__ = ["read_user_arrays"]

_STAGES = ("train", "val", "test")
_KEYS = {
    "x": ("x", "features", "node_features", "node_feat"),
    "y": ("y", "labels", "node_labels", "node_label"),
    "num_nodes": ("num_nodes", "n"),
    **{f"{stage}_mask": (f"{stage}_mask", f"{stage}_masks") for stage in _STAGES},
}


def read_user_arrays(files: Mapping[str, Path], *, directed: bool) -> Arrays:
    """Read the files of a user's graph.

    Args:
        files: By role: ``graph`` (a container), or ``edges``, ``features``, ``labels``, ``train``,
            ``val``, ``test``; see :func:`graphlab.datasets.local.load_local`.
        directed: Edges of an edge list have a direction.

    Returns:
        Arrays in the layout of :mod:`graphlab.datasets.arrays`.

    Raises:
        InputError: Contents that are wrong or do not fit together.
        DatasetCorrupt: A damaged file.
    """
    if "graph" in files:
        return _container(files["graph"], directed=directed)
    edges = read_table(files["edges"])
    two_rows = files["edges"].stem.lower() == "edge_index" and len(edges) == 2
    content: dict[str, Any] = {"edge_index" if two_rows else "edges": edges}
    if "features" in files:
        content |= _feature_content(files["features"])
    if "labels" in files:
        labels = read_labels(files["labels"])
        content["y"] = labels.classes
        if labels.names is not None:
            content["class_names"] = np.array(labels.names)
        if labels.some_nodes:
            content["some_labels"] = True
    arrays = _arrays(content, files["edges"], directed=directed)
    if "train" in files:
        for stage in _STAGES:
            ids = _ids(read_table(files[stage]), files[stage], int(arrays["num_nodes"]))
            mask = np.zeros((int(arrays["num_nodes"]), 1), bool)
            mask[ids.reshape(-1)] = True
            arrays[f"{stage}_mask"] = mask
        _check_masks(arrays, files["train"])
    return arrays


def _feature_content(file: Path) -> dict[str, Any]:
    if file.suffix.lower() != ".npz":
        return {"x": read_table(file)}
    raw = _load(file)
    if {"data", "indices", "indptr", "shape"} <= set(raw):
        return {f"attr_{part}": raw[part] for part in ("data", "indices", "indptr", "shape")}
    if len(raw) == 1:
        return {"x": next(iter(raw.values()))}
    raise InputError(f"{file} holds {', '.join(raw)}: expected one array, or a scipy CSR matrix.")


def _load(file: Path) -> dict[str, Any]:
    from graphlab.io import safe_load

    try:
        content = safe_load(file)
    except CheckpointError as error:
        raise DatasetCorrupt(str(error)) from error
    if not isinstance(content, Mapping):
        raise InputError(
            f"{file} holds a {type(content).__name__}; expected a dictionary of tensors, as "
            "torch.save(data.to_dict(), path) writes it."
        )
    return dict(content)


def _container(file: Path, *, directed: bool) -> Arrays:
    plain = {
        str(name): _plain(value)
        for name, value in _load(file).items()
        if hasattr(value, "shape") or isinstance(value, int | list | tuple)
    }
    for wanted, names in _KEYS.items():
        found = [name for name in names if name in plain]
        if found:
            plain[wanted] = plain.pop(found[0])
    arrays = _arrays(plain, file, directed=directed)
    given = [stage for stage in _STAGES if f"{stage}_mask" in plain]
    if given and len(given) < len(_STAGES):
        raise InputError(f"{file} holds masks for {', '.join(given)} alone; give all three.")
    for stage in given:
        arrays[f"{stage}_mask"] = _mask(plain[f"{stage}_mask"], int(arrays["num_nodes"]), file)
    if given:
        _check_masks(arrays, file)
    return arrays


def _plain(value: Any) -> Array:  # noqa: ANN401  (tensor, array, number or list)
    """Return a numpy array; what it has no type for becomes float32."""
    if hasattr(value, "detach"):
        value = value.detach()
        if str(value.layout) != "torch.strided":
            value = value.to_dense()
        if str(value.dtype) == "torch.bfloat16":
            value = value.float()
    return np.asarray(value)


def _arrays(content: Mapping[str, Any], file: Path, *, directed: bool) -> Arrays:
    """Bring what was found into the layout of ``graphlab.datasets.arrays``."""
    features: Arrays = {}
    if "attr_indptr" in content:
        features = sparse_feature_arrays(_matrix(content, "attr", file))
    elif "x" in content:
        x = np.asarray(content["x"])
        if x.ndim == 1:
            x = x[:, None]
        if x.ndim != 2 or x.dtype.kind not in "biuf":
            raise InputError(f"{file}: features have shape {x.shape} and type {x.dtype}.")
        if not np.isfinite(x).all():
            row = int(np.argwhere(~np.isfinite(x))[0, 0])
            raise InputError(f"{file}: the features of node {row} are not finite.")
        features = feature_arrays(x)
    rows = _rows(content, features, file)
    pairs, weight = _edge_pairs(content, file, directed=directed)
    low, high = (int(pairs.min()), int(pairs.max())) if pairs.size else (0, -1)
    num_nodes = high + 1 if rows is None else rows
    if "some_labels" in content:
        content, num_nodes = _fill_labels(content, num_nodes, rows, file)
    if low < 0 or high >= num_nodes:
        wrong = low if low < 0 else high
        raise InputError(
            f"{file}: an edge names node {wrong}, but there are {num_nodes} nodes "
            f"(ids must be 0..{num_nodes - 1})."
        )
    arrays: Arrays = {"edge_index": pairs, "num_nodes": np.array(num_nodes), **features}
    if weight is not None:
        arrays["edge_weight"] = weight.astype(np.float32)
    if "y" in content:
        arrays |= _label_arrays(content, num_nodes, file)
    return arrays


def _fill_labels(
    content: Mapping[str, Any], num_nodes: int, rows: int | None, file: Path
) -> tuple[dict[str, Any], int]:
    """Give the nodes that the label file does not name the label -1."""
    y = content["y"]
    if rows is None:
        num_nodes = max(num_nodes, len(y))
    if len(y) > num_nodes:
        raise InputError(f"{file}: node {len(y) - 1} has a label, but there are {num_nodes} nodes.")
    full = np.full(num_nodes, -1, np.int64)
    full[: len(y)] = y
    return {**content, "y": full}, num_nodes


def _rows(content: Mapping[str, Any], features: Arrays, file: Path) -> int | None:
    """Number of nodes as features, labels or ``num_nodes`` say it; they must agree."""
    told = {}
    if features:
        told["features"] = int(
            features["x_shape"][0] if "x_shape" in features else len(features["x"])
        )
    if "num_nodes" in content:
        count = _integers(content["num_nodes"], file, "num_nodes")
        if count.size != 1:
            raise InputError(f"{file}: num_nodes has shape {count.shape}, expected one number.")
        told["num_nodes"] = int(count.reshape(()))
    if "y" in content and "some_labels" not in content:
        told["labels"] = len(content["y"])
    if len(set(told.values())) > 1:
        listed = ", ".join(f"{name}: {count}" for name, count in told.items())
        raise InputError(f"{file}: the numbers of nodes differ ({listed}).")
    return next(iter(told.values()), None)


def _edge_pairs(
    content: Mapping[str, Any], file: Path, *, directed: bool
) -> tuple[Ints, Array | None]:
    """Return entries (2, m) and weights."""
    weight = content.get("edge_weight")
    if "edge_index" in content:
        index = _integers(content["edge_index"], file, "edge_index")
        if index.ndim != 2 or index.shape[0] != 2:
            raise InputError(f"{file}: edge_index has shape {index.shape}, expected (2, m).")
        return index, _weights(weight, index.shape[1], file)
    if "adj_indptr" in content:
        coo = _matrix(content, "adj", file).tocoo()
        weight = None if bool((coo.data == 1).all()) else coo.data
        pairs = np.stack([coo.row, coo.col]).astype(np.int64)
        return pairs, _weights(weight, pairs.shape[1], file)
    if "edges" not in content:
        raise InputError(
            f"{file} holds {', '.join(sorted(content)) or 'nothing'}; it needs edge_index (2, m), "
            "edges (m, 2) or adj_data, adj_indices, adj_indptr, adj_shape."
        )
    rows = np.asarray(content["edges"])
    if rows.ndim != 2 or rows.shape[1] not in {2, 3}:
        raise InputError(
            f"{file}: edges have shape {rows.shape}, expected rows of source and target "
            "(and weight)."
        )
    if rows.shape[1] == 3:
        weight = rows[:, 2]
    pairs = _integers(rows[:, :2], file, "edges").T
    weight = _weights(weight, pairs.shape[1], file)
    return (pairs, weight) if directed else _both_directions(pairs, weight, file)


def _weights(weight: Array | None, count: int, file: Path) -> Array | None:
    """Check edge weights: one an entry, finite, not negative."""
    if weight is None:
        return None
    values = weight[:, 0] if weight.ndim == 2 and weight.shape[1] == 1 else weight
    if values.shape != (count,) or values.dtype.kind not in "biuf":
        raise InputError(
            f"{file}: edge weights have shape {values.shape}, expected ({count},), and type "
            f"{values.dtype}, expected numbers."
        )
    wrong = ~(np.isfinite(values) & (values >= 0))
    if wrong.any():
        raise InputError(
            f"{file}: an edge has the weight {values[wrong][0]:g}; weights must be finite and >= 0."
        )
    return values


def _both_directions(pairs: Ints, weight: Array | None, file: Path) -> tuple[Ints, Array | None]:
    """Store each edge in both directions, once; a loop once. Sorted by (source, target)."""
    both = np.concatenate([pairs, pairs[::-1]], axis=1)
    order = np.lexsort((both[1], both[0]))
    both = both[:, order]
    first = np.ones(both.shape[1], bool)
    first[1:] = (both[:, 1:] != both[:, :-1]).any(axis=0)
    if weight is None:
        return both[:, first], None
    twice = np.concatenate([weight, weight])[order]
    if not np.array_equal(twice[first][np.cumsum(first) - 1], twice):
        raise InputError(f"{file}: an edge is listed twice with different weights.")
    return both[:, first], twice[first]


def _label_arrays(content: Mapping[str, Any], num_nodes: int, file: Path) -> Arrays:
    y = np.asarray(content["y"])
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.shape != (num_nodes,):
        raise InputError(f"{file}: labels have shape {y.shape}, expected ({num_nodes},).")
    if y.dtype.kind == "f":
        y = np.where(np.isfinite(y), y, -1)
    if y.dtype.kind == "f" or "class_names" in content:
        y = _integers(y, file, "labels")
    if "class_names" in content:
        return {"y": y, "class_names": np.asarray(content["class_names"])}
    classes, names = label_classes([str(label) for label in y.tolist()])
    return {"y": classes} if names is None else {"y": classes, "class_names": np.array(names)}


def _mask(mask: Array, num_nodes: int, file: Path) -> Array:
    """Bring a mask to (n, S); columns and rows of stored splits are both accepted."""
    if mask.dtype.kind not in "biuf" or ((mask != 0) & (mask != 1)).any():
        raise InputError(f"{file}: a mask holds other values than true or false for each node.")
    if mask.ndim == 1 and mask.shape == (num_nodes,):
        return mask[:, None].astype(bool)
    if mask.ndim == 2 and num_nodes in mask.shape:
        return (mask if mask.shape[0] == num_nodes else mask.T).astype(bool)
    raise InputError(f"{file}: a mask has shape {mask.shape}, expected ({num_nodes},).")


def _check_masks(arrays: Arrays, file: Path) -> None:
    total = np.sum([arrays[f"{stage}_mask"] for stage in _STAGES], axis=0)
    if (total > 1).any():
        node = int((total > 1).any(axis=1).argmax())
        raise InputError(f"{file}: node {node} is in more than one of train, val and test.")


def _ids(table: Array, file: Path, num_nodes: int) -> Ints:
    ids = _integers(table, file, "node ids")
    if ids.size and (ids.min() < 0 or ids.max() >= num_nodes):
        wrong = int(ids.min() if ids.min() < 0 else ids.max())
        raise InputError(f"{file} names node {wrong} (ids must be 0..{num_nodes - 1}).")
    return ids


def _integers(values: Any, file: Path, what: str) -> Ints:  # noqa: ANN401  (array or list)
    array = np.asarray(values)
    if array.size == 0:
        return array.astype(np.int64)
    if array.dtype.kind in "iuf":
        with np.errstate(invalid="ignore"):  # of NaN and what passes 64 bits
            whole: Ints = array.astype(np.int64)
        if (whole == array).all():
            return whole
    raise InputError(f"{file}: {what} must be whole numbers (got type {array.dtype}).")


def _matrix(content: Mapping[str, Any], name: str, file: Path) -> Any:  # noqa: ANN401  (scipy)
    from scipy import sparse

    try:
        parts = tuple(content[f"{name}_{part}"] for part in ("data", "indices", "indptr"))
        return sparse.csr_matrix(parts, shape=tuple(int(v) for v in content[f"{name}_shape"]))
    except (KeyError, ValueError, TypeError) as error:
        raise InputError(f"{file}: {name}_* is not a whole CSR matrix.") from error
