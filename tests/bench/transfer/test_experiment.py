"""The experiment from file to tables: plan, resume, command, results."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from graphlab.bench import cli
from graphlab.bench.config import load_suite
from graphlab.bench.document import experiment_file
from graphlab.bench.transfer.collections import SOURCES, TASKS, draw_task
from graphlab.bench.transfer.experiment import MEASURES, PREDICTORS, UNTRAINED, Experiment
from graphlab.bench.transfer.measure import LABELS, measure, prepare
from graphlab.bench.transfer.plan import read_plan
from graphlab.bench.transfer.summary import summarise
from graphlab.errors import ConfigError
from graphlab.pretraining import GraphEncoder

SMALL = """\
title      = "Small"
experiment = "transfer"
seeds      = [3, 1]
graphs     = 12
epochs     = 1
sources    = ["ba-3", "ba-tree", "gnp-6"]
tasks      = ["geometric-6 / geometric-9"]
"""


def call(capsys, *words):
    with pytest.raises(SystemExit) as stopped:
        cli.main(list(words))
    captured = capsys.readouterr()
    return stopped.value.code, captured.out, captured.err


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    folder = tmp_path_factory.mktemp("transfer")
    path = folder / "small.toml"
    path.write_text(SMALL)
    experiment = Experiment(read_plan(path), folder / "results" / "small")
    told = []
    assert experiment.run(told.append) == experiment_steps(experiment) == len(told)
    return path, experiment


def experiment_steps(experiment):
    plan = experiment.plan
    return len(plan.seeds) * (len(plan.sources) + 1) + len(plan.sources)


def test_the_shipped_experiment_is_valid_and_large_enough():
    plan = read_plan(experiment_file("pretrain-transfer"))
    assert plan.sources == SOURCES
    assert plan.tasks == TASKS
    assert plan.num_points >= 100
    assert (plan.seeds, plan.graphs, plan.epochs) == ((0, 1, 2), 150, 25)


def test_finished_steps_are_not_done_again(small):
    path, experiment = small
    again = Experiment(read_plan(path), experiment.folder)
    assert again.pending() == 0
    assert again.run() == 0
    file = experiment.folder / "gains" / "1" / "ba-tree.json"
    before = json.loads(file.read_text())
    file.unlink()
    assert again.run() == 1
    after = json.loads(file.read_text())
    assert {**before, "seconds": 0} == {**after, "seconds": 0}


def test_another_size_or_task_is_a_step_to_do(small, tmp_path):
    _, experiment = small
    for old, new, left in (
        ("epochs     = 1", "epochs     = 2", 11),
        ('geometric-9"', 'geometric-9", "tu-mutag"', 11),
        ("[3, 1]", "[3, 1, 2]", 4),
    ):
        path = tmp_path / "other.toml"
        path.write_text(SMALL.replace(old, new))
        assert Experiment(read_plan(path), experiment.folder).pending() == left


def test_summary_agrees_with_the_files(small):
    _, experiment = small
    found = summarise(experiment, permutations=99)
    assert found["points"] == 3
    assert list(found["measures"]) == list(MEASURES)
    task = "geometric-6 / geometric-9"

    def value(seed, source):
        file = experiment.folder / "gains" / str(seed) / f"{source}.json"
        return json.loads(file.read_text())["tasks"][task]["probe"]

    alone = np.mean([value(seed, "no-pre-training") for seed in (3, 1)])
    gains = [
        np.mean([value(seed, source) for seed in (3, 1)]) - alone
        for source in ("ba-3", "ba-tree", "gnp-6")
    ]
    probe = found["measures"]["probe"]
    np.testing.assert_allclose(np.ravel(probe["gains"]), gains, atol=1e-12)
    assert probe["tasks"][0]["untrained"] == pytest.approx(alone)
    assert [row["predictor"] for row in probe["predictors"]] == list(PREDICTORS)
    first = probe["predictors"][0]
    nearest = int(np.argmax(np.ravel(found["predictors"][first["predictor"]])))
    assert first["chosen_gain"] == pytest.approx(gains[nearest])
    assert first["best_gain"] == pytest.approx(max(gains))
    expected = np.corrcoef(np.ravel(found["predictors"][first["predictor"]]), gains)[0, 1]
    assert first["pearson"]["pooled"] == pytest.approx(expected)
    rows = [row for kind in found["measures"].values() for row in kind["predictors"]]
    assert all(row["pearson"]["p_holm"] >= row["pearson"]["p_sources"] for row in rows)


def test_predictors_are_nearness_and_never_above_zero(small):
    _, experiment = small
    for name in PREDICTORS:
        assert (experiment.predictor(name) <= 0).all()
    # density of a tree is farther from geometric graphs than that of ba-3
    density = experiment.predictor("density")[:, 0]
    assert density[1] < density[0]


def test_the_command_shows_and_writes_the_tables(small, capsys):
    path, experiment = small
    words = ["run", str(path), "--results", str(experiment.folder.parent)]
    code, out, _ = call(capsys, *words)
    assert code == 0
    assert "11 of 11 steps finished, 0 to run" in out
    assert "| feasibility, hist + stretch |" in out
    written = {file.name for file in experiment.folder.iterdir() if file.is_file()}
    assert written == {"summary.json", "table.md", "scatter.svg"}
    assert (experiment.folder / "table.md").read_text() in out
    code, out, _ = call(capsys, *words, "--json")
    assert json.loads(out)["title"] == "Small"


def test_a_dry_run_writes_nothing(tmp_path, capsys):
    words = ["run", "pretrain-transfer", "--results", str(tmp_path), "--dry-run", "--seeds", "2"]
    code, out, _ = call(capsys, *words)
    assert code == 0
    assert "21 sources, 14 downstream tasks, 2 seeds: 294 points" in out
    assert "65 to run" in out
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--model", "gcn"], "--model means nothing"),
        (["--set", "recipe.lr=0.1", "--keep"], "--set, --keep means nothing"),
        (["--seeds", "0"], "--seeds is 0"),
        (["--seed", "-1"], "--seed is -1"),
    ],
)
def test_flags_that_do_not_apply_are_refused(flags, message, capsys):
    code, _, err = call(capsys, "run", "pretrain-transfer", *flags)
    assert code == 2
    assert message in err


def test_other_readers_of_suites_say_what_it_is(capsys):
    with pytest.raises(ConfigError, match="an experiment of its own kind"):
        load_suite("pretrain-transfer")
    _, out, _ = call(capsys, "list", "suites", "--json")
    row = next(r for r in json.loads(out)["suites"] if r["name"] == "pretrain-transfer")
    assert (row["tasks"], row["seeds"], len(row["systems"])) == (["transfer"], 3, len(SOURCES))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"ba-tree"', '"ba-tee"', r"small.toml:6: ba-tee is not one of the sources.* ba-tree"),
        ('"ba-tree"', '"ba-3"', "listed twice"),
        ("geometric-9", "geometric-8", "is not one of the tasks"),
        ("graphs     = 12", "graphs     = 1", "graphs must be a whole number >= 2"),
        ("epochs     = 1", "epochs     = true", "epochs must be a whole number >= 0"),
        ("[3, 1]", "0", "seeds must be a number above 0"),
        (', "gnp-6"', "", "at least 3 sources"),
        ("epochs  ", "epoch ", "epoch is not a key of a transfer experiment"),
        ('"transfer"', '"other"', 'experiment must be "transfer"'),
        ("[3, 1]", "[3, 1", "no TOML"),
    ],
)
def test_mistakes_of_the_file_are_named_with_their_line(tmp_path, old, new, message):
    path = tmp_path / "small.toml"
    path.write_text(SMALL.replace(old, new))
    with pytest.raises(ConfigError, match=message):
        read_plan(path)


def test_labelled_graphs_are_few_balanced_and_never_tested():
    prepared = prepare(draw_task("geometric-6 / geometric-9", 0), 0)
    splits = list(prepared.splits(3))
    for train, test in splits:
        assert np.bincount(prepared.task.labels[train]).tolist() == [LABELS, LABELS]
        assert not set(train) & set(test)
        assert len(train) + len(test) == 240
    assert len({tuple(train) for train, _ in splits}) == 3


def test_measuring_leaves_the_encoder_as_it_is_and_finds_an_easy_difference():
    prepared = prepare(draw_task("geometric-6 / geometric-9", 0), 0)
    encoder = GraphEncoder()
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    one, two = (measure(encoder, prepared) for _ in range(2))
    assert one == two
    assert one.probe > 0.9, "mean degrees differ by a half"
    assert all(value.equal(before[name]) for name, value in encoder.state_dict().items())


def test_folders_of_two_names_do_not_collide():
    plan = read_plan(experiment_file("pretrain-transfer"))
    experiment = Experiment(plan, Path("results"))
    paths = {experiment._path("gains", 0, source) for source in (UNTRAINED, *plan.sources)}
    assert len(paths) == len(plan.sources) + 1
