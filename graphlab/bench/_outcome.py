"""From what happened to a record: status and reason of a failure, groups taken from the plan."""

from __future__ import annotations

import errno
import shutil
from typing import TYPE_CHECKING, Any, Final

from graphlab.bench._log import LOG, log_tail
from graphlab.bench.record import Config, Failure, Identity, Status
from graphlab.errors import NonFiniteError

if TYPE_CHECKING:
    from pathlib import Path

    from graphlab.bench.plan import RunSpec

__all__ = ["config_of", "disk_message", "event_of", "failure_of", "identity_of"]

_DISK_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
# How torch says that memory is missing; on the CPU it raises a plain RuntimeError.
_TORCH_MEMORY: Final = ("DefaultCPUAllocator", "not enough memory", "out of memory")


def identity_of(spec: RunSpec) -> Identity:
    """Return the group ``identity`` of a planned run."""
    return Identity(
        run_id=spec.run_id,
        cell_id=spec.cell_id,
        suite=spec.suite,
        system=spec.system,
        dataset=spec.dataset,
        task=spec.task,
        protocol=spec.protocol,
        seed=spec.seed,
        fold=spec.fold,
    )


def config_of(spec: RunSpec) -> Config:
    """Return the group ``config`` of a planned run."""
    return Config(
        model=spec.model,
        title=spec.title,
        part=spec.part,
        model_file=spec.model_file,
        model_sha256=spec.model_sha256,
        data_path=spec.data_path,
        options=dict(spec.options),
        recipe=dict(spec.recipe),
        task_options=dict(spec.task_options),
        overridden=tuple(spec.overridden),
    )


def event_of(event: str, spec: RunSpec, **values: object) -> dict[str, Any]:
    """Return an event about a planned run."""
    return {
        "event": event,
        "run_id": spec.run_id,
        "cell_id": spec.cell_id,
        "system": spec.system,
        "dataset": spec.dataset,
        "seed": spec.seed,
        **values,
    }


def failure_of(error: BaseException, run_dir: Path, epoch: int | None) -> tuple[Status, Failure]:
    """Return status and reason of a run that ended with an exception.

    Args:
        error: What was raised.
        run_dir: Folder of the run; the end of its log goes into the record.
        epoch: Last epoch that was begun, if any was.
    """
    status: Status = "failed"
    if isinstance(error, NonFiniteError):
        status = "diverged"
    elif isinstance(error, MemoryError) or _is_torch_memory(error):
        status = "out-of-memory"
    message = str(error) or type(error).__name__
    if isinstance(error, OSError) and error.errno in _DISK_FULL:
        message = disk_message(error, run_dir)
    found = getattr(error, "epoch", None)
    reason = Failure(
        type=type(error).__name__,
        message=message,
        log_tail=log_tail(run_dir / LOG),
        epoch=found if isinstance(found, int) else epoch,
    )
    return status, reason


def disk_message(error: OSError, path: Path) -> str:
    """Say what could not be written, why, and how much is free.

    Args:
        error: What the system said; a failed ``write`` does not name its file.
        path: What was being written, in an existing folder.
    """
    free = shutil.disk_usage(path.parent).free
    return (
        f"{error.filename or path} could not be written: {error.strerror or error} "
        f"({free / 1e6:.0f} MB are free). "
        "Make room, or choose another folder with --results DIR; then the same command goes on."
    )


def _is_torch_memory(error: BaseException) -> bool:
    if type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and any(part in str(error) for part in _TORCH_MEMORY)
