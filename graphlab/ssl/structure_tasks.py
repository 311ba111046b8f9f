"""Pretext tasks about edges: properties of nodes, masked edges, distances."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from graphlab.errors import InputError
from graphlab.graph import as_graph
from graphlab.ssl.base import Compat, PretextTask, mean_of_classes
from graphlab.ssl.distances import PairSampler, distance2labeled_target, distances_to
from graphlab.ssl.partition import Partition, cluster_centres, partition_labels
from graphlab.ssl.properties import closeness, pagerank

if TYPE_CHECKING:
    from graphlab.ssl._input import PretextInput

__all__ = [
    "Distance2Clusters",
    "Distance2Labeled",
    "EdgeMask",
    "NodeProperty",
    "PairwiseDistance",
]

_LOW, _HIGH = 2, 7  # degrees up to 2, 3 to 7, above


class NodeProperty(PretextTask):
    """Tell the degree of a node: of three classes, or as a number.

    ``target``: class of the degree (n,) int64, 0 up to 2, 1 up to 7, 2 above; for regression the
    property itself (n,) float32. Loss: mean cross entropy, or mean squared error, of all nodes.

    Args:
        property: ``"degree"``, ``"pagerank"`` (damping 0.85) or ``"closeness"``.
        kind: ``"class"``, of the degree alone, ``"regression"``, or ``"auto"``: classes of the
            degree, numbers of the others.
        compat: No effect here: the authors' classes of PageRank and closeness are all 0.

    Example:
        >>> from graphlab.graph import as_graph
        >>> star = as_graph([[0, 0, 0], [1, 2, 3]]).simple()
        >>> NodeProperty().prepare(star, torch.zeros(4, dtype=torch.bool)).target.tolist()
        [1, 0, 0, 0]
    """

    name = "nodeproperty"

    def __init__(
        self,
        property: Literal["degree", "pagerank", "closeness"] = "degree",
        kind: Literal["auto", "class", "regression"] = "auto",
        *,
        compat: Compat = None,
    ) -> None:
        super().__init__(compat=compat)
        if property not in ("degree", "pagerank", "closeness"):
            raise InputError(f"property is {property!r}; expected degree, pagerank or closeness.")
        if kind not in ("auto", "class", "regression"):
            raise InputError(f"kind is {kind!r}; expected auto, class or regression.")
        if kind == "class" and property != "degree":
            raise InputError(
                f"kind is 'class', but classes are defined of the degree, not {property}."
            )
        self.property = property
        self.kind = kind if kind != "auto" else "class" if property == "degree" else "regression"

    def _targets(self, data: PretextInput, dataset: str) -> int:
        graph = data.simple
        if self.property == "degree":
            value = graph.degree()
        else:
            computed = pagerank(graph) if self.property == "pagerank" else closeness(graph)
            value = torch.from_numpy(computed)
        if self.kind == "class":
            value = (value > _LOW).long() + (value > _HIGH).long()
            self.target = value.to(data.device)
            return 3
        self.target = value.to(torch.float32).to(data.device)
        return 1

    def _loss(self, h: Tensor, *, dropout: bool) -> Tensor:
        scores = self._head(h)
        if self.kind == "class":
            return F.cross_entropy(scores, self.target)
        return F.mse_loss(scores.squeeze(1), self.target)


class EdgeMask(PretextTask):
    """Hide some edges and tell them from pairs without an edge.

    ``pairs``: the hidden edges, then as many drawn non-edges (2, 2 k); ``target``: 1 and 0. The
    hidden edges are missing in the transformed graph. Loss: mean cross entropy.

    Args:
        fraction: Share of the edges that is hidden, once.
        compat: ``"official"`` hides entries of one direction, so that most of them are still there
            in the other.

    Raises:
        InputError: In ``prepare``: no edge, or fewer pairs without an edge than hidden ones.

    Example:
        >>> ring = [[0, 1, 2, 3, 4], [1, 2, 3, 4, 0]]
        >>> from graphlab.graph import as_graph
        >>> graph, nobody = as_graph(ring).simple(), torch.zeros(5, dtype=torch.bool)
        >>> task = EdgeMask(fraction=0.2).prepare(graph, nobody)
        >>> task.transform(graph)[1].shape, task.target.tolist()
        (torch.Size([2, 8]), [1, 0])
    """

    name = "edgemask"

    def __init__(self, fraction: float = 0.1, *, compat: Compat = None) -> None:
        super().__init__(compat=compat)
        self.fraction = share("fraction", fraction)

    def _targets(self, data: PretextInput, dataset: str) -> int:
        graph, n = data.simple, data.num_nodes
        self._need_edges(graph)
        row, col = graph.edge_index
        keys = row * n + col
        candidates = keys if self.compat == "official" else keys[row < col]
        # what is kept is rounded down, as in the authors' code
        count = candidates.numel() - int((1 - self.fraction) * candidates.numel())
        order = torch.randperm(candidates.numel(), generator=self._generator("edges"))
        hidden = candidates[order[:count]]
        self._hidden = hidden
        if self.compat != "official":
            self._hidden = torch.cat([hidden, (hidden % n) * n + hidden // n])
        absent = self._non_edges(keys, n, count)
        both = torch.cat([hidden, absent])
        self.pairs = torch.stack([both // n, both % n]).to(data.device)
        self.target = torch.cat([torch.ones(count), torch.zeros(count)]).long().to(data.device)
        self._kept: dict[int, tuple[Any, Any]] = {}
        return 2

    def _non_edges(self, keys: Tensor, n: int, count: int) -> Tensor:
        free = n * (n - 1) - keys.numel()
        if free < 2 * count:
            raise InputError(
                f"EdgeMask hides {count} edges, but only {free // 2} pairs of nodes have no edge. "
                "Lower fraction."
            )
        generator, found = self._generator("non-edges"), keys[:0]
        while found.numel() < count:
            drawn = torch.randint(n * n, (4 * count,), generator=generator)
            low, high = torch.minimum(drawn // n, drawn % n), torch.maximum(drawn // n, drawn % n)
            drawn = (low * n + high)[low < high]
            drawn = drawn[~torch.isin(drawn, keys)]
            found = torch.unique(torch.cat([found, drawn]))
        order = torch.randperm(found.numel(), generator=generator)
        return found[order[:count]]

    def transform_parts(self, x: Any, graph: Any) -> tuple[Any, Any]:  # noqa: ANN401
        """Leave the hidden edges out; a graph stays a graph, an edge list an edge list."""
        known = self._kept.get(id(graph))
        if known is not None and known[0] is graph:
            return x, known[1]
        whole = as_graph(graph, self.data.num_nodes)
        index = whole.edge_index
        hidden = torch.isin(index[0] * whole.num_nodes + index[1], self._hidden.to(index.device))
        given: Any = index[:, ~hidden]
        if graph is whole:
            weight = None if whole.edge_weight is None else whole.edge_weight[~hidden]
            given = as_graph(given, whole.num_nodes, edge_weight=weight)
        self._kept = {id(graph): (graph, given)}
        return x, given

    def _loss(self, h: Tensor, *, dropout: bool) -> Tensor:
        return F.cross_entropy(self._pair_scores(h, self.pairs), self.target)


class PairwiseDistance(PretextTask):
    """Tell how many hops two nodes are apart: 1, 2, 3, or more.

    ``pairs``: pairs i < j of the epoch (2, P); ``target``: their classes 0, 1, 2, 3 (P,), 3 where
    there is no path. Loss: cross entropy, each class with the same weight.

    Args:
        max_class: Number of classes.
        per_class: Pairs drawn of each class in each epoch; all where there are fewer.
        compat: ``"official"``: see :func:`pairwise_distance_classes`.

    Example:
        >>> from graphlab.graph import as_graph
        >>> path, nobody = as_graph([[0, 1], [1, 2]]), torch.zeros(3, dtype=torch.bool)
        >>> task = PairwiseDistance().prepare(path.simple(), nobody)
        >>> task.pairs.tolist(), task.target.tolist()
        ([[0, 1, 0], [1, 2, 2]], [0, 0, 1])
    """

    name = "pairwisedistance"

    def __init__(self, max_class: int = 4, per_class: int = 4000, *, compat: Compat = None) -> None:
        super().__init__(compat=compat)
        self.max_class, self.per_class = at_least("max_class", max_class, 2), per_class
        at_least("per_class", per_class, 1)

    def _targets(self, data: PretextInput, dataset: str) -> int:
        self._need_edges(data.simple)
        self._sampler = PairSampler(data.simple, self.max_class, compat=self.compat)
        self.start_epoch(0)
        return self.max_class

    def start_epoch(self, epoch: int) -> None:
        """Draw the pairs of an epoch."""
        super().start_epoch(epoch)
        pairs, classes = self._sampler.sample(self.per_class, self._generator(str(epoch)))
        self.pairs = torch.from_numpy(pairs).to(self.data.device)
        self.target = torch.from_numpy(classes).to(self.data.device)

    def _loss(self, h: Tensor, *, dropout: bool) -> Tensor:
        return mean_of_classes(self._pair_scores(h, self.pairs), self.target)


class Distance2Clusters(PretextTask):
    """Tell how near a node is to the centre of each part of the graph.

    ``target``: 1 / distance to the node of most neighbours within each part (n, C) float32; 0
    without a path, and for the centre itself. Loss: mean squared error of all nodes.

    Args:
        num_clusters: Parts; None: 10, for PubMed 30, as in the authors' code.
        partition: A part for each node (array of n integers, such as METIS gives), a function of
            the graph that returns one, ``"louvain"``, or ``"bfs"``: equal pieces of a
            breadth-first order. None: ``"bfs"``, and ``notes`` says so.
        compat: ``"official"`` takes a centre's place within its part for the id of a node.

    Raises:
        InputError: In ``prepare``: a partition of another length; more parts than nodes.

    Example:
        >>> from graphlab.graph import as_graph
        >>> path, nobody = as_graph([[0, 1], [1, 2]]).simple(), torch.zeros(3, dtype=torch.bool)
        >>> Distance2Clusters(partition=[0, 0, 1]).prepare(path, nobody).target.tolist()
        [[0.0, 0.5], [1.0, 1.0], [0.5, 0.0]]
    """

    name = "distance2clusters"

    def __init__(
        self,
        num_clusters: int | None = None,
        partition: Partition = None,
        *,
        compat: Compat = None,
    ) -> None:
        super().__init__(compat=compat)
        self.num_clusters = (
            None if num_clusters is None else at_least("num_clusters", num_clusters, 1)
        )
        self.partition = partition

    def _targets(self, data: PretextInput, dataset: str) -> int:
        wanted = self.num_clusters or (30 if dataset == "pubmed" else 10)
        found = partition_labels(data.simple, self.partition, wanted, data.seed)
        if self.partition is None:
            self.notes.append(
                "partition: equal pieces of a breadth-first order; give the labels of METIS for "
                "the authors' partition"
            )
        self.membership = torch.from_numpy(found)
        self.centres = cluster_centres(data.simple, found, compat=self.compat)
        if data.simple.num_edges == 0:
            target = np.zeros((data.num_nodes, self.centres.size), np.float32)
        else:
            target = distances_to(data.simple, self.centres)
        self.target = torch.from_numpy(target).to(data.device)
        return int(self.centres.size)

    def _loss(self, h: Tensor, *, dropout: bool) -> Tensor:
        return F.mse_loss(self._head(h), self.target)


class Distance2Labeled(PretextTask):
    """Tell how near a node is to the labelled nodes of each class.

    ``target``: see :func:`distance2labeled_target`, (n, C) float32. Loss: mean squared error of the
    nodes without a label.

    Args:
        compat: No effect here.

    Example:
        >>> from graphlab.graph import as_graph
        >>> path = as_graph([[0, 1], [1, 2]]).simple().with_labels(torch.tensor([0, 5, 1]))
        >>> task = Distance2Labeled().prepare(path, torch.tensor([True, False, True]))
        >>> task.target.tolist()
        [[0.0, 0.5], [1.0, 1.0], [0.5, 0.0]]
    """

    name = "distance2labeled"

    def _targets(self, data: PretextInput, dataset: str) -> int:
        self._check_labels(data)
        target = distance2labeled_target(
            data.simple,
            data.num_nodes,
            data.train_index,
            data.train_target,
            n_classes=data.num_classes,
        )
        self.target = torch.from_numpy(target).to(data.device)
        self._rows = data.unlabelled.to(data.device)
        return data.num_classes

    def _check_labels(self, data: PretextInput) -> None:
        if not data.train_index.numel():
            raise InputError("Distance2Labeled needs a labelled node, but the mask names none.")

    def _loss(self, h: Tensor, *, dropout: bool) -> Tensor:
        return mean_square(self._head(h)[self._rows], self.target[self._rows])


def mean_square(found: Tensor, expected: Tensor) -> Tensor:
    """Return the mean squared error, 0 of nothing."""
    return F.mse_loss(found, expected) if expected.numel() else found.sum() * 0


def share(name: str, value: float) -> float:
    """Return a share in (0, 1), or say that it is none."""
    if not 0 < value < 1:
        raise InputError(f"{name} is {value!r}; expected a number between 0 and 1.")
    return float(value)


def at_least(name: str, value: int, least: int) -> int:
    """Return an integer of at least some size, or say that it is none."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InputError(f"{name} is {value!r}; expected an integer >= {least}.")
    return value
