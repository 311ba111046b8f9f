"""Positions in a tree of clusters: as a bias of attention, and as vectors added to tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from graphlab.errors import InputError
from graphlab.nn._encoder_checks import size
from graphlab.ops._autograd import first_order

__all__ = ["HierarchicalPE", "TreeBias"]

_KINDS = ("lca", "spd", "abs")
_HOPS = 18  # 0 to 16, and 17: farther, or not at all
_FACTS = 3  # of HACTree.absolute


@dataclass(frozen=True)
class TreeBias:
    """A number for each pair of tokens and head: how far up they first share a cluster.

    Args:
        weight: One number a level and head.
        level: Level of each token; None: all are nodes.
        clusters: Cluster of each token on every level; None: tokens of a sequence lie on one path
            from the root, so that the higher of two contains the other.

    Shapes:
        - ``weight``: (R, H); ``level``: (S, L) int64; ``clusters``: (S, L, T) int64
    """

    weight: Tensor
    level: Tensor | None
    clusters: Tensor | None

    def table(self) -> Tensor:
        """Return all pairs, (S, H, L, L); S is 1 where the levels of all sequences are the same."""
        level = self.level
        if level is not None and self.clusters is None and level.stride(0) == 0:
            level = level[:1]
        parts = None if level is None else (level[:, :, None], level[:, None])
        clusters = None if self.clusters is None else self.clusters.permute(2, 0, 1).int()
        pairs = None if clusters is None else (clusters[..., None], clusters[:, :, None])
        return self._bias(parts, pairs)

    def blocks(self, count: int, window: int) -> Tensor:
        """Return pairs of a block with itself and the block before, (S c, H, w, 2 w)."""

        def cut(value: Tensor) -> tuple[Tensor, Tensor]:
            rows = nn.functional.pad(value, (0, count * window - value.shape[-1]))
            rows = torch.unflatten(rows, -1, (count, window))
            first = torch.zeros_like(rows[..., :1, :])
            earlier = torch.cat([first, rows[..., :-1, :]], -2)
            both = torch.cat([earlier, rows], -1)
            # each block of each sequence is one row
            return rows.flatten(-3, -2)[..., None], both.flatten(-3, -2)[..., None, :]

        level = None if self.level is None else cut(self.level)
        clusters = None if self.clusters is None else cut(self.clusters.permute(2, 0, 1).int())
        return self._bias(level, clusters)

    def _bias(
        self, level: tuple[Tensor, Tensor] | None, clusters: tuple[Tensor, Tensor] | None
    ) -> Tensor:
        """Return the bias (B, H, ...) of pairs: levels (B, ...), clusters of each level first."""
        most = self.weight.shape[0] - 1
        shared = None
        if level is not None:
            shared = torch.maximum(*(side.clamp(max=most).to(torch.uint8) for side in level))
        if clusters is not None:
            one, other = clusters
            apart: Tensor | None = None
            for r in range(min(one.shape[0], most)):  # who shares a cluster shares all above it
                differ = (one[r] != other[r]).view(torch.uint8)
                apart = differ if apart is None else apart.add_(differ)
            if apart is not None:
                shared = apart if shared is None else torch.maximum(shared, apart)
        assert shared is not None  # noqa: S101  (HierarchicalPE gives one of them)
        found: Tensor = _OfLevels.apply(self.weight, shared)  # type: ignore[no-untyped-call]
        return found


class _OfLevels(torch.autograd.Function):
    """The numbers of levels, heads first: ``weight[shared]`` without an index that is sorted."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, shared: Tensor) -> Tensor:  # noqa: ANN401
        ctx.save_for_backward(shared)
        ctx.rows = weight.shape[0]
        place = shared.flatten().int()
        out = weight.new_empty(shared.shape[0], weight.shape[1], *shared.shape[1:])
        for head, column in enumerate(weight.t().contiguous()):
            out[:, head] = column.index_select(0, place).view(shared.shape)
        return out

    @staticmethod
    @first_order
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:  # noqa: ANN401
        (shared,) = ctx.saved_tensors
        place = shared.flatten().int()
        sums = [
            grad.new_zeros(ctx.rows).index_add_(0, place, head.flatten())
            for head in grad.transpose(0, 1)
        ]
        return torch.stack(sums, 1), None


class HierarchicalPE(nn.Module):
    r"""Learnt encodings of positions in a tree of clusters [behrouz2025]_.

    The paper describes relative positions by shortest paths between clusters at several
    granularities and gives no formula; all three here are ours:

    - ``"lca"``: a number for each level and head, added to the attention of two tokens whose lowest
      common cluster is on this level (:class:`TreeBias`); twice the level is their distance in the
      tree.
    - ``"spd"``: tokens in leaf order: on every level the hops between a token's cluster and that of
      the token before, at most 16, 17 for more; an embedding for each level, summed.
    - ``"abs"``: size, place among siblings and depth of a token's cluster, through a linear layer.

    Args:
        channels: Width d of tokens.
        kinds: Names joined by ``+``; ``"none"`` for none.
        heads: Heads of the attention.
        max_levels: Levels that are told apart; higher ones count as the last.

    Raises:
        InputError: An unknown name, a size below 1.

    Example:
        >>> pe = HierarchicalPE(8, "lca+abs", heads=2)
        >>> pe.of_tokens(torch.ones(5, 3)).shape
        torch.Size([5, 8])
        >>> level = torch.tensor([[2, 1, 0]])
        >>> pe.bias(level=level).table().shape
        torch.Size([1, 2, 3, 3])
    """

    def __init__(
        self, channels: int, kinds: str = "lca+abs", *, heads: int = 4, max_levels: int = 32
    ) -> None:
        super().__init__()
        self.channels, self.levels = size("channels", channels), size("max_levels", max_levels)
        named = [] if kinds == "none" else [kind.strip() for kind in kinds.split("+")]
        for kind in named:
            if kind not in _KINDS or named.count(kind) > 1:
                raise InputError(
                    f"pe is {kinds!r}, expected 'none' or some of {', '.join(_KINDS)} joined by "
                    "'+', each once."
                )
        self.kinds = tuple(named)
        shape = (max_levels + 1, size("heads", heads))
        self.lca = nn.Parameter(torch.empty(shape)) if "lca" in named else None
        self.spd = nn.Embedding(max_levels * _HOPS, channels) if "spd" in named else None
        self.abs = nn.Linear(_FACTS, channels) if "abs" in named else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all weights anew; the bias of attention starts at 0."""
        if self.lca is not None:
            nn.init.zeros_(self.lca)
        if self.spd is not None:
            nn.init.normal_(self.spd.weight, std=0.02)
        if self.abs is not None:
            self.abs.reset_parameters()

    def of_tokens(self, absolute: Tensor) -> Tensor | None:
        """Return the vectors of ``"abs"`` (..., d) for facts (..., 3); None without it."""
        if self.abs is None:
            return None
        out: Tensor = self.abs(absolute.to(self.abs.weight.dtype))
        return out

    def of_steps(self, hops: Tensor) -> Tensor | None:
        """Return the vectors of ``"spd"`` (n, d) for hops (T, n); None without it."""
        if self.spd is None:
            return None
        level = torch.arange(hops.shape[0], device=hops.device).clamp(max=self.levels - 1)
        out: Tensor = self.spd(level[:, None] * _HOPS + hops).sum(0)
        return out

    def bias(self, *, level: Tensor | None = None, clusters: Any = None) -> TreeBias | None:  # noqa: ANN401
        """Return the bias of ``"lca"`` for tokens as :class:`TreeBias` takes them, or None."""
        if self.lca is None or (level is None and clusters is None):
            return None
        return TreeBias(self.lca, level, clusters)

    def extra_repr(self) -> str:
        """Show the kinds."""
        return f"{self.channels}, {'+'.join(self.kinds) or 'none'}"
