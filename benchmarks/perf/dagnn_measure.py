"""Graphs and clocks of ``test_dagnn.py``."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch


def power_law_graph(
    num_nodes: int = 169_343, num_edges: int = 1_166_054, seed: int = 0
) -> torch.Tensor:
    """Undirected graph of ogbn-arxiv's size: both directions, loop-free, node ids at random.

    Ends of edges are drawn with weight rank^-0.6, which gives hubs of some thousand neighbours;
    the median degree is 9, the mean 14.
    """
    rng = np.random.default_rng(seed)
    chance = np.cumsum((np.arange(num_nodes) + 20.0) ** -0.6)
    chance /= chance[-1]
    name = rng.permutation(num_nodes)
    keys = np.empty(0, np.int64)
    while keys.size < num_edges:
        ends = np.searchsorted(chance, rng.random((2, num_edges))).clip(max=num_nodes - 1)
        ends = np.sort(name[ends], axis=0)
        ends = ends[:, ends[0] != ends[1]]
        keys = np.unique(np.concatenate([keys, ends[0] * num_nodes + ends[1]]))
    keys = rng.permutation(keys)[:num_edges]
    half = np.stack([keys // num_nodes, keys % num_nodes])
    return torch.from_numpy(np.concatenate([half, half[::-1]], axis=1))


@dataclass(frozen=True)
class Times:
    """Medians in seconds over the rounds."""

    wall: float
    cpu: float


def in_turns(runs, rounds: int, warm: int = 1) -> list[Times]:
    """Time several functions turn by turn, so that whatever else runs meets all of them."""
    found = [([], []) for _ in runs]
    for number in range(rounds + warm):
        for run, (walls, cpus) in zip(runs, found, strict=True):
            wall, cpu = time.perf_counter(), time.process_time()
            run()
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            if number >= warm:
                walls.append(wall)
                cpus.append(cpu)
    return [Times(statistics.median(walls), statistics.median(cpus)) for walls, cpus in found]


def resident(key: str) -> float:
    """Return ``VmRSS`` (now) or ``VmHWM`` (peak) of this process in MiB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"/proc/self/status has no {key}")


def extra_peak(run) -> float:
    """Return by how many MiB ``run()`` raises the peak of resident memory."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew from here
    before = resident("VmRSS")
    run()
    return resident("VmHWM") - before
