"""``graphlab-bench run`` of a transfer experiment: plan, make what is missing, show the tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from graphlab.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from graphlab.bench.transfer.experiment import Experiment

__all__ = ["run_transfer"]

_UNDERSTOOD = ("suite", "seeds", "seed", "results", "root", "threads", "dry_run", "quiet")
_SPELT = {"models": "model", "datasets": "dataset", "files": "file", "settings": "set"}
_HARMLESS: Mapping[str, object] = {"launcher": "local", "device": "cpu", "devices": 1, "jobs": 1}


def run_transfer(path: Path, flags: Mapping[str, Any]) -> None:
    """Run or continue the experiment of a file.

    Args:
        path: The file.
        flags: Of ``graphlab-bench run``.

    Raises:
        InputError: A flag that means nothing here.
        ConfigError: The file is wrong.
    """
    import torch

    from graphlab.bench.transfer.experiment import Experiment
    from graphlab.bench.transfer.plan import read_plan

    _check(flags)
    plan = read_plan(path, _seeds(flags))
    folder = flags["results"] / plan.name
    experiment = Experiment(plan, folder, flags["root"])
    quiet = flags["quiet"] or flags["as_json"]
    if not quiet or flags["dry_run"]:
        for line in _plan_lines(experiment):
            click.echo(line)
    if flags["dry_run"]:
        return
    # graphs this small only wait for further threads
    torch.set_num_threads(flags["threads"] or 1)
    experiment.run((lambda _: None) if quiet else click.echo)
    _show(experiment, as_json=flags["as_json"], quiet=quiet)


# -- private --------------------------------------------------------------------------------------


def _show(experiment: Experiment, *, as_json: bool, quiet: bool) -> None:
    from graphlab.bench.transfer.output import markdown, write_results
    from graphlab.bench.transfer.summary import summarise

    found = summarise(experiment)
    paths = write_results(experiment.folder, found)
    if as_json:
        from graphlab.bench.commands._flags import echo_json

        echo_json(found)
        return
    click.echo(markdown(found))
    if not quiet:
        click.echo(f"Results: {', '.join(map(str, paths))}")


def _check(flags: Mapping[str, Any]) -> None:
    odd = [
        name
        for name, value in flags.items()
        if name not in (*_UNDERSTOOD, "as_json")
        and value not in (None, False, (), [])
        and _HARMLESS.get(name) != value
    ]
    if odd:
        named = ", ".join(f"--{_SPELT.get(name, name).replace('_', '-')}" for name in odd)
        raise InputError(
            f"{named} means nothing for an experiment of its own kind. Flags that do: --seeds, "
            "--seed, --results, --root, --threads, --dry-run, --quiet, --json."
        )


def _seeds(flags: Mapping[str, Any]) -> tuple[int, ...] | None:
    seed, seeds = flags["seed"], flags["seeds"]
    if seed is not None:
        if seed < 0:
            raise InputError(f"--seed is {seed}, expected a number of at least 0.")
        return (seed,)
    if seeds is None:
        return None
    if seeds < 1:
        raise InputError(f"--seeds is {seeds}, expected a number of at least 1.")
    return tuple(range(seeds))


def _plan_lines(experiment: Experiment) -> list[str]:
    plan, pending = experiment.plan, experiment.pending()
    total = len(plan.seeds) * (len(plan.sources) + 1) + len(plan.sources)
    return [
        f"{plan.name}: {plan.title}",
        f"{len(plan.sources)} sources, {len(plan.tasks)} downstream tasks, {len(plan.seeds)} "
        f"seeds: {plan.num_points} points; {total - pending} of {total} steps finished, "
        f"{pending} to run",
    ]
