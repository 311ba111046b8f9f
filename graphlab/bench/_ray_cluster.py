"""The connection to a Ray cluster, or a cluster of our own that nobody else can reach."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from graphlab.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["connected", "raise_flag"]

_STORE_BYTES: Final = 100_000_000  # events and small files; the least Ray takes is 75 MB
_LONGEST_FOLDER: Final = 40  # below it lie sockets, whose paths end at 107 characters
# Ray's settings of this process, decided before Ray is imported the first time: it listens on the
# loopback address alone (the variable's name says less than it does), and wants this token. A
# worker that ends leaves the process of its cell time to write a checkpoint.
_own: dict[str, str] = {}


def raise_flag(name: str) -> object:
    """Make an actor whose existence tells all tasks to stop, and return its handle.

    Args:
        name: What the tasks look for; the actor ends with the handle.
    """
    import ray

    class Flag:
        pass

    return ray.remote(num_cpus=0)(Flag).options(name=name).remote()


@contextlib.contextmanager
def connected(address: str | None, jobs: int, threads: int, device: str) -> Iterator[Path | None]:
    """Connect to a cluster within the block; one that was started for it ends with it.

    A process that is connected already stays so: its cluster is used and left as it is.

    Args:
        address: ``HOST:PORT`` or ``"auto"``; ``None`` starts a cluster on this machine.
        jobs: Cells at a time on a cluster of our own.
        threads: Cores a cell.
        device: ``"cpu"`` or ``"cuda"``.

    Returns:
        A folder that lives as long as the cluster that was started; ``None`` for another cluster.

    Raises:
        InputError: No cluster answers, or none of its nodes is large enough.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(_variables(local=address is None))
        import ray

        folder = None
        if not ray.is_initialized():
            quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "CRITICAL"}
            if address is None:
                folder = Path(tempfile.mkdtemp(prefix="graphlab-ray-", dir=_short_folder()))
                stack.callback(shutil.rmtree, folder, ignore_errors=True)
                quiet |= {
                    "num_cpus": jobs * threads,
                    "num_gpus": 0 if device == "cpu" else None,
                    "include_dashboard": False,
                    "object_store_memory": _STORE_BYTES,
                    "_temp_dir": str(folder / "r"),  # Ray opens it to all; the one above is ours
                }
            _silence()
            stack.callback(_silence, quiet=False)
            stack.callback(ray.shutdown)
            try:
                ray.init(address=address or "local", **quiet)
            except (ConnectionError, RuntimeError, ValueError, OSError) as error:
                what = "could not be started" if address is None else f"does not answer: {address}"
                lines = str(error).strip().splitlines() or [type(error).__name__]
                raise InputError(
                    f"The Ray cluster {what} ({lines[0][:300]}). Expected: --address HOST:PORT of "
                    "its head node, or auto on one of its nodes; without --address one is started."
                ) from error
        _check_size(threads, device)
        yield folder


def _check_size(threads: int, device: str) -> None:
    """A task that fits no node would wait for ever."""
    import ray

    listed = cast("Any", ray).nodes()  # Ray declares no type for it
    nodes = [node["Resources"] for node in listed if node["Alive"]]
    cores = max((node.get("CPU", 0) for node in nodes), default=0)
    if cores < threads:
        raise InputError(
            f"threads is {threads}, but the largest node of the Ray cluster has {cores:g} cores. "
            "Lower --threads."
        )
    if device != "cpu" and not any(node.get("GPU", 0) for node in nodes):
        raise InputError(f"device is {device!r}, but no node of the Ray cluster has a GPU.")


@contextlib.contextmanager
def _variables(*, local: bool) -> Iterator[None]:
    """Set what Ray reads from the environment: no usage statistics, and a cluster of our own."""
    values = {"RAY_USAGE_STATS_ENABLED": "0"}
    if local and (_own or "ray" not in sys.modules):
        if not _own:
            _own["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
            _own["RAY_kill_child_processes_on_worker_exit"] = "0"
            if "RAY_AUTH_MODE" not in os.environ:
                _own.update(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=uuid.uuid4().hex)
        values |= _own
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _silence(*, quiet: bool = True) -> None:
    """Keep Ray's messages about lost workers off the output, where tables and JSON are written.

    The launcher reports them itself. Ray has no public switch for messages of the node.
    """
    from ray._private import worker

    if hasattr(worker, "_worker_logs_enabled"):
        worker._worker_logs_enabled = not quiet


def _short_folder() -> str | None:
    """Return where temporary folders go if that path is short enough, else ``/tmp``."""
    return None if len(tempfile.gettempdir()) <= _LONGEST_FOLDER - 20 else "/tmp"  # noqa: S108
