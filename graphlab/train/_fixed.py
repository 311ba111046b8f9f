"""A model that needs no epochs: it is evaluated once, by the same rules as a trained one.

It has nothing to learn, or it learns at once: ``fit_nodes(x, graph, index, target)`` of the model
is called by the task with the training nodes, from which no other label can be reached.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import nn

from graphlab.errors import ConfigError
from graphlab.train._clock import Clock
from graphlab.train._processes import ALONE, Processes, make_accelerator, world_size
from graphlab.train.selection import Selection

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from graphlab.tasks.base import Problem, Task
    from graphlab.train.callbacks import Callback
    from graphlab.train.recipes import Recipe

__all__ = ["FixedModel", "fits_itself", "is_trainable"]


class FixedModel:
    """What evaluating a model needs where no optimiser, schedule or checkpoint is.

    Args:
        model: Moved to the device.
        task: Defines metrics.
        problem: Is evaluated on.
        recipe: Names the monitored value; nothing else of it is used.
        device: Where.

    Raises:
        ConfigError: The monitored value is none of the task, or the model fits itself and the
            task has no ``fit_at_once``.
    """

    def __init__(
        self,
        model: nn.Module,
        task: Task,
        problem: Problem,
        recipe: Recipe,
        *,
        device: torch.device,
    ) -> None:
        self.clock = Clock()
        self.model, self.task, self.problem = model.to(device), task, problem
        self.selection = Selection(recipe, task, problem)
        together = world_size() > 1
        self.processes = Processes(make_accelerator("no", device), device) if together else ALONE
        self.clock.prepared()

    def fit(self) -> None:
        """Let a model that fits itself see the training nodes; others stay as they are."""
        if not fits_itself(self.model):
            return
        fit_at_once = getattr(self.task, "fit_at_once", None)
        if fit_at_once is None:
            raise ConfigError(
                f"{type(self.model).__name__} fits itself to labelled nodes, which the task "
                f"{getattr(self.task, 'name', type(self.task).__name__)!r} has not."
            )
        self.clock.start()
        fit_at_once(self.model, self.problem.train)
        self.clock.trained()

    @contextmanager
    def evaluation(self) -> Iterator[None]:
        """Evaluation mode, no gradients."""
        self.model.eval()
        with torch.inference_mode():
            yield


def fits_itself(model: nn.Module) -> bool:
    """Whether the model learns at once, without epochs."""
    return callable(getattr(model, "fit_nodes", None))


def is_trainable(model: nn.Module, callbacks: Sequence[Callback] = ()) -> bool:
    """Whether the model, or a callback, has a parameter that takes gradients."""
    own = any(parameter.requires_grad for parameter in model.parameters())
    return own or any(True for callback in callbacks for _ in callback.parameters())
