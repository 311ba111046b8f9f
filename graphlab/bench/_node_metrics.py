"""The file of node metrics of a run: how well each test node ranked all nodes, and the split."""

from __future__ import annotations

import io
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from graphlab.bench._process import Interrupted
from graphlab.bench.record import NodeMetrics
from graphlab.errors import InputError
from graphlab.io import atomic_write, safe_load, sha256_bytes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import torch
    from numpy.typing import NDArray

    from graphlab.bench._log import RunLog

__all__ = ["BY_CUT_OFF", "FILE", "KeptNodeMetrics", "means_of", "ranked", "read_node_metrics"]

FILE: Final = "node_metrics.npz"
BY_CUT_OFF: Final = ("recall", "precision", "f1", "ndcg", "hits")
_STAGES: Final = ("train", "val", "test")


@dataclass(frozen=True)
class KeptNodeMetrics:
    """What the file holds.

    Attributes:
        num_nodes: Of the graph.
        nodes: The test nodes (q,), ascending.
        topk: Cut-offs (k,).
        metrics: ``recall``, ``precision``, ``f1``, ``ndcg``, ``hits`` (q, k), and ``mrr`` (q,).
        edges: Edges (E, 2) of the split by ``train``, ``val``, ``test``: all that a value of the
            nodes can be computed of.
    """

    num_nodes: int
    nodes: NDArray[Any]
    topk: NDArray[Any]
    metrics: dict[str, NDArray[Any]]
    edges: dict[str, NDArray[Any]]

    def at(self, name: str, k: int | None = None) -> NDArray[Any]:
        """Return one metric of the nodes: ``at("recall", 10)``, ``at("mrr")``.

        Raises:
            InputError: There is no such metric or cut-off.
        """
        values = self.metrics.get(name)
        if values is None or (values.ndim == 2) != (k is not None):
            known = ", ".join(self.means())
            raise InputError(f"{name!r} at {k!r} is no node metric; there are {known}.")
        if k is None:
            return values
        place = [int(each) for each in self.topk]
        if k not in place:
            raise InputError(f"k is {k!r}, but the cut-offs are {place}.")
        return values[:, place.index(k)]

    def means(self) -> dict[str, float]:
        """Return the mean of every metric, such as ``recall@10``."""
        return means_of({"topk": self.topk, **self.metrics})


def means_of(found: dict[str, NDArray[Any]]) -> dict[str, float]:
    """Return the means over nodes by ``recall@5`` ... and ``mrr``."""
    means = {
        f"{name}@{int(k)}": float(found[name][:, place].mean())
        for name in BY_CUT_OFF
        for place, k in enumerate(found["topk"])
    }
    return {**means, "mrr": float(found["mrr"].mean())}


def ranked(
    task: Any,  # noqa: ANN401  (a task with ``rank_nodes``)
    problem: Any,  # noqa: ANN401
    model: torch.nn.Module,
    run_dir: Path,
    log: RunLog,
    *,
    stop: Callable[[], bool],
) -> NodeMetrics | str:
    """Compute and write the node metrics of a model in its selected state.

    The metrics of the run are known by then, so what fails here is logged and costs no result.

    Args:
        task: Its ``rank_nodes`` computes them.
        problem: What was trained on.
        model: In the selected state.
        run_dir: Where the file goes.
        log: Takes the traceback of an error.
        stop: Asked between blocks of nodes.

    Returns:
        What the record says of the file, or why there is none.

    Raises:
        Interrupted: A stop was asked for.
        OSError: The file cannot be written.
    """
    import torch

    def go_on() -> None:
        if stop():
            raise Interrupted(signal.SIGTERM)

    was_training = model.training
    try:
        # no inference mode: what a model caches of the graph, the next run's training may use
        with torch.no_grad():
            found = task.rank_nodes(model.eval(), problem, after_block=go_on)
        return _write(found, problem, run_dir)
    except OSError:  # as for any other file of the run: make room, then it goes on
        raise
    except Exception as error:
        log.write("The node metrics were left out:")
        log.write_error(error)
        return f"{type(error).__name__}: {error}"
    finally:
        model.train(was_training)


def read_node_metrics(file: Path) -> KeptNodeMetrics:
    """Read and check a file of node metrics; nothing in it is executed.

    Raises:
        GraphlabError: It cannot be read, or is no file of node metrics.
    """
    content = safe_load(file)
    try:
        found = KeptNodeMetrics(
            num_nodes=int(content["num_nodes"]),
            nodes=content["nodes"],
            topk=content["topk"],
            metrics={name: content[name] for name in (*BY_CUT_OFF, "mrr")},
            edges={stage: content[f"{stage}_edges"] for stage in _STAGES},
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{file} holds no node metrics ({error}).") from error
    q, k = len(found.nodes), len(found.topk)
    shapes: dict[str, tuple[int, ...]] = dict.fromkeys(BY_CUT_OFF, (q, k))
    shapes["mrr"] = (q,)
    for name, shape in shapes.items():
        if found.metrics[name].shape != shape:
            raise InputError(
                f"{file}: {name} has shape {found.metrics[name].shape}, expected {shape}."
            )
    for stage, edges in found.edges.items():
        if edges.ndim != 2 or edges.shape[1] != 2 or edges.dtype.kind not in "iu":
            raise InputError(f"{file}: {stage}_edges has shape {edges.shape}, expected (E, 2).")
    return found


def _write(found: dict[str, torch.Tensor], problem: Any, run_dir: Path) -> NodeMetrics:  # noqa: ANN401
    import numpy as np

    arrays = {name: values.cpu().numpy() for name, values in found.items()}
    edges = {"train": problem.train.edges, "val": problem.val.pos, "test": problem.test.pos}
    packed = io.BytesIO()
    kept: dict[str, Any] = {
        "num_nodes": np.int64(problem.inputs.graph.num_nodes),
        **arrays,
        **{f"{stage}_edges": each.cpu().numpy().astype(np.int32) for stage, each in edges.items()},
    }
    np.savez_compressed(packed, **kept)
    atomic_write(run_dir / FILE, packed.getvalue())
    return NodeMetrics(
        file=FILE,
        sha256=sha256_bytes(packed.getvalue()),
        num_nodes=len(arrays["nodes"]),
        means=means_of(arrays),
    )
