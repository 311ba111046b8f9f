"""Hooks of the training loop: self-supervision and edge re-weighting are written with these."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from torch import Tensor, nn

    from graphlab.train.recipes import Recipe

__all__ = ["Callback"]


class Callback(Protocol):
    """Something that takes part in a training. Subclass it and override what is needed.

    Resuming is exact when everything that a callback remembers is in its ``state_dict``, and
    everything random in it is a function of (seed, epoch). An epoch that is continued calls
    ``on_epoch_start`` again: change what is remembered in the other two hooks.

    Example:
        >>> class SmallWeights(Callback):
        ...     def on_loss(self, loss, model, batch):
        ...         return loss + 1e-3 * sum(p.square().sum() for p in model.parameters())
    """

    def on_fit_start(
        self,
        model: nn.Module,
        problem: Any,  # noqa: ANN401  (each task family has its own)
        recipe: Recipe,
        seed: int,
    ) -> None:
        """Called before anything is trained or continued: make what ``parameters`` returns."""
        return  # a body, so that subclasses need not define it

    def parameters(self) -> Iterable[nn.Parameter]:
        """Return parameters to train beside the model's, such as an auxiliary head's."""
        return ()

    def on_epoch_start(
        self,
        model: nn.Module,
        problem: Any,  # noqa: ANN401  (each task family has its own)
        epoch: int,
    ) -> Any:  # noqa: ANN401
        """Return the problem that this epoch trains on; validation and test use the original."""
        return problem

    def on_loss(
        self,
        loss: Tensor,
        model: nn.Module,
        batch: Any,  # noqa: ANN401
    ) -> Tensor:
        """Return the loss to minimise, given the task's loss of a batch."""
        return loss

    def on_epoch_end(
        self,
        model: nn.Module,
        problem: Any,  # noqa: ANN401
        epoch: int,
        values: Mapping[str, float],
    ) -> None:
        """Called after the epoch's evaluation with the epoch's row of the history."""

    def state_dict(self) -> dict[str, Any]:
        """Return what is remembered: tensors and plain values, for the checkpoint."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over a remembered state."""
