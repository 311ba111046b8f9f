"""What pretext tasks see of a data set: features, edges, labels of training nodes, nothing else."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from graphlab.errors import InputError
from graphlab.graph import as_graph

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graphlab.graph import Graph

__all__ = ["PretextInput", "check_finite", "ids_and_classes", "read_data", "structure", "to_array"]


@dataclass(frozen=True)
class PretextInput:
    """Inputs of a pretext task.

    Args:
        x: Features (n, F), dense or torch sparse CSR, or None.
        graph: What the model sees.
        train_index: Ids of the labelled nodes, ascending.
        train_target: Their classes.
        num_classes: Number of classes; of the labelled nodes where the data do not say.
        seed: Of everything drawn.
    """

    x: Tensor | None
    graph: Graph
    train_index: Tensor
    train_target: Tensor
    num_classes: int
    seed: int = 0

    @property
    def num_nodes(self) -> int:
        """Number of nodes."""
        return self.graph.num_nodes

    @property
    def device(self) -> torch.device:
        """Where the model computes."""
        return self.graph.device

    @cached_property
    def simple(self) -> Graph:
        """Undirected simple graph on the CPU."""
        return structure(self.graph)

    @cached_property
    def unlabelled(self) -> Tensor:
        """Ids of all other nodes, ascending, on the CPU."""
        free = torch.ones(self.num_nodes, dtype=torch.bool)
        free[self.train_index.cpu()] = False
        return free.nonzero().squeeze(1)


def structure(graph: Any, num_nodes: int | None = None) -> Graph:  # noqa: ANN401
    """Return the undirected simple graph on the CPU; warn where directions were dropped."""
    given = as_graph(graph, num_nodes).to("cpu")
    simple = given.simple()
    if simple.num_edges and not given.is_undirected():
        n = given.num_nodes
        row, col = given.edge_index
        distinct = torch.unique(row[row != col] * n + col[row != col]).numel()
        if distinct != simple.num_edges:
            warnings.warn(
                f"the graph is directed ({distinct} of {simple.num_edges} entries of both "
                "directions are there); pretext targets take it as undirected.",
                stacklevel=3,
            )
    return simple


def read_data(data: Any, mask: Any, *, seed: int = 0) -> PretextInput:  # noqa: ANN401
    """Read a data set and a training mask; labels outside the mask are not looked at.

    Raises:
        InputError: No boolean mask of length n, features that are not finite, labels missing.
    """
    if isinstance(data, PretextInput):
        return data
    whole = getattr(data, "graph", data)  # a loaded set holds its graph
    x = getattr(whole, "features", None)
    x = getattr(whole, "x", None) if x is None else x
    graph = as_graph(whole, None if x is None else x.shape[0])
    n = graph.num_nodes
    chosen = _mask(mask, n)
    x = None if x is None else _features(x, n)
    index = chosen.nonzero().squeeze(1)
    y = getattr(whole, "y", None)
    if y is None:
        if index.numel():
            raise InputError("data has no labels y, but the mask names training nodes.")
        target = torch.empty(0, dtype=torch.int64)
    else:
        target = torch.as_tensor(y).reshape(-1)[index.to(torch.as_tensor(y).device)]
        target = target.to(torch.int64)
    known = getattr(data, "num_classes", None)
    known = known if isinstance(known, int) and known > 0 else None
    largest = int(target.max()) + 1 if target.numel() else 0
    if target.numel() and int(target.min()) < 0:
        raise InputError(f"a training node has the label {int(target.min())}; expected 0 or more.")
    if known is not None and largest > known:
        raise InputError(f"a training node has the class {largest - 1}, but there are {known}.")
    bare = graph.with_features(None).with_labels(None)
    return PretextInput(x, bare, index, target, known or largest, seed)


def check_finite(x: Tensor) -> None:
    """Refuse features that are NaN or infinite."""
    values = x if x.layout == torch.strided else x.values()
    wrong = int((~torch.isfinite(values)).sum())
    if wrong:
        raise InputError(f"x holds {wrong} values that are NaN or infinite. Replace them.")


def ids_and_classes(
    train_idx: Any,  # noqa: ANN401  (list, array or tensor)
    y_train: Any,  # noqa: ANN401
    n: int,
    n_classes: int | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Return ids, classes, and the number of classes, checked.

    Raises:
        InputError: Other lengths, ids outside 0..n-1 or twice, a negative class.
    """
    ids, classes = to_array(train_idx).astype(np.int64), to_array(y_train).astype(np.int64)
    if ids.ndim != 1 or ids.shape != classes.shape:
        raise InputError(
            f"train_idx has shape {ids.shape} and y_train {classes.shape}; expected one class for "
            "each labelled node."
        )
    if ids.size and (ids.min() < 0 or ids.max() >= n):
        wrong = ids.min() if ids.min() < 0 else ids.max()
        raise InputError(f"train_idx holds {wrong}, but n is {n} (ids must be 0..{n - 1}).")
    if np.unique(ids).size != ids.size:
        raise InputError("train_idx names a node twice.")
    if classes.size and classes.min() < 0:
        raise InputError(f"y_train holds {classes.min()}; classes are 0, 1, ...")
    needed = int(classes.max()) + 1 if classes.size else 0
    if n_classes is not None and needed > n_classes:
        raise InputError(f"y_train holds class {needed - 1}, but n_classes is {n_classes}.")
    return ids, classes, needed if n_classes is None else n_classes


def to_array(value: Any) -> NDArray[Any]:  # noqa: ANN401  (list, array or tensor)
    """Return a numpy array; tensors of any device."""
    return value.detach().cpu().numpy() if isinstance(value, Tensor) else np.asarray(value)


def _mask(mask: Any, n: int) -> Tensor:  # noqa: ANN401
    chosen = torch.as_tensor(mask)
    if chosen.dtype != torch.bool or chosen.shape != (n,):
        raise InputError(
            f"mask has type {chosen.dtype} and shape {tuple(chosen.shape)}; expected a boolean "
            f"mask of the {n} nodes."
        )
    return chosen


def _features(x: Any, n: int) -> Tensor:  # noqa: ANN401  (tensor, array or scipy sparse)
    if hasattr(x, "tocsr"):
        given = x.tocsr()
        x = torch.sparse_csr_tensor(
            torch.as_tensor(given.indptr, dtype=torch.int64),
            torch.as_tensor(given.indices, dtype=torch.int64),
            torch.as_tensor(given.data),
            given.shape,
            check_invariants=False,
        )
    x = torch.as_tensor(x)
    if x.layout == torch.sparse_coo:
        x = x.to_sparse_csr()
    if x.dim() != 2 or x.shape[0] != n:
        raise InputError(f"x has shape {tuple(x.shape)}; expected a row for each of {n} nodes.")
    found: Tensor = x if x.is_floating_point() else x.to(torch.float32)
    check_finite(found)
    return found
