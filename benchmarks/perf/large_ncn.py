"""One epoch of NCN on a generated graph of 3 million nodes and 30 million edges: time and memory.

``python -m benchmarks.perf.large_ncn [--precompute] [--batches 20] [--threads 2]`` prints both. The
hyper-parameters are those of ogbl-citation2: three ``puregcn`` layers of width 64 on 128 features,
32,768 positives a batch, as many negatives, no removal of target links. The plain run encodes all
nodes in each step, as the authors' code does; ``--precompute`` propagates the features once.
"""

from __future__ import annotations

import argparse
import time

import torch
from torch.nn.functional import softplus

from benchmarks.perf.dagnn_measure import resident
from benchmarks.perf.large_graph import large_graph
from graphlab.graph import as_graph
from graphlab.models import NCN

BATCH = 32_768


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--precompute", action="store_true")
    parser.add_argument("--batches", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--nodes", type=int, default=3_000_000)
    parser.add_argument("--edges", type=int, default=30_000_000)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    torch.manual_seed(0)
    edges = large_graph(given.nodes, given.edges)
    positives = edges[:, torch.randint(given.edges, (given.batches * BATCH,))]
    begin = time.perf_counter()
    graph = as_graph(edges, given.nodes).simple()
    del edges
    print(f"graph: {time.perf_counter() - begin:.0f} s, peak {resident('VmHWM') / 1024:.1f} GiB")
    x = torch.randn(given.nodes, 128)
    options = {"precompute": True} if given.precompute else {}
    model = NCN.from_preset("ogbl-citation2", **options).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3, fused=True)
    begin = time.perf_counter()
    for number in range(given.batches):
        start = time.perf_counter()
        positive = positives[:, number * BATCH : (number + 1) * BATCH]
        negative = torch.stack([positive[0], torch.randint(given.nodes, (BATCH,))])
        optimizer.zero_grad()
        h = model.encode(x, graph)
        scores = model.score(h, graph, torch.cat([positive, negative], 1))
        loss = softplus(-scores[:BATCH]).mean() + softplus(scores[BATCH:]).mean()
        loss.backward()
        optimizer.step()
        del h, scores
        print(f"batch {number + 1}: loss {loss.item():.3f}, {time.perf_counter() - start:.1f} s")
    print(
        f"{given.batches} batches: {time.perf_counter() - begin:.0f} s, "
        f"peak {resident('VmHWM') / 1024:.1f} GiB, {given.threads} threads"
    )


if __name__ == "__main__":
    main()
