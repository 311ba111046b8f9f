"""Where raw files lie: the data root, its mirrors, checksums; no reader is started here."""

from __future__ import annotations

import logging
import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from graphlab.datasets.checksums import recorded_digests, verify_file
from graphlab.errors import DatasetIncomplete, DatasetNotFound, DatasetNotWritable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from graphlab.datasets.card import DatasetCard, RawFile

__all__ = [
    "MIRROR_VARIABLE",
    "ROOT_VARIABLE",
    "Located",
    "data_root",
    "dataset_sha256",
    "folder_lock",
    "locate",
    "mirrors",
    "missing_files",
    "place",
    "places",
    "split_folder",
    "status",
]

ROOT_VARIABLE = "GRAPHLAB_DATA"
MIRROR_VARIABLE = "GRAPHLAB_DATA_MIRROR"
_FULL_DIGESTS = 3  # more missing files than this are listed with shortened checksums
_SHORT = 12

_log = logging.getLogger("graphlab")
PathLike = str | os.PathLike[str]


@dataclass(frozen=True)
class Located:
    """A set whose required files are all there and match their checksums.

    Args:
        folder: The folder with the raw files.
        digests: SHA-256 by relative path, of required files and of optional ones present.
        unverified: Files for which no checksum is known.
        writable: Whether a converted copy may be written into ``folder``.
    """

    folder: Path
    digests: Mapping[str, str]
    unverified: tuple[str, ...] = ()
    writable: bool = False


def data_root(root: PathLike | None = None) -> Path:
    """Return the data root: the argument, else ``GRAPHLAB_DATA``, else the user's cache folder.

    Raises:
        DatasetNotWritable: It lies in a home folder, and the user has none.

    Example:
        >>> data_root("somewhere").is_absolute()
        True
    """
    chosen = root if root is not None else os.environ.get(ROOT_VARIABLE) or None
    if chosen is None:
        mac = os.name == "posix" and os.uname().sysname == "Darwin"
        cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
        chosen = "~/Library/Caches/graphlab" if mac else f"{cache}/graphlab"
    try:
        return Path(chosen).expanduser().absolute()
    except RuntimeError as error:
        raise DatasetNotWritable(
            f"{chosen} cannot be used: no home folder is known. Set {ROOT_VARIABLE} (or --root) to "
            "a folder that can be written."
        ) from error


def mirrors() -> tuple[Path, ...]:
    """Return the folders of ``GRAPHLAB_DATA_MIRROR``, in order; they are only ever read."""
    value = os.environ.get(MIRROR_VARIABLE, "")
    return tuple(Path(p).expanduser().absolute() for p in value.split(os.pathsep) if p.strip())


def places(card: DatasetCard, subdir: str, root: PathLike | None = None) -> tuple[Path, ...]:
    """Return the folders where files of a set may lie: the root's, then those of the mirrors.

    The package ogb prefers a folder ``<name>_pyg`` where there is one, so such a folder counts.
    """

    def folder(base: Path) -> Path:
        other = base / f"{subdir}_pyg"
        return other if card.loader == "ogb" and other.is_dir() else base / subdir

    return tuple(folder(base) for base in (data_root(root), *mirrors()))


def missing_files(
    card: DatasetCard, root: PathLike | None = None, *, protocol: str | None = None
) -> tuple[str, ...]:
    """Return the required files that neither the root nor a mirror has.

    Args:
        card: The set.
        root: Data root, see :func:`data_root`.
        protocol: Also ask for the stored split files of this protocol (paths below the root).

    Cost: one ``stat`` a file and place; nothing is read.
    """
    absent: list[str] = []
    if not card.embedded:
        absent += _Search(card, card.subdir, card.files, root).missing
    if protocol is not None and protocol in card.splits:
        split = card.splits[protocol]
        search = _Search(card, split.subdir, split.files, root)
        absent += [f"{split.subdir}/{name}" for name in search.missing]
    return tuple(absent)


def status(card: DatasetCard, root: PathLike | None = None) -> str:
    """Return ``"embedded"``, ``"ready"`` or ``"missing n files"``; checksums are not read."""
    if card.embedded:
        return "embedded"
    count = len(missing_files(card, root))
    return "ready" if not count else f"missing {count} file{'s' if count > 1 else ''}"


def locate(card: DatasetCard, root: PathLike | None = None, *, protocol: str | None = None) -> Path:
    """Return the folder with all required files of a set, checked against their checksums.

    Files that only a mirror has are linked (copied where linking fails) into the root first. When
    the root is the default one and cannot be written, they are used where they lie; a root that
    was asked for by argument or variable must be writable then.

    Args:
        card: The set, see :func:`graphlab.datasets.catalog.find_dataset`.
        root: Data root, see :func:`data_root`.
        protocol: Also ask for the stored split files of this protocol, where it has some.

    Raises:
        DatasetNotFound: Files are missing; names each, the folder and the remedies.
        DatasetIncomplete: The same, and the folder holds some of the files.
        DatasetCorrupt: A file differs from its checksum.
        DatasetNotWritable: The files of a mirror cannot be placed into the root.

    Cost: SHA-256 of all files at the first call in a process, later a ``stat`` each.
    """
    if protocol is not None and protocol in card.splits:
        split_folder(card, protocol, root)
    return place(card, root).folder


def dataset_sha256(card: DatasetCard, root: PathLike | None = None) -> str:
    """Return the identity of a set: one SHA-256 over its required files.

    Sorted lines of relative path and checksum are hashed; generated sets hash name and version of
    their generator. Raises as :func:`locate`.
    """
    from graphlab.io import canonical_json, sha256_bytes

    if card.embedded and not card.files:
        return sha256_bytes(f"generated:{card.name}:{card.generator}".encode())
    digests = place(card, root).digests
    pairs = sorted((path, digests[path]) for path in card.files)
    return sha256_bytes(canonical_json(pairs).encode())


def place(card: DatasetCard, root: PathLike | None = None) -> Located:
    """Do the work of :func:`locate` and say more about the result."""
    if card.embedded:
        return _shipped(card)
    search = _Search(card, card.subdir, card.files, root, card.optional)
    return _place(search, explicit=_is_explicit(root))


def split_folder(card: DatasetCard, protocol: str, root: PathLike | None = None) -> Path:
    """Return the folder with the stored split files of a protocol; as :func:`locate`."""
    split = card.splits[protocol]
    search = _Search(card, split.subdir, split.files, root)
    return _place(search, explicit=_is_explicit(root)).folder


def _shipped(card: DatasetCard) -> Located:
    folder = card.folder or Path()
    digests = {}
    for path, file in card.files.items():
        if not (folder / path).is_file():
            raise DatasetNotFound(
                f"{folder / path} is missing. It is shipped with graphlab: install graphlab again."
            )
        digests[path] = verify_file(folder / path, card.name, file, shipped=True)[0]
    return Located(folder, digests)


@contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Hold the lock file of a set's folder; a second process waits. The kernel frees it on death.

    Raises:
        DatasetNotWritable: The folder cannot be made or written.
    """
    import fcntl

    handle = _open_lock(folder)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        handle.close()


def _open_lock(folder: Path) -> IO[bytes]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return (folder / ".lock").open("ab")
    except OSError as error:
        raise DatasetNotWritable(
            f"{folder} cannot be written ({error.strerror or type(error).__name__}). "
            f"Set {ROOT_VARIABLE} (or --root) to a folder that can be."
        ) from error


class _Search:
    """Where each file of one folder below the root lies."""

    def __init__(
        self,
        card: DatasetCard,
        subdir: str,
        files: Mapping[str, RawFile],
        root: PathLike | None,
        optional: Mapping[str, RawFile] | None = None,
    ) -> None:
        self.card, self.subdir, self.files = card, subdir, files
        self.places = places(card, subdir, root)
        self.folder = self.places[0]
        self.wanted = {**files, **(optional or {})}
        self.sources = {path: self._find(path) for path in self.wanted}

    def _find(self, path: str) -> Path | None:
        return next((place / path for place in self.places if (place / path).is_file()), None)

    @property
    def missing(self) -> list[str]:
        return [path for path in self.files if self.sources[path] is None]

    @property
    def elsewhere(self) -> dict[str, Path]:
        """Files that a mirror has and the root has not."""
        return {
            path: source
            for path, source in self.sources.items()
            if source is not None and source != self.folder / path
        }

    def complete_mirror(self) -> Path | None:
        """The first mirror folder that has every required file."""
        mirror_folders = self.places[1:]
        return next(
            (p for p in mirror_folders if all((p / path).is_file() for path in self.files)), None
        )


def _place(search: _Search, *, explicit: bool) -> Located:
    if search.missing:
        raise _absence(search)
    recorded = recorded_digests(search.folder)
    for path, source in search.elsewhere.items():  # a damaged mirror file is not brought over
        verify_file(source, search.card.name, search.wanted[path])
    folder, writable = search.folder, True
    if search.elsewhere:
        try:
            _bring(search)
        except DatasetNotWritable:
            mirror = search.complete_mirror()
            if explicit or mirror is None:
                raise
            _log.info(
                "%s is read from the mirror %s; the root cannot be written",
                search.card.name,
                mirror,
            )
            folder, writable, recorded = mirror, False, {}
    digests: dict[str, str] = {}
    unverified: list[str] = []
    for path, file in search.wanted.items():
        if path not in search.files and not (folder / path).is_file():
            continue
        digests[path], known = verify_file(
            folder / path, search.card.name, file, recorded.get(path)
        )
        if not known:
            unverified.append(path)
    return Located(folder, digests, tuple(unverified), writable)


def _bring(search: _Search) -> None:
    """Link or copy the mirror's files into the root, under the folder's lock."""
    with folder_lock(search.folder):
        for path, source in search.elsewhere.items():
            target = search.folder / path
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                if target.is_symlink() and not target.exists():
                    target.unlink()  # a link whose mirror has gone
                if not target.exists():
                    _link_or_copy(source, target)
            except OSError as error:
                raise DatasetNotWritable(
                    f"{target} cannot be written ({error.strerror or type(error).__name__}). "
                    f"Set {ROOT_VARIABLE} (or --root) to a folder that can be."
                ) from error


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        target.symlink_to(source)
    except OSError:
        part = target.with_name(f"{target.name}.partial-{os.getpid()}")
        try:
            shutil.copyfile(source, part)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)


def _absence(search: _Search) -> DatasetNotFound:
    """The error for missing files: each of them, the folder, both remedies."""
    name, folder, missing = search.card.name, search.folder, search.missing
    full = len(missing) <= _FULL_DIGESTS
    listed = ", ".join(_with_digest(search.files[path], full=full) for path in missing)
    found = [path for path in search.files if (folder / path).is_file()]
    parts = [str(p.relative_to(folder)) for p in folder.rglob("*.part")] if folder.is_dir() else []
    count = f"{len(missing)} file{'s are' if len(missing) > 1 else ' is'} missing"
    looked = ", ".join(map(str, mirrors())) or "not set"
    remedies = (
        f"or set {MIRROR_VARIABLE} (now: {looked}) to a folder that holds {search.subdir}/; "
        f"or put the files there by hand (checksums: graphlab-bench data info {name})."
    )
    if found or parts or _emptied(search):
        return DatasetIncomplete(
            f"{name} is incomplete in {folder}: {count}. Remove the folder or fetch again: "
            f"graphlab-bench data fetch {name} --force; {remedies} "
            f"Missing: {listed}. Found: {', '.join(found + parts) or 'no raw file'}."
        )
    return DatasetNotFound(
        f"{name} is not in {folder}: {count}. "
        f"Run: graphlab-bench data fetch {name}; {remedies} Missing: {listed}."
    )


def _with_digest(file: RawFile, *, full: bool) -> str:
    if file.sha256 is None:
        return file.path
    digest = file.sha256 if full else file.sha256[:_SHORT] + "..."
    return f"{file.path} (sha256 {digest})"


def _emptied(search: _Search) -> bool:
    """Whether a folder for raw files exists without any, as a failed download leaves it."""
    parents = {(search.folder / path).parent for path in search.files} - {search.folder}
    return any(p.is_dir() and not any(p.iterdir()) for p in parents)


def _is_explicit(root: PathLike | None) -> bool:
    return root is not None or bool(os.environ.get(ROOT_VARIABLE))
