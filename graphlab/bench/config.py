"""From a suite as written to a checked :class:`~graphlab.bench.suite.Suite`; all problems at once.

A suite is TOML (or a dictionary of the same keys)::

    title    = "Citation graphs"
    task     = "node"
    protocol = "public"            # left out: each data set's default
    seeds    = 5                   # 0..4, or a list
    datasets = ["cora", "citeseer"]
    optional = ["pubmed"]          # run when present, else skipped and named
    run_optional = false           # leave them out until --optional or --dataset NAME

    [recipe]                       # fields of graphlab.train.Recipe, for all systems
    epochs = 100
    [task_options]
    feature_norm = "row"
    [features]                     # computed of the graph, appended to the features of the nodes
    add = ["orbit-counts"]         # log(1 + count) of the 15 orbits

    [[system]]                     # one row of the table
    model  = "dagnn"
    name   = "DAGNN, 5 hops"
    preset = "auto"                # the model's preset for the data set; "none"; a preset's name
    [system.options]
    K = 5
    [system.recipe]
    lr = 0.005
    [system.on.citeseer.options]   # per data set: options, recipe, task_options, features
    K = 10

A suite over several tasks or protocols has a ``[[part]]`` table for each. A part has the keys of a
suite and a title of its own; what it leaves out, it takes from the top::

    title    = "Easy and hard negatives"
    task     = "link"
    datasets = ["cora"]
    [[system]]
    model    = "gae"
    [[part]]
    protocol = "random-85-5-10"
    [[part]]
    protocol = "heart-85-5-10"
    seeds    = 1

``[features]`` is a short form of the task's option ``add_features`` and may stand wherever
``[task_options]`` may: at the top, in a part, a system, or for one data set. For links the added
features are computed of the edges that a stage may see.

A recipe for links may hold ``reweight = {alpha = 2.0, interval = 1, warm_up = 1}``: edges are then
re-weighted in training, see :class:`graphlab.train.EdgeReweighter`.

A recipe for nodes may hold ``ssl = {task = "distance2labeled", lam = 10.0}``: a pretext task is
then trained beside the classification, see :class:`graphlab.train.SelfSupervision`.

Which place wins is told in :mod:`graphlab.bench.layers`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from graphlab.bench._part_reader import PartReader
from graphlab.bench.dataset_checks import protocol_id
from graphlab.bench.document import Document, read_document
from graphlab.bench.problems import Problems, printable, suggestion
from graphlab.bench.suite import Overrides, Suite
from graphlab.errors import ConfigError
from graphlab.registry import find_task, normalise_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from graphlab.bench._parts import PartDocument
    from graphlab.bench.dataset_checks import DatasetReader
    from graphlab.bench.system_checks import SystemReader

__all__ = ["load_suite"]


def load_suite(
    source: str | Path | Mapping[str, object] | None = None,
    *,
    overrides: Overrides | None = None,
) -> Suite:
    """Read and check a suite completely, before anything is started.

    Args:
        source: Name of a shipped suite, path of a TOML file, a dictionary of the same keys, or
            ``None``: a suite made from the flags, or ``quick`` without any.
        overrides: What flags change.

    Raises:
        ConfigError: Every problem with its place and the nearest valid name.

    Example:
        >>> suite = {"task": "node", "datasets": ["debdeps"], "systems": [{"model": "gcn"}]}
        >>> load_suite(suite)
        Traceback (most recent call last):
        ...
        graphlab.errors.ConfigError: suite['systems']: systems is not a key of a suite. Did you \
mean system?
        suite['system']: there is no system: add [[system]] with model = NAME.
    """
    overrides = overrides or Overrides()
    return _SuiteReader(read_document(source, overrides), overrides).read()


class _SuiteReader:
    """Reads all parts, then asks what only all of them together can answer."""

    def __init__(self, document: Document, overrides: Overrides) -> None:
        self.document, self.overrides = document, overrides
        self.problems = Problems(document.where)
        for problem in document.problems:
            self.problems.note(problem)

    def read(self) -> Suite:
        document, title, root = self.document, self.document.title, self.overrides.root
        if not isinstance(title, str):
            got = printable(title, quote=True)
            self.problems.add(("title",), f"title must be a text (got {got}).")
        parts = self._chosen()
        readers = [PartReader(part, document.source, self.overrides) for part in parts]
        self._unmatched(readers)
        self._raise_any(readers)
        readers = [reader for reader in readers if reader.applies]
        if not readers:
            raise ConfigError(f"{document.source}: no part has all that the flags name together.")
        self._twice(readers)
        for reader in readers:
            reader.check_merged()
        self._raise_any(readers)
        return Suite(
            name=document.name,
            title=str(title),
            parts=tuple(reader.part for reader in readers),
            source=document.source,
            root=None if root is None else str(Path(root).expanduser().absolute()),
            files=self.overrides.files,
        )

    def _chosen(self) -> list[PartDocument]:
        """Narrow to ``--task`` and ``--protocol``; one part alone takes another protocol."""
        parts = self.document.parts
        task, protocol = self.overrides.task, self.overrides.protocol
        if task is not None and self.document.source != "command line":
            parts = self._of_task(task)
        if protocol is not None and len(parts) > 1:
            wanted = protocol_id(protocol)
            found = [part for part in parts if wanted in _protocols(part)]
            if not found:
                known = {name for part in parts for name in _protocols(part)}
                what = "a protocol of any part of this suite"
                self.problems.note(
                    f"--protocol: {printable(protocol)} is not {what}.{suggestion(protocol, known)}"
                )
                return parts
            parts = found
        for part in parts if protocol is not None else ():
            part.raw["protocol"] = protocol
            part.where.flags["protocol",] = "--protocol"
        return parts

    def _of_task(self, task: str) -> list[PartDocument]:
        parts = self.document.parts
        found = [p for p in parts if _task_name(p.raw.get("task", task)) == _task_name(task)]
        if found or not parts:
            return found
        names = " and ".join(dict.fromkeys(printable(part.raw["task"]) for part in parts))
        self.problems.note(
            f"--task: the suite is of task {names}; --task {printable(task)} cannot change it."
        )
        return parts

    def _unmatched(self, readers: Sequence[PartReader]) -> None:
        """Note what a flag names and no part has; one part alone may lack it."""
        if not readers:
            return
        first = readers[0]
        systems, sets = [reader.systems for reader in readers], [reader.sets for reader in readers]
        what = {"--model": "a system of this suite", "set": "a system that will run"}
        _note_missing(first.problems, systems, what)
        _note_missing(first.problems, sets, {"--dataset": f"a data set of {self.document.source}"})
        wanted = {normalise_name(name) for name in self.overrides.models}
        for name in first.systems.own if self.document.source != "command line" else ():
            named = not wanted or name in wanted
            if named and not any(reader.serves(name) for reader in systems):
                first.systems.refuse(name)
        if all(reader.local_problems for reader in sets):
            for reader in readers:
                for path, text in reader.sets.local_problems:
                    reader.problems.add(path, text)

    def _twice(self, readers: Sequence[PartReader]) -> None:
        """Note systems of several parts that would share a row or a cell of the table."""
        rows: dict[tuple[str, str], tuple[str, str]] = {}
        cells: set[tuple[str, ...]] = set()
        for reader in readers:
            part = reader.part
            for system in part.systems:
                name, path = normalise_name(system.name), reader.systems.place(system)
                new = (system.card.name, reader.problems.where(path))
                model, place = rows.setdefault((part.task, name), new)
                if model != system.card.name:
                    text = f"two systems are named {printable(system.name)}"
                    text += f" (the other: {place}). Give one another name."
                    reader.problems.add(path, text)
                for dataset in part.datasets:
                    cell = (part.task, name, dataset.name, dataset.protocol)
                    if cell in cells:
                        text = f"{printable(system.name)} on {dataset.name} is in two parts of "
                        text += f"protocol {dataset.protocol}. Give it another name in one."
                        reader.problems.add((), text)
                    cells.add(cell)

    def _raise_any(self, readers: Sequence[PartReader]) -> None:
        for reader in readers:
            self.problems.join(reader.problems)
        self.problems.raise_any()


def _note_missing(
    problems: Problems,
    readers: Sequence[SystemReader] | Sequence[DatasetReader],
    what: Mapping[str, str],
) -> None:
    """Note the names of flags that no reader has found; ``what`` says what they should be."""
    known = {name for reader in readers for name in reader.known}
    for path, name in readers[0].unmatched.items():
        if all(path in reader.unmatched for reader in readers):
            problems.unknown(path, name, what[str(path[0])], known)


def _protocols(part: PartDocument) -> tuple[str, ...]:
    """Protocols that a part may be run under: the one it names, else all of its task."""
    named = part.raw.get("protocol")
    if isinstance(named, str):
        return (protocol_id(named),)
    try:
        return find_task(str(part.raw.get("task"))).protocols
    except ConfigError:
        return ()


def _task_name(name: object) -> str:
    try:
        return find_task(str(name)).name
    except ConfigError:
        return normalise_name(str(name))
