"""What a run sets otherwise than the model's defaults, and the command that repeats it."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from graphlab.bench.document import toml_text
from graphlab.bench.plan import LATER_OPTIONS
from graphlab.errors import GraphlabError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from graphlab.bench.record import RunRecord

__all__ = ["Unset", "command_of", "commands_of_row", "differences", "in_lines", "one_line"]

_LAYERS = ("options", "recipe", "task_options")
#: Settings that decide no result and need not be repeated.
_FREE = frozenset({"recipe.max_seconds", "recipe.checkpoint_seconds"})


class Unset:
    """Stands for 'there is no such setting' where a value or a default is expected."""

    def __repr__(self) -> str:
        return "-"


def differences(record: RunRecord) -> dict[str, tuple[Any, Any]] | None:
    """Compare a run's settings with what the model would use by itself on this data set.

    That is: the constructor's defaults, the model's preset for the data set, and the defaults of
    the recipe and of the task.

    Args:
        record: The run.

    Returns:
        Name such as ``"recipe.lr"`` -> (value in the run, default), empty when nothing differs;
        None when the model is not known here (its file is gone, say).
    """
    defaults = _defaults(record)
    if defaults is None:
        return None
    found: dict[str, tuple[Any, Any]] = {}
    for layer in _LAYERS:
        theirs = defaults[layer]
        mine: dict[str, Any] = getattr(record.config, layer)
        if layer == "task_options":  # a record older than an option has it at this value
            mine = {k: v for k, v in LATER_OPTIONS.items() if k in theirs} | mine
        for name in {**theirs, **mine}:
            value, default = mine.get(name, Unset()), theirs.get(name, Unset())
            both_unset = isinstance(value, Unset) and isinstance(default, Unset)
            if not both_unset and _plain(value) != _plain(default):
                found[f"{layer}.{name}"] = (value, default)
    return found


def command_of(record: RunRecord) -> list[str]:
    r"""Return the words of the command line that executes one run again.

    Example:
        >>> from graphlab.bench.record import Config, Identity, Result, RunRecord
        >>> run = RunRecord(
        ...     identity=Identity(run_id="1", cell_id="c", suite="s", system="GCN", dataset="cora",
        ...                       task="node", protocol="public", seed=3),
        ...     config=Config(model="mine", model_file="my models/net.py"),
        ...     result=Result(status="done"))
        >>> print(in_lines(command_of(run), width=60))
        graphlab-bench run --task node --model mine \
          --file 'my models/net.py' --dataset cora --protocol public \
          --seed 3
    """
    return _command([record], ["--seed", str(record.identity.seed)])


def commands_of_row(
    records: Sequence[RunRecord], planned: Mapping[str, int] | None = None
) -> list[list[str]]:
    """Return the commands that execute all runs of one system again.

    One command serves all data sets that share protocol, seeds and settings.

    Args:
        records: Runs of one system, on any number of data sets, in the order to name them.
        planned: Cell id -> number of planned seeds, where some have not run yet.
    """
    cells: dict[str, list[RunRecord]] = {}
    for record in records:
        cells.setdefault(record.identity.cell_id, []).append(record)
    groups: dict[tuple[tuple[int, ...], tuple[str | None, ...]], list[RunRecord]] = {}
    for cell_id, runs in cells.items():
        first, seeds = runs[0], tuple(sorted({run.identity.seed for run in runs}))
        wanted = range((planned or {}).get(cell_id, 0))
        if set(seeds) <= set(wanted):
            seeds = tuple(wanted)
        shared = (first.identity.protocol, first.config.data_path, *_settings(first))
        groups.setdefault((seeds, shared), []).append(first)
    commands = []
    for (seeds, _), firsts in groups.items():
        if seeds == tuple(range(len(seeds))):
            commands.append(_command(firsts, ["--seeds", str(len(seeds))]))
        else:
            commands += [_command(firsts, ["--seed", str(seed)]) for seed in seeds]
    return commands


def one_line(words: Sequence[str]) -> str:
    r"""Quote words for a shell; letters that cannot be seen are written as escapes.

    Example:
        >>> print(one_line(["run", "a b", "c\nd"]))
        run 'a b' $'c\x0ad'
    """
    return " ".join(map(_quoted, words))


def in_lines(words: Sequence[str], width: int = 76) -> str:
    r"""Quote words for a shell, broken between flags so that it still takes them as one line.

    Example:
        >>> print(in_lines(["graphlab-bench", "run", "--model", "gcn", "--seed", "1"], 32))
        graphlab-bench run --model gcn \
          --seed 1
    """
    parts: list[str] = []
    for word in words:
        if word.startswith("--") or not parts:
            parts.append(_quoted(word))
        else:
            parts[-1] += f" {_quoted(word)}"
    lines = [parts[0]]
    for part in parts[1:]:
        if len(lines[-1]) + len(part) + 1 > width:
            lines.append(f"  {part}")
        else:
            lines[-1] += f" {part}"
    return " \\\n".join(lines)


def _quoted(word: str) -> str:
    if word.isprintable():
        return shlex.quote(word)
    escaped = word.replace("\\", "\\\\").replace("'", "\\'")
    return "$'" + "".join(c if c.isprintable() else _escape(c) for c in escaped) + "'"


def _escape(letter: str) -> str:
    code = ord(letter)
    return f"\\x{code:02x}" if code < 0x80 else f"\\U{code:08x}"


def _command(firsts: Sequence[RunRecord], seeds: list[str]) -> list[str]:
    record = firsts[0]
    config, identity = record.config, record.identity
    words = ["graphlab-bench", "run", "--task", identity.task, "--model", config.model]
    if config.model_file:
        words += ["--file", config.model_file]
    if config.data_path:
        words += ["--data", config.data_path]
    else:
        for first in firsts:
            words += ["--dataset", first.identity.dataset]
    words += ["--protocol", identity.protocol, *seeds]
    for setting in _settings(record):
        words += ["--set", setting]
    return words


def _settings(record: RunRecord) -> list[str]:
    found = differences(record)
    if found is None:  # the model is not known here: repeat what a person has set
        named = (name.split(".", 1) for name in record.config.overridden if "." in name)
        found = {
            f"{layer}.{name}": (getattr(record.config, layer).get(name, Unset()), None)
            for layer, name in named
            if layer in _LAYERS
        }
    return [
        f"{name}={toml_text(value)}"
        for name, (value, _) in found.items()
        if name not in _FREE and not isinstance(value, Unset)
    ]


def _defaults(record: RunRecord) -> dict[str, dict[str, Any]] | None:
    from graphlab.bench.layers import resolve
    from graphlab.bench.suite import Part, Settings, SuiteDataset, System
    from graphlab.registry import find_model

    config, identity = record.config, record.identity
    try:
        card = find_model(config.model, (config.model_file,) if config.model_file else ())
        dataset = SuiteDataset(identity.dataset, identity.protocol, config.data_path)
        system = System(name=identity.system, card=card)
        bare = Part("", identity.task, (0,), (dataset,), (), (system,), Settings())
        resolved = resolve(bare, system, dataset)
    except (GraphlabError, OSError):
        return None
    return {layer: dict(getattr(resolved, layer)) for layer in _LAYERS}


def _plain(value: Any) -> Any:  # noqa: ANN401  (JSON makes lists of tuples)
    return list(value) if isinstance(value, tuple) else value
