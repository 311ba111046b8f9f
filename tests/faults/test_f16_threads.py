"""F16: the number of threads changes no whole number, and no other one beyond its rounding."""

from __future__ import annotations

import pytest
import torch

from graphlab.datasets import load
from graphlab.graph import as_graph
from graphlab.graphlets import orbit_counts
from graphlab.heuristics import link_scores
from graphlab.ops import common_neighbors, remove_edges, spmm
from graphlab.registry import find_model, find_task
from graphlab.train import Recipe, Trainer, build_model

THREADS = (1, 2, 4)
N, PAIRS = 3000, 20_000  # large enough that the kernels divide their work


@pytest.fixture(scope="module")
def edges():
    return torch.randint(0, N, (2, 60_000), generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def pairs():
    return torch.randint(0, N, (2, PAIRS), generator=torch.Generator().manual_seed(1))


def for_each_number_of_threads(compute):
    found = []
    for threads in THREADS:
        torch.set_num_threads(threads)
        found.append(compute())
    return found


def all_equal(found):
    first, *others = [[torch.as_tensor(part) for part in parts] for parts in found]
    return all(torch.equal(a, b) for o in others for a, b in zip(first, o, strict=True))


WHOLE_NUMBERS = {
    "simple graph": lambda graph, pairs: [graph().edge_index],
    "removed edges": lambda graph, pairs: [remove_edges(graph(), pairs).edge_index],
    "orbit counts": lambda graph, pairs: [
        orbit_counts(graph(), num_threads=torch.get_num_threads())
    ],
    "common neighbours": lambda graph, pairs: list(common_neighbors(graph(), *pairs)),
    "counted heuristics": lambda graph, pairs: list(
        link_scores(graph(), pairs, ["cn", "pa"]).values()
    ),
}


@pytest.mark.parametrize("name", WHOLE_NUMBERS)
def test_whole_numbers_are_equal_to_the_bit(name, edges, pairs):
    def compute():  # afresh: a graph keeps what was computed of it
        return WHOLE_NUMBERS[name](lambda: as_graph(edges, num_nodes=N).simple(), pairs)

    found = for_each_number_of_threads(compute)
    assert len(found[0]) > 0
    assert all_equal(found)
    assert all(torch.as_tensor(part).numel() for part in found[0])


def test_sums_are_added_in_one_order(edges):
    x = torch.randn(N, 33, generator=torch.Generator().manual_seed(2))

    def compute():
        dense = x.clone().requires_grad_()
        out = spmm(as_graph(edges, num_nodes=N).simple(), dense)
        out.square().sum().backward()
        return [out.detach(), dense.grad]

    assert all_equal(for_each_number_of_threads(compute))


@pytest.mark.parametrize(
    ("task_name", "name", "protocol"),
    [("node", "gcn", "random-20-30"), ("link", "ncn", "random-85-5-10")],
)
def test_a_training_is_equal_up_to_rounding(task_name, name, protocol):
    """Loss and scores within 1e-4 relative after five epochs; torch's own products differ."""
    card = find_model(name)
    data = load("sbm-tiny", task_name)

    def compute():
        task = find_task(task_name).load()(protocol)
        problem = task.prepare(data, 0, sparse_ok=card.sparse_input)
        model = build_model(card, task.model_kwargs(problem), 0)
        result = Trainer().fit(model, task, problem, recipe=Recipe(epochs=5))
        return [row["loss"] for row in result.history], result.predictions.scores

    (losses, scores), *others = for_each_number_of_threads(compute)
    for other, rows in others:
        assert other == pytest.approx(losses, rel=1e-4)
        assert torch.allclose(rows, scores, rtol=1e-4, atol=1e-4 * float(scores.abs().max()))
