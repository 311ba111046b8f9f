"""Verifies finished runs: what they left on the disk, and whether they come out again."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from graphlab.bench._comparison import Comparison, compare_executions, seed_interval
from graphlab.bench._environment import Difference, environment_differences, promised_level
from graphlab.bench._file_checks import check_files, spec_of
from graphlab.bench._select import StoredRun, select_runs
from graphlab.errors import GraphlabError, InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from graphlab.bench._environment import Level
    from graphlab.bench.plan import RunSpec
    from graphlab.bench.record import RunRecord

__all__ = ["Outcome", "RunCheck", "Verification", "verify"]

Outcome = Literal["verified", "files only", "undecided", "not comparable", "mismatch"]

#: A run that ended otherwise depends on the clock, on the memory, or on what has been mended since.
_REPEATABLE = frozenset({"done", "diverged"})


@dataclass(frozen=True)
class RunCheck:
    """What was found about one run.

    Attributes:
        run: The record and its folder.
        good: Sentences on what is in order.
        problems: Sentences on what is not.
        outcome: ``"verified"``: it came out again as promised. ``"files only"``: it was not
            executed, its files are in order. ``"undecided"``: it was executed, but its level
            promises nothing with so few seeds. ``"not comparable"``: it cannot be executed as it
            was. ``"mismatch"``: a check failed.
        level: What was promised; None for a run that was not executed.
        reason: Why that level, or why it was not executed.
        comparisons: Every number, as recorded and now.
        differences: Where the environment is not as it was.
    """

    run: StoredRun
    good: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    outcome: Outcome = "files only"
    level: Level | None = None
    reason: str = ""
    comparisons: tuple[Comparison, ...] = ()
    differences: tuple[Difference, ...] = ()

    @property
    def bitwise(self) -> bool:
        """Whether everything compared is equal to the last bit."""
        return bool(self.comparisons) and all(pair.equal for pair in self.comparisons)

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        identity = self.run.record.identity
        names = ("run_id", "cell_id", "suite", "system", "dataset", "protocol", "seed", "fold")
        return {
            **{name: getattr(identity, name) for name in names},
            "folder": str(self.run.folder),
            "outcome": self.outcome,
            "level": self.level,
            "reason": self.reason,
            "bitwise": self.bitwise,
            "in_order": list(self.good),
            "problems": list(self.problems),
            "comparisons": [
                {"name": c.name, "recorded": c.recorded, "again": c.again, "holds": c.holds}
                for c in self.comparisons
            ],
            "environment": [
                {"name": d.name, "recorded": _plain(d.recorded), "here": _plain(d.here)}
                for d in self.differences
            ],
        }


@dataclass(frozen=True)
class Verification:
    """What :func:`verify` found.

    Attributes:
        checks: One a run.
        garbage: Files that hold no record at all; each is a failed check.
        newer: Records of a newer graphlab, left out.
    """

    checks: tuple[RunCheck, ...]
    garbage: tuple[Path, ...] = ()
    newer: int = 0

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return self.exit_code == 0

    @property
    def exit_code(self) -> int:
        """1 when a check failed or a run could not be compared, else 0."""
        failed = {"mismatch", "not comparable"}
        return int(bool(self.garbage) or any(check.outcome in failed for check in self.checks))

    def counts(self) -> dict[str, int]:
        """Return how many runs had each outcome."""
        found: dict[str, int] = {}
        for check in self.checks:
            found[check.outcome] = found.get(check.outcome, 0) + 1
        return found

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "exit_code": self.exit_code,
            "counts": self.counts(),
            "runs": [check.to_json() for check in self.checks],
            "garbage": [str(path) for path in self.garbage],
            "newer": self.newer,
        }


@dataclass
class _Task:
    """A run on its way through the checks."""

    run: StoredRun
    good: list[str] = field(default_factory=list)
    bad: list[str] = field(default_factory=list)
    spec: RunSpec | None = None
    reason: str = ""
    blocked: bool = False


def verify(
    run: str | Path,
    *,
    results: str | Path = "results",
    every: bool = False,
    execute: bool = True,
    threads: int | None = None,
    on_event: Callable[[dict[str, Any]], None] | None = None,
) -> Verification:
    """Check what runs left on the disk, execute them again and compare.

    The files of all runs that ``run`` names are checked: the seal of the record, the checksums of
    history, kept predictions and kept state, and the metrics recomputed from the predictions.
    Then the first run of each cell is executed again in a temporary folder, as it was: data and
    own models from the recorded places after their checksums are checked, as many threads.

    Args:
        run: Beginning of the id of a run or a cell, its folder, a system, ``SUITE/SYSTEM``, or a
            suite.
        results: Folder of all results.
        every: Execute every run again, not the first of each cell alone.
        execute: Whether to execute anything.
        threads: Threads of the new execution; by default as recorded.
        on_event: Called with each event of the workers.

    Returns:
        What was found; its ``exit_code`` is that of the command.

    Raises:
        InputError: Nothing is named so, or an argument is out of range.
        KeyboardInterrupt: A signal ended the execution.

    Cost: that of the runs executed, one after the other.

    Example:
        >>> verify("quick/gcn", every=True).ok  # doctest: +SKIP
        True
    """
    _check_threads(threads)
    selection = select_runs(str(run), Path(results))
    tasks = [_checked(stored) for stored in selection.runs]
    chosen = _chosen(tasks, every=every) if execute else []
    for task in chosen:
        _make_ready(task)
    again = _execute([task for task in chosen if task.spec is not None], threads, on_event)
    checks = []
    for task in tasks:
        record = again.get(task.run.record.identity.run_id) if task.spec is not None else None
        seeds = selection.cells.get(task.run.record.identity.cell_id, ())
        checks.append(_judged(task, record, seeds))
    return Verification(tuple(checks), selection.garbage, selection.newer)


def _check_threads(threads: int | None) -> None:
    from graphlab.bench.session import ExecutionOptions

    ExecutionOptions(threads=threads)


def _checked(run: StoredRun) -> _Task:
    good, bad = check_files(run)
    return _Task(run, good, bad)


def _chosen(tasks: Sequence[_Task], *, every: bool) -> list[_Task]:
    """The runs to execute: all that can be repeated, or the first of each cell."""
    chosen: dict[tuple[str, str], _Task] = {}
    for task in tasks:
        identity, status = task.run.record.identity, task.run.record.result.status
        if status not in _REPEATABLE:
            task.reason = f"it ended with status {status}, which no second execution can confirm"
            continue
        key = (identity.cell_id, identity.run_id if every else "")
        chosen.setdefault(key, task)
    return list(chosen.values()) if not every else [t for t in tasks if not t.reason]


def _make_ready(task: _Task) -> None:
    """Find the run's plan and see that its data and model are the recorded ones."""
    try:
        spec = spec_of(task.run)
        _check_model(spec)
        _check_data(spec)
        _check_device(task.run.record)
    except GraphlabError as error:
        task.blocked, task.reason = True, str(error)
    else:
        task.spec = spec


def _check_model(spec: RunSpec) -> None:
    from graphlab.io import sha256_file
    from graphlab.registry import find_model

    if spec.model_file is not None and not Path(spec.model_file).is_file():
        raise InputError(f"{spec.model_file}, the file of the model, is not there any more.")
    card = find_model(spec.model, files=[spec.model_file] if spec.model_file else [])
    if spec.model_sha256 is not None and (found := sha256_file(card.file)) != spec.model_sha256:
        raise InputError(
            f"{card.file} has changed: sha256 {found[:12]}..., recorded "
            f"{spec.model_sha256[:12]}... Put the recorded version there to verify the run."
        )


def _check_data(spec: RunSpec) -> None:
    if spec.data_path is not None:
        from graphlab.datasets.local import local_sha256

        place, found = spec.data_path, local_sha256(spec.data_path)
    else:
        from graphlab.datasets.catalog import dataset_sha256, find_dataset

        place = f"data set {spec.dataset}"
        found = dataset_sha256(find_dataset(spec.dataset), spec.data_root)
    if found != spec.dataset_sha256:
        raise InputError(
            f"{place} has changed: sha256 {found[:12]}..., recorded "
            f"{spec.dataset_sha256[:12]}... Put the recorded version there to verify the run."
        )


def _check_device(record: RunRecord) -> None:
    from graphlab.bench.session import ExecutionOptions

    machine = record.machine
    ExecutionOptions(device=machine.device, devices=machine.processes).check_device()


def _execute(
    tasks: Sequence[_Task],
    threads: int | None,
    on_event: Callable[[dict[str, Any]], None] | None,
) -> dict[str, RunRecord]:
    """Execute runs by the workers that execute every run; return the new records by run id."""
    if not tasks:
        return {}
    from graphlab.bench.launch import execute
    from graphlab.bench.store import RunStore

    groups: dict[tuple[int | None, str, int, bool], dict[str, RunSpec]] = {}
    for task in tasks:
        machine = task.run.record.machine
        kept = task.run.record.result.predictions is not None
        how = (threads or machine.threads, machine.device, machine.processes, kept)
        group = groups.setdefault(how, {})
        if task.spec is not None:
            group[task.spec.run_id] = task.spec
    found: dict[str, RunRecord] = {}
    with tempfile.TemporaryDirectory(prefix="graphlab-verify-") as folder:
        for number, ((workers, device, processes, keep), specs) in enumerate(groups.items()):
            store = RunStore(Path(folder) / str(number))
            summary = execute(
                _cells(specs.values()),
                results=store.results,
                threads=workers,
                device=device,
                devices=processes,
                keep=keep,
                on_event=on_event,
            )
            if summary.interrupted:
                raise KeyboardInterrupt
            found |= {r.identity.run_id: r for r in store.records(specs.values())}
    return found


def _cells(specs: Iterable[RunSpec]) -> list[Any]:
    from graphlab.bench.plan import Cell

    by_cell: dict[str, list[RunSpec]] = {}
    for spec in specs:
        by_cell.setdefault(spec.cell_id, []).append(spec)
    return [
        Cell(
            cell_id, runs[0].system, runs[0].model, runs[0].dataset, runs[0].task,
            runs[0].protocol, tuple(runs),
        )
        for cell_id, runs in by_cell.items()
    ]  # fmt: skip


def _judged(task: _Task, again: RunRecord | None, seeds: Iterable[RunRecord]) -> RunCheck:
    """Compare the new record with the old one, at the level that their environments allow."""
    record, good, bad = task.run.record, tuple(task.good), tuple(task.bad)
    if again is None:
        if task.spec is not None:
            task.blocked, task.reason = True, "the new execution left no record"
        outcome: Outcome = "not comparable" if task.blocked else "files only"
        return RunCheck(task.run, good, bad, "mismatch" if bad else outcome, None, task.reason)
    level, reason = promised_level(record, again)
    interval = None
    if level == "statistical":
        others = [run for run in seeds if run.identity.run_id != record.identity.run_id]
        values = [run.metric(record.result.metric or "") for run in (*others, record) if run.done]
        interval = seed_interval([value for value in values if value is not None])
        reason += _interval_words(interval)
    comparisons = compare_executions(record, again, level, interval=interval)
    failed = [pair for pair in comparisons if pair.holds is False]
    if again.result.error is not None and record.done:
        bad = (*bad, f"the new execution failed: {again.result.error.message}")
    if bad or failed:
        outcome = "mismatch"
    elif level == "statistical" and interval is None and record.done:
        bitwise = all(pair.equal for pair in comparisons)
        outcome = "verified" if bitwise else "undecided"
    else:
        outcome = "verified"
    differences = environment_differences(record, again)
    return RunCheck(task.run, good, bad, outcome, level, reason, comparisons, differences)


def _interval_words(interval: tuple[float, float] | None) -> str:
    if interval is None:
        return "; fewer than 3 seeds, so that no interval can be given"
    return f"; a further seed would lie in {interval[0]:.4f} to {interval[1]:.4f} (95 %)"


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value
