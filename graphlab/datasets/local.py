"""The user's own graph: a folder of tables, an ``.npz``, an edge list, or a PyG-style dictionary.

Reading names and checksums (:func:`local_protocols`, :func:`local_sha256`) needs no torch.
"""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from graphlab.datasets.card import DatasetCard
from graphlab.errors import DatasetNotFound, InputError
from graphlab.registry import normalise_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphlab.datasets.loaded import LoadedData

__all__ = ["load_local", "local_protocols", "local_sha256"]

PathLike = str | os.PathLike[str]

_TABLES = (".csv", ".tsv", ".txt", ".npy")
_ROLES = {
    "edges": ("edges", "edge_list", "edgelist", "edge_index"),
    "features": ("features", "node_features", "x"),
    "labels": ("labels", "node_labels", "y"),
    "train": ("train",),
    "val": ("val",),
    "test": ("test",),
}
_ENDINGS = {"features": (*_TABLES, ".npz")}
_STAGES = ("train", "val", "test")
_MASK_NAMES = ("train_mask", "train_masks")
_DRAWN = ("random-20-30", "random-20-30-lcc")


def load_local(
    path: PathLike,
    task: str | None = None,
    *,
    seed: int = 0,
    split: int | str | None = None,
    directed: bool = False,
) -> LoadedData:
    """Load the user's own graph.

    Accepted:

    - a folder with ``edges`` (rows of source and target, a third column is the weight) and, each
      optional, ``features`` (a row a node, or a scipy CSR ``.npz``), ``labels`` (a label a node,
      words allowed), and ``train``, ``val``, ``test`` (node ids); endings ``.csv .tsv .txt .npy``;
      a file named ``edge_index`` with two rows is (2, m) instead;
    - such an edge list alone: the other files are looked for beside it;
    - an ``.npz`` with ``edge_index`` (2, m), or ``edges`` (m, 2), or a CSR matrix in ``adj_data``,
      ``adj_indices``, ``adj_indptr``, ``adj_shape``, and optionally ``x``, ``y``, ``train_mask``,
      ``val_mask``, ``test_mask``, ``edge_weight``, ``num_nodes``, ``class_names``;
    - a ``.pt`` written by ``torch.save(data.to_dict(), path)`` with the same names.

    Nodes are numbered from 0; a row of features or labels is a node, so nodes without edges keep
    their place. Edge lists name each edge once: both directions are stored unless ``directed``.
    ``edge_index`` and matrices are kept as they are.

    Args:
        path: File or folder.
        task: ``"node"`` (default) or ``"link"``.
        seed: Seed of the split.
        split: As for :func:`graphlab.datasets.load`. The default is ``public`` (the given masks),
            else ``random-20-30``.
        directed: Edges of an edge list have a direction.

    Raises:
        DatasetNotFound: No such path, or a folder without edges.
        InputError: Files that do not fit together, with file and value.
        UnsafeFileError: A file that could run code.
        DatasetCorrupt: A damaged file.
    """
    from graphlab.datasets.loaded import build_data
    from graphlab.datasets.user_arrays import read_user_arrays

    files = _files(path)
    arrays = read_user_arrays(files, directed=directed)
    card = _card(Path(path), files)
    chosen = card.tasks[0] if task is None else normalise_name(task)
    if chosen not in card.tasks:
        raise InputError(f"The task {task!r} is not served by --data ({', '.join(card.tasks)}).")
    info = {"sha256": local_sha256(path), "folder": str(Path(path).absolute()), "unverified": []}
    return build_data(card, chosen, arrays, info=info, seed=seed, split=split)


def local_protocols(path: PathLike, task: str = "node") -> tuple[str, ...]:
    """Return the protocols of a user's graph, its default first, without reading its arrays.

    ``public`` (the given masks) comes first when there are masks.

    Raises:
        DatasetNotFound: No such path, or no edges there.
    """
    return _card(Path(path), _files(path)).protocols.get(task, ())


def local_sha256(path: PathLike) -> str:
    """Return the identity of a user's graph: one SHA-256 over the files that would be read.

    Sorted pairs of role and checksum are hashed: renaming or moving the data changes nothing.

    Raises:
        DatasetNotFound: No such path, or no edges there.
    """
    from graphlab.datasets.checksums import file_digest
    from graphlab.io import canonical_json, sha256_bytes

    pairs = sorted((role, file_digest(file)) for role, file in _files(path).items())
    return sha256_bytes(canonical_json(pairs).encode())


def _files(path: PathLike) -> dict[str, Path]:
    """Find the files to read, by role; a single container has the role ``graph``."""
    place = Path(path).expanduser()
    if not place.exists():
        raise DatasetNotFound(f"{place}: no such file or folder.")
    if place.is_file() and place.suffix.lower() in {".npz", ".pt", ".pth"}:
        return {"graph": place}
    if place.is_file() and place.suffix.lower() not in _TABLES:
        raise InputError(
            f"{place} is not a graph: expected a folder, an .npz, a .pt dictionary, or an edge "
            "list (.csv .tsv .txt .npy)."
        )
    folder = place.parent if place.is_file() else place
    names = sorted(folder.iterdir())
    found: dict[str, Path] = {}
    for role, stems in _ROLES.items():
        endings = _ENDINGS.get(role, _TABLES)
        fits = [f for f in names if f.stem.lower() in stems and f.suffix.lower() in endings]
        if len(fits) > 1 and not (role == "edges" and place.is_file()):
            raise InputError(f"{folder} holds {fits[0].name} and {fits[1].name}: keep one of them.")
        if fits:
            found[role] = fits[0]
    if place.is_file():
        found = {role: file for role, file in found.items() if file != place} | {"edges": place}
    if "edges" not in found:
        raise DatasetNotFound(
            f"{folder} holds no edges: expected a file named edges.csv, .tsv, .txt or .npy."
        )
    given = [stage for stage in _STAGES if stage in found]
    if given and len(given) < len(_STAGES):
        raise InputError(f"{folder} holds {', '.join(given)} alone: give train, val and test.")
    return found


def _card(path: Path, files: Mapping[str, Path]) -> DatasetCard:
    name = normalise_name(path.resolve().stem)
    masks = "train" in files or ("graph" in files and _mentions_masks(files["graph"]))
    node = ("public", *_DRAWN) if masks else _DRAWN
    return DatasetCard(
        name=name,
        title="the user's own graph",
        loader="local",
        tasks=("node", "link"),
        protocols={"node": node, "link": ("random-85-5-10",)},
        metrics={"node": ("acc",), "link": ("hits@100", "mrr", "auc")},
    )


def _mentions_masks(file: Path) -> bool:
    """Whether a container names a training mask; looks at names, reads no array."""
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
            if any(n.removesuffix(".npy") in _MASK_NAMES for n in names):
                return True
            pickles = [n for n in names if n.endswith("data.pkl")]
            return any(b"train_mask" in archive.read(n) for n in pickles)
    except (zipfile.BadZipFile, OSError):
        return b"train_mask" in file.read_bytes()
