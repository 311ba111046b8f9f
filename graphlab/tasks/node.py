"""Node classification: one graph, labels on some nodes, the rest to be predicted."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from graphlab.errors import InputError
from graphlab.metrics.classification import ACCURACY, ROC_AUC, LabelMetric
from graphlab.registry import nearest, register_task
from graphlab.seeding import numpy_generator
from graphlab.tasks._features import digest_of, model_features
from graphlab.tasks.base import Predictions, Stage
from graphlab.transforms.components import principal_components
from graphlab.transforms.features import append_features, check_added_features, row_normalize

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from graphlab.datasets import LoadedData
    from graphlab.graph import Graph

__all__ = ["NodeBatch", "NodeClassification", "NodeInputs", "NodeProblem"]

_METRICS: dict[str, LabelMetric] = {"acc": ACCURACY, "rocauc": ROC_AUC}
_BINARY = 2


@dataclass(frozen=True)
class NodeInputs:
    """What a model sees of every node, whatever the stage: no label is in it.

    Args:
        x: Node features (n, F), dense or torch sparse CSR.
        graph: Structure alone; its ``y`` and ``features`` are None.
    """

    x: Tensor
    graph: Graph

    @cached_property
    def digest(self) -> str:
        """SHA-256 of features, edges and weights. Cost: one pass, at first use."""
        return digest_of(self.x, self.graph.edge_index, self.graph.edge_weight)


@dataclass(frozen=True)
class NodeBatch:
    """The labelled nodes of one stage.

    Args:
        inputs: Features and structure of all nodes.
        index: Ids of the labelled nodes (B,) int64; ascending, but in batches of an epoch.
        target: Their classes (B,) int64.
    """

    inputs: NodeInputs
    index: Tensor
    target: Tensor


@dataclass(frozen=True)
class NodeProblem:
    """Node classification on one graph under one split.

    Args:
        train: Inputs and training labels; no other label can be reached from it.
        val: The same for validation.
        test: The same for test.
        num_classes: Number of classes C.
        metrics: What is reported.
        split_digest: SHA-256 of the split.
        seed: Seed of the split.
        dataset: Name of the data set, for settings that belong to it.
    """

    train: NodeBatch
    val: NodeBatch
    test: NodeBatch
    num_classes: int
    metrics: tuple[LabelMetric, ...]
    split_digest: str
    seed: int
    dataset: str = ""

    @property
    def inputs(self) -> NodeInputs:
        """Features and structure, shared by the stages."""
        return self.train.inputs

    @property
    def data_digest(self) -> str:
        """SHA-256 of what training and selection see: a checkpoint of other data is refused."""
        seen = (self.train.index, self.train.target, self.val.index, self.val.target)
        return f"{self.inputs.digest}-{digest_of(*seen)}"

    @property
    def sizes(self) -> dict[str, int]:
        """Labelled nodes of each stage."""
        return {s: getattr(self, s).index.numel() for s in ("train", "val", "test")}


@register_task(
    "node",
    protocols=("public", "geom-gcn", "random-20-30", "random-20-30-lcc", "stored-10", "official"),
)
class NodeClassification:
    """Transductive node classification on one graph.

    Models return logits or log-probabilities (n, C); the loss is cross entropy, which is the
    same for both. Features and edges of all nodes are visible in training, labels of the
    training nodes alone.

    Args:
        protocol: How nodes are split; ids of ``graphlab.datasets.splits``.
        feature_norm: ``"row"`` divides each feature row by its sum; zero rows stay zero.
        sparse_features: Keep features as sparse CSR where under 10 % of them are nonzero and
            the model takes it; the result is the same up to rounding and the dropout stream.
        metric: ``"acc"`` or ``"rocauc"``; None takes what the data set's card says.
        add_features: Computed of the graph and appended after the normalisation; a set without
            features has these alone. ``"orbit-counts"``, see
            :func:`graphlab.transforms.features.append_features`.
        feature_pca: Replaces the features by so many principal components, of all nodes, after the
            rest. The model then takes these alone and cannot be used on other features. None keeps
            them as they are.
        batch_size: Training nodes a step, in an order drawn anew each epoch; None takes all in one
            step. Every step encodes the whole graph, and scores its nodes. A model with
            ``scores_nodes`` is asked for these alone, at every stage.

    Example:
        >>> NodeClassification("public", feature_norm="row")
        NodeClassification('public', feature_norm='row', sparse_features=True, metric=None)
    """

    name: str
    add_features: tuple[str, ...] = ()
    feature_pca: int | None = None
    batch_size: int | None = None

    def __init__(
        self,
        protocol: str = "public",
        *,
        feature_norm: Literal["none", "row"] = "none",
        sparse_features: bool = True,
        metric: Literal["acc", "rocauc"] | None = None,
        add_features: Sequence[Literal["orbit-counts"]] = (),
        feature_pca: int | None = None,
        batch_size: int | None = None,
    ) -> None:
        if feature_norm not in {"none", "row"}:
            raise InputError(f"feature_norm is {feature_norm!r}; expected 'none' or 'row'.")
        self.protocol = protocol
        self.feature_norm = feature_norm
        self.sparse_features = sparse_features
        self.metric = metric
        added = check_added_features(add_features)
        if added:  # else not an attribute of its own: what has none keeps its checkpoints
            self.add_features = added
        if feature_pca is not None:  # likewise
            if isinstance(feature_pca, bool) or feature_pca < 1:
                raise InputError(f"feature_pca is {feature_pca!r}; expected an integer >= 1.")
            self.feature_pca = feature_pca
        if batch_size is not None:  # likewise
            if isinstance(batch_size, bool) or batch_size < 1:
                raise InputError(f"batch_size is {batch_size!r}; expected an integer >= 1.")
            self.batch_size = batch_size
        self._metrics = tuple(_METRICS.values()) if metric is None else (_find_metric(metric),)

    @property
    def metrics(self) -> tuple[LabelMetric, ...]:
        """Metrics that may be reported: one, or all while the data set decides."""
        return self._metrics

    @property
    def monitor(self) -> str:
        """Name of the metric that tables show."""
        return self._metrics[0].name

    @property
    def preprocessing(self) -> dict[str, Any]:
        """What was done to the features; noted on a trained model, for ``predict`` on new data."""
        added = {"add_features": list(self.add_features)} if self.add_features else {}
        return {"feature_norm": self.feature_norm, **added}

    def prepare(
        self,
        data: LoadedData,
        seed: int,
        *,
        fold: int | None = None,
        sparse_ok: bool = True,
        device: str | torch.device = "cpu",
    ) -> NodeProblem:
        """Split the nodes, normalise the features, move everything to the device.

        Args:
            data: A loaded data set; its ``graph`` needs features and labels.
            seed: Seed of the split, where the protocol has one.
            fold: Stored fold, for protocols with folds.
            sparse_ok: Whether the model takes sparse features (``ModelCard.sparse_input``).
            device: Where to compute.

        Raises:
            InputError: No features or labels, an empty stage, labels that are no classes 0..C-1.

        Cost: O(n F) or O(nonzeros) once for each data set; the result is kept with the graph.
        """
        from graphlab.datasets.splits import class_labels, make_split, split_digest

        labels = class_labels(data)
        if data.graph.features is None and not self.add_features:
            raise InputError(
                f"{data.name} has no node features; node classification needs them. Features of "
                "the structure can be added: add_features = ['orbit-counts']."
            )
        split = make_split(data, self.protocol, seed, fold=fold)
        inputs = self._inputs(data.graph, sparse_ok=sparse_ok, device=device)
        stages = {s: _stage(inputs, labels, split[s]) for s in ("train", "val", "test")}
        sizes = {s: batch.index.numel() for s, batch in stages.items()}
        if min(sizes.values()) == 0:
            listed = ", ".join(f"{s} {size}" for s, size in sizes.items())
            raise InputError(f"{data.name} split by {self.protocol!r} has an empty part: {listed}.")
        for stage, batch in stages.items():
            _check_labels(batch.target, data.num_classes, f"{data.name}, {stage} nodes")
        metric = _find_metric(self.metric if self.metric is not None else data.metric or "acc")
        if metric is ROC_AUC and data.num_classes != _BINARY:
            raise InputError(
                f"metric is 'rocauc', but {data.name} has {data.num_classes} classes; it takes two."
            )
        return NodeProblem(
            **stages,
            num_classes=data.num_classes,
            metrics=(metric,),
            split_digest=split_digest(split),
            seed=seed,
            dataset=data.name,
        )

    def model_kwargs(self, problem: NodeProblem) -> dict[str, Any]:
        """Return ``in_channels`` (features) and ``out_channels`` (classes)."""
        return {"in_channels": problem.inputs.x.shape[1], "out_channels": problem.num_classes}

    def train_batches(self, problem: NodeProblem, epoch: int) -> Iterable[NodeBatch]:
        """Return an epoch's batches: one, or several whose order is a function of (seed, epoch)."""
        train = problem.train
        if self.batch_size is None or self.batch_size >= train.index.numel():
            return (train,)
        rng = numpy_generator(problem.seed, f"node-epoch-{epoch}")
        order = torch.from_numpy(rng.permutation(train.index.numel())).to(train.index.device)
        parts = torch.split(order, self.batch_size)
        return (NodeBatch(train.inputs, train.index[at], train.target[at]) for at in parts)

    def loss(self, model: nn.Module, batch: NodeBatch) -> Tensor:
        """Return the mean cross entropy of the batch's nodes."""
        return cross_entropy(_scores(model, batch), batch.target)

    def fit_at_once(self, model: nn.Module, batch: NodeBatch) -> None:
        """Let a model that needs no epochs fit itself: it sees the batch's labels, no others."""
        network: Any = model  # fit_nodes is no method of every module
        network.fit_nodes(batch.inputs.x, batch.inputs.graph, batch.index, batch.target)

    def predict(self, model: nn.Module, problem: NodeProblem, stage: Stage) -> Predictions:
        """Return the scores (B, C) of one stage's nodes; cost: one forward pass."""
        batch: NodeBatch = getattr(problem, stage)
        scores = _scores(model, batch)
        if scores.dtype in {torch.float16, torch.bfloat16}:
            scores = scores.float()
        return Predictions(scores, batch.target, batch.index, problem.metrics)

    def evaluate(self, predictions: Predictions) -> dict[str, float]:
        """Return ``loss`` (mean cross entropy) and the metrics.

        Raises:
            NonFiniteError: A score is NaN or infinite.
        """
        # every metric refuses scores that are not finite, so the loss is computed after them
        metrics = {m.name: m(predictions) for m in predictions.metrics or self._metrics}
        loss = cross_entropy(predictions.scores, predictions.target).item()
        return {"loss": loss, **metrics}

    def breakdowns(
        self, problem: NodeProblem, predictions: Predictions
    ) -> dict[str, list[dict[str, float]]]:
        """Return the metrics by ``"degree"``: stored edges of a node, self-loops aside.

        The graph is the one that training sees, which holds the edges of all nodes. See
        :func:`graphlab.analysis.node_metrics_by_degree`.

        Args:
            problem: Where the predictions are from.
            predictions: Of one stage, in any order.
        """
        from graphlab.analysis.degree import node_metrics_by_degree

        metrics = {m.name: m.function for m in problem.metrics}
        degree = _loop_free_degree(problem.inputs.graph)[predictions.index]
        found = node_metrics_by_degree(predictions.scores, predictions.target, degree, metrics)
        return {"degree": found}

    def __repr__(self) -> str:
        return (
            f"NodeClassification({self.protocol!r}, feature_norm={self.feature_norm!r}, "
            f"sparse_features={self.sparse_features}, metric={self.metric!r})"
        )

    def _inputs(self, graph: Graph, *, sparse_ok: bool, device: str | torch.device) -> NodeInputs:
        """Build the label-free inputs, once for a graph: seeds then share propagators too."""
        device = torch.device(device)
        key = f"node-inputs {self.feature_norm} {self.sparse_features and sparse_ok} {device}"
        key += "".join(f" {name}" for name in self.add_features)
        key += f" pca-{self.feature_pca}" if self.feature_pca else ""

        def build() -> NodeInputs:
            x = graph.features
            if x is not None:
                x = model_features(x, sparse=self.sparse_features and sparse_ok)
                x = row_normalize(x) if self.feature_norm == "row" else x
            x = append_features(x, graph, self.add_features)
            assert x is not None  # noqa: S101  (checked by prepare)
            if self.feature_pca:
                x = principal_components(x, self.feature_pca)
            bare = graph.cached(
                f"bare {device}", lambda: graph.with_features(None).with_labels(None).to(device)
            )
            return NodeInputs(x.to(device), bare)

        return graph.cached(key, build)


def _scores(model: nn.Module, batch: NodeBatch) -> Tensor:
    """Return the scores of a batch's nodes (B, C)."""
    x, graph = batch.inputs.x, batch.inputs.graph
    if getattr(model, "scores_nodes", False):
        asked: Tensor = model(x, graph, nodes=batch.index)
        return asked
    scores: Tensor = model(x, graph)
    return scores.index_select(0, batch.index)


def _loop_free_degree(graph: Graph) -> Tensor:
    if not graph.has_self_loops():
        return graph.degree()
    row, col = graph.edge_index
    return graph.degree() - torch.bincount(row[row == col], minlength=graph.num_nodes)


def _find_metric(name: str) -> LabelMetric:
    if name not in _METRICS:
        near = nearest(name, list(_METRICS), n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise InputError(f"metric is {name!r}; expected one of {', '.join(_METRICS)}.{hint}")
    return _METRICS[name]


def _stage(inputs: NodeInputs, labels: Tensor, mask: Tensor) -> NodeBatch:
    index = mask.nonzero().squeeze(1)
    device = inputs.x.device
    return NodeBatch(inputs, index.to(device), labels[index].to(device))


def _check_labels(target: Tensor, num_classes: int, where: str) -> None:
    low, high = int(target.min()), int(target.max())
    if low < 0 or high >= num_classes:
        raise InputError(
            f"{where}: labels lie in {low}..{high}, but there are {num_classes} classes "
            f"(0..{num_classes - 1})."
        )
