"""Layers and nets against arrays of the authors' code; see tests/golden/benchmarking_gnns."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from graphlab.metrics import sbm_accuracy, weighted_cross_entropy
from graphlab.models import benchmark as bgnn

TOLERANCE = {"rtol": 1e-4, "atol": 1e-5}

LAYERS = {
    "gcn": lambda: bgnn.GCNLayer(16, 16),
    "gat8": lambda: bgnn.GATLayer(16, 2, 8),
    "gat1_nores": lambda: bgnn.GATLayer(16, 6, 1),
    "sage_maxpool": lambda: bgnn.GraphSAGELayer(16, 16, "maxpool", "pooled"),
    "sage_mean": lambda: bgnn.GraphSAGELayer(16, 16, "mean"),
    "gin": lambda: bgnn.GINLayer(16, 16),
    "gmm": lambda: bgnn.MoNetLayer(16, 16, 2),
    "gatedgcn": lambda: bgnn.GatedGCNLayer(16, 16),
    "gatedgcn_nobn_nores": lambda: bgnn.GatedGCNLayer(16, 10, batch_norm=False),
    "gatedgcn_edgefeat": lambda: bgnn.GatedGCNLayer(16, 16, variant="edge_feat_only"),
    "gatedgcn_isotropic": lambda: bgnn.GatedGCNLayer(16, 16, variant="isotropic"),
}
NETS = {
    "GCN": lambda: bgnn.GCN(7, 12, 6, 3),
    "GAT": lambda: bgnn.GAT(7, 3, 6, 3, heads=4),
    "GraphSage": lambda: bgnn.GraphSAGE(7, 12, 6, 3),
    "MoNet": lambda: bgnn.MoNet(7, 12, 6, 3),
    "GatedGCN": lambda: bgnn.GatedGCN(7, 12, 6, 3),
    "GatedGCN_PE": lambda: bgnn.GatedGCN(7, 12, 6, 3, pe_dim=5),
    "GIN": lambda: bgnn.GIN(7, 12, 6, 3),
    "MLP": lambda: bgnn.MLP(7, 12, 6, 3),
    "RingGNN": lambda: bgnn.RingGNN(7, 12, 6, 2, avg_nodes=25),
    "3WLGNN": lambda: bgnn.ThreeWLGNN(7, 12, 6, 3),
}
ONE_GRAPH = ("RingGNN", "3WLGNN")


def arrays(golden, name):
    with np.load(golden / "benchmarking_gnns" / f"{name}.npz") as file:
        return {key: torch.from_numpy(np.asarray(file[key])) for key in file.files}


def weights(file, name):
    start = f"{name}/w/"
    return {key.removeprefix(start): value for key, value in file.items() if key.startswith(start)}


def close(found, expected):
    torch.testing.assert_close(found, expected, **TOLERANCE)


def run(name, layer, file, h):
    edge_index = torch.stack([file["src"], file["dst"]])
    if name == "gmm":
        return layer(h, edge_index, file["pseudo"]), None
    if name.startswith("gatedgcn"):
        return layer(h, edge_index, file["e"])
    return layer(h, edge_index), None


@pytest.mark.parametrize("name", LAYERS)
def test_layers_equal_the_authors(golden, name):
    file = arrays(golden, "layers")
    layer = LAYERS[name]()
    layer.load_reference_state_dict(weights(file, name))
    h = file["h"].clone().requires_grad_()
    out, e = run(name, layer, file, h)
    close(out, file[f"{name}/out_train"])
    spread = torch.linspace(-1, 1, out.numel()).reshape(out.shape)
    close(torch.autograd.grad((out * spread).sum(), h)[0], file[f"{name}/grad_h"])
    if e is not None:
        close(e, file[f"{name}/e_train"])
    out, e = run(name, layer.eval(), file, h)
    close(out, file[f"{name}/out_eval"])
    if e is not None:
        close(e, file[f"{name}/e_eval"])


def test_readout_equals_the_authors(golden):
    file = arrays(golden, "layers")
    readout = bgnn.MLPReadout(16, 3)
    readout.load_reference_state_dict(weights(file, "mlp_readout"))
    close(readout(file["h"]), file["mlp_readout/out"])


def test_dense_layers_equal_the_authors(golden):
    from graphlab.models.benchmark.threewl import _largest

    file = arrays(golden, "layers")
    x = file["dense_in"]
    close(bgnn.equivariant_ops_2_to_2(x), file["ops_2_to_2"])
    ring = bgnn.RingGNNLayer(4, 5)
    ring.load_reference_state_dict(weights(file, "ring"))
    close(ring(x), file["ring/out"])
    block = bgnn.ThreeWLLayer(4, 5)
    block.load_reference_state_dict(weights(file, "threewl"))
    close(block(x), file["threewl/out"])
    close(_largest(file["threewl/out"]), file["diag_offdiag_maxpool"])


def batch_of(file, graphs):
    """Some of the file's graphs side by side, and their labels."""
    edges, x, y, graph, shift = [], [], [], [], 0
    for number, g in enumerate(graphs):
        edges.append(torch.stack([file[f"{g}/src"], file[f"{g}/dst"]]) + shift)
        x.append(file[f"{g}/x"]), y.append(file[f"{g}/y"])
        graph.append(torch.full_like(x[-1], number))
        shift += len(x[-1])
    data = SimpleNamespace(x=torch.cat(x), edge_index=torch.cat(edges, 1), batch=torch.cat(graph))
    data.edge_attr, data.pe = None, file["pe"]
    return data, torch.cat(y)


@pytest.mark.parametrize("name", NETS)
def test_nets_equal_the_authors(golden, name):
    file = arrays(golden, "nets_sbm_cluster")
    net = NETS[name]()
    net.load_reference_state_dict(weights(file, name))
    data, y = batch_of(file, ("g0",) if name in ONE_GRAPH else ("g0", "g1", "g2"))
    scores = net(data)
    close(scores, file[f"{name}/logits_train"])
    expected = float(file[f"{name}/loss"])
    assert float(weighted_cross_entropy(scores, y)) == pytest.approx(expected, rel=1e-5)
    assert sbm_accuracy(scores, y) == pytest.approx(float(file[f"{name}/acc"]), abs=1e-4)
    assert sum(p.numel() for p in net.parameters()) == int(file[f"{name}/n_params"])
    if f"{name}/logits_eval" in file:
        close(net.eval()(data), file[f"{name}/logits_eval"])


@pytest.mark.parametrize("case", range(4))
def test_loss_and_accuracy_equal_the_authors(golden, case):
    file = arrays(golden, "sbm_metric")
    scores, y = file[f"c{case}/scores"], file[f"c{case}/y"]
    assert sbm_accuracy(scores, y) == pytest.approx(float(file[f"c{case}/acc"]), rel=1e-6)
    loss = float(weighted_cross_entropy(scores, y))
    assert loss == pytest.approx(float(file[f"c{case}/loss"]), rel=1e-5)
