"""What a link problem holds: training edges, evaluation stages, and the graph each may see."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from graphlab.seeding import numpy_generator
from graphlab.tasks._features import digest_of
from graphlab.tasks._link_negatives import ordered_non_edges

if TYPE_CHECKING:
    from graphlab.graph import Graph
    from graphlab.metrics.ranking import RankingMetric

__all__ = ["LinkBatch", "LinkInputs", "LinkProblem", "LinkStage", "LinkTrain"]

_SAMPLE = 5000  # most training edges that the stage "train" scores


@dataclass(frozen=True)
class LinkInputs:
    """What a model sees of the nodes.

    Args:
        x: Node features (n, F), dense or torch sparse CSR; None where there are none.
        graph: Simple graph of the edges that may be seen; no features, no labels.
    """

    x: Tensor | None
    graph: Graph

    @cached_property
    def digest(self) -> str:
        """SHA-256 of features and edges. Cost: one pass, at first use."""
        return digest_of(self.x, self.graph.edge_index)


@dataclass(frozen=True)
class LinkBatch:
    """Training edges beside pairs that are none.

    Args:
        inputs: Features and training graph.
        pos: Training edges (b, 2) int64.
        neg: Negatives (b, 2) int64.
        hidden: Edges that the model must not see while it learns this batch (r, 2).
    """

    inputs: LinkInputs
    pos: Tensor
    neg: Tensor
    hidden: Tensor | None


@dataclass(frozen=True)
class LinkTrain:
    """Training edges; no other edge can be reached from here.

    Args:
        inputs: Features and training graph.
        edges: Training edges (E, 2) int64; of multigraphs with their repeats.
        group: Number of each edge's undirected pair (E,), where some pair repeats.
        copies: How often each pair occurs, by its number.
    """

    inputs: LinkInputs
    edges: Tensor
    group: Tensor | None = None
    copies: Tensor | None = None

    def hidden(self, batch: Tensor, pairs: Tensor, *, all_copies: bool) -> Tensor:
        """Return those of a batch's edges that the model must not see, (r, 2).

        A pair with copies outside the batch stays, unless ``all_copies``.

        Args:
            batch: Numbers of the batch's edges (b,).
            pairs: These edges (b, 2).
            all_copies: Hide all copies of an edge with the one in the batch.
        """
        if self.group is None or self.copies is None or all_copies:
            return pairs
        group = self.group[batch]
        inside = torch.zeros_like(self.copies).index_add_(0, group, torch.ones_like(group))
        return pairs[(inside == self.copies)[group]]


@dataclass(frozen=True)
class LinkStage:
    """Positives and negatives of one stage.

    Args:
        inputs: Features, and the graph that may be seen.
        pos: Positives (P, 2) int64.
        neg_source: First nodes of negatives: (N,) shared by all positives, or (P, K) their own.
        neg_target: Second nodes, likewise.
    """

    inputs: LinkInputs
    pos: Tensor
    neg_source: Tensor
    neg_target: Tensor

    @property
    def own_negatives(self) -> bool:
        """Whether each positive has negatives of its own."""
        return self.neg_source.dim() == 2


@dataclass(frozen=True)
class LinkProblem:
    """Link prediction on one graph under one split.

    Args:
        train: Training edges and the graph they form.
        val: Validation; sees the training graph.
        test: Test; sees the training graph, with validation edges if the task says so.
        metrics: What is reported; the first is monitored.
        split_digest: SHA-256 of the split.
        seed: Seed of the split, where it has one, and of everything drawn in training.
        notes: What a reader of the results must know of the split.
    """

    train: LinkTrain
    val: LinkStage
    test: LinkStage
    metrics: tuple[RankingMetric, ...]
    split_digest: str
    seed: int
    notes: tuple[str, ...] = ()

    @property
    def inputs(self) -> LinkInputs:
        """Features and training graph."""
        return self.train.inputs

    @cached_property
    def data_digest(self) -> str:
        """SHA-256 of what training and selection see: a checkpoint of other data is refused."""
        seen = (self.train.edges, self.val.pos, self.val.neg_source, self.val.neg_target)
        return f"{self.inputs.digest}-{digest_of(*seen)}"

    @property
    def sizes(self) -> dict[str, int]:
        """Edges of each stage; ``val_neg`` and ``test_neg``: negatives, in all or a positive."""
        stages = {"val": self.val, "test": self.test}
        return {
            "train": len(self.train.edges),
            **{name: len(stage.pos) for name, stage in stages.items()},
            **{f"{name}_neg": stage.neg_source.shape[-1] for name, stage in stages.items()},
        }

    @cached_property
    def train_sample(self) -> LinkStage:
        """Stage ``"train"``: some training edges, hidden from the graph, and shared negatives.

        As many edges as validation has, but 5000 at most, and as many uniform pairs that are no
        training edge. All sampled edges are hidden at once: scored in the graph that holds them
        they would be told, not predicted.
        """
        from graphlab.ops import remove_edges

        rng = numpy_generator(self.seed, "link-train-sample")
        edges = self.train.edges
        size = min(len(edges), len(self.val.pos), _SAMPLE)
        chosen = edges[torch.from_numpy(rng.permutation(len(edges))[:size]).to(edges.device)]
        negatives = ordered_non_edges(self.inputs.graph).uniform(size, rng).to(edges.device)
        graph = remove_edges(self.inputs.graph, chosen.t())
        return LinkStage(LinkInputs(self.inputs.x, graph), chosen, *negatives.t())
