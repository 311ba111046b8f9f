"""The score of NCN and NCNC, written once: pairs and a graph in, logits out."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, cast

import torch
from torch import Tensor, nn

from graphlab.models._completion import Lifted, Lists, Rows, capped, touched
from graphlab.nn._link_convs import draw_key
from graphlab.ops.common_neighbors import overlap_rows
from graphlab.ops.edges import drop_rows
from graphlab.ops.pair_product import pair_product, rows_and_products
from graphlab.ops.pooling import pool_lists

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from graphlab.models.ncn import NCN
    from graphlab.models.ncnc import NCNC

__all__ = ["Entries", "lift", "pair_scores", "pool", "spread"]


class Entries(NamedTuple):
    """Rows of an adjacency matrix, asymmetric after edge dropout: pointers and columns."""

    indptr: Tensor
    indices: Tensor


def pair_scores(
    model: NCN, rows: Rows, near: Entries, pairs: tuple[Tensor, Tensor], depth: int
) -> Tensor:
    """Return one logit a pair.

    Args:
        model: Its networks are used.
        rows: Rows h of all nodes.
        near: Neighbours of all nodes.
        pairs: Nodes i and nodes j, (B,) int64 each.
        depth: Levels of completion that follow; 0 is NCN.
    """
    if model.training and model.edge_dropout > 0:
        near = Entries(*drop_rows(*near, model.edge_dropout, draw_key()))
    src, dst = pairs
    found = overlap_rows(*near, src, dst, residuals=depth > 0)
    lists = [capped(Lists(found.cn_ptr, found.cn), model.max_common, training=model.training)]
    if depth > 0:
        assert found.src_ptr is not None and found.src_only is not None  # noqa: S101
        assert found.dst_ptr is not None and found.dst_only is not None  # noqa: S101
        most = model.residual_cap()
        for ptr, nodes in ((found.src_ptr, found.src_only), (found.dst_ptr, found.dst_only)):
            lists.append(capped(Lists(ptr, nodes), most, training=model.training))
    rows.ensure((src, dst))
    lifted, x, place, product = lift(model, rows, [each.nodes for each in lists], pairs)
    if depth > 0:
        ncnc: NCNC = model  # type: ignore[assignment]  # of all others the depth is 0
        lists[1:] = _completed(ncnc, lifted, near, pairs, lists[1:], depth=depth, product=product)
    filled = torch.stack([each.lengths for each in lists]).amax(0) > 0
    pooled = pool(x, place, lists, filled)
    common = spread(model.xcnlin, pooled, filled, training=model.training)
    logits: Tensor = model.lin(torch.addcmul(model.xijlin(product), model.beta, common))
    return logits.squeeze(-1)


def spread(mlp: nn.Sequential, pooled: Tensor, filled: Tensor, *, training: bool) -> Tensor:
    """Return ``mlp`` of all pairs, of which those that are not ``filled`` have a row of zeros.

    Of these the first linear layer gives its bias; in evaluation they share one result.

    Args:
        mlp: Begins with a linear layer.
        pooled: Rows of the filled pairs, (f, F).
        filled: Mask of the pairs, (B,).
        training: Whether ``mlp`` draws dropout, which each row needs for itself.
    """
    if pooled.shape[0] == filled.numel():
        out: Tensor = mlp(pooled)
        return out
    at = filled.nonzero().squeeze(1)
    if not training:
        empty: Tensor = mlp(pooled.new_zeros((1, pooled.shape[1])))
        return empty.expand(filled.numel(), -1).index_copy(0, at, mlp(pooled))
    first = cast("nn.Linear", mlp[0])
    start = first(pooled)
    bias = first.bias.to(start.dtype).expand(filled.numel(), -1)
    rest: Tensor = mlp[1:](bias.index_copy(0, at, start))
    return rest


def lift(
    model: NCN, rows: Rows, nodes: Sequence[Tensor], pairs: tuple[Tensor, Tensor]
) -> tuple[Rows, Tensor, Tensor | None, Tensor]:
    """Return rows with ``xlin`` added, what to pool from, and each pair's product of rows.

    What to pool from is a tensor and, where it does not hold all nodes, each node's place in it.
    """
    if model.xlin is None:
        rows.ensure(nodes)
        return rows, rows.h, None, pair_product(rows.h, *pairs)
    lifted = Lifted(rows, model.xlin)
    if not torch.is_grad_enabled():
        lifted.ensure(nodes)
        return lifted, lifted.h, None, pair_product(rows.h, *pairs)
    mask = touched(nodes, rows.h.new_zeros(rows.h.shape[0], dtype=torch.bool))
    ids = mask.nonzero().squeeze(1)
    whole = ids.numel() == mask.numel()
    if whole:
        given, product = rows.h, pair_product(rows.h, *pairs)
    else:
        given, product = rows_and_products(rows.h, ids, *pairs)
    made = given + model.xlin(given)
    lifted.put(ids, made)
    if whole:
        return lifted, made, None, product
    place = torch.zeros(mask.numel(), dtype=nodes[0].dtype, device=mask.device)
    place[ids] = torch.arange(ids.numel(), dtype=place.dtype, device=place.device)
    return lifted, made, place, product


def pool(x: Tensor, place: Tensor | None, lists: Sequence[Lists], filled: Tensor) -> Tensor:
    """Return the sum of all lists of each filled pair, (f, F)."""
    whole = bool(filled.all())
    total: Tensor | None = None
    for each in lists:
        nodes = each.nodes if place is None else place.index_select(0, each.nodes)
        # lists left out are empty, so the boundaries of the others stay what they are
        ptr = each.ptr if whole else torch.cat([each.ptr[:1], each.ptr[1:][filled]])
        weight = None if each.weight is None else each.weight.to(x.dtype)
        part = pool_lists(x, ptr, nodes, weight)
        total = part if total is None else total + part
    assert total is not None  # noqa: S101  (there is at least one list)
    return total


def _completed(
    model: NCNC,
    lifted: Rows,
    near: Entries,
    pairs: tuple[Tensor, Tensor],
    lists: Sequence[Lists],
    *,
    depth: int,
    product: Tensor,
) -> list[Lists]:
    """Weight neighbours of one end alone by the score of the edge to the other end."""
    src, dst = pairs
    owners = [each.owners() for each in lists]
    a = torch.cat([dst.index_select(0, owners[0]), src.index_select(0, owners[1])])
    b = torch.cat([each.nodes for each in lists]).long()
    with torch.no_grad(), _inner_mode(model):
        logits = _inner(model, lifted, near, (a, b), depth - 1)
        p0 = torch.sigmoid(model.scale * (logits - model.offset))
    if model.ptlin is None:
        odds = model.pt * p0
    else:
        pt = model.ptlin(product).squeeze(-1)
        odds = pt.index_select(0, torch.cat(owners)) * p0
    weight = model.alpha * odds / (odds + 1 - p0)
    parts = torch.split(weight, [each.nodes.numel() for each in lists])
    return [
        Lists(each.ptr, each.nodes, part if each.weight is None else part * each.weight)
        for each, part in zip(lists, parts, strict=True)
    ]


def _inner(
    model: NCNC, lifted: Rows, near: Entries, pairs: tuple[Tensor, Tensor], depth: int
) -> Tensor:
    """Score the inner pairs: equal ones once, in chunks of ``split_size``."""
    a, b = pairs
    place: Tensor | None = None
    if model.dedup and a.numel():
        n = near.indptr.numel() - 1
        keys = torch.minimum(a, b) * n + torch.maximum(a, b)
        key, place = torch.unique(keys, return_inverse=True)
        a, b = torch.div(key, n, rounding_mode="floor"), key % n
    step = model.split_size if model.split_size > 0 else max(a.numel(), 1)
    parts = [
        pair_scores(model, lifted, near, part, depth)
        for part in zip(torch.split(a, step), torch.split(b, step), strict=True)
    ]
    logits = torch.cat(parts) if len(parts) > 1 else parts[0]
    return logits if place is None else logits.index_select(0, place)


@contextmanager
def _inner_mode(model: NCNC) -> Iterator[None]:
    """Score inner pairs in evaluation mode where the model says so."""
    switch = model.training and not model.inner_train_mode
    if switch:
        model.eval()
    try:
        yield
    finally:
        if switch:
            model.train()
