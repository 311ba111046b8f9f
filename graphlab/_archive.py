"""Extraction of archives that may be hostile: no way out of the folder, no bombs, no links."""

from __future__ import annotations

import errno
import gzip
import lzma
import shutil
import stat
import struct
import tarfile
import tempfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

from graphlab.errors import UnsafeFileError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

__all__ = ["safe_extract"]

_CHUNK = 1 << 20
_DAMAGED = (
    zipfile.BadZipFile,
    tarfile.TarError,
    gzip.BadGzipFile,
    lzma.LZMAError,
    zlib.error,
    EOFError,
    RuntimeError,  # an encrypted zip
    NotImplementedError,  # a compression method that Python lacks
)
# what a name may lead to that is taken, too long, below a file, or no name for a file at all
_BAD_NAME = {errno.EEXIST, errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG, errno.EINVAL}
_ENTRY_MARK = b"PK\x01\x02"
_ENTRY = struct.Struct("<28xHHH12x")  # of a zip's directory: lengths of name, extra field, comment
_DIRECTORY_SIZE, _END_AT = 5, 9  # places in what zipfile reads of the end of a zip
_LONGER_END = 56 + 20  # record and locator of zip64, between the directory and that end
_Member = tuple[str, bool, IO[bytes] | None]  # name, is a folder, content


def safe_extract(
    archive: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    *,
    max_bytes: int = 10 << 30,
    max_entries: int = 100_000,
) -> list[Path]:
    """Extract a zip or tar archive into a folder that does not exist yet.

    Everything goes to a temporary folder beside the target first, which is renamed when all is
    well; a refused archive leaves nothing behind. Sizes are counted while unpacking, since the
    sizes that an archive states may be false.

    Args:
        archive: ``.zip`` or any tar that Python reads.
        folder: Target; must not exist or be empty. Its parent must exist.
        max_bytes: Most bytes after unpacking, all files together.
        max_entries: Most files and folders.

    Returns:
        The extracted files, as paths below ``folder``.

    Raises:
        UnsafeFileError: A name leads out of the folder, an entry is a link or device, a limit
            is passed, or the file is not an archive.
        FileExistsError: ``folder`` exists and is not empty.
    """
    source, target = Path(archive), Path(folder)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise FileExistsError(f"{target} exists and is not an empty folder.")
    temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent))
    try:
        names = _unpack(source, temporary, max_bytes, max_entries)
        if target.exists():
            target.rmdir()
        temporary.chmod(0o755)
        temporary.rename(target)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    return [target / name for name in names]


def _unpack(source: Path, folder: Path, max_bytes: int, max_entries: int) -> list[str]:
    left, names = max_bytes, []
    try:
        _check_directory(source, max_entries)
        for count, (name, is_folder, content) in enumerate(_members(source), start=1):
            if count > max_entries:
                raise UnsafeFileError(f"{source} holds more than {max_entries} entries.")
            inside = _inside(source, name)
            path = folder / inside
            if is_folder:
                path.mkdir(parents=True, exist_ok=True)
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            left -= _copy(content, path, left)
            if left < 0:
                raise UnsafeFileError(f"{source} unpacks to more than {max_bytes} bytes.")
            names.append(inside)
    except _DAMAGED as error:
        raise _unreadable(source, error) from error
    except OSError as error:
        if error.errno not in _BAD_NAME:
            raise
        raise _unreadable(source, error) from error
    return names


def _check_directory(source: Path, max_entries: int) -> None:
    """Refuse a zip of too many entries before ``zipfile`` makes an object of each."""
    if not zipfile.is_zipfile(source):
        return
    with source.open("rb") as file:
        # at least 46 bytes an entry: where more than the limit could fit, they are counted
        end = getattr(zipfile, "_EndRecData", lambda _file: None)(file)
        if not end or end[_DIRECTORY_SIZE] <= max_entries * _ENTRY.size:
            return
        count, left = 0, end[_DIRECTORY_SIZE]
        longer = _LONGER_END if end[0] == b"PK\x06\x06" else 0
        file.seek(max(0, end[_END_AT] - left - longer))
        while left >= _ENTRY.size:
            head = file.read(_ENTRY.size)
            if len(head) < _ENTRY.size or not head.startswith(_ENTRY_MARK):
                return  # damaged, or moved: zipfile says so
            lengths = sum(_ENTRY.unpack(head))
            file.seek(lengths, 1)
            count, left = count + 1, left - _ENTRY.size - lengths
            if count > max_entries:
                raise UnsafeFileError(f"{source} holds more than {max_entries} entries.")


def _unreadable(source: Path, error: Exception) -> UnsafeFileError:
    reason = getattr(error, "strerror", None) or type(error).__name__
    return UnsafeFileError(f"{source} is not a readable zip or tar archive: {reason}.")


def _members(source: Path) -> Iterator[_Member]:
    if zipfile.is_zipfile(source):
        with zipfile.ZipFile(source) as archive:
            for info in archive.infolist():
                mode = info.external_attr >> 16
                if mode and not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or not stat.S_IFMT(mode)):
                    raise UnsafeFileError(f"{source} holds {info.filename!r}, a link or device.")
                if info.is_dir():
                    yield info.filename, True, None
                    continue
                with archive.open(info) as content:
                    yield info.filename, False, content
        return
    with tarfile.open(source) as archive:
        for entry in archive:
            if entry.isdir():
                yield entry.name, True, None
            elif entry.isreg():
                yield entry.name, False, archive.extractfile(entry)
            else:
                raise UnsafeFileError(f"{source} holds {entry.name!r}, a link or device.")


def _inside(source: Path, name: str) -> str:
    """Return the name if it stays below the folder."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    drive = bool(parts) and (parts[0].startswith("/") or ":" in parts[0])
    if drive or ".." in parts or "\x00" in name:
        raise UnsafeFileError(f"{source} holds the name {name!r}, which leads out of its folder.")
    return "/".join(parts)


def _copy(content: IO[bytes] | None, path: Path, left: int) -> int:
    """Copy at most ``left`` bytes and one chunk; return how many came."""
    size = 0
    with path.open("xb") as file:
        while content is not None and (chunk := content.read(_CHUNK)):
            size += len(chunk)
            if size > left:
                break
            file.write(chunk)
    return size
