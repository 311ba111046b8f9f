"""The training loop: one explicit loop for every task, in which the protocol can be read."""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphlab.errors import ConfigError, NonFiniteError
from graphlab.io import _fault_point
from graphlab.models.inference import attach
from graphlab.seeding import preserve_rng
from graphlab.train._fixed import FixedModel, fits_itself, is_trainable
from graphlab.train._processes import local_device
from graphlab.train._run import Run, TrainingDiverged, validation_values
from graphlab.train.recipes import Recipe
from graphlab.train.result import FitResult, Progress, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import torch
    from torch import nn

    from graphlab.tasks.base import Predictions, Problem, Stage, Task
    from graphlab.train.callbacks import Callback

__all__ = ["FitResult", "Progress", "Trainer", "TrainingDiverged"]

logger = logging.getLogger("graphlab")
# the gradient's norm is in the first ten rows of the history and in every tenth after them
_NORM_EVERY = 10


class Trainer:
    """Trains any model on any task by a recipe.

    Bit-equal on one machine with equal threads: the same seed, or a training that was
    interrupted anywhere and continued. Test data is touched once, after training.

    In processes that ``python -m torch.distributed.run`` has started, each calls ``fit`` with the
    same arguments. Then they train one model together: each learns its part of every batch and
    scores its part of every stage, all end with the same weights and the same result, process 0
    alone writes checkpoints and tells of the progress. A batch stays what it is in one process,
    so that losses and weights are equal up to rounding where nothing is dropped at random (each
    process draws its own dropout) and no statistics of a batch are taken (batch normalisation
    sees a part). It needs a task that can be shared, see ``graphlab.tasks.SharedTask``.

    Args:
        device: Any torch device; ``"cuda"`` is a GPU of its own for each process.
        callbacks: Hooks into the loop.
        progress: Is told of every epoch.
        log: Receives events as dictionaries, for an event file: ``evaluation`` (each epoch, its
            row of the history), ``resumed`` (epoch), ``warning`` (message).
        detect_anomaly: Check every gradient at every step and name the first that is not finite.

    Example:
        >>> Trainer(device="cpu").device
        device(type='cpu')
    """

    def __init__(
        self,
        *,
        device: str | torch.device = "cpu",
        callbacks: Sequence[Callback] = (),
        progress: Progress | None = None,
        log: Callable[[dict[str, Any]], None] | None = None,
        detect_anomaly: bool = False,
    ) -> None:
        self.device = local_device(device)
        self.callbacks = tuple(callbacks)
        self.progress = progress
        self.log = log
        self.detect_anomaly = detect_anomaly

    def fit(
        self,
        model: nn.Module,
        task: Task,
        problem: Problem,
        *,
        recipe: Recipe | None = None,
        run_dir: str | Path | None = None,
        seed: int = 0,
        stop_requested: Callable[[], bool] | None = None,
        evaluate_test: bool = True,
    ) -> FitResult:
        """Train a model, select an epoch by validation, test it once.

        The model ends in the selected state. The caller's random state is not changed; the
        model's initial weights are the caller's (see ``build_model``). A model without trainable
        parameters is evaluated once: zero epochs, no history, no checkpoint. So is one that fits
        itself (``fit_nodes``), after it has seen the training nodes once.

        Args:
            model: Trained in place.
            task: Defines loss and metrics.
            problem: From ``task.prepare``, on the trainer's device.
            recipe: How to train; default: ``Recipe()``.
            run_dir: Folder for checkpoints. A checkpoint that is found there is continued.
            seed: Of everything drawn in training.
            stop_requested: Asked after every step; if true, a checkpoint is written and the
                result's status is ``"interrupted"``.
            evaluate_test: Whether the selected state is tested. A search must not: without it
                nothing of the test stage is read, and ``metrics`` has no ``"test"``.

        Raises:
            TrainingDiverged: A loss or a score is NaN or infinite; names epoch and step.
            CheckpointError: ``run_dir`` holds another configuration's checkpoint.
            ConfigError: The recipe does not fit the model, the task or the device.
        """
        recipe = recipe or Recipe()
        preprocessing = getattr(task, "preprocessing", None)
        if preprocessing is not None:  # the model then prepares new features the same way
            attach(model, preprocessing=preprocessing)
        callbacks = (*self.callbacks, *_named_callbacks(recipe))
        if fits_itself(model) and recipe.ssl is not None:
            raise ConfigError(
                f"{type(model).__name__} fits itself to labelled nodes in no epoch, so no pretext "
                "task can be trained with it: leave ssl out."
            )
        if not fits_itself(model):
            model.to(self.device)
            for callback in callbacks:
                callback.on_fit_start(model, problem, recipe, seed)
        if fits_itself(model) or not is_trainable(model, callbacks):
            return self._without_training(model, task, problem, recipe, test=evaluate_test)
        with preserve_rng():
            run = Run(
                model,
                task,
                problem,
                recipe,
                seed=seed,
                device=self.device,
                callbacks=callbacks,
                run_dir=None if run_dir is None else Path(run_dir),
                tell=self._warn,
            )
            if run.resumed_epoch is not None and self.log is not None and run.processes.main:
                self.log({"event": "resumed", "epoch": run.resumed_epoch})
            status = self._train(run, stop_requested or (lambda: False))
            return self._finish(run, status, test=evaluate_test)

    def _train(self, run: Run, stop_requested: Callable[[], bool]) -> Status:
        """Run the epochs. Everything random in one is a function of (seed, epoch)."""
        recipe, task, optimizer, clock = run.recipe, run.task, run.optimizer, run.clock
        status: Status = "done"
        for epoch in range(run.epoch, recipe.epochs + 1):
            clock.start()
            problem = run.begin(epoch)
            for batch in run.remaining(task.train_batches(problem, epoch)):
                optimizer.zero_grad()
                loss = run.loss(batch)
                run.accelerator.backward(loss)
                if self.detect_anomaly:
                    run.check_gradients()
                if recipe.clip_norm is not None:
                    run.clip_gradients()
                optimizer.step()
                run.note_loss(loss.item())
                status = run.end_step(stop=stop_requested())
                if status == "interrupted":
                    return status
                if status == "timeout":
                    break
            row: dict[str, float] = {"epoch": epoch, "loss": run.loss_sum / max(run.steps, 1)}
            if recipe.schedule != "none" or recipe.warmup_epochs:
                row["lr"] = run.schedule.rate()
            if epoch <= _NORM_EVERY or epoch % _NORM_EVERY == 0:
                row["grad_norm"] = run.gradient_norm()
            clock.trained()

            evaluated = epoch % recipe.eval_every == 0 or epoch == recipe.epochs
            if evaluated or status == "timeout":
                values = self._evaluate(run, "val", epoch)[0]
                if run.selection.update(epoch, values) and recipe.select == "best":
                    run.best.take(run.model)
                run.schedule.observe(epoch, run.selection.value(values))
                row.update({f"val_{name}": value for name, value in values.items()})
            run.history.append(row)
            self._report(run, row)
            _fault_point(f"epoch:{epoch}")
            clock.evaluated()

            if status == "timeout" or (evaluated and run.selection.should_stop(epoch)):
                break
            if recipe.stop == "min_lr" and run.schedule.exhausted():
                break
        return status

    def _without_training(
        self, model: nn.Module, task: Task, problem: Problem, recipe: Recipe, *, test: bool
    ) -> FitResult:
        """Evaluate a model that needs no epochs, on all stages that are asked for, once."""
        predictions = None
        with preserve_rng():
            run = FixedModel(model, task, problem, recipe, device=self.device)
            run.fit()
            run.clock.start()
            metrics = {"val": self._evaluate(run, "val", 0)[0]}
            run.selection.value(metrics["val"])  # refuses a monitor that is not reported
            metrics["train"] = self._evaluate(run, "train", 0)[0]
            if test:
                metrics["test"], predictions = self._evaluate(run, "test", 0)
            run.clock.evaluated()
        return FitResult(
            status="done",
            best_epoch=0,
            epochs_run=0,
            metrics=metrics,
            history=[],
            monitor=run.selection.monitor,
            seconds=run.clock.seconds(),
            resumed_epoch=None,
            checkpoint=None,
            best_state=model.state_dict(),
            predictions=predictions,
        )

    def _evaluate(
        self, run: Run | FixedModel, stage: Stage, epoch: int
    ) -> tuple[dict[str, float], Predictions]:
        try:
            with run.evaluation():
                predictions = run.processes.predict(run.task, run.model, run.problem, stage)
                values = run.processes.same(run.task.evaluate(predictions))
            for name, value in values.items():
                if not math.isfinite(value):
                    raise NonFiniteError(f"{name} is {value}.")
            return values, predictions
        except NonFiniteError as error:
            raise TrainingDiverged(f"Epoch {epoch}, {stage}: {error}", epoch) from error

    def _finish(self, run: Run, status: Status, *, test: bool) -> FitResult:
        """Load the selected state; unless the training goes on later, test it: once."""
        chosen = [row for row in run.history if validation_values(row)]
        if run.recipe.select == "best":
            chosen = [row for row in chosen if row["epoch"] == run.selection.best_epoch]
        best_epoch = int(chosen[-1]["epoch"]) if chosen else 0
        metrics = {"val": validation_values(chosen[-1])} if chosen else {}
        predictions = None
        if status != "interrupted":
            run.clock.start()
            if run.best.values:
                run.model.load_state_dict(run.best.values)
            metrics["train"] = self._evaluate(run, "train", best_epoch)[0]
            if test:
                metrics["test"], predictions = self._evaluate(run, "test", best_epoch)
            run.clock.evaluated()
        return FitResult(
            status=status,
            best_epoch=best_epoch,
            epochs_run=len(run.history),
            metrics=metrics,
            history=run.history,
            monitor=run.selection.monitor,
            seconds=run.clock.seconds(),
            resumed_epoch=run.resumed_epoch,
            checkpoint=run.path if run.path is not None and run.path.is_file() else None,
            best_state=run.best.values or run.model.state_dict(),
            predictions=predictions,
        )

    def _report(self, run: Run, row: dict[str, float]) -> None:
        for callback in run.callbacks:
            callback.on_epoch_end(run.model, run.problem, run.epoch, row)
        if not run.processes.main:
            return
        if self.progress is not None:
            self.progress.update(run.epoch, run.recipe.epochs, row)
        if self.log is not None:
            self.log({"event": "evaluation", **row})

    def _warn(self, message: str) -> None:
        logger.warning(message)
        if self.log is not None:
            self.log({"event": "warning", "message": message})


def _named_callbacks(recipe: Recipe) -> tuple[Callback, ...]:
    """Build the callbacks that a recipe names."""
    named: list[Callback] = []
    if recipe.reweight is not None:
        from graphlab.train.reweighting import EdgeReweighter

        settings: dict[str, Any] = recipe.reweight
        named.append(EdgeReweighter(**settings))
    if recipe.ssl is not None:
        from graphlab.train.self_supervision import SelfSupervision

        named.append(SelfSupervision.from_settings(recipe.ssl))
    return tuple(named)
