"""Pseudo labels from few true ones: label propagation and iterative classification."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import torch

from graphlab.errors import InputError
from graphlab.ssl._input import ids_and_classes, structure, to_array
from graphlab.ssl._kernels import relational_sweeps

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graphlab.graph import Graph

__all__ = ["IterativeLabels", "iterative_classification", "label_propagation", "pseudo_labels"]


class IterativeLabels(NamedTuple):
    """Result of :func:`iterative_classification`.

    Args:
        labels: Class of every node (n,) int64.
        probs: Probabilities (n, C) float64; those of labelled nodes are 0 and 1.
    """

    labels: NDArray[np.int64]
    probs: NDArray[np.float64]


def label_propagation(
    edge_index: Any,  # noqa: ANN401  (whatever as_graph accepts)
    n: int,
    train_idx: Any,  # noqa: ANN401  (list, array or tensor)
    y_train: Any,  # noqa: ANN401
    iters: int = 30,
    *,
    n_classes: int | None = None,
) -> NDArray[np.float64]:
    r"""Spread labels over edges: :math:`\mathbf F \leftarrow \mathbf P \mathbf F + \mathbf B`.

    :math:`\mathbf P = \mathbf D^{-1} \mathbf A` with the rows of labelled nodes set to 0, and
    :math:`\mathbf B` the labels, so that a labelled node keeps its own.

    Args:
        edge_index: The edges; undirected, loops and repeats change nothing.
        n: Number of nodes.
        train_idx: Labelled nodes.
        y_train: Their classes.
        iters: Iterations, from F = 0.
        n_classes: Columns; default: the largest class plus one. A class without a labelled node
            has a column of zeros.

    Shapes:
        - returns: (n, C) float64; a row of zeros where no label arrives

    Raises:
        InputError: Ids outside the graph, negative iterations.

    Cost: O(iters m C).

    Example:
        >>> path = [[0, 1, 1, 2], [1, 0, 2, 1]]
        >>> label_propagation(path, 4, [0, 2], [0, 1]).tolist()
        [[1.0, 0.0], [0.5, 0.5], [0.0, 1.0], [0.0, 0.0]]
    """
    import scipy.sparse

    if iters < 0:
        raise InputError(f"iters is {iters}; expected 0 or more.")
    graph = structure(edge_index, n)
    ids, classes, width = ids_and_classes(train_idx, y_train, n, n_classes)
    degree = graph.degree().numpy()
    share = 1.0 / np.maximum(degree, 1)
    share[ids] = 0.0
    indptr, columns = graph.indptr.numpy(), graph.indices.numpy()
    walk = scipy.sparse.csr_array((np.repeat(share, degree), columns, indptr), shape=(n, n))
    fixed = np.zeros((n, width))
    fixed[ids, classes] = 1.0
    state = np.zeros((n, width))
    for _ in range(iters):
        state = walk @ state
        state += fixed
    return state


def iterative_classification(
    edge_index: Any,  # noqa: ANN401  (whatever as_graph accepts)
    x: Any,  # noqa: ANN401  (tensor, array or scipy sparse)
    train_idx: Any,  # noqa: ANN401  (list, array or tensor)
    y_train: Any,  # noqa: ANN401
    *,
    n_classes: int | None = None,
    sweeps: int = 10,
) -> IterativeLabels:
    """Iterative classification: features first, then features and the labels around [lu2003]_.

    A logistic regression on the features predicts all unlabelled nodes. A second one on features
    and counts of the neighbours' labels is fitted to the labelled nodes; with it the unlabelled
    nodes are predicted anew, one by one in ascending order, each with the labels of the moment.

    Args:
        edge_index: The edges; undirected, loops and repeats change nothing.
        x: Features (n, F).
        train_idx: Labelled nodes.
        y_train: Their classes.
        n_classes: Columns of the probabilities; default: the largest class plus one.
        sweeps: Passes over the unlabelled nodes.

    Raises:
        InputError: No labelled node; ids outside the graph; features of another length.

    Cost: two regressions on the labelled nodes, and O(sweeps (m + n C^2)): the part of the
    features in the prediction never changes, so it is computed once.

    Example:
        >>> x, edges = [[1.0], [0.0], [1.0], [0.0]], [[0, 2, 1, 3], [2, 0, 3, 1]]
        >>> iterative_classification(edges, x, [0, 3], [0, 1]).labels.tolist()
        [0, 1, 0, 1]
    """
    if sweeps < 1:
        raise InputError(f"sweeps is {sweeps}; expected 1 or more.")
    graph = structure(edge_index, n := _rows_of(x))
    ids, classes, width = ids_and_classes(train_idx, y_train, n, n_classes)
    if not ids.size:
        raise InputError("train_idx is empty: iterative classification needs a labelled node.")
    features = _matrix(x)
    present, slots = np.unique(classes, return_inverse=True)
    local = _Regression.fit(features[ids], slots, present.size)
    labels = np.ascontiguousarray((local.logits(features)).argmax(1))
    labels[ids] = slots
    counts = _label_counts(graph, labels, present.size)
    relational = _Regression.fit(_beside(features[ids], counts[ids]), slots, present.size)
    free = np.ones(n, bool)
    free[ids] = False
    split = features.shape[1]
    base = np.ascontiguousarray(features @ relational.weight[:, :split].T + relational.bias)
    logits = np.zeros((n, present.size))
    relational_sweeps(
        graph.indptr.numpy(),
        graph.indices.numpy(),
        np.flatnonzero(free),
        base,
        np.ascontiguousarray(relational.weight[:, split:]),
        labels,
        logits,
        sweeps,
    )
    probs = np.zeros((n, width))
    exp = np.exp(logits - logits.max(1, keepdims=True))
    probs[:, present] = exp / exp.sum(1, keepdims=True)
    probs[ids] = 0.0
    probs[ids, classes] = 1.0
    return IterativeLabels(present[labels], probs)


def pseudo_labels(
    source: Literal["lp", "ica", "ensemble"],
    edge_index: Any,  # noqa: ANN401
    x: Any,  # noqa: ANN401
    train_idx: Any,  # noqa: ANN401
    y_train: Any,  # noqa: ANN401
    *,
    n_classes: int,
    fill: Literal["none", "first"] = "none",
    compat: Literal["official"] | None = None,
) -> NDArray[np.int64]:
    """Label every node by one of the two methods, or by the sum of their probabilities.

    Labelled nodes keep their labels; the lowest class wins a tie.

    Args:
        source: ``"lp"``, ``"ica"`` or ``"ensemble"``.
        edge_index: The edges.
        x: Features (n, F); label propagation alone needs none.
        train_idx: Labelled nodes.
        y_train: Their classes.
        n_classes: Number of classes.
        fill: What a node gets that no label reaches, by propagation alone: -1, or the first class.
        compat: ``"official"`` adds the probabilities of the ensemble as the authors' code stacks
            them, labelled nodes before unlabelled ones: of other nodes, unless the labelled ones
            are the first. It breaks ties by the order in which classes first appear.

    Shapes:
        - returns: (n,) int64, -1 for none
    """
    ids, classes, _ = ids_and_classes(train_idx, y_train, n := _count(edge_index, x), n_classes)
    order = np.arange(n_classes)
    if compat == "official":
        seen = list(dict.fromkeys(classes.tolist()))
        order = np.array(seen + [c for c in range(n_classes) if c not in set(seen)], np.int64)
    if source == "ica":
        return iterative_classification(edge_index, x, ids, classes, n_classes=n_classes).labels
    scores = label_propagation(edge_index, n, ids, classes, n_classes=n_classes)
    empty = scores.sum(1) == 0
    if source == "ensemble":
        other = iterative_classification(edge_index, x, ids, classes, n_classes=n_classes).probs
        if compat == "official":
            other = other[np.append(ids, np.setdiff1d(np.arange(n), ids))]
        scores = scores + other
        empty = np.zeros(n, bool)
    labels = order[scores[:, order].argmax(1)]
    labels[empty] = order[0] if fill == "first" or compat == "official" else -1
    labels[ids] = classes
    found: NDArray[np.int64] = labels
    return found


@dataclass(frozen=True)
class _Regression:
    """Logistic regression of K classes as one matrix, of one class as nothing."""

    weight: NDArray[np.float64]
    bias: NDArray[np.float64]

    @classmethod
    def fit(cls, features: Any, slots: NDArray[np.int64], width: int) -> _Regression:  # noqa: ANN401
        if width == 1:  # nothing to tell apart
            return cls(np.zeros((1, features.shape[1])), np.zeros(1))
        from sklearn.linear_model import LogisticRegression
        from threadpoolctl import threadpool_limits

        # its steps are on short vectors: threads that wait for each other take ten times as long
        with threadpool_limits(1, user_api="blas"):
            found = LogisticRegression().fit(features, slots)
        weight, bias = found.coef_, found.intercept_
        if width == 2:
            weight = np.concatenate([np.zeros_like(weight), weight])
            bias = np.concatenate([np.zeros_like(bias), bias])
        return cls(weight, bias)

    def logits(self, features: Any) -> NDArray[np.float64]:  # noqa: ANN401
        found: NDArray[np.float64] = features @ self.weight.T + self.bias
        return found


def _label_counts(graph: Graph, labels: NDArray[np.int64], width: int) -> NDArray[np.float64]:
    onehot = np.zeros((labels.size, width))
    onehot[np.arange(labels.size), labels] = 1.0
    found: NDArray[np.float64] = graph.to_scipy().astype(np.float64) @ onehot
    return found


def _matrix(x: Any) -> Any:  # noqa: ANN401
    """Return float64 features: a scipy CSR array where they are sparse, else a numpy array."""
    import scipy.sparse

    if isinstance(x, torch.Tensor) and x.layout != torch.strided:
        x = x.to_sparse_csr() if x.layout == torch.sparse_coo else x
        parts = (x.values().cpu().numpy(), x.col_indices().cpu().numpy())
        x = scipy.sparse.csr_array((*parts, x.crow_indices().cpu().numpy()), shape=tuple(x.shape))
    elif not scipy.sparse.issparse(x):
        x = to_array(x)
    values = x.data if scipy.sparse.issparse(x) else x
    if not np.isfinite(values).all():
        raise InputError("x holds values that are NaN or infinite. Replace them.")
    return x.astype(np.float64) if not scipy.sparse.issparse(x) else x.tocsr().astype(np.float64)


def _beside(features: Any, counts: NDArray[np.float64]) -> Any:  # noqa: ANN401
    import scipy.sparse

    if scipy.sparse.issparse(features):
        return scipy.sparse.hstack([features, scipy.sparse.csr_array(counts)], format="csr")
    return np.concatenate([features, counts], axis=1)


def _rows_of(x: Any) -> int:  # noqa: ANN401
    return int(x.shape[0]) if hasattr(x, "shape") else len(x)


def _count(edge_index: Any, x: Any) -> int:  # noqa: ANN401
    known = getattr(edge_index, "num_nodes", None)
    return int(known) if known is not None else _rows_of(x)
