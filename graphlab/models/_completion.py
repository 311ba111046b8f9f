"""Parts of the NCN predictors: neighbour lists of pairs, and rows that are computed on demand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from graphlab.nn._link_convs import draw_key
from graphlab.ops.capping import cap_lists

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Lifted", "Lists", "Rows", "capped", "touched"]


@dataclass(frozen=True)
class Lists:
    """One list of nodes a pair.

    Args:
        ptr: Boundaries, (B + 1,) int64.
        nodes: Nodes of all lists, (nnz,).
        weight: One weight a node, or None for ones.
    """

    ptr: Tensor
    nodes: Tensor
    weight: Tensor | None = None

    @property
    def lengths(self) -> Tensor:
        """Length of each list, (B,)."""
        return self.ptr.diff()

    def owners(self) -> Tensor:
        """Pair that each entry belongs to, (nnz,)."""
        count = self.lengths
        pair = torch.arange(count.numel(), device=count.device)
        return pair.repeat_interleave(count, output_size=self.nodes.numel())


class Rows:
    """Rows of all nodes, which are there already."""

    def __init__(self, h: Tensor) -> None:
        self.h = h

    def ensure(self, nodes: Iterable[Tensor]) -> None:
        """Make sure that the rows of these nodes can be read from ``h``."""
        del nodes


class Lifted(Rows):
    r"""Rows :math:`\bar{\mathbf x} = \mathbf h + \mathrm{xlin}(\mathbf h)`, made when needed.

    Few nodes of a large graph stand in the lists of a batch; rows of the others are never read.
    Without gradients: these rows serve evaluation and inner scores, which have none.
    """

    def __init__(self, base: Rows, xlin: nn.Module) -> None:
        super().__init__(torch.empty_like(base.h, memory_format=torch.contiguous_format))
        self.h = self.h.detach()
        self._base, self._xlin = base, xlin
        self._done = torch.zeros(self.h.shape[0], dtype=torch.bool, device=self.h.device)

    def ensure(self, nodes: Iterable[Tensor]) -> None:
        """Compute the rows of these nodes that are missing."""
        wanted = touched(nodes, self._done) & ~self._done
        missing = wanted.nonzero().squeeze(1)
        if missing.numel() == 0:
            return
        self._base.ensure((missing,))
        with torch.no_grad():
            whole = missing.numel() == wanted.numel()
            rows = self._base.h if whole else self._base.h.index_select(0, missing)
            made = self._xlin(rows).add_(rows)
            if whole:
                self.h = made
            else:
                self.h.index_copy_(0, missing, made.to(self.h.dtype))
        self._done |= wanted

    def put(self, nodes: Tensor, rows: Tensor) -> None:
        """Take over rows that were computed elsewhere."""
        self.h.index_copy_(0, nodes, rows.detach().to(self.h.dtype))
        self._done[nodes] = True


def touched(nodes: Iterable[Tensor], like: Tensor) -> Tensor:
    """Return a mask of the nodes that stand in some list, shaped as ``like``."""
    mask = torch.zeros_like(like, dtype=torch.bool)
    for part in nodes:
        if part.device.type == "cpu":
            mask.numpy()[part.numpy()] = True  # takes 32-bit indices as they are
        else:
            mask[part.long()] = True
    return mask


def capped(lists: Lists, most: int, *, training: bool) -> Lists:
    """Replace each list longer than ``most`` by that many draws; see :func:`cap_lists`.

    In training the draws follow torch's global generator, in evaluation they are fixed, so that
    equal calls give equal scores.

    Args:
        lists: Lists without weights.
        most: Largest length; -1: no limit.
        training: Whether to draw anew.
    """
    if most == -1:
        return lists
    return Lists(*cap_lists(lists.ptr, lists.nodes, most, draw_key() if training else 0))
