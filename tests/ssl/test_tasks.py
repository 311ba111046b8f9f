"""Pretext tasks: targets, masks, losses, leakage, bad input."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from graphlab.errors import InputError
from graphlab.graph import as_graph
from graphlab.ssl import (
    SUPPORTED,
    AttributeMask,
    ContextLabel,
    CorrectedLabel,
    Distance2Clusters,
    Distance2Labeled,
    EdgeMask,
    NodeProperty,
    PairwiseAttrSim,
    PairwiseDistance,
    make_task,
)
from graphlab.ssl.catalogue import OPTIONS, complete, default_weight, setting_problem, task_name
from graphlab.transforms.components import principal_components
from tests.ssl.golden import as_data, read


@pytest.fixture(scope="module")
def golden():
    return read()


@pytest.fixture(scope="module")
def prepared(golden):
    return as_data(golden)


def embeddings(n, width=8, seed=0):
    return torch.randn(n, width, generator=torch.Generator().manual_seed(seed))


def small(n=6, **changes):
    given = {
        "x": torch.rand(n, 5, generator=torch.Generator().manual_seed(1)),
        "edge_index": torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]]),
        "y": torch.arange(n) % 2,
        "num_nodes": n,
    }
    return SimpleNamespace(**{**given, **changes}), torch.arange(n) < 2


@pytest.mark.parametrize("name", SUPPORTED)
def test_a_loss_is_finite_and_reaches_embeddings_and_head(prepared, name):
    task = make_task(name).prepare(*prepared)
    h = embeddings(90).requires_grad_()
    loss = task.loss(h)
    loss.backward()
    assert loss.shape == ()
    assert bool(torch.isfinite(loss))
    assert float(h.grad.abs().sum()) > 0
    assert all(float(p.grad.abs().sum()) > 0 for p in task.parameters())


@pytest.mark.parametrize("name", SUPPORTED)
def test_labels_of_other_nodes_change_nothing(prepared, name):
    data, mask = prepared
    others = (~mask).nonzero().squeeze(1)
    y = data.y.clone()
    y[others] = y[others.flip(0)]
    y[others[0]] = 99  # not even how many classes there are
    changed = SimpleNamespace(**{**vars(data), "y": y})
    one, other = (make_task(name).prepare(d, mask, seed=3) for d in (data, changed))
    assert torch.equal(one.target, other.target)
    assert one.out_channels == other.out_channels
    torch.manual_seed(0)
    first = one.loss(embeddings(90))
    torch.manual_seed(0)
    assert torch.equal(first, other.loss(embeddings(90)))


@pytest.mark.parametrize("name", SUPPORTED)
def test_targets_are_a_function_of_data_mask_and_seed(prepared, name):
    one, again = (make_task(name).prepare(*prepared, seed=5) for _ in range(2))
    torch.rand(3)
    for epoch in (4, 0):
        one.start_epoch(epoch)
        again.start_epoch(epoch)
        assert torch.equal(one.target, again.target)
        if hasattr(one, "pairs"):
            assert torch.equal(one.pairs, again.pairs)
    heads = [task.build_head(8).weight for task in (one, again)]
    assert torch.equal(*heads)


# the others draw, partition, or sweep in the order of ids
@pytest.mark.parametrize("name", ["nodeproperty", "distance2labeled", "lpcontextlabel"])
def test_relabelling_the_nodes_permutes_what_is_not_drawn(prepared, name):
    data, mask = prepared
    order = torch.randperm(90, generator=torch.Generator().manual_seed(0))
    back = torch.argsort(order)
    moved = SimpleNamespace(
        x=data.x[order], edge_index=back[data.edge_index], y=data.y[order], num_nodes=90
    )
    one, other = make_task(name).prepare(data, mask), make_task(name).prepare(moved, mask[order])
    torch.testing.assert_close(other.target, one.target[order], rtol=0, atol=1e-6)


def test_golden_targets_of_tasks(golden, prepared):
    task = NodeProperty().prepare(*prepared)
    np.testing.assert_array_equal(task.target, golden.node_property_degree_class)
    for name in ("pagerank", "closeness"):
        found = NodeProperty(name).prepare(*prepared)
        np.testing.assert_allclose(found.target, getattr(golden, name), atol=1e-6)
        assert found.kind == "regression"
    found = NodeProperty("degree", "regression").prepare(*prepared)
    np.testing.assert_array_equal(found.target, golden.degree)
    found = Distance2Labeled().prepare(*prepared)
    np.testing.assert_allclose(found.target, golden.distance2labeled, atol=1e-6)
    task = PairwiseDistance(per_class=10**6).prepare(*prepared)
    known = golden.pairwise_distance_label
    np.testing.assert_array_equal(known[tuple(task.pairs.numpy())], task.target)
    assert task.target.numel() == (known >= 0).sum()
    for source in ("lp", "ica", "ensemble"):
        task = ContextLabel(source).prepare(*prepared)
        np.testing.assert_array_equal(task.pseudo, getattr(golden, f"{source}_pred"))
        np.testing.assert_allclose(task.target, getattr(golden, f"{source}_context"), atol=1e-6)


def test_golden_degree_classes_of_parts(golden):
    graph = as_graph(golden.disc_edge_index, 21)
    task = NodeProperty().prepare(graph, torch.zeros(21, dtype=torch.bool))
    np.testing.assert_array_equal(task.target, golden.disc_degree_class)


def test_golden_clusters_by_a_given_partition(golden, prepared):
    task = Distance2Clusters(partition=golden.cluster_membership).prepare(*prepared)
    assert task.target.shape == (90, 4)
    assert not task.notes
    same = task.centres == golden.cluster_center_global
    assert same.any()
    expected = golden.distance2cluster_from_global_centers[:, same]
    np.testing.assert_allclose(task.target[:, same], expected, atol=1e-6)


def test_official_centres_are_places_within_the_part(golden, prepared):
    labels = golden.cluster_membership
    ours = Distance2Clusters(partition=labels).prepare(*prepared)
    theirs = Distance2Clusters(partition=labels, compat="official").prepare(*prepared)
    for part in range(4):
        members = np.flatnonzero(labels == part)
        assert members[theirs.centres[part]] == ours.centres[part]
    assert not torch.equal(ours.target, theirs.target)


def test_golden_similarities_looked_up_by_pair(golden, prepared):
    task = PairwiseAttrSim().prepare(*prepared)
    i, j = task.all_pairs.numpy()
    np.testing.assert_allclose(task.all_target, golden.cosine_all[i, j], atol=1e-6)
    a, b = golden.attrsim_pairs
    np.testing.assert_allclose(golden.attrsim_value, golden.cosine_all[a, b], atol=1e-6)
    assert (i < j).all()
    assert len(set(zip(i.tolist(), j.tolist(), strict=True))) == i.size
    assert i.size <= 9 * 90
    cosine = golden.cosine_all - 2 * np.eye(90)
    best = np.sort(cosine, 1)[:, -3]  # of each node the three most similar others are there
    listed = {(min(p), max(p)) for p in zip(i.tolist(), j.tolist(), strict=True)}
    for node in range(90):
        surely = np.flatnonzero(cosine[node] > best[node] + 1e-6)
        assert all((min(node, v), max(node, v)) in listed for v in surely.tolist())


def test_sparse_features_give_the_same_similarities(prepared):
    data, mask = prepared
    sparse = SimpleNamespace(**{**vars(data), "x": data.x.to_sparse_csr()})
    one, other = (PairwiseAttrSim().prepare(d, mask) for d in (data, sparse))
    common = {tuple(p) for p in one.all_pairs.T.tolist()}
    common &= {tuple(p) for p in other.all_pairs.T.tolist()}
    assert len(common) > 0.8 * one.all_pairs.shape[1]  # sums of another order break ties otherwise


def test_the_official_similarity_loss_compares_all_with_all(prepared):
    h = embeddings(90)
    ours = PairwiseAttrSim().prepare(*prepared)
    theirs = PairwiseAttrSim(compat="official").prepare(*prepared)
    scores = ours._pair_scores
    ours.loss(h), theirs.loss(h)
    p = scores(h, ours.pairs).squeeze(1)
    torch.testing.assert_close(ours.loss(h), (p - ours.target).square().mean())
    every = (p[:, None] - ours.target[None, :]).square().mean()
    torch.testing.assert_close(theirs.loss(h), every)


def test_hidden_edges_are_missing_in_both_directions(golden, prepared):
    data, mask = prepared
    for compat, both in ((None, True), ("official", False)):
        task = EdgeMask(compat=compat).prepare(data, mask)
        left = {tuple(e) for e in task.transform(data)[1].T.tolist()}
        known = {tuple(e) for e in data.edge_index.T.tolist()}
        hidden = [tuple(p) for p in task.pairs[:, task.target == 1].T.tolist()]
        absent = [tuple(p) for p in task.pairs[:, task.target == 0].T.tolist()]
        assert len(hidden) == len(absent) == len(set(hidden)) == len(set(absent))
        assert not set(hidden) & left
        assert not set(absent) & known
        assert all(a != b for a, b in absent)
        assert all(((b, a) in left) is False for a, b in hidden) is both
        assert len(known) - len(left) == len(hidden) * (2 if both else 1)
        assert len(hidden) == -(-(len(known) // (2 if both else 1)) // 10)
    assert len(hidden) == golden.edgemask_masked_edges.shape[1]


def test_a_graph_stays_a_graph_when_edges_are_hidden(prepared):
    data, mask = prepared
    graph = as_graph(data.edge_index, 90)
    task = EdgeMask().prepare(data, mask)
    x, masked = task.transform_parts(data.x, graph)
    assert x is data.x
    assert masked.num_nodes == 90
    assert task.transform_parts(data.x, graph)[1] is masked  # what a model keeps of it serves


@pytest.mark.parametrize("layout", ["dense", "sparse"])
def test_masked_features_are_zero_and_the_target(golden, prepared, layout):
    data, mask = prepared
    x = data.x if layout == "dense" else data.x.to_sparse_csr()
    data = SimpleNamespace(**{**vars(data), "x": x})
    task = AttributeMask().prepare(data, mask)
    assert task.masked.numel() == golden.attrmask_nodes.size
    assert not mask[task.masked].any()
    given, edges = task.transform(data)
    assert edges is data.edge_index
    assert given.layout == x.layout
    given = given if layout == "dense" else given.to_dense()
    assert not given[task.masked].any()
    rest = torch.ones(90, dtype=torch.bool)
    rest[task.masked] = False
    original = as_data(golden)[0].x
    assert torch.equal(given[rest], original[rest])
    torch.testing.assert_close(
        task.target, original[task.masked]
    )  # 24 columns are no more than 256
    few = AttributeMask(components=4).prepare(data, mask)
    assert few.target.shape == (task.masked.numel(), 4)


def test_principal_components_are_those_of_the_decomposition():
    x = embeddings(50, 20)
    u, s, _ = torch.linalg.svd((x - x.mean(0)).double(), full_matrices=False)
    for given in (x, x.to_sparse_csr()):
        found = principal_components(given, 10)
        expected = u[:, :10] * s[:10]
        signs = (found.double() * expected).sum(0).sign()
        torch.testing.assert_close(found.double(), expected * signs, rtol=0, atol=1e-5)
    assert principal_components(x, 100).shape == (50, 20)
    with pytest.raises(InputError, match="components is 0"):
        principal_components(x, 0)


def test_other_tasks_return_the_same_objects(prepared):
    data, mask = prepared
    x, edges = Distance2Labeled().prepare(data, mask).transform(data)
    assert x is data.x
    assert edges is data.edge_index


def test_classes_of_distances_weigh_the_same():
    data, mask = small()
    task = PairwiseDistance().prepare(data, mask)
    h = embeddings(6)
    task.loss(h)
    scores = task._pair_scores(h, task.pairs)
    each = torch.nn.functional.cross_entropy(scores, task.target, reduction="none")
    means = [each[task.target == c].mean() for c in task.target.unique()]
    torch.testing.assert_close(task.loss(h), torch.stack(means).mean())


def test_nodes_without_context_are_left_out():
    data, mask = small()
    task = ContextLabel("lp").prepare(data, mask)  # nodes 3, 4, 5 have no neighbour
    assert task.pseudo.tolist() == [0, 1, 1, -1, -1, -1]
    assert task.covered.tolist() == [True] * 3 + [False] * 3
    assert task.target[4].tolist() == [0.5, 0.5]
    h = embeddings(6)
    torch.manual_seed(0)
    before = task.loss(h)
    task.target[4] = 9.0
    torch.manual_seed(0)
    assert torch.equal(task.loss(h), before)


def test_corrected_labels_add_a_second_part(prepared):
    h = embeddings(90)
    plain = ContextLabel("ica").prepare(*prepared)
    parts = []
    for alpha in (0.0, 1.0, 2.0):
        task = CorrectedLabel("ica", alpha).prepare(*prepared)
        task.build_head(8)
        plain.build_head(8)
        plain.head.load_state_dict(task.head.state_dict())
        parts.append(task.loss(h, dropout=False))
    torch.testing.assert_close(parts[0], plain.loss(h, dropout=False))
    torch.testing.assert_close(parts[2] - parts[0], 2 * (parts[1] - parts[0]))
    assert parts[1] > parts[0]
    assert (task.corrected != task.pseudo).any()
    known = prepared[1]
    assert torch.equal(task.corrected[known], task.pseudo[known])


def test_a_missing_class_is_warned_of():
    data, mask = small(num_classes=3)
    with pytest.warns(UserWarning, match="class 2"):
        task = Distance2Labeled().prepare(data, mask)
    assert task.target.shape == (6, 3)
    assert not task.target[:, 2].any()


@pytest.mark.parametrize("name", SUPPORTED)
def test_graphs_without_edges(name):
    data, mask = small(12, edge_index=torch.empty(2, 0, dtype=torch.int64))
    if name in ("edgemask", "pairwisedistance"):
        with pytest.raises(ValueError, match=name.replace("edge", "Edge")[:4]):
            make_task(name).prepare(data, mask)
        return
    task = make_task(name).prepare(data, mask)
    assert bool(torch.isfinite(task.loss(embeddings(12))))
    if name in ("distance2labeled", "distance2clusters", "nodeproperty"):
        assert not task.target.any()


def test_one_node():
    data = SimpleNamespace(
        x=torch.ones(1, 2), edge_index=torch.empty(2, 0, dtype=torch.int64), y=torch.tensor([0])
    )
    mask = torch.tensor([True])
    for task in (EdgeMask(), PairwiseDistance(), PairwiseAttrSim()):
        with pytest.raises(InputError, match=type(task).__name__):
            task.prepare(data, mask)
    for task in (NodeProperty(), Distance2Labeled(), ContextLabel(), AttributeMask()):
        assert bool(torch.isfinite(task.prepare(data, mask).loss(torch.ones(1, 4))))


@pytest.mark.parametrize("task", [Distance2Labeled(), ContextLabel(), CorrectedLabel()])
def test_no_labelled_node_is_refused(task):
    data, _ = small()
    with pytest.raises(InputError, match="labelled node"):
        task.prepare(data, torch.zeros(6, dtype=torch.bool))


@pytest.mark.parametrize(
    ("mask", "match"),
    [(torch.ones(6), "boolean"), (torch.ones(5, dtype=torch.bool), "6 nodes"), ([0, 1], "boolean")],
)
def test_a_wrong_mask_is_refused(mask, match):
    with pytest.raises(ValueError, match=match):
        NodeProperty().prepare(small()[0], mask)


def test_features_that_are_not_finite_are_refused():
    data, mask = small()
    data.x[2, 2] = torch.nan
    with pytest.raises(ValueError, match="1 values"):
        NodeProperty().prepare(data, mask)


def test_directed_graphs_are_warned_of():
    data, mask = small(edge_index=torch.tensor([[0, 1], [1, 2]]))
    with pytest.warns(UserWarning, match="directed"):
        task = NodeProperty().prepare(data, mask)
    assert task.data.simple.num_edges == 4


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: EdgeMask(0), "fraction is 0"),
        (lambda: PairwiseDistance(1), "max_class is 1"),
        (lambda: ContextLabel("best"), "source is 'best'"),
        (lambda: ContextLabel(hops=3), "hops is 3"),
        (lambda: CorrectedLabel(alpha=-1), "alpha is -1"),
        (lambda: NodeProperty("age"), "property is 'age'"),
        (lambda: NodeProperty("pagerank", "class"), "kind is 'class'"),
        (lambda: EdgeMask(compat="paper"), "compat is 'paper'"),
        (lambda: make_task("distance2label"), "Did you mean distance2labeled"),
        (lambda: make_task("edgemask", {"share": 1}), "options.share"),
        (lambda: EdgeMask().data, "call prepare"),
        (lambda: Distance2Clusters(partition="metis").prepare(*small()), "partition=array"),
        (lambda: Distance2Clusters(partition=[0, 1]).prepare(*small()), "partition has shape"),
        (lambda: Distance2Clusters(7).prepare(*small()), "num_clusters is 7"),
        (lambda: NodeProperty().prepare(*small()).loss(torch.ones(5, 2)), "embeddings have shape"),
        (lambda: PairwiseAttrSim().prepare(*small()), "needs 10 nodes"),
    ],
)
def test_wrong_arguments_are_named(make, match):
    with pytest.raises(InputError, match=match):
        make()


def test_a_dense_graph_has_too_few_pairs_without_an_edge():
    full = torch.tensor([[0, 0, 1], [1, 2, 2]])
    data, mask = small(3, edge_index=torch.cat([full, full.flip(0)], 1))
    with pytest.raises(InputError, match="Lower fraction"):
        EdgeMask().prepare(data, mask)


def test_partitions_by_name_function_and_default():
    data, mask = small(12)
    default = Distance2Clusters(3).prepare(data, mask)
    assert "breadth-first" in default.notes[0]
    assert Distance2Clusters(3, "bfs").prepare(data, mask).notes == []
    function = Distance2Clusters(partition=lambda graph: [0] * graph.num_nodes)
    assert function.prepare(data, mask).out_channels == 1
    assert Distance2Clusters(partition="louvain").prepare(data, mask).out_channels > 1


@pytest.mark.parametrize("name", SUPPORTED)
def test_the_options_of_a_task_are_those_of_its_class(name):
    """The table is read where torch is not; it may not fall behind."""
    import inspect

    task = make_task(name, OPTIONS[name])
    known = inspect.signature(type(task)).parameters
    own = {k: p.default for k, p in known.items() if k != "compat"}
    if type(task) is ContextLabel:
        del own["source"]
        missing = set(own) - set(OPTIONS[name])
        assert missing == ({"binary_features"} if name.startswith("lp") else {"fill"})
        own = {k: v for k, v in own.items() if k in OPTIONS[name]}
    assert own == OPTIONS[name]
    assert task.name == name


def test_settings_are_checked_and_written_out():
    assert task_name(" Distance-Cluster ") == "distance2clusters"
    full = complete({"task": "EDGE_MASK", "lam": 5, "options": {"fraction": 0.2}})
    assert (full["task"], full["lam"], full["options"]) == ("edgemask", 5.0, {"fraction": 0.2})
    assert complete(full) == full
    several = complete({"task": {"EdgeMask": 1, "ensemble": 2}})
    assert several["task"] == {"edgemask": 1.0, "combinedcontextlabel": 2.0}
    for wrong, text in (
        ({}, "task is missing"),
        ({"task": {}}, "empty table"),
        ({"task": {"edgemask": -1}}, "weight of edgemask"),
        ({"task": {"edgemask": 1, "edge-mask": 2}}, "twice"),
        ({"task": {"edgemask": 1}, "lam": 2}, "leave it out"),
        ({"task": "edgemask", "lam": True}, "lam is True"),
        ({"task": "edgemask", "mode": "both"}, "mode is 'both'"),
        ({"task": "edgemask", "pretrain_epochs": 0}, "pretrain_epochs is 0"),
        ({"task": "edgemask", "lambda": 1}, "lambda is not a setting"),
        ({"task": 3}, "task is 3"),
        ("edgemask", "no table"),
    ):
        assert text in setting_problem(wrong)
    assert default_weight("correctedlabel", "citeseer", {"source": "ica"}) == 10.0
    assert default_weight("lpcontextlabel", "cora") == 50.0
    assert default_weight("lpcontextlabel", "debdeps") is None
