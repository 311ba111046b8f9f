"""What a task is: the owner of split, loss, metric and leakage rules of one protocol."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Iterable

    import torch
    from torch import Tensor, nn

__all__ = [
    "Metric",
    "Predictions",
    "Problem",
    "SharedTask",
    "Stage",
    "Task",
    "lower_is_better",
    "reported",
]

Stage = Literal["train", "val", "test"]


@dataclass(frozen=True)
class Predictions:
    """Scores of one stage beside what they should have been.

    Rows may be nodes, candidate links or graphs. Links ranked against negatives of their own
    have one row a positive: its score first, then its negatives, and ``target`` 0.

    Args:
        scores: What the model says.
        target: What is true.
        index: Which sample each row is, so that rows gathered from several processes can be
            brought into order and counted once.
        metrics: What to compute of them; empty: all metrics of the task.

    Shapes:
        - ``scores``: (B,) or (B, C) float
        - ``target``: (B,)
        - ``index``: (B,) int64
    """

    scores: Tensor
    target: Tensor
    index: Tensor
    metrics: tuple[Metric, ...] = ()


class Metric(Protocol):
    """A number computed from predictions, with its name, direction and range."""

    @property
    def name(self) -> str:
        """Key in results, column in tables."""

    @property
    def higher_is_better(self) -> bool:
        """Direction."""

    @property
    def bounds(self) -> tuple[float, float]:
        """Smallest and largest possible value."""

    @property
    def unit(self) -> str:
        """What the number counts, e.g. ``"fraction"``."""

    def __call__(self, predictions: Predictions) -> float:
        """Return the value. Raises NonFiniteError on NaN or infinite scores."""


class Problem(Protocol):
    """A task applied to data under one seed: split, inputs, labels, on one device."""

    @property
    def train(self) -> Any:  # noqa: ANN401  (each task family has its own)
        """Inputs and labels that training may see. Nothing of val or test is reachable."""

    @property
    def seed(self) -> int:
        """Seed of the split, the negatives and the order of batches."""

    @property
    def split_digest(self) -> str:
        """SHA-256 of the split's index arrays."""


class Task(Protocol):
    """One protocol: how data is split, what is learnt, and how it is measured.

    Everything random in it is a function of the seed and the epoch, drawn from generators of
    its own; the global generators belong to dropout.
    """

    @property
    def name(self) -> str:
        """Family: ``"node"``, ``"link"``, ``"graph"``, ``"temporal"``."""

    @property
    def protocol(self) -> str:
        """Id of the rules; results of two protocols never share a column."""

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Metrics that :meth:`evaluate` may report."""

    @property
    def monitor(self) -> str:
        """Name of the metric that tables show."""

    def prepare(
        self,
        data: Any,  # noqa: ANN401  (what graphlab.datasets.load returns, or a like object)
        seed: int,
        *,
        fold: int | None = None,
        sparse_ok: bool = True,
        device: str | torch.device = "cpu",
    ) -> Problem:
        """Split the data and move it to the device; the same seed gives the same problem."""

    def model_kwargs(self, problem: Any) -> dict[str, Any]:  # noqa: ANN401
        """Return the constructor arguments that follow from the data, such as ``in_channels``."""

    def train_batches(self, problem: Any, epoch: int) -> Iterable[Any]:  # noqa: ANN401
        """Yield an epoch's batches, made from ``problem.train`` alone.

        Their order is a function of (seed, epoch) only: a resumed epoch skips those it has done.
        """

    def loss(self, model: nn.Module, batch: Any) -> Tensor:  # noqa: ANN401
        """Return the scalar training loss of a batch."""

    def predict(self, model: nn.Module, problem: Any, stage: Stage) -> Predictions:  # noqa: ANN401
        """Score one stage. The caller sets evaluation mode and switches gradients off."""

    def evaluate(self, predictions: Predictions) -> dict[str, float]:
        """Return the metrics by name, and ``"loss"`` where one is defined."""


@runtime_checkable
class SharedTask(Protocol):
    """What a task has besides, if several processes can train one model on it.

    Its loss of a batch is a mean over the batch's samples, so that the parts' losses, weighted by
    their shares, add up to it.
    """

    def batch_part(self, batch: Any, *, rank: int, world: int) -> tuple[Any, float]:  # noqa: ANN401
        """Return the part of a batch that process ``rank`` of ``world`` learns, and its share.

        The shares of all processes add up to 1. A process without a sample of its own gets some
        other one and the share 0: all take part in every step.
        """

    def predict_part(
        self,
        model: nn.Module,
        problem: Any,  # noqa: ANN401
        stage: Stage,
        *,
        rank: int,
        world: int,
    ) -> Predictions:
        """Score a part of a stage; each sample is in the part of one process, with its number."""


def reported(task: Task, problem: Problem | None) -> tuple[Metric, ...]:
    """Return the metrics that are reported, the one that is shown first.

    A problem whose data decide of them has ``metrics``; of the others the task knows.
    """
    own: tuple[Metric, ...] | None = getattr(problem, "metrics", None)
    return own or tuple(sorted(task.metrics, key=lambda metric: metric.name != task.monitor))


def lower_is_better(task: Task, name: str) -> bool:
    """Tell the direction of a value that ``task.evaluate`` reports; the loss falls.

    Raises:
        KeyError: No metric of the task has this name.
    """
    if name == "loss":
        return True
    return not {metric.name: metric for metric in task.metrics}[name].higher_is_better
