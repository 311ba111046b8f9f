"""Node splits by protocol: which nodes train, which validate, which are tested.

Every draw comes from ``numpy.random.default_rng(seed)``, so a seed gives the same split on every
platform. Protocols are those of the data specification, section 5.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, SupportsIndex

import numpy as np
import torch
from torch import Tensor

from graphlab.datasets.arrays import Array, Ints, read_npz, reading
from graphlab.errors import InputError
from graphlab.registry import nearest, normalise_name

if TYPE_CHECKING:
    from graphlab.datasets.loading import LoadedData
    from graphlab.graph import Graph

__all__ = [
    "PROTOCOLS",
    "canonical_protocol",
    "check_seed",
    "class_labels",
    "make_split",
    "part_digest",
    "split_digest",
]

Split = dict[str, Tensor]
Masks = Mapping[str, Array]

_STAGES = ("train", "val", "test")
_TRAIN, _VAL = 20, 30  # nodes of each class, protocol random-20-30 [shchur2018]


def make_split(data: LoadedData, protocol: str, seed: int, *, fold: int | None = None) -> Split:
    """Return the masks of a protocol.

    ====================  ========================================================================
    ``public``            Planetoid's fixed masks; karate's; debdeps: 20 nodes a class, 500, 1000;
                          masks of the user's own files
    ``geom-gcn``          ten stored 48/32/20 masks [pei2020]_; they leave some nodes out
    ``random-20-30``      20 nodes of each class train, 30 validate, the rest is tested
    ``random-20-30-lcc``  the same inside the largest connected component
    ``stored-10``         the ten masks that come with the set
    ``official``          the one split that OGB publishes with the set
    ====================  ========================================================================

    Args:
        data: A loaded set with node labels.
        protocol: One of the above; ``planetoid-public`` is an alias of ``public``.
        seed: Seed of a drawn split; of stored ones it selects column ``seed`` mod their number.
        fold: Selects the stored column directly.

    Returns:
        ``train``, ``val``, ``test``: bool masks (n,), disjoint.

    Raises:
        InputError: Unknown protocol, or the set does not have it; a class has too few nodes.

    Cost: O(n + C n) for drawn splits, plus O(m) once for the component.

    Example:
        >>> from graphlab.datasets import load
        >>> split = make_split(load("sbm-tiny"), "random-20-30", seed=0)
        >>> {stage: int(mask.sum()) for stage, mask in split.items()}
        {'train': 80, 'val': 120, 'test': 200}
    """
    name = canonical_protocol(protocol)
    check_seed(seed)
    masks = PROTOCOLS[name](data, seed, fold)
    return {stage: torch.from_numpy(masks[stage].copy()) for stage in _STAGES}


def part_digest(mask: Tensor) -> str:
    """Return the SHA-256 of the sorted node ids of one part, as little-endian int64."""
    from graphlab.io import sha256_bytes

    ids = mask.nonzero().squeeze(1).cpu().numpy().astype("<i8")
    return sha256_bytes(ids.tobytes())


def split_digest(split: Mapping[str, Tensor]) -> str:
    """Return one SHA-256 for a split: over the digests of its parts, see :func:`part_digest`."""
    from graphlab.io import canonical_json, sha256_bytes

    parts = {stage: part_digest(mask) for stage, mask in split.items()}
    return sha256_bytes(canonical_json(parts).encode())


def check_seed(seed: SupportsIndex) -> None:
    """Refuse what is no seed of a split.

    Raises:
        InputError: Not an integer, or negative.
    """
    try:
        fits = not isinstance(seed, bool) and operator.index(seed) >= 0
    except TypeError:
        fits = False
    if not fits:
        raise InputError(f"seed is {seed!r}; expected an integer >= 0.")


def class_labels(data: LoadedData) -> Tensor:
    """Return the classes of the nodes, (n,) int64 on the CPU; -1 is none.

    Raises:
        InputError: A set of graphs, no labels, several targets a node, or targets that are no
            whole numbers.
    """
    if isinstance(data.graph, list):
        raise InputError(
            f"{data.name} is a set of {len(data.graph)} graphs; nodes are classified in one graph."
        )
    y: Tensor | None = data.graph.y
    if y is None:
        raise InputError(f"{data.name} has no node labels: its nodes cannot be classified.")
    if y.dim() > 1 and y.numel() != y.shape[0]:
        raise InputError(
            f"{data.name} has labels of shape {tuple(y.shape)}, expected one class a node."
        )
    labels = y.cpu().reshape(-1)
    if data.card.loader == "ogb" and labels.is_floating_point():
        labels = labels.nan_to_num(nan=-1.0)  # OGB's word for unlabelled
    classes = labels.long()
    if labels.is_floating_point() and not torch.equal(classes.to(labels.dtype), labels):
        wrong = labels[classes.to(labels.dtype) != labels][0].item()
        raise InputError(f"{data.name} has the label {wrong:g}; classes are whole numbers.")
    return classes


def canonical_protocol(protocol: str) -> str:
    """Return the id of a node protocol; case and ``_`` or ``-`` do not matter.

    Raises:
        InputError: Unknown; suggests the nearest.

    Example:
        >>> canonical_protocol("planetoid_public")
        'public'
    """
    name = normalise_name(protocol)
    name = {"planetoid-public": "public"}.get(name, name)
    if name not in PROTOCOLS:
        near = nearest(name, list(PROTOCOLS), n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise InputError(f"{protocol!r} is not a node protocol ({', '.join(PROTOCOLS)}).{hint}")
    return name


def _geom_gcn(data: LoadedData, seed: int, fold: int | None) -> Masks:
    if "geom-gcn" not in data.stored_splits:
        data.stored_splits["geom-gcn"] = _read_geom_gcn(data)
    return _stored("geom-gcn", data, seed, fold)


def _read_geom_gcn(data: LoadedData) -> dict[str, Tensor]:
    """Read the ten files, from the root or a mirror, after their checksums."""
    from graphlab.datasets.files import split_folder

    if "geom-gcn" not in data.card.splits:
        raise _not_offered(data, "geom-gcn")
    folder = split_folder(data.card, "geom-gcn", data.root)
    files = [folder / name for name in data.card.splits["geom-gcn"].files]
    masks = [read_npz(path, [f"{stage}_mask" for stage in _STAGES]) for path in files]
    with reading(files[0]):
        stacked = {s: np.stack([m[f"{s}_mask"] for m in masks], 1).astype(bool) for s in _STAGES}
        if stacked["train"].shape[0] != data.graph.num_nodes:
            raise ValueError("the masks are of another graph")
    return {stage: torch.from_numpy(mask) for stage, mask in stacked.items()}


def _stored(protocol: str, data: LoadedData, seed: int, fold: int | None) -> Masks:
    """Return one column of stored masks."""
    if protocol not in data.stored_splits:
        raise _not_offered(data, protocol)
    masks = data.stored_splits[protocol]
    count = masks["train"].shape[1]
    if fold is not None and not 0 <= fold < count:
        raise InputError(
            f"split {fold} of {data.name} was asked for; {protocol} has {count} (0..{count - 1})."
        )
    column = seed % count if fold is None else fold
    return {stage: mask[:, column].cpu().numpy() for stage, mask in masks.items()}


def _official(data: LoadedData, seed: int, fold: int | None) -> Masks:
    del seed  # there is one split
    if fold is not None and fold != 0:
        raise InputError(f"split {fold} of {data.name} was asked for; official has 1 (0..0).")
    parts = data.official_split
    return _from_ids(data.graph.num_nodes, *(parts[stage].numpy() for stage in _STAGES))


def _random(data: LoadedData, seed: int, fold: int | None) -> Masks:
    _no_fold(data, "random-20-30", fold)
    labels = class_labels(data).numpy()
    return _drawn(labels, np.arange(labels.size), data, seed, "random-20-30")


def _random_lcc(data: LoadedData, seed: int, fold: int | None) -> Masks:
    _no_fold(data, "random-20-30-lcc", fold)
    graph: Graph = data.graph
    inside = graph.cached("largest-component", lambda: _largest_component(graph))
    return _drawn(class_labels(data).numpy(), inside, data, seed, "random-20-30-lcc")


def _drawn(labels: Ints, among: Ints, data: LoadedData, seed: int, protocol: str) -> Masks:
    """Draw from the nodes ``among``; positions in that list are mapped back to node ids."""
    rng = np.random.default_rng(seed)
    here = labels[among]
    sizes = np.bincount(here[here >= 0], minlength=data.num_classes)
    if sizes.size == 0 or sizes.min() <= _TRAIN + _VAL:
        told = ", ".join(f"class {label}: {size}" for label, size in enumerate(sizes.tolist()))
        raise InputError(
            f"{protocol} takes {_TRAIN} training and {_VAL} validation nodes of each class and "
            f"tests the rest, but {data.name} has too few ({told}). Use another protocol, or "
            "give masks."
        )
    parts: tuple[list[Ints], list[Ints], list[Ints]] = ([], [], [])
    for label in range(data.num_classes):
        order = among[rng.permutation(np.flatnonzero(here == label))]
        for part, ids in zip(parts, np.split(order, [_TRAIN, _TRAIN + _VAL]), strict=True):
            part.append(ids)
    return _from_ids(labels.size, *(np.concatenate(part) for part in parts))


def _largest_component(graph: Graph) -> Ints:
    """Nodes of the largest connected component (edge direction ignored), ascending.

    Of several the one with the smallest node.
    """
    from scipy.sparse.csgraph import connected_components

    labels = connected_components(graph.to_scipy(), directed=True, connection="weak")[1]
    sizes = np.bincount(labels)[labels]
    first = int(np.argmax(sizes == sizes.max(initial=0)))
    return np.flatnonzero(labels == labels[first])


def _from_ids(num_nodes: int, *parts: Ints) -> Masks:
    masks = {stage: np.zeros(num_nodes, bool) for stage in _STAGES}
    for mask, ids in zip(masks.values(), parts, strict=True):
        mask[ids] = True
    return masks


def _no_fold(data: LoadedData, protocol: str, fold: int | None) -> None:
    if fold is not None:
        raise InputError(
            f"split {fold} of {data.name} was asked for, but {protocol} is drawn from a seed and "
            "stores none; give seed instead."
        )


def _not_offered(data: LoadedData, protocol: str) -> InputError:
    offered = ", ".join(data.card.protocols.get("node", ())) or "none"
    return InputError(f"{data.name} has no {protocol} split (it offers: {offered}).")


PROTOCOLS: dict[str, Callable[[LoadedData, int, int | None], Masks]] = {
    "public": partial(_stored, "public"),
    "geom-gcn": _geom_gcn,
    "random-20-30": _random,
    "random-20-30-lcc": _random_lcc,
    "stored-10": partial(_stored, "stored-10"),
    "official": _official,
}
