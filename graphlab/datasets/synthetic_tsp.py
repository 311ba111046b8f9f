"""Travelling-salesman graphs: nearest neighbours of random points, and the edges of a short tour.

The set follows the construction of [dwivedi2023]_ (specification of the benchmark, section 7):
points uniform in the unit square, directed edges to the 25 nearest, Euclidean distances. Tours are
of LKH under the Euclidean metric; those of the published set are of another solver and norm.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from graphlab.collection import GraphCollection
from graphlab.errors import DatasetCorrupt, InputError, MissingDependency
from graphlab.seeding import numpy_generator

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from graphlab.datasets.arrays import Arrays
    from graphlab.datasets.card import DatasetCard

__all__ = [
    "labelled",
    "read_tsp_synth",
    "synth_points",
    "tsp_graph",
    "tsp_graphs",
    "tsp_points",
    "tsp_tour",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_SCALE = 1_000_000  # the solver takes whole numbers
_TRIES = 2  # relabellings that are solved; the shortest tour is kept
_NEIGHBORS = 25
_SYNTH_POINTS = (50, 100)
_SYNTH_SPLIT = (800, 100, 100)


def tsp_graph(coord: Any, k: int = _NEIGHBORS) -> tuple[torch.Tensor, torch.Tensor]:  # noqa: ANN401
    """Join each point with its ``k`` nearest others, as directed edges.

    Args:
        coord: Points (n, 2), array or tensor.
        k: Neighbours of a point; all others where there are fewer.

    Returns:
        ``edge_index`` (2, n k) int64, sorted by (source, target), and the Euclidean ``distance``
        (n k,) float64 of each. Of equally distant points those of smaller number are nearer.

    Raises:
        InputError: Not points, or ``k`` < 1.

    Example:
        >>> edge_index, distance = tsp_graph([[0.0, 0.0], [0.0, 1.0], [0.0, 3.0]], k=1)
        >>> edge_index.tolist(), distance.tolist()
        ([[0, 1, 2], [1, 0, 1]], [1.0, 1.0, 2.0])
    """
    points = _points(coord)
    if isinstance(k, bool) or not hasattr(k, "__index__") or k < 1:
        raise InputError(f"k is {k!r}; expected a whole number >= 1.")
    gap = _distances(points)
    np.fill_diagonal(gap, np.inf)
    n = len(points)
    nearest = np.sort(np.argsort(gap, axis=1, kind="stable")[:, : max(min(k, n - 1), 0)], axis=1)
    source = np.repeat(np.arange(n), nearest.shape[1])
    edge_index = np.stack([source, nearest.reshape(-1)])
    return torch.from_numpy(edge_index), torch.from_numpy(gap[edge_index[0], edge_index[1]])


def tsp_tour(coord: Any, *, seed: int = 0) -> Ints:  # noqa: ANN401  (array or tensor)
    """Return a short closed tour through all points, by LKH (package ``elkai``).

    Distances are rounded to whole millionths. Several relabellings are solved and the shortest
    tour is kept: one run alone is a few percent longer at times.

    Args:
        coord: Points (n, 2).
        seed: Of the relabellings.

    Returns:
        The points in the order of the tour, (n,) int64, beginning with 0.

    Raises:
        InputError: Not points.
        MissingDependency: ``elkai`` is not installed.

    Cost: 0.2 s for 100 points.
    """
    points = _points(coord)
    n = len(points)
    if n <= 3:
        return np.arange(n)
    try:
        elkai = import_module("elkai")
    except ImportError as error:
        raise MissingDependency(
            "Solving tours needs the package elkai, which is not installed. Run: pip install "
            "'graphlab[tsp]'"
        ) from error
    gap = np.rint(_distances(points) * _SCALE).astype(np.int64)
    rng = numpy_generator(seed, "tsp-tour")
    best, shortest = np.arange(n), np.iinfo(np.int64).max
    for _ in range(_TRIES):
        order = rng.permutation(n)
        found = elkai.DistanceMatrix(gap[np.ix_(order, order)].tolist()).solve_tsp()
        tour = order[np.array(found[:n])]
        length = gap[tour, np.roll(tour, -1)].sum()
        if length < shortest:
            best, shortest = tour, length
    start = int(np.flatnonzero(best == 0)[0])
    return np.roll(best, -start)


def tsp_points(num_graphs: int, seed: int, *, least: int = 50, most: int = 500) -> list[Floats]:
    """Draw the points of some graphs: their number uniform in ``least..most``, places in [0, 1)².

    The first points of a seed are the same for any ``num_graphs``.
    """
    rng = numpy_generator(seed, "tsp")
    return [rng.random((int(rng.integers(least, most + 1)), 2)) for _ in range(num_graphs)]


def tsp_graphs(
    num_graphs: int, seed: int, *, k: int = _NEIGHBORS, least: int = 50, most: int = 500
) -> GraphCollection:
    """Draw points, solve tours, and return the graphs with labels of their edges.

    Args:
        num_graphs: How many.
        seed: Of points and relabellings.
        k: Neighbours of a point.
        least: Least number of points.
        most: Most number of points.

    Returns:
        ``x`` (n, 2) float32 places, ``edge_attr`` (m, 1) float32 distances, ``y`` (m,) int64: 1
        where the tour goes from one end to the other, in either direction.

    Raises:
        InputError: Numbers that make no sense.
        MissingDependency: ``elkai`` is not installed.

    Cost: the solver: about 0.2 s for 100 points, several seconds for 500.
    """
    if num_graphs < 0 or not 1 <= least <= most:
        raise InputError(
            f"num_graphs is {num_graphs} and points are {least}..{most}; expected num_graphs >= 0 "
            "and 1 <= least <= most."
        )
    points = tsp_points(num_graphs, seed, least=least, most=most)
    return labelled(points, [tsp_tour(p, seed=seed) for p in points], k)


def labelled(points: Sequence[Floats], tours: Sequence[Ints], k: int) -> GraphCollection:
    """Return the graphs of points whose tours are known."""
    indices, gaps, labels = [], [], []
    for coord, tour in zip(points, tours, strict=True):
        edge_index, distance = tsp_graph(coord, k)
        after = np.empty(len(tour), np.int64)
        after[tour] = np.roll(tour, -1)
        row, col = edge_index.numpy()
        indices.append(edge_index)
        gaps.append(distance.float()[:, None])
        labels.append(
            torch.from_numpy(((after[row] == col) | (after[col] == row)).astype(np.int64))
        )
    empty = torch.zeros((2, 0), dtype=torch.int64)
    places = [torch.from_numpy(p).float() for p in points]
    return GraphCollection(
        torch.cat(indices or [empty], 1),
        torch.tensor([0, *(len(p) for p in points)]).cumsum(0),
        torch.tensor([0, *(i.shape[1] for i in indices)]).cumsum(0),
        node={"x": torch.cat(places or [torch.zeros(0, 2)])},
        edge={
            "edge_attr": torch.cat(gaps or [torch.zeros(0, 1)]),
            "y": torch.cat(labels or [empty[0]]),
        },
        check=False,
    ).narrowed()


def synth_points() -> list[Floats]:
    """Return the points of ``tsp-synth``."""
    least, most = _SYNTH_POINTS
    return tsp_points(sum(_SYNTH_SPLIT), 0, least=least, most=most)


def read_tsp_synth(folder: Path, card: DatasetCard) -> Arrays:
    """Return ``tsp-synth``: 1,000 graphs of 50 to 100 points of seed 0.

    Points are drawn, tours read: solving them takes minutes and the package ``elkai``
    (``datasets/tsp-synth/build_tours.py``).

    Args:
        folder: Folder of the card.
        card: The set.

    Returns:
        Arrays in the layout of :mod:`graphlab.datasets.arrays`.

    Raises:
        DatasetCorrupt: The file cannot be read, or its tours are not of these points.

    Cost: 1 s.
    """
    from graphlab.datasets.arrays import read_npz
    from graphlab.datasets.graph_sets import collection_arrays, fixed_split

    points = synth_points()
    path = folder / card.required_files[0]
    every = read_npz(path)["tours"].astype(np.int64)
    tours = np.split(every, np.cumsum([len(p) for p in points])[:-1])
    wrong = next(
        (
            number
            for number, (tour, coord) in enumerate(zip(tours, points, strict=True))
            if not np.array_equal(np.sort(tour), np.arange(len(coord)))
        ),
        None,
    )
    if wrong is not None:
        raise DatasetCorrupt(f"{path}: tour {wrong} does not visit each of its points once.")
    graphs = labelled(points, tours, _NEIGHBORS)
    return {**collection_arrays(graphs), **fixed_split(*_SYNTH_SPLIT)}


def _points(coord: Any) -> Floats:  # noqa: ANN401
    values = coord.detach().cpu().numpy() if isinstance(coord, torch.Tensor) else coord
    points = np.asarray(values, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all():
        raise InputError(f"coord has shape {points.shape}, expected finite points (n, 2).")
    return points


def _distances(points: Floats) -> Floats:
    gap: Floats = np.sqrt(((points[:, None] - points[None]) ** 2).sum(-1))
    return gap
