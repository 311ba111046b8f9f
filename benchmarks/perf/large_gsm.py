"""One training epoch of GSM++ on paths in a graph of the size of ogbn-arxiv.

``python -m benchmarks.perf.large_gsm [--nodes 20000 50000 169343] [--threads 1]`` trains on 54 % of
the nodes, as that set does, all in one step, and prints the time of each stage, the peak of
resident memory above what was there before, and the cost of a node. Exits with 1 if a node of the
largest graph costs more than 1.3 times one of the smallest. Takes minutes, so it is no part of
``make perf``.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time

import torch

from benchmarks.perf.dagnn_measure import resident
from benchmarks.perf.test_hac import citation_like
from graphlab.graph import as_graph
from graphlab.models import GSMPlusPlus

CLASSES, TRAINED, GROWTH = 40, 0.537, 1.3


class Stages:
    """CPU seconds by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.before = time.process_time()

    def end(self, name: str) -> None:
        """Count what has passed since the last call."""
        now = time.process_time()
        self.seconds[name] = self.seconds.get(name, 0.0) + now - self.before
        self.before = now


def measure(nodes: int, threads: int, rounds: int = 2) -> None:
    """Print a row of the table: the faster of some epochs, after one that compiles."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    found, *_ = citation_like(nodes, round(nodes * 1_166_207 / 169_343))
    graph = as_graph(found.edge_index, nodes)
    x, y = torch.randn(nodes, 128), torch.randint(CLASSES, (nodes,))
    train = torch.randperm(nodes)[: round(TRAINED * nodes)].sort().values
    model = GSMPlusPlus(128, CLASSES)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    small = torch.tensor([[0, 1], [1, 0]])
    GSMPlusPlus(128, CLASSES)(torch.randn(2, 128), as_graph(small, 2)).sum().backward()  # compiles
    before = resident("VmRSS")
    stages = Stages()
    model.branches[0].tokenizer.fit(model._inputs(x, graph).tokens)
    stages.end("tokens")
    tokens, epochs = stages.seconds["tokens"], []
    for _ in range(rounds):
        optimizer.zero_grad()
        stages = Stages()
        encoded = model._encoded(model._inputs(x, graph))
        stages.end("local")
        scores = model(x, graph, nodes=train, encoded=encoded)
        stages.end("sequences")
        torch.nn.functional.cross_entropy(scores, y[train]).backward()
        stages.end("backward")
        optimizer.step()
        stages.end("step")
        epochs.append(stages.seconds)
    best = min(epochs, key=lambda seconds: sum(seconds.values()))
    total = sum(best.values())
    memory = (resident("VmHWM") - before) * 2**20 / 1e9
    parts = " | ".join(f"{best[name]:.2f}" for name in ("local", "sequences", "backward"))
    cost = total / nodes * 1e6
    print(f"| {nodes:,} | {tokens:.2f} | {parts} | {total:.1f} | {cost:.0f} | {memory:.2f} |")


def main() -> int:
    """Run each size in a process of its own; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, nargs="+", default=[20_000, 50_000, 169_343])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        measure(given.nodes[0], given.threads)
        return 0
    heads = (
        "| nodes | tokens, s | local, s | sequences, s | backward, s | epoch, s | us a node | GB |"
    )
    print(heads, "|" + " ---: |" * (heads.count("|") - 1), sep="\n", flush=True)
    costs = []
    for nodes in given.nodes:
        command = [sys.executable, "-m", "benchmarks.perf.large_gsm", "--one"]
        command += ["--nodes", str(nodes), "--threads", str(given.threads)]
        row = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
        print(row, flush=True)
        costs.append(float(row.split("|")[7].replace(",", "")))
    return int(costs[-1] > GROWTH * costs[0])


if __name__ == "__main__":
    sys.exit(main())
