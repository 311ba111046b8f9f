"""One call of ``run``: plan, checks of the machine, execution, what there is afterwards."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from graphlab.bench.config import load_suite
from graphlab.bench.estimate import Estimate, estimate
from graphlab.bench.plan import make_plan
from graphlab.bench.store import RERUN, RunStore
from graphlab.errors import ConfigError, InputError
from graphlab.registry import find_task, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from graphlab.bench._team import Team
    from graphlab.bench.launch import LaunchSummary
    from graphlab.bench.plan import Cell, Plan
    from graphlab.bench.record import RunRecord
    from graphlab.bench.report.tables import ResultTable
    from graphlab.bench.store import Rerun, StoreScan
    from graphlab.bench.suite import Overrides

__all__ = ["LAUNCHERS", "ExecutionOptions", "Session", "default_jobs"]

_MEGABYTE = 1_000_000
_BYTES_A_RUN = 5 * _MEGABYTE
_BYTES_A_KEPT_RUN = 50 * _MEGABYTE
_RESERVE = 100 * _MEGABYTE
_ADDRESS = re.compile(r"auto|[^/\s]+:\d+")
_DEVICE = re.compile(r"cpu|mps|cuda(:\d+)?")
_MOST_JOBS = 1024
LAUNCHERS = ("local", "ray")


@dataclass(frozen=True)
class ExecutionOptions:
    """How runs are executed; nothing here decides a result on the processor.

    Attributes:
        jobs: Worker processes at a time.
        threads: Threads a worker; ``None`` shares the usable cores among the jobs.
        device: ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"``.
        rerun: Finished runs that are executed again: ``"failed"``, ``"stale"`` or ``"all"``.
        keep: Keep best states and predictions.
        wait: Wait for runs that another process executes.
        launcher: ``"local"``: worker processes on this machine; ``"ray"``: tasks of a cluster.
        address: The Ray cluster; ``None`` starts one on this machine.
        devices: Processes that train one model together, each on a device of its own.
        detect_anomaly: Check every gradient, and name the parameter of one that is not finite.

    Raises:
        InputError: A value out of range, or options that contradict each other.
    """

    jobs: int = 1
    threads: int | None = None
    device: str = "cpu"
    rerun: Rerun | None = None
    keep: bool = False
    wait: bool = False
    launcher: str = "local"
    address: str | None = None
    devices: int = 1
    detect_anomaly: bool = False

    def __post_init__(self) -> None:
        self._check_launcher()
        counts = {"jobs": self.jobs, "threads": self.threads, "devices": self.devices}
        for name, value in counts.items():
            if value is not None and not 1 <= value <= _MOST_JOBS:
                raise InputError(f"{name} must lie in 1..{_MOST_JOBS} (got {value}).")
        if not _DEVICE.fullmatch(self.device):
            raise InputError(f"device is {self.device!r}; expected cpu, cuda, cuda:N or mps.")
        if self.rerun is not None and self.rerun not in RERUN:
            near = nearest(str(self.rerun), RERUN, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise InputError(f"rerun is {self.rerun!r}; expected one of {', '.join(RERUN)}.{hint}")

    def check_device(self) -> None:
        """Make sure that Ray and the device are there, before anything is started.

        Raises:
            InputError: They are not.
        """
        if self.launcher == "ray":
            from graphlab.bench.launch_ray import require_ray

            require_ray()
        if self.device == "cpu" or self.address is not None:  # a cluster has its own devices
            return
        import torch

        kind, _, index = self.device.partition(":")
        if kind == "mps":
            count = int(torch.backends.mps.is_available())
        else:
            count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if self.devices > max(count, 1) and not index:
            found = f"{count} {kind} device{'s' * (count != 1)}"
            raise InputError(f"devices is {self.devices}, but this machine has {found}.")
        if int(index or 0) >= count:
            found = f"{count} {kind} device{'s' * (count != 1)}"
            raise InputError(f"device is {self.device!r}, but this machine has {found}.")

    def check_tasks(self, cells: Sequence[Cell]) -> None:
        """Make sure that several devices can share the trainings.

        Raises:
            ConfigError: Some task trains on its whole graph in one batch.
        """
        if self.devices == 1:
            return
        whole = {
            cell.task for cell in cells if not hasattr(find_task(cell.task).load(), "batch_part")
        }
        if whole:
            raise ConfigError(
                f"devices is {self.devices}, but the task {', '.join(sorted(whole))} trains on the "
                "whole graph in one batch: there is nothing to share. Leave it out (--task link), "
                "or run several seeds and models side by side with --jobs."
            )

    def _check_launcher(self) -> None:
        if self.devices > 1 and (self.launcher == "ray" or self.device not in {"cpu", "cuda"}):
            raise InputError(
                f"devices is {self.devices}; that needs launcher local, and as device cpu or cuda, "
                f"not {self.device} with launcher {self.launcher}."
            )
        if self.launcher not in LAUNCHERS:
            near = nearest(str(self.launcher), LAUNCHERS, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            known = ", ".join(LAUNCHERS)
            raise InputError(f"launcher is {self.launcher!r}; expected one of {known}.{hint}")
        if self.launcher == "local":
            if self.address is not None:
                raise InputError(
                    f"address is {self.address!r}, but only launcher ray takes one. "
                    "Add --launcher ray, or leave --address out."
                )
            return
        if self.device not in {"cpu", "cuda"}:
            raise InputError(
                f"device is {self.device!r}; with launcher ray it is cpu or cuda: Ray chooses "
                "which GPU a cell has."
            )
        if self.address is not None and not _ADDRESS.fullmatch(self.address):
            raise InputError(
                f"address is {self.address!r}; expected HOST:PORT of the cluster's head node, or "
                "auto on one of its nodes. (ray:// needs the Ray client, which is not used: start "
                "the command on a node.)"
            )


def default_jobs(launcher: str, address: str | None) -> int:
    """Return how many cells are executed at a time if nobody says; a cluster decides itself.

    Example:
        >>> default_jobs("local", None), default_jobs("ray", "auto")
        (1, 1024)
    """
    return _MOST_JOBS if launcher == "ray" and address is not None else 1


class Session:
    """A checked and planned suite with its results folder.

    Args:
        source: Suite name, TOML file, dictionary, or ``None`` (see
            :func:`graphlab.bench.config.load_suite`).
        overrides: What flags change in the suite.
        results: Folder of all results.
        execution: How runs are executed.

    Raises:
        ConfigError: Every problem of the suite.
        DatasetError: Files of a data set cannot be read.
    """

    def __init__(
        self,
        source: str | Path | Mapping[str, object] | None,
        *,
        overrides: Overrides | None = None,
        results: str | Path = "results",
        execution: ExecutionOptions | None = None,
    ) -> None:
        self.execution = execution or ExecutionOptions()
        self.plan: Plan = make_plan(load_suite(source, overrides=overrides), results)
        self.store = RunStore(self.plan.results)

    @cached_property
    def pending(self) -> tuple[Cell, ...]:
        """Cells with the runs to execute, as it was when first asked for."""
        return self.plan.pending(self.store, self.execution.rerun)

    @property
    def num_pending(self) -> int:
        """Runs to execute."""
        return sum(len(cell.runs) for cell in self.pending)

    def estimate(self) -> Estimate:
        """Return how long the pending runs may take, from the records in the results folder."""
        return estimate(self.pending, self.store.records(), jobs=self.execution.jobs)

    def check(self) -> list[str]:
        """Check results folder, free space and device before anything is started.

        Returns:
            Warnings; none of them stops the runs.

        Raises:
            InputError: The results folder cannot be written, or the device is missing.
        """
        self.execution.check_tasks(self.pending)
        self.store.prepare()
        self.execution.check_device()
        size = _BYTES_A_KEPT_RUN if self.execution.keep else _BYTES_A_RUN
        needed = self.num_pending * size + _RESERVE
        free = self.store.free_bytes()
        if free >= needed:
            return []
        return [
            f"only {free / _MEGABYTE:,.0f} MB are free at {self.plan.results}; these runs may "
            f"need {needed / _MEGABYTE:,.0f} MB. Free some space or choose --results DIR."
        ]

    def execute(
        self,
        on_event: Callable[[dict[str, Any]], None] | None = None,
        *,
        team: Team | None = None,
    ) -> LaunchSummary:
        """Execute the pending runs in worker processes, or as tasks of a Ray cluster.

        Args:
            on_event: Called with each event, see :func:`graphlab.bench.launch.execute`.
            team: Processes that were started together with this one: they do the work.
        """
        from graphlab.bench.report.outline import save_outline

        self.store.sweep_temporaries()
        save_outline(self.plan.results, self.plan)  # reports show what is planned from now on
        how = self.execution
        execute: Callable[..., LaunchSummary]
        if team is not None:
            from graphlab.bench import launch_together

            execute = functools.partial(launch_together.execute, team=team)
        elif how.launcher == "ray":
            from graphlab.bench import launch_ray

            execute = functools.partial(launch_ray.execute, address=how.address, jobs=how.jobs)
        else:
            from graphlab.bench import launch

            execute = functools.partial(launch.execute, jobs=how.jobs, devices=how.devices)
        return execute(
            self.pending,
            results=self.plan.results,
            threads=how.threads,
            device=how.device,
            keep=how.keep,
            on_event=on_event,
            rerun=how.rerun,
            wait=how.wait,
            detect_anomaly=how.detect_anomaly,
        )

    def records(self) -> list[RunRecord]:
        """Return the records of planned runs that there are, in the plan's order."""
        return list(self.scan().records)

    def scan(self) -> StoreScan:
        """Return the records of planned runs, and what is to be said of them."""
        return self.store.scan(self.plan.runs)

    def table(self, scan: StoreScan) -> ResultTable:
        """Return the result table of these records, in the plan's shape."""
        from graphlab.bench.report.tables import result_table

        return result_table(scan.records, self.plan, altered=scan.altered)


def exit_code(records: list[RunRecord], summary: LaunchSummary | None) -> int:
    """Return 130 or 143 after a signal, 1 when a planned run has failed, else 0."""
    if summary is not None and summary.interrupted:
        return summary.exit_code
    failed = any(not record.done for record in records)
    return 1 if failed or (summary is not None and summary.failed) else 0
