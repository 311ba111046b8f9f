"""Looks at this machine as a run would find it; every finding has a state and a remedy."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from graphlab.bench.provenance import usable_cores

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Finding", "State", "examine"]

State = Literal["ok", "warn", "fail"]
_GIGABYTE = 1_000_000_000
_OPTIONAL = {"ogb": "OGB's own loaders", "ray": "runs on several hosts"}
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
_OLDEST_YEAR = 2024
_CLOCK_SECONDS = 5.0
_LITTLE_RAM, _LITTLE_DISK = 2 * _GIGABYTE, _GIGABYTE
_NO_RAM, _NO_DISK = _GIGABYTE // 4, _GIGABYTE // 10


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        name: What was looked at.
        state: ``"ok"``, ``"warn"`` (runs work, something is not as it should be) or ``"fail"``.
        value: What was found.
        remedy: What to do; empty when all is well.
    """

    name: str
    state: State
    value: str
    remedy: str = ""

    def to_json(self) -> dict[str, str]:
        """Return plain values."""
        return asdict(self)


def examine(results: Path | str = "results", root: str | None = None) -> list[Finding]:
    """Run every check; one that breaks is itself a finding.

    Args:
        results: Folder of results that runs would use.
        root: Data root that runs would use.

    Cost: about 4 s, mostly the imports of torch and numba.

    Example:
        >>> {finding.state for finding in examine()} <= {"ok", "warn", "fail"}  # doctest: +SKIP
        True
    """
    folder = Path(results)
    checks: list[tuple[str, Callable[[], Iterator[Finding]]]] = [
        ("python", _python),
        ("packages", _packages),
        ("torch", _torch),
        ("processor", _processor),
        ("memory", _memory),
        ("results", lambda: _writable("results", folder, "Choose another folder: --results DIR.")),
        ("locks", lambda: _locks(folder)),
        ("data root", lambda: _data_root(root)),
        ("temporary folder", _temporary),
        ("numba cache", _numba_cache),
        ("clock", _clock),
        ("shipped files", _shipped),
    ]
    findings: list[Finding] = []
    for name, check in checks:
        try:
            findings += check()
        except Exception as error:  # a broken check is what we look for
            text = " ".join(f"{type(error).__name__}: {error}".split())
            findings.append(Finding(name, "fail", text, "Install graphlab again."))
    return findings


def _python() -> Iterator[Finding]:
    version = platform.python_version()
    encoding = sys.getfilesystemencoding()
    yield Finding("python", "ok", f"{version} ({sys.executable})")
    if encoding.lower().replace("-", "") != "utf8":
        remedy = "Set PYTHONUTF8=1, or LANG to a UTF-8 locale."
        yield Finding("encoding", "warn", encoding, remedy)
    else:
        yield Finding("encoding", "ok", encoding)


def _packages() -> Iterator[Finding]:
    """Installed versions against what graphlab declares."""
    from packaging.requirements import Requirement

    from graphlab import __version__

    yield Finding("graphlab", "ok", f"{__version__} ({Path(__file__).resolve().parents[1]})")
    for text in metadata.requires("graphlab") or []:
        wanted = Requirement(text)
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
            continue
        remedy = f'pip install "{wanted.name}{wanted.specifier}"'
        try:
            found = metadata.version(wanted.name)
        except metadata.PackageNotFoundError:
            yield Finding(wanted.name, "fail", "not installed", remedy)
            continue
        if wanted.specifier.contains(found, prereleases=True):
            yield Finding(wanted.name, "ok", found)
        else:
            value = f"{found}, expected {wanted.specifier}"
            yield Finding(wanted.name, "warn", value, remedy)
    for name, feature in _OPTIONAL.items():
        try:
            yield Finding(name, "ok", metadata.version(name))
        except metadata.PackageNotFoundError:
            value = f"not installed (needed only for {feature})"
            yield Finding(name, "ok", value, f'pip install "graphlab[{name}]"')


def _torch() -> Iterator[Finding]:
    import torch

    from graphlab.bench.provenance import runtime

    blas = runtime("cpu")["code"]["blas"]
    capability = torch.backends.cpu.get_cpu_capability()
    yield Finding("BLAS", "ok" if blas else "warn", f"{blas or 'unknown'}, {capability}")
    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
        yield Finding("GPU", "ok", f"{', '.join(names)} (CUDA {torch.version.cuda})")
    elif torch.backends.mps.is_available():
        yield Finding("GPU", "ok", "mps")
    elif shutil.which("nvidia-smi"):
        remedy = "Install a CUDA build of torch, see pytorch.org; check the driver."
        yield Finding("GPU", "warn", "a driver is there, but torch does not see a GPU", remedy)
    else:
        yield Finding("GPU", "ok", "none; runs use the processor")


def _processor() -> Iterator[Finding]:
    cores = usable_cores()
    yield Finding("cores", "ok", f"{cores} usable of {os.cpu_count() or cores}")
    asked = {name: os.environ[name] for name in _THREAD_VARIABLES if os.environ.get(name)}
    shown = ", ".join(f"{name}={value}" for name, value in asked.items())
    many = [v for v in asked.values() if not v.isdigit() or int(v) > cores]
    remedy = "Unset it, or use --threads." if many else ""
    yield Finding("threads", "warn" if many else "ok", shown or f"{cores} a run", remedy)
    if hasattr(os, "getloadavg"):
        load = os.getloadavg()[0]
        busy = load > cores
        remedy = "Times will be too long; results are not changed." if busy else ""
        yield Finding("load", "warn" if busy else "ok", f"{load:.1f} in the last minute", remedy)


def _memory() -> Iterator[Finding]:
    total, free = _ram()
    if total is None or free is None:
        yield Finding("memory", "ok", "unknown on this system")
        return
    state: State = "fail" if free < _NO_RAM else "warn" if free < _LITTLE_RAM else "ok"
    remedy = "" if state == "ok" else "Close other programs; use --jobs 1."
    yield Finding("memory", state, f"{_size(free)} free of {_size(total)}", remedy)


def _ram() -> tuple[int | None, int | None]:
    with contextlib.suppress(OSError, ValueError, KeyError):
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        table = {key: int(value.split()[0]) * 1024 for key, _, value in map(_split, lines)}
        return table["MemTotal"], table["MemAvailable"]
    with contextlib.suppress(OSError, ValueError, AttributeError):
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        return total, total
    return None, None


def _split(line: str) -> tuple[str, str, str]:
    return line.partition(":")


def _writable(name: str, folder: Path, remedy: str) -> Iterator[Finding]:
    """Write access and free space of a folder, or of the place where it would be made."""
    place = folder.absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    if not place.is_dir():
        yield Finding(name, "fail", f"{place} is a file, not a folder", remedy)
        return
    try:
        with tempfile.NamedTemporaryFile(dir=place, prefix=".graphlab-", suffix=".tmp") as file:
            file.write(b"graphlab")
            file.flush()
    except OSError as error:
        yield Finding(name, "fail", f"{place} cannot be written ({error.strerror})", remedy)
        return
    free = shutil.disk_usage(place).free
    state: State = "fail" if free < _NO_DISK else "warn" if free < _LITTLE_DISK else "ok"
    yield Finding(name, state, f"{folder}: {_size(free)} free", "" if state == "ok" else remedy)


def _locks(folder: Path) -> Iterator[Finding]:
    """Kernel locks keep two processes from executing one run."""
    import fcntl

    place = folder.absolute()
    while not place.is_dir() and place != place.parent:
        place = place.parent
    try:
        with tempfile.NamedTemporaryFile(dir=place, prefix=".graphlab-", suffix=".tmp") as file:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        remedy = "Start one process alone on this folder, or use a local disk: --results DIR."
        yield Finding("locks", "warn", f"none at {place} ({error.strerror})", remedy)
        return
    yield Finding("locks", "ok", "work")


def _data_root(root: str | None) -> Iterator[Finding]:
    from graphlab.datasets.catalog import cards, data_root, mirrors, status

    place = data_root(root)
    for finding in _writable("data root", place, "Set GRAPHLAB_DATA to a folder of yours."):
        # reading works without; only fetching and linking need it
        yield (
            finding
            if finding.state == "ok"
            else Finding(finding.name, "warn", finding.value, finding.remedy)
        )
    for mirror in mirrors():
        if not mirror.is_dir():
            remedy = "Correct GRAPHLAB_DATA_MIRROR."
            yield Finding("data mirror", "warn", f"{mirror} is not a folder", remedy)
        else:
            yield Finding("data mirror", "ok", str(mirror))
    states = [status(card, root) for card in cards().values()]
    ready = sum(state in {"ready", "embedded"} for state in states)
    yield Finding("data sets", "ok", f"{ready} of {len(states)} on this machine")


def _temporary() -> Iterator[Finding]:
    place = Path(tempfile.gettempdir())
    yield from _writable("temporary folder", place, "Set TMPDIR to a folder with space.")


def _numba_cache() -> Iterator[Finding]:
    """Where machine code of compiled kernels is kept between processes."""
    from graphlab.ops._compile import kernel

    folder = kernel(_nothing).cache_folder
    if folder is None:
        remedy = "Set NUMBA_CACHE_DIR to a folder that can be written."
        yield Finding("numba cache", "warn", "none: kernels are compiled by each process", remedy)
    else:
        yield Finding("numba cache", "ok", str(folder))


def _nothing(values: object) -> None:
    """A kernel without a body."""


def _clock() -> Iterator[Finding]:
    """Records hold times; files of the future or of 1970 confuse every tool."""
    now = time.time()
    with tempfile.NamedTemporaryFile(prefix="graphlab-") as file:
        drift = abs(Path(file.name).stat().st_mtime - now)
    text = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now))
    if time.gmtime(now).tm_year < _OLDEST_YEAR or drift > _CLOCK_SECONDS:
        value = f"{text}, {drift:.0f} s apart from the disk's"
        yield Finding("clock", "warn", value, "Set the clock (NTP).")
    else:
        yield Finding("clock", "ok", text)


def _shipped() -> Iterator[Finding]:
    from graphlab.resources import resource_dir

    for kind in ("datasets", "suites", "reference"):
        folder = resource_dir(kind)
        yield Finding(f"shipped {kind}", "ok", str(folder))


def _size(count: int) -> str:
    return f"{count / _GIGABYTE:,.1f} GB"
