"""What a training returns, and whom it tells of its progress."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from graphlab.tasks.base import Predictions

__all__ = ["FitResult", "Progress", "Status"]

Status = Literal["done", "timeout", "interrupted"]


class Progress(Protocol):
    """Receives every epoch; the trainer itself prints nothing."""

    def update(self, epoch: int, epochs: int, values: dict[str, float]) -> None:
        """Called after each epoch with its row of the history; must be cheap."""


@dataclass(frozen=True)
class FitResult:
    """Outcome of a training.

    Args:
        status: ``"interrupted"`` runs have a checkpoint and no test metrics.
        best_epoch: The epoch whose state was selected, counted from 1; 0 if none was evaluated.
        epochs_run: Epochs trained, those before a checkpoint included.
        metrics: Stage -> name -> value, of the selected state.
        history: A row an epoch: ``epoch``, ``loss`` (training), ``val_*`` if evaluated, ``lr`` if
            scheduled, ``grad_norm`` (of the last step) in the first ten and every tenth.
        monitor: The validation value that selected the epoch.
        seconds: ``prepare`` (set-up), ``train`` (steps), ``evaluate``, and ``epoch_median``.
        resumed_epoch: The epoch at which a checkpoint was continued, or None.
        checkpoint: The newest checkpoint, if one was written.
        best_state: State dictionary of the selected epoch; the model holds it too.
        predictions: Test predictions of the selected state, or None.
    """

    status: Status
    best_epoch: int
    epochs_run: int
    metrics: dict[str, dict[str, float]]
    history: list[dict[str, float]]
    monitor: str
    seconds: dict[str, float]
    resumed_epoch: int | None
    checkpoint: Path | None
    best_state: dict[str, Tensor]
    predictions: Predictions | None
