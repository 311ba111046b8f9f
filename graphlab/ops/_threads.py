"""A small pool of threads that drives serial kernels over blocks of rows.

Not numba's parallel loops: a forked child dies when their OpenMP runtime has started before the
fork. Blocks do not depend on the number of threads, so neither do results.
"""

from __future__ import annotations

import itertools
import os
import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["run_blocks", "stays_serial"]

_SMALL = 1 << 17  # vector operations; below this (about 0.2 ms) waking a thread costs more
_SHARE = 6  # pieces a thread: a thread that is held up leaves its pieces to the others
_QUEUE: SimpleQueue[_Job] = SimpleQueue()
_WORKERS: list[threading.Thread] = []
_LOCK = threading.Lock()


class _Job:
    """Blocks of one call, claimed piece by piece by whoever is free."""

    def __init__(self, call: Callable[[int, int], None], blocks: int, step: int) -> None:
        self.call, self.blocks, self.step = call, blocks, step
        self.claims = itertools.count(0, step)  # next() is atomic
        self.open = blocks
        self.lock = threading.Lock()
        self.finished = threading.Event()
        self.error: BaseException | None = None

    def work(self) -> None:
        while (first := next(self.claims)) < self.blocks:
            last = min(first + self.step, self.blocks)
            try:
                if self.error is None:
                    self.call(first, last)
            except BaseException as error:  # handed to the caller, which raises it
                self.error = error
            with self.lock:
                self.open -= last - first
                if self.open == 0:
                    self.finished.set()


def run_blocks(
    call: Callable[[int, int], None],
    blocks: int,
    work: int,
    threads: int | None = None,
    step: int | None = None,
) -> None:
    """Call ``call(first, last)`` over all blocks, on several threads.

    Args:
        call: Processes blocks ``first`` to ``last - 1``; must release the interpreter lock to gain
            from threads, and must write to places of these blocks alone.
        blocks: Number of blocks.
        work: Size of the whole job in operations on vectors; small jobs stay on this thread.
        threads: Largest number of threads; None for as many as torch uses.
        step: Blocks that a thread takes at a time; they are taken in order. None: as few times as
            an even share allows.
    """
    if stays_serial(blocks, work, threads):
        if blocks:
            call(0, blocks)
        return
    threads = min(threads or torch.get_num_threads(), blocks)
    job = _Job(call, blocks, step or max(1, blocks // (threads * _SHARE)))
    _wake(threads - 1, job)
    job.work()
    job.finished.wait()
    if job.error is not None:
        raise job.error


def stays_serial(blocks: int, work: int, threads: int | None = None) -> bool:
    """Whether :func:`run_blocks` would make one call on this thread."""
    return work < _SMALL or min(threads or torch.get_num_threads(), blocks) <= 1


def _wake(helpers: int, job: _Job) -> None:
    with _LOCK:
        while len(_WORKERS) < helpers:
            name = f"graphlab-kernel-{len(_WORKERS)}"
            worker = threading.Thread(target=_serve, args=(_QUEUE,), name=name, daemon=True)
            worker.start()
            _WORKERS.append(worker)
    for _ in range(helpers):
        _QUEUE.put(job)


def _serve(queue: SimpleQueue[_Job]) -> None:
    while True:
        queue.get().work()


def _forget() -> None:
    """Drop the pool: threads do not survive a fork, and the queue may be in any state."""
    global _QUEUE, _LOCK
    _QUEUE, _LOCK = SimpleQueue(), threading.Lock()
    _WORKERS.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
