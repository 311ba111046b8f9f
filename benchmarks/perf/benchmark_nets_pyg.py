"""GIN and GatedGCN on PyG's own parts, and a child process that times an epoch of either side.

``python -m benchmarks.perf.benchmark_nets_pyg SIDE NET SET BATCHES``: SIDE is ``graphlab`` or
``pyg``, NET ``gin`` or ``gatedgcn``, SET ``pattern``, ``tu-mutag`` or ``tu-proteins``. BATCHES are
those of PATTERN; of the other sets it is a whole epoch. Prints ``seconds peak``: CPU seconds, and
by how many MiB they raise the peak of resident memory.
"""

from __future__ import annotations

import sys
import time

import torch
import torch.nn.functional as F
from torch import nn
from torch_geometric.loader import DataLoader
from torch_geometric.nn import GINConv, MessagePassing, global_add_pool, global_mean_pool
from torch_geometric.utils import scatter

from benchmarks.perf.dagnn_measure import resident
from graphlab.datasets import load
from graphlab.datasets.synthetic import pattern_graphs
from graphlab.models import benchmark

WIDTHS = {"gin": 110, "gatedgcn": 70}
BATCH = {"pattern": 16, "tu-mutag": 32, "tu-proteins": 32}
LAYERS = 4
NETS = {"gin": benchmark.GIN, "gatedgcn": benchmark.GatedGCN}


def graphs_of(name, count):
    """Return the collection, and the arguments of a net that follow from it."""
    if name == "pattern":
        return pattern_graphs(count, seed=0), (3, 2, {})
    graphs = load(name).collection
    graphs = graphs.with_field("x", graphs.x.float(), "node")
    classes = int(graphs.y.max()) + 1
    return graphs, (graphs.x.shape[1], classes, {"level": "graph", "node_input": "linear"})


def net_of(name, arguments):
    """Return our net."""
    inputs, classes, options = arguments
    return NETS[name](inputs, WIDTHS[name], classes, LAYERS, **options)


class PlainGIN(nn.Module):
    """Our GIN's weights around PyG's ``GINConv``."""

    def __init__(self, net):
        super().__init__()
        self.embed, self.level = net.embedding_h, net.level
        self.scorers = net.linears_prediction
        self.norms = nn.ModuleList(layer.bn_node_h for layer in net.ginlayers)
        self.convs = nn.ModuleList()
        for layer in net.ginlayers:
            mlp = layer.apply_func["mlp"]
            first, last = mlp.linears
            parts = nn.Sequential(first, mlp.batch_norms[0], nn.ReLU(), last)
            conv = GINConv(nn.Identity(), train_eps=True)
            conv.nn, conv.eps = parts, layer.eps  # put in later: the constructor draws weights anew
            self.convs.append(conv)

    def forward(self, data):
        h = self.embed(data.x)
        out = self.score(0, h, data)
        for number, (conv, norm) in enumerate(zip(self.convs, self.norms, strict=True), 1):
            h = h + F.relu(norm(conv(h, data.edge_index)))
            out = out + self.score(number, h, data)
        return out

    def score(self, number, h, data):
        if self.level == "graph":
            h = global_add_pool(h, data.batch, data.num_graphs)
        return self.scorers[number](h)


class PlainGatedConv(MessagePassing):
    """Our layer's weights in a ``MessagePassing`` layer.

    ``ResGatedGraphConv`` has no states of edges and does not divide by the sum of gates.
    """

    def __init__(self, layer):
        super().__init__(aggr="sum")
        self.A, self.B, self.C, self.D, self.E = layer.A, layer.B, layer.C, layer.D, layer.E
        self.norm, self.edge_norm = layer.bn_node_h, layer.bn_node_e

    def forward(self, h, e, edge_index):
        gates = self.edge_updater(edge_index, D=self.D(h), E=self.E(h), C=self.C(e))
        sigma = torch.sigmoid(gates)
        total = scatter(sigma, edge_index[1], 0, h.shape[0], reduce="sum")
        mixed = self.propagate(edge_index, sent=self.B(h), sigma=sigma) / (total + 1e-6)
        new_h = h + F.relu(self.norm(self.A(h) + mixed))
        return new_h, e + F.relu(self.edge_norm(gates))

    def edge_update(self, D_j, E_i, C):
        return C + D_j + E_i

    def message(self, sent_j, sigma):
        return sigma * sent_j


class PlainGatedGCN(nn.Module):
    """Our GatedGCN's weights around :class:`PlainGatedConv`; all edges start from a constant 1."""

    def __init__(self, net):
        super().__init__()
        self.embed, self.embed_e, self.level = net.embedding_h, net.embedding_e, net.level
        self.convs = nn.ModuleList(PlainGatedConv(layer) for layer in net.layers)
        self.score = net.MLP_layer

    def forward(self, data):
        h = self.embed(data.x)
        e = self.embed_e(h.new_ones(data.edge_index.shape[1], 1))
        for conv in self.convs:
            h, e = conv(h, e, data.edge_index)
        if self.level == "graph":
            h = global_mean_pool(h, data.batch, data.num_graphs)
        return self.score(h)


PLAIN = {"gin": PlainGIN, "gatedgcn": PlainGatedGCN}


def epoch_of(side, name, dataset, count):
    """Return a function that trains ``count`` batches, batching included, and yields the losses."""
    size = BATCH[dataset]
    graphs, arguments = graphs_of(dataset, size * count)
    torch.manual_seed(0)
    net = net_of(name, arguments)
    net = PLAIN[name](net) if side == "pyg" else net
    optimizer = torch.optim.Adam(net.parameters(), 1e-3)
    order = torch.randperm(len(graphs), generator=torch.Generator().manual_seed(0))
    if side == "pyg":
        data = graphs.to_pyg()
        batches = DataLoader(data, batch_size=size, sampler=order.tolist())
    parts = torch.split(order, size)

    def run():
        net.train()
        losses = []
        for batch in batches if side == "pyg" else map(graphs.batch, parts):
            optimizer.zero_grad()
            loss = F.cross_entropy(net(batch), batch.y)
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()))
        return losses

    return run


def main(side, name, dataset, count):
    torch.set_num_threads(1)
    # compiles, and pages the libraries in
    epoch_of(side, name, dataset if dataset != "pattern" else "tu-mutag", 1)()
    run = epoch_of(side, name, dataset, int(count))
    base = resident("VmRSS")
    start = time.process_time()
    run()
    print(time.process_time() - start, resident("VmHWM") - base)


if __name__ == "__main__":
    main(*sys.argv[1:])
