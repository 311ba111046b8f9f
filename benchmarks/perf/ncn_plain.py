"""NCN and NCNC written plainly in torch, as a reader of the paper would: the peer of test_ncn.py.

The adjacency is a torch sparse matrix, features are dense, ``xlin`` runs on all nodes in every
call, positives and negatives are scored apart, and nothing is shared between equal inner pairs.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def adjacency(edges: Tensor, n: int) -> Tensor:
    """Return the symmetric matrix of an undirected edge list (2, E), coalesced."""
    both = torch.cat([edges, edges.flip(0)], 1)
    matrix = torch.sparse_coo_tensor(both, torch.ones(both.shape[1]), (n, n)).coalesce()
    return torch.sparse_coo_tensor(
        matrix.indices(), torch.ones(matrix._nnz()), (n, n), is_coalesced=True
    )


def without(edges: Tensor, gone: Tensor, n: int) -> Tensor:
    """Return the adjacency without a batch's edges; ``gone`` are positions in ``edges``."""
    keep = torch.ones(edges.shape[1], dtype=torch.bool)
    keep[gone] = False
    return adjacency(edges[:, keep], n)


def drop_entries(matrix: Tensor, rate: float) -> Tensor:
    keep = torch.rand(matrix._nnz()) >= rate
    return torch.sparse_coo_tensor(
        matrix.indices()[:, keep], matrix.values()[keep], matrix.shape, is_coalesced=True
    )


class PlainEncoder(nn.Module):
    """``puregcn`` with one layer and jumping knowledge, dense input."""

    def __init__(self, in_channels: int, width: int, p_x: float, p_gnn: float, p_tail: float):
        super().__init__()
        self.linear = nn.Linear(in_channels, width)
        self.theta = nn.Parameter(torch.ones(1))
        self.rates = p_x, p_gnn, p_tail

    def forward(self, x: Tensor, matrix: Tensor) -> Tensor:
        p_x, p_gnn, p_tail = self.rates
        x = F.dropout(x, p_x, self.training)
        x = F.dropout(self.linear(x), p_gnn, self.training)
        half = (1 + torch.sparse.sum(matrix, 1).to_dense()).rsqrt()[:, None]
        out = half * (torch.sparse.mm(matrix, half * x) + half * x)
        return self.theta * F.dropout(out, p_tail, self.training)


class PlainNCN(nn.Module):
    """NCN (``depth=0``) and NCNC with layer normalisation, tail activation and one hidden layer."""

    def __init__(
        self, width: int, dropout: float, edge_dropout: float, depth: int = 0, **constants
    ):
        super().__init__()
        p = dropout

        def layer(out=width, norm=True, act=True):
            parts = [nn.Linear(width, out)]
            if norm:
                parts.append(nn.LayerNorm(out))
            if act:
                parts += [nn.Dropout(p), nn.ReLU()]
            return parts

        self.xlin = nn.Sequential(*layer(norm=False), *layer())
        self.xcnlin = nn.Sequential(*layer(norm=False), *layer())
        self.xijlin = nn.Sequential(*layer())
        self.lin = nn.Sequential(*layer(), nn.Linear(width, 1))
        self.beta = nn.Parameter(torch.ones(1))
        self.rate, self.depth, self.constants = edge_dropout, depth, constants

    def forward(self, h: Tensor, matrix: Tensor, pairs: Tensor, depth: int | None = None) -> Tensor:
        depth = self.depth if depth is None else depth
        if self.training and self.rate:
            matrix = drop_entries(matrix, self.rate)
        src, dst = pairs
        product = h[src] * h[dst]
        x = h + self.xlin(h)
        rows, columns = matrix.index_select(0, src), matrix.index_select(0, dst)
        common = (rows * columns).coalesce()
        pooled = torch.sparse.mm(common, x)
        if depth:
            for difference, other in ((rows - common, dst), (columns - common, src)):
                only = difference.coalesce()
                left = only.values() > 0
                pair, node = only.indices()[:, left]
                with torch.no_grad():
                    inner = torch.stack([other[pair], node])
                    z = self(x, matrix, inner, depth - 1)
                    p0 = torch.sigmoid(self.constants["scale"] * (z - self.constants["offset"]))
                    pt = self.constants["pt"]
                    weight = self.constants["alpha"] * pt * p0 / (pt * p0 + 1 - p0)
                weighted = torch.sparse_coo_tensor(
                    torch.stack([pair, node]), weight, only.shape, is_coalesced=True
                )
                pooled = pooled + torch.sparse.mm(weighted, x)
        return self.lin(self.beta * self.xcnlin(pooled) + self.xijlin(product)).squeeze(-1)
