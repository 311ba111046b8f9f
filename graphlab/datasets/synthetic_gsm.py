"""``GSMTasks``: eight questions on small generated graphs, as *Best of Both Worlds* poses them.

The paper names the tasks and says little of how graphs were drawn: the generators are ours, and
numbers on them are not comparable with its tables.
"""

from __future__ import annotations

import zlib
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import torch

from graphlab.collection import GraphCollection
from graphlab.datasets import _gsm_draws as draws
from graphlab.errors import InputError
from graphlab.ops._hac_rounds import mix64

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from graphlab.datasets._gsm_draws import Drawn
    from graphlab.datasets.arrays import Arrays
    from graphlab.datasets.card import DatasetCard

__all__ = ["GSM_TASKS", "GSMTasks", "read_gsm_task"]

Task = Literal[
    "degree",
    "cycle",
    "triangle_er",
    "triangle_reg",
    "connectivity",
    "color_count",
    "shortest_path",
    "color_connectivity",
]
Split = Literal["train", "val", "test"]
GSM_TASKS: tuple[str, ...] = get_args(Task)
"""Names of the tasks."""

_DRAW: dict[str, Callable[[np.random.Generator, int], Drawn]] = {
    "degree": draws.degree,
    "cycle": draws.cycle,
    "triangle_er": draws.triangles_of_random_graph,
    "triangle_reg": draws.triangles_of_regular_graph,
    "connectivity": draws.connectivity,
    "color_count": draws.color_count,
    "shortest_path": draws.shortest_path,
    "color_connectivity": draws.color_connectivity,
}
_SIZES = {"1K": 1_000, "10K": 10_000, "100K": 100_000}
_VAL, _TEST = 500, 1_000


def GSMTasks(  # noqa: N802  (the name of the interface)
    task: Task, split: Split = "train", size: str | int = "1K", seed: int = 0
) -> GraphCollection:
    """Draw one part of a synthetic task of *Best of Both Worlds* [behrouz2025]_.

    Every graph has one label. Features are 16 normal numbers a node, and a flag at the nodes that
    are asked about, unless said.

    ==================== ============================================= =========================
    task                 graphs                                        label
    ==================== ============================================= =========================
    degree               G(n, p), n 5 to 20, p uniform in (0, 1)       neighbours of a node, 0-19
    cycle                forests of n 5 to 20 nodes, half with one     whether there is a cycle
                         edge exchanged for one that closes a cycle
    triangle_er          G(n, 0.3), n 20 to 40                         triangles, scaled
    triangle_reg         random 4-regular graphs, n 20 to 40           triangles, scaled
    connectivity         G(n, 1.2/n), n 20 to 60                       are two nodes connected
    color_count          G(n, p), n 8 to 40, 8 colours of shares       nodes of a colour, 0-40
                         drawn from a Dirichlet distribution
    shortest_path        G(n, 1.2/n), n 20 to 60                       hops between two nodes
    color_connectivity   16 x 16 grid, half of it coloured by one or   is what is coloured one
                         two random walks                              connected part
    ==================== ============================================= =========================

    Classes of two are balanced. Numbers of triangles are divided by their standard deviation over
    the training graphs. ``color_count`` has the colour of each node and the one asked for, 8
    columns each, and nothing else; ``color_connectivity`` whether a node is coloured.

    Args:
        task: One of :data:`GSM_TASKS`.
        split: ``"train"``; ``"val"``, 500 graphs; or ``"test"``, 1,000 graphs, the same for every
            size.
        size: Training graphs: ``"1K"``, ``"10K"``, ``"100K"`` or a number. The paper has columns
            ``1K`` and ``100K`` and does not say what they count.
        seed: Of the stream.

    Returns:
        Undirected graphs with ``x`` (n, F) float and ``y`` (G,), int64 or float32.

    Raises:
        InputError: An unknown task, split or size; a seed that is no whole number >= 0.

    Cost: 0.1 ms to 2 ms a graph; parts of a task are drawn together, and the last two are kept.

    Example:
        >>> graphs = GSMTasks("connectivity", "val")
        >>> len(graphs), graphs.x.shape[1], graphs.y[:4].tolist()
        (500, 17, [0, 1, 0, 1])
    """
    for name, value, known in (("task", task, GSM_TASKS), ("split", split, get_args(Split))):
        if value not in known:
            raise InputError(f"{name} is {value!r}; expected one of {', '.join(known)}.")
    count = _SIZES.get(size) if isinstance(size, str) else size
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise InputError(f"size is {size!r}; expected '1K', '10K', '100K' or a number above 0.")
    if isinstance(seed, bool) or not hasattr(seed, "__index__") or seed < 0:
        raise InputError(f"seed is {seed!r}; expected a whole number >= 0.")
    graphs = _all_parts(task, count, int(seed))
    held = _VAL + _TEST
    return {"val": graphs[:_VAL], "test": graphs[_VAL:held], "train": graphs[held:]}[split]


def read_gsm_task(folder: Path, card: DatasetCard) -> Arrays:
    """Return the set ``gsm-TASK`` of the catalogue: a task's three parts, ``1K``, seed 0.

    Args:
        folder: Not used.
        card: Its name says the task.

    Returns:
        Arrays in the layout of :mod:`graphlab.datasets.arrays`; training graphs come first.
    """
    from graphlab.datasets.graph_sets import collection_arrays, fixed_split

    count, held = _SIZES["1K"], _VAL + _TEST
    drawn = _all_parts(card.name.removeprefix("gsm-").replace("-", "_"), count, 0)
    graphs = drawn[torch.arange(held + count).roll(count)]
    return {**collection_arrays(graphs), **fixed_split(count, _VAL, _TEST)}


@lru_cache(maxsize=2)
def _all_parts(task: str, count: int, seed: int) -> GraphCollection:
    """Draw validation, test and training graphs, in this order: the first two are always alike."""
    mixed = int(mix64(np.array([seed % 2**64], np.uint64))[0])
    rng = np.random.default_rng(mixed ^ zlib.crc32(task.encode()))
    drawn = [_DRAW[task](rng, number) for number in range(_VAL + _TEST + count)]
    nodes = torch.tensor([0, *(len(graph.x) for graph in drawn)]).cumsum(0)
    edges = torch.tensor([0, *(graph.index.shape[1] for graph in drawn)]).cumsum(0)
    index = np.concatenate([graph.index for graph in drawn], axis=1).astype(np.uint8)
    y = torch.tensor([graph.y for graph in drawn])
    if task.startswith("triangle"):
        y = y.double()
        y = (y / y[_VAL + _TEST :].std(correction=0).clamp(min=1e-12)).float()
    elif task == "shortest_path":
        y = y.float()
    return GraphCollection(
        torch.from_numpy(index),
        nodes,
        edges,
        node={"x": torch.from_numpy(np.concatenate([graph.x for graph in drawn]))},
        graph={"y": y},
        check=False,
    )
