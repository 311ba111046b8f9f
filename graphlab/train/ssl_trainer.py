"""Self-supervised node classification in one call: encoder, task, data in; accuracy out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn

from graphlab.errors import InputError
from graphlab.graph import as_graph
from graphlab.registry import find_model
from graphlab.ssl.base import PretextTask
from graphlab.ssl.making import make_task
from graphlab.tasks.node import NodeBatch, NodeClassification, NodeInputs, NodeProblem
from graphlab.train.build import build_model
from graphlab.train.recipes import Recipe
from graphlab.train.self_supervision import SelfSupervision
from graphlab.train.trainer import Trainer
from graphlab.transforms.features import row_normalize

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from graphlab.ssl.embedding import EmbeddingChoice
    from graphlab.train.result import FitResult

__all__ = ["SSLResult", "SSLTrainer"]

_STAGES = ("train", "val", "test")
# The encoder and the training of the authors' code.
_GCN: dict[str, object] = {"hidden_channels": 128, "dropout": 0.5, "input_dropout": 0.0}
_RECIPE = Recipe(lr=0.01, weight_decay=5e-4, epochs=200, monitor="acc", ties="last")


@dataclass(frozen=True)
class SSLResult:
    """Outcome of :meth:`SSLTrainer.fit`.

    Args:
        test_acc: Accuracy on the test nodes of the selected epoch, a fraction.
        val_acc: The same on the validation nodes.
        history: A row an epoch: ``loss`` (of all that is minimised), ``ssl_loss`` (the weighted
            pretext losses in it), ``val_loss``, ``val_acc``; in two stages the first stage comes
            first, with epochs up to 0 and ``ssl_loss`` alone.
        weights: Weight of each task.
        notes: What was chosen in place of something that is missing.
        model: The trained model, in the selected state.
        fit: Everything else.
    """

    test_acc: float
    val_acc: float
    history: list[dict[str, float]]
    weights: dict[str, float]
    notes: tuple[str, ...]
    model: nn.Module
    fit: FitResult

    def plot(self, path: str | Path) -> None:
        """Draw the losses and the validation accuracy over the epochs into a file.

        Args:
            path: Its ending decides the format: png, svg, pdf.
        """
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        figure = Figure(figsize=(6.4, 4.8), layout="constrained")
        FigureCanvasAgg(figure)
        above, below = figure.subplots(2, 1, sharex=True)
        for axes, name, label in (
            (above, "loss", "training loss"),
            (above, "ssl_loss", "weighted pretext loss"),
            (below, "val_acc", "validation accuracy"),
        ):
            rows = [(row["epoch"], row[name]) for row in self.history if name in row]
            if rows:
                axes.plot(*zip(*rows, strict=True), label=label)
        above.set_ylabel("loss")
        below.set_ylabel("accuracy (fraction)")
        below.set_xlabel("epoch")
        for axes in (above, below):
            axes.legend()
        figure.savefig(path)


class SSLTrainer:
    """Trains an encoder beside pretext tasks: a short form of :class:`graphlab.train.Trainer`.

    Defaults are those of the authors' code [jin2020]_: a GCN of width 128, 200 epochs of Adam at
    a rate of 0.01 and weight decay 5e-4, the model of the best validation accuracy, the later of
    equals.

    Args:
        encoder: Name of a node model, its class, or a model (which is trained in place).
        task: A pretext task, its name, several, or a mapping of these to weights; None: the plain
            encoder.
        lam: Weight of the tasks without one, see :class:`graphlab.train.SelfSupervision`.
        mode: ``"joint"`` or ``"two_stage"``.
        epochs: Epochs of the classification.
        seed: Of weights, targets, dropout, and of the split where it is drawn.
        pretrain_epochs: Epochs of the first of two stages.
        embedding: What the heads read.
        encoder_options: Arguments of the model's constructor besides its sizes.
        feature_norm: ``"row"`` divides each feature row by its sum, or ``"none"``.
        feature_pca: Replaces the features by so many principal components, which the authors do
            for the task AttributeMask.
        recipe: How to train, in place of the default; ``epochs`` wins over it.
        device: Where.

    Example:
        >>> from graphlab.datasets import load
        >>> from graphlab.ssl import Distance2Labeled
        >>> trainer = SSLTrainer("gcn", Distance2Labeled(), lam=1.0, epochs=2)
        >>> sorted(trainer.fit(load("karate")).weights)
        ['distance2labeled']
    """

    def __init__(
        self,
        encoder: str | type[nn.Module] | nn.Module = "gcn",
        task: Any = None,  # noqa: ANN401  (task, name, several, mapping)
        lam: float | None = None,
        *,
        mode: Literal["joint", "two_stage"] = "joint",
        epochs: int = 200,
        seed: int = 0,
        pretrain_epochs: int = 200,
        embedding: EmbeddingChoice = "auto",
        encoder_options: Mapping[str, object] | None = None,
        feature_norm: Literal["none", "row"] = "row",
        feature_pca: int | None = None,
        recipe: Recipe | None = None,
        device: str | torch.device = "cpu",
    ) -> None:
        self.encoder, self.seed, self.device = encoder, seed, torch.device(device)
        self.recipe = replace(recipe or _RECIPE, epochs=epochs)
        self.encoder_options = dict(encoder_options or {})
        if encoder == "gcn":
            self.encoder_options = {**_GCN, **self.encoder_options}
        self.feature_norm: Literal["none", "row"] = feature_norm
        self.feature_pca = feature_pca
        tasks = _tasks(task, lam)
        self.supervision = None
        if tasks:
            self.supervision = SelfSupervision(
                tasks,
                lam,
                mode=mode,
                pretrain_epochs=pretrain_epochs,
                embedding=embedding,
            )

    def fit(self, data: Any, *, run_dir: str | Path | None = None) -> SSLResult:  # noqa: ANN401
        """Train, select by validation, test once.

        Args:
            data: A loaded set, under the protocol it was loaded with; or an object with ``x``,
                ``edge_index``, ``y`` and boolean masks ``train_mask``, ``val_mask``, ``test_mask``.
            run_dir: Folder for checkpoints; one that is found there is continued.

        Raises:
            InputError: Features, labels or masks are missing or do not fit.
        """
        protocol = getattr(data, "protocol", None) or "public"
        task = NodeClassification(
            protocol, feature_norm=self.feature_norm, metric="acc", feature_pca=self.feature_pca
        )
        if hasattr(data, "graph") and hasattr(data, "num_classes"):
            problem = task.prepare(
                data, self.seed, fold=getattr(data, "fold", None), device=self.device
            )
        else:
            problem = self._problem(task, data)
        model = self._model(task, problem)
        callbacks = () if self.supervision is None else (self.supervision,)
        trainer = Trainer(device=self.device, callbacks=callbacks)
        fit = trainer.fit(model, task, problem, recipe=self.recipe, run_dir=run_dir, seed=self.seed)
        return SSLResult(
            test_acc=fit.metrics["test"]["acc"],
            val_acc=fit.metrics["val"]["acc"],
            history=self._history(fit),
            weights={} if self.supervision is None else dict(self.supervision.weights),
            notes=() if self.supervision is None else tuple(self.supervision.notes),
            model=model,
            fit=fit,
        )

    def _model(self, task: NodeClassification, problem: NodeProblem) -> nn.Module:
        if isinstance(self.encoder, nn.Module):
            return self.encoder
        kwargs = {**task.model_kwargs(problem), **self.encoder_options}
        chosen = find_model(self.encoder) if isinstance(self.encoder, str) else self.encoder
        return build_model(chosen, kwargs, self.seed, device=self.device)

    def _history(self, fit: FitResult) -> list[dict[str, float]]:
        if self.supervision is None:
            return fit.history
        rows = {int(row["epoch"]): dict(row) for row in self.supervision.history}
        for row in fit.history:
            rows[int(row["epoch"])] = {**rows.get(int(row["epoch"]), {}), **row}
        return [rows[epoch] for epoch in sorted(rows)]

    def _problem(self, task: NodeClassification, data: Any) -> NodeProblem:  # noqa: ANN401
        """Build the problem of an object with masks."""
        missing = [
            name
            for name in ("x", "edge_index", "y", *(f"{stage}_mask" for stage in _STAGES))
            if getattr(data, name, None) is None
        ]
        if missing:
            raise InputError(
                f"data has no {', '.join(missing)}; expected x, edge_index, y, train_mask, "
                "val_mask and test_mask, or a loaded data set."
            )
        x = torch.as_tensor(data.x).to(self.device)
        x = row_normalize(x) if self.feature_norm == "row" else x
        if self.feature_pca is not None:
            from graphlab.transforms.components import principal_components

            x = principal_components(x, self.feature_pca)
        graph = as_graph(torch.as_tensor(data.edge_index), x.shape[0]).to(self.device)
        labels = torch.as_tensor(data.y).reshape(-1).to(torch.int64)
        inputs = NodeInputs(x, graph)
        masks = {stage: getattr(data, f"{stage}_mask") for stage in _STAGES}
        batches = {stage: _batch(inputs, labels, stage, mask) for stage, mask in masks.items()}
        known = getattr(data, "num_classes", None)
        classes = known if isinstance(known, int) and known > 0 else int(labels.max()) + 1
        return NodeProblem(
            **batches,
            num_classes=classes,
            metrics=task.metrics,
            split_digest="masks",
            seed=self.seed,
            dataset=str(getattr(data, "name", "")),
        )


def _batch(inputs: NodeInputs, labels: Tensor, stage: str, mask: Any) -> NodeBatch:  # noqa: ANN401
    chosen = torch.as_tensor(mask)
    if chosen.dtype != torch.bool or chosen.shape != labels.shape:
        raise InputError(
            f"{stage}_mask has type {chosen.dtype} and shape {tuple(chosen.shape)}; expected a "
            f"boolean mask of the {labels.numel()} nodes."
        )
    index = chosen.nonzero().squeeze(1)
    if not index.numel():
        raise InputError(f"{stage}_mask names no node.")
    device = inputs.x.device
    return NodeBatch(inputs, index.to(device), labels[index.to(labels.device)].to(device))


def _tasks(task: Any, lam: float | None) -> dict[PretextTask, float | None]:  # noqa: ANN401
    """Read a task, a name, several, or a mapping of these to weights."""
    if task is None:
        return {}
    if isinstance(task, str | PretextTask):
        task = {task: lam}
    items: Iterable[Any] = task.items() if hasattr(task, "items") else [(t, lam) for t in task]
    return {make_task(t) if isinstance(t, str) else t: own for t, own in items}
