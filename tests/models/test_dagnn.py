from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch.nn.functional import nll_loss
from torch_geometric.data import Data

from graphlab.errors import InputError, NonFiniteError
from graphlab.graph import as_graph
from graphlab.models.dagnn import DAGNN
from graphlab.nn import SymmetricPropagator
from graphlab.registry import find_model

GRAPHS = [
    "K1",
    "directed_K6",
    "duplicate_edges_K3",
    "isolated_K5",
    "named_graph_K10",
    "self_loops_K4",
    "weighted_K4",
]
WAYS = [("compiled", "fast"), ("compiled", "low"), ("torch", "fast")]


class Golden:
    """One golden file as tensors."""

    def __init__(self, folder, name: str) -> None:
        self.arrays = np.load(folder / "dagnn" / f"{name}.npz")
        self.state = {k[2:]: self[k] for k in self.arrays if k.startswith("w.")}
        self.weight = self["edge_weight"] if "edge_weight" in self.arrays else None
        self.x, self.edge_index = self["x"], self["edge_index"]

    def __getitem__(self, key: str) -> torch.Tensor:
        return torch.from_numpy(self.arrays[key])

    def model(self, **options) -> DAGNN:
        hidden, features = self.state["lin1.weight"].shape
        classes, K = self.state["lin2.weight"].shape[0], int(self.arrays["K"])
        model = DAGNN(features, hidden, classes, K, 0.0, **options)
        model.load_state_dict(self.state)
        return model

    def loss(self, model: DAGNN, x: torch.Tensor) -> torch.Tensor:
        out = model(x, self.edge_index, self.weight)
        return nll_loss(out[self["train_mask"]], self["y"][self["train_mask"]])


@pytest.mark.parametrize(("backend", "memory"), WAYS)
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("name", GRAPHS)
def test_outputs_and_gradients_equal_the_golden_ones(golden, name, sparse, backend, memory):
    data = Golden(golden, name)
    model = data.model(backend=backend, memory=memory)
    x = data.x.to_sparse_csr() if sparse else data.x
    out, gates = model(x, data.edge_index, data.weight, return_gates=True)
    np.testing.assert_allclose(out.detach().numpy(), data.arrays["log_probs"], atol=1e-5)
    np.testing.assert_allclose(gates.detach().numpy(), data.arrays["gate"], atol=1e-5)
    loss = data.loss(model, x)
    assert loss.item() == pytest.approx(float(data.arrays["loss"]), abs=1e-5)
    loss.backward()
    for key, parameter in model.named_parameters():
        expected = data.arrays[f"grad.{key}"]
        limit = 1e-4 * np.abs(expected).max()
        np.testing.assert_allclose(parameter.grad.numpy(), expected, atol=limit, err_msg=key)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("name", [name for name in GRAPHS if name != "weighted_K4"])
def test_training_steps_equal_the_golden_ones(golden, name, sparse):
    data = Golden(golden, name)
    model = data.model()
    x = data.x.to_sparse_csr() if sparse else data.x
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=0.005)
    losses = []
    for _ in range(25):
        optimizer.zero_grad()
        loss = data.loss(model, x)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    np.testing.assert_allclose(losses, data.arrays["adam25_losses"], atol=1e-4)
    for key, parameter in model.named_parameters():
        expected = data.arrays[f"adam25.{key}"]
        np.testing.assert_allclose(parameter.detach().numpy(), expected, atol=1e-4, err_msg=key)


@pytest.mark.parametrize("backend", ["compiled", "torch"])
def test_batch_norm_variant_equals_the_golden_one(golden, backend):
    data = Golden(golden, "batchnorm_variant_K7")
    model = data.model(batch_norm=True, backend=backend).eval()
    out = model(data.x, data.edge_index)
    np.testing.assert_allclose(out.detach().numpy(), data.arrays["log_probs"], atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "options", "count"),
    [((1433, 64, 7), {}, 92239), ((128, 256, 40, 16, 0.2), {"batch_norm": True}, 43857)],
)
def test_number_of_parameters_is_the_published_one(arguments, options, count):
    assert sum(p.numel() for p in DAGNN(*arguments, **options).parameters()) == count


def test_names_of_the_state_dictionary_are_those_of_the_authors_code():
    names = {"lin1.weight", "lin1.bias", "lin2.weight", "lin2.bias"}
    names |= {"prop.proj.weight", "prop.proj.bias"}
    assert set(DAGNN(3, 4, 2).state_dict()) == names
    assert set(DAGNN(3, 4, 2, gate_bias=False).state_dict()) == names - {"prop.proj.bias"}
    bn = {f"bn.{k}" for k in ("weight", "bias", "running_mean", "running_var")}
    assert set(DAGNN(3, 4, 2, batch_norm=True).state_dict()) == names | bn | {
        "bn.num_batches_tracked"
    }


def test_reset_draws_in_order_lin1_lin2_gate():
    model = DAGNN(5, 4, 3, batch_norm=True)
    model.bn.weight.data.fill_(7)
    torch.manual_seed(11)
    model.reset_parameters()
    torch.manual_seed(11)
    for layer in (model.lin1, model.lin2, model.prop.proj):
        expected = torch.nn.Linear(layer.in_features, layer.out_features)
        assert torch.equal(layer.weight, expected.weight)
        assert torch.equal(layer.bias, expected.bias)
    assert model.bn.weight.tolist() == [1.0] * 4


def test_isolated_node_sees_itself_alone(golden):
    data = Golden(golden, "isolated_K5")
    model = data.model(return_logits=True)
    out, gates = model(data.x, data.edge_index, return_gates=True)
    z = data["z"]
    torch.testing.assert_close(out[-5:], 6 * gates[-5:, :1] * z[-5:], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("K", [0, 1, 4])
@pytest.mark.parametrize(("n", "classes"), [(0, 3), (1, 3), (1, 1), (5, 1)])
@pytest.mark.parametrize("backend", ["compiled", "torch"])
@pytest.mark.parametrize("sparse", [False, True])
def test_smallest_shapes_without_edges(K, n, classes, backend, sparse):
    model = DAGNN(4, 3, classes, K, backend=backend)
    x = torch.rand(n, 4)
    x = x.to_sparse_csr() if sparse else x
    out = model(x, torch.zeros((2, 0), dtype=torch.int64))
    assert out.shape == (n, classes)
    out.sum().backward()
    assert model.gates(x, torch.zeros((2, 0), dtype=torch.int64)).shape == (n, K + 1)
    with torch.inference_mode():
        assert model.eval()(x, torch.zeros((2, 0), dtype=torch.int64)).shape == (n, classes)


def test_log_probabilities_or_logits():
    x, edge_index = torch.rand(6, 4), torch.tensor([[0, 1, 2], [1, 2, 0]])
    torch.manual_seed(0)
    model = DAGNN(4, 3, 2, 3).eval()
    torch.manual_seed(0)
    raw = DAGNN(4, 3, 2, 3, return_logits=True).eval()
    torch.testing.assert_close(model(x, edge_index), raw(x, edge_index).log_softmax(1))
    torch.testing.assert_close(model(x, edge_index).exp().sum(1), torch.ones(6))


def test_gates_are_those_of_evaluation_and_leave_the_model_as_it_was():
    model = DAGNN(4, 8, 2, 3, 0.8, batch_norm=True, input_dropout=0.5)
    x, edge_index = torch.rand(20, 4), torch.randint(0, 20, (2, 50))
    gates = model.gates(x, edge_index)
    assert model.training
    assert model.bn.training
    assert not gates.requires_grad
    assert int(model.bn.num_batches_tracked) == 0
    torch.testing.assert_close(gates, model.eval()(x, edge_index, return_gates=True)[1])
    assert bool(((gates > 0) & (gates < 1)).all())


def test_rates_of_dropout():
    assert DAGNN(3, 4, 2, 2, 0.7).input_dropout == 0.7
    assert DAGNN(3, 4, 2, 2, 0.7, batch_norm=True).input_dropout == 0.0
    assert DAGNN(3, 4, 2, 2, 0.7, batch_norm=True, input_dropout=0.1).input_dropout == 0.1
    assert "dropout=0.7, input_dropout=0.2" in repr(DAGNN(3, 4, 2, 2, 0.7, input_dropout=0.2))
    x, edge_index = torch.rand(50, 30), torch.randint(0, 50, (2, 100))
    model = DAGNN(30, 16, 4, 3, 0.5)
    torch.manual_seed(0)
    first = model(x, edge_index)
    torch.manual_seed(0)
    assert torch.equal(model(x, edge_index), first)
    assert not torch.equal(model(x, edge_index), first)
    assert torch.equal(model.eval()(x, edge_index), model(x, edge_index))


def test_dense_csr_and_coo_features_and_all_kinds_of_graphs_agree():
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(12, 6, generator=generator) * (torch.rand(12, 6, generator=generator) < 0.3)
    edge_index = torch.randint(0, 12, (2, 30), generator=generator)
    model = DAGNN(6, 5, 3, 4).eval()
    expected = model(x, edge_index)
    graphs = [
        as_graph(edge_index, 12),
        edge_index.numpy(),
        SymmetricPropagator(edge_index, 12),
        Data(x=x, edge_index=edge_index),
    ]
    for features in (x, x.to_sparse_csr(), x.to_sparse()):
        for graph in (edge_index, *graphs):
            torch.testing.assert_close(model(features, graph), expected)


def test_relabelling_nodes_permutes_rows():
    generator = torch.Generator().manual_seed(0)
    x, edge_index = torch.rand(12, 6), torch.randint(0, 12, (2, 30), generator=generator)
    model = DAGNN(6, 5, 3, 6).eval()
    name = torch.randperm(12, generator=generator)
    moved = torch.empty_like(x)
    moved[name] = x
    torch.testing.assert_close(model(moved, name[edge_index])[name], model(x, edge_index))


def test_a_change_of_edges_or_weights_in_place_is_seen():
    model = DAGNN(3, 4, 2, 3).eval()
    x, edge_index, weight = torch.rand(4, 3), torch.tensor([[0, 1], [1, 2]]), torch.ones(2)
    before, weighted = model(x, edge_index), model(x, edge_index, weight)
    torch.testing.assert_close(before, weighted)
    weight[0] = 9
    assert not torch.allclose(model(x, edge_index, weight), weighted)
    edge_index[1, 1] = 3
    after = model(x, edge_index)
    assert not torch.allclose(after, before)
    torch.testing.assert_close(after, model(x, edge_index.clone()))


def test_double_precision_and_gradcheck():
    model = DAGNN(3, 4, 2, 3, 0.0).double()
    x = torch.rand(5, 3, dtype=torch.float64, requires_grad=True)
    edge_index = torch.tensor([[0, 1, 2, 3], [1, 2, 0, 3]])
    assert torch.autograd.gradcheck(lambda v: model(v, edge_index), (x,))


def test_copies_autocast_and_half_precision():
    model = DAGNN(3, 4, 2, 3, 0.5, batch_norm=True)
    x, edge_index = torch.rand(9, 3), torch.randint(0, 9, (2, 20))
    model(x, edge_index).sum().backward()
    model.eval()
    exact = model(x, edge_index)
    assert torch.equal(copy.deepcopy(model)(x, edge_index), exact)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = model.train()(x, edge_index)
    assert mixed.dtype == torch.float32
    mixed.sum().backward()
    half = copy.deepcopy(model).eval().to(torch.bfloat16)
    out = half(x.to(torch.bfloat16), edge_index)
    assert out.dtype == torch.bfloat16
    torch.testing.assert_close(out.float(), model.eval()(x, edge_index), atol=0.1, rtol=0.1)


@pytest.mark.parametrize("batch_norm", [False, True])
def test_training_does_not_depend_on_the_number_of_threads(batch_norm):
    """Kernels give the same bits; torch's dense products may round differently."""
    n = 3000
    generator = torch.Generator().manual_seed(0)
    edge_index = torch.randint(0, n, (2, 40000), generator=generator)
    x = (torch.rand(n, 40, generator=generator) * 4 - 3).clamp(min=0).to_sparse_csr()
    results = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        torch.manual_seed(0)
        model = DAGNN(40, 16, 5, 4, 0.5, batch_norm=batch_norm)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        for _ in range(3):
            optimizer.zero_grad()
            model(x, edge_index)[:, 0].mean().backward()
            optimizer.step()
        results.append(model(x, edge_index).detach())
    torch.testing.assert_close(*results, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((3, 4), {}, "out_channels is missing"),
        ((0, 4, 2), {}, "in_channels is 0"),
        ((3, 0, 2), {}, "hidden_channels is 0"),
        ((3, 4, 0), {}, "out_channels is 0"),
        ((3, 4, 2, -1), {}, "K is -1"),
        ((3, 4, 2, 2, 1.5), {}, r"dropout is 1\.5"),
        ((3, 4, 2, 2, -0.1), {}, r"dropout is -0\.1"),
        ((3, 4, 2), {"input_dropout": 2.0}, r"input_dropout is 2\.0"),
        ((3, 4, 2), {"backend": "fast"}, "backend is 'fast'"),
        ((3, 4, 2), {"memory": "none"}, "memory is 'none'"),
    ],
)
def test_bad_options_are_named(arguments, options, message):
    with pytest.raises(InputError, match=message):
        DAGNN(*arguments, **options)


EDGES = torch.tensor([[0, 1], [1, 2]])


@pytest.mark.parametrize(
    ("x", "graph", "weight", "message"),
    [
        (torch.ones(4, 3), torch.ones(2, 3), None, "edge_index has type torch.float32"),
        (torch.ones(4, 3), EDGES[0], None, r"shape \(2,\), expected \(2, m\)"),
        (torch.ones(2, 3), EDGES, None, "holds node 2, but num_nodes is 2"),
        (torch.ones(4, 3), EDGES - 1, None, "holds node -1"),
        (torch.ones(4, 3), EDGES, torch.ones(3), r"edge_weight has shape \(3,\), expected \(2,\)"),
        (torch.ones(4, 3), EDGES, torch.tensor([torch.nan, 1]), "edge_weight holds nan"),
        (torch.ones(4, 3), EDGES, torch.tensor([torch.inf, 1]), "edge_weight holds inf"),
        (torch.ones(4, 3), EDGES, torch.tensor([-2.0, 1]), "edge_weight holds -2"),
        (torch.ones(4, 3), SymmetricPropagator(EDGES, 3), None, "propagator of 3 nodes, but 4"),
        (torch.ones(4, 3), as_graph(EDGES, 3), None, "graph has 3 nodes, but 4"),
        (torch.ones(4, 5), EDGES, None, r"x has shape \(4, 5\), expected \(n, 3\)"),
        (torch.ones(4), EDGES, None, r"x has shape \(4,\)"),
        (torch.ones(4, 3).long(), EDGES, None, "x has type torch.int64"),
    ],
)
def test_bad_inputs_are_named(x, graph, weight, message):
    with pytest.raises(InputError, match=message):
        DAGNN(3, 4, 2)(x, graph, weight)


def test_values_of_x_are_looked_at_on_request_alone():
    x = torch.ones(4, 3)
    x[1, 1] = torch.nan
    assert bool(DAGNN(3, 4, 2)(x, EDGES).isnan().any())
    for given in (x, x.to_sparse_csr(), x.to_sparse()):
        with pytest.raises(NonFiniteError, match="x holds 1 entries"):
            DAGNN(3, 4, 2, check_inputs=True)(given, EDGES)


TABLE = {  # K, dropout, weight decay, epochs, patience
    "cora": (10, 0.8, 0.005, 1000, 100),
    "citeseer": (10, 0.5, 0.02, 1000, 100),
    "pubmed": (20, 0.8, 0.005, 1000, 100),
    "cs": (5, 0.8, 0.0, 1000, 100),
    "physics": (5, 0.8, 0.0, 1000, 100),
    "computers": (5, 0.5, 5e-5, 3000, 300),
    "photo": (5, 0.5, 5e-4, 1000, 100),
}


@pytest.mark.parametrize("dataset", TABLE)
def test_presets_are_the_published_recipes(dataset):
    card = find_model("dagnn")
    preset = card.preset(dataset)
    options, recipe = preset["options"], preset["recipe"]
    found = (options["K"], options["dropout"], *(recipe[k] for k in ("weight_decay", "epochs")))
    assert (*found, recipe["patience"]) == TABLE[dataset]
    assert options["hidden_channels"] == 64
    assert recipe["lr"] == 0.01
    assert (recipe["stop"], recipe["monitor"], recipe["select"]) == ("dagnn", "loss", "best")
    assert preset["task"] == {"feature_norm": "row"}
    assert card.sparse_input


def test_preset_of_ogbn_arxiv_selects_by_accuracy():
    preset = find_model("dagnn").preset("ogbn-arxiv")
    assert preset["options"] == {
        "hidden_channels": 256,
        "K": 16,
        "dropout": 0.2,
        "batch_norm": True,
    }
    assert (preset["recipe"]["lr"], preset["recipe"]["stop"]) == (0.005, "none")
    assert preset["recipe"]["monitor"] == "acc"
