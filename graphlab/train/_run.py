"""What one training owns besides the model: optimiser, schedule, best state, clock, checkpoints."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from graphlab.errors import CheckpointError, NonFiniteError
from graphlab.io import canonical_json, sha256_bytes
from graphlab.seeding import derive_seed
from graphlab.train._clock import Clock
from graphlab.train._processes import Processes, make_accelerator
from graphlab.train.checkpoint import (
    LAST,
    load_checkpoint,
    make_folder,
    newest_checkpoint,
    save_checkpoint,
)
from graphlab.train.optim import Schedule, make_optimizer
from graphlab.train.recipes import RESULT_VERSION, Recipe
from graphlab.train.selection import Selection
from graphlab.train.step import TrainStep

if TYPE_CHECKING:
    from pathlib import Path

    from graphlab.tasks.base import Problem, Task
    from graphlab.train.callbacks import Callback
    from graphlab.train.result import Status

__all__ = ["BestState", "Run", "TrainingDiverged"]


class TrainingDiverged(NonFiniteError):
    """A loss, gradient or score became NaN or infinite in training.

    Args:
        message: What was not finite, and what to try.
        epoch: Where it was first seen, counted from 1.
        step: Batch of that epoch, counted from 1; 0 for its evaluation.
    """

    def __init__(self, message: str, epoch: int, step: int = 0) -> None:
        super().__init__(message)
        self.epoch = epoch
        self.step = step


class BestState:
    """The best parameters and buffers so far, copied into buffers that are allocated once."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def take(self, model: nn.Module) -> None:
        """Copy the model's state; early in a training nearly every epoch improves."""
        for name, value in model.state_dict().items():
            kept = self.values.get(name)
            if not isinstance(value, Tensor):
                self.values[name] = value
            elif isinstance(kept, Tensor) and kept.shape == value.shape:
                kept.copy_(value)
            else:
                self.values[name] = value.clone()


class Run:
    """State of one training, from its first epoch or from a checkpoint.

    Args:
        model: Moved to the device.
        task: Defines loss and metrics.
        problem: Is trained on.
        recipe: How.
        seed: Of dropout and of everything else drawn in training.
        device: Where.
        callbacks: Take part in the training.
        run_dir: Folder of the checkpoints, or None for none.
        tell: Receives messages about damaged checkpoints.
    """

    def __init__(
        self,
        model: nn.Module,
        task: Task,
        problem: Problem,
        recipe: Recipe,
        *,
        seed: int,
        device: torch.device,
        callbacks: tuple[Callback, ...] = (),
        run_dir: Path | None = None,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        self.clock = Clock()
        self._saved = time.monotonic()
        self.model, self.task, self.problem, self.recipe = model.to(device), task, problem, recipe
        self.seed, self.device, self.callbacks = seed, device, callbacks
        self.path = None if run_dir is None else run_dir / LAST
        self.accelerator = make_accelerator(recipe.precision, device)
        self.processes = Processes(self.accelerator, device)
        self.processes.check(task)
        step = TrainStep(task, model, callbacks)
        self.step: nn.Module = self.accelerator.prepare_model(step, device_placement=False)
        extra = [p for callback in callbacks for p in callback.parameters()]
        optimizer = make_optimizer(model, recipe, extra)
        self.selection = Selection(recipe, task, problem)
        self.schedule = Schedule(optimizer, recipe, lower=self.selection.lower)
        # Accelerate's wrapper of the optimiser serves the loss scaler of fp16. Without one it
        # only costs: at every step it searches the disk for an optional package.
        self.optimizer: torch.optim.Optimizer = optimizer
        if self.accelerator.scaler is not None:
            self.optimizer = self.accelerator.prepare_optimizer(optimizer, device_placement=False)
        self.best = BestState()
        self.history: list[dict[str, float]] = []
        self.epoch, self.steps, self.loss_sum = 1, 0, 0.0
        self.resumed_epoch: int | None = None
        self._rng: list[Tensor] | None = None
        self._last_norm = 0.0
        self._has_trained = False
        self._fingerprint = ""
        if run_dir is not None:
            self._resume(run_dir, tell)
        self.clock.prepared()

    def begin(self, epoch: int) -> Problem:
        """Start or continue an epoch: seeds, rates, callbacks, training mode."""
        if epoch != self.epoch or self._rng is None:
            self.epoch, self.steps, self.loss_sum = epoch, 0, 0.0
        rank = self.processes.rank  # each process drops units of its own part
        purpose = f"dropout-{epoch}" if rank == 0 else f"dropout-{epoch}-process-{rank}"
        seed_dropout(derive_seed(self.seed, purpose), self.device)
        self.schedule.start(epoch)
        problem = self.problem
        for callback in self.callbacks:
            problem = callback.on_epoch_start(self.model, problem, epoch)
        self.step.train()
        return problem

    def remaining(self, batches: Iterable[Any]) -> Iterator[Any]:
        """Skip the batches that were done before the checkpoint, then restore its random state."""
        iterator = iter(batches)
        if self._rng is not None:
            next(islice(iterator, self.steps, self.steps), None)
            if self._rng:
                set_rng(self._rng, self.device)
            self._rng = None
        return iterator

    def loss(self, batch: Any) -> Tensor:  # noqa: ANN401  (the task's batch)
        """Return the loss of a batch, or of this process's part of it, weighted."""
        given: tuple[Any, ...] = (batch,)
        if self.processes.world > 1:
            given = self.processes.part(self.task, batch)
        loss: Tensor = self.step(*given)
        return loss

    def note_loss(self, value: float) -> None:
        """Count a step and add its loss to the epoch's mean."""
        value = self.processes.mean(value)
        self.steps += 1
        self._has_trained = True
        if not math.isfinite(value):
            raise TrainingDiverged(
                f"The training loss is {value} at epoch {self.epoch}, step {self.steps}. "
                "Lower the learning rate, or set clip_norm.",
                self.epoch,
                self.steps,
            )
        self.loss_sum += value

    def clip_gradients(self) -> None:
        """Bound the gradient norm of each parameter group by the recipe's value."""
        for group in self.optimizer.param_groups:
            self.accelerator.clip_grad_norm_(group["params"], self.recipe.clip_norm)

    def check_gradients(self) -> None:
        """Name the first parameter whose gradient is not finite."""
        for name, parameter in self.step.named_parameters():
            if parameter.grad is not None and not bool(torch.isfinite(parameter.grad).all()):
                raise TrainingDiverged(
                    f"The gradient of {name.removeprefix('model.')} is not finite at epoch "
                    f"{self.epoch}, step {self.steps + 1}.",
                    self.epoch,
                    self.steps + 1,
                )

    def gradient_norm(self) -> float:
        """Norm of the last step's gradient over all parameters, even if a checkpoint followed."""
        every = [p.grad for g in self.optimizer.param_groups for p in g["params"]]
        gradients = [gradient for gradient in every if gradient is not None]
        if not gradients:
            return self._last_norm
        return float(torch.nn.utils.get_total_norm(gradients))

    @contextmanager
    def evaluation(self) -> Iterator[None]:
        """Evaluation mode: no gradients, the recipe's precision."""
        self.model.eval()
        self.processes.align(self.model)
        # A continued epoch may evaluate before it trains. What a model caches then must serve
        # training too, which tensors made in inference mode cannot.
        without_gradients = torch.inference_mode if self._has_trained else torch.no_grad
        with without_gradients():
            if self.recipe.precision == "no":
                yield
            else:
                with self.accelerator.autocast():
                    yield

    def out_of_time(self) -> bool:
        """Whether the recipe's ``max_seconds`` are over."""
        limit = self.recipe.max_seconds
        return limit is not None and self.clock.elapsed() > limit

    def end_step(self, *, stop: bool) -> Status:
        """Write a checkpoint if one is due; tell how the training goes on after this step.

        Args:
            stop: Whether somebody wants it to end; of several processes one is enough.
        """
        due = self.path is not None and (
            time.monotonic() - self._saved >= self.recipe.checkpoint_seconds
        )
        # one answer for all processes, which must do the same
        stop, late, due = self.processes.any(stop, self.out_of_time(), due)
        if stop or (due and not late):
            self.save()
        return "interrupted" if stop else "timeout" if late else "done"

    def save(self) -> None:
        """Write a checkpoint that continues after the last step; process 0 writes for all."""
        if self.path is None:
            return
        rng, *others = self.processes.states(get_rng(self.device))
        if not self.processes.main:
            return
        scaler = self.accelerator.scaler
        save_checkpoint(
            self.path,
            {
                "fingerprint": self._fingerprint,
                "epoch": self.epoch,
                "steps": self.steps,
                "loss_sum": self.loss_sum,
                "grad_norm": self.gradient_norm(),
                "clock": self.clock.state_dict(),
                "rng": rng,
                "others": others,
                "model": self.model.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "schedule": self.schedule.state_dict(),
                "scaler": {} if scaler is None else scaler.state_dict(),
                "callbacks": [callback.state_dict() for callback in self.callbacks],
                "extra": [p.detach() for c in self.callbacks for p in c.parameters()],
                "best": self.best.values,
                "history": self.history,
            },
        )
        self._saved = time.monotonic()

    def _resume(self, run_dir: Path, tell: Callable[[str], None] | None) -> None:
        self._fingerprint = self._configuration()
        state = self._load(run_dir, tell)
        if state is None:
            return
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        if self.accelerator.scaler is not None:
            self.accelerator.scaler.load_state_dict(state["scaler"])
        extra = [p for callback in self.callbacks for p in callback.parameters()]
        with torch.no_grad():
            for parameter, value in zip(extra, state["extra"], strict=True):
                parameter.copy_(value)
        for callback, remembered in zip(self.callbacks, state["callbacks"], strict=True):
            callback.load_state_dict(remembered)
        self.best.values = {
            name: value.to(self.device) if isinstance(value, Tensor) else value
            for name, value in state["best"].items()
        }
        self.history = state["history"]
        for row in self.history:
            values = validation_values(row)
            if values:
                self.selection.update(int(row["epoch"]), values)
        self.epoch, self.steps = state["epoch"], state["steps"]
        self.loss_sum, self._last_norm = state["loss_sum"], state["grad_norm"]
        states = [state["rng"], *state.get("others", ())]
        # where more processes go on than there were, the new ones begin their own streams
        self._rng = states[self.processes.rank] if self.processes.rank < len(states) else []
        if len(states) != self.processes.world and self.processes.main and tell is not None:
            tell(
                f"The checkpoint is of a training on {len(states)} processes, continued on "
                f"{self.processes.world}: the result is equal up to rounding and dropout alone."
            )
        self.clock.load_state_dict(state["clock"])
        self.resumed_epoch = self.epoch

    def _load(self, run_dir: Path, tell: Callable[[str], None] | None) -> dict[str, Any] | None:
        """Read the newest intact checkpoint; process 0 chooses and judges it for all."""
        state: dict[str, Any] | None = None
        refused: CheckpointError | None = None
        if self.processes.main:
            try:
                make_folder(run_dir)
                state = load_checkpoint(run_dir, self._fingerprint, report=tell)
            except CheckpointError as error:
                refused = error
        found, failed = self.processes.any(state is not None, refused is not None)
        if failed:
            raise refused or CheckpointError(f"Process 0 cannot use the checkpoint in {run_dir}.")
        if found and state is None:
            state = newest_checkpoint(run_dir)
        return state

    def _configuration(self) -> str:
        """Hash of what decides this training, so that no other's checkpoint is continued."""
        model, task = self.model, self.task
        config = {
            "version": RESULT_VERSION,
            "recipe": self.recipe.result_fields(),
            "seed": self.seed,
            "task": [type(task).__qualname__, _plain(getattr(task, "__dict__", {}))],
            "split": self.problem.split_digest,
            "data": getattr(self.problem, "data_digest", None),  # where the task knows one
            "model": [type(model).__qualname__, _plain(getattr(model, "_graphlab_config", {}))],
            "shapes": {name: list(p.shape) for name, p in model.named_parameters()},
            "callbacks": [type(callback).__qualname__ for callback in self.callbacks],
        }
        return sha256_bytes(canonical_json(config).encode())


def validation_values(row: Mapping[str, float]) -> dict[str, float]:
    """Return the validation values of a row of the history, without their prefix."""
    return {key.removeprefix("val_"): v for key, v in row.items() if key.startswith("val_")}


def seed_dropout(seed: int, device: torch.device) -> None:
    """Seed torch's global generators of the CPU and of the device in use, and no others.

    ``torch.manual_seed`` costs 0.1 ms where a GPU library is not initialised: for each it
    queues a call with the stack of its caller.
    """
    torch.default_generator.manual_seed(seed)
    if device.type != "cpu":
        module = torch.get_device_module(device)
        getattr(module, "manual_seed_all", module.manual_seed)(seed)


def get_rng(device: torch.device) -> list[Tensor]:
    """Return the states of the generators that :func:`seed_dropout` seeds."""
    states = [torch.get_rng_state()]
    if device.type != "cpu":
        states.append(torch.get_device_module(device).get_rng_state(*_index_of(device)))
    return states


def set_rng(states: list[Tensor], device: torch.device) -> None:
    """Restore what :func:`get_rng` returned."""
    torch.set_rng_state(states[0])
    if device.type != "cpu":
        torch.get_device_module(device).set_rng_state(states[1], *_index_of(device))


def _index_of(device: torch.device) -> tuple[torch.device, ...]:
    return () if device.type == "mps" else (device,)  # there is one, and it takes no argument


def _plain(value: Any) -> Any:  # noqa: ANN401  (any attribute)
    """Reduce a value to JSON; what is no plain value counts by its type."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return type(value).__qualname__
