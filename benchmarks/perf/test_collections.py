"""Speed and memory of batching and of the generators, next to PyG's collate.

Guards the specification of the graph benchmark, section 7. Peers run in the same process in turns;
compared are medians of CPU time on one thread. Graphs are PATTERN's: 117 nodes, 5,900 entries.

``make perf``, or ``python -m pytest benchmarks/perf/test_collections.py -s``.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks.perf.dagnn_measure import in_turns
from graphlab.datasets.synthetic import cluster_graphs, pattern_graphs

BAR = 5.0  # batching: least ratio to PyG's collate
GENERATOR_SECONDS = 15.0  # CPU, 10,000 PATTERN graphs
COUNT = 1000


@pytest.fixture(scope="module")
def graphs():
    torch.set_num_threads(1)
    return pattern_graphs(COUNT, seed=0)


@pytest.mark.parametrize("size", [32, 64, 128])
def test_batching_is_faster_than_the_collate_of_pyg(graphs, size):
    data = pytest.importorskip("torch_geometric.data")
    theirs = graphs.to_pyg()
    rng = np.random.default_rng(0)
    picks = iter([rng.permutation(COUNT)[:size].tolist() for _ in range(200)])
    chosen = {}

    def pyg():
        chosen["now"] = next(picks)
        chosen["pyg"] = data.Batch.from_data_list([theirs[pick] for pick in chosen["now"]])

    def ours():
        chosen["ours"] = graphs.batch(chosen["now"])

    peer, own = in_turns([pyg, ours], rounds=60, warm=5)
    for name in ("edge_index", "x", "y", "batch", "ptr"):
        assert torch.equal(getattr(chosen["ours"], name), chosen["pyg"][name])
    ratio = peer.cpu / own.cpu
    print(f"\nbatch of {size}: {own.cpu * 1e3:.2f} ms, PyG {peer.cpu * 1e3:.2f} ms, {ratio:.1f}x")
    assert ratio >= BAR


def test_a_collection_is_not_larger_than_the_storage_of_pyg(graphs):
    collate = pytest.importorskip("torch_geometric.data.collate")
    data = pytest.importorskip("torch_geometric.data")
    stored, slices, _ = collate.collate(
        data.Data, graphs.to_pyg(), increment=False, add_batch=False
    )
    tensors = [v for v in stored.to_dict().values() if isinstance(v, torch.Tensor)]
    tensors += [v for v in slices.values() if isinstance(v, torch.Tensor)]
    theirs = sum(t.numel() * t.element_size() for t in tensors)
    print(f"\nstored: {graphs.nbytes / 1e6:.1f} MB, PyG {theirs / 1e6:.1f} MB")
    assert graphs.nbytes <= theirs


@pytest.mark.parametrize("draw", [pattern_graphs, cluster_graphs])
def test_generators_keep_their_time(draw):
    draw(1, seed=0)
    (found,) = in_turns([lambda: draw(10_000, seed=1)], rounds=1, warm=0)
    print(f"\n{draw.__name__}(10_000): {found.cpu:.1f} CPU s")
    assert found.cpu <= GENERATOR_SECONDS
