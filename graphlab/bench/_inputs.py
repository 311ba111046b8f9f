"""What a run is made of, checked against its plan: the data set and the model's source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphlab.errors import ConfigError, DatasetCorrupt
from graphlab.io import sha256_file
from graphlab.registry import ModelCard, find_model, find_task

if TYPE_CHECKING:
    import torch

    from graphlab.bench.plan import RunSpec
    from graphlab.datasets import LoadedData

__all__ = ["CellData", "make_model", "make_problem", "model_card", "sizes", "split_facts"]


class CellData:
    """The data set of a cell, loaded and verified at the first run and kept for its other seeds."""

    def __init__(self) -> None:
        self._key: tuple[str | None, ...] = ()
        self._data: LoadedData | None = None

    def get(self, spec: RunSpec) -> LoadedData:
        """Return the data of a run.

        Raises:
            DatasetCorrupt: The files are not those that the plan saw.
        """
        key = (spec.dataset, spec.task, spec.data_path, spec.data_root, spec.dataset_sha256)
        if self._data is None or key != self._key:
            self._data, self._key = _load(spec), key
        return self._data


def model_card(spec: RunSpec) -> ModelCard:
    """Return the card of a run's model.

    Raises:
        ConfigError: The user's own file has changed since the run was planned.
    """
    card = find_model(spec.model, files=[spec.model_file] if spec.model_file else [])
    if spec.model_sha256 is not None:
        digest = sha256_file(card.file)
        if digest != spec.model_sha256:
            raise ConfigError(
                f"{card.file} has changed since the run was planned (sha256 {digest[:12]}..., "
                f"planned {spec.model_sha256[:12]}...). Start the command again."
            )
    return card


def make_problem(
    spec: RunSpec, card: ModelCard, data: LoadedData, device: str
) -> tuple[Any, Any]:  # of any task
    """Return the task of a run, and the problem that it makes of the data."""
    task = find_task(spec.task).load()(**{**spec.task_options, "protocol": spec.protocol})
    problem = task.prepare(
        data, spec.seed, fold=spec.fold, sparse_ok=card.sparse_input, device=device
    )
    return task, problem


def make_model(
    spec: RunSpec,
    card: ModelCard,
    task: Any,  # noqa: ANN401  (any task, and its problem)
    problem: Any,  # noqa: ANN401
    device: str,
) -> torch.nn.Module:
    """Return the freshly initialised model of a run."""
    from graphlab.train import build_model

    arguments = {**task.model_kwargs(problem), **spec.options}
    return build_model(card, arguments, spec.seed, device=device)


def sizes(graph: Any) -> dict[str, int]:  # noqa: ANN401  (a graph, or a list of them)
    """Return the numbers of nodes and of stored entries, of all graphs of a set together."""
    graphs = graph if isinstance(graph, list) else [graph]
    return {
        "num_nodes": sum(g.num_nodes for g in graphs),
        "num_edges": sum(g.num_edges for g in graphs),
    }


def split_facts(problem: Any) -> dict[str, Any]:  # noqa: ANN401  (of any task)
    """Return what a problem tells of its split; tasks of users may tell the checksum alone."""
    test = getattr(problem, "test", None)
    return {
        "split_sha256": problem.split_digest,
        "sizes": dict(getattr(problem, "sizes", {})),
        "own_negatives": bool(getattr(test, "own_negatives", False)),
        "notes": tuple(getattr(problem, "notes", ())),
    }


def _load(spec: RunSpec) -> LoadedData:
    if spec.data_path is not None:
        from graphlab.datasets.local import load_local, local_sha256

        digest = local_sha256(spec.data_path)
        data = load_local(spec.data_path, spec.task)
    else:
        from graphlab.datasets import load
        from graphlab.datasets.catalog import dataset_sha256, find_dataset

        digest = dataset_sha256(find_dataset(spec.dataset), spec.data_root)
        data = load(spec.dataset, spec.task, root=spec.data_root)
    if digest != spec.dataset_sha256:
        raise DatasetCorrupt(
            f"The files of {spec.dataset} have changed since the run was planned (sha256 "
            f"{digest[:12]}..., planned {spec.dataset_sha256[:12]}...). Start the command again; "
            "graphlab-bench data verify tells whether they are the published ones."
        )
    return data
