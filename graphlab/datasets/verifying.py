"""``verify``: read every raw file of a set again and compare its checksum, changing nothing."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from graphlab.datasets.checksums import recorded_digests, verify_file
from graphlab.datasets.files import places
from graphlab.errors import DatasetCorrupt

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from graphlab.datasets.card import DatasetCard, RawFile

__all__ = ["FileState", "verify"]

State = Literal["ok", "unverified", "damaged", "missing"]
PathLike = str | os.PathLike[str]


@dataclass(frozen=True)
class FileState:
    """One raw file of a set.

    Args:
        path: Relative to the set's folder (to the root for split files).
        state: ``ok``; ``unverified``: there, but no checksum is known; ``damaged``; ``missing``.
        place: The file that was read; None if it is missing.
        problem: For a damaged file, what is wrong and the remedy.
    """

    path: str
    state: State
    place: Path | None = None
    problem: str = ""


def verify(card: DatasetCard, root: PathLike | None = None) -> list[FileState]:
    """Check every file of a set, in the root or, where that lacks it, in a mirror.

    Required files, optional ones that are there, and stored split files that are there. Files are
    read anew, whatever was read before in this process. Nothing is written.

    Cost: one read of all files.
    """
    if card.embedded:
        folder = card.folder or Path()
        return [_state(card, path, file, folder / path, None) for path, file in card.files.items()]
    states = list(_folder(card, card.subdir, card.files, root))
    states += [s for s in _folder(card, card.subdir, card.optional, root) if s.state != "missing"]
    for split in card.splits.values():
        found = _folder(card, split.subdir, split.files, root, prefix=f"{split.subdir}/")
        states += [state for state in found if state.state != "missing"]
    return states


def _folder(
    card: DatasetCard,
    subdir: str,
    files: Mapping[str, RawFile],
    root: PathLike | None,
    prefix: str = "",
) -> Iterator[FileState]:
    folders = places(card, subdir, root)
    recorded = recorded_digests(folders[0])
    for path, file in files.items():
        found = next((folder / path for folder in folders if (folder / path).is_file()), None)
        if found is None:
            yield FileState(prefix + path, "missing")
            continue
        note = recorded.get(path) if found == folders[0] / path else None
        yield _state(card, prefix + path, file, found, note)


def _state(
    card: DatasetCard, path: str, file: RawFile, place: Path, recorded: str | None
) -> FileState:
    if not place.is_file():
        return FileState(path, "missing")
    try:
        known = verify_file(place, card.name, file, recorded, fresh=True, shipped=card.embedded)[1]
    except DatasetCorrupt as error:
        return FileState(path, "damaged", place, str(error))
    return FileState(path, "ok" if known else "unverified", place)
