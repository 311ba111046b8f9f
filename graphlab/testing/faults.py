"""Faults on purpose: a kill at a chosen point, a full or slow disk, a flipped bit, a NaN loss.

Every one is a context manager that undoes itself. Those that act through the environment
(:func:`kill_at`, :func:`slow_disk`) and :func:`disk_full` also reach processes that are started
inside the block, so they work on whole commands. Nothing is simulated inside graphlab: the signal,
the refused write and the changed byte are real ones.
"""

from __future__ import annotations

import os
import random
import weakref
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from graphlab import io
from graphlab.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn

__all__ = ["POINTS", "bit_flip", "disk_full", "kill_at", "nan_at_step", "slow_disk"]

POINTS: Final[tuple[str, ...]] = (
    "record:written",
    "record:renamed",
    "checkpoint:written",
    "checkpoint:renamed",
    "file:written",
    "file:renamed",
)
"""Where :func:`kill_at` can strike, besides ``epoch:<k>``: at the end of epoch k.

``written``: the new content is on the disk, under a temporary name. ``renamed``: it has its name.
A ``record`` is a ``run.json``, a ``checkpoint`` a ``last.ckpt``, a ``file`` any other that is
written as a whole.
"""


@contextmanager
def kill_at(point: str, count: int = 1) -> Iterator[None]:
    """Let a process kill itself by SIGKILL when it comes to a point.

    Sets ``GRAPHLAB_FAULT_KILL_AT=<point>:<count>``, which every process inherits that is started
    inside the block; each counts for itself.

    Args:
        point: One of :data:`POINTS`, or ``epoch:<k>``.
        count: At which passing of the point.

    Raises:
        InputError: There is no such point, or ``count`` is below 1.

    Example:
        >>> with kill_at("record:written"):
        ...     os.environ["GRAPHLAB_FAULT_KILL_AT"]
        'record:written:1'
    """
    kind, _, epoch = point.partition(":")
    if point not in POINTS and not (kind == "epoch" and epoch.isdecimal()):
        raise InputError(f"point is {point!r}; expected epoch:<k> or one of {', '.join(POINTS)}.")
    if count < 1:
        raise InputError(f"count is {count}; expected an integer >= 1.")
    io._reached.clear()
    with _environment(io._KILL_AT, f"{point}:{count}"):
        yield


@contextmanager
def slow_disk(seconds: float) -> Iterator[None]:
    """Make every whole-file write longer, between its temporary file and its renaming.

    Sets ``GRAPHLAB_FAULT_SLOW_DISK``, which processes inherit that are started inside the block.
    It makes races and kills in the middle of a write likely.

    Args:
        seconds: By how much, for each file.

    Raises:
        InputError: ``seconds`` is negative or no number.

    Example:
        >>> with slow_disk(0.25):
        ...     os.environ["GRAPHLAB_FAULT_SLOW_DISK"]
        '0.25'
    """
    if not 0 <= seconds < float("inf"):
        raise InputError(f"seconds is {seconds}; expected a number >= 0.")
    with _environment(io._SLOW_BY, str(seconds)):
        yield


@contextmanager
def disk_full(after: int = 0) -> Iterator[None]:
    """Let the system refuse every write beyond some bytes of a file, as a full disk does.

    Uses the limit of file size (``RLIMIT_FSIZE``), so no special rights are needed. The error is
    ``OSError`` with ``errno.EFBIG``, where a disk that is really full gives ``ENOSPC``. Processes
    that are started inside the block inherit the limit. Files of other programs are safe; those
    of this process are not, log files and pipes to files included.

    Args:
        after: Bytes that a file may have.

    Raises:
        InputError: ``after`` is negative.
        ValueError: Not in the main thread, where alone signals can be set.

    Example:
        >>> import errno, tempfile
        >>> with tempfile.TemporaryDirectory() as folder, disk_full():
        ...     try:
        ...         _ = Path(folder, "a").write_bytes(b"text")
        ...     except OSError as error:
        ...         print(errno.errorcode[error.errno])
        EFBIG
    """
    import resource
    import signal

    if after < 0:
        raise InputError(f"after is {after}; expected a number of bytes >= 0.")
    # by default the system kills a process that passes the limit
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (after, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)


@contextmanager
def bit_flip(
    path: str | os.PathLike[str],
    byte: int | None = None,
    bit: int = 0,
    *,
    seed: int = 0,
    keep_times: bool = False,
) -> Iterator[int]:
    """Flip one bit of a file; afterwards flip it back, if the file is still the damaged one.

    Args:
        path: The file; not empty.
        byte: Which byte; negative counts from the end, None draws one.
        bit: Which bit of it, 0 (lowest) to 7.
        seed: Of the draw.
        keep_times: Leave the time of modification as it was, as a failing disk does. What was
            checked before in the same process is then not checked again.

    Yields:
        The position of the byte.

    Raises:
        InputError: The file is empty, or it has no such byte or bit.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "a"
        >>> _ = file.write_bytes(b"ab")
        >>> with bit_flip(file, byte=1):
        ...     file.read_bytes()
        b'ac'
        >>> file.read_bytes()
        b'ab'
    """
    file = Path(path)
    before, times = file.read_bytes(), file.stat()
    if byte is None and before:
        byte = random.Random(seed).randrange(len(before))  # noqa: S311  (no secret)
    if byte is None or not -len(before) <= byte < len(before):
        raise InputError(f"{file} has {len(before)} bytes; there is no byte {byte}.")
    if bit not in range(8):
        raise InputError(f"bit is {bit}; expected 0..7.")
    place = byte % len(before)
    after = bytearray(before)
    after[place] ^= 1 << bit
    file.write_bytes(after)
    if keep_times:
        os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    else:  # two writes within a tick of the clock would have the same time
        os.utime(file, ns=(times.st_atime_ns, max(times.st_mtime_ns + 1, file.stat().st_mtime_ns)))
    try:
        yield place
    finally:
        if file.is_file() and file.read_bytes() == after:
            file.write_bytes(before)
            os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))


@contextmanager
def nan_at_step(step: int) -> Iterator[None]:
    """Make the training loss NaN at one step of every :class:`graphlab.train.Trainer`.

    Works for every task and model of this process, since the trainer has one module from batch
    to loss; gradients become NaN with it.

    Args:
        step: Which step of a training, counted from 1 over its epochs and from the one it goes
            on with after an interruption.

    Raises:
        InputError: ``step`` is below 1.

    Example:
        >>> with nan_at_step(3):
        ...     pass  # Trainer().fit(...) raises TrainingDiverged
    """
    from torch.nn.modules.module import register_module_forward_hook

    from graphlab.train.step import TrainStep

    if step < 1:
        raise InputError(f"step is {step}; expected an integer >= 1.")
    seen: weakref.WeakKeyDictionary[nn.Module, int] = weakref.WeakKeyDictionary()

    def spoil(module: nn.Module, _inputs: Any, loss: Any) -> Any:  # noqa: ANN401  (any module's)
        if not isinstance(module, TrainStep):
            return None
        seen[module] = seen.get(module, 0) + 1
        return loss * float("nan") if seen[module] == step else None

    handle = register_module_forward_hook(spoil)
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = before
