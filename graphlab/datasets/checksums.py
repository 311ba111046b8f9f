"""Checksums of raw files: computed once in a process, compared with the card and with notes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphlab.errors import DatasetCorrupt

if TYPE_CHECKING:
    from pathlib import Path

    from graphlab.datasets.card import RawFile

__all__ = ["RECORD", "file_digest", "recorded_digests", "verify_file"]

RECORD = "fetched.json"  # checksums of downloaded files, in the set's folder


def verify_file(
    path: Path,
    name: str,
    file: RawFile,
    recorded: str | None = None,
    *,
    fresh: bool = False,
    shipped: bool = False,
) -> tuple[str, bool]:
    """Check a file against the card, else against what its download recorded.

    Args:
        path: The file.
        name: Name of the set, for the remedy.
        file: Its entry in the card.
        recorded: Checksum noted when the file was downloaded.
        fresh: Read the file even if its checksum is remembered.
        shipped: It came with graphlab, which is the remedy then.

    Returns:
        The checksum, and whether an expected one was known.

    Raises:
        DatasetCorrupt: It differs: file, size and checksum, found and expected, and the remedy.
    """
    found = file_digest(path, fresh=fresh)
    if found in {file.sha256, *file.also, recorded}:
        return found, True
    if file.sha256 is None and recorded is None:
        return found, False
    size = path.stat().st_size
    if file.other_forms and recorded is None and size != file.bytes and _whole_zip(path):
        return found, False
    expected = recorded if file.sha256 is None or (recorded and file.other_forms) else file.sha256
    wanted = f"{file.bytes} bytes, " if file.bytes is not None and expected == file.sha256 else ""
    where = ""
    if path.is_symlink():
        where = f" It is a link to {path.resolve()}."
    remedy = f"Run: graphlab-bench data fetch {name} --force"
    if shipped:
        remedy = "It is shipped with graphlab: install graphlab again."
    raise DatasetCorrupt(
        f"{path} is damaged: {size} bytes, sha256 {found}; expected {wanted}sha256 {expected}."
        f"{where} {remedy}"
    )


# (device, inode, size, modification time) -> sha256: a file is hashed once in a process
_DIGESTS: dict[tuple[int, int, int, int], str] = {}


def file_digest(path: Path, *, fresh: bool = False) -> str:
    """Return the SHA-256 of a file, remembered until it changes; ``fresh`` reads it anew."""
    from graphlab.io import sha256_file

    info = path.stat()
    key = (info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns)
    if fresh or key not in _DIGESTS:
        _DIGESTS[key] = sha256_file(path)
    return _DIGESTS[key]


def recorded_digests(folder: Path) -> dict[str, str]:
    """Return the checksums noted when files were downloaded; an unreadable note counts as none."""
    from graphlab.io import read_json

    try:
        record = read_json(folder / RECORD)
        return {path: str(entry["sha256"]) for path, entry in record.items()}
    except (OSError, ValueError, AttributeError, KeyError, TypeError):
        return {}


def _whole_zip(path: Path) -> bool:
    import zipfile
    import zlib

    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, zlib.error):
        return False
