"""Reads the golden arrays of topological concentration, and graphs to try values on."""

from __future__ import annotations

from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parents[1] / "golden" / "topological_concentration"
GRAPHS = (
    "bipartite_grid",
    "complete_all_train",
    "named_graph",
    "powerlaw_cluster_isolated",
    "star_and_triangle",
)


def read(name: str) -> dict[str, np.ndarray]:
    with np.load(FOLDER / f"{name}.npz") as file:
        return dict(file)


def targets(data: dict[str, np.ndarray]) -> dict[str, np.ndarray | None]:
    return {"train": None, "val": data["val"], "test": data["test"]}


def random_split(seed: int, n: int = 30, m: int = 70) -> tuple[np.ndarray, np.ndarray]:
    """Return training and target links with repeats, loops, both directions, isolated nodes."""
    rng = np.random.default_rng(seed)
    train = rng.integers(0, n - 2, (m, 2))
    train = np.concatenate([train, train[::3, ::-1], train[:4]])
    return train, rng.integers(0, n - 1, (m // 2, 2))
