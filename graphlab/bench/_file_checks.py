"""What can be checked of a finished run without executing it: seal, names, kept files."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from graphlab.bench.journal import history_digest
from graphlab.bench.plan import RunSpec
from graphlab.bench.store import RunStore
from graphlab.errors import GraphlabError, InputError
from graphlab.io import read_json, safe_load, sha256_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from graphlab.bench._select import StoredRun
    from graphlab.bench.record import RunRecord

__all__ = ["check_files", "recomputed_metrics", "spec_of"]

# Metrics of stored scores are sums of a few thousand terms, which another processor may round
# otherwise; an altered digit that is shown is far larger.
_RELATIVE: Final = 1e-6


def check_files(run: StoredRun) -> tuple[list[str], list[str]]:
    """Check the record's seal and the files kept beside it.

    Returns:
        Sentences on what is in order, and sentences on what is not.

    Cost: without kept predictions a few milliseconds; with them torch is imported.
    """
    good: list[str] = []
    bad: list[str] = []
    try:
        seal = RunStore(run.folder.parent.parent).seal(run.folder)
    except (OSError, ValueError) as error:
        return good, [f"run.json cannot be read: {error}."]
    if seal == "intact":
        good.append("run.json is as it was written")
    elif seal == "altered":
        bad.append("run.json was altered after it was written: its seal does not fit.")
    else:
        good.append("run.json is of a version without a seal; what it holds cannot be vouched for")
    bad += _names(run)
    result = run.record.result
    if result.history_sha256 is not None:
        _check_history(run.folder / (result.history or ""), result.history_sha256, good, bad)
    if result.checkpoint is not None:
        _check_checkpoint(run.folder / result.checkpoint, good, bad)
    if result.predictions is not None:
        file = run.folder / result.predictions.file
        if _check_sum(file, result.predictions.sha256, good, bad):
            _check_metrics(run.record, file, good, bad)
    if result.node_metrics is not None:
        file = run.folder / result.node_metrics.file
        if _check_sum(file, result.node_metrics.sha256, good, bad):
            _check_node_metrics(result.node_metrics.means, file, good, bad)
    return good, bad


def spec_of(run: StoredRun) -> RunSpec:
    """Return the plan of a finished run, as its record has it.

    Raises:
        InputError: The configuration is not the one that the run's id stands for.
    """
    record, config = run.record, run.record.config
    identity = record.identity
    # where the data lies decides no result, so the record does not know it
    try:
        root = read_json(run.folder / "config.json").get("data_root")
    except (OSError, ValueError, AttributeError):
        root = None
    values: dict[str, Any] = {
        **identity.model_dump(include=set(RunSpec.__dataclass_fields__) - {"cell_id", "run_id"}),
        **config.model_dump(include=set(RunSpec.__dataclass_fields__)),
        "data_root": root if isinstance(root, str) else None,
        "dataset_sha256": record.data.dataset_sha256 or "",
    }
    try:
        for tested in (True, False):  # the runs of a search are not tested
            spec = RunSpec.from_json({**values, "evaluate_test": tested})
            if spec.run_id == identity.run_id:
                return spec
    except (GraphlabError, TypeError, ValueError) as error:
        raise InputError(f"its configuration cannot be read: {error}") from error
    raise InputError(
        f"its configuration is that of run {spec.run_id}, not of {identity.run_id}: the record "
        "was altered, or written under the training rules of another version of graphlab."
    )


def recomputed_metrics(record: RunRecord, file: Path) -> dict[str, float]:
    """Return the test metrics of the kept predictions.

    Raises:
        GraphlabError: The file is damaged or no file of predictions, or a score is not finite.
    """
    import torch

    from graphlab.registry import find_task
    from graphlab.tasks.base import Predictions

    arrays = safe_load(file)
    try:
        parts = {
            part: torch.from_numpy(arrays[f"test_{part}"]) for part in ("scores", "target", "index")
        }
    except (KeyError, TypeError) as error:
        raise InputError(f"{file} holds no test predictions ({error}).") from error
    wanted = record.result.metrics.get("test", {})
    options = {**record.config.task_options, "protocol": record.identity.protocol}
    task = find_task(record.identity.task).load()(**options)
    metrics = tuple(metric for metric in task.metrics if metric.name in wanted)
    found: dict[str, float] = task.evaluate(Predictions(**parts, metrics=metrics))
    return {name: value for name, value in found.items() if name in wanted}


# -- private --------------------------------------------------------------------------------------


def _names(run: StoredRun) -> list[str]:
    i = run.record.identity
    told = RunStore(run.folder.parent.parent).run_dir(i.cell_id, i.seed, i.fold)
    if told != run.folder:
        return [f"the record is that of {told}, but lies in {run.folder}."]
    return []


def _check_sum(file: Path, expected: str, good: list[str], bad: list[str]) -> bool:
    try:
        found = sha256_file(file)
    except OSError as error:
        bad.append(f"{file} cannot be read: {error.strerror or error}.")
        return False
    if found != expected:
        bad.append(
            f"{file} is not what was written: sha256 {found[:12]}..., recorded {expected[:12]}..."
        )
        return False
    good.append(f"{file.name} has the recorded checksum")
    return True


def _check_checkpoint(file: Path, good: list[str], bad: list[str]) -> None:
    """A kept state has its checksum beside it, in a file of its own."""
    beside = file.with_name(file.name + ".sha256")
    try:
        expected = beside.read_text(encoding="ascii", errors="replace").strip()
    except OSError as error:
        bad.append(f"{beside} cannot be read: {error.strerror or error}.")
        return
    _check_sum(file, expected, good, bad)


def _check_history(file: Path, expected: str, good: list[str], bad: list[str]) -> None:
    if not file.is_file():
        bad.append(f"{file} cannot be read: there is no such file.")
    elif (found := history_digest(file.parent)) != expected:
        bad.append(
            f"{file} is not what was written: sha256 of its epochs {found[:12]}..., recorded "
            f"{expected[:12]}..."
        )
    else:
        good.append(f"{file.name} has the epochs of the recorded checksum")


def _check_node_metrics(
    recorded: Mapping[str, float], file: Path, good: list[str], bad: list[str]
) -> None:
    from graphlab.bench._node_metrics import read_node_metrics

    try:
        found = read_node_metrics(file).means()
    except (GraphlabError, TypeError, ValueError) as error:
        bad.append(f"the node metrics of {file} cannot be read: {error}")
        return
    wrong = [
        f"mean {name} of the nodes is {found.get(name)!r}, recorded {value!r}."
        for name, value in recorded.items()
        if not math.isclose(found.get(name, math.nan), value, rel_tol=_RELATIVE, abs_tol=_RELATIVE)
    ]
    bad += wrong
    if not wrong:
        good.append(f"the means recomputed from {file.name}: equal")


def _check_metrics(record: RunRecord, file: Path, good: list[str], bad: list[str]) -> None:
    try:
        found = recomputed_metrics(record, file)
    except (GraphlabError, TypeError, ValueError, ArithmeticError) as error:
        bad.append(f"the metrics of {file} cannot be recomputed: {error}")
        return
    wrong = 0
    for name, value in found.items():
        recorded = record.metric(name)
        if recorded is None or not math.isclose(
            value, recorded, rel_tol=_RELATIVE, abs_tol=_RELATIVE
        ):
            wrong += 1
            bad.append(f"test {name} of the kept predictions is {value!r}, recorded {recorded!r}.")
    if found and not wrong:
        good.append(f"{', '.join(found)} recomputed from {file.name}: equal")
