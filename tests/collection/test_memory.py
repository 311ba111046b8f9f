"""Memory of batches: used again once nothing holds it, and never before."""

from __future__ import annotations

import copy
import threading

import pytest
import torch

from graphlab.collection import GraphCollection
from graphlab.collection._memory import Recycler

SIZE = 1000  # numbers: 8,000 bytes


@pytest.fixture
def memory():
    return Recycler(least=64, most=1 << 16, pieces=2)


def test_dropped_memory_is_handed_out_again(memory):
    first = memory.tensor((SIZE,), torch.int64)
    where = first.data_ptr()
    assert where % 64 == 0
    del first
    again = memory.tensor((2, SIZE // 2), torch.float64)
    assert again.data_ptr() == where and again.shape == (2, SIZE // 2)
    assert again.dtype == torch.float64 and again.is_contiguous()


@pytest.mark.parametrize(
    "keep",
    [
        lambda t: t[3:5],
        lambda t: t.view(-1, 2).t(),
        lambda t: t.detach(),
        lambda t: t.numpy()[::7],
        lambda t: t.untyped_storage(),
        lambda t: memoryview(t.numpy()),
        lambda t: torch.from_numpy(t.numpy()[4:8]),
    ],
)
def test_whatever_looks_at_memory_keeps_it(memory, keep):
    first = memory.tensor((SIZE,), torch.int64).zero_()
    held, where = keep(first), first.data_ptr()
    del first
    other = memory.tensor((SIZE,), torch.int64)
    assert other.data_ptr() != where
    del held
    assert memory.tensor((SIZE,), torch.int64).data_ptr() == where


def test_what_autograd_saved_keeps_its_memory(memory):
    weight = torch.ones(SIZE, dtype=torch.float64, requires_grad=True)
    factor = memory.tensor((SIZE,), torch.float64).fill_(3)
    loss = (weight * factor).sum()
    del factor
    memory.tensor((SIZE,), torch.float64).fill_(-1)
    loss.backward()
    assert (weight.grad == 3).all()


def test_sizes_that_do_not_fit_get_memory_of_their_own(memory):
    large = memory.tensor((SIZE,), torch.int64)
    where = large.data_ptr()
    del large
    assert memory.tensor((SIZE // 4,), torch.int64).data_ptr() != where  # it would waste too much
    assert memory.tensor((4 * SIZE,), torch.int64).data_ptr() != where
    assert memory.tensor((0, 3), torch.int64).shape == (0, 3)
    assert memory.tensor((100 * SIZE,), torch.int64).shape == (100 * SIZE,)


def test_few_pieces_are_kept(memory):
    held = [memory.tensor((SIZE,), torch.int64) for _ in range(5)]
    del held
    assert len(memory._free) == 2


def test_memory_moves_to_copies_and_shared_memory(memory):
    first = memory.tensor((SIZE,), torch.int64).fill_(7)
    twin = copy.deepcopy(first)
    first.share_memory_()
    assert (first == 7).all() and first.is_shared()
    memory.tensor((SIZE,), torch.int64).fill_(1)
    assert (first == 7).all() and (twin == 7).all()


def test_threads_never_get_the_same_memory(memory):
    wrong = []

    def work(number):
        for _ in range(300):
            mine = memory.tensor((SIZE,), torch.int64).fill_(number)
            if not (mine == number).all():
                wrong.append(number)
            del mine

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_batches_that_are_held_do_not_change():
    count, entries = 4, 40_000  # 640 kB a row of entries: large enough to be kept
    index = torch.arange(2 * count * entries).view(2, -1) % 100
    graphs = GraphCollection(
        index, torch.arange(count + 1) * 100, torch.arange(count + 1) * entries
    ).narrowed()
    held = [graphs.batch([number, 3 - number]) for number in range(count)]
    copies = [graphs.batch([number, 3 - number], backend="torch") for number in range(count)]
    for _ in range(5):
        graphs.batch([0, 1])
    for batch, known in zip(held, copies, strict=True):
        assert torch.equal(batch.edge_index, known.edge_index)
