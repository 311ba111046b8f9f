"""Link models whose encoder takes weights: their scores, presets, and LightGCN as PyG has it."""

from __future__ import annotations

import pytest
import torch

from graphlab.errors import InputError
from graphlab.graph import as_graph
from graphlab.models import TCGCN, TCSAGE, LightGCN
from graphlab.nn import LightGCNEncoder, WeightedEncoder
from graphlab.registry import find_model

N = 8
EDGES = torch.tensor([[0, 0, 1, 2, 3, 4], [1, 2, 2, 3, 4, 5]])  # nodes 6 and 7 are isolated
PAIRS = torch.cartesian_prod(torch.arange(N), torch.arange(N)).t().contiguous()


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("cls", [TCGCN, TCSAGE])
def test_scores_are_a_network_of_products(cls, depth):
    model, x = cls(3, 4, predictor_layers=depth), torch.rand(N, 3)
    h = model.encode(x, EDGES)
    z = h[PAIRS[0]] * h[PAIRS[1]]
    linear = [part for part in model.predictor if isinstance(part, torch.nn.Linear)]
    assert len(linear) == depth
    for number, layer in enumerate(linear):
        z = layer(z if number == 0 else z.relu())
    torch.testing.assert_close(model(x, EDGES, PAIRS), z.squeeze(1))


def test_lightgcn_scores_equal_those_of_pyg():
    geometric = pytest.importorskip("torch_geometric.nn.models")
    model, other = LightGCN(0, 5, num_layers=3, num_ids=N), geometric.LightGCN(N, 5, 3)
    with torch.no_grad():
        other.embedding.weight.copy_(model.encoder.start.weight)
    both = torch.cat([EDGES, EDGES.flip(0)], 1)
    found, expected = model(None, as_graph(EDGES, N), PAIRS), other(both, PAIRS)
    torch.testing.assert_close(found, expected)
    factor = torch.rand(found.shape)
    (found * factor).sum().backward()
    (expected * factor).sum().backward()
    torch.testing.assert_close(model.encoder.start.weight.grad, other.embedding.weight.grad)


def test_lightgcn_may_have_a_network():
    model, x = LightGCN(3, 4, predictor="mlp"), torch.rand(N, 3)
    h = model.encode(x, EDGES)
    expected = model.predictor(h[PAIRS[0]] * h[PAIRS[1]]).squeeze(1)
    torch.testing.assert_close(model(x, EDGES, PAIRS), expected)
    assert len(list(model.predictor.parameters())) == 4
    with pytest.raises(InputError, match="predictor is 'cosine'"):
        LightGCN(3, 4, predictor="cosine")


@pytest.mark.parametrize(("cls", "encoder"), [(TCGCN, "gcn"), (TCSAGE, "sage")])
def test_presets_are_those_of_the_paper(cls, encoder):
    for name, width in (("cora", 1433), ("citeseer", 3703)):
        model = cls.from_preset(name)
        assert isinstance(model.encoder, WeightedEncoder)
        assert (model.encoder.conv, model.encoder.num_layers) == (encoder, 2)
        assert (model.in_channels, model.hidden_channels) == (width, 256)
        assert model.encoder.l2_rows == (cls is TCSAGE and name == "cora")
        task = find_model(cls.graphlab_name).preset(name)["task"]
        assert task == {
            "batch_size": 1152,
            "target_link_removal": False,
            "feature_norm": "row",
        }
    with pytest.raises(InputError, match="pubmed"):
        cls.from_preset("pubmed")


def test_groups_have_rates_of_their_own():
    groups = LightGCN(3, 4).parameter_groups()
    assert (len(groups["encoder"]), groups["predictor"]) == (1, [])
    assert isinstance(LightGCN(3, 4).encoder, LightGCNEncoder)
    sizes = {name: len(group) for name, group in TCSAGE(3, 4).parameter_groups().items()}
    assert sizes == {"encoder": 6, "predictor": 4}


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"predictor_layers": 0}, "predictor_layers is 0"),
        ({"num_layers": 0}, "num_layers is 0"),
        ({"dropout": 1.5}, "dropout is 1.5"),
    ],
)
def test_wrong_arguments_are_named(given, text):
    for cls in (TCGCN, TCSAGE):
        with pytest.raises(InputError, match=text):
            cls(3, 4, **given)
