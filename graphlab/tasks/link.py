"""Link prediction: one graph, some edges hidden, to be told from pairs that are no edge."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from graphlab.errors import InputError
from graphlab.registry import register_task
from graphlab.seeding import numpy_generator
from graphlab.tasks._link_negatives import ordered_non_edges
from graphlab.tasks._link_options import (
    find_metric,
    find_protocol,
    ordered_metrics,
    whole_number,
)
from graphlab.tasks._link_prepare import link_problem
from graphlab.tasks._link_problem import LinkBatch, LinkInputs, LinkProblem, LinkStage, LinkTrain
from graphlab.tasks._link_scoring import batch_part, score_stage
from graphlab.tasks._link_splits import (
    HeartSplit85_5_10,
    RandomLinkSplit70_10_20,
    RandomLinkSplit85_5_10,
    edge_digest,
)
from graphlab.transforms.features import check_added_features

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from graphlab.datasets import LoadedData
    from graphlab.metrics.ranking import RankingMetric
    from graphlab.tasks.base import Predictions, Stage

__all__ = [
    "HeartSplit85_5_10",
    "LinkBatch",
    "LinkInputs",
    "LinkPrediction",
    "LinkProblem",
    "LinkStage",
    "LinkTrain",
    "RandomLinkSplit70_10_20",
    "RandomLinkSplit85_5_10",
    "edge_digest",
]

_NEGATIVES = ("global-per-epoch", "per-source")
_log = logging.getLogger("graphlab")


@register_task(
    "link",
    protocols=("ncn-70-10-20", "random-85-5-10", "heart-85-5-10", "official"),
    metrics={
        "": ("hits@10", "hits@20", "hits@50", "hits@100", "mrr", "auc", "ap"),
        "heart-85-5-10": ("hits@10", "hits@20", "hits@50", "hits@100", "mrr"),
    },
)
class LinkPrediction:
    r"""Transductive link prediction [wang2024]_: an encoder of nodes, a predictor of pairs.

    A model has ``encode(x, graph) -> h`` and ``score(h, graph, pairs (2, B)) -> (B,)``, logits.
    Positives and negatives of a batch are scored in one call:

    .. math:: \tfrac1b \sum_{ij \in \text{batch}} \mathrm{softplus}(-s_{ij})
        + \tfrac1b \sum_{ij \in \text{negatives}} \mathrm{softplus}(s_{ij})

    An epoch is one permutation of the training edges in batches of ``batch_size``; an incomplete
    last batch is dropped, and fewer edges than that are one batch. In evaluation all nodes are
    encoded once, and pairs are scored in chunks.

    ==================  ==========================================================================
    ``ncn-70-10-20``    a split a seed, shared random negatives; see ``RandomLinkSplit70_10_20``
    ``random-85-5-10``  a split a seed, shared random negatives; see ``RandomLinkSplit85_5_10``
    ``heart-85-5-10``   one split, 500 hard negatives a positive; see ``HeartSplit85_5_10``
    ``official``        split and negatives of the Open Graph Benchmark [hu2020]_
    ==================  ==========================================================================

    Hits@K depends on the number of negatives (``problem.sizes``). With shared negatives all
    positives are ranked against all of them; with negatives of their own each against its own.

    Args:
        protocol: One of the above; results of two protocols do not compare.
        metric: The monitored metric; None takes what the data set's card says, and ``"mrr"``
            where positives have negatives of their own.
        feature_norm: ``"row"`` divides each feature row by its sum.
        sparse_features: Keep features as sparse CSR where under 10 % of them are nonzero and
            the model takes it.
        target_link_removal: Hide a batch's edges, in both directions, from the graph that the
            model sees while it learns them; else it learns to find what it is shown.
        remove_all_copies: Of edges that occur several times (ogbl-collab), hide all copies with
            the one in the batch. By default the others stay visible, as in the authors' code.
        negatives: ``"global-per-epoch"`` draws uniform ordered pairs that are no training edge;
            ``"per-source"`` keeps a positive's first node and draws its second uniformly, true
            edges included, as for ogbl-citation2. Both once an epoch.
        batch_size: Training edges a step; as many negatives come with them.
        eval_batch_size: Pairs that are scored at once in evaluation; heuristics, which need little
            memory for one, take more.
        use_val_edges_as_input: Test sees validation edges too, as ogbl-collab allows.
        num_hard_negatives: Hard negatives a positive, for ``heart-85-5-10``.
        split_seed: Draws the split in place of the run's seed, so that all seeds share one; 0
            with ``random-85-5-10`` gives the edges of ``heart-85-5-10``.
        add_features: Computed of the graph that a stage may see, which for training is that of
            the training edges, and appended after the normalisation; a set without features has
            these alone. They are not computed anew as a batch's edges are hidden.
            ``"orbit-counts"``, see :func:`graphlab.transforms.features.append_features`.
        node_metrics: After training, let each node of the test edges rank all nodes, and keep how
            well it did beside the run; see :meth:`rank_nodes`. No other number depends on it.

    Example:
        >>> LinkPrediction("random-85-5-10", batch_size=512).monitor
        'hits@100'
    """

    name: str
    add_features: tuple[str, ...] = ()
    node_metrics: bool = False

    def __init__(
        self,
        protocol: str = "ncn-70-10-20",
        *,
        metric: Literal["hits@10", "hits@20", "hits@50", "hits@100", "mrr", "auc", "ap"]
        | None = None,
        feature_norm: Literal["none", "row"] = "none",
        sparse_features: bool = True,
        target_link_removal: bool = True,
        remove_all_copies: bool = False,
        negatives: Literal["global-per-epoch", "per-source"] = "global-per-epoch",
        batch_size: int = 1024,
        eval_batch_size: int = 8192,
        use_val_edges_as_input: bool = False,
        num_hard_negatives: int = 500,
        split_seed: int | None = None,
        add_features: Sequence[Literal["orbit-counts"]] = (),
        node_metrics: bool = False,
    ) -> None:
        if feature_norm not in {"none", "row"}:
            raise InputError(f"feature_norm is {feature_norm!r}; expected 'none' or 'row'.")
        if negatives not in _NEGATIVES:
            raise InputError(
                f"negatives is {negatives!r}; expected one of {', '.join(_NEGATIVES)}."
            )
        self.protocol = find_protocol(protocol)
        self.metric = None if metric is None else find_metric(metric).name
        self.feature_norm = feature_norm
        self.sparse_features = sparse_features
        self.target_link_removal = target_link_removal
        self.remove_all_copies = remove_all_copies
        self.negatives = negatives
        self.batch_size = whole_number("batch_size", batch_size)
        self.eval_batch_size = whole_number("eval_batch_size", eval_batch_size)
        self.use_val_edges_as_input = use_val_edges_as_input
        self.num_hard_negatives = whole_number("num_hard_negatives", num_hard_negatives)
        self.split_seed = (
            None if split_seed is None else whole_number("split_seed", split_seed, least=0)
        )
        added = check_added_features(add_features)
        if added:  # else not an attribute of its own: what has none keeps its checkpoints
            self.add_features = added
        if node_metrics:  # likewise: it changes nothing that a checkpoint holds
            self.node_metrics = True

    @property
    def metrics(self) -> tuple[RankingMetric, ...]:
        """Metrics that may be reported, the monitored one first as far as it is known."""
        own = self.protocol == "heart-85-5-10"
        first = self.metric or ("mrr" if own else "hits@100")
        return ordered_metrics(first, own_negatives=own)

    @property
    def monitor(self) -> str:
        """Name of the metric that tables show."""
        return self.metrics[0].name

    @property
    def preprocessing(self) -> dict[str, Any]:
        """What was done to the features; noted on a trained model, for new data."""
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
    ) -> LinkProblem:
        """Split the edges, draw or choose negatives, check for leaks, move all to the device.

        Args:
            data: A loaded data set; its graph is taken as undirected and simple. Features may be
                absent: models then learn an embedding of node ids.
            seed: Of the split, where the protocol draws one, and of the negatives.
            fold: Must be None; link protocols store no folds.
            sparse_ok: Whether the model takes sparse features (``ModelCard.sparse_input``).
            device: Where to compute.

        Raises:
            InputError: Too few edges or non-edges, no official split, or an edge that is to be
                predicted is visible.

        Cost: O(m log m); hard negatives, once for a graph, see ``graphlab.tasks._hard_negatives``.
        """
        if fold is not None:
            raise InputError(f"fold is {fold}, but {self.protocol} stores no folds; leave it out.")
        problem = link_problem(self, data, seed, sparse_ok=sparse_ok, device=torch.device(device))
        for note in problem.notes:
            _log.info("%s: %s", data.name, note)
        return problem

    def reported(
        self, *, own_negatives: bool, card_metric: str | None
    ) -> tuple[RankingMetric, ...]:
        """Return the metrics of a problem, the monitored one first.

        Args:
            own_negatives: Whether positives have negatives of their own.
            card_metric: What the data set's card says.

        Raises:
            InputError: The metric asked for is not defined for such negatives.
        """
        first = self.metric or ("mrr" if own_negatives else card_metric or "hits@100")
        metric = find_metric(first)
        if own_negatives and not metric.own_negatives:
            raise InputError(
                f"metric is {metric.name!r}, but in {self.protocol} each positive has negatives of "
                "its own; use mrr or hits@K."
            )
        return ordered_metrics(metric.name, own_negatives=own_negatives)

    def model_kwargs(self, problem: LinkProblem) -> dict[str, Any]:
        """Return ``in_channels`` (features, 0 without any) and ``num_ids`` (None with features)."""
        x = problem.inputs.x
        if x is None:
            return {"in_channels": 0, "num_ids": problem.inputs.graph.num_nodes}
        return {"in_channels": x.shape[1], "num_ids": None}

    def train_batches(self, problem: LinkProblem, epoch: int) -> Iterator[LinkBatch]:
        """Yield an epoch's batches; order and negatives are a function of (seed, epoch)."""
        train = problem.train
        count, device = len(train.edges), train.edges.device
        rng = numpy_generator(problem.seed, f"link-epoch-{epoch}")
        order = torch.from_numpy(rng.permutation(count)).to(device)
        if self.negatives == "per-source":
            drawn = torch.from_numpy(rng.integers(0, train.inputs.graph.num_nodes, count))
            drawn = drawn.to(device)
        else:
            drawn = ordered_non_edges(train.inputs.graph).uniform(count, rng).to(device)
        size = min(self.batch_size, count)
        for start in range(0, count - size + 1, size):
            batch, new = order[start : start + size], drawn[start : start + size]
            pos = train.edges[batch]
            neg = torch.stack([pos[:, 0], new], 1) if self.negatives == "per-source" else new
            hidden = None
            if self.target_link_removal:
                hidden = train.hidden(batch, pos, all_copies=self.remove_all_copies)
            yield LinkBatch(train.inputs, pos, neg, hidden)

    def loss(self, model: nn.Module, batch: LinkBatch) -> Tensor:
        """Return the loss of a batch: one encoding, one scoring of positives and negatives."""
        from graphlab.ops import remove_edges

        graph = batch.inputs.graph
        if batch.hidden is not None:
            graph = remove_edges(graph, batch.hidden.t())
        network: Any = model  # encode and score are no methods of every module
        h = network.encode(batch.inputs.x, graph)
        pairs = torch.cat([batch.pos, batch.neg]).t().contiguous()
        scores = network.score(h, graph, pairs)
        return _loss(scores[: len(batch.pos)], scores[len(batch.pos) :])

    def batch_part(self, batch: LinkBatch, *, rank: int, world: int) -> tuple[LinkBatch, float]:
        """Return one process's part of a batch, and its share of the batch's edges."""
        return batch_part(batch, rank, world)

    def predict(self, model: nn.Module, problem: LinkProblem, stage: Stage) -> Predictions:
        """Score positives and negatives of a stage in the graph that it may see.

        Shared negatives: scores (P + N,), positives first, ``target`` 1 and 0. Own negatives:
        scores (P, 1 + K), the positive first, ``target`` 0. The stage ``"train"`` scores a fixed
        sample of training edges that are hidden from the graph, see ``LinkProblem.train_sample``.

        Cost: one encoding, and the scores of all pairs in chunks of ``eval_batch_size``.
        """
        return self.predict_part(model, problem, stage, rank=0, world=1)

    def predict_part(
        self, model: nn.Module, problem: LinkProblem, stage: Stage, *, rank: int, world: int
    ) -> Predictions:
        """Score every ``world``-th sample of a stage, from number ``rank``; see :meth:`predict`."""
        part = problem.train_sample if stage == "train" else getattr(problem, stage)
        size = max(self.eval_batch_size, getattr(model, "pairs_at_once", 0))
        return score_stage(model, part, problem.metrics, size=size, rank=rank, world=world)

    def evaluate(self, predictions: Predictions) -> dict[str, float]:
        """Return ``loss`` (as in training, on these scores) and the metrics, monitored one first.

        Raises:
            NonFiniteError: A score is NaN or infinite.
        """
        scores = predictions.scores
        metrics = {m.name: m(predictions) for m in predictions.metrics or self.metrics}
        if scores.dim() == 2:
            loss = _loss(scores[:, 0], scores[:, 1:])
        else:
            positive = predictions.target.bool()
            loss = _loss(scores[positive], scores[~positive])
        return {"loss": loss.item(), **metrics}

    def breakdowns(
        self, problem: LinkProblem, predictions: Predictions
    ) -> dict[str, list[dict[str, float]]]:
        """Return the test metrics by ``"degree"``: the smaller one of a positive's two nodes.

        Degrees are those of the training graph, in which no positive of test is an edge. Average
        precision is left out: it depends on the share of positives. See
        :func:`graphlab.analysis.link_metrics_by_degree`.

        Args:
            problem: Where the predictions are from.
            predictions: Of the stage ``"test"``, rows in any order.
        """
        from graphlab.analysis.degree import endpoint_degree, link_metrics_by_degree

        metrics = {m.name: m.function for m in problem.metrics if m.name != "ap"}
        scores, index = predictions.scores, predictions.index
        if scores.dim() == 2:
            positive, negative = scores[:, 0], scores[:, 1:]
        else:
            true = predictions.target.bool()
            positive, negative, index = scores[true], scores[~true], index[true]
        degree = endpoint_degree(problem.inputs.graph.degree(), problem.test.pos[index])
        return {"degree": link_metrics_by_degree(positive, negative, degree, metrics)}

    def rank_nodes(
        self,
        model: nn.Module,
        problem: LinkProblem,
        *,
        after_block: Callable[[], None] | None = None,
    ) -> dict[str, Tensor]:
        """Let every node of the test edges rank all nodes, as in [wang2024tc]_.

        A node's true neighbours are those of the test edges, whatever their direction. Its
        neighbours of training and validation are put behind all others, unless the training edges
        repeat pairs (ogbl-collab), where a known pair may be a new edge too: then nothing is. The
        node itself is ranked like the others. Equal scores are ranked by node id.

        The caller sets evaluation mode and switches gradients off, as for :meth:`predict`. Nothing
        is drawn, so what follows is not changed.

        Args:
            model: With ``encode`` and ``score``.
            problem: Where the test edges are from.
            after_block: Called after each block of nodes; may raise to break off.

        Shapes:
            - ``nodes``: (q,), ascending; ``topk``: the cut-offs (5,); ``recall``, ``precision``,
              ``f1``, ``ndcg``, ``hits``: (q, 5); ``mrr``: (q,), see
              :func:`graphlab.metrics.node_ranking_metrics`

        Raises:
            NonFiniteError: A score is NaN or infinite.

        Cost: one encoding and the scores of q n pairs, ``eval_batch_size`` at a time; memory for
        some million of them.
        """
        from graphlab.tasks._link_nodes import rank_nodes

        size = max(self.eval_batch_size, getattr(model, "pairs_at_once", 0))
        return rank_nodes(model, problem, size=size, after_block=after_block)

    def __repr__(self) -> str:
        return (
            f"LinkPrediction({self.protocol!r}, metric={self.metric!r}, "
            f"negatives={self.negatives!r}, batch_size={self.batch_size})"
        )


def _loss(positive: Tensor, negative: Tensor) -> Tensor:
    return softplus(-positive).mean() + softplus(negative).mean()
