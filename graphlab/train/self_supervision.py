"""Self-supervision as a part of training: pretext tasks beside the classification of nodes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn

from graphlab.errors import CheckpointError, InputError
from graphlab.seeding import derive_seed, preserve_rng
from graphlab.ssl._input import PretextInput, check_finite
from graphlab.ssl.base import PretextTask
from graphlab.ssl.catalogue import complete, default_weight, setting_problem
from graphlab.ssl.embedding import EmbeddingChoice, EmbeddingReader
from graphlab.ssl.making import make_task
from graphlab.train._run import TrainingDiverged, seed_dropout
from graphlab.train.callbacks import Callback
from graphlab.train.optim import make_optimizer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from graphlab.train.recipes import Recipe

__all__ = ["SelfSupervision"]


class SelfSupervision(Callback):
    r"""Trains a node model on pretext tasks as well [jin2020]_.

    Joint training minimises :math:`L_{task} + \sum_k \lambda_k L_k`, where each task has a linear
    head of its own that reads the model's hidden units; what these are of any model is found by
    :class:`graphlab.ssl.EmbeddingReader`. Training in two stages first minimises the pretext
    losses alone for ``pretrain_epochs`` epochs, with an optimiser of its own of the recipe's
    rates; the heads are then dropped, and the epochs of the recipe follow.

    Give it to :class:`~graphlab.train.Trainer` as a callback, or name its settings in the recipe,
    ``Recipe(ssl={"task": "distance2labeled", "lam": 10.0})``. Where a task masks features or edges
    the model is trained on what is left; validation and test see everything. Tasks see the labels
    of training nodes alone. With weight 0 a task is left out, and the training is the one without.

    Args:
        tasks: A task, several, or a mapping of tasks to their weights.
        lam: Weight :math:`\lambda` of those without one. None: the authors' of the data set, else
            1, which ``notes`` then says.
        mode: ``"joint"`` or ``"two_stage"``.
        pretrain_epochs: Epochs of the first of two stages.
        embedding: What the heads read: ``"hidden"`` units, the model's ``"output"``, or ``"auto"``:
            hidden units where there are some.

    Attributes:
        history: A row an epoch: ``epoch``, ``ssl_loss`` (weighted sum); epochs of the first stage
            count from 1 - ``pretrain_epochs`` to 0.
        notes: What was chosen in place of something that is missing.
        weights: The weight of each task, by name; known once a training has begun.

    Raises:
        InputError: A setting out of range; in training, a problem that is not of nodes.

    Cost: the targets once, and an epoch the heads; a training epoch of the model in two stages.

    Example:
        >>> from graphlab.ssl import EdgeMask
        >>> SelfSupervision(EdgeMask(), lam=5.0)
        SelfSupervision(EdgeMask(), lam=5.0, mode='joint')
    """

    def __init__(
        self,
        tasks: PretextTask | Iterable[PretextTask] | Mapping[PretextTask, float | None],
        lam: float | None = None,
        *,
        mode: Literal["joint", "two_stage"] = "joint",
        pretrain_epochs: int = 200,
        embedding: EmbeddingChoice = "auto",
    ) -> None:
        given = {"mode": mode, "pretrain_epochs": pretrain_epochs, "embedding": embedding}
        problem = setting_problem({"task": "nodeproperty", "lam": lam, **given})
        if problem is not None:
            raise InputError(problem)
        if isinstance(tasks, PretextTask):
            tasks = {tasks: lam}
        if not isinstance(tasks, Mapping):
            tasks = dict.fromkeys(tasks, lam)
        self._tasks = {task: lam if own is None else own for task, own in tasks.items()}
        self._check_tasks()
        self.lam, self.mode, self.pretrain_epochs = lam, mode, pretrain_epochs
        self.embedding: EmbeddingChoice = embedding
        self.notes: list[str] = []
        self.weights: dict[str, float] = {}
        self.history: list[dict[str, float]] = []
        self._active: list[tuple[PretextTask, float]] = []
        self._reader: EmbeddingReader | None = None
        self._recipe: Recipe | None = None
        self._seed, self._last, self._pretrained = 0, math.nan, False

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> SelfSupervision:
        """Build it from the settings that a recipe holds.

        Example:
            >>> SelfSupervision.from_settings({"task": "edgemask", "lam": 5.0})
            SelfSupervision(EdgeMask(), lam=5.0, mode='joint')
        """
        full: dict[str, Any] = complete(settings)
        named, options, compat = full["task"], full["options"], full["compat"]
        weights = named if isinstance(named, dict) else {named: full["lam"]}
        tasks = {make_task(k, options, compat=compat): lam for k, lam in weights.items()}
        rest = {name: full[name] for name in ("mode", "pretrain_epochs", "embedding")}
        return cls(tasks, **rest)

    def on_fit_start(
        self,
        model: nn.Module,
        problem: Any,  # noqa: ANN401  (each task family has its own)
        recipe: Recipe,
        seed: int,
    ) -> None:
        """Compute targets, find the hidden units, make the heads."""
        inputs: Any = getattr(problem, "inputs", None)
        train: Any = getattr(problem, "train", None)
        if inputs is None or not hasattr(problem, "num_classes") or not hasattr(train, "index"):
            raise InputError(
                f"self-supervision serves the classification of nodes, not "
                f"{type(problem).__name__}. Use task = 'node'."
            )
        self.notes, self.weights, self._active, self.history = [], {}, [], []
        self._recipe, self._seed, self._last, self._pretrained = recipe, seed, math.nan, False
        for task, own in self._tasks.items():
            self.weights[task.name] = lam = self._weight(task, own, problem.dataset)
            if lam > 0:
                self._active.append((task, lam))
        if not self._active:
            return
        check_finite(inputs.x)
        if getattr(model, "scores_nodes", False):  # the heads read every node
            whole: Any = model  # the flag is no attribute of every module
            whole.scores_nodes = False
        data = PretextInput(
            inputs.x, inputs.graph, train.index.cpu(), train.target.cpu(), problem.num_classes, seed
        )
        self._reader = EmbeddingReader(
            model, inputs.x, inputs.graph, problem.num_classes, choice=self.embedding
        )
        for task, _ in self._active:
            task.prepare(data, dataset=problem.dataset)
            task.build_head(self._reader.width, device=inputs.x.device)
            self.notes.extend(f"{task.name}: {note}" for note in task.notes)

    def parameters(self) -> Iterable[nn.Parameter]:
        """Return the heads' parameters; in two stages they are gone when the recipe begins."""
        return self._heads() if self.mode == "joint" else ()

    def on_epoch_start(self, model: nn.Module, problem: Any, epoch: int) -> Any:  # noqa: ANN401
        """Mask the input and draw what an epoch needs; run the first of two stages."""
        if not self._active:
            return problem
        if self.mode == "two_stage":
            if not self._pretrained:
                with preserve_rng():
                    self._pretrain(model, problem)
                self._pretrained = True
            return problem
        self._reading.start()
        return self._begin(problem, epoch)

    def on_loss(self, loss: Tensor, model: nn.Module, batch: Any) -> Tensor:  # noqa: ANN401
        """Add the weighted losses of the tasks."""
        if not self._active or self.mode != "joint":
            return loss
        extra = self._loss()
        self._last = float(extra.detach())
        return loss + extra

    def on_epoch_end(
        self,
        model: nn.Module,
        problem: Any,  # noqa: ANN401
        epoch: int,
        values: Mapping[str, float],
    ) -> None:
        """Note the loss of the tasks."""
        if self._active and self.mode == "joint":
            self._reading.stop()
            self.history.append({"epoch": epoch, "ssl_loss": self._last})

    def state_dict(self) -> dict[str, Any]:
        """Return the settings, and what was noted; heads are parameters, the rest is drawn anew."""
        return {
            "settings": self._settings(),
            "pretrained": self._pretrained,
            "history": self.history,
            "last": self._last,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over a remembered state.

        Raises:
            CheckpointError: It is of other settings: the training cannot be continued exactly.
        """
        if state["settings"] != self._settings():
            raise CheckpointError(
                f"the checkpoint was trained with {state['settings']}, not with "
                f"{self._settings()}. Use its settings, or another folder."
            )
        self.history = [dict(row) for row in state["history"]]
        self._pretrained, self._last = bool(state["pretrained"]), float(state["last"])

    def __repr__(self) -> str:
        listed = ", ".join(repr(task) for task in self._tasks)
        own = set(self._tasks.values())
        lam = f", lam={own.pop()}" if len(own) == 1 else ""
        return f"SelfSupervision({listed}{lam}, mode={self.mode!r})"

    @property
    def _reading(self) -> EmbeddingReader:
        assert self._reader is not None  # noqa: S101  (made by on_fit_start)
        return self._reader

    def _check_tasks(self) -> None:
        wrong = [task for task in self._tasks if not isinstance(task, PretextTask)]
        if wrong or not self._tasks:
            raise InputError(f"tasks holds {wrong or 'nothing'}; expected pretext tasks.")
        for task, lam in self._tasks.items():
            if lam is not None and not 0 <= lam < math.inf:
                raise InputError(f"the weight of {task} is {lam}, expected a finite number >= 0.")
        names = [task.name for task in self._tasks]
        if len(set(names)) < len(names):
            raise InputError(f"tasks holds the same task twice ({', '.join(names)}).")

    def _weight(self, task: PretextTask, own: float | None, dataset: str) -> float:
        if own is not None:
            return float(own)
        source = getattr(task, "source", "lp")
        known = default_weight(task.name, dataset, {"source": source})
        if known is None:
            self.notes.append(f"{task.name}: weight 1, there is none of the authors for this set")
        return 1.0 if known is None else known

    def _settings(self) -> list[object]:
        tasks = [[repr(task), lam] for task, lam in self._tasks.items()]
        return [tasks, self.mode, self.pretrain_epochs, self.embedding]

    def _heads(self) -> list[nn.Parameter]:
        return [parameter for task, _ in self._active for parameter in task.parameters()]

    def _begin(self, problem: Any, epoch: int) -> Any:  # noqa: ANN401
        """Return the problem of an epoch, with the inputs as the tasks mask them."""
        x, graph = problem.inputs.x, problem.inputs.graph
        for task, _ in self._active:
            task.start_epoch(epoch)
            x, graph = task.transform_parts(x, graph)
        if x is problem.inputs.x and graph is problem.inputs.graph:
            return problem
        inputs = replace(problem.inputs, x=x, graph=graph)
        return replace(problem, train=replace(problem.train, inputs=inputs))

    def _loss(self) -> Tensor:
        """Return the weighted sum of the tasks' losses of the model's latest call."""
        found = torch.zeros(())
        for number, (task, lam) in enumerate(self._active):
            own = task.before_dropout
            h = self._reading.take(before_dropout=own)
            part = lam * task.loss(h, dropout=self._reading.reads_before_dropout)
            found = part if number == 0 else found + part
        return found

    def _pretrain(self, model: nn.Module, problem: Any) -> None:  # noqa: ANN401
        """Minimise the losses of the tasks alone."""
        assert self._recipe is not None  # noqa: S101  (set by on_fit_start)
        optimizer = make_optimizer(model, self._recipe, self._heads())
        device = problem.inputs.x.device
        for epoch in range(1 - self.pretrain_epochs, 1):
            seed_dropout(derive_seed(self._seed, f"ssl-dropout-{epoch}"), device)
            inputs = self._begin(problem, epoch).inputs
            model.train()
            self._reading.start()
            model(inputs.x, inputs.graph)
            loss = self._loss()
            self._reading.stop()
            value = float(loss.detach())
            if not math.isfinite(value):
                raise TrainingDiverged(
                    f"The loss of the pretext tasks is {value} at epoch {epoch} (0 is the last "
                    "before the classification). Lower the learning rate.",
                    0,
                )
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # torch's own
            optimizer.step()
            self.history.append({"epoch": epoch, "ssl_loss": value})
