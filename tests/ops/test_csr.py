from __future__ import annotations

import gc

import numpy as np
import torch

from graphlab.graph import as_graph
from graphlab.ops import Csr
from graphlab.ops.csr import WeakCache, csr_of_graph, csr_of_tensor, incoming_entries


def random_csr(rows: int = 9, cols: int = 5, entries: int = 30) -> Csr:
    generator = torch.Generator().manual_seed(0)
    row = torch.randint(rows, (entries,), generator=generator).sort().values
    indptr = torch.cat([torch.zeros(1, dtype=torch.int64), torch.bincount(row, minlength=rows)])
    return Csr(indptr.cumsum(0), torch.randint(cols, (entries,), generator=generator), cols)


def dense(csr: Csr, values: torch.Tensor) -> torch.Tensor:
    out = torch.zeros(csr.num_rows, csr.num_cols)
    return out.index_put_((csr.rows, csr.indices.long()), values, accumulate=True)


def test_transposed_structure_carries_values_over():
    csr = random_csr()
    values = torch.randn(csr.num_entries)
    other, position = csr.transposed()
    torch.testing.assert_close(dense(other, values[position]), dense(csr, values).t())
    assert csr.transposed()[0] is other


def test_blocks_cover_all_rows_and_are_balanced():
    counts = torch.full((30000,), 7)
    counts[::1000] = 3000
    indptr = torch.cat([torch.zeros(1, dtype=torch.int64), counts.cumsum(0)])
    csr = Csr(indptr, torch.zeros(int(indptr[-1]), dtype=torch.int64), 1)
    bounds = csr.arrays[2]
    assert bounds[0] == 0
    assert bounds[-1] == 30000
    assert (np.diff(bounds) > 0).all()
    work = np.diff(indptr.numpy()[bounds] + bounds)
    assert len(work) > 10
    assert work.max() < 2 * work.mean() + 3001


def test_blocks_do_not_depend_on_threads():
    found = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        found.append(random_csr(5000, 50, 100_000).arrays[2])
    np.testing.assert_array_equal(*found)


def test_empty_matrix_has_no_blocks_to_run():
    csr = Csr(torch.zeros(1, dtype=torch.int64), torch.zeros(0, dtype=torch.int64), 4)
    assert csr.num_rows == 0
    assert csr.arrays[2].tolist() == [0]


def test_undirected_graph_is_its_own_transpose():
    undirected = as_graph(torch.tensor([[0, 1], [1, 0]]), 2)
    csr, weight = csr_of_graph(undirected)
    assert weight is None
    assert csr.transposed() == (csr, None)
    weighted = as_graph(torch.tensor([[0, 1], [1, 0]]), 2, edge_weight=torch.tensor([1.0, 2.0]))
    csr, weight = csr_of_graph(weighted)
    assert not csr.symmetric
    assert weight.tolist() == [2.0, 1.0]


def test_incoming_entries_point_into_the_input():
    edge_index = torch.tensor([[2, 0, 1, 0], [0, 2, 0, 2]])
    csr, position = incoming_entries(as_graph(edge_index, 3))
    assert edge_index[1, position].tolist() == csr.rows.tolist()
    assert edge_index[0, position].tolist() == csr.indices.tolist()


def test_structure_of_a_tensor_is_kept_until_it_changes():
    matrix = torch.eye(3).to_sparse_csr()
    csr = csr_of_tensor(matrix)
    assert csr_of_tensor(matrix) is csr
    matrix.col_indices()[0] = 2
    assert csr_of_tensor(matrix) is not csr
    assert csr_of_tensor(matrix).indices.tolist() == [2, 1, 2]


def test_weak_cache_forgets_with_the_tensor():
    cache, calls = WeakCache(), []

    def build():
        calls.append(1)
        return object()

    tensor = torch.zeros(2)
    first = cache.get(tensor, build)
    assert cache.get(tensor, build) is first
    assert cache.get(tensor, build, extra="other") is not first
    tensor.add_(1)
    assert cache.get(tensor, build) is not first
    assert len(calls) == 3
    del tensor
    gc.collect()
    assert not cache._known
    with torch.inference_mode():
        unversioned = torch.zeros(2)
    cache.get(unversioned, build)
    assert not cache._known


def test_sixty_four_bit_columns_serve_huge_matrices():
    csr = Csr(torch.tensor([0, 1]), torch.tensor([2**31 + 5]), 2**31 + 6)
    assert csr.indices.dtype == torch.int64
    assert random_csr().indices.dtype == torch.int32
