"""Executes runs: data, problem, model, training, and the record, which is written last.

A worker process (``python -m graphlab.bench.runner``, started by ``graphlab.bench.launch``) reads
the pending runs of one cell from its standard input and reports events through a pipe.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from contextlib import ExitStack, nullcontext
from typing import TYPE_CHECKING, Any

from graphlab.bench._log import LOG
from graphlab.bench._outcome import disk_message, event_of
from graphlab.bench._process import Interrupted, StopSwitch, die_with_parent, leave, output_to
from graphlab.bench._team import ALONE, Team, start_team
from graphlab.bench.plan import RunSpec
from graphlab.bench.store import RunLockedError, RunStore

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from graphlab.bench._inputs import CellData
    from graphlab.bench.record import RunRecord

__all__ = ["main", "run_spec"]


def run_spec(
    spec: RunSpec,
    store: RunStore,
    *,
    device: str = "cpu",
    threads: int | None = None,
    keep: bool = False,
    emit: Callable[[dict[str, Any]], None] | None = None,
    stop_requested: Callable[[], bool] | None = None,
    abortable: Callable[[], AbstractContextManager[None]] = nullcontext,
    cell: CellData | None = None,
    known: Mapping[str, Mapping[str, Any]] | None = None,
    seen: str | None = None,
    wait: float = 0.0,
    detect_anomaly: bool = False,
    team: Team | None = None,
) -> RunRecord | None:
    """Execute one run in this process, continuing from its last checkpoint if there is one.

    Whatever the run raises ends the run alone and is written into its record.

    Args:
        spec: The planned run.
        store: Where its folder is.
        device: Such as ``"cpu"`` or ``"cuda:0"``.
        threads: Threads of torch; ``None`` leaves them as they are.
        keep: Keep ``best.ckpt`` and ``predictions.npz``.
        emit: Called with each event, a dictionary.
        stop_requested: Asked after each step; ``True`` ends the run, which can then be resumed.
        abortable: Context in which a signal may break off loading.
        cell: Data shared with the other runs of the cell.
        known: Groups ``code`` and ``machine`` as the launcher knows them; collected if ``None``.
        seen: ``store.mark`` of the folder when the run was planned: a record that another process
            has written since is returned, and nothing is executed.
        wait: Seconds to wait for another process that executes the run.
        detect_anomaly: Check every gradient, and name the parameter of one that is not finite.
        team: Processes that train together with this one.

    Returns:
        The record; ``None`` when the run was stopped.

    Raises:
        RunLockedError: Another process executes the run.
    """
    run_dir = store.folder(spec)
    emit = emit if emit is not None else _silent
    with ExitStack() as stack:
        with abortable():
            stack.enter_context(store.lock(run_dir, wait=wait))
        if seen is not None and store.mark(run_dir) != seen:
            record = store.read(run_dir)
            if record is not None and record.identity.run_id == spec.run_id:
                emit(event_of("skipped", spec))
                return record
        from graphlab.bench import provenance
        from graphlab.bench._execution import Execution, computing
        from graphlab.bench._inputs import CellData

        with computing(device, threads):
            execution = Execution(
                spec,
                store,
                cell=cell if cell is not None else CellData(),
                device=device,
                keep=keep,
                emit=emit,
                stop_requested=stop_requested if stop_requested is not None else _never,
                abortable=abortable,
                known=known if known is not None else provenance.collect(),
                detect_anomaly=detect_anomaly,
                team=team if team is not None else ALONE,
            )
            return execution.run()


def main() -> int:
    """Execute the runs of a job, given as JSON on standard input; return the exit code."""
    switch = StopSwitch()
    switch.install()
    job = json.load(sys.stdin)
    os.set_inheritable(job["events"], False)
    die_with_parent(job["parent"], job["lifeline"], job.get("farewell", 0.0))
    with contextlib.suppress(Interrupted):
        _work(job, switch)
    return switch.exit_code


def _work(job: Mapping[str, Any], switch: StopSwitch) -> None:
    """Execute the runs one after the other; those that another process executes are left."""
    emit = _sender(job["events"])
    with switch.abortable():
        from graphlab.bench._inputs import CellData
    with contextlib.closing(start_team(job)) as team:
        _work_through(job, switch, team, emit, CellData())


def _work_through(
    job: Mapping[str, Any],
    switch: StopSwitch,
    team: Team,
    emit: Callable[[dict[str, Any]], None],
    cell: CellData,
) -> None:
    store = RunStore(job["results"])
    for run in job["runs"]:
        if switch():
            return
        spec = RunSpec.from_json(run["spec"])
        folder = store.folder(spec)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with output_to(folder / LOG):
                run_spec(
                    spec,
                    store,
                    device=job["device"],
                    threads=job["threads"],
                    keep=job["keep"],
                    emit=emit,
                    stop_requested=switch,
                    abortable=switch.abortable,
                    cell=cell,
                    known=job["known"],
                    seen=run["seen"],
                    detect_anomaly=job.get("detect_anomaly", False),
                    team=team,
                )
        except RunLockedError:
            continue  # the launcher comes back to it
        except OSError as error:  # not even the folder's first files can be written
            message = disk_message(error, folder)
            emit(event_of("failed", spec, status="failed", message=message, written=False))
        if team.broken:
            return  # the launcher starts another process for the rest


def _sender(pipe: int) -> Callable[[dict[str, Any]], None]:
    """Return a function that writes one JSON line an event; without a reader it does nothing."""

    def send(event: dict[str, Any]) -> None:
        line = memoryview((json.dumps(event) + "\n").encode())
        with contextlib.suppress(OSError):
            while line:
                line = line[os.write(pipe, line) :]

    return send


def _silent(event: dict[str, Any]) -> None:
    del event


def _never() -> bool:
    return False


if __name__ == "__main__":
    leave(main())
