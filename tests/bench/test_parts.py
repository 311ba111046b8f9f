"""Suites of several parts: what a part takes over, which flags choose parts, one table a task."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys

import pytest

import graphlab.bench
from graphlab.bench import cli
from graphlab.bench.config import load_suite
from graphlab.bench.plan import make_plan
from graphlab.bench.report.outline import Outline, load_outline
from graphlab.bench.report.page import write_report
from graphlab.bench.report.tables import result_table
from graphlab.bench.store import RunStore
from graphlab.bench.suite import Overrides
from graphlab.errors import ConfigError

MODELS = '''
import torch
from graphlab.registry import register_model


@register_model("tiny-node", tasks=("node",), paper="none")
class TinyNode(torch.nn.Module):
    """A linear layer."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.lin = torch.nn.Linear(in_channels, out_channels)

    def forward(self, x, graph, edge_weight=None):
        return self.lin(x)


@register_model("tiny-link", tasks=("link",), paper="none")
class TinyLink(torch.nn.Module):
    """Inner products of a linear layer."""

    def __init__(self, in_channels: int, width: int = 4) -> None:
        super().__init__()
        self.lin = torch.nn.Linear(in_channels, width)

    def encode(self, x, graph):
        return self.lin(x.to_dense() if x.is_sparse_csr else x)

    def score(self, h, graph, pairs):
        return (h[pairs[0]] * h[pairs[1]]).sum(1)


@register_model("tiny-degree", tasks=("link",), paper="none")
class TinyDegree(torch.nn.Module):
    """Product of degrees; nothing is learnt."""

    def encode(self, x, graph):
        return graph.degree().double()

    def score(self, h, graph, pairs):
        return h[pairs[0]] * h[pairs[1]]
'''

TWO = {
    "title": "Two tasks",
    "seeds": 2,
    "datasets": ["karate"],
    "part": [
        {"task": "node", "system": [{"model": "mlp", "name": "MLP"}, {"model": "gcn"}]},
        {
            "task": "link",
            "title": "Links by three epochs",
            "seeds": [5],
            "recipe": {"epochs": 3},
            "system": [{"model": "cn", "name": "CN"}, {"model": "gae", "name": "GAE"}],
        },
    ],
}
NEGATIVES = {
    "title": "Two protocols",
    "task": "link",
    "optional": ["cora"],
    "recipe": {"epochs": 3, "lr": 0.5},
    "system": [{"model": "gae"}, {"model": "cn"}],
    "part": [{"protocol": "random-85-5-10"}, {"protocol": "ncn-70-10-20"}],
}
TOML = """title = "Wrong in several places"
datasets = ["karate"]
sytem = 1
[recipe]
epochs = 3
lr = -1
[[part]]
task = "node"
[[part.system]]
model = "mlpp"
[part.recipe]
epoch = 4
[[part]]
task = "link"
datasets = ["karate", "csl"]
[part.task_options]
batch_size = 0.5
[[part.system]]
model = "gae"
[part.system.options]
hiden_channels = 8
[[part]]
seeds = "x"
[[part.system]]
model = "gcn"
"""


@pytest.fixture(autouse=True)
def _no_public_data(monkeypatch):
    monkeypatch.delenv("GRAPHLAB_DATA_MIRROR", raising=False)


def load(source, **overrides):
    return load_suite(source, overrides=Overrides(**overrides))


def problems_of(source, **overrides):
    with pytest.raises(ConfigError) as caught:
        load(source, **overrides)
    return list(caught.value.problems)


def rows(suite):
    return [[system.name for system in part.systems] for part in suite.parts]


def changed(suite, **values):
    return {**suite, **values}


# -- what a part is -------------------------------------------------------------------------------


def test_a_part_takes_from_the_top_what_it_does_not_say():
    suite = load(TWO)
    node, link = suite.parts
    assert (suite.name, suite.title) == ("adhoc", "Two tasks")
    assert (node.task, node.title, node.seeds) == ("node", "", (0, 1))
    assert (link.task, link.title, link.seeds) == ("link", "Links by three epochs", (5,))
    assert [[d.name for d in part.datasets] for part in suite.parts] == [["karate"], ["karate"]]
    assert [part.datasets[0].protocol for part in suite.parts] == ["public", "random-85-5-10"]
    assert rows(suite) == [["MLP", "gcn"], ["CN", "GAE"]]


def test_settings_are_joined_value_by_value():
    parts = [{"recipe": {"lr": 0.1}}, {"recipe": {"patience": 7}}]
    parts = [{"protocol": "random-85-5-10", "datasets": [d], **p}
             for d, p in zip(("karate", "debdeps"), parts, strict=True)]  # fmt: skip
    suite = load({k: v for k, v in changed(NEGATIVES, part=parts).items() if k != "optional"})
    assert [dict(part.settings.recipe) for part in suite.parts] == [
        {"epochs": 3, "lr": 0.1},
        {"epochs": 3, "lr": 0.5, "patience": 7},
    ]


def test_a_file_and_a_dictionary_are_the_same(tmp_path):
    text = """
        title = "Two tasks"
        seeds = 2
        datasets = ["karate"]
        [[part]]
        task = "node"
        [[part.system]]
        model = "mlp"
        name = "MLP"
        [[part.system]]
        model = "gcn"
        [[part]]
        task = "link"
        title = "Links by three epochs"
        seeds = [5]
        recipe.epochs = 3
        [[part.system]]
        model = "cn"
        name = "CN"
        [[part.system]]
        model = "gae"
        name = "GAE"
    """
    path = tmp_path / "two.toml"
    path.write_text(text, encoding="utf-8")
    assert load(path).parts == load(TWO).parts


def test_a_suite_without_parts_is_one_part():
    (part,) = load({"task": "node", "datasets": ["karate"], "system": [{"model": "mlp"}]}).parts
    assert (part.task, part.title) == ("node", "")


def test_quick_has_nodes_and_links():
    suite = load("quick")
    assert rows(suite) == [
        ["MLP", "GCN", "DAGNN"],
        ["CN", "RA", "PA", "GAE", "NCN", "NCNC"],
    ]
    assert {d.name for part in suite.parts for d in part.datasets} == {"debdeps"}
    assert "reduced recipe" in suite.parts[1].title


def test_a_plan_has_the_cells_of_all_parts(tmp_path):
    plan = make_plan(load(TWO), tmp_path)
    assert [(c.task, c.system, len(c.runs)) for c in plan.cells] == [
        ("node", "MLP", 2),
        ("node", "gcn", 2),
        ("link", "CN", 1),
        ("link", "GAE", 1),
    ]
    assert plan.results == tmp_path / "adhoc"
    assert plan.runs[-1].recipe["epochs"] == 3
    assert plan.runs[-1].part == "Links by three epochs"


def test_the_part_of_a_run_decides_no_result(tmp_path):
    def ids(title):
        parts = [TWO["part"][0], {**TWO["part"][1], "title": title}]
        return [run.run_id for run in make_plan(load(changed(TWO, part=parts)), tmp_path).runs]

    assert ids("a") == ids("b")
    alone = {**{k: v for k, v in TWO.items() if k != "part"}, **TWO["part"][0]}
    assert ids("a")[:4] == [run.run_id for run in make_plan(load(alone), tmp_path).runs]


def test_skipped_sets_of_several_parts_are_named_once():
    suite = load(changed(NEGATIVES, datasets=["karate"], part=[{}, {"seeds": 1, "system": [
        {"model": "ra"}]}]))  # fmt: skip
    assert [skip.name for skip in suite.skipped] == ["cora"]


# -- flags ----------------------------------------------------------------------------------------


def test_task_chooses_parts():
    assert rows(load(TWO, task="link")) == [["CN", "GAE"]]
    assert rows(load(TWO, task="node-classification")) == [["MLP", "gcn"]]
    (problem,) = problems_of(TWO, task="graph")
    assert problem.startswith("--task: the suite is of task node and link; --task graph cannot")


def test_model_and_dataset_leave_out_parts_that_have_none():
    assert rows(load(TWO, models=("gae",))) == [["GAE"]]
    assert rows(load(TWO, models=("gae", "mlp"))) == [["MLP"], ["GAE"]]
    parts = [TWO["part"][0], {**TWO["part"][1], "datasets": ["debdeps"]}]
    suite = changed(TWO, part=parts)
    assert rows(load(suite, datasets=("debdeps",))) == [["CN", "GAE"]]
    assert len(load(suite, datasets=("debdeps", "karate")).parts) == 2


def test_a_name_that_no_part_has_is_an_error_with_the_names_of_all():
    (problem,) = problems_of(TWO, models=("gnc",))
    assert problem == "--model: gnc is not a system of this suite. Did you mean gcn?"
    (problem,) = problems_of(TWO, models=("gaee",))
    assert problem == "--model: gaee is not a system of this suite. Did you mean gae?"
    (problem,) = problems_of(TWO, datasets=("karat",))
    assert problem == "--dataset: karat is not a data set of suite. Did you mean karate?"


def test_names_of_different_parts_leave_nothing():
    parts = [TWO["part"][0], {**TWO["part"][1], "datasets": ["debdeps"]}]
    (problem,) = problems_of(changed(TWO, part=parts), models=("mlp",), datasets=("debdeps",))
    assert "no part has all that the flags name together" in problem


def test_protocol_chooses_the_parts_it_fits_and_replaces_that_of_one(tmp_path):
    suite = changed(NEGATIVES, optional=["cora", "debdeps"])
    parts = [{"protocol": "random-85-5-10"}, {"protocol": "official"}]
    (part,) = load(changed(suite, part=parts), protocol="random_85_5_10").parts
    assert [d.protocol for d in part.datasets] == ["random-85-5-10"]
    two = changed(TWO, datasets=["ba-tiny"])
    node, link = load(two).parts
    assert (node.datasets[0].protocol, link.datasets[0].protocol) == (
        "random-20-30",
        "random-85-5-10",
    )
    assert rows(load(two, protocol="random-20-30")) == [["MLP", "gcn"]]
    sbm = changed(TWO, datasets=["sbm-tiny"])
    (part,) = load(sbm, protocol="random-20-30-lcc").parts
    assert part.datasets[0].protocol == "random-20-30-lcc"
    assert (
        "--protocol: publc is not a protocol of any part of this suite. Did you mean public?"
        in (problems_of(TWO, protocol="publc"))
    )


def test_settings_and_seeds_concern_all_parts():
    suite = load(TWO, seeds=4, settings=(("recipe.epochs", 9), ("title", "Other")))
    assert suite.title == "Other"
    for part in suite.parts:
        assert part.seeds == (0, 1, 2, 3)
        assert all(system.flags.recipe == {"epochs": 9} for system in part.systems)
    assert load(TWO, seed=3).parts[1].seeds == (3,)
    assert load(TWO, max_seconds=5.0).parts[1].systems[0].flags.recipe == {"max_seconds": 5.0}


def test_a_setting_for_one_system_reaches_it_in_its_part():
    suite = load(TWO, settings=(("system.GAE.options.hidden_channels", 8),))
    assert suite.parts[1].systems[1].flags.options == {"hidden_channels": 8}
    assert suite.parts[0].systems[0].flags.options == {}
    (problem,) = problems_of(TWO, settings=(("system.GEA.options.hidden_channels", 8),))
    assert problem.startswith("--set system.GEA.options.hidden_channels: GEA is not a system that")


def test_an_option_of_one_task_alone_is_an_error_that_narrowing_resolves():
    setting = (("task_options.negatives", "per-source"),)
    assert any("is not an option of task node" in p for p in problems_of(TWO, settings=setting))
    (part,) = load(TWO, task="link", settings=setting).parts
    assert part.systems[0].flags.task_options == {"negatives": "per-source"}


def test_own_models_join_the_parts_of_their_tasks(tmp_path):
    file = tmp_path / "tiny.py"
    file.write_text(MODELS, encoding="utf-8")
    assert rows(load(TWO, files=(file,))) == [
        ["MLP", "gcn", "tiny-node"],
        ["CN", "GAE", "tiny-link", "tiny-degree"],
    ]
    assert rows(load(TWO, files=(file,), models=("tiny-link",))) == [["tiny-link"]]
    file.write_text(MODELS.replace('("node",)', '("graph",)'), encoding="utf-8")
    assert any("tiny-node is not made for task node" in p for p in problems_of(TWO, files=(file,)))


def test_an_own_graph_leaves_out_the_tasks_that_it_does_not_serve(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "edges.csv").write_text("0,1\n1,2\n", encoding="utf-8")
    (folder / "labels.csv").write_text("0\n1\n0\n", encoding="utf-8")
    from graphlab.datasets.local import local_protocols

    served = [bool(local_protocols(folder, part["task"])) for part in TWO["part"]]
    assert [p.task for p in load(TWO, data=folder).parts] == [
        part["task"] for part, good in zip(TWO["part"], served, strict=True) if good
    ]
    assert all(p.startswith("--data: ") for p in problems_of(TWO, data=tmp_path / "nothing"))


# -- errors ---------------------------------------------------------------------------------------


def test_all_mistakes_of_all_parts_are_reported_with_their_lines(tmp_path):
    path = tmp_path / "wrong.toml"
    path.write_text(TOML, encoding="utf-8")
    found = problems_of(path)
    expected = [
        "3: sytem is not a key of a suite. Did you mean system?",
        "6: lr is -1.0; expected",
        "10: mlpp is not a model. Did you mean mlp?",
        "12: epoch is not a field of the recipe. Did you mean epochs?",
        "15: csl is not made for task link",
        "17: batch_size must be an integer",
        "21: hiden_channels is not an option of gae. Did you mean hidden_channels?",
        "22: the suite names no task",
        "23: seeds must be a number or a list",
    ]
    assert len(found) == len(expected), found
    for problem, text in zip(found, expected, strict=True):
        assert problem.startswith(f"{path}:{text}"), (problem, text)


def test_problems_of_a_dictionary_name_part_and_key():
    parts = [TWO["part"][0], {**TWO["part"][1], "seeds": 0}]
    (problem,) = problems_of(changed(TWO, part=parts))
    assert problem.startswith("suite['part'][1]['seeds']: seeds must lie in")
    parts = [{**part, "title": "x"} for part in TWO["part"]]
    (problem,) = problems_of(changed(TWO, part=parts, datasets=["karat"]))
    assert problem.startswith("suite['datasets'][0]: karat is not a data set.")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"part": []}, "suite['part']: part must be a list of tables, each [[part]] (got [])."),
        ({"part": {"task": "node"}}, "suite['part']: part must be a list of tables"),
        ({"part": [3]}, "suite['part'][0]: part must be a table (got 3)."),
        (
            {"part": [{**part, "part": []} for part in TWO["part"]]},
            "suite['part'][0]['part']: part is not a key of a suite.",
        ),
        (
            {"part": [{**part, "title": 3} for part in TWO["part"]]},
            "suite['part'][0]['title']: title must be a text (got 3).",
        ),
        ({"title": 3}, "suite['title']: title must be a text (got 3)."),
        (
            {"system": [{"model": "gat"}]},
            "suite['system']: every part has its own system; leave this one out.",
        ),
        (
            {"part": [TWO["part"][0], TWO["part"][0]]},
            "suite['part'][1]: MLP on karate is in two parts of protocol public.",
        ),
        (
            {
                "part": [
                    {k: v for k, v in TWO["part"][1].items() if k != "seeds"},
                    {**TWO["part"][1], "system": [{"model": "ra", "name": "cn"}]},
                ]
            },
            "suite['part'][1]['system'][0]['name']: two systems are named cn (the other: "
            "suite['part'][0]['system'][0]['name']). Give one another name.",
        ),
    ],
)
def test_a_broken_part_is_named(changes, expected):
    found = problems_of(changed(TWO, **changes))
    assert any(problem.startswith(expected) for problem in found), found


@pytest.mark.parametrize("name", ["part", "part.0.recipe.lr", "system"])
def test_a_part_cannot_be_set_by_flag(name):
    (problem,) = problems_of(TWO, settings=((name, 1),))
    assert problem.startswith(f"--set {name}: name one value, system.NAME.options.X=VALUE.")


# -- tables ---------------------------------------------------------------------------------------

LINKS = {"hits@10": 0.3, "hits@100": 0.9, "mrr": 0.2, "auc": 0.95, "ap": 0.94}


@pytest.fixture
def make_link(make_run):
    """Records of link runs; ``values`` replaces metrics."""

    def make(system, seed=0, *, protocol="ncn-70-10-20", dataset="cora", trained=True, **values):
        metrics = {"val": {"loss": 0.5, **LINKS}, "test": {"loss": 0.6, **LINKS, **values}}
        run = make_run(
            system=system,
            seed=seed,
            task="link",
            protocol=protocol,
            dataset=dataset,
            metrics=metrics,
            recipe={"monitor": "hits@100", "select": "best"},
            metric="hits@100",
            monitor="hits@100",
            seconds=2.0 if trained else 0.0,
            parameters=1000 if trained else 0,
        )
        sizes = {"train": 100, "val": 10, "test": 20, "val_neg": 10, "test_neg": 1055}
        own = protocol.startswith("heart")
        data = {"sizes": {**sizes, "test_neg": 500} if own else sizes, "own_negatives": own}
        if own:
            data["notes"] = ("this is not the published split (sha256 0123)",)
        update = {"data": run.data.model_copy(update=data)}
        if not trained:
            update["result"] = run.result.model_copy(update={"epochs_run": 0, "best_epoch": 0})
            update["cost"] = run.cost.model_copy(update={"seconds_per_epoch": None})
        return run.model_copy(update=update)

    return make


@pytest.fixture
def both(make_run, make_link):
    """Records of two tasks; a system of one name in each."""
    runs = [make_run(system="GCN", seed=s, acc=0.8 + s / 100) for s in range(2)]
    runs += [make_run(system="MLP", seed=s, acc=0.6) for s in range(2)]
    runs += [make_link("CN", s, trained=False, **{"hits@100": 0.33}) for s in range(2)]
    runs += [make_link("GCN", s, **{"hits@100": 0.7 + s / 50}) for s in range(2)]
    return runs


def test_each_task_has_a_table_of_its_own(both):
    table = result_table(both)
    node, link = table.sections
    assert (node.title, link.title) == ("Node classification", "Link prediction")
    assert [row.system for row in node.rows] == ["GCN", "MLP"]
    assert [row.system for row in link.rows] == ["CN", "GCN"]
    assert [column.metric for column in link.main.columns] == ["hits@100"]
    assert {column.task for column in node.columns} == {"node"}
    assert all(len(row.cells) == len(link.columns) for row in link.rows)
    assert not any(cell is None for row in link.rows for cell in row.cells)
    assert [row.task for row in table.rows] == ["node", "node", "link", "link"]


def test_one_task_is_one_table_as_ever(make_run):
    table = result_table([make_run()])
    assert table.parts == ()
    assert table.sections == (table,)
    assert table.further is None
    assert table.main == table


def test_the_head_names_protocol_metric_and_negatives(both, make_link):
    link = result_table(both).sections[1].main
    assert link.columns[0].negatives == "1,055 negatives"
    assert link.columns[0].rules == "ncn-70-10-20, 1,055 negatives"
    hard = result_table([make_link("CN", protocol="heart-85-5-10")]).columns[0]
    assert hard.negatives == "500 negatives each"
    assert result_table(both).sections[0].columns[0].negatives == ""


def test_the_main_metric_is_the_monitored_one(make_link, make_run):
    table = result_table([make_link("GAE"), make_link("CN", trained=False)])
    assert [c.metric for c in table.columns] == ["hits@100", "hits@10", "mrr", "auc", "ap"]
    run = make_link("GAE")
    by_mrr = run.model_copy(
        update={"config": run.config.model_copy(update={"recipe": {"monitor": "mrr"}})}
    )
    assert result_table([by_mrr]).columns[0].metric == "mrr"
    by_loss = run.model_copy(
        update={
            "config": run.config.model_copy(update={"recipe": {"monitor": "loss"}}),
            "result": run.result.model_copy(update={"metric": "auc"}),
        }
    )
    assert result_table([by_loss]).columns[0].metric == "auc"  # what the task puts first
    unknown = by_loss.model_copy(
        update={"result": by_loss.result.model_copy(update={"metric": None})}
    )
    assert result_table([unknown]).columns[0].metric == "hits@100"  # what the card says


def test_a_pending_cell_shows_the_metric_of_the_plan(tmp_path):
    part = {**TWO["part"][1], "recipe": {"monitor": "mrr"}, "seeds": 1}
    suite = {**{k: v for k, v in TWO.items() if k != "seeds"}, "part": [part]}
    table = result_table([], make_plan(load(suite), tmp_path))
    assert [column.metric for column in table.columns] == ["mrr"]
    assert table.title == "Two tasks: Links by three epochs"


def test_all_metrics_are_in_the_files_and_named_in_the_terminal(both):
    table = result_table(both)
    text = table.to_text()
    assert "Further metrics are in table.md and report.html: Hits@10, MRR, ROC-AUC, AP." in text
    assert text.count("Hits@100 %") == 1
    markdown = table.to_markdown()
    assert "Further metrics, of the same states of the models:" in markdown
    assert "MRR %" in markdown
    assert any("All metrics of a run are of one state" in note for note in table.parts[1].notes)
    lines = list(csv.DictReader(io.StringIO(table.to_csv())))
    assert {(line["task"], line["metric"]) for line in lines} == {
        ("node", "acc"),
        *(("link", name) for name in LINKS),
    }
    assert {line["negatives"] for line in lines if line["task"] == "link"} == {"1,055 negatives"}


def test_link_metrics_are_in_percent(make_link):
    table = result_table([make_link("GAE", **{"hits@100": 0.8905, "mrr": 0.2317})])
    cells = dict(zip([c.style.head for c in table.columns], table.rows[0].cells, strict=True))
    assert cells["Hits@100 %"].number(table.columns[0].style) == "89.0"
    assert cells["MRR %"].number(table.columns[2].style) == "23.2"
    assert {"ROC-AUC %", "AP %", "Hits@10 %"} <= set(cells)


def test_every_form_has_a_table_a_task(both):
    table = result_table(both)
    markdown, latex, text = table.to_markdown(), table.to_latex(), table.to_text(60)
    assert markdown.index("### Node classification") < markdown.index("### Link prediction")
    assert latex.count(r"\begin{table}") == latex.count(r"\end{table}") == 2
    assert r": Link prediction}" in latex
    assert "cora (ncn-70-10-20, 1,055 negatives)" in latex
    assert text.index("Node classification") < text.index("Link prediction")
    for block in re.findall(r"\\begin\{tabular\}(.*?)\\end\{tabular\}", latex, re.DOTALL):
        assert ("accuracy" in block) != ("Hits@100" in block)
    json.dumps(table.to_json(), allow_nan=False)
    assert any("best validation loss" in note for note in table.to_json()["notes"])


def test_published_numbers_keep_one_numbering(both):
    table = result_table(both)
    assert [source.key for source in table.sources] == ["kipf2017", "velickovic2018",
        "wang2024-heuristics", "wang2024"]  # fmt: skip
    markdown = table.to_markdown()
    assert "81.5 [1]" in markdown
    assert "33.9 [3]" in markdown
    assert markdown.count("- [3]") == 1
    assert table.to_text(200).count("[3] As quoted by") == 1


def test_models_that_learn_nothing_are_said_so_and_break_nothing(both, write_runs, tmp_path):
    table = result_table(both)
    (note,) = [note for note in table.parts[1].notes if "computed once" in note]
    assert "at the epoch of best validation Hits@100 (GCN)" in note
    assert "without training (CN)" in note
    cell = next(row for row in table.parts[1].rows if row.system == "CN").cells[0]
    assert (cell.train_seconds, cell.epoch_seconds, cell.parameters) == (None, None, 0)
    alone = [run for run in both if run.identity.system == "CN"]
    assert "Test is computed once, without training." in result_table(alone).notes
    folder = write_runs(alone, tmp_path / "alone", epochs=0)
    page = write_report(folder).read_text(encoding="utf-8")
    assert "Every seed" in page
    assert "Learning curves" not in page


def test_two_protocols_of_the_same_systems_stand_side_by_side(make_link):
    runs = [
        make_link(system, protocol=protocol)
        for protocol in ("heart-85-5-10", "random-85-5-10")
        for system in ("CN", "GAE")
    ]
    table = result_table(runs)
    assert table.parts == ()
    assert [column.protocol for column in table.main.columns] == [
        "heart-85-5-10",
        "random-85-5-10",
    ]
    assert "cora: this is not the published split (sha256 0123)." in table.notes


def test_titles_tell_parts_of_one_task_apart(make_link):
    def titled(run, title):
        return run.model_copy(update={"config": run.config.model_copy(update={"part": title})})

    runs = [titled(make_link("CN"), "Easy"), titled(make_link("GAE", dataset="citeseer"), "Hard")]
    first, second = result_table(runs).sections
    assert (first.title, second.title) == ("Link prediction: Easy", "Link prediction: Hard")
    assert [row.system for row in second.rows] == ["GAE"]


def test_the_saved_outline_keeps_parts_and_metrics(tmp_path):
    from graphlab.bench.report.outline import save_outline

    plan = make_plan(load({**TWO, "name": "two"}), tmp_path)
    save_outline(plan.results, plan, ())
    loaded = load_outline(plan.results)
    assert loaded == Outline.of(plan)
    assert [cell.part for cell in loaded.cells] == ["", "", *["Links by three epochs"] * 2]


def test_the_page_has_a_heading_and_a_table_a_task(both, write_runs, tmp_path):
    folder = write_runs(both, tmp_path / "demo")
    page = write_report(folder).read_text(encoding="utf-8")
    assert page.count('<table class="results') == 3  # two main ones, one of further metrics
    for text in (
        "<h3>Node classification</h3>",
        "<h3>Link prediction</h3>",
        "Further metrics, of the same states of the models",
        "ncn-70-10-20, 1,055 negatives",
        "cora, public (node)",
        "cora, ncn-70-10-20 (link)",
    ):
        assert text in page, text
    assert page.count('id="source3"') == 1
    commands = re.findall(r"graphlab-bench run [^<]*", page)
    assert len([c for c in commands if "--task link --model gcn" in c]) == 1
    assert len([c for c in commands if "--task node --model gcn" in c]) == 1


def test_an_old_outline_without_parts_is_read(tmp_path, make_run):
    plan = {
        "name": "demo",
        "title": "Demo",
        "skipped": [],
        "cells": [
            {
                "cell_id": "c",
                "system": "GCN",
                "model": "gcn",
                "dataset": "cora",
                "task": "node",
                "protocol": "public",
                "planned": 3,
            }
        ],
    }
    (tmp_path / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    assert load_outline(tmp_path).cells[0].part == ""


# -- in real processes ----------------------------------------------------------------------------

SMALL = {
    "name": "small",
    "title": "Small",
    "seeds": 1,
    "datasets": ["karate"],
    "recipe": {"epochs": 2},
    "part": [
        {"task": "node", "system": [{"model": "mlp", "name": "Linear"}]},
        {
            "task": "link",
            "title": "Links",
            "task_options": {"batch_size": 32},
            "system": [{"model": "cn", "name": "CN"}, {"model": "gae", "name": "Linear"}],
        },
    ],
}


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """The folder of results of ``SMALL``, run once for the tests that read it, and its result."""
    results = tmp_path_factory.mktemp("parts") / "results"
    return results, graphlab.bench.run(SMALL, results=results)


def test_a_suite_of_two_tasks_runs_resumes_and_reports(ran):
    results, result = ran
    assert (result.exit_code, result.executed, len(result)) == (0, 3, 3)
    assert [part.title for part in result.table.sections] == [
        "Node classification",
        "Link prediction: Links",
    ]
    link = result.records[1]
    assert link.identity.task == "link"
    assert link.config.part == "Links"
    assert link.data.sizes["test_neg"] > 0
    assert link.result.metric == "hits@100"
    assert (link.result.epochs_run, link.cost.seconds_per_epoch, link.cost.parameters) == (
        0,
        None,
        0,
    )
    again = graphlab.bench.run(SMALL, results=results)
    assert again.executed == 0
    assert repr(again) == repr(result)
    narrow = graphlab.bench.run(SMALL, task="link", results=results)
    assert (narrow.executed, len(narrow)) == (0, 2)
    folder = results / "small"
    assert len(result_table(RunStore(folder).records(), load_outline(folder)).sections) == 2


def test_the_commands_show_all_parts(ran, capsys):
    results, _ = ran

    def call(*arguments):
        with pytest.raises(SystemExit) as caught:
            cli.main([*arguments, "--results", str(results)])
        assert caught.value.code == 0
        return capsys.readouterr().out

    report = call("report", "small")
    assert "Node classification" in report
    assert "Link prediction: Links" in report
    assert call("show", "small").startswith("Small")
    both = json.loads(call("report", "small", "--json"))
    assert {line["task"] for line in both["results"]} == {"node", "link"}
    cell = next(r["cell_id"] for r in _runs(results) if r["system"] == "CN")
    assert "Hits@100" in call("show", cell)
    run = next(r["run_id"] for r in _runs(results) if r["system"] == "CN")
    shown = call("show", run)
    assert "none: there is nothing to learn" in shown
    assert "test negatives" in shown


def _runs(results):
    store = RunStore(results / "small")
    return [record.identity.model_dump() for record in store.records()]


def test_the_plan_of_quick_lists_both_parts(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "graphlab.bench.cli", "run", "--dry-run", "--results", "r"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("quick: ")
    assert lines[1] == "Node classification (public): 1 data set, 3 systems, 3 seeds"
    assert lines[2].endswith("(random-85-5-10): 1 data set, 6 systems, 3 seeds")
    assert lines[3].startswith("27 runs (0 finished, 27 to run")
    assert sum(" on debdeps (" in line for line in lines) == 9
