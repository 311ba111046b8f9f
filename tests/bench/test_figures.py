"""Rankings, breakdowns and marks of altered records on the report page."""

from __future__ import annotations

import csv
import json
import re

import pytest

from graphlab.bench.report.page import write_report
from graphlab.bench.report.ranks import Ranking, rankings
from graphlab.bench.report.series import degree_values
from graphlab.bench.report.tables import result_table
from graphlab.bench.store import RunStore

SETS = ("a", "b", "c", "d", "e", "f")


def suite(make_run, scores, sets=SETS, seeds=2, **more):
    """Runs of systems whose test accuracy is the same on every set, a step apart by seed."""
    return [
        make_run(system=system, dataset=name, seed=seed, acc=acc + seed / 1000, **more)
        for system, acc in scores.items()
        for name in sets
        for seed in range(seeds)
    ]


def ranking_of(runs):
    return rankings(result_table(runs))


# -- which rankings there are ---------------------------------------------------------------------


def test_a_clear_order_has_whole_ranks(make_run):
    runs = suite(make_run, {"C": 0.7, "A": 0.9, "B": 0.8, "D": 0.6})
    (found,) = ranking_of(runs)
    assert [(name, rank) for _, name, rank in found.systems] == [
        ("A", 1.0),
        ("B", 2.0),
        ("C", 3.0),
        ("D", 4.0),
    ]
    assert [index for index, _, _ in found.systems] == [1, 2, 0, 3]  # colours of the table's rows
    assert found.datasets == SETS
    assert found.difference == pytest.approx(1.915, abs=1e-3)  # 2.569 sqrt(4 * 5 / 36)
    assert found.groups == ((0, 1), (1, 2), (2, 3))
    assert found.p_value < 0.05


def test_equal_systems_share_their_rank_and_are_not_told_apart(make_run):
    (found,) = ranking_of(suite(make_run, {"A": 0.8, "B": 0.8, "C": 0.8}))
    assert [rank for _, _, rank in found.systems] == [2.0, 2.0, 2.0]
    assert found.undecided
    assert found.groups == ((0, 2),)


def test_where_less_is_better_the_least_is_first(make_run):
    runs = [
        make_run(
            system=system,
            dataset=name,
            task="graph",
            metrics={"val": {"mae": mae}, "test": {"mae": mae}},
        )
        for system, mae in (("A", 0.3), ("B", 0.1), ("C", 0.2))
        for name in SETS
    ]
    (found,) = ranking_of(runs)
    assert [name for _, name, _ in found.systems] == ["B", "C", "A"]


@pytest.mark.parametrize(
    ("systems", "sets", "drawn"), [(2, 6, 0), (3, 1, 0), (3, 2, 0), (3, 3, 1), (8, 2, 0), (8, 3, 1)]
)
def test_too_few_systems_or_sets_have_no_ranking(make_run, systems, sets, drawn):
    runs = suite(make_run, {f"S{i}": 0.5 + i / 100 for i in range(systems)}, SETS[:sets], 1)
    assert len(ranking_of(runs)) == drawn


def test_a_system_without_a_comparable_result_is_named_and_not_ranked(make_run):
    runs = suite(make_run, {"A": 0.9, "B": 0.8, "C": 0.7, "Half": 0.99, "Gone": 0.99})
    runs = [
        run
        for run in runs
        if not (run.identity.system == "Half" and run.identity.dataset in {"b", "c"})
        and not (run.identity.system == "Gone" and run.identity.dataset == "d")
    ]
    runs.append(make_run(system="Gone", dataset="d", seed=0, acc=0.99))
    runs.append(make_run(system="Gone", dataset="d", seed=1, status="diverged"))
    (found,) = ranking_of(runs)
    assert [name for _, name, _ in found.systems] == ["A", "B", "C"]
    assert found.left_out == ("Half (b, c)", "Gone (d)")


def test_protocols_of_one_set_are_ranked_apart(make_run):
    scores = {"A": 0.9, "B": 0.8, "C": 0.7}
    runs = suite(make_run, scores, protocol="public") + suite(make_run, scores, protocol="geom-gcn")
    found = ranking_of(runs)
    assert {one.title for one in found} == {
        "Node classification, public",
        "Node classification, geom-gcn",
    }
    assert all(one.datasets == SETS for one in found)


def test_different_protocols_of_different_sets_are_one_ranking(make_run):
    scores = {"A": 0.9, "B": 0.8, "C": 0.7}
    runs = suite(make_run, scores, SETS[:3], protocol="public")
    runs += suite(make_run, scores, SETS[3:], protocol="stored-10")
    (found,) = ranking_of(runs)
    assert found.datasets == SETS


def test_tasks_are_ranked_apart(make_run):
    scores = {"A": 0.9, "B": 0.8, "C": 0.7}
    runs = suite(make_run, scores) + suite(make_run, scores, task="link", protocol="random-85-5-10")
    assert [one.title for one in ranking_of(runs)] == ["Node classification", "Link prediction"]


def test_groups_are_the_largest_ones_alone():
    ranks = [1.0, 1.2, 1.4, 3.0, 3.1]
    systems = tuple((i, f"S{i}", rank) for i, rank in enumerate(ranks))
    assert Ranking("", systems, (), 0.5).groups == ((0, 2), (3, 4))
    assert Ranking("", systems, (), 1.0).groups == ((0, 2), (3, 4))
    assert Ranking("", systems, (), 1.75).groups == ((0, 2), (2, 4))  # one bar begins in another
    assert Ranking("", systems, (), 0.05).groups == ()


def test_the_page_says_what_is_ranked(make_run, save_runs):
    folder = save_runs(suite(make_run, {"A": 0.9, "B": 0.8, "C": 0.7, "D<b>": 0.6}, SETS[:3]))
    text = write_report(folder).read_text(encoding="utf-8")
    assert '<h2 id="ranks">Average ranks</h2>' in text
    assert "3 data sets: a, b, c. Friedman&#39;s test: p = 0.029." in text
    title = "Average ranks, Node classification"
    description = text.split(f">{title}</title>")[1].split("</desc>")[0]
    assert "A: 1.00; B: 2.00; C: 3.00; D&lt;b&gt;: 4.00" in description
    assert "A to C are not told apart; B to D&lt;b&gt; are not told apart" in description
    assert "Critical difference 2.71" in description


# -- by degree ------------------------------------------------------------------------------------


def bins(*values, count=50):
    ranges = ((1, 1), (2, 2), (3, 4), (5, 8))
    return {
        "degree": [
            {"low": low, "high": high, "count": count, "acc": acc}
            for (low, high), acc in zip(ranges, values, strict=False)
        ]
    }


def test_quality_by_degree_is_drawn_where_it_was_recorded(make_run, save_runs):
    runs = [make_run(seed=s, breakdowns=bins(0.5 + s / 10, 0.7)) for s in range(2)]
    runs += [make_run(system="Old", seed=s) for s in range(2)]  # written before breakdowns were
    folder = save_runs(runs)
    text = write_report(folder).read_text(encoding="utf-8")
    figure = text.split(">Test accuracy by degree on cora, public</title>")[1]
    description = figure.split("</desc>")[0]
    assert "GCN: 55.0 at 1, 70.0 at 2." in description
    assert "Old" not in description
    assert "degree of the node" in figure


def test_without_breakdowns_there_is_no_such_figure(make_run, save_runs):
    text = write_report(save_runs([make_run(seed=s) for s in range(2)])).read_text(encoding="utf-8")
    assert "by degree" not in text


def test_links_have_the_smaller_degree(make_run, save_runs):
    rows = [{"low": 1, "high": 1, "count": 4, "hits@20": 0.4}]
    runs = [
        make_run(
            task="link",
            protocol="random-85-5-10",
            seed=seed,
            metrics={"val": {"hits@20": 0.5}, "test": {"hits@20": 0.5}},
            breakdowns={"degree": rows},
        )
        for seed in range(2)
    ]
    text = write_report(save_runs(runs)).read_text(encoding="utf-8")
    assert "smaller degree of the two nodes" in text
    assert "test links" in text


def test_rows_that_are_not_whole_are_left_out(make_run):
    rows = [
        {"low": 1, "high": 1, "count": 3, "acc": 0.5},
        {"low": 2, "high": 2, "count": 3, "acc": None},
        {"low": 3, "high": 4, "count": 3},
        {"low": "5", "high": 8, "count": 3, "acc": 0.5},
    ]
    run = make_run(breakdowns={"degree": rows})
    assert degree_values(run, "acc") == {(1, 1): (3, 0.5)}
    assert degree_values(run, "f1") == {}
    assert degree_values(make_run(), "acc") == {}


# -- altered records ------------------------------------------------------------------------------


@pytest.fixture
def altered(make_run, save_runs):
    """A results folder where one digit of one record was changed after it was written."""
    runs = [
        make_run(system=s, seed=seed, acc=0.8 + seed / 100)
        for s in ("GCN", "MLP")
        for seed in range(3)
    ]
    folder = save_runs(runs)
    identity = runs[1].identity
    file = RunStore(folder).run_dir(identity.cell_id, 1) / "run.json"
    text = file.read_text(encoding="utf-8")
    assert text.count("0.81") == 1
    file.write_text(text.replace("0.81", "0.91"), encoding="utf-8")
    return folder


def test_an_altered_record_is_shown_with_marks(altered):
    text = write_report(altered).read_text(encoding="utf-8")
    place = r"[0-9a-f]{16}/1/run\.json"
    assert re.search(rf'<p class="remark bad">1 record was altered .*{place}', text)
    assert re.search(r'<li class="bad"><b>1</b> <span>altered</span></li>', text)
    table = text.split("</table>")[0].split("<tr>")
    rows = {name: row for name in ("GCN", "MLP") for row in table if f"</i>{name}<" in row}
    assert '<small class="bad">altered 1/3</small>' in rows["GCN"]
    assert "altered" not in rows["MLP"]
    marked = [row for row in text.split("<tr>") if '<span class="status">altered</span>' in row]
    assert len(marked) == 1
    assert marked[0].startswith('<th scope="row">1</th>')
    assert "91.0" in marked[0]


def test_an_altered_cell_is_never_the_best(make_run, save_runs):
    runs = [
        make_run(system=system, seed=seed, acc=acc + seed / 1000)
        for system, acc in (("GCN", 0.8), ("MLP", 0.7), ("SGC", 0.6))
        for seed in range(8)
    ]
    folder = save_runs(runs)
    assert best_of(folder) == {"GCN"}
    file = RunStore(folder).run_dir(runs[1].identity.cell_id, 1) / "run.json"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("0.801", "0.901"), encoding="utf-8")
    assert best_of(folder) == {"MLP"}
    table = write_report(folder).with_name("table.md").read_text(encoding="utf-8")
    assert "GCN on cora (altered records)" in table
    assert "altered 1/8" in table
    assert "**8" not in table


def best_of(folder):
    """Systems that the page and the CSV file mark."""
    page = write_report(folder)
    lines = csv.DictReader(page.with_name("table.csv").open(encoding="utf-8"))
    return {line["system"] for line in lines if line["best"] == "true"}


def test_restored_a_record_has_no_mark(altered):
    changed = write_report(altered).read_text(encoding="utf-8")
    for file in altered.glob("*/1/run.json"):
        text = file.read_text(encoding="utf-8")
        file.write_text(text.replace("0.91", "0.81"), encoding="utf-8")
    text = write_report(altered).read_text(encoding="utf-8")
    assert "altered" in changed
    assert "altered" not in text


def test_a_seal_alone_that_does_not_fit_makes_a_new_page(make_run, save_runs):
    folder = save_runs([make_run(seed=0)])
    before = write_report(folder).read_text(encoding="utf-8")
    (file,) = folder.glob("*/0/run.json")
    payload = json.loads(file.read_text(encoding="utf-8"))
    payload["seal"] = "0" * 64
    file.write_text(json.dumps(payload), encoding="utf-8")
    assert "altered" not in before
    assert "1 record was altered" in write_report(folder).read_text(encoding="utf-8")
