"""Checks the data sets of a suite: names, tasks, protocols, and that their files are there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphlab.bench.problems import Problems, path_text, printable
from graphlab.bench.suite import Overrides, SkippedDataset, SuiteDataset
from graphlab.datasets.catalog import (
    DatasetCard,
    cards,
    data_root,
    find_dataset,
    locate,
    missing_files,
)
from graphlab.errors import DatasetError, InputError, UnknownDataset
from graphlab.registry import TaskCard, normalise_name, task_cards

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphlab.bench._toml_lines import KeyPath

__all__ = ["DatasetReader", "monitored", "protocol_id"]

_LONGEST = 400
_PROTOCOL_ALIASES = {"planetoid-public": "public"}


def protocol_id(name: str) -> str:
    """Return the canonical id of a protocol.

    Example:
        >>> protocol_id("Planetoid_Public")
        'public'
    """
    key = normalise_name(name)
    return _PROTOCOL_ALIASES.get(key, key)


def monitored(dataset: SuiteDataset, task: str, metric: object) -> tuple[str, ...] | None:
    """Return the values a recipe may monitor on a data set; ``None`` when that is not known.

    Args:
        dataset: The data set.
        task: Task name.
        metric: The task's option ``metric``; ``None`` takes what the card says.
    """
    offered = task_cards()[task].metrics
    if offered:
        names = offered.get(dataset.protocol, offered.get("", ()))
        return ("loss", "metric", *names)
    if metric is None and dataset.data_path is None:
        metric = find_dataset(dataset.name).metric.get(task)
    return ("loss", "metric", str(metric)) if metric is not None else None


class DatasetReader:
    """Turns ``datasets``, ``optional`` and ``protocol`` into data sets that can be loaded.

    Args:
        problems: Where problems are noted.
        task: The suite's task; ``None`` when it is unknown, nothing depends on it then.
        overrides: The flags.
    """

    def __init__(self, problems: Problems, task: TaskCard | None, overrides: Overrides) -> None:
        self.problems = problems
        self.task = task
        self.overrides = overrides
        self.required: dict[str, KeyPath] = {}
        self.optional: dict[str, KeyPath] = {}
        self.run_optional = True
        self.protocol: str | None = None
        self.unmatched: dict[KeyPath, str] = {}  # names of --dataset that are not in the suite
        self.local_problems: list[tuple[KeyPath, str]] = []  # why --data does not serve the task

    def read(self, raw: Mapping[str, object]) -> list[str]:
        """Check names and types; return the names that the suite knows."""
        self.protocol = self._protocol(raw.get("protocol"))
        value = self.problems.value(
            ("run_optional",), "run_optional", "bool", raw.get("run_optional", True)
        )
        self.run_optional = value is not False
        if self.overrides.data is not None:
            return [self._local_name()]
        self.required = self._names("datasets", raw.get("datasets", []))
        self.optional = self._names("optional", raw.get("optional", []), taken=self.required)
        if "datasets" not in raw and "optional" not in raw:
            self.problems.add(("datasets",), 'there is no data set: add datasets = ["NAME"].')
        elif raw.get("datasets") == [] and not raw.get("optional"):
            self.problems.add(("datasets",), "datasets is empty: name at least one.")
        return self.known

    @property
    def known(self) -> list[str]:
        """Names of the suite's sets."""
        return [*self.required, *self.optional]

    def choose(self, source: str) -> tuple[tuple[SuiteDataset, ...], tuple[SkippedDataset, ...]]:
        """Narrow to ``--dataset``, leave out optional sets, and look for the files.

        Args:
            source: How the suite is called in messages.
        """
        if self.overrides.data is not None:
            return self._local(), ()
        chosen = dict(self.required)
        skipped: list[SkippedDataset] = []
        wanted = [self._canonical(name) for name in self.overrides.datasets]
        if wanted:
            known = self.required | self.optional
            for name in wanted:
                if name not in known and source != "command line":
                    self.unmatched["--dataset", name] = name
            chosen = {name: ("--dataset", name) for name in dict.fromkeys(wanted) if name in known}
        for name in () if wanted else self.optional:
            if not self.run_optional:
                skipped.append(SkippedDataset(name, "optional and left out; --optional runs it"))
                continue
            if self._absent(find_dataset(name)):
                reason = f"optional and absent; graphlab-bench data fetch {name}"
                skipped.append(SkippedDataset(name, reason))
            else:
                chosen[name] = self.optional[name]
        found = [self._dataset(name, path) for name, path in chosen.items()]
        return tuple(dataset for dataset in found if dataset is not None), tuple(skipped)

    def _protocol(self, protocol: object) -> str | None:
        if protocol is None:
            return None
        if not isinstance(protocol, str):
            got = printable(protocol, quote=True)
            self.problems.add(("protocol",), f"protocol must be a text (got {got}).")
            return None
        name = protocol_id(protocol)
        if self.task is not None:
            known, what = self.task.protocols, f"a protocol of task {self.task.name}"
        else:  # an unknown task is a problem of its own and does not hide this one
            known = tuple(p for card in task_cards().values() for p in card.protocols)
            what = "a protocol"
        if name not in known:
            self.problems.unknown(("protocol",), protocol, what, known)
            return None
        return name

    def _names(
        self, key: str, raw: object, taken: Mapping[str, KeyPath] | None = None
    ) -> dict[str, KeyPath]:
        """Check a list of data set names; return canonical name -> place."""
        if not isinstance(raw, list | tuple):
            got = printable(raw, quote=True)
            self.problems.add((key,), f"{key} must be a list of names (got {got}).")
            return {}
        names: dict[str, KeyPath] = {}
        for index, entry in enumerate(raw):
            path: KeyPath = (key, index)
            if not isinstance(entry, str):
                got = printable(entry, quote=True)
                self.problems.add(path, f"the name of a data set must be a text (got {got}).")
                continue
            card = self._card(path, entry)
            if card is None:
                continue
            if card.name in names or card.name in (taken or {}):
                self.problems.add(path, f"{card.name} is listed twice.")
                continue
            names[card.name] = path
        return names

    def _card(self, path: KeyPath, name: str) -> DatasetCard | None:
        try:
            card = find_dataset(name)
        except UnknownDataset:
            names = [c.name for c in cards().values() if not self.task or self.task.name in c.tasks]
            self.problems.unknown(path, name, "a data set", names)
            return None
        if self.task is not None and self.task.name not in card.tasks:
            text = f"{card.name} is not made for task {self.task.name}"
            self.problems.add(path, f"{text} (it serves {', '.join(card.tasks)}).")
            return None
        return card

    def _canonical(self, name: str) -> str:
        try:
            return find_dataset(name).name
        except UnknownDataset:
            return normalise_name(name)

    def _dataset(self, name: str, path: KeyPath) -> SuiteDataset | None:
        """Protocol and presence of one set that will run."""
        card = find_dataset(name)
        problem = self._file_problem(card)
        if problem is not None:
            self.problems.add(path, problem)
        if self.task is None:
            return None
        offered = card.protocols.get(self.task.name, ())
        if self.protocol is not None and self.protocol not in offered:
            text = f"protocol {self.protocol} is not offered for {name}"
            self.problems.add(("protocol",), f"{text} (offered: {', '.join(offered)}).")
        if not offered or problem is not None:
            return None
        return SuiteDataset(name, self.protocol or offered[0])

    def _absent(self, card: DatasetCard) -> tuple[str, ...]:
        return missing_files(card, self.overrides.root, protocol=self.protocol)

    def _file_problem(self, card: DatasetCard) -> str | None:
        """Say in one line which files of a set are missing or damaged; ``None`` if all are well."""
        absent = self._absent(card)
        if absent:
            more = f" and {len(absent) - 1} more" if len(absent) > 1 else ""
            folder = data_root(self.overrides.root)
            if absent[0] in card.files:  # else a split file, named from the root on
                folder /= card.subdir
            return (
                f"{card.name} is not on this machine: {absent[0]}{more} missing in {folder}. "
                f"Run: graphlab-bench data fetch {card.name}; or set GRAPHLAB_DATA_MIRROR."
            )
        try:
            locate(card, self.overrides.root)
        except (DatasetError, OSError) as error:
            text = " ".join(str(error).split())
            return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
        return None

    def _local_name(self) -> str:
        assert self.overrides.data is not None  # noqa: S101  (asked by the callers)
        return normalise_name(self.overrides.data.resolve().stem)

    def _local(self) -> tuple[SuiteDataset, ...]:
        """The user's own graph."""
        from graphlab.datasets.local import local_protocols

        path = self.overrides.data
        assert path is not None  # noqa: S101  (asked by the caller)
        if self.task is None:
            return ()
        try:
            offered = local_protocols(path, self.task.name)
        except (DatasetError, InputError, OSError) as error:
            self.local_problems.append((("--data",), " ".join(str(error).split())))
            return ()
        if self.protocol is not None and self.protocol not in offered:
            text = f"protocol {self.protocol} is not offered for {path_text(path)}"
            text += f" (offered: {', '.join(offered)})."
            self.local_problems.append((("protocol",), text))
        if not offered:
            text = f"{path_text(path)} is not made for task {self.task.name}."
            self.local_problems.append((("--data",), text))
            return ()
        return (SuiteDataset(self._local_name(), self.protocol or offered[0], str(path.resolve())),)
