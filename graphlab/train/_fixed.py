"""A model that has nothing to learn: it is evaluated once, by the same rules as a trained one."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import nn

from graphlab.train._clock import Clock
from graphlab.train.selection import Selection

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from graphlab.tasks.base import Problem, Task
    from graphlab.train.callbacks import Callback
    from graphlab.train.recipes import Recipe

__all__ = ["FixedModel", "is_trainable"]


class FixedModel:
    """What evaluating a model needs where no optimiser, schedule or checkpoint is.

    Args:
        model: Moved to the device.
        task: Defines metrics.
        problem: Is evaluated on.
        recipe: Names the monitored value; nothing else of it is used.
        device: Where.

    Raises:
        ConfigError: The monitored value is none of the task.
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
        self.selection = Selection(recipe, task)
        self.clock.prepared()

    @contextmanager
    def evaluation(self) -> Iterator[None]:
        """Evaluation mode, no gradients."""
        self.model.eval()
        with torch.inference_mode():
            yield


def is_trainable(model: nn.Module, callbacks: Sequence[Callback] = ()) -> bool:
    """Whether the model, or a callback, has a parameter that takes gradients."""
    own = any(parameter.requires_grad for parameter in model.parameters())
    return own or any(True for callback in callbacks for _ in callback.parameters())
