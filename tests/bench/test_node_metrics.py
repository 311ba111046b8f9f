"""Node metrics of a run: asked for, kept beside it, checked, and in nobody's way."""

from __future__ import annotations

import json

import numpy as np
import pytest

from graphlab.bench import cli
from graphlab.bench._file_checks import check_files
from graphlab.bench._inputs import CellData
from graphlab.bench._node_metrics import FILE, read_node_metrics
from graphlab.bench._select import select_runs
from graphlab.bench.config import load_suite
from graphlab.bench.plan import LATER_OPTIONS, make_plan
from graphlab.bench.runner import run_spec
from graphlab.bench.store import RunStore
from graphlab.bench.suite import Overrides
from graphlab.errors import ConfigError, InputError
from graphlab.tasks import LinkPrediction

SUITE = {
    "task": "link",
    "protocol": "ncn-70-10-20",
    "datasets": ["debdeps"],
    "seeds": 1,
    "recipe": {"epochs": 2, "eval_every": 2, "monitor": "hits@20"},
    "task_options": {"batch_size": 4096},
    "system": [{"model": "gae", "preset": "none", "options": {"hidden_channels": 8}}],
}


def plan_of(results, *, asked=True, suite=SUITE):
    return make_plan(load_suite(suite, overrides=Overrides(node_metrics=asked)), results)


def execute(results, *, asked=True, **how):
    plan = plan_of(results, asked=asked)
    store, spec = RunStore(plan.results), plan.runs[0]
    return run_spec(spec, store, cell=CellData(), **how), store.folder(spec)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    return execute(tmp_path_factory.mktemp("asked"))


def test_the_record_names_file_checksum_and_means(kept):
    record, folder = kept
    told = record.result.node_metrics
    found = read_node_metrics(folder / told.file)
    assert told.num_nodes == len(found.nodes) == len(found.at("mrr"))
    assert told.means == found.means()
    assert told.means["recall@10"] == pytest.approx(float(found.at("recall", 10).mean()))
    assert {name.partition("@")[0] for name in told.means} == set(found.metrics)
    assert record.cost.seconds["node_metrics"] > 0
    ends = np.unique(found.edges["test"])
    assert np.array_equal(found.nodes, ends)
    assert sum(map(len, found.edges.values())) == 9414
    stored = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert stored["result"]["node_metrics"]["sha256"] == told.sha256


def test_no_other_number_of_the_run_depends_on_them(kept, tmp_path):
    record, _ = kept
    plain, other = execute(tmp_path, asked=False)
    assert plain.result.node_metrics is None
    assert not (other / FILE).exists()
    assert plain.result.metrics == record.result.metrics
    assert plain.result.breakdowns == record.result.breakdowns
    assert plain.result.history_sha256 == record.result.history_sha256
    assert plain.result.best_epoch == record.result.best_epoch


def test_asking_makes_another_run_and_not_asking_the_one_it_always_was(tmp_path):
    asked, plain = (plan_of(tmp_path, asked=a).runs[0] for a in (True, False))
    assert asked.run_id != plain.run_id
    assert plain.task_options["node_metrics"] is LATER_OPTIONS["node_metrics"] is False
    assert "node_metrics" not in plain.identity()["task_options"]
    assert asked.identity()["task_options"]["node_metrics"] is True
    written = {**SUITE, "task_options": {**SUITE["task_options"], "node_metrics": True}}
    assert plan_of(tmp_path, asked=False, suite=written).runs[0].run_id == asked.run_id


def test_the_flag_is_for_the_link_parts_of_a_suite():
    both = {
        "datasets": ["debdeps"],
        "part": [
            {"task": "node", "system": [{"model": "mlp"}]},
            {"task": "link", "system": [{"model": "cn"}]},
        ],
    }
    suite = load_suite(both, overrides=Overrides(node_metrics=True))
    runs = make_plan(suite).runs
    assert [run.task_options.get("node_metrics") for run in runs] == [None] * 3 + [True] * 3
    alone = {"task": "node", "datasets": ["debdeps"], "system": [{"model": "mlp"}]}
    with pytest.raises(ConfigError, match=r"--node-metrics: no part .*--task link"):
        load_suite(alone, overrides=Overrides(node_metrics=True))


def test_the_same_run_gives_the_same_file(kept, tmp_path):
    record, _ = kept
    again, _ = execute(tmp_path)
    assert again.result.node_metrics == record.result.node_metrics


def test_a_stop_while_nodes_rank_leaves_a_run_that_goes_on(kept, tmp_path, monkeypatch):
    """The training is over by then; what follows must be done again, and nothing else."""
    record, _ = kept
    asked = []

    def stop():
        return bool(asked)

    real = LinkPrediction.rank_nodes

    def noted(self, *arguments, **options):
        asked.append(1)
        return real(self, *arguments, **options)

    monkeypatch.setattr(LinkPrediction, "rank_nodes", noted)
    ended, folder = execute(tmp_path, stop_requested=stop)
    assert ended is None
    assert asked
    assert not (folder / "run.json").exists()
    assert not (folder / FILE).exists()
    monkeypatch.undo()
    again, _ = execute(tmp_path)
    assert again.result.node_metrics == record.result.node_metrics
    assert again.result.metrics == record.result.metrics


def test_what_fails_is_told_and_costs_no_result(kept, tmp_path, monkeypatch):
    def broken(self, *arguments, **options):
        raise InputError("no ranks here")

    monkeypatch.setattr(LinkPrediction, "rank_nodes", broken)
    record, folder = execute(tmp_path)
    assert record.done
    assert record.result.node_metrics is None
    assert record.result.missing["node_metrics"] == "InputError: no ranks here"
    assert record.result.metrics == kept[0].result.metrics
    assert "node metrics were left out" in (folder / "log.txt").read_text(encoding="utf-8")


def test_verify_reads_the_file_back(kept):
    _, folder = kept
    (run,) = select_runs(str(folder), folder.parent.parent.parent).runs
    good, bad = check_files(run)
    assert not bad
    assert f"{FILE} has the recorded checksum" in good
    assert f"the means recomputed from {FILE}: equal" in good


@pytest.mark.parametrize("what", ["gone", "changed", "another"])
def test_verify_finds_a_file_that_is_not_the_one_written(tmp_path, what):
    record, folder = execute(tmp_path)
    path = folder / FILE
    if what == "gone":
        path.unlink()
    elif what == "changed":
        path.write_bytes(path.read_bytes()[:-9])
    else:  # a whole file of other content, of which the record knows the checksum
        from graphlab.io import sha256_file

        arrays = dict(np.load(path))
        arrays["mrr"] = arrays["mrr"] * 0.5
        np.savez_compressed(path, **arrays)
        told = record.result.node_metrics.model_copy(update={"sha256": sha256_file(path)})
        result = record.result.model_copy(update={"node_metrics": told})
        RunStore(folder.parent.parent).write(folder, record.model_copy(update={"result": result}))
    (run,) = select_runs(str(folder), tmp_path).runs
    bad = check_files(run)[1]
    text = {"gone": "cannot be read", "changed": "not what was written", "another": "mean mrr"}
    assert len(bad) == 1
    assert text[what] in bad[0]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda a: a.pop("hits"), "holds no node metrics"),
        (lambda a: a.update(mrr=a["mrr"][:-1]), "mrr has shape"),
        (lambda a: a.update(train_edges=a["train_edges"].ravel()), "train_edges has shape"),
    ],
)
def test_a_file_of_another_form_is_refused(kept, tmp_path, change, text):
    arrays = dict(np.load(kept[1] / FILE))
    change(arrays)
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(InputError, match=text):
        read_node_metrics(tmp_path / "x.npz")


@pytest.mark.parametrize(("name", "k"), [("recall", 7), ("recall", None), ("mrr", 10), ("auc", 5)])
def test_a_metric_that_there_is_not_is_refused(kept, name, k):
    found = read_node_metrics(kept[1] / FILE)
    with pytest.raises(InputError, match=r"cut-offs are|no node metric"):
        found.at(name, k)


def test_the_command_line_and_verify_by_execution(tmp_path, capsys):
    words = [
        "run",
        "--task",
        "link",
        "--model",
        "cn",
        "--seeds",
        "1",
        "--node-metrics",
        "--quiet",
        "--results",
    ]
    with pytest.raises(SystemExit) as stopped:
        cli.main([*words, str(tmp_path)])
    assert stopped.value.code == 0
    (path,) = tmp_path.glob(f"adhoc/*/0/{FILE}")
    assert read_node_metrics(path).at("hits", 10).mean() > 0.1
    with pytest.raises(SystemExit) as stopped:
        cli.main(["verify", "adhoc", "--results", str(tmp_path)])
    out = capsys.readouterr().out
    assert stopped.value.code == 0, out
