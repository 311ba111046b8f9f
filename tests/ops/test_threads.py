from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

import pytest
import torch

from graphlab.ops._threads import _SMALL, run_blocks, stays_serial


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("blocks", [0, 1, 7, 100])
def test_every_block_is_run_once(threads, blocks):
    torch.set_num_threads(threads)
    seen, lock = [], threading.Lock()

    def call(first, last):
        with lock:
            seen.extend(range(first, last))

    run_blocks(call, blocks, _SMALL)
    assert sorted(seen) == list(range(blocks))


def test_small_jobs_stay_on_the_calling_thread():
    torch.set_num_threads(4)
    seen = []
    run_blocks(lambda first, last: seen.append((first, last, threading.get_ident())), 9, _SMALL - 1)
    assert seen == [(0, 9, threading.get_ident())]
    assert stays_serial(9, _SMALL - 1)
    assert not stays_serial(9, _SMALL)


def test_several_threads_take_part():
    torch.set_num_threads(2)
    seen = set()

    def call(first, last):
        seen.add(threading.get_ident())
        time.sleep(0.005)

    run_blocks(call, 100, _SMALL)
    assert len(seen) == 2


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_the_caller_may_say_how_many_threads(threads):
    """Each of them waits until all of them are at work, so that no fewer would do."""
    torch.set_num_threads(2)
    together = threading.Barrier(threads, timeout=60)
    seen, lock = {}, threading.Lock()

    def call(first, last):
        me = threading.get_ident()
        with lock:
            new = me not in seen
            seen.setdefault(me, []).extend(range(first, last))
        if new:
            together.wait()

    run_blocks(call, 100, _SMALL, threads)
    assert len(seen) == threads
    assert sorted(block for blocks in seen.values() for block in blocks) == list(range(100))
    assert stays_serial(100, _SMALL, threads) == (threads == 1)


def test_more_threads_than_blocks_are_not_woken():
    seen = []
    run_blocks(lambda first, last: seen.append((first, last)), 2, _SMALL, 8)
    assert sorted(seen) == [(0, 1), (1, 2)]
    seen.clear()
    run_blocks(lambda first, last: seen.append((first, last)), 1, _SMALL, 8)
    run_blocks(lambda first, last: seen.append((first, last)), 9, _SMALL - 1, 8)
    assert seen == [(0, 1), (0, 9)]
    assert stays_serial(9, _SMALL - 1, 8)


def test_an_error_in_any_block_reaches_the_caller():
    torch.set_num_threads(2)

    def call(first, last):
        if first <= 50 < last:
            raise ValueError("block 50")

    with pytest.raises(ValueError, match="block 50"):
        run_blocks(call, 100, _SMALL)
    run_blocks(lambda first, last: None, 100, _SMALL)  # the pool lives on


def test_jobs_of_several_callers_do_not_mix():
    torch.set_num_threads(2)
    sums = [0] * 4

    def caller(who):
        parts = []
        run_blocks(lambda first, last: parts.append(sum(range(first, last))), 1000, _SMALL)
        sums[who] = sum(parts)

    callers = [threading.Thread(target=caller, args=(who,)) for who in range(4)]
    for thread in callers:
        thread.start()
    for thread in callers:
        thread.join(timeout=20)
    assert sums == [sum(range(1000))] * 4


FORK = """
import os, signal, sys, torch
import numpy as np
from graphlab.ops import _threads, spmm
torch.set_num_threads(2)
edge_index = torch.randint(0, 3000, (2, 60000), generator=torch.Generator().manual_seed(0))
x = torch.randn(3000, 32, generator=torch.Generator().manual_seed(1))
before = spmm(edge_index, x)  # the pool has started
child = os.fork()
if child == 0:
    signal.alarm(30)  # numpy compares: torch's own OpenMP threads do not survive the fork
    equal = np.array_equal(spmm(edge_index, x).numpy(), before.numpy())
    alive = [thread.is_alive() for thread in _threads._WORKERS]
    os._exit(0 if equal and alive == [True] else 3)
_, status = os.waitpid(child, 0)
assert torch.equal(spmm(edge_index, x), before)
sys.exit(os.waitstatus_to_exitcode(status))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_starts_a_pool_of_its_own():
    done = subprocess.run(
        [sys.executable, "-c", FORK], timeout=120, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
