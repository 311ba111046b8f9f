"""Sets of graphs in the harness: a run from its plan to the table, and the shipped suites."""

from __future__ import annotations

import json

import pytest

import graphlab.bench
from graphlab.bench.config import load_suite
from graphlab.bench.plan import make_plan
from graphlab.bench.report.display import metric_style
from graphlab.errors import ConfigError

SUITE = {
    "title": "Rings",
    "task": "graph",
    "protocol": "cv-10",
    "seeds": 2,
    "datasets": ["csl"],
    "recipe": {"epochs": 2},
    "task_options": {"batch_size": 45},
    "system": [
        {
            "model": "bgnn-gin",
            "name": name,
            "preset": "none",
            "options": {"hidden_channels": 8, "num_layers": 2},
            "task_options": options,
        }
        for name, options in (
            ("plain", {}),
            ("positions", {"positional": "laplacian", "positional_dim": 4}),
        )
    ],
}


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    return graphlab.bench.run(SUITE, results=folder, threads=1), folder


def test_runs_have_records_of_all_graphs(result):
    records = [json.loads(f.read_text()) for f in sorted(result[1].rglob("run.json"))]
    assert len(records) == 4
    for record in records:
        assert record["result"]["status"] == "done"
        assert record["data"]["num_nodes"] == 6150
        assert record["data"]["num_edges"] == 24600  # both directions
        assert record["identity"]["protocol"] == "cv-10"
    splits = {(r["identity"]["seed"], r["data"]["split_sha256"]) for r in records}
    assert len({seed for seed, _ in splits}) == len({sha for _, sha in splits}) == 2
    plain = [
        r["result"]["metrics"]["test"]["acc"] for r in records if r["identity"]["system"] == "plain"
    ]
    assert plain == [pytest.approx(1 / 10, abs=0.07)] * 2  # all graphs alike: one class for all


def test_inputs_follow_from_the_data(result):
    records = [json.loads(f.read_text()) for f in result[1].rglob("run.json")]
    sizes = {r["identity"]["system"]: r["cost"]["parameters"] for r in records}
    # a linear layer of 4 encodings with its bias in place of an embedding of one type
    assert sizes["positions"] - sizes["plain"] == 4 * 8


def test_an_option_that_the_task_fills_in_is_refused():
    wrong = {**SUITE, "system": [{"model": "bgnn-gin", "options": {"level": "node"}}]}
    with pytest.raises(ConfigError, match="level is filled in from the data set"):
        load_suite(wrong)


@pytest.mark.parametrize(
    ("suite", "runs"),
    [
        ("csl", 20),
        ("gnn-benchmark", 16),
        ("gsm-synthetic", 198),
        ("gsm-tokens", 180),
        ("gsm-tokens-graph", 180),
        ("molecules", 40),
        ("tsp", 8),
        ("tu", 90),
    ],
)
def test_shipped_suites_are_planned(suite, runs, tmp_path, mirror):
    assert len(make_plan(load_suite(suite), tmp_path).runs) == runs


def test_accuracy_of_block_models_is_a_percentage_already():
    style = metric_style("sbm_acc")
    assert (style.number(84.48), style.head) == ("84.5", "accuracy %")
