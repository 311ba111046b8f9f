"""Checkpoints: two generations, each with a checksum, read by the safe loader only."""

from __future__ import annotations

import io
import logging
import shutil
from typing import TYPE_CHECKING, Any

import torch

from graphlab.errors import CheckpointError, UnsafeFileError
from graphlab.io import _fault_point, atomic_write, safe_load, sha256_bytes, sha256_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = [
    "LAST",
    "load_checkpoint",
    "make_folder",
    "newest_checkpoint",
    "remove_checkpoints",
    "save_checkpoint",
]

LAST = "last.ckpt"
_OLDER = ".1"
_SUM = ".sha256"
_DIGITS = 64

logger = logging.getLogger("graphlab")


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint; the one before it becomes ``<path>.1``.

    A process may be killed at any moment of this: then the older generation, the newer one or
    both are complete. Checksums are written before the file they belong to takes its name, and
    a reader accepts a file whose checksum stands in any of them.

    Args:
        path: Usually ``run_dir / "last.ckpt"``; its folder must exist.
        state: Tensors and plain values (numbers, text, lists, dictionaries).

    Raises:
        CheckpointError: The disk is full or the folder cannot be written; earlier generations
            are untouched.

    Cost: about 2 ms and the size of the state; twice the state is kept on the disk.
    """
    buffer = io.BytesIO()
    torch.save(state, buffer)
    data = buffer.getvalue()
    new = path.with_name(path.name + ".new")
    older = path.with_name(path.name + _OLDER)
    try:
        atomic_write(new, data)
        atomic_write(_sum_of(new), sha256_bytes(data).encode())
        _fault_point("checkpoint:written")
        for current, target in ((path, older), (new, path)):
            if current.exists():
                current.replace(target)
                if _sum_of(current).exists():
                    _sum_of(current).replace(_sum_of(target))
        _fault_point("checkpoint:renamed")
    except OSError as error:
        raise CheckpointError(
            f"{path} cannot be written: {error.strerror or error} "
            f"({_free_bytes(path.parent)} bytes are free there)."
        ) from error


def load_checkpoint(
    run_dir: Path, fingerprint: str, *, report: Callable[[str], None] | None = None
) -> dict[str, Any] | None:
    """Read the newest intact checkpoint of a run.

    One that is damaged, or holds more than tensors and plain values, is reported, set aside as
    ``<name>.damaged`` and skipped.

    Args:
        run_dir: The run's folder.
        fingerprint: Of the run's configuration, as stored in the state.
        report: Is told of each damaged file; default: the logger ``graphlab`` warns.

    Returns:
        The state, tensors on the CPU; None when there is no intact checkpoint.

    Raises:
        CheckpointError: An intact checkpoint belongs to another configuration.
    """
    tell = report or logger.warning
    found = 0
    sums = set(_sums(run_dir))
    for path in (run_dir / LAST, run_dir / (LAST + _OLDER)):
        if not path.exists():
            continue
        found += 1
        state, problem = _read(path, sums)
        if state is None:
            aside = _set_aside(path)
            tell(f"{path} is damaged ({problem}); it is skipped and kept as {aside.name}.")
        elif state.get("fingerprint") != fingerprint:
            raise CheckpointError(
                f"{path} belongs to another configuration (fingerprint "
                f"{str(state.get('fingerprint'))[:16]}, expected {fingerprint[:16]}). "
                "Remove it or use another folder."
            )
        else:
            return state
    if found:
        tell(f"No intact checkpoint is left in {run_dir}; the run starts again.")
    return None


def newest_checkpoint(run_dir: Path) -> dict[str, Any]:
    """Read the checkpoint that :func:`load_checkpoint` has just accepted in another process.

    Raises:
        CheckpointError: This process does not see it: the folder is not shared.
    """
    for path in (run_dir / LAST, run_dir / (LAST + _OLDER)):
        if path.is_file():
            state: dict[str, Any] = safe_load(path)
            return state
    raise CheckpointError(
        f"{run_dir} holds no checkpoint here, but process 0 has read one. All processes need the "
        "same results folder."
    )


def make_folder(run_dir: Path) -> None:
    """Make a run's folder.

    Raises:
        CheckpointError: It cannot be made.
    """
    try:
        run_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CheckpointError(
            f"{run_dir} cannot be a run's folder: {error.strerror or error}."
        ) from error


def remove_checkpoints(run_dir: Path) -> None:
    """Delete the checkpoint files of a finished run, damaged ones and checksums included."""
    for path in run_dir.glob(LAST + "*"):
        if path.is_file():
            path.unlink(missing_ok=True)


def _read(path: Path, sums: set[str]) -> tuple[dict[str, Any] | None, str]:
    if not path.is_file():
        return None, "it is not a file"
    digest = sha256_file(path)
    if digest not in sums:
        return None, f"sha256 {digest[:16]}... is in no {LAST}{_SUM}"
    try:
        state = safe_load(path)
    except (UnsafeFileError, CheckpointError) as error:
        return None, str(error).removesuffix(".")
    return (state, "") if isinstance(state, dict) else (None, "it holds no state")


def _sum_of(path: Path) -> Path:
    return path.with_name(path.name + _SUM)


def _sums(run_dir: Path) -> Iterator[str]:
    for path in run_dir.glob(f"{LAST}*{_SUM}"):
        if path.is_file():
            text = path.read_bytes()[:_DIGITS].decode("ascii", errors="replace")
            if len(text) == _DIGITS:
                yield text


def _set_aside(path: Path) -> Path:
    """Rename a damaged file or folder, so that it is never taken for a generation again."""
    number = 0
    aside = path.with_name(path.name + ".damaged")
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.name}.damaged-{number}")
    path.replace(aside)
    return aside


def _free_bytes(folder: Path) -> str:
    try:
        return f"{shutil.disk_usage(folder).free:,}"
    except OSError:
        return "unknown"
