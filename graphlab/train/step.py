"""The training step as a module: what a distributed wrapper sees is its ``forward`` only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graphlab.tasks.base import Task
    from graphlab.train.callbacks import Callback

__all__ = ["TrainStep"]


class TrainStep(nn.Module):
    """Task and model as one module from batch to loss.

    Autocasting and gradient averaging hook into ``forward``; models keep natural methods of
    their own (``encode``, ``score``), which such wrappers would not see.

    Args:
        task: Defines the loss.
        model: Is trained.
        callbacks: May change the loss, in this order.

    Shapes:
        - returns: scalar
    """

    def __init__(self, task: Task, model: nn.Module, callbacks: Sequence[Callback] = ()) -> None:
        super().__init__()
        self.model = model
        self.task = task
        self.callbacks = tuple(callbacks)
        # listed here so that a distributed wrapper averages their gradients too
        self.extra = nn.ParameterList(p for callback in callbacks for p in callback.parameters())

    def forward(self, batch: Any, weight: float | None = None) -> Tensor:  # noqa: ANN401
        """Return the loss of one batch, times a weight where it is a part of one."""
        loss = self.task.loss(self.model, batch)
        added = getattr(self.model, "added_loss", None)  # of its last forward pass
        own = added() if added is not None else None
        loss = loss if own is None else loss + own
        for callback in self.callbacks:
            loss = callback.on_loss(loss, self.model, batch)
        return loss if weight is None else loss * weight
