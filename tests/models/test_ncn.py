"""NCN and NCNC: equality with the authors' code, and with a slow formulation in sets."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from graphlab.errors import InputError
from graphlab.graph import as_graph
from graphlab.models import GAE, GAECN, NCN, NCN2, NCNC, NCNdiff
from graphlab.models._completion import Lists, capped
from graphlab.ops import remove_edges
from tests.models.link_golden import CALIBRATIONS, CONFIGS, GRAPHS, cases, close, read, weights

SILENT = {"dropout": 0.0}


class Case:
    """A graph with features, pairs and golden results."""

    def __init__(self, name):
        self.data = read(name)
        n = int(self.data["num_nodes"])
        self.graph = as_graph(torch.from_numpy(self.data["edge_index"]), n)
        self.x, self.pairs = (torch.from_numpy(self.data[key]) for key in ("x", "pairs"))


def build(cls, config, **options):
    model = cls(16, 16, **{**SILENT, **CONFIGS[config], **options})
    model.load_reference_state_dict(weights(f"weights_{config}"))
    return model.eval()


def check_scores(model, case, key, tolerance=2e-5):
    close(model.score(case.x, case.graph, case.pairs), case.data[key], tolerance)


def check_gradients(model, case, prefix):
    x = case.x.clone().requires_grad_()
    cotangent = torch.from_numpy(case.data[f"{prefix.split('/')[0]}/cotangent"])
    (model.score(x, case.graph, case.pairs) * cotangent).sum().backward()
    named = dict(model.named_parameters())
    names = [key for key in case.data if key.startswith(f"{prefix}/grad_")]
    for key in names:
        name = key.removeprefix(f"{prefix}/grad_")
        close(x.grad if name == "x" else named[name].grad, case.data[key], 1e-4)
    return len(names)


@pytest.mark.parametrize(("name", "key"), cases("*/NCN/score"))
def test_ncn_equals_the_authors_code(name, key):
    config, case = key.split("/")[0], Case(name)
    model = build(NCN, config)
    check_scores(model, case, key)
    assert check_gradients(model, case, f"{config}/NCN") == 3


@pytest.mark.parametrize(("name", "key"), cases("*/NCNC[12]_[!l]*/score"))
def test_ncnc_equals_the_authors_code(name, key):
    config, kind, _ = key.split("/")
    depth, calibration, case = int(kind[4]), kind[6:], Case(name)
    options = {"depth": depth, **CALIBRATIONS[calibration]}
    model = build(NCNC, config, **options)
    check_scores(model, case, key)
    if calibration == "strong" and depth == 1:
        assert check_gradients(model, case, f"{config}/{kind}") == 3
    for other in ({"split_size": 7}, {"dedup": False}):
        with torch.inference_mode():
            check_scores(build(NCNC, config, **options, **other), case, key)


@pytest.mark.parametrize(("name", "key"), cases("*/NCNC1_learnpt/score"))
def test_learnt_probability_equals_the_formula(name, key):
    config, case = key.split("/")[0], Case(name)
    model = build(NCNC, config, learn_pt=True, **CALIBRATIONS["strong"])
    check_scores(model, case, key)
    assert check_gradients(model, case, f"{config}/NCNC1_learnpt") == 1


@pytest.mark.parametrize("name", GRAPHS)
def test_scores_without_the_target_links(name):
    case = Case(name)
    gone = case.pairs[:, : int(case.data["TLR/num_removed"])]
    case.graph = remove_edges(case.graph, gone)
    check_scores(build(NCN, "A_xlin_tailact_ln"), case, "TLR/A_NCN/score")
    ncnc = build(NCNC, "A_xlin_tailact_ln", **CALIBRATIONS["strong"])
    check_scores(ncnc, case, "TLR/A_NCNC1_strong/score")


@pytest.mark.parametrize(("name", "key"), cases("D_*/GAE*/score"))
def test_models_without_pooled_neighbours(name, key):
    kind = key.split("/")[1]
    model = {"GAE": GAE, "GAECN": GAECN}[kind](
        16, 16, dropout=0.0, tail_act=False, two_layer_lin=True
    )
    model.load_reference_state_dict(weights(f"weights_{kind}"))
    check_scores(model.eval(), Case(name), key)


@pytest.mark.parametrize(("name", "key"), [*cases("D_*/NCNdiff/score"), *cases("D_*/NCN2/score")])
def test_variants_equal_the_authors_code(name, key):
    kind = key.split("/")[1]
    cls = {"NCNdiff": NCNdiff, "NCN2": NCN2}[kind]
    model = cls(16, 16, dropout=0.0, use_xlin=False, tail_act=False)
    model.load_reference_state_dict(weights(f"weights_{kind}"))
    check_scores(model.eval(), Case(name), key)


@pytest.mark.parametrize("cls", [NCNdiff, NCN2])
def test_variants_train(cls, small):
    graph, x = small
    model = cls(8, 8, dropout=0.2, edge_dropout=0.3).train()
    model(x, graph, torch.randint(32, (2, 40))).sum().backward()
    assert all(p.grad is not None for p in model.parameters())


def plain_scores(model, h, edges, n, pairs, depth):
    """The formula, pair by pair, with sets."""
    near = [set() for _ in range(n)]
    for u, v in edges:
        if u != v:
            near[u].add(v)
            near[v].add(u)
    lifted = h + model.xlin(h) if model.xlin is not None else h
    out = []
    for i, j in pairs:
        pooled = h.new_zeros(h.shape[1])
        for u in near[i] & near[j]:
            pooled = pooled + lifted[u]
        for a, b in ((i, j), (j, i)) if depth else ():
            for u in near[b] - near[a]:
                z = plain_scores(model, lifted, edges, n, [(a, u)], depth - 1)[0].detach()
                p0 = torch.sigmoid(model.scale * (z - model.offset))
                p = model.alpha * model.pt * p0 / (model.pt * p0 + 1 - p0)
                pooled = pooled + p * lifted[u]
        pair = model.xijlin((h[i] * h[j])[None])
        out.append(model.lin(model.beta * model.xcnlin(pooled[None]) + pair)[0, 0])
    return torch.stack(out)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("depth", [0, 1, 2])
def test_scores_and_gradients_equal_the_formula_in_double(depth, training):
    generator = torch.Generator().manual_seed(depth)
    n = 9
    edges = torch.randint(n - 1, (2, 16), generator=generator)
    pairs = torch.randint(n, (2, 12), generator=generator)
    torch.manual_seed(0)
    model = NCNC(4, 4, depth=depth, dropout=0.0, alpha=0.9, pt=0.4, scale=3.0, offset=0.0)
    model = model.double().train(training)
    h = torch.randn(n, 4, dtype=torch.float64, generator=generator)
    first, second = h.clone().requires_grad_(), h.clone().requires_grad_()
    other = copy.deepcopy(model)
    found = model.score(first, edges, pairs)
    expected = plain_scores(other, second, edges.T.tolist(), n, pairs.T.tolist(), depth)
    torch.testing.assert_close(found, expected)
    (found.cos().sum()).backward()
    (expected.cos().sum()).backward()
    torch.testing.assert_close(first.grad, second.grad)
    for mine, plain in zip(model.parameters(), other.parameters(), strict=True):
        if plain.grad is not None:
            torch.testing.assert_close(mine.grad, plain.grad)


@pytest.fixture
def small():
    torch.manual_seed(3)
    edges = torch.randint(30, (2, 90))
    return as_graph(edges, 32), torch.randn(32, 8)


@pytest.mark.parametrize("cls", [NCN, NCNC, GAE, GAECN])
class TestEdgeCases:
    def test_both_orders_of_a_pair_score_equally(self, cls, small):
        graph, x = small
        model = cls(8, 8).eval()
        h = model.encode(x, graph)
        pairs = torch.tensor([[0, 5, 31, 7, 5], [5, 0, 3, 7, 0]])
        scores = model.score(h, graph, pairs).detach()
        assert scores[0].item() == pytest.approx(scores[1].item(), abs=1e-6)
        assert scores[1].item() == pytest.approx(scores[4].item(), abs=1e-6)
        assert torch.isfinite(scores).all()

    def test_no_pairs(self, cls, small):
        graph, x = small
        for model in (cls(8, 8).eval(), cls(8, 8).train()):
            h = model.encode(x, graph)
            scores = model.score(h, graph, torch.empty((2, 0), dtype=torch.long))
            assert scores.shape == (0,)
            scores.sum().backward()

    @pytest.mark.parametrize("training", [False, True])
    def test_no_edges(self, cls, training):
        model = cls(8, 8, dropout=0.5).train(training)
        graph = as_graph(torch.empty((2, 0), dtype=torch.long), 4)
        scores = model(torch.ones(4, 8), graph, torch.tensor([[0, 1], [2, 1]]))
        assert scores.shape == (2,)
        scores.sum().backward()

    def test_wrong_ids_are_named(self, cls, small):
        graph, x = small
        model = cls(8, 8)
        with pytest.raises(InputError, match="pairs holds node 32, but h has 32 rows"):
            model.score(model.encode(x, graph), graph, torch.tensor([[0], [32]]))

    def test_another_graph_is_refused(self, cls, small):
        graph, x = small
        model = cls(8, 8)
        with pytest.raises(InputError, match="32 nodes, but 31"):
            model.score(model.encode(x, graph)[:31], graph, torch.tensor([[0], [1]]))

    def test_node_ids_in_place_of_features(self, cls, small):
        graph, _ = small
        model = cls(0, 8, num_ids=32)
        pairs = torch.tensor([[0, 1], [2, 1]])
        h = model.encode(None, graph)
        assert torch.equal(model.eval().encode(torch.arange(32), graph), model.encode(None, graph))
        model.score(h, graph, pairs).sum().backward()
        assert model.encoder.xemb[0].weight.grad is not None

    def test_presets_of_the_paper(self, cls):
        model = cls.from_preset("cora")
        assert model.in_channels == 1433
        assert model.hidden_channels == 256
        with pytest.raises(InputError, match="Did you mean citeseer"):
            cls.from_preset("citeser")


def test_seeds_decide_dropout(small):
    graph, x = small
    model = NCNC(8, 8, dropout=0.3, edge_dropout=0.4, tail_dropout=0.2).train()
    pairs = torch.randint(32, (2, 40))
    found = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        found.append(model(x, graph, pairs))
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_weights_are_shared_with_the_ncn(small):
    graph, x = small
    ncn = NCN(8, 8, dropout=0.0).eval()
    ncnc = NCNC.from_ncn(ncn, depth=0, freeze_encoder=True)
    pairs = torch.randint(32, (2, 10))
    torch.testing.assert_close(ncnc(x, graph, pairs), ncn(x, graph, pairs))
    assert ncnc.parameter_groups()["encoder"] == []
    ncnc.train()
    assert not ncnc.encoder.training
    with torch.no_grad():
        ncn.lin[0].weight.add_(1)
    assert ncnc.lin[0].weight is ncn.lin[0].weight


def test_inner_scores_without_dropout(small):
    graph, x = small
    model = NCNC(8, 8, dropout=0.5, inner_train_mode=False, alpha=1.0, offset=0.0)
    model.train()
    model.score(x, graph, torch.randint(32, (2, 10)))
    assert all(module.training for module in model.modules())


def test_capped_lists_estimate_the_sum_without_bias():
    ptr = torch.tensor([0, 3, 3, 103])
    nodes = torch.cat([torch.arange(3), torch.arange(100)])
    torch.manual_seed(0)
    sums = []
    for _ in range(300):
        lists = capped(Lists(ptr, nodes), 10, training=True)
        assert lists.lengths.tolist() == [3, 0, 10]
        assert lists.weight is not None
        weighted = lists.nodes.double() * lists.weight.double()
        sums.append([float(weighted[:3].sum()), float(weighted[3:].sum())])
    mean, deviation = np.mean(sums, 0), np.std(sums, 0)
    assert mean[0] == 3
    assert abs(mean[1] - 4950) < 4 * deviation[1] / np.sqrt(300)


def test_caps_of_evaluation_are_reproducible(small):
    graph, x = small
    model = NCNC(8, 8, test_max_residual=2, max_common=1, alpha=1.0, offset=0.0).eval()
    pairs = torch.randint(32, (2, 50))
    assert torch.equal(model(x, graph, pairs), model(x, graph, pairs))


def test_threads_do_not_change_scores(small):
    graph, x = small
    model = NCNC(8, 8).eval()
    pairs = torch.randint(32, (2, 50))
    one = model(x, graph, pairs)
    torch.set_num_threads(2)
    torch.testing.assert_close(model(x, graph, pairs), one)
