from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from graphlab.errors import InputError
from graphlab.nn import AdaptivePropagation, SymmetricPropagator, propagator
from graphlab.nn._adaptive_sum import segment_length

GRAPHS = [
    "K1",
    "directed_K6",
    "duplicate_edges_K3",
    "isolated_K5",
    "named_graph_K10",
    "self_loops_K4",
    "weighted_K4",
]
WAYS = [("compiled", "fast"), ("compiled", "low"), ("torch", "fast"), ("torch", "low")]


def random_graph(n: int, m: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(0, n, (2, m), generator=torch.Generator().manual_seed(seed))


def seeded(channels: int, K: int, **options) -> AdaptivePropagation:
    torch.manual_seed(7)
    return AdaptivePropagation(channels, K, **options)


@pytest.mark.parametrize(("backend", "memory"), WAYS)
@pytest.mark.parametrize("name", GRAPHS)
def test_sum_and_gates_equal_the_golden_ones(golden, name, backend, memory):
    data = np.load(golden / "dagnn" / f"{name}.npz")
    z = torch.from_numpy(data["z"])
    prop = AdaptivePropagation(z.shape[1], int(data["K"]), backend=backend, memory=memory)
    for part in ("weight", "bias"):
        getattr(prop.proj, part).data = torch.from_numpy(data[f"w.prop.proj.{part}"])
    weight = torch.from_numpy(data["edge_weight"]) if "edge_weight" in data else None
    edge_index = torch.from_numpy(data["edge_index"])
    out, gates = prop(z.requires_grad_(), edge_index, weight, return_gates=True)
    np.testing.assert_allclose(out.detach().numpy(), data["out"], atol=1e-5)
    np.testing.assert_allclose(gates.detach().numpy(), data["gate"], atol=1e-5)
    with torch.no_grad():  # without stored hops
        plain, plain_gates = prop(z, edge_index, weight, return_gates=True)
        np.testing.assert_array_equal(prop(z, edge_index, weight).numpy(), plain.numpy())
    np.testing.assert_allclose(plain.numpy(), data["out"], atol=1e-5)
    np.testing.assert_allclose(plain_gates.numpy(), data["gate"], atol=1e-5)


@pytest.mark.parametrize("name", ["named_graph_K10", "directed_K6"])
def test_hops_equal_the_golden_ones(golden, name):
    data = np.load(golden / "dagnn" / f"{name}.npz")
    matrix = SymmetricPropagator(torch.from_numpy(data["edge_index"]), len(data["x"]))
    h = torch.from_numpy(data["z"])
    for k in range(int(data["K"]) + 1):
        np.testing.assert_allclose(h.numpy(), data["hops"][:, k], atol=1e-5)
        h = matrix @ h


@settings(max_examples=25, deadline=None)
@given(
    n=st.integers(1, 12),
    m=st.integers(0, 40),
    width=st.integers(1, 41),
    K=st.integers(0, 12),
    weighted=st.booleans(),
    bias=st.booleans(),
    options=st.sampled_from([{}, {"add_self_loops": False}, {"normalize": False}]),
    seed=st.integers(0, 2**16),
)
def test_all_ways_agree_in_values_and_gradients(n, m, width, K, weighted, bias, options, seed):
    generator = torch.Generator().manual_seed(seed)
    edge_index = random_graph(n, m, seed)
    weight = torch.rand(m, generator=generator) if weighted else None
    z = torch.randn(n, width, generator=generator, dtype=torch.float64)
    above = torch.randn(n, width, generator=generator, dtype=torch.float64)
    above_gates = torch.randn(n, K + 1, generator=generator, dtype=torch.float64)
    results = []
    for backend, memory in WAYS:
        prop = seeded(width, K, bias=bias, backend=backend, memory=memory, **options).double()
        leaf = z.clone().requires_grad_()
        out, gates = prop(leaf, edge_index, weight, return_gates=True)
        ((out * above).sum() + (gates * above_gates).sum()).backward()
        grads = [p.grad for p in prop.parameters()]
        results.append([out.detach(), gates.detach(), leaf.grad, *grads])
    for other in results[1:]:
        for a, b in zip(other, results[0], strict=True):
            scale = max(1.0, float(b.abs().max())) if b.numel() else 1.0
            torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-11 * scale)


@pytest.mark.parametrize("K", [0, 1, 2, 5])
@pytest.mark.parametrize("memory", ["fast", "low"])
@pytest.mark.parametrize("name", ["directed_K6", "weighted_K4"])
def test_gradients_are_those_of_finite_differences(golden, K, memory, name):
    data = np.load(golden / "dagnn" / f"{name}.npz")
    weight = torch.from_numpy(data["edge_weight"]) if "edge_weight" in data else None
    matrix = SymmetricPropagator(torch.from_numpy(data["edge_index"]), len(data["x"]), weight)
    prop = seeded(2, K, memory=memory).double()
    z = torch.randn(len(data["x"]), 2, dtype=torch.float64, requires_grad=True)

    def function(z, weight, bias):
        replaced = {"proj.weight": weight, "proj.bias": bias}
        arguments = (z, matrix)
        return torch.func.functional_call(prop, replaced, arguments, {"return_gates": True})

    parameters = tuple(p.detach().requires_grad_() for p in prop.parameters())
    assert torch.autograd.gradcheck(function, (z, *parameters))


@pytest.mark.parametrize("K", [1, 2, 4, 9, 10, 16])
def test_low_memory_equals_fast_to_the_last_bit(K):
    edge_index = random_graph(50, 200)
    results = []
    for memory in ("fast", "low"):
        prop = seeded(5, K, memory=memory)
        z = torch.randn(50, 5, generator=torch.Generator().manual_seed(0)).requires_grad_()
        out = prop(z, edge_index)
        (out * out.detach().cos()).sum().backward()
        results.append((out, z.grad, prop.proj.weight.grad, prop.proj.bias.grad))
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


@pytest.mark.parametrize("memory", ["fast", "low"])
@pytest.mark.parametrize("weighted", [False, True])
def test_results_do_not_depend_on_the_number_of_threads(memory, weighted):
    n, m = 5000, 60000
    edge_index = random_graph(n, m)
    weight = torch.rand(m, generator=torch.Generator().manual_seed(1)) if weighted else None
    results = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        prop = seeded(20, 6, memory=memory)
        z = torch.randn(n, 20, generator=torch.Generator().manual_seed(0)).requires_grad_()
        out = prop(z, edge_index, weight)
        out.backward(z.detach())
        with torch.no_grad():
            again = prop(z, edge_index, weight)
        results.append((out, again, z.grad, prop.proj.weight.grad, prop.proj.bias.grad))
    assert propagator(edge_index, n, edge_weight=weight).csr.arrays[2].size > 3
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))


@pytest.mark.parametrize("memory", ["fast", "low"])
@pytest.mark.parametrize("K", [0, 1, 3])
def test_a_retained_graph_gives_the_same_gradient_again(memory, K):
    prop = seeded(3, K, memory=memory)
    z = torch.randn(8, 3, requires_grad=True)
    out = prop(z, random_graph(8, 20))
    first = torch.autograd.grad(out.square().sum(), (z, prop.proj.weight), retain_graph=True)
    kept = [g.clone() for g in first]
    second = torch.autograd.grad(out.square().sum(), (z, prop.proj.weight))
    for a, b, c in zip(first, kept, second, strict=True):
        assert torch.equal(a, b)  # the second pass does not write into the first result
        assert torch.equal(a, c)


def test_large_buffers_hold_the_same():
    n = 30000  # from 4 MiB on they are allocated in another way
    edge_index = random_graph(n, 40000)
    results = []
    for backend in ("compiled", "torch"):
        prop = seeded(40, 3, backend=backend)
        z = torch.randn(n, 40, generator=torch.Generator().manual_seed(0)).requires_grad_()
        out = prop(z, edge_index)
        out.backward(z.detach())
        results.append((out, z.grad))
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4)


def test_isolated_node_keeps_its_row_in_every_hop():
    prop = seeded(3, 4)
    z = torch.randn(3, 3)
    out, gates = prop(z, torch.tensor([[0, 1], [1, 0]]), return_gates=True)
    torch.testing.assert_close(gates[2], gates[2, :1].expand(5))
    torch.testing.assert_close(out[2], 5 * gates[2, 0] * z[2])


@pytest.mark.parametrize("K", [0, 1, 5])
@pytest.mark.parametrize(("n", "width"), [(0, 3), (1, 1), (1, 3), (4, 1)])
@pytest.mark.parametrize(("backend", "memory"), WAYS)
def test_smallest_shapes(K, n, width, backend, memory):
    prop = seeded(width, K, backend=backend, memory=memory)
    z = torch.randn(n, width, requires_grad=True)
    out, gates = prop(z, torch.zeros((2, 0), dtype=torch.int64), return_gates=True)
    assert out.shape == (n, width)
    assert gates.shape == (n, K + 1)
    (out.sum() + gates.sum()).backward()
    assert z.grad.shape == z.shape
    with torch.no_grad():
        assert prop(z, torch.zeros((2, 0), dtype=torch.int64)).shape == (n, width)


def test_no_hops_is_the_gated_input():
    prop = seeded(3, 0)
    z = torch.randn(5, 3)
    expected = torch.sigmoid(prop.proj(z)) * z
    torch.testing.assert_close(prop(z, random_graph(5, 9)), expected)


def test_signals_need_not_be_contiguous():
    prop, edge_index = seeded(3, 4), random_graph(6, 20)
    z = torch.randn(3, 6).t().requires_grad_()
    out = prop(z, edge_index)
    torch.testing.assert_close(out, prop(z.contiguous(), edge_index))
    out.sum().backward()  # an expanded gradient
    assert prop.proj.weight.grad is not None


def test_only_what_is_asked_for_gets_a_gradient():
    prop, edge_index = seeded(3, 4), random_graph(6, 20)
    z = torch.randn(6, 3)
    prop(z, edge_index).sum().backward()
    reference = prop.proj.weight.grad.clone()
    prop.proj.weight.grad = None
    prop.proj.bias.requires_grad_(requires_grad=False)
    prop(z, edge_index).sum().backward()
    assert torch.equal(prop.proj.weight.grad, reference)
    gates = prop(z, edge_index, return_gates=True)[1]  # gates alone
    assert torch.autograd.grad(gates.sum(), prop.proj.weight)[0].abs().sum() > 0


def test_second_derivative_is_refused():
    prop = seeded(3, 2)
    z = torch.randn(6, 3, requires_grad=True)
    out = prop(z, random_graph(6, 20)).sum()
    with pytest.raises(NotImplementedError, match="Second derivatives"):
        torch.autograd.grad(out, z, create_graph=True)
    slow = seeded(3, 2, backend="torch")
    (grad,) = torch.autograd.grad(slow(z, random_graph(6, 20)).sum(), z, create_graph=True)
    grad.sum().backward()
    assert z.grad.abs().sum() > 0


def test_deepcopy_half_precision_and_autocast():
    edge_index = random_graph(20, 60)
    prop = seeded(8, 5)
    z = torch.randn(20, 8, requires_grad=True)
    exact = prop(z, edge_index)
    twin = copy.deepcopy(prop)
    assert torch.equal(twin(z, edge_index), exact)
    half = twin.to(torch.bfloat16)(z.to(torch.bfloat16), edge_index)
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half.float(), exact, atol=0.1, rtol=0.05)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = prop(z.to(torch.bfloat16), edge_index)
    assert mixed.dtype == torch.float32
    mixed.sum().backward()
    assert z.grad.dtype == torch.float32


def test_torch_compile_breaks_its_graph_and_agrees():
    edge_index = random_graph(20, 60)
    prop = seeded(4, 3)
    net = torch.nn.Sequential(torch.nn.Linear(6, 4), torch.nn.ReLU())

    def function(x):
        return prop(net(x), edge_index).log_softmax(1)

    x = torch.randn(20, 6)
    compiled = torch.compile(function, backend="eager")
    torch.testing.assert_close(compiled(x), function(x))
    compiled(x).sum().backward()
    assert net[0].weight.grad is not None


def test_kept_hops_in_low_memory_grow_with_the_square_root():
    assert [segment_length(K, "low") for K in (0, 1, 2, 4, 9, 10, 16, 100)] == [
        *(1, 1, 2, 2, 3, 4, 4, 10)
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"K": -1}, "K is -1, expected an integer >= 0"),
        ({"K": 2.5}, r"K is 2\.5"),
        ({"channels": 0}, "channels is 0"),
        ({"memory": "tiny"}, "memory is 'tiny'"),
        ({"backend": "gpu"}, "backend is 'gpu'"),
    ],
)
def test_bad_options_are_named(arguments, message):
    with pytest.raises(InputError, match=message):
        AdaptivePropagation(**{"channels": 3, "K": 2, **arguments})


@pytest.mark.parametrize(
    ("z", "graph", "message"),
    [
        (torch.ones(4, 2), torch.tensor([[0], [1]]), r"shape \(4, 2\), expected floating \(n, 3\)"),
        (torch.ones(4, 3).long(), torch.tensor([[0], [1]]), "z is torch.int64"),
        (torch.ones(4, 3), torch.tensor([[0], [4]]), "holds node 4, but num_nodes is 4"),
        (torch.ones(4, 3), SymmetricPropagator(torch.tensor([[0], [1]]), 5), "of 5 nodes, but 4"),
    ],
)
def test_bad_inputs_are_named(z, graph, message):
    with pytest.raises(InputError, match=message):
        AdaptivePropagation(3, 2)(z, graph)


def test_reset_draws_the_projection_like_a_linear_layer():
    prop = AdaptivePropagation(6, 2)
    torch.manual_seed(5)
    prop.reset_parameters()
    torch.manual_seed(5)
    expected = torch.nn.Linear(6, 1)
    assert torch.equal(prop.proj.weight, expected.weight)
    assert torch.equal(prop.proj.bias, expected.bias)
    assert "K=2" in repr(prop)
    assert AdaptivePropagation(3, 1, bias=False).proj.bias is None
