"""Topological concentration by random features, and what that estimates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from torch import Tensor

from graphlab.errors import InputError
from graphlab.ops._threads import run_blocks
from graphlab.ops.spmm import choose_backend, compiled_entry_products, reduce_rows
from graphlab.topology._counts import walks
from graphlab.topology._limit_kernels import walk_products
from graphlab.topology._limits import (
    MAX_WALKS,
    check_bytes,
    check_positive,
    check_vectors,
    check_walks,
)
from graphlab.topology._rows import Layout, Reading
from graphlab.topology._targets import Targets, splits_of, targets_of
from graphlab.topology._triangle_kernels import add_both_ends

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphlab.ops import Csr
    from graphlab.topology._rows import Edges, Rows

__all__ = ["approximate_topological_concentration", "atc_by_split"]

Similarity = Literal["cosine", "dot"]
_LEAST = 1e-6  # a product of two lengths below this counts as this
_BLOCK = 1 << 23  # numbers of one side of the edges, without the compiled products


def approximate_topological_concentration(
    train_edges: Edges,
    num_nodes: int | None,
    target: Edges | Mapping[str, Edges] | None = None,
    *,
    hops: int = 1,
    dim: int | None = 64,
    similarity: Similarity = "cosine",
    features: Any = None,  # noqa: ANN401  (tensor, array, nested list)
    generator: torch.Generator | None = None,
    isolated: Literal["zero", "official"] = "zero",
    dtype: torch.dtype | None = None,
    directed: str = "symmetrize",
    layout: Layout | None = None,
    block: int | None = None,
    max_walks: float = MAX_WALKS,
) -> Any:  # noqa: ANN401  (a tensor, or a mapping of tensors where target is one)
    r"""Return the approximate topological concentration (ATC) of every node [wang2024tc]_.

    Random features are averaged over lazy walks, and compared along the links of the target:

    .. math:: \mathbf E = \frac 1 K \sum_{k=1}^{K} \tilde{\mathbf P}^k \mathbf R, \qquad
        \mathrm{ATC}^t_i = \frac{1}{|N^t(i)|} \sum_{j \in N^t(i)} \cos(\mathbf E_i, \mathbf E_j)

    with :math:`\tilde{\mathbf P} = \tilde{\mathbf D}^{-1}(\mathbf A + \mathbf I)` of the training
    edges and independent normal numbers R of standard deviation 1 / dim. It is a random estimate
    of the cosines of :math:`\frac 1 K \sum_k \tilde{\mathbf P}^k`, not of the topological
    concentration, with which it correlates: it can be negative, and is not 0 where that is. The
    error falls with the root of ``dim``; ``dim=None`` returns its limit exactly.

    With K = 1, :func:`topological_concentration` is as a rule both exact and cheaper.

    Args:
        train_edges: As for :func:`topological_concentration`; loops do not count.
        num_nodes: Number of nodes.
        target: As there; several targets share one embedding.
        hops: K.
        dim: Number of random features; None for the limit, without random numbers.
        similarity: ``"cosine"`` or ``"dot"``, the plain inner product; its expectation falls as
            1 / dim, and ``dim=None`` returns it times dim.
        features: Use these in place of random numbers.
        generator: Source of the random numbers; None is one with seed 0.
        isolated: A node without training neighbours is 0 with ``"zero"``; ``"official"`` returns
            what comes out for it, which is noise.
        dtype: Of the computation; None is that of ``features``, else float32, for the limit
            float64.
        directed: As for :func:`topological_concentration`.
        layout: As there.
        block: As there, for ``dim=None``.
        max_walks: As there, for ``dim=None``.

    Shapes:
        - ``train_edges``, ``target``: (E, 2) or (2, E) integers, or a graph
        - ``features``: (n, d) float
        - returns: (n,) of ``dtype``, on the device of ``features``, else of ``train_edges``; or a
          mapping of these

    Raises:
        InputError: (a ``ValueError``) Edges of another shape or type, ids out of range, features
            with another number of rows, an impossible option.
        ResourceError: (a ``MemoryError``) The embedding would not fit, or the limit takes more
            than ``max_walks`` walks.

    Cost: time O(K d (m + n)), memory O(n d). The limit: time of the order of the walks of K + 1
    steps, memory O(m + n) for each thread. Results do not depend on the number of threads.

    Example:
        >>> triangle_and_tail = [[0, 1], [1, 2], [2, 0], [2, 3]]
        >>> found = approximate_topological_concentration(triangle_and_tail, 4, dim=None)
        >>> [round(value, 4) for value in found.tolist()]
        [0.933, 0.933, 0.8131, 0.7071]
    """
    reading = Reading(num_nodes, layout, "remove", directed)
    hops = check_positive("hops", hops)
    if dim is not None:
        dim = check_positive("dim", dim)
    elif features is not None:
        raise InputError("dim is None, the limit without features, but features are given.")
    _check_word("similarity", similarity, ("cosine", "dot"))
    _check_word("isolated", isolated, ("zero", "official"))
    if dtype is not None and not (isinstance(dtype, torch.dtype) and dtype.is_floating_point):
        raise InputError(f"dtype is {dtype!r}, expected a floating type such as torch.float32.")
    given = targets_of(train_edges, target, reading)
    if dim is None:
        threads_block = None if block is None else check_positive("block", block)
        found = _limit(given, hops, similarity, threads_block, max_walks)
        device, kind = given.train.device, dtype or torch.float64
    else:
        x = _features(features, given.train, dim, generator, dtype)
        device, kind = x.device, x.dtype
        found = _estimate(given, x, hops, similarity)
    if isolated == "zero":
        for values in found.values():
            values[torch.from_numpy(given.train.degree == 0).to(values.device)] = 0.0
    return given.result(lambda name: found[name].to(device, kind))


def atc_by_split(
    split_edge: Mapping[str, Any],
    num_nodes: int | None,
    hops: int = 1,
    *,
    dim: int | None = 64,
    similarity: Similarity = "cosine",
    features: Any = None,  # noqa: ANN401  (tensor, array, nested list)
    generator: torch.Generator | None = None,
    isolated: Literal["zero", "official"] = "zero",
    dtype: torch.dtype | None = None,
    directed: str = "symmetrize",
    layout: Layout | None = None,
    block: int | None = None,
    max_walks: float = MAX_WALKS,
) -> dict[str, Tensor]:
    """Return the approximate concentration of all three splits, by one embedding.

    Args:
        split_edge: As for :func:`tc_by_split`.
        num_nodes: Number of nodes.
        hops: K.
        dim: This and the others as for :func:`approximate_topological_concentration`.
        similarity: See there.
        features: See there.
        generator: See there.
        isolated: See there.
        dtype: See there.
        directed: See there.
        layout: See there.
        block: See there.
        max_walks: See there.

    Shapes:
        - returns: keys ``train``, ``val``, ``test``; each (n,)

    Raises:
        InputError: A split is missing, and as for :func:`approximate_topological_concentration`.
        ResourceError: As there.

    Example:
        >>> split = {"train": [[0, 1], [1, 2], [2, 0]], "valid": [[0, 3]], "test": []}
        >>> found = atc_by_split(split, 4, dim=None)
        >>> {name: [round(value, 4) for value in each.tolist()] for name, each in found.items()}
        {'train': [1.0, 1.0, 1.0, 0.0], 'val': [0.0, 0.0, 0.0, 0.0], 'test': [0.0, 0.0, 0.0, 0.0]}
    """
    edges = splits_of(split_edge)
    found: dict[str, Tensor] = approximate_topological_concentration(
        edges["train"],
        num_nodes,
        {**edges, "train": None},
        hops=hops,
        dim=dim,
        similarity=similarity,
        features=features,
        generator=generator,
        isolated=isolated,
        dtype=dtype,
        directed=directed,
        layout=layout,
        block=block,
        max_walks=max_walks,
    )
    return found


def _check_word(name: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise InputError(f"{name} is {value!r}, expected {' or '.join(map(repr, allowed))}.")


def _features(
    features: Any,  # noqa: ANN401
    train: Rows,
    dim: int,
    generator: torch.Generator | None,
    dtype: torch.dtype | None,
) -> Tensor:
    n = train.num_nodes
    if features is not None:
        x = torch.as_tensor(features).detach()
        if x.dim() != 2 or x.shape[0] != n:
            raise InputError(
                f"features has shape {tuple(x.shape)}, expected ({n}, d): one row a node."
            )
        if x.is_complex() or x.dtype == torch.bool:
            raise InputError(f"features has type {x.dtype}, expected real numbers.")
        own = x.dtype if x.is_floating_point() else torch.float32
        return x.to(dtype or own)
    kind = dtype or torch.float32
    check_bytes(
        4 * n * dim * kind.itemsize,
        f"Four matrices of {n} nodes and {dim} features",
        "Use a smaller dim.",
    )
    source = generator if generator is not None else torch.Generator().manual_seed(0)
    x = torch.randn((n, dim), generator=source, device=source.device, dtype=kind)
    return x.div_(dim).to(train.device)


def _estimate(given: Targets, x: Tensor, hops: int, similarity: str) -> dict[str, Tensor]:
    csr = given.train.csr().to(x.device)
    backend = choose_backend("auto", x)
    inverse = (csr.indptr.diff() + 1).to(x.dtype).reciprocal_().unsqueeze(1)
    embedding = torch.zeros_like(x)
    for _ in range(hops):
        x = reduce_rows(csr, x, None, "sum", backend).add_(x).mul_(inverse)
        embedding.add_(x)
    embedding.div_(hops)
    length = torch.linalg.vector_norm(embedding, dim=1)
    found = {}
    for name, rows in given.sets.items():
        links = csr if rows is given.train else rows.csr().to(x.device)
        if backend == "compiled":
            values = compiled_entry_products(links, embedding, embedding, None)
        else:
            values = _entry_products(links, embedding)
        if similarity == "cosine":
            scale = length[links.rows] * length[links.indices]
            values = values / scale.clamp_(min=_LEAST)
        ends = links.indptr
        sums = torch.segment_reduce(values.to(torch.float64), "sum", offsets=ends, initial=0.0)
        found[name] = sums / ends.diff().clamp(min=1)
    return found


def _entry_products(links: Csr, x: Tensor) -> Tensor:
    step = max(1, _BLOCK // max(x.shape[1], 1))
    parts = [
        (x[links.rows[at : at + step]] * x[links.indices[at : at + step]]).sum(1)
        for at in range(0, links.num_entries, step)
    ]
    return torch.cat(parts) if parts else x.new_zeros(0)


def _limit(
    given: Targets, hops: int, similarity: str, block: int | None, max_walks: float
) -> dict[str, Tensor]:
    train, names = given.train, list(given.sets)
    n = train.num_nodes
    number = float(walks(train, hops)[-1].sum())
    if block is None:
        check_walks(number, hops, max_walks)
    check_vectors(n, 7, None)
    pair_ptr, pair_ends = given.joined(names)
    product, square = np.zeros(pair_ends.size), np.ones(n)
    inverse = 1.0 / (train.degree + 1)

    def call(first: int, last: int) -> None:
        seen, mass, q, z = np.zeros(n, np.int64), np.zeros(2 * n), np.zeros(n), np.empty(2 * n)
        walk_products(
            *(train.indptr, train.columns, inverse, hops, pair_ptr, pair_ends, product, square),
            *(seen, mass, q, z, np.empty(n, np.int32), np.empty(n + 1, np.int32)),
            *(np.empty(hops, np.int64), first, last),
        )

    run_blocks(call, n, int(min(number, 2**62)), None, block)
    length, at, found = np.sqrt(square), 0, {}
    for name in names:
        rows = given.sets[name]
        values = product[at : at + rows.columns.size]
        at += rows.columns.size
        if similarity == "cosine":
            values = values / (np.repeat(length, rows.degree) * length[rows.columns])
        sums = np.zeros(n)
        add_both_ends(rows.indptr, rows.columns, values, sums)
        found[name] = torch.from_numpy(sums / np.maximum(rows.degree, 1))
    return found
