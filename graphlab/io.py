"""Reading and writing files without losing any and without running what is inside them."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from graphlab._archive import safe_extract
from graphlab._download import DownloadResult, download
from graphlab._unpickle import restricted_unpickle
from graphlab.errors import CheckpointError, InputError, UnsafeFileError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "DownloadResult",
    "atomic_open",
    "atomic_write",
    "canonical_json",
    "download",
    "read_json",
    "restricted_unpickle",
    "safe_extract",
    "safe_load",
    "sha256_bytes",
    "sha256_file",
    "write_json",
]

PathLike = str | os.PathLike[str]


# Read by ``_fault_point`` alone; graphlab.testing.faults sets and documents them.
_KILL_AT = "GRAPHLAB_FAULT_KILL_AT"
_SLOW_BY = "GRAPHLAB_FAULT_SLOW_DISK"
_reached: dict[str, int] = {}  # how often a point was passed; filled while _KILL_AT is set


def atomic_write(path: PathLike, data: bytes, *, point: str = "file") -> None:
    """Write a file so that a reader sees the old content or the new, never a mixture.

    A temporary file in the same folder is written, flushed to the disk and renamed.

    Args:
        path: Target; its folder must exist.
        data: The whole content.
        point: Name of this write for :func:`graphlab.testing.faults.kill_at`.

    Raises:
        OSError: The folder is missing or not writable, or the disk is full; an existing
            file is then untouched.
    """
    with atomic_open(path, point=point) as file:
        file.write(data)


@contextmanager
def atomic_open(path: PathLike, *, point: str = "file") -> Iterator[IO[bytes]]:
    """Open a file for writing that takes its place when the block has ended without an error.

    As :func:`atomic_write`, for content that is better written in parts.

    Args:
        path: Target; its folder must exist.
        point: As for :func:`atomic_write`.

    Raises:
        OSError: As for :func:`atomic_write`; after any error an existing file is untouched.

    Example:
        >>> file = Path(tempfile.mkdtemp()) / "a.txt"
        >>> with atomic_open(file) as part:
        ...     _ = part.write(b"all")
        >>> file.read_bytes()
        b'all'
    """
    target = Path(path)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)  # mkstemp gives 0600, which a colleague could not read
        _fault_point(f"{point}:written")
        temporary.replace(target)
        _fault_point(f"{point}:renamed")
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(target.parent)


def write_json(path: PathLike, value: Any, *, point: str = "file") -> None:  # noqa: ANN401
    """Write JSON atomically, keys sorted; NaN and infinity are refused."""
    try:
        text = json.dumps(value, allow_nan=False, sort_keys=True, indent=1, ensure_ascii=False)
    except ValueError as error:
        raise InputError(f"{path} cannot be written: {error}. Missing values are null.") from error
    try:
        data = text.encode()
    except UnicodeEncodeError:  # part of a file name that is no UTF-8: written as \\udcff
        data = json.dumps(value, sort_keys=True, indent=1).encode()
    atomic_write(path, data + b"\n", point=point)


def read_json(path: PathLike) -> Any:  # noqa: ANN401
    """Read a JSON file (UTF-8)."""
    return json.loads(Path(path).read_bytes())


def canonical_json(value: Any) -> str:  # noqa: ANN401
    """Return the one JSON text of a value: keys sorted, no spaces, no NaN. Used for hashes.

    Example:
        >>> canonical_json({"b": 1, "a": [0.5, None]})
        '{"a":[0.5,null],"b":1}'
    """
    return json.dumps(
        value, allow_nan=False, sort_keys=True, separators=(",", ":"), ensure_ascii=True
    )


def sha256_bytes(data: bytes) -> str:
    """Return the SHA-256 of bytes as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: PathLike) -> str:
    """Return the SHA-256 of a file as 64 hexadecimal digits. Cost: one read, constant memory."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def safe_load(path: PathLike) -> Any:  # noqa: ANN401
    """Read tensors and arrays from a file that may come from anywhere; no code in it can run.

    Args:
        path: ``.pt``, ``.pth`` or ``.ckpt`` (torch's weights-only reader) or ``.npz`` or ``.npy``
            (numpy without pickles). Any other ending is refused.

    Returns:
        What was saved; for ``.npz`` a dictionary of arrays.

    Raises:
        UnsafeFileError: The file needs a pickle to be read, or its ending is not one of these.
        CheckpointError: The file is missing, truncated or otherwise damaged.
    """
    file = Path(path)
    suffix = file.suffix.lower()
    if suffix[1:].isdigit():  # an older generation: last.ckpt.1
        suffix = file.with_suffix("").suffix.lower()
    if suffix not in {".pt", ".pth", ".ckpt", ".npz", ".npy"}:
        raise UnsafeFileError(
            f"{file} ends in {suffix or 'nothing'!r}; only .pt, .pth, .ckpt, .npz and .npy are "
            "read, because other formats may run code."
        )
    if not file.is_file():
        raise CheckpointError(f"{file} is not a file.")
    return _load_arrays(file) if suffix in {".npz", ".npy"} else _load_tensors(file)


def _load_arrays(file: Path) -> Any:  # noqa: ANN401
    import numpy as np

    try:
        content = np.load(file, allow_pickle=False)
        if not isinstance(content, np.lib.npyio.NpzFile):
            return content
        with content:
            return {name: content[name] for name in content.files}
    except MemoryError:
        raise
    except Exception as error:
        if "allow_pickle" in str(error) or "Object arrays" in str(error):
            raise UnsafeFileError(
                f"{file} holds a pickled object, which could run code, or is no numpy file; "
                "it was not read."
            ) from error
        raise _damaged(file, error) from error


def _load_tensors(file: Path) -> Any:  # noqa: ANN401
    import pickle

    import torch

    try:
        return torch.load(file, map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except pickle.UnpicklingError as error:
        raise UnsafeFileError(
            f"{file} holds more than tensors and plain values, which could run code, or it is "
            "damaged; it was not read."
        ) from error
    except Exception as error:
        raise _damaged(file, error) from error


def _damaged(file: Path, error: Exception) -> CheckpointError:
    """The error for a file that cannot be read: reading one can raise anything.

    The text of the cause stays out, since it may echo content.
    """
    return CheckpointError(
        f"{file} ({file.stat().st_size} bytes) is damaged: {type(error).__name__} while reading it."
    )


def _fault_point(name: str) -> None:
    """Die or wait here where a test of faults has asked for it; else two look-ups (1 us).

    ``GRAPHLAB_FAULT_KILL_AT=record:written:2`` kills the process by SIGKILL when it comes to the
    point ``record:written`` for the second time. ``GRAPHLAB_FAULT_SLOW_DISK=0.5`` makes every
    write last half a second longer, between the temporary file and its renaming.
    """
    wanted = os.environ.get(_KILL_AT)
    if wanted:
        first, second, count = [*wanted.split(":"), "1"][:3]
        if name == f"{first}:{second}":
            _reached[name] = _reached.get(name, 0) + 1
            if _reached[name] == int(count):
                os.kill(os.getpid(), signal.SIGKILL)
    slow = os.environ.get(_SLOW_BY)
    if slow and name.endswith(":written"):
        time.sleep(float(slow))


def _sync_folder(folder: Path) -> None:
    """Flush a rename to the disk, where the system lets a folder be opened."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:  # some network file systems refuse
        return
    finally:
        os.close(handle)
