"""Several processes that train one model: what they hand to each other, and agree upon.

A single process has nobody to talk to: every method then returns what it was given.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor, nn

from graphlab.errors import ConfigError, NonFiniteError
from graphlab.tasks.base import Predictions, SharedTask

if TYPE_CHECKING:
    from accelerate import Accelerator

    from graphlab.tasks.base import Problem, Stage, Task

__all__ = ["ALONE", "Processes", "local_device", "make_accelerator", "world_size"]

_Values = TypeVar("_Values", bound=Mapping[str, float])


def world_size() -> int:
    """Number of processes that were started for one training, by the environment."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_world_size()
    return int(os.environ.get("WORLD_SIZE", "1"))


def local_device(device: str | torch.device) -> torch.device:
    """Return the device of this process: ``"cuda"`` is a GPU of its own for each on a machine.

    Args:
        device: Any torch device.

    Raises:
        ConfigError: There are several processes, and the device names one GPU for all of them.

    Example:
        >>> local_device("cpu")
        device(type='cpu')
    """
    try:
        found = torch.device(device)
    except RuntimeError as error:
        raise ConfigError(f"device is {device!r}; expected 'cpu', 'cuda:0' or such.") from error
    world = world_size()
    if world == 1 or found.type == "cpu":
        return found
    own = int(os.environ.get("LOCAL_RANK", "0"))
    if found.type == "mps" or found.index not in {None, own}:
        raise ConfigError(
            f"device is {str(found)!r}, but {world} processes take one device each; "
            "use 'cuda' or 'cpu'."
        )
    return torch.device(found.type, own)


def make_accelerator(precision: str, device: torch.device) -> Accelerator:
    """Return an Accelerator for one training; it joins the other processes if there are any.

    Accelerate keeps its settings for the whole process; a training with other settings than
    the one before it starts them afresh.
    """
    from accelerate import Accelerator, DistributedDataParallelKwargs
    from accelerate.state import AcceleratorState
    from accelerate.utils import GradientAccumulationPlugin

    if precision == "fp16" and device.type == "cpu":
        raise ConfigError("precision is 'fp16', but the device is the CPU; use 'bf16' or 'no'.")
    # parameters that a batch does not use must not end the training
    together = DistributedDataParallelKwargs(find_unused_parameters=True)

    def make() -> Accelerator:
        return Accelerator(
            cpu=device.type == "cpu",
            mixed_precision=precision,
            device_placement=False,
            # given explicitly: the environment must not change what is trained
            gradient_accumulation_plugin=GradientAccumulationPlugin(num_steps=1),
            kwargs_handlers=[together] if world_size() > 1 else None,
        )

    try:
        accelerator = make()
    except ValueError:
        AcceleratorState._reset_state(True)
        accelerator = make()
    if accelerator.num_processes > 1:
        _leave_at_exit()
    return accelerator


@cache
def _leave_at_exit() -> None:
    """Close the group before the interpreter goes: one left open has aborted processes."""

    def leave() -> None:
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()

    atexit.register(leave)


class Processes:
    """The processes that train one model together.

    Args:
        accelerator: Of this training; ``None``: this process alone.
        device: Of this process.

    Attributes:
        world: How many there are.
        rank: Number of this one; 0 writes files and tells of the progress.

    Example:
        >>> Processes().any(False, True)
        [False, True]
    """

    def __init__(
        self, accelerator: Accelerator | None = None, device: torch.device | None = None
    ) -> None:
        self.world = 1 if accelerator is None else accelerator.num_processes
        self.rank = 0 if accelerator is None else accelerator.process_index
        self._device = device or torch.device("cpu")

    @property
    def main(self) -> bool:
        """Whether this process writes files and tells of the progress."""
        return self.rank == 0

    def check(self, task: Task) -> None:
        """Refuse a task whose batches cannot be shared.

        Raises:
            ConfigError: There are several processes, and the task has no ``batch_part``.
        """
        if self.world > 1 and not isinstance(task, SharedTask):
            raise ConfigError(
                f"The task {getattr(task, 'name', type(task).__name__)!r} trains on the whole "
                f"graph in one batch, which {self.world} processes cannot share. Use one device; "
                "several seeds or models run side by side with --jobs."
            )

    def part(self, task: Any, batch: Any) -> tuple[Any, float]:  # noqa: ANN401  (see Task)
        """Return what this process learns of a batch, and the weight of its loss.

        Gradients are averaged over the processes, so that a loss weighted by the share of the
        batch, times the number of processes, gives the gradient of the whole batch's mean.
        """
        part, share = task.batch_part(batch, rank=self.rank, world=self.world)
        return part, share * self.world

    def mean(self, value: float) -> float:
        """Mean of one number of each process."""
        return value if self.world == 1 else self._sum([value])[0] / self.world

    def any(self, *flags: bool) -> list[bool]:
        """For each question, whether some process answers yes; all of them get these answers."""
        if self.world == 1:
            return list(flags)
        return [total > 0 for total in self._sum([float(flag) for flag in flags])]

    def same(self, values: _Values) -> _Values | dict[str, float]:
        """Return the values of process 0: on a GPU others may differ in their last digit."""
        if self.world == 1:
            return values
        sent = torch.tensor(list(values.values()), dtype=torch.float64, device=self._device)
        torch.distributed.broadcast(sent, src=0)
        return dict(zip(values, sent.tolist(), strict=True))

    def align(self, model: nn.Module) -> None:
        """Copy the buffers of process 0, such as running means; parameters are equal already."""
        if self.world > 1:
            for buffer in model.buffers():
                if buffer.layout == torch.strided:
                    torch.distributed.broadcast(buffer, src=0)

    def predict(self, task: Task, model: nn.Module, problem: Problem, stage: Stage) -> Predictions:
        """Score a stage: each process a part of it; all get all scores, each sample once."""
        if self.world == 1 or not isinstance(task, SharedTask):
            return task.predict(model, problem, stage)
        part, found = None, None
        try:
            part = task.predict_part(model, problem, stage, rank=self.rank, world=self.world)
        except NonFiniteError as error:
            found = error
        if self.any(found is not None)[0] or part is None:  # all stop, wherever it was found
            raise found or NonFiniteError("another process met a value that is not finite.")
        return self._gathered(part)

    def states(self, tensors: Sequence[Tensor]) -> list[list[Tensor]]:
        """Return some byte tensors of every process, by its number."""
        if self.world == 1:
            return [list(tensors)]
        sizes = [tensor.numel() for tensor in tensors]
        flat = torch.cat([tensor.reshape(-1).cpu() for tensor in tensors]).to(self._device)
        rows = self._gather(flat.unsqueeze(0)).cpu()
        # copies: torch reads a generator's state as structures, which must be aligned
        return [[part.clone() for part in row.split(sizes)] for row in rows]

    def _gathered(self, part: Predictions) -> Predictions:
        """Put the parts together in the order of the samples; padding does not count."""
        sizes = [int(n) for n in self._gather(torch.tensor([len(part.index)], device=self._device))]
        most = max(sizes)

        def whole(rows: Tensor) -> Tensor:
            padding = rows.new_zeros((most - len(rows), *rows.shape[1:]))
            every = self._gather(torch.cat([rows, padding]))
            return torch.cat([every[i * most : i * most + n] for i, n in enumerate(sizes)])

        index = whole(part.index)
        order = torch.argsort(index)
        index = index[order]
        if bool((index.diff() <= 0).any()):
            raise RuntimeError("A sample was scored by two processes: predict_part is wrong.")
        return Predictions(
            whole(part.scores)[order], whole(part.target)[order], index, part.metrics
        )

    def _gather(self, rows: Tensor) -> Tensor:
        parts = [torch.empty_like(rows) for _ in range(self.world)]
        torch.distributed.all_gather(parts, rows.contiguous())
        return torch.cat(parts)

    def _sum(self, values: Sequence[float]) -> list[float]:
        sent = torch.tensor(values, dtype=torch.float64, device=self._device)
        torch.distributed.all_reduce(sent)
        found: list[float] = sent.tolist()
        return found


ALONE = Processes()
"""A process that nobody joins."""
