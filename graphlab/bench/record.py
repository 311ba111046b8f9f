"""The record of one run: eight groups and a seal, written as ``run.json``, checked when read."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from graphlab.bench._seal import SEAL, Seal, check_seal, decode_record, seal_holds, sealed
from graphlab.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "MIGRATIONS",
    "SCHEMA",
    "STATUSES",
    "Code",
    "Config",
    "Cost",
    "Data",
    "Failure",
    "Identity",
    "Lineage",
    "Machine",
    "NewerRecordError",
    "NodeMetrics",
    "Predictions",
    "Result",
    "RunRecord",
    "Seal",
    "SeenWarnings",
    "Status",
    "Sweep",
    "check_seal",
    "decode_record",
    "finite_metrics",
    "parse_record",
    "seal_holds",
    "sealed",
]

SCHEMA: Final = 2
Status = Literal["done", "failed", "diverged", "out-of-memory", "timeout"]
STATUSES: Final[tuple[str, ...]] = ("done", "failed", "diverged", "out-of-memory", "timeout")


class NewerRecordError(InputError):
    """A record was written by a newer graphlab; it is skipped and counted, never guessed at."""


class _Group(BaseModel):
    # Unknown keys are kept: a record written by a later version of one schema loses nothing.
    model_config = ConfigDict(extra="allow", frozen=True, protected_namespaces=())


class Identity(_Group):
    """What was run; ``run_id`` is the hash of everything that decides the result."""

    run_id: str
    cell_id: str
    schema_version: int = Field(default=SCHEMA, alias="schema")
    suite: str
    system: str
    dataset: str
    task: str
    protocol: str
    seed: int
    fold: int | None = None


class Config(_Group):
    """Every option with its value, defaults written out; ``overridden`` names what a user set."""

    model: str
    title: str = ""
    part: str = ""
    model_file: str | None = None
    model_sha256: str | None = None
    data_path: str | None = None
    options: dict[str, Any] = Field(default_factory=dict)  # values of constructor arguments
    recipe: dict[str, Any] = Field(default_factory=dict)
    task_options: dict[str, Any] = Field(default_factory=dict)
    overridden: tuple[str, ...] = ()


class Failure(_Group):
    """Why a run gave no result: kind, message, and the end of its log."""

    type: str
    message: str
    log_tail: str = ""
    epoch: int | None = None
    signal: int | None = None


class SeenWarnings(_Group):
    """Warnings raised during a run: how many, and each text with its own count."""

    count: int = 0
    texts: dict[str, int] = Field(default_factory=dict)


class Predictions(_Group):
    """The kept prediction file of a run and its checksum."""

    file: str
    sha256: str


class NodeMetrics(_Group):
    """The file of how each test node ranked all nodes: its checksum, and means over the nodes."""

    file: str
    sha256: str
    num_nodes: int
    means: dict[str, FiniteFloat] = Field(default_factory=dict)


class Result(_Group):
    """Outcome: status, metrics by split, selected epoch.

    A metric that could not be computed is ``None``, and ``missing`` says why. ``metric`` is the
    one that the task puts first, ``monitor`` the value that selected the epoch. ``breakdowns`` has
    rows of test results by a property of the samples, such as ``{"degree": [{"low": 1, "high": 1,
    "count": 120, "acc": 0.61}]}``.
    """

    status: Status
    metric: str | None = None
    metrics: dict[str, dict[str, FiniteFloat | None]] = Field(default_factory=dict)
    missing: dict[str, str] = Field(default_factory=dict)
    breakdowns: dict[str, list[dict[str, int | FiniteFloat | str | None]]] = Field(
        default_factory=dict
    )
    monitor: str | None = None
    best_epoch: int | None = None
    epochs_run: int = 0
    history: str | None = None
    history_sha256: str | None = None
    predictions: Predictions | None = None
    node_metrics: NodeMetrics | None = None
    checkpoint: str | None = None
    error: Failure | None = None
    warnings: SeenWarnings = Field(default_factory=SeenWarnings)


class Cost(_Group):
    """What the run used: seconds by part, bytes at the peak, learnable parameters."""

    seconds: dict[str, FiniteFloat] = Field(default_factory=dict)
    seconds_per_epoch: FiniteFloat | None = None
    peak_rss_bytes: int | None = None
    peak_gpu_bytes: int | None = None
    parameters: int | None = None


class Code(_Group):
    """Versions of the package and of what it stands on."""

    graphlab: str = ""
    source_sha256: str | None = None
    git_commit: str | None = None
    git_dirty: bool | None = None
    git_diff_sha256: str | None = None
    python: str = ""
    torch: str | None = None
    numpy: str | None = None
    scipy: str | None = None
    numba: str | None = None
    accelerate: str | None = None
    blas: str | None = None
    command: tuple[str, ...] = ()


class Data(_Group):
    """Checksums of the data set's files and of the split's index arrays, and sizes.

    ``sizes`` counts the samples of each stage; of links also the negatives, in all or (if
    ``own_negatives``) of each positive. ``notes`` say what a reader must know of the split.
    """

    dataset_sha256: str | None = None
    split_sha256: str | None = None
    num_nodes: int | None = None
    num_edges: int | None = None
    sizes: dict[str, int] = Field(default_factory=dict)
    own_negatives: bool = False
    notes: tuple[str, ...] = ()


class Machine(_Group):
    """Where the run was executed; ``determinism`` is the level that may be promised for it.

    ``devices`` and ``processes`` are those that shared this one training.
    """

    cpu: str = ""
    cpu_capability: str | None = None
    cores: int | None = None
    threads: int | None = None
    ram_bytes: int | None = None
    platform: str = ""
    device: str = "cpu"
    devices: int = 1
    processes: int = 1
    gpu: str | None = None
    driver: str | None = None
    deterministic: bool = False
    determinism: Literal["exact", "close", "statistical"] = "statistical"


class Sweep(_Group):
    """The trial of a search that a run was."""

    study: str
    trial: int


class Lineage(_Group):
    """When the run was executed and how often it was resumed (epochs it was resumed at)."""

    started: AwareDatetime | None = None
    ended: AwareDatetime | None = None
    resumed_times: int = 0
    resumed_epochs: tuple[int, ...] = ()
    sweep: Sweep | None = None


class RunRecord(_Group):
    """All that is known about one run.

    Example:
        >>> identity = Identity(run_id="9f", cell_id="3c", suite="quick", system="gcn",
        ...                     dataset="debdeps", task="node", protocol="public", seed=0)
        >>> record = RunRecord(identity=identity, config=Config(model="gcn"),
        ...                    result=Result(status="done", metrics={"test": {"acc": 0.5}}))
        >>> record.metric("acc"), record.done
        (0.5, True)
    """

    identity: Identity
    config: Config
    result: Result
    cost: Cost = Field(default_factory=Cost)
    code: Code = Field(default_factory=Code)
    data: Data = Field(default_factory=Data)
    machine: Machine = Field(default_factory=Machine)
    lineage: Lineage = Field(default_factory=Lineage)

    @property
    def done(self) -> bool:
        """Whether the run ended with a result."""
        return self.result.status == "done"

    def metric(self, name: str, split: str = "test") -> float | None:
        """Return one metric, or ``None`` when the run has not got it."""
        return self.result.metrics.get(split, {}).get(name)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON-able form: eight objects, one a group."""
        return self.model_dump(mode="json", by_alias=True)


def _from_1(payload: dict[str, Any]) -> dict[str, Any]:
    """Schema 2 puts study and trial of a search into one object, and has a seal."""
    lineage = payload.get("lineage")
    if not isinstance(lineage, dict):
        return payload
    rest = dict(lineage)
    study, trial = rest.pop("study", None), rest.pop("trial", None)
    if study is not None and trial is not None:
        rest["sweep"] = {"study": study, "trial": trial}
    return {**payload, "lineage": rest}


#: One function a superseded schema: turns a payload of version v into one of version v + 1.
MIGRATIONS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {1: _from_1}


def parse_record(payload: object) -> RunRecord:
    """Validate one decoded ``run.json``; an older schema is migrated in memory.

    The seal is not looked at (:func:`check_seal` does) and is no part of the record.

    Raises:
        NewerRecordError: The schema is newer than this version knows.
        InputError: It is no record of a run.
    """
    if not isinstance(payload, dict):
        raise InputError(f"A record is a JSON object, not {type(payload).__name__}.")
    version = _schema(payload)
    if version > SCHEMA:
        raise NewerRecordError(
            f"The record has schema {version}, this graphlab reads up to {SCHEMA}. "
            "Read it with the version that wrote it, or upgrade."
        )
    payload = {key: value for key, value in payload.items() if key != SEAL}
    while version < SCHEMA:
        if version not in MIGRATIONS:
            raise InputError(f"Records of schema {version} are not known.")
        payload = MIGRATIONS[version](payload)
        version += 1
        payload["identity"] = {**payload["identity"], "schema": version}
    try:
        return RunRecord.model_validate(payload)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InputError(
            f"No valid record: {place}: {first['msg']} ({error.error_count()} problems)."
        ) from None


def _schema(payload: dict[str, Any]) -> int:
    identity = payload.get("identity")
    version = identity.get("schema") if isinstance(identity, dict) else None
    if not isinstance(version, int) or isinstance(version, bool):
        raise InputError(f"A record needs an integer identity.schema, not {version!r}.")
    return version


def finite_metrics(
    metrics: Mapping[str, Mapping[str, float]],
) -> tuple[dict[str, dict[str, float | None]], dict[str, str]]:
    """Replace values that JSON cannot hold by ``None`` and say why.

    Example:
        >>> finite_metrics({"test": {"acc": float("nan")}})
        ({'test': {'acc': None}}, {'test.acc': 'the computed value is nan'})
    """
    clean: dict[str, dict[str, float | None]] = {}
    missing: dict[str, str] = {}
    for split, values in metrics.items():
        clean[split] = {}
        for name, value in values.items():
            number = float(value)
            clean[split][name] = number if math.isfinite(number) else None
            if not math.isfinite(number):
                missing[f"{split}.{name}"] = f"the computed value is {number}"
    return clean, missing
