"""A search before it begins: the one cell it is about, its space, its seeds, its folder."""

from __future__ import annotations

import dataclasses
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from graphlab.bench.document import folder_name, toml_text
from graphlab.bench.problems import printable
from graphlab.bench.search.space import Range, read_space, settings_of
from graphlab.bench.session import ExecutionOptions, Session
from graphlab.errors import ConfigError
from graphlab.io import canonical_json, sha256_bytes
from graphlab.registry import find_model
from graphlab.train.recipes import Recipe

if TYPE_CHECKING:
    from graphlab.bench.plan import RunSpec
    from graphlab.bench.suite import Overrides

__all__ = ["SEARCH_SEEDS", "SearchPlan", "make_search_plan", "trial_spec"]

SEARCH_SEEDS: Final = 10_000
"""First seed of trials; those of the final runs lie below it."""

_STUDY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_DIGITS: Final = 8
_MOST_LISTED: Final = 6
_MOST_TRIALS: Final = 100_000
_MOST_SEARCH_SEEDS: Final = 1000
_MOST_WORKERS: Final = 1024


@dataclass(frozen=True)
class SearchPlan:
    """A checked search.

    Attributes:
        source: Suite that holds the searched system, ``None`` for one made from flags.
        overrides: What flags change in it.
        session: The final runs under the settings as they are before the search.
        base: One run of it; trials vary its settings.
        space: What is searched.
        objective: Validation value that is compared: ``"metric"``, ``"loss"`` or a name.
        seeds: Seeds of every trial.
        trials: Finished trials that the study shall have.
        study: Name of the study.
        fingerprint: Hash of all that makes two trials comparable.
        num_final_seeds: Seeds of the final runs; 0 for none.
    """

    source: str | Path | Mapping[str, object] | None
    overrides: Overrides
    session: Session
    base: RunSpec
    space: tuple[Range, ...]
    objective: str
    seeds: tuple[int, ...]
    trials: int
    study: str
    fingerprint: str
    num_final_seeds: int

    @property
    def folder(self) -> Path:
        """Folder of the study, inside the suite's."""
        return self.session.plan.results / f"sweep-{self.study}"

    def final(self, params: Mapping[str, Any], trial: int) -> Session:
        """Return the session of the final runs under a trial's settings."""
        settings = settings_of(self.base, params)
        overrides = dataclasses.replace(
            self.overrides, settings=(*self.overrides.settings, *settings.items())
        )
        session = Session(
            self.source,
            overrides=overrides,
            results=self.session.plan.results.parent,
            execution=self.session.execution,
        )
        origin = {"study": self.study, "trial": trial}
        cells = tuple(
            dataclasses.replace(
                cell, runs=tuple(dataclasses.replace(run, sweep=origin) for run in cell.runs)
            )
            for cell in session.plan.cells
        )
        session.plan = dataclasses.replace(session.plan, cells=cells)
        return session

    def command(self, params: Mapping[str, Any]) -> str | None:
        """Return the command line that repeats the final runs; ``None`` for a suite in memory."""
        if isinstance(self.source, Mapping):
            return None
        flags = self.overrides
        words = ["graphlab-bench", "run", *([] if self.source is None else [str(self.source)])]
        named = {"--task": flags.task, "--protocol": flags.protocol, "--data": flags.data}
        many = {"--model": flags.models, "--dataset": flags.datasets, "--file": flags.files}
        for flag, value in named.items():
            words += [] if value is None else [flag, str(value)]
        for flag, values in many.items():
            for given in values:
                words += [flag, str(given)]
        words += ["--optional"] if flags.optional else []
        words += ["--seeds", str(self.num_final_seeds or self.overrides.seeds)]
        for name, setting in (*flags.settings, *settings_of(self.base, params).items()):
            words += ["--set", f"{name}={toml_text(setting)}"]
        words += [] if flags.max_seconds is None else ["--max-seconds", f"{flags.max_seconds:g}"]
        words += [] if flags.root is None else ["--root", flags.root]
        results = self.session.plan.results.parent
        words += [] if results == Path("results") else ["--results", str(results)]
        return shlex.join(words)


def make_search_plan(
    source: str | Path | Mapping[str, object] | None,
    overrides: Overrides,
    *,
    space: Mapping[str, object],
    results: str | Path = "results",
    trials: int = 60,
    workers: int = 1,
    search_seeds: int = 1,
    final_seeds: int = 10,
    objective: str = "metric",
    study: str | None = None,
    threads: int | None = None,
    device: str = "cpu",
) -> SearchPlan:
    """Check a search completely, before anything is started.

    Args:
        source: As for :func:`graphlab.bench.config.load_suite`; together with the flags it must
            come to one system on one data set.
        overrides: What flags change.
        space: What is searched besides or in place of the card's ranges.
        results: Folder of all results.
        trials: Finished trials that the study shall have.
        workers: Processes that execute trials.
        search_seeds: Seeds of every trial; its value is their mean.
        final_seeds: Seeds of the runs under the best settings; 0 for none.
        objective: ``"metric"`` (the one that the task reports first), ``"loss"`` or a name.
        study: Its name; by default made of model, data set and a hash of what is searched.
        threads: Threads a process.
        device: Such as ``"cpu"`` or ``"cuda:0"``.

    Raises:
        ConfigError: Every problem found.
    """
    _check_counts(trials, workers, search_seeds, final_seeds)
    overrides = dataclasses.replace(overrides, seeds=final_seeds or 1, seed=None)
    how = ExecutionOptions(jobs=workers, threads=threads, device=device, wait=True)
    session = Session(source, overrides=overrides, results=results, execution=how)
    base = _one_cell(session)
    card = find_model(base.model, files=[base.model_file] if base.model_file else [])
    fixed = frozenset(name for name, _ in overrides.settings)
    ranges = read_space(base, card, space, fixed)
    seeds = tuple(range(SEARCH_SEEDS, SEARCH_SEEDS + search_seeds))
    fingerprint = _fingerprint(base, ranges, seeds, objective)
    if study is None:
        study = folder_name(f"{base.model}-{base.dataset}-{fingerprint[:_DIGITS]}")
    elif not _STUDY.fullmatch(study):
        raise ConfigError(
            f"--study {printable(study)}: a name has up to 80 letters, digits, '.', '_' and '-', "
            "the first a letter or digit."
        )
    return SearchPlan(
        source=source,
        overrides=overrides,
        session=session,
        base=base,
        space=ranges,
        objective=objective,
        seeds=seeds,
        trials=trials,
        study=study,
        fingerprint=fingerprint,
        num_final_seeds=final_seeds,
    )


def trial_spec(base: RunSpec, params: Mapping[str, Any], seed: int) -> RunSpec:
    """Return the run of a trial under one seed: ordinary training that is never tested.

    Raises:
        ConfigError: The values contradict each other.
    """
    layers: dict[str, dict[str, Any]] = {
        "options": dict(base.options),
        "recipe": dict(base.recipe),
        "task_options": dict(base.task_options),
    }
    for name, value in settings_of(base, params).items():
        layer, _, field = name.partition(".")
        layers[layer][field] = value
    return dataclasses.replace(
        base,
        options=layers["options"],
        recipe=Recipe.from_dict(layers["recipe"]).to_dict(),
        task_options=layers["task_options"],
        seed=seed,
        evaluate_test=False,
        overridden=tuple(sorted({*base.overridden, *settings_of(base, params)})),
    )


def _check_counts(trials: int, workers: int, search_seeds: int, final_seeds: int) -> None:
    limits = {
        "trials": (trials, 1, _MOST_TRIALS),
        "workers": (workers, 1, _MOST_WORKERS),
        "search-seeds": (search_seeds, 1, _MOST_SEARCH_SEEDS),
        "final-seeds": (final_seeds, 0, SEARCH_SEEDS),
    }
    problems = [
        f"--{name} must lie in {low:,}..{high:,} (got {value:,})."
        for name, (value, low, high) in limits.items()
        if not low <= value <= high
    ]
    if problems:
        raise ConfigError(problems)


def _one_cell(session: Session) -> RunSpec:
    cells = session.plan.cells
    if len(cells) == 1:
        return cells[0].runs[0]
    names = [f"{printable(c.system)} on {printable(c.dataset)} ({c.protocol})" for c in cells]
    listed = ", ".join(names[:_MOST_LISTED]) + (", ..." if len(names) > _MOST_LISTED else "")
    skipped = "".join(f" {s.name} was skipped: {s.reason}." for s in session.plan.skipped)
    raise ConfigError(
        f"A search is about one model on one data set; this is {len(cells)}"
        f"{': ' + listed if listed else ''}.{skipped} Narrow it by --model, --dataset, --task, "
        "--protocol."
    )


def _fingerprint(
    base: RunSpec, space: tuple[Range, ...], seeds: tuple[int, ...], objective: str
) -> str:
    """Hash what two trials must share; of searched settings only that they are searched."""
    identity = base.identity()
    for one in space:
        layer, field, *_ = one.name.split(".")
        identity[layer] = {**identity[layer], field: None}
    content = {
        "base": identity,
        "space": sorted((one.to_json() for one in space), key=lambda one: str(one["name"])),
        "seeds": list(seeds),
        "objective": objective,
    }
    return sha256_bytes(canonical_json(content).encode("ascii"))
