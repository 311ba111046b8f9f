"""How good an encoder is on a downstream task with eight labels a class: probe and fine-tuning."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from graphlab.pretraining.graph_encoder import as_collection, embed_graphs
from graphlab.seeding import derive_seed, numpy_generator, preserve_rng

if TYPE_CHECKING:
    from collections.abc import Iterator

    from graphlab.bench.transfer.collections import DownstreamTask
    from graphlab.collection import GraphCollection

    Ints = np.ndarray[Any, np.dtype[np.int64]]

__all__ = ["Accuracies", "PreparedTask", "measure", "prepare"]

LABELS = 8  # a class
PROBE_SPLITS = 5
TUNING_SPLITS = 2
TUNING_STEPS = 30
TUNING_RATE = 5e-3
_CONSTANT = 1e-8  # columns that spread less say nothing


@dataclass(frozen=True)
class PreparedTask:
    """A task with its graphs packed once for all encoders."""

    task: DownstreamTask
    collection: GraphCollection
    seed: int

    def splits(self, count: int) -> Iterator[tuple[Ints, Ints]]:
        """Yield labelled and tested graphs; a prefix of the same splits whatever ``count``."""
        labels = self.task.labels
        for number in range(count):
            rng = numpy_generator(self.seed, f"transfer-split {self.task.name} {number}")
            order = rng.permutation(len(labels))
            by_class = [order[labels[order] == c] for c in range(self.task.num_classes)]
            yield (
                np.concatenate([members[:LABELS] for members in by_class]),
                np.concatenate([members[LABELS:] for members in by_class]),
            )


@dataclass(frozen=True)
class Accuracies:
    """Mean test accuracies as fractions, classes equally large."""

    probe: float
    tuned: float


def prepare(task: DownstreamTask, seed: int) -> PreparedTask:
    """Pack the graphs of a task."""
    return PreparedTask(task, as_collection(task.graphs), seed)


def measure(encoder: nn.Module, prepared: PreparedTask) -> Accuracies:
    """Return how well an encoder serves a task; the encoder is left as it is.

    Probe: logistic regression (C = 1) on frozen embeddings, whose columns have mean 0 and deviation
    1 over all graphs of the task. Fine-tuning: 30 steps of Adam on all labelled graphs at once, a
    linear layer on top, rate 0.005 for all weights. Five and two splits.
    """
    embedded = embed_graphs(encoder, prepared.collection).double().numpy()
    spread = embedded.std(0)
    rows = (embedded - embedded.mean(0)) / np.where(spread > _CONSTANT, spread, 1)
    probes = [_probe(rows, prepared, *split) for split in prepared.splits(PROBE_SPLITS)]
    tuned = [
        _tuned(encoder, prepared, number, *split)
        for number, split in enumerate(prepared.splits(TUNING_SPLITS))
    ]
    return Accuracies(float(np.mean(probes)), float(np.mean(tuned)))


# -- private --------------------------------------------------------------------------------------


def _probe(rows: Any, prepared: PreparedTask, train: Ints, test: Ints) -> float:  # noqa: ANN401
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    labels = prepared.task.labels
    with threadpool_limits(1):  # threads wait for each other on rows this few
        fit = LogisticRegression(C=1.0, max_iter=1000).fit(rows[train], labels[train])
    return float((fit.predict(rows[test]) == labels[test]).mean())


def _tuned(
    encoder: nn.Module, prepared: PreparedTask, number: int, train: Ints, test: Ints
) -> float:
    labels = torch.from_numpy(prepared.task.labels)
    with preserve_rng():
        torch.manual_seed(derive_seed(prepared.seed, f"transfer-head {prepared.task.name}{number}"))
        width: Any = encoder.out_channels
        head = nn.Linear(width, prepared.task.num_classes)
    own = copy.deepcopy(encoder).train()
    optimizer = torch.optim.Adam([*own.parameters(), *head.parameters()], TUNING_RATE)
    batch, wanted = prepared.collection.batch(train), labels[train]
    for _ in range(TUNING_STEPS):
        optimizer.zero_grad()
        loss = F.cross_entropy(head(own(batch)), wanted)
        loss.backward()  # type: ignore[no-untyped-call]  # torch's own
        optimizer.step()
    own.eval()
    with torch.no_grad():
        scores = head(own(prepared.collection.batch(test)))
    return float((scores.argmax(1) == labels[test]).double().mean())
