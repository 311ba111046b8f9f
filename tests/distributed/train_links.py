"""Trains a small link predictor and writes what came out; started as one process or as several.

Usage: ``train_links.py FOLDER JSON``, where JSON maps names to options; each process writes
``FOLDER/<name>-<rank>.json`` and ``.pt``.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import torch
from torch import nn

from graphlab.datasets import load
from graphlab.errors import GraphlabError
from graphlab.registry import find_model
from graphlab.tasks import LinkPrediction, NodeClassification
from graphlab.train import Callback, Recipe, Trainer, build_model

RANK = int(os.environ.get("RANK", "0"))
POSITIVES, NEGATIVES = 51, 50  # 101 samples


class Small(nn.Module):
    """A mean over neighbours and a product of the ends; has a layer that is not used."""

    def __init__(self, in_channels, hidden=8, dropout=0.0, norm=False):
        super().__init__()
        self.lin1 = nn.Linear(in_channels, hidden)
        self.norm = nn.BatchNorm1d(hidden) if norm else nn.Identity()
        self.out = nn.Linear(hidden, 1)
        self.unused = nn.Linear(2, 2)
        self.dropout = nn.Dropout(dropout)

    def encode(self, x, graph):
        h = self.dropout(self.lin1(x).relu())
        source, target = graph.edge_index
        near = torch.zeros_like(h).index_add_(0, target, h.index_select(0, source))
        return h + near / graph.degree().clamp(min=1).unsqueeze(1)

    def score(self, h, graph, pairs):
        return self.out(self.dropout(self.norm(h[pairs[0]] * h[pairs[1]]))).squeeze(1)


class Watched(LinkPrediction):
    """Counts the samples that this process scores, and those that are evaluated."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.own, self.evaluated = [], []

    def predict_part(self, model, problem, stage, *, rank, world):
        part = super().predict_part(model, problem, stage, rank=rank, world=world)
        self.own.append(part.index.tolist())
        return part

    def evaluate(self, predictions):
        self.evaluated.append(predictions.index.tolist())
        return super().evaluate(predictions)


class Scale(Callback):
    """Has a parameter of its own, whose gradient must be averaged too."""

    def __init__(self, dtype):
        self.scale = nn.Parameter(torch.ones(1, dtype=dtype))

    def parameters(self):
        return [self.scale]

    def on_loss(self, loss, model, batch):
        return loss * self.scale.square().sum() + (self.scale - 0.5).square().sum()


class Trouble(Callback):
    """At one step of one process: a NaN, a kill, or an error."""

    def __init__(self, kind, rank, step):
        self.kind, self.rank, self.left = kind, rank, step

    def on_loss(self, loss, model, batch):
        self.left -= 1
        if self.left == 0 and self.rank == RANK:
            if self.kind == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            if self.kind == "error":
                raise RuntimeError("trouble on purpose")
            return loss * torch.nan
        return loss


def make_problem(task, dtype):
    """A link problem of 101 samples a stage."""
    problem = task.prepare(load("sbm-tiny", "link"), seed=0)

    def typed(part):
        return replace(part, inputs=replace(part.inputs, x=part.inputs.x.to(dtype)))

    def stage(part):
        part = typed(part)
        if part.own_negatives:
            return part
        negatives = part.neg_source[:NEGATIVES], part.neg_target[:NEGATIVES]
        return replace(
            part, pos=part.pos[:POSITIVES], neg_source=negatives[0], neg_target=negatives[1]
        )

    return replace(
        problem, train=typed(problem.train), val=stage(problem.val), test=stage(problem.test)
    )


DEFAULTS = {
    "dtype": "float64",
    "task": {},
    "net": {},
    "recipe": {},
    "callback": False,
    "run_dir": None,
    "stop": None,
    "trouble": None,
    "anomaly": False,
    "node": False,
    "model": None,
}


def train(folder, name, options):
    """Train as the options say; write what came out, or the error."""
    dtype = getattr(torch, options.dtype)
    task = Watched("random-85-5-10", **{"batch_size": 61, "eval_batch_size": 17, **options.task})
    problem = make_problem(task, dtype)
    kwargs = {**task.model_kwargs(problem), **options.net}
    if options.node:
        task = NodeClassification("random-20-30")
        problem = task.prepare(load("sbm-tiny", "node"), seed=0)
        model = build_model(find_model("mlp"), task.model_kwargs(problem), 0)
    elif options.model is None:
        del kwargs["num_ids"]
        model = build_model(Small, kwargs, 0).to(dtype)
    else:
        model = build_model(find_model(options.model), kwargs, 0).to(dtype)
    callbacks = [Scale(dtype)] if options.callback else []
    callbacks += [Trouble(*options.trouble)] if options.trouble else []
    events, left = [], [options.stop]

    def stop():
        if left[0] is None or RANK != 1:  # one process alone is asked to stop
            return False
        left[0] -= 1
        return left[0] <= 0

    found = {"rank": RANK}
    before = torch.get_rng_state()
    try:
        result = Trainer(
            callbacks=callbacks, log=events.append, detect_anomaly=options.anomaly
        ).fit(
            model,
            task,
            problem,
            recipe=Recipe(**{"epochs": 3, **options.recipe}),
            seed=5,
            run_dir=options.run_dir,
            stop_requested=stop,
        )
    except GraphlabError as error:
        found |= {"error": type(error).__name__, "message": str(error)}
    else:
        names = ("status", "history", "metrics", "best_epoch", "resumed_epoch")
        found |= {name: getattr(result, name) for name in names}
    found["rng_unchanged"] = torch.equal(before, torch.get_rng_state())
    found |= {
        "events": events,
        "own": getattr(task, "own", []),
        "evaluated": getattr(task, "evaluated", []),
    }
    (folder / f"{name}-{RANK}.json").write_text(json.dumps(found))
    extra = [parameter for callback in callbacks for parameter in callback.parameters()]
    state = {**model.state_dict(), **{f"extra{i}": value for i, value in enumerate(extra)}}
    torch.save(state, folder / f"{name}-{RANK}.pt")


def main():
    torch.set_num_threads(1)
    for name, given in json.loads(sys.argv[2]).items():
        train(Path(sys.argv[1]), name, SimpleNamespace(**{**DEFAULTS, **given}))


if __name__ == "__main__":
    main()
