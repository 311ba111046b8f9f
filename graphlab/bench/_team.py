"""Processes that train one model together: one keeps the record, the others follow it.

Each run begins with a message of process 0 that says what to train; then all load and prepare it,
agree that they could, and train. A process that fails on its own leaves the others waiting for
it: such a team is broken, its run fails, and the rest of the work needs a new one.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from graphlab.errors import GraphlabError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from graphlab.bench.plan import RunSpec

__all__ = ["ALONE", "Team", "TeamError", "agreed", "join", "receive", "start_team"]

# How long the record of a run may take after one of its processes has died.
_REACT_SECONDS: Final = 15.0
_POLL_SECONDS: Final = 0.5
_END_SECONDS: Final = 5.0
_LOOPBACK: Final = {"linux": "lo", "darwin": "lo0"}


class TeamError(GraphlabError):
    """A process of a training on several devices has failed."""


class Team:
    """The team as process 0 sees it; of one process, it does nothing.

    Args:
        size: Number of processes.
        followers: Those that this process has started.
        folder: Where they met.

    Attributes:
        broken: Whether the processes may wait for each other for ever; it can only be closed.
    """

    def __init__(
        self,
        size: int = 1,
        followers: Sequence[subprocess.Popen[bytes]] = (),
        folder: Path | None = None,
    ) -> None:
        self.size, self.broken = size, False
        self._followers, self._folder = tuple(followers), folder
        self._closed = threading.Event()
        if self._followers:
            threading.Thread(target=self._watch, name="followers", daemon=True).start()

    def begin(self, spec: RunSpec, run_dir: Path, **how: Any) -> None:  # noqa: ANN401
        """Tell the others which run comes next.

        Args:
            spec: The run.
            run_dir: Its folder.
            how: ``device``, ``threads``, ``detect_anomaly``.
        """
        if self.size > 1:
            _send({"spec": spec.to_json(), "run_dir": str(run_dir.absolute()), **how})

    @contextmanager
    def preparing(self) -> Iterator[None]:
        """Go on after the block only if all processes came through theirs.

        Raises:
            TeamError: Another one did not.
        """
        if self.size == 1:
            yield
            return
        try:
            yield
        except BaseException:
            agreed(ready=False)
            raise
        if not agreed(ready=True):
            raise TeamError(
                f"One of the {self.size} processes could not load or prepare this run; its error "
                "is in the log."
            )

    @contextmanager
    def training(self) -> Iterator[None]:
        """Find out who is to blame for an error that only some of the processes have."""
        if self.size == 1:
            yield
            return
        from graphlab.train import TrainingDiverged

        try:
            yield
        except TrainingDiverged:  # all have the same numbers, and raise it together
            raise
        except BaseException as error:
            self.broken = True
            victim = self._death()
            if victim is None or not isinstance(error, Exception):
                raise
            raise TeamError(victim) from error

    def close(self) -> None:
        """Send the others home, and end those that do not go."""
        if self.size == 1 or self._closed.is_set():
            return
        import torch

        self._closed.set()
        if not self.broken and self._dead() is None:
            with contextlib.suppress(Exception):
                _send(None)
            _wait(self._followers, _END_SECONDS)
        for process in self._followers:
            process.kill()
            process.wait()
        if self._followers or not self.broken:
            torch.distributed.destroy_process_group()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _death(self) -> str | None:
        """Say which follower has ended; the broken connection may be seen before its end."""
        end = time.monotonic() + 2.0
        while self._followers and self._dead() is None and time.monotonic() < end:
            time.sleep(0.05)
        return self._dead()

    def _dead(self) -> str | None:
        for number, process in enumerate(self._followers, start=1):
            code = process.poll()
            if code is None:
                continue
            if code < 0:
                how = f"was ended by signal {-code} ({signal.Signals(-code).name})"
            else:
                how = f"ended with code {code}; its error is in the log"
            return f"Process {number} of the {self.size} that trained together {how}."
        return None

    def _watch(self) -> None:
        """End this process if it still waits for one that has died long ago."""
        while not self._closed.wait(_POLL_SECONDS):
            victim = self._dead()
            if victim is not None:
                if self._closed.wait(_REACT_SECONDS):
                    return
                os.write(2, f"{victim} It was waited for in vain.\n".encode())
                os._exit(1)


ALONE: Final = Team()


def start_team(job: Mapping[str, Any]) -> Team:
    """Start the followers of this process and meet them.

    Args:
        job: ``devices`` (how many processes), ``device``.

    Returns:
        The team; :data:`ALONE` for one device.
    """
    size = int(job.get("devices", 1))
    if size == 1:
        return ALONE
    folder = Path(tempfile.mkdtemp(prefix="graphlab-team-"))
    followers = []
    lifeline, _held = os.pipe()  # the other end closes with this process
    try:
        for rank in range(1, size):
            values = {"rank": rank, "size": size, "store": str(folder / "store")}
            values |= {"device": job["device"], "parent": os.getpid(), "lifeline": lifeline}
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "graphlab.bench.follower"],
                stdin=subprocess.PIPE,
                pass_fds=(lifeline,),
            )
            followers.append(process)
            assert process.stdin is not None  # noqa: S101  (a pipe was asked for)
            with process.stdin as stdin:
                stdin.write(json.dumps(values).encode())
    finally:
        os.close(lifeline)
    team = Team(size, followers, folder)
    join(rank=0, size=size, device=job["device"], store=str(folder / "store"))
    return team


def join(*, rank: int, size: int, device: str, store: str | None = None) -> None:
    """Meet the other processes.

    Args:
        rank: Number of this process.
        size: Number of all.
        device: On a GPU tensors travel by its own library, messages by another way.
        store: A file where processes of one machine meet; ``None``: where the environment says
            (``MASTER_ADDR`` ..., set by ``torch.distributed.run``).
    """
    import torch
    from torch import distributed

    backend = "cpu:gloo,cuda:nccl" if device.startswith("cuda") else "gloo"
    if store is None:
        distributed.init_process_group(backend)
    else:
        # nothing outside this machine can connect
        if sys.platform in _LOOPBACK:
            os.environ.setdefault("GLOO_SOCKET_IFNAME", _LOOPBACK[sys.platform])
        numbers = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": size, "LOCAL_WORLD_SIZE": size}
        os.environ |= {name: str(number) for name, number in numbers.items()}
        place = distributed.FileStore(store, size)  # type: ignore[attr-defined]  # re-exported
        distributed.init_process_group(backend, store=place, rank=rank, world_size=size)
    if device.startswith("cuda"):
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))


def agreed(*, ready: bool) -> bool:
    """Whether all processes are ready; each asks once a run."""
    import torch

    answer = torch.tensor([float(ready)])
    torch.distributed.all_reduce(answer, op=torch.distributed.ReduceOp.MIN)
    return bool(answer.item())


def receive() -> dict[str, Any] | None:
    """Wait for the next message of process 0; ``None``: there is nothing left to do."""
    message: dict[str, Any] | None = _broadcast(None)
    return message


def _send(message: dict[str, Any] | None) -> None:
    _broadcast(json.dumps(message).encode())


def _broadcast(content: bytes | None) -> Any:  # noqa: ANN401  (a JSON value)
    """Send bytes from process 0 to all; JSON, as pickles may come from nowhere."""
    import torch

    size = torch.tensor([0 if content is None else len(content)])
    torch.distributed.broadcast(size, src=0)
    data = torch.empty(int(size), dtype=torch.uint8)
    if content is not None:
        data = torch.frombuffer(bytearray(content), dtype=torch.uint8)
    torch.distributed.broadcast(data, src=0)
    return json.loads(bytes(data.tolist()))


def _wait(processes: Sequence[subprocess.Popen[bytes]], seconds: float) -> None:
    end = time.monotonic() + seconds
    for process in processes:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, end - time.monotonic()))
