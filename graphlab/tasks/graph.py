"""Sets of graphs: a label for each graph, or for the nodes or edges of graphs never seen before."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn

from graphlab.errors import InputError
from graphlab.metrics import class_weights
from graphlab.registry import register_task
from graphlab.seeding import numpy_generator
from graphlab.tasks._features import digest_of
from graphlab.tasks._graph_metrics import METRICS, GraphMetric, find_metric
from graphlab.tasks._graph_prepare import graph_problem
from graphlab.tasks.base import Predictions, Stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from graphlab.collection import GraphBatch, GraphCollection
    from graphlab.datasets import LoadedData

__all__ = ["GraphPrediction", "GraphProblem", "GraphStage", "GraphTrainBatch"]

Level = Literal["node", "edge", "graph"]
_TINY = 1e-30


@dataclass(frozen=True)
class GraphStage:
    """The graphs of one stage, with their labels.

    Args:
        graphs: Features, structure and ``y``; no other graph can be reached from here.
        index: Number of each graph in the set, ascending (G,).
    """

    graphs: GraphCollection
    index: Tensor


@dataclass(frozen=True)
class GraphTrainBatch:
    """Some training graphs, put side by side only when they are learnt.

    Args:
        graphs: All training graphs.
        index: The graphs of this batch (B,) int64.
        metric: Decides the loss.
        classes: Number of outputs of a model.
        signs: Sign of each column of the positional encodings (k,), or None.
        weights: Weight of each class (C,) where the loss has some: of the whole batch, also where
            several processes share it.
    """

    graphs: GraphCollection
    index: Tensor
    metric: GraphMetric
    classes: int
    signs: Tensor | None = None
    weights: Tensor | None = None

    @cached_property
    def together(self) -> GraphBatch:
        """The graphs as one."""
        batch = self.graphs.batch(self.index)
        if self.signs is not None and batch.pe is not None:
            batch.pe = batch.pe * self.signs
        return batch


@dataclass(frozen=True)
class GraphProblem:
    """A set of graphs under one split.

    Args:
        train: Training graphs.
        val: Validation graphs.
        test: Test graphs.
        metric: What is reported.
        level: What has a label.
        arguments: Constructor arguments that follow from the set.
        split_digest: SHA-256 of the split.
        seed: Seed of the order of batches, of sign flips, and of the fold.
        notes: What a reader of the results must know.
    """

    train: GraphStage
    val: GraphStage
    test: GraphStage
    metric: GraphMetric
    level: Level
    arguments: dict[str, Any]
    split_digest: str
    seed: int
    notes: tuple[str, ...] = ()

    @property
    def metrics(self) -> tuple[GraphMetric]:
        """The metric that the set is judged by."""
        return (self.metric,)

    @cached_property
    def data_digest(self) -> str:
        """SHA-256 of what training and selection see: a checkpoint of other data is refused."""
        return digest_of(*_arrays(self.train.graphs), *_arrays(self.val.graphs))

    @property
    def classes(self) -> int:
        """Number of outputs: classes, tasks or numbers."""
        return int(self.arguments["out_channels"])

    @property
    def sizes(self) -> dict[str, int]:
        """Graphs of each stage."""
        return {s: len(getattr(self, s).graphs) for s in ("train", "val", "test")}


@register_task("graph", protocols=("official", "sbm", "tsp", "cv-10", "bgnn-5"))
class GraphPrediction:
    """Classes or numbers of graphs, or of the nodes or edges of graphs that training never saw.

    What has a label is what the set's ``y`` has a row for. The metric decides the loss: cross
    entropy (``acc``, ``f1``), cross entropy with weights of the classes of each batch
    (``sbm_acc``), binary cross entropy over the labels that are known (``rocauc``, ``ap``), mean
    squared or absolute error (``rmse``, ``mae``).

    Args:
        protocol: How graphs are split, see :func:`graphlab.tasks.graph_split`.
        batch_size: Graphs of a batch.
        eval_batch_size: The same in evaluation; None: as in training. ``sbm_acc`` and ``f1`` are
            means over batches, so it moves them a little.
        metric: None takes what the data set's card says.
        positional: Encodings added as ``pe``: ``"laplacian"``
            (:class:`graphlab.transforms.LaplacianPE`) or ``"random-walk"``.
        positional_dim: Their number.
        flip_signs: Give every column of Laplacian encodings a random sign in each training batch;
            never in evaluation.
        edge_features: Hand features of edges on to models that take some.
        train_graphs: Use only this many of the training graphs, the first ones; None: all. A
            number other than None is named in the notes of the problem.

    Example:
        >>> GraphPrediction("cv-10", batch_size=64)
        GraphPrediction('cv-10', batch_size=64)
    """

    name: str

    def __init__(
        self,
        protocol: str = "official",
        *,
        batch_size: int = 32,
        eval_batch_size: int | None = None,
        metric: Literal["acc", "sbm_acc", "f1", "rocauc", "ap", "rmse", "mae"] | None = None,
        positional: Literal["none", "laplacian", "random-walk"] = "none",
        positional_dim: int = 0,
        flip_signs: bool = True,
        edge_features: bool = True,
        train_graphs: int | None = None,
    ) -> None:
        if positional not in {"none", "laplacian", "random-walk"}:
            raise InputError(
                f"positional is {positional!r}; expected 'none', 'laplacian' or 'random-walk'."
            )
        if (positional == "none") != (positional_dim == 0) or positional_dim < 0:
            raise InputError(
                f"positional is {positional!r} and positional_dim {positional_dim}; give both, or "
                "neither."
            )
        self.protocol = protocol
        self.batch_size = _size("batch_size", batch_size)
        self.eval_batch_size = _size("eval_batch_size", eval_batch_size or batch_size)
        self.metric = metric
        self.positional, self.positional_dim = positional, positional_dim
        self.flip_signs, self.edge_features = flip_signs, edge_features
        self.train_graphs = None if train_graphs is None else _size("train_graphs", train_graphs)
        self._metrics = tuple(METRICS.values()) if metric is None else (find_metric(metric),)

    @property
    def metrics(self) -> tuple[GraphMetric, ...]:
        """Metrics that may be reported: one, or all while the data set decides."""
        return self._metrics

    @property
    def monitor(self) -> str:
        """Name of the metric that tables show."""
        return self._metrics[0].name

    def prepare(
        self,
        data: LoadedData,
        seed: int,
        *,
        fold: int | None = None,
        sparse_ok: bool = True,
        device: str | torch.device = "cpu",
    ) -> GraphProblem:
        """Split the graphs, add positional encodings, move all to the device.

        Args:
            data: A loaded set of graphs with labels.
            seed: Of the order of batches; selects the fold where the protocol has some.
            fold: The fold.
            sparse_ok: Not used: features of such sets are small.
            device: Where to compute.

        Raises:
            InputError: No labels, labels that do not fit the metric, or no such split.

        Cost: one copy of the graphs; the encodings, once for a set.
        """
        del sparse_ok
        return graph_problem(self, data, seed, fold=fold, device=torch.device(device))

    def model_kwargs(self, problem: GraphProblem) -> dict[str, Any]:
        """Return what follows from the set, see ``graphlab.registry.FILLED_IN``."""
        return dict(problem.arguments)

    def train_batches(self, problem: GraphProblem, epoch: int) -> Iterator[GraphTrainBatch]:
        """Yield an epoch's batches; order and signs are a function of (seed, epoch)."""
        graphs = problem.train.graphs
        rng = numpy_generator(problem.seed, f"graph-epoch-{epoch}")
        order = torch.from_numpy(rng.permutation(len(graphs))).to(graphs.device)
        pe = graphs.pe if self.flip_signs and self.positional == "laplacian" else None
        for index in torch.split(order, self.batch_size):
            signs = None
            if pe is not None:
                drawn = rng.integers(0, 2, pe.shape[1]) * 2 - 1
                signs = torch.from_numpy(drawn).to(pe)
            yield GraphTrainBatch(graphs, index, problem.metric, problem.classes, signs)

    def loss(self, model: nn.Module, batch: GraphTrainBatch) -> Tensor:
        """Return the loss of a batch; which one, the metric says."""
        graphs = batch.together
        return batch.metric.loss_of(_scored(model, graphs), _target(graphs), batch.weights)

    def batch_part(
        self, batch: GraphTrainBatch, *, rank: int, world: int
    ) -> tuple[GraphTrainBatch, float]:
        """Return one process's graphs of a batch, and their share of what the loss averages."""
        metric, weights = batch.metric, batch.weights
        whole = _target(batch.together)
        if metric.loss == "weighted-cross-entropy":
            weights = class_weights(whole, batch.classes)
        index = batch.index[rank::world]
        if not index.numel():  # takes part in the step, with nothing of its own
            return replace(batch, index=batch.index[:1], weights=weights), 0.0
        part = replace(batch, index=index, weights=weights)
        amount = metric.amount(_target(part.together), weights)
        return part, amount / max(metric.amount(whole, weights), _TINY)

    def predict(self, model: nn.Module, problem: GraphProblem, stage: Stage) -> Predictions:
        """Score the graphs of a stage, or their nodes or edges, batch by batch.

        Row i is of number ``index[i]``: of the graph in the set, or of the node or edge among
        those of all graphs of the stage.
        """
        return self.predict_part(model, problem, stage, rank=0, world=1)

    def predict_part(
        self, model: nn.Module, problem: GraphProblem, stage: Stage, *, rank: int, world: int
    ) -> Predictions:
        """Score every ``world``-th batch of a stage, from number ``rank``; see :meth:`predict`."""
        part: GraphStage = getattr(problem, stage)
        graphs, device = part.graphs, part.graphs.device
        starts = range(0, len(graphs), self.eval_batch_size)
        rows = _rows(graphs, problem.level)
        bounds = [*rows[list(starts)].tolist(), int(rows[-1])]
        mine = range(rank, len(starts), world)
        scores, targets, index = [], [], []
        for number in mine or [0]:  # one without a batch scores one too, and gives no row of it
            first = starts[number]
            batch = graphs.batch(range(first, min(first + self.eval_batch_size, len(graphs))))
            kept = slice(None if mine else 0)
            found = _scored(model, batch)[kept]
            half = found.dtype in {torch.float16, torch.bfloat16}
            scores.append(found.float() if half else found)
            targets.append(_target(batch)[kept])
            index.append(torch.arange(bounds[number], bounds[number + 1], device=device)[kept])
        numbers = torch.cat(index)
        if problem.level == "graph":
            numbers = part.index[numbers]
        metric = problem.metric.over(bounds)
        return Predictions(torch.cat(scores), torch.cat(targets), numbers, (metric,))

    def evaluate(self, predictions: Predictions) -> dict[str, float]:
        """Return ``loss`` and the metric.

        Raises:
            NonFiniteError: A score is NaN or infinite.
        """
        metrics: Any = predictions.metrics or self._metrics[:1]
        values = {metric.name: metric(predictions) for metric in metrics}
        loss = metrics[0].mean_loss(predictions.scores, predictions.target)
        return {"loss": loss, **values}

    def __repr__(self) -> str:
        return f"GraphPrediction({self.protocol!r}, batch_size={self.batch_size})"


def _scored(model: nn.Module, batch: GraphBatch) -> Tensor:
    scores: Tensor = model(batch)
    return scores


def _target(batch: GraphBatch) -> Tensor:
    assert batch.y is not None  # noqa: S101  (prepare refuses a set without labels)
    return batch.y


def _arrays(graphs: GraphCollection) -> list[Tensor]:
    fields = [graphs.field(name) for name in sorted(graphs.levels)]
    return [
        graphs.edge_index,
        graphs.node_ptr,
        graphs.edge_ptr,
        *(f for f in fields if f is not None),
    ]


def _rows(graphs: GraphCollection, level: Level) -> Tensor:
    """Where the rows of each graph begin, and the number of rows."""
    if level == "graph":
        return torch.arange(len(graphs) + 1)
    return graphs.node_ptr if level == "node" else graphs.edge_ptr


def _size(name: str, value: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InputError(f"{name} is {value!r}; expected a whole number of at least 1.")
    return value
