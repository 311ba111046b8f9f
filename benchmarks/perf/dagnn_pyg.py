"""DAGNN as one writes it with PyG: the yardstick of ``test_dagnn.py``."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn
from torch_geometric.nn import MessagePassing
from torch_geometric.nn.conv.gcn_conv import gcn_norm


class PlainPropagation(MessagePassing):
    """Normalise in every call, pass messages hop by hop, stack all hops, weigh them."""

    def __init__(self, channels: int, K: int) -> None:
        super().__init__(aggr="add")
        self.K = K
        self.proj = nn.Linear(channels, 1)

    def forward(self, x, edge_index):
        edge_index, norm = gcn_norm(edge_index, None, x.size(0), dtype=x.dtype)
        hops = [x]
        for _ in range(self.K):
            x = self.propagate(edge_index, x=x, norm=norm)
            hops.append(x)
        stacked = torch.stack(hops, dim=1)
        gates = torch.sigmoid(self.proj(stacked))
        return (gates.transpose(1, 2) @ stacked).squeeze(1)

    def message(self, x_j, norm):
        return norm.view(-1, 1) * x_j


class PlainDAGNN(nn.Module):
    """Dense input, dense dropout; parameters named as in graphlab."""

    def __init__(self, in_channels: int, hidden: int, out_channels: int, K: int, dropout: float):
        super().__init__()
        self.dropout = dropout
        self.lin1 = nn.Linear(in_channels, hidden)
        self.lin2 = nn.Linear(hidden, out_channels)
        self.prop = PlainPropagation(out_channels, K)

    def forward(self, x, edge_index):
        x = F.relu(self.lin1(F.dropout(x, self.dropout, self.training)))
        x = self.lin2(F.dropout(x, self.dropout, self.training))
        return F.log_softmax(self.prop(x, edge_index), dim=1)
