"""One training after the other in processes that ``torch.distributed.run`` has started.

Process 0 plans, keeps the records and shows the table; the others follow it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
from typing import TYPE_CHECKING, Any

from graphlab.bench import provenance
from graphlab.bench._outcome import event_of
from graphlab.bench._process import Interrupted, StopSwitch
from graphlab.bench._team import Team, join
from graphlab.bench.launch import LaunchSummary, marks_of, patience, still_to_run
from graphlab.bench.runner import run_spec
from graphlab.bench.store import RunLockedError, RunStore

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from graphlab.bench.plan import Cell
    from graphlab.bench.store import Rerun

__all__ = ["execute", "meet", "met"]

_log = logging.getLogger("graphlab")
_met = False


def meet(device: str) -> Team | None:
    """Join the processes that were started together.

    Args:
        device: As of the command.

    Returns:
        The team in process 0; ``None`` in the others, which have followed it to its end.
    """
    global _met  # noqa: PLW0603  (of the process, as the group it joins)
    rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    _met = True
    if rank == 0:
        join(rank=0, size=size, device=device)
        return Team(size)
    from graphlab.bench.follower import follow, ignore_signals

    ignore_signals()
    join(rank=rank, size=size, device=device)
    follow()
    return None


def met() -> bool:
    """Whether this process has joined others by :func:`meet`."""
    return _met


def execute(
    pending_cells: Sequence[Cell],
    *,
    team: Team,
    results: str | os.PathLike[str],
    threads: int | None = None,
    device: str = "cpu",
    keep: bool = False,
    on_event: Callable[[dict[str, Any]], None] | None = None,
    rerun: Rerun | None = None,
    wait: bool = False,
    detect_anomaly: bool = False,
) -> LaunchSummary:
    """Execute the runs of cells in this process and its team; return when all have ended.

    As :func:`graphlab.bench.launch.execute`, but a process that dies ends them all.

    Args:
        pending_cells: Cells with the runs to execute; those finished meanwhile are skipped.
        team: From :func:`meet`.
        results: Folder of the suite, which all processes see.
        threads: Threads of each process; ``None`` leaves them as they are.
        device: ``"cpu"``, or ``"cuda"`` for a GPU of its own for each.
        keep: Keep best states and predictions.
        on_event: Called with each event.
        rerun: Which finished runs are executed again.
        wait: Wait for runs that another command executes.
        detect_anomaly: Check every gradient.

    Raises:
        InputError: The results folder cannot be written.
    """
    from graphlab.bench._inputs import CellData

    store = RunStore(results)
    store.prepare()
    cells = still_to_run(pending_cells, store, rerun)
    marks, known = marks_of(cells, store), provenance.collect() if cells else {}
    switch = StopSwitch()
    switch.install()
    counts = {"done": 0, "failed": 0, "busy": 0}

    def emit(event: dict[str, Any]) -> None:
        kind = event["event"]
        counts[kind] = counts.get(kind, 0) + 1
        if on_event is not None:
            on_event(event)

    cell_data = CellData()
    for run in [run for cell in cells for run in cell.runs]:
        if switch() or team.broken:
            break
        try:
            with contextlib.suppress(Interrupted):
                run_spec(
                    run,
                    store,
                    device=device,
                    threads=threads,
                    keep=keep,
                    emit=emit,
                    stop_requested=switch,
                    abortable=switch.abortable,
                    cell=cell_data,
                    known=known,
                    seen=marks[run.run_id],
                    wait=patience(wait=wait),
                    detect_anomaly=detect_anomaly,
                    team=team,
                )
        except RunLockedError:
            emit(event_of("busy", run))
    if team.broken:
        _log.warning(
            "After this failure the processes no longer agree; the runs that are left were not "
            "started. The same command goes on with them."
        )
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    return LaunchSummary(
        executed=counts["done"] + counts["failed"],
        failed=counts["failed"],
        interrupted=switch(),
        signal=switch.number,
        busy=counts["busy"],
    )
