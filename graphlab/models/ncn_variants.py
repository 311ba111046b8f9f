"""Ablations of NCN: neighbours of one end alone, and neighbours at two hops."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from graphlab.models._completion import Lists, Rows, capped
from graphlab.models._link_model import pool_mlp
from graphlab.models._pair_scores import Entries, lift, pool, spread
from graphlab.models.ncn import NCN
from graphlab.nn._link_convs import draw_key
from graphlab.ops.common_neighbors import adjacency, overlap_rows
from graphlab.ops.edges import drop_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["NCN2", "NCNdiff"]


class _WithMore(NCN):
    """NCN with a second pooled part, which has a network of its own."""

    def score(self, h: Tensor, graph: Any, pairs: Tensor) -> Tensor:  # noqa: ANN401
        """Return one logit a pair; see :meth:`LinkModel.score`."""
        structure, pairs = self._checked(h, graph, pairs)
        csr = adjacency(structure)
        near = Entries(csr.indptr, csr.indices)
        if self.training and self.edge_dropout > 0:
            near = Entries(*drop_rows(*near, self.edge_dropout, draw_key()))
        src, dst = pairs.unbind()
        lists = [
            capped(each, self.max_common, training=self.training)
            for each in self._lists(near, src, dst)
        ]
        _, x, place, product = lift(self, Rows(h), [each.nodes for each in lists], (src, dst))
        common = self._part(self.xcnlin, x, place, lists[:1])
        rest = self._part(self._more(), x, place, lists[1:])
        logits: Tensor = self.lin(torch.addcmul(self.xijlin(product), self.beta, common) + rest)
        return logits.squeeze(-1)

    def _part(
        self, mlp: nn.Sequential, x: Tensor, place: Tensor | None, lists: Sequence[Lists]
    ) -> Tensor:
        filled = torch.stack([each.lengths for each in lists]).amax(0) > 0
        return spread(mlp, pool(x, place, lists, filled), filled, training=self.training)

    def _more(self) -> nn.Sequential:
        """Return the second part's network."""
        raise NotImplementedError

    def _lists(self, near: Entries, src: Tensor, dst: Tensor) -> list[Lists]:
        """Return the common neighbours, then the lists of the second part."""
        raise NotImplementedError

    def _another_mlp(self) -> nn.Sequential:
        norm = isinstance(self.xcnlin[4], nn.LayerNorm)
        end = isinstance(self.xcnlin[7], nn.Linear)
        return pool_mlp(self.hidden_channels, self.dropout, layer_norm=norm, end=end)


class NCNdiff(_WithMore):
    r"""NCN that also pools the neighbours of one end alone [wang2024]_.

    .. math:: s_{ij} = \mathrm{lin}\Bigl(\beta\, \mathrm{xcnlin}\Bigl(\sum_{u \in N(i) \cap N(j)}
        \bar{\mathbf x}_u\Bigr) + \mathrm{xcnreslin}\Bigl(\sum_{u \in N(i) \triangle N(j)}
        \bar{\mathbf x}_u\Bigr) + \mathrm{xijlin}(\mathbf h_i \odot \mathbf h_j)\Bigr)

    Constructor, shapes and errors are those of :class:`NCN`.

    Cost: as :class:`NCN`, with lists as long as both ends' degrees together.

    Example:
        >>> edge_index = torch.tensor([[0, 1, 2], [1, 2, 3]])
        >>> NCNdiff(3, 8).eval()(torch.ones(5, 3), edge_index, torch.tensor([[0], [2]])).shape
        torch.Size([1])
    """

    def _add_parts(self) -> None:
        self.xcnreslin = self._another_mlp()

    def _more(self) -> nn.Sequential:
        return self.xcnreslin

    def _lists(self, near: Entries, src: Tensor, dst: Tensor) -> list[Lists]:
        found = overlap_rows(*near, src, dst, residuals=True)
        assert found.src_ptr is not None and found.src_only is not None  # noqa: S101
        assert found.dst_ptr is not None and found.dst_only is not None  # noqa: S101
        return [
            Lists(found.cn_ptr, found.cn),
            Lists(found.src_ptr, found.src_only),
            Lists(found.dst_ptr, found.dst_only),
        ]


class NCN2(_WithMore):
    r"""NCN that also pools neighbours of one end which the other reaches in two steps [wang2024]_.

    .. math:: s_{ij} = \mathrm{lin}\Bigl(\beta\, \mathrm{xcnlin}\Bigl(\sum_{u \in N(i) \cap N(j)}
        \bar{\mathbf x}_u\Bigr) + \mathrm{xcn12lin}\Bigl(\sum_{u \in N(i) \cap N_2(j)}
        \bar{\mathbf x}_u + \sum_{u \in N_2(i) \cap N(j)} \bar{\mathbf x}_u\Bigr)
        + \mathrm{xijlin}(\mathbf h_i \odot \mathbf h_j)\Bigr)

    with :math:`N_2` the support of :math:`\mathbf A^2`, which holds the node itself.

    Constructor, shapes and errors are those of :class:`NCN`.

    Cost: as :class:`NCN`, and :math:`\mathbf A^2` at every call: for graphs without large hubs.

    Example:
        >>> edge_index = torch.tensor([[0, 1, 2], [1, 2, 3]])
        >>> NCN2(3, 8).eval()(torch.ones(5, 3), edge_index, torch.tensor([[0], [3]])).shape
        torch.Size([1])
    """

    def _add_parts(self) -> None:
        self.xcn12lin = self._another_mlp()

    def _more(self) -> nn.Sequential:
        return self.xcn12lin

    def _lists(self, near: Entries, src: Tensor, dst: Tensor) -> list[Lists]:
        n = near.indptr.numel() - 1
        # rows n to 2n - 1 of the stacked matrix are those of the square
        square = _square(near)
        both = Entries(
            torch.cat([near.indptr, square.indptr[1:] + near.indptr[-1]]),
            torch.cat([near.indices, square.indices]),
        )
        lists = []
        for a, b in ((src, dst), (src, dst + n), (dst, src + n)):
            found = overlap_rows(*both, a, b, residuals=False)
            lists.append(Lists(found.cn_ptr, found.cn))
        return lists


def _square(near: Entries) -> Entries:
    """Return the support of the squared matrix, columns ascending."""
    import numpy as np
    import scipy.sparse

    n, device = near.indptr.numel() - 1, near.indptr.device
    indptr, indices = near.indptr.cpu().numpy(), near.indices.cpu().numpy()
    matrix = scipy.sparse.csr_array((np.ones(indices.size, np.int8), indices, indptr), shape=(n, n))
    # a logical product: counts of paths might overflow small integers, and are not needed
    product = (matrix.astype(bool) @ matrix.astype(bool)).tocsr()
    product.sort_indices()
    return Entries(
        torch.from_numpy(product.indptr.astype(np.int64)).to(device),
        torch.from_numpy(product.indices).to(device, near.indices.dtype),
    )
