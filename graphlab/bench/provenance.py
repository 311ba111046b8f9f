"""Where a number comes from: versions, source state, command line, hardware.

Everything here works without importing torch or numpy; it is collected once a launch and handed
to the worker processes, which add what only they can know (BLAS, device, threads).
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import platform
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any, Final

__all__ = ["collect", "runtime", "source_digest", "usable_cores"]

_LIBRARIES: Final = ("torch", "numpy", "scipy", "numba", "accelerate")
_GIT_SECONDS: Final = 5.0
_PACKAGE: Final = Path(__file__).resolve().parents[1]


@functools.cache
def collect() -> dict[str, dict[str, Any]]:
    """Return the groups ``code`` and ``machine`` of a record, as far as this process knows them.

    Cost: two or three calls of git; the answer is kept for the life of the process.
    """
    from graphlab import __version__

    code: dict[str, Any] = {
        "graphlab": __version__,
        "source_sha256": source_digest(),
        "python": platform.python_version(),
        "command": list(sys.argv),
        **{name: _version(name) for name in _LIBRARIES},
        **_git_state(),
    }
    machine = {
        "cpu": _cpu_model(),
        "cores": usable_cores(),
        "ram_bytes": _ram_bytes(),
        "platform": f"{platform.system()} {platform.release()} {platform.machine()}",
    }
    return {"code": code, "machine": machine}


def runtime(device: str) -> dict[str, dict[str, Any]]:
    """Return what is known only where torch runs: BLAS, threads, GPU and its driver.

    Args:
        device: The device that is used, such as ``"cpu"`` or ``"cuda:0"``.
    """
    import torch

    machine: dict[str, Any] = {"device": device, "threads": torch.get_num_threads()}
    machine["cpu_capability"] = torch.backends.cpu.get_cpu_capability()
    machine["deterministic"] = torch.are_deterministic_algorithms_enabled()
    exact = device == "cpu" and machine["deterministic"]
    machine["determinism"] = "exact" if exact else "statistical"
    if device.startswith("cuda"):
        machine["gpu"] = torch.cuda.get_device_name(device)
        machine["driver"] = torch.version.cuda
    return {"code": {"blas": _blas(torch.__config__.show())}, "machine": machine}


@functools.cache
def source_digest() -> str:
    """Return the SHA-256 over the package's Python files: it changes when the code does.

    Example:
        >>> len(source_digest())
        64
    """
    digest = hashlib.sha256()
    for path in sorted(_PACKAGE.rglob("*.py")):
        digest.update(path.relative_to(_PACKAGE).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def usable_cores() -> int:
    """Return how many cores this process may use (an affinity mask may allow fewer than exist)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _git_state() -> dict[str, Any]:
    """Return commit, dirty flag and hash of the difference; empty when no repository owns us."""
    if _git("ls-files", "--error-unmatch", "__init__.py") is None:
        return {}  # installed, or a virtual environment inside somebody else's repository
    commit = _git("rev-parse", "HEAD")
    if commit is None:
        return {}
    difference = _git("diff", "HEAD", "--no-ext-diff", "--", ".")
    untracked = _git("ls-files", "--others", "--exclude-standard", "--", ".")
    state: dict[str, Any] = {"git_commit": commit.decode().strip()}
    if difference is not None and untracked is not None:
        state["git_dirty"] = bool(difference or untracked)
        if state["git_dirty"]:
            state["git_diff_sha256"] = hashlib.sha256(difference + untracked).hexdigest()
    return state


def _git(*arguments: str) -> bytes | None:
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    try:
        answer = subprocess.run(  # noqa: S603  (fixed arguments)
            ["git", "-C", str(_PACKAGE), *arguments],  # noqa: S607  (git of the user's PATH)
            capture_output=True,
            timeout=_GIT_SECONDS,
            env=environment,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout if answer.returncode == 0 else None


def _cpu_model() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").split("\n"):
            key, _, value = line.partition(":")
            if key.strip() in {"model name", "Hardware", "cpu model"}:
                return value.strip()
    return platform.processor() or platform.machine()


def _ram_bytes() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return None


def _blas(description: str) -> str | None:
    """Read the name of the linear algebra library out of torch's build description."""
    found = re.search(r"BLAS_INFO=(\w+)", description)
    return found.group(1) if found else None
