"""Edge weights that follow how well a node's neighbours agree, and concentration under weights."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor

from graphlab.errors import InputError
from graphlab.ops.segment import scatter_softmax
from graphlab.ops.spmm import spmm
from graphlab.topology._counts import common_counts
from graphlab.topology._rows import Reading

if TYPE_CHECKING:
    from collections.abc import Callable

    from graphlab.topology._rows import Edges, Layout, Rows

__all__ = ["oracle_reweight_edges", "reweight_edges", "reweighted_tc"]

Orientation = Literal["official", "receiver"]
_BLOCK = 1 << 24  # numbers of the features of entries that are scored at a time
_INTEGERS = (torch.int64, torch.int32)


@torch.no_grad()
def reweight_edges(
    H: Tensor,
    edge_index: Tensor,
    *,
    base_weight: Tensor,
    aug_weight: Tensor,
    scorer: Callable[[Tensor], Tensor],
    alpha: float = 1.0,
    orientation: Orientation = "official",
) -> Tensor:
    r"""Add to each base weight a share that grows with how likely a link is [wang2024tc]_.

    Entry (u, v) of the matrix weights the message from v to u: :math:`(W X)_u = \sum_v W_{uv} X_v`.

    .. math:: N = W^{\mathrm{aug}} H, \quad q_{uv} = \mathrm{scorer}(N_v \odot H_u), \quad
        W'_{uv} = W_{uv} + \alpha \, \frac{\exp q_{uv}}{\sum_{u'} \exp q_{u'v}} \sum_{u'} W_{u'v}

    The authors' code normalises over the receivers u of messages from v, ``"official"``;
    ``"receiver"`` is the transpose, over the senders v to one receiver u, with
    :math:`q_{uv} = \mathrm{scorer}(N_u \odot H_v)` and :math:`\sum_{v'} W_{uv'}`. Weights are made
    from the base each time, they do not accumulate. Nothing is differentiated.

    Args:
        H: Embeddings of the nodes, from an encoder in evaluation mode.
        edge_index: Entries: row u (receiver) and column v (sender), as a rule both directions of
            the training edges and a loop at each node.
        base_weight: W, one an entry.
        aug_weight: The weights that average neighbours for the scorer, one an entry.
        scorer: Maps features (b, C) to (b,) or (b, 1) numbers q; in the paper, the sigmoid of the
            link predictor. As q is within (0, 1), shares differ by a factor of e at most. Called
            on blocks of entries.
        alpha: How much is added: with 1, the added weights sum to as much as the base weights.
        orientation: See above.

    Shapes:
        - ``H``: (n, C) float; ``edge_index``: (2, m) integer; weights: (m,)
        - returns: (m,), type and device of ``base_weight``

    Raises:
        InputError: Shapes that do not fit, node ids out of range, an unknown orientation.

    Cost: one sparse product, and the scorer on m entries.

    Example:
        >>> edges = torch.tensor([[0, 1, 0, 1], [0, 0, 1, 1]])
        >>> half = torch.full((4,), 0.5)
        >>> weights = {"base_weight": half, "aug_weight": half}
        >>> reweight_edges(torch.ones(2, 3), edges, scorer=lambda x: x.sum(1), **weights).tolist()
        [1.0, 1.0, 1.0, 1.0]
    """
    row, col = _checked_entries(H, edge_index, base_weight=base_weight, aug_weight=aug_weight)
    if isinstance(alpha, bool) or not isinstance(alpha, int | float) or not math.isfinite(alpha):
        raise InputError(f"alpha is {alpha!r}, expected a finite number.")
    if orientation not in ("official", "receiver"):
        raise InputError(f"orientation is {orientation!r}, expected 'official' or 'receiver'.")
    nearby = spmm(torch.stack([col, row]), H, edge_weight=aug_weight)
    center, member = (col, row) if orientation == "official" else (row, col)
    step = max(1, _BLOCK // max(H.shape[1], 1))
    parts = [
        scorer(nearby[center[at : at + step]] * H[member[at : at + step]])
        for at in range(0, row.numel(), step)
    ]
    q = torch.cat(parts) if parts else base_weight.new_zeros(0)
    if q.numel() != row.numel():
        raise InputError(
            f"scorer returned {q.numel()} numbers for {row.numel()} entries, expected one each."
        )
    share = scatter_softmax(q.reshape(-1), center, H.shape[0]).to(base_weight.dtype)
    total = base_weight.new_zeros(H.shape[0]).index_add(0, center, base_weight)
    return base_weight + alpha * share * total[center]


@torch.no_grad()
def oracle_reweight_edges(
    edge_index: Tensor,
    *,
    base_weight: Tensor,
    train_edges: Edges,
    val_edges: Edges,
    num_nodes: int,
    layout: Layout | None = None,
) -> Tensor:
    r"""Add to each base weight a share that grows with true overlap, read from validation links.

    An upper bound for analysis, never for training: it sees validation links. The score
    :math:`|N^{\mathrm{train}}(u) \cap N^{\mathrm{val}}(v)| / |N^{\mathrm{train}}(u)|` of entry
    (u, v) is divided by the sum over its column v (0 where that is 0) and added [wang2024tc]_.

    Args:
        edge_index: Entries: row u and column v.
        base_weight: One an entry.
        train_edges: Training edges.
        val_edges: Validation edges.
        num_nodes: Number of nodes.
        layout: Needed for edges of shape (2, 2) alone.

    Shapes:
        - ``edge_index``: (2, m) integer; ``base_weight``: (m,); edges: (E, 2) or (2, E) integers
        - returns: (m,), type and device of ``base_weight``

    Raises:
        InputError: Shapes that do not fit, node ids out of range.

    Example:
        >>> edges = torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]])
        >>> oracle_reweight_edges(
        ...     edges, base_weight=torch.ones(4), train_edges=edges,
        ...     val_edges=[[2], [0]], num_nodes=3, layout="(2, E)",
        ... ).tolist()
        [1.0, 2.0, 2.0, 1.0]
    """
    reading = Reading(num_nodes, layout)
    train, val = reading.rows(train_edges, "train_edges"), reading.rows(val_edges, "val_edges")
    like = base_weight.new_empty((num_nodes, 0))
    row, col = _checked_entries(like, edge_index, base_weight=base_weight)
    shared = common_of(train, val, row, col).to(base_weight)
    degree = train.csr().indptr.diff().clamp(min=1).to(base_weight)
    score = shared / degree[row]
    total = base_weight.new_zeros(num_nodes).index_add(0, col, score)[col]
    return base_weight + torch.where(total > 0, score / total, 0.0)


@torch.no_grad()
def reweighted_tc(
    train_edges: Edges,
    num_nodes: int,
    *,
    edge_index: Tensor,
    edge_weight: Tensor,
    layout: Layout | None = None,
) -> Tensor:
    r"""Return the concentration of training links, averaged by weights in place of counts.

    .. math:: \mathrm{TC}_i(w) = \sum_u \hat w_{ui}
        \frac{|N^{\mathrm{train}}(u) \cap N^{\mathrm{train}}(i)|}{d_i}, \qquad
        \hat w_{ui} = \frac{w_{ui}}{\sum_{u' \ne i} w_{u'i}}

    Shows what edge weights do to the messages that a node receives [wang2024tc]_. Loops do not
    count; 0 where a node has no other entry, where the authors' code gives NaN.

    Args:
        train_edges: Training edges.
        num_nodes: Number of nodes.
        edge_index: Entries: neighbour u (row) and node i (column).
        edge_weight: w, one an entry.
        layout: Needed for training edges of shape (2, 2) alone.

    Shapes:
        - ``train_edges``: (E, 2) or (2, E) integers; ``edge_index``: (2, m) integer;
          ``edge_weight``: (m,)
        - returns: (n,) float64, on the device of ``edge_weight``

    Raises:
        InputError: Shapes that do not fit, node ids out of range.

    Cost: one intersection an entry.

    Example:
        >>> triangle = torch.tensor([[0, 1, 1, 2, 2, 0], [1, 0, 2, 1, 0, 2]])
        >>> reweighted_tc(triangle, 3, edge_index=triangle, edge_weight=torch.ones(6)).tolist()
        [0.5, 0.5, 0.5]
    """
    train = Reading(num_nodes, layout).rows(train_edges, "train_edges")
    like = edge_weight.new_empty((num_nodes, 0))
    row, col = _checked_entries(like, edge_index, edge_weight=edge_weight)
    kept = row != col
    row, col, weight = row[kept], col[kept], edge_weight[kept].to(torch.float64)
    total = weight.new_zeros(num_nodes).index_add(0, col, weight)
    share = torch.where(total[col] > 0, weight / total[col], 0.0)
    shared = common_of(train, train, row, col).to(weight)
    degree = train.csr().indptr.diff().clamp(min=1).to(weight)
    return weight.new_zeros(num_nodes).index_add(0, col, share * shared / degree[col])


def common_of(first: Rows, second: Rows, u: Tensor, v: Tensor) -> Tensor:
    """Return |first(u) & second(v)| of some node pairs, (m,) float64 on the CPU."""
    ends, order = torch.sort(u.cpu(), stable=True)
    pair_ptr = torch.searchsorted(ends, torch.arange(first.num_nodes + 1)).numpy()
    count = common_counts(first, second, pair_ptr, v.cpu()[order].numpy())
    out = torch.empty(count.size, dtype=torch.float64)
    out[order] = torch.from_numpy(count)
    return out


def _checked_entries(H: Tensor, edge_index: Any, **weights: Tensor) -> tuple[Tensor, Tensor]:  # noqa: ANN401
    if H.dim() != 2:
        raise InputError(f"H has shape {tuple(H.shape)}, expected (n, C).")
    index = torch.as_tensor(edge_index, device=H.device)
    if index.dim() != 2 or index.shape[0] != 2 or index.dtype not in _INTEGERS:
        raise InputError(
            f"edge_index is {index.dtype} of shape {tuple(index.shape)}, expected (2, m) int64."
        )
    index = index.to(torch.int64)
    if index.numel():
        low, high = (int(v) for v in index.aminmax())
        if low < 0 or high >= H.shape[0]:
            raise InputError(
                f"edge_index holds node {low if low < 0 else high}, but there are {H.shape[0]} "
                f"nodes (ids must be 0..{H.shape[0] - 1})."
            )
    for name, weight in weights.items():
        if weight.shape != (index.shape[1],) or not weight.is_floating_point():
            raise InputError(
                f"{name} is {weight.dtype} of shape {tuple(weight.shape)}, expected one floating "
                f"number for each of the {index.shape[1]} entries."
            )
    return index[0], index[1]
