"""A small real problem, a small model, and a task whose validation values are a script."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from graphlab.graph import as_graph
from graphlab.metrics import ACCURACY
from graphlab.tasks import NodeClassification, Predictions
from graphlab.tasks.node import NodeBatch, NodeInputs, NodeProblem


class Net(nn.Module):
    """Two linear layers with dropout and one mean over neighbours."""

    def __init__(self, in_channels=12, out_channels=3, hidden=8, dropout=0.5):
        super().__init__()
        self.lin1 = nn.Linear(in_channels, hidden)
        self.norm = nn.BatchNorm1d(hidden)
        self.lin2 = nn.Linear(hidden, out_channels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, graph, edge_weight=None):
        h = self.dropout(self.norm(self.lin1(x)).relu())
        source, target = graph.edge_index
        near = torch.zeros_like(h).index_add_(0, target, h.index_select(0, source))
        return self.lin2(h + near / graph.reverse().degree().clamp(min=1).unsqueeze(1))


class GroupedNet(Net):
    def parameter_groups(self):
        return {
            "first": list(self.lin1.parameters()),
            "rest": [*self.norm.parameters(), *self.lin2.parameters()],
        }


def make_problem(seed=0, n=60, features=12, classes=3):
    """Features and edges that depend on the class, so that there is something to learn."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.randint(0, classes, (n,), generator=generator)
    x = torch.randn(n, features, generator=generator)
    x[:, :classes] += 2 * nn.functional.one_hot(y, classes)
    edges = torch.randint(0, n, (2, 4 * n), generator=generator)
    edges = edges[:, (y[edges[0]] == y[edges[1]]) | (torch.rand(4 * n, generator=generator) < 0.3)]
    inputs = NodeInputs(x, as_graph(edges, num_nodes=n))
    order = torch.randperm(n, generator=generator)
    parts = {"train": order[:20], "val": order[20:40], "test": order[40:]}
    stages = {s: NodeBatch(inputs, i.sort().values, y[i.sort().values]) for s, i in parts.items()}
    return NodeProblem(
        **stages, num_classes=classes, metrics=(ACCURACY,), split_digest="toy", seed=seed
    )


class MiniBatchNode(NodeClassification):
    """Three batches an epoch, their order a function of (seed, epoch)."""

    def train_batches(self, problem, epoch):
        generator = torch.Generator().manual_seed(1000 * problem.seed + epoch)
        order = torch.randperm(problem.train.index.numel(), generator=generator)
        for part in order.chunk(3):
            yield replace(
                problem.train, index=problem.train.index[part], target=problem.train.target[part]
            )


@dataclass
class Scripted:
    """A task whose validation values are given; it counts what it is asked for."""

    script: list
    higher: bool = False

    name = "scripted"
    protocol = "scripted"

    def __post_init__(self):
        self.asked = []
        self.shown = 0
        metric = SimpleNamespace(
            name="score", higher_is_better=True, bounds=(0.0, 1.0), unit="fraction"
        )
        self.metrics = (metric,)
        self.monitor = "score"

    def train_batches(self, problem, epoch):
        return (epoch,)

    def loss(self, model, batch):
        return model(torch.ones(1, 1)).square().mean()

    def predict(self, model, problem, stage):
        self.asked.append(stage)
        if stage == "val":
            self.shown += 1
        value = self.script[self.shown - 1]
        one = torch.tensor([float(value)], dtype=torch.float64)
        return Predictions(one, one, torch.zeros(1, dtype=torch.long))

    def evaluate(self, predictions):
        value = predictions.scores.item()
        return {"loss": value, "score": value}


@pytest.fixture
def toy():
    """Everything the tests of this folder share."""
    return SimpleNamespace(
        Net=Net,
        GroupedNet=GroupedNet,
        MiniBatchNode=MiniBatchNode,
        Scripted=Scripted,
        make_problem=make_problem,
        problem=make_problem(),
        task=NodeClassification(),
        scripted_problem=SimpleNamespace(train=None, seed=0, split_digest="scripted"),
    )
