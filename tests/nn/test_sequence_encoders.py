"""Global encoders by name, the recurrent layer, and positions in a tree."""

from __future__ import annotations

import pytest
import torch

from graphlab.errors import InputError
from graphlab.nn import (
    GLOBAL_ENCODERS,
    GRULayer,
    HierarchicalPE,
    HybridEncoder,
    SequenceEncoder,
    SSDMixer,
    TransformerBlock,
)
from graphlab.tokenizers import HAC

S, L, D = 3, 9, 8
every_encoder = pytest.mark.parametrize("kind", GLOBAL_ENCODERS)


def tokens(seed=1, length=L):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(S, length, D, generator=generator, dtype=torch.float64)


def some(seed=2):
    return torch.rand(S, L, generator=torch.Generator().manual_seed(seed)) < 0.6


def encoder(kind, **options):
    torch.manual_seed(0)
    return SequenceEncoder(D, kind, heads=2, **options).double().eval()


@every_encoder
@pytest.mark.parametrize("both", [False, True])
def test_padding_and_masked_tokens_say_nothing(kind, both):
    model, h, mask = encoder(kind, bidirectional=both, num_blocks=2), tokens(), some()
    out = model(h, mask)
    other = torch.where(mask[..., None], h, tokens(seed=5))
    torch.testing.assert_close(model(other, mask), out)
    assert out[~mask].abs().sum() == 0
    longer = torch.cat([h, tokens(seed=6)], 1)
    padded = torch.cat([mask, torch.zeros_like(mask)], 1)
    torch.testing.assert_close(model(longer, padded)[:, :L], out)


@every_encoder
def test_gradients_reach_all_weights_and_blind_rows_do_no_harm(kind):
    model, mask = encoder(kind, bidirectional=True).train(), some()
    mask[0] = False
    h = tokens().requires_grad_()
    model(h, mask).square().sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad.abs().sum() > 0, name
        assert torch.isfinite(parameter.grad).all(), name
    assert h.grad[0].abs().sum() == 0


@every_encoder
def test_empty_tables(kind):
    model = encoder(kind)
    for shape in ((0, 4), (4, 0), (0, 0)):
        h = torch.zeros(*shape, D, dtype=torch.float64)
        assert model(h, torch.ones(shape, dtype=torch.bool)).shape == (*shape, D)


def test_the_hybrid_has_state_spaces_first_and_attention_last():
    model = HybridEncoder(D, heads=2, num_blocks=2)
    kinds = [SSDMixer, SSDMixer, TransformerBlock] * 2
    assert [type(layer) for layer in model.layers] == kinds


def test_a_recurrent_layer_takes_masked_tokens_for_absent():
    torch.manual_seed(0)
    for both in (False, True):
        layer = GRULayer(D, bidirectional=both).double()
        h, mask = tokens(), some()
        out = layer(h, mask)
        for row in range(S):
            keep = mask[row]
            torch.testing.assert_close(out[row, keep], layer(h[row : row + 1, keep])[0])


def test_unknown_encoders_are_named():
    with pytest.raises(InputError, match="global_encoder is 'mamba', expected one of transformer"):
        SequenceEncoder(D, "mamba")
    with pytest.raises(InputError, match="num_blocks is 0"):
        SequenceEncoder(D, "ssd", num_blocks=0)


def tree():
    pairs = torch.tensor([[0, 1, 2, 3, 4, 5, 6, 7, 8, 0], [1, 2, 3, 4, 5, 6, 7, 8, 9, 5]])
    return HAC().fit(pairs)


def test_the_bias_of_nodes_follows_their_lowest_common_cluster():
    found = tree()
    pe = HierarchicalPE(D, "lca", heads=2)
    with torch.no_grad():
        pe.lca.copy_(torch.rand(pe.lca.shape))
    node = torch.arange(10)
    bias = pe.bias(clusters=found.assign.t()[node][None]).table()[0]
    torch.testing.assert_close(bias, pe.lca[found.lca_level].permute(2, 0, 1))


def test_the_bias_of_a_path_is_that_of_its_clusters():
    """Of two clusters on a path the higher one holds the other: with or without their clusters."""
    found = tree()
    pe = HierarchicalPE(D, "lca", heads=2)
    with torch.no_grad():
        pe.lca.copy_(torch.rand(pe.lca.shape))
    level = torch.arange(found.num_levels - 1, -1, -1).expand(10, -1)
    clusters = found.assign.t()[:, None].expand(10, found.num_levels, -1)
    alone, full = pe.bias(level=level), pe.bias(level=level, clusters=clusters)
    table = alone.table()  # of one path: those of all nodes have the same levels
    assert len(table) == 1
    torch.testing.assert_close(table.expand(10, -1, -1, -1), full.table())
    torch.testing.assert_close(pe.bias(level=level.clone()).table(), full.table())


def test_encodings_of_steps_are_summed_over_levels():
    found = tree()
    pe = HierarchicalPE(D, "spd")
    rows = pe.of_steps(found.seq_spd)
    table = pe.spd.weight.view(-1, 18, D)
    expected = sum(table[r][found.seq_spd[r]] for r in range(found.num_levels))
    torch.testing.assert_close(rows, expected)


def test_only_what_is_asked_for_is_there():
    none = HierarchicalPE(D, "none")
    assert list(none.parameters()) == []
    assert none.of_tokens(torch.ones(2, 3)) is None
    assert none.of_steps(torch.zeros(2, 3, dtype=torch.int64)) is None
    assert none.bias(level=torch.zeros(1, 2, dtype=torch.int64)) is None
    assert HierarchicalPE(D, "lca").bias() is None
    with pytest.raises(InputError, match=r"pe is 'abs\+abs'.*each once"):
        HierarchicalPE(D, "abs+abs")
    with pytest.raises(InputError, match="pe is 'tree'"):
        HierarchicalPE(D, "tree")


def test_levels_above_the_last_count_as_the_last():
    pe = HierarchicalPE(D, "lca", heads=2, max_levels=2)
    with torch.no_grad():
        pe.lca.copy_(torch.rand(pe.lca.shape))
    bias = pe.bias(level=torch.tensor([[7, 2]])).table()
    torch.testing.assert_close(bias, pe.lca[2][None, :, None, None].expand(1, 2, 2, 2))
