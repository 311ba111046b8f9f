"""``fetch``: the one place that downloads raw files, and only when asked to."""

from __future__ import annotations

import datetime
import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphlab.datasets.checksums import RECORD, file_digest
from graphlab.datasets.files import (
    folder_lock,
    place,
    places,
    split_folder,
)
from graphlab.errors import DatasetDownloadError, UnsafeFileError

if TYPE_CHECKING:
    from pathlib import Path

    from graphlab.datasets.card import DatasetCard, Download, RawFile

__all__ = ["FetchedFile", "fetch"]

_CHUNK = 1 << 20
_MAX_UNPACKED = 10 << 30

PathLike = str | os.PathLike[str]
Announce = Callable[[str], None]


@dataclass(frozen=True)
class FetchedFile:
    """One downloaded file.

    Args:
        path: Where it lies.
        url: Where it came from.
        sha256: Its checksum.
        size: Bytes.
        verified: Whether the card knew the checksum; an unverified one is noted in
            ``fetched.json`` beside the set, and later loads are checked against the note.
    """

    path: Path
    url: str
    sha256: str
    size: int
    verified: bool


def fetch(
    card: DatasetCard,
    root: PathLike | None = None,
    *,
    force: bool = False,
    announce: Announce | None = None,
) -> list[FetchedFile]:
    """Download the files of a set that neither the root nor a mirror has, into the root.

    Nothing is asked, nothing of the user's is deleted; a file gets its name when it is whole and,
    where the card knows a checksum, right. A second process waits for the first.

    Args:
        card: The set.
        root: Data root, see :func:`graphlab.datasets.files.data_root`.
        force: Download every file again, replacing those in the root.
        announce: Called with a line before each download.

    Returns:
        What was downloaded; empty when all was there, and for embedded sets.

    Raises:
        DatasetDownloadError: A download failed, or no address is known; names the host, the
            folder and the files to put there by hand.
        DatasetNotWritable: The root cannot be written.
        DatasetCorrupt: A file that was there already is damaged.
    """
    if card.embedded:
        return []
    files = {**card.files, **card.optional}
    folders = places(card, card.subdir, root)
    fetched = _fetch_folder(card, folders, files, force=force, announce=announce)
    for protocol, split in card.splits.items():
        if all(file.url for file in split.files.values()):
            folders = places(card, split.subdir, root)
            fetched += _fetch_folder(card, folders, split.files, force=force, announce=announce)
            split_folder(card, protocol, root)
    place(card, root)
    return fetched


def _fetch_folder(
    card: DatasetCard,
    folders: tuple[Path, ...],
    files: Mapping[str, RawFile],
    *,
    force: bool,
    announce: Announce | None,
) -> list[FetchedFile]:
    """Fetch what neither the root's folder, the first, nor a mirror's has, under its lock."""
    folder = folders[0]

    def here() -> set[str]:
        return {path for path in files if any((place / path).is_file() for place in folders)}

    def wanted() -> dict[str, RawFile]:
        if force:
            return dict(files)
        present = here()
        return {p: f for p, f in files.items() if p not in present and p not in card.optional}

    if not wanted():
        return []
    with folder_lock(folder):
        todo = wanted()  # another process may have fetched them meanwhile
        single = {path: file for path, file in todo.items() if file.url}
        packed = {path: file for path, file in todo.items() if not file.url}
        fetched = []
        if packed and card.download is not None:
            extra = {p: f for p, f in card.optional.items() if not f.url and p not in here()}
            packed = {**packed, **extra}
            fetched += _fetch_archive(card, card.download, folder, packed, announce)
            _record(folder, fetched)
        elif packed:
            raise _by_hand(card, folder, packed, "no official address of its files is known")
        for path, file in single.items():
            if announce:
                announce(f"fetching {file.url}")
            try:
                fetched.append(_fetch_file(folder / path, file, force=force))
            except DatasetDownloadError as error:
                lacking = {p: f for p, f in single.items() if not (folder / p).is_file()}
                raise _by_hand(card, folder, lacking or {path: file}, str(error)) from error
            _record(folder, fetched)
    return fetched


def _fetch_file(target: Path, file: RawFile, *, force: bool) -> FetchedFile:
    from graphlab.io import download

    url = file.url or ""
    expected = None if file.other_forms else file.sha256
    packed = url.endswith(".gz") and not target.name.endswith(".gz")
    arriving = target.with_name(target.name + ".gz") if packed else target
    if force:
        arriving.with_name(arriving.name + ".part").unlink(missing_ok=True)
    result = download(url, arriving, sha256=None if packed else expected)
    if packed:
        _unpack_gz(arriving, target, expected)
    digest = file_digest(target) if packed else result.sha256
    verified = digest in {file.sha256, *file.also}
    return FetchedFile(target, url, digest, target.stat().st_size, verified)


def _unpack_gz(packed: Path, target: Path, expected: str | None) -> None:
    """Unpack one gzip file; the result is renamed when it is whole and right."""
    import gzip
    import zlib

    from graphlab.io import sha256_file

    part = target.with_name(target.name + ".part")
    try:
        with gzip.open(packed) as source, part.open("wb") as file:
            size = 0
            while chunk := source.read(_CHUNK):
                size += len(chunk)
                if size > _MAX_UNPACKED:
                    raise DatasetDownloadError(
                        f"{packed.name} unpacks to over {_MAX_UNPACKED} bytes"
                    )
                file.write(chunk)
        found = sha256_file(part)
        if expected is not None and found != expected:
            raise DatasetDownloadError(f"sha256 of {target.name} is {found}, expected {expected}")
        part.replace(target)
    except (OSError, EOFError, zlib.error) as error:
        if isinstance(error, DatasetDownloadError):
            raise
        raise DatasetDownloadError(f"{packed.name} is not a whole gzip file") from error
    finally:
        part.unlink(missing_ok=True)
        packed.unlink(missing_ok=True)


def _fetch_archive(
    card: DatasetCard,
    source: Download,
    folder: Path,
    files: Mapping[str, RawFile],
    announce: Announce | None,
) -> list[FetchedFile]:
    """Download an archive, unpack it beside the set, move the wanted files in."""
    from graphlab.io import download, safe_extract

    if announce:
        announce(f"fetching {source.archive}")
    archive = folder / f".{card.name}.archive"
    unpacked = folder / f".extract-{os.getpid()}"
    try:
        download(source.archive, archive)
        names = safe_extract(archive, unpacked, max_bytes=source.max_bytes)
        inside = _inside_names(names, unpacked, source)
        lacking = [path for path in files if path in card.files and path not in inside]
        if lacking:
            raise DatasetDownloadError(f"the archive lacks {', '.join(lacking)}")
        fetched = []
        for path, file in files.items():
            if path in inside:
                fetched.append(_move_in(inside[path], folder / path, file, source.archive))
        return fetched
    except (DatasetDownloadError, UnsafeFileError) as error:
        raise _by_hand(card, folder, files, f"{source.archive}: {error}") from error
    finally:
        shutil.rmtree(unpacked, ignore_errors=True)
        archive.unlink(missing_ok=True)


def _inside_names(names: Iterable[Path], unpacked: Path, source: Download) -> dict[str, Path]:
    """Map paths in the set's folder to unpacked files."""
    relative = {path.relative_to(unpacked).as_posix(): path for path in names}
    prefix = source.strip
    if prefix and not any(name.startswith(prefix) for name in relative):
        tops = {name.partition("/")[0] for name in relative}
        prefix = f"{tops.pop()}/" if len(tops) == 1 else ""
    return {source.into + name.removeprefix(prefix): path for name, path in relative.items()}


def _move_in(unpacked: Path, target: Path, file: RawFile, url: str) -> FetchedFile:
    found = file_digest(unpacked)
    accepted = {file.sha256, *file.also}
    if file.sha256 is not None and not file.other_forms and found not in accepted:
        raise DatasetDownloadError(f"sha256 of {file.path} is {found}, expected {file.sha256}")
    target.parent.mkdir(parents=True, exist_ok=True)
    unpacked.replace(target)
    return FetchedFile(target, url, found, target.stat().st_size, found in accepted)


def _record(folder: Path, fetched: list[FetchedFile]) -> None:
    """Note the checksums of what came, for later checks."""
    from graphlab.io import read_json, write_json

    try:
        notes = dict(read_json(folder / RECORD))
    except (OSError, ValueError, TypeError):
        notes = {}
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    for file in fetched:
        notes[file.path.relative_to(folder).as_posix()] = {
            "sha256": file.sha256,
            "bytes": file.size,
            "url": file.url,
            "verified": file.verified,
            "fetched": now,
        }
    if fetched:
        write_json(folder / RECORD, notes)


def _by_hand(
    card: DatasetCard, folder: Path, files: Mapping[str, RawFile], problem: str
) -> DatasetDownloadError:
    problem = problem.partition(" Fetch it by hand")[0].rstrip(".")
    return DatasetDownloadError(
        f"{card.name} cannot be fetched: {problem}. Put by hand into {folder}: "
        f"{', '.join(files)} (source: {card.source})."
    )
