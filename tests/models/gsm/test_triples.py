"""Every tokenizer with every local and every global encoder, on all kinds of graphs."""

from __future__ import annotations

from itertools import product

import pytest
import torch

from graphlab.models import GSM
from graphlab.models.gsm import GSM_PRESETS, LOCAL_ENCODERS
from graphlab.nn import GLOBAL_ENCODERS
from tests.models.gsm.graphs import EDGE_CASES, MORE, TOKENIZERS, F, batch, random_graph

C = 3
TRIPLES = list(product(TOKENIZERS, LOCAL_ENCODERS, GLOBAL_ENCODERS))
OTHERS = [(t, "gatedgcn", g) for t in MORE for g in GLOBAL_ENCODERS]


def build(tokenizer, local, global_encoder, **options):
    torch.manual_seed(0)
    options = {"heads": 2, **options}
    return GSM(F, C, 8, tokenizer=tokenizer, local=local, global_encoder=global_encoder, **options)


def test_there_are_125_triples():
    assert len(set(TRIPLES)) == 125


@pytest.mark.parametrize("triple", TRIPLES + OTHERS, ids="-".join)
def test_forward_and_backward(triple):
    data = random_graph()
    model = build(*triple)
    out = model(data)
    assert out.shape == (20, C)
    (out * torch.rand(out.shape, generator=torch.Generator().manual_seed(2))).sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("level", ["node", "graph"])
@pytest.mark.parametrize("triple", TRIPLES + OTHERS, ids="-".join)
def test_graphs_at_the_edge(triple, level):
    model = build(*triple, level=level)
    for name, data in EDGE_CASES.items():
        out = model(data)
        assert out.shape == ((data.num_nodes if level == "node" else 1), C), name
        assert torch.isfinite(out).all(), name
        out.square().sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)


@pytest.mark.parametrize("level", ["node", "graph"])
@pytest.mark.parametrize("triple", TRIPLES + OTHERS, ids="-".join)
def test_a_batch_gives_what_its_graphs_give_alone(triple, level):
    graphs = [random_graph(9, 12), *EDGE_CASES.values(), random_graph(20, 25, seed=3)]
    position = "lca+abs" if triple[0].startswith(("hac", "node")) else "none"
    model = build(*triple, level=level, pe=position).double().eval()
    for g in graphs:
        g.x = g.x.double()
    alone = torch.cat([model(g) for g in graphs])
    torch.testing.assert_close(model(batch(graphs)), alone, atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize("name", GSM_PRESETS)
def test_known_models_are_combinations(name):
    model = GSM(F, C, 8, **GSM_PRESETS[name])
    assert model(random_graph()).shape == (20, C)
