"""``graphlab-bench show``: found by id, path or name; settings, curves and warnings as text."""

from __future__ import annotations

import json
import re
import shlex
import subprocess

import pytest

from graphlab.bench import cli
from graphlab.bench.record import Failure, SeenWarnings
from graphlab.bench.report.curves import read_curves, text_curve
from graphlab.bench.report.differences import (
    Unset,
    command_of,
    commands_of_row,
    differences,
    in_lines,
    one_line,
)
from graphlab.bench.store import RunStore

MODEL = '''
from torch import nn
from graphlab.registry import register_model


@register_model("mine", tasks=("node",), paper="Nobody 2026",
                presets={"cora": {"options": {"width": 32}, "recipe": {"epochs": 50}, "task": {}}})
class Mine(nn.Module):
    """A model of one's own."""

    def __init__(self, in_channels: int, out_channels: int, width: int = 8, *,
                 name: str | None = None) -> None:
        super().__init__()
'''


@pytest.fixture
def model_file(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(MODEL, encoding="utf-8")
    return path


@pytest.fixture
def results(make_run, save_runs):
    seen = SeenWarnings(count=3, texts={"UserWarning: very odd": 3})
    runs = [make_run(seed=seed, acc=0.8 + seed / 100, warnings=seen) for seed in range(3)]
    error = Failure(type="NonFiniteError", message="loss is nan", log_tail="one\ntwo")
    runs.append(make_run(system="MLP", status="diverged", error=error))
    return save_runs(runs)


@pytest.fixture
def show(results, capsys):
    def call(*words, code=0):
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            cli.main(["show", *map(str, words), "--results", str(results.parent)])
        out, err = capsys.readouterr()
        assert stopped.value.code == code, err
        return out if code == 0 else err

    return call


def first_of(results, system="GCN"):
    records = RunStore(results).records()
    return next(record for record in records if record.identity.system == system)


# -- runs -----------------------------------------------------------------------------------------


def test_a_run_is_found_by_the_beginning_of_its_id(results, show):
    record = first_of(results)
    out = show(record.identity.run_id[:10])
    for part in (
        "GCN on cora, public, seed 0",
        "done",
        "accuracy 80.0 %",
        "at the epoch of best validation loss, 7",
        record.identity.cell_id,
        "graphlab 0.1.0",
        "Test CPU, 1 threads",
        "3 times: UserWarning: very odd",
        "validation accuracy (%)",
        "training loss",
        "graphlab-bench run --task node --model gcn --dataset cora",
    ):
        assert part in out, part
    assert any("\u2800" < letter <= "\u28ff" for letter in out)  # the curve's dots


def test_upper_case_ids_are_found(results, show):
    assert "seed 0" in show(first_of(results).identity.run_id.upper())


def test_a_run_is_found_by_the_path_of_its_folder_or_record(results, show):
    identity = first_of(results).identity
    folder = results / identity.cell_id / "0"
    assert show(folder) == show(folder / "run.json") == show(identity.run_id)


def test_a_failed_run_shows_its_error_and_log(results, show):
    out = show(first_of(results, "MLP").identity.run_id)
    assert "diverged" in out
    assert "NonFiniteError: loss is nan" in out
    assert re.search(r"^one\ntwo$", out, re.MULTILINE)


def test_a_run_without_a_record_shows_how_far_it_is(results, show):
    identity = first_of(results).identity
    folder = results / identity.cell_id / "9"
    folder.mkdir()
    spec = {
        "run_id": "feedc0de",
        "cell_id": identity.cell_id,
        "system": "GCN",
        "dataset": "cora",
        "protocol": "public",
        "seed": 9,
    }
    (folder / "config.json").write_text(json.dumps(spec))
    lines = [{"event": "evaluation", "epoch": e, "val_loss": 1 / e} for e in (1, 2, 3)]
    (folder / "events.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    out = show("feedc0")
    assert "seed 9" in out
    assert "not finished" in out
    assert "3 so far" in out
    assert json.loads(show("feedc0de", "--json"))["finished"] is False


def test_json_is_the_record(results, show):
    record = first_of(results)
    assert json.loads(show(record.identity.run_id, "--json")) == record.to_json()


# -- cells and suites -----------------------------------------------------------------------------


def test_a_cell_shows_its_mean_and_every_seed(results, show):
    out = show(first_of(results).identity.cell_id[:12])
    assert "81.0 ± 1.0 %" in out
    assert "81.5 %, Kipf and Welling 2017" in out
    for number in ("80.0", "81.0", "82.0"):
        assert number in out
    assert "--seeds 3" in out


def test_a_cell_in_two_suites_is_shown_once(results, make_run, save_runs, show):
    again = save_runs([make_run(seed=0, acc=0.1)], results.parent / "other")
    assert again != results
    out = show(first_of(results).identity.cell_id)
    assert out.count("done") == 3
    assert "10.0" not in out


def test_json_of_a_cell_holds_its_runs(results, show):
    values = json.loads(show(first_of(results).identity.cell_id, "--json"))
    assert [run["identity"]["seed"] for run in values["runs"]] == [0, 1, 2]


def test_a_suite_shows_its_table(results, show):
    for name in ("demo", "suite/demo", "DEMO"):
        out = show(name)
        assert "81.0 ± 1.0" in out
        assert "n=0 of 3, div. 1/3" in out
    assert json.loads(show("suite/demo", "--json"))["suite"] == "demo"


# -- names ----------------------------------------------------------------------------------------


def test_an_ambiguous_beginning_lists_the_candidates(results, make_run, save_runs, show):
    save_runs([make_run(seed=seed) for seed in range(3, 40)], results)
    ids = [record.identity.run_id for record in RunStore(results).records()]
    letter = max("0123456789abcdef", key=lambda c: sum(i.startswith(c) for i in ids))
    error = show(letter, code=2)
    assert f"{letter} is the beginning of" in error
    assert "GCN on cora, seed" in error
    assert "Type more letters" in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("name", ["model/mlp", "mlp", "MLP", "model/MLP"])
def test_a_model_shows_options_presets_and_paper(show, name):
    out = show(name)
    assert "model/mlp" in out
    assert "hidden_channels" in out
    assert "Presets" in out
    assert "paper" in out


def test_presets_that_are_alike_are_shown_once(show):
    out = show("bgnn-gatedgcn")
    assert "csl-100k" in out
    assert out.count("recipe.lr=0.0005") == 1  # of csl, and of csl-100k
    lines = out.splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith("zinc-100k"))
    assert "options" not in lines[first]  # beside a name that stands above


@pytest.mark.parametrize("name", ["dataset/debdeps", "debdeps", "dataset/Planetoid_Cora"])
def test_a_data_set_shows_counts_protocols_and_licence(show, name):
    out = show(name)
    assert "node protocols" in out
    assert "licence" in out
    assert "public" in out


def test_cards_as_json(show, model_file):
    model = json.loads(show("model/mine", "--file", model_file, "--json"))
    assert model["options"]["width"] == {"annotation": "int", "default": 8, "required": False}
    data = json.loads(show("dataset/cora", "--json"))
    assert (data["num_nodes"], data["num_classes"]) == (2708, 7)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("debdep", "dataset/debdeps"),
        ("dataset/debdep", "debdeps"),
        ("model/mlpp", "mlp"),
        ("dmeo", "suite/demo"),
        ("suite/dem", "demo"),
    ],
)
def test_a_near_miss_names_what_was_meant(show, name, near):
    error = show(name, code=2)
    assert near in error
    assert error.startswith("error: ")


@pytest.mark.parametrize(
    "name", ["", "zzzzzz", "model/", "\x1b[31m", "../..", "x" * 5000, "0" * 64]
)
def test_nonsense_is_bad_input_in_one_line(show, name):
    error = show(name, code=2)
    assert error.startswith("error: ")
    assert "\x1b" not in error
    assert len(error) < 1000


# -- settings against the defaults ----------------------------------------------------------------


def mine(make_run, model_file, **values):
    options = {"width": 32, "name": None, **values.pop("options", {})}
    recipe = {**full_recipe(epochs=50), **values.pop("recipe", {})}
    run = make_run(
        system="Mine",
        model="mine",
        model_file=str(model_file),
        options=options,
        recipe=recipe,
        **values,
    )
    from graphlab.registry import find_task

    config = run.config.model_copy(update={"task_options": dict(find_task("node").defaults)})
    return run.model_copy(update={"config": config})


def full_recipe(**changes):
    from graphlab.train.recipes import Recipe

    return Recipe(**changes).to_dict()


def test_a_run_of_the_preset_differs_in_nothing(make_run, model_file):
    assert differences(mine(make_run, model_file)) == {}


def test_every_changed_setting_is_found(make_run, model_file):
    run = mine(make_run, model_file, options={"width": 64}, recipe={"lr": 0.5, "epochs": 200})
    assert differences(run) == {
        "options.width": (64, 32),
        "recipe.lr": (0.5, 0.01),
        "recipe.epochs": (200, 50),
    }


def test_a_setting_that_the_model_no_longer_has_is_shown(make_run, model_file):
    found = differences(mine(make_run, model_file, options={"old": 1}))
    value, default = found["options.old"]
    assert value == 1
    assert isinstance(default, Unset)


def test_an_unknown_model_has_no_defaults(make_run, tmp_path):
    assert differences(make_run(model="mine", model_file=str(tmp_path / "gone.py"))) is None
    assert differences(make_run(model="no-such-model")) is None


def test_the_screen_shows_value_and_default(make_run, model_file, save_runs, results, show):
    run = mine(make_run, model_file, options={"width": 64})
    save_runs([run], results)
    out = show(run.identity.run_id)
    assert re.search(r"options\.width +64 +32", out)
    assert "recipe.epochs=50" in out


def test_the_command_sets_what_differs(make_run, model_file):
    run = mine(make_run, model_file, seed=4, options={"width": 64, "name": "a b"})
    words = command_of(run)
    assert words[words.index("--seed") + 1] == "4"
    assert [words[i + 1] for i, word in enumerate(words) if word == "--set"] == [
        "options.width=64",
        'options.name="a b"',
    ]
    assert shlex.split(one_line(words)) == words
    assert shlex.split(in_lines(words).replace(" \\\n", "")) == words


def test_limits_of_time_are_not_part_of_the_command(make_run, model_file):
    run = mine(make_run, model_file, recipe={"max_seconds": 60.0, "checkpoint_seconds": 0.0})
    assert "--set" not in command_of(run)


def test_commands_name_seeds_that_do_not_begin_at_zero_one_by_one(make_run):
    runs = [make_run(seed=seed) for seed in (3, 7)]
    commands = commands_of_row(runs)
    assert [words[words.index("--seed") + 1] for words in commands] == ["3", "7"]
    assert "--seeds" not in commands[0]


@pytest.mark.parametrize(
    "word", ["a b", "it's", "$HOME", "`id`", "a\nb", "\u202e", "\\", "é\x85", "--x=\x1b[0m'\\"]
)
def test_quoted_words_reach_a_shell_unharmed(word):
    line = one_line(["printf", "%s", word])
    assert line.isprintable()
    done = subprocess.run(
        ["bash", "-c", line], capture_output=True, check=True, env={"LC_ALL": "C.UTF-8"}
    )
    assert done.stdout.decode() == word


# -- curves ---------------------------------------------------------------------------------------


def test_curves_are_read_by_quantity(tmp_path):
    lines = [
        '{"event": "started", "time": "x"}',
        '{"event": "evaluation", "epoch": 1, "loss": 2.0, "val_loss": 1.5, "val_acc": 0.5}',
        '{"event": "evaluation", "epoch": 2, "loss": 1.0, "lr": 0.01}',
        '{"event": "evaluation", "epoch": 3, "loss": null, "val_loss": 1.0, "val_acc": 0.75}',
        '{"event": "evaluation", "epo',
    ]
    (tmp_path / "events.jsonl").write_text("\n".join(lines))
    assert read_curves(tmp_path) == {
        "train.loss": [(1, 2.0), (2, 1.0)],
        "val.loss": [(1, 1.5), (3, 1.0)],
        "val.acc": [(1, 0.5), (3, 0.75)],
        "lr": [(2, 0.01)],
    }
    assert read_curves(tmp_path / "nothing") == {}


def dots(lines):
    """Rows of a drawn curve as sets of columns, the top row first."""
    rows = [set() for _ in range(4 * len(lines))]
    bits = {0x01: (0, 0), 0x02: (0, 1), 0x04: (0, 2), 0x40: (0, 3)}
    bits |= {0x08: (1, 0), 0x10: (1, 1), 0x20: (1, 2), 0x80: (1, 3)}
    for y, line in enumerate(lines):
        for x, letter in enumerate(line):
            for bit, (dx, dy) in bits.items():
                if (ord(letter) - 0x2800) & bit:
                    rows[4 * y + dy].add(2 * x + dx)
    return rows


def test_a_rising_curve_rises():
    rows = dots(text_curve([(e, float(e)) for e in range(1, 101)], width=10, height=2))
    assert rows[0] == {19, 18} or 19 in rows[0]
    assert 0 in rows[-1]
    assert set().union(*rows) == set(range(20))  # no gap


def test_a_constant_curve_is_one_line():
    rows = dots(text_curve([(1, 0.5), (9, 0.5)], width=5, height=3))
    assert [len(row) for row in rows if row] == [10]


def test_a_jump_is_joined():
    points = [(e, 0.0 if e < 50 else 1.0) for e in range(1, 101)]
    rows = dots(text_curve(points, width=10, height=4))
    assert all(rows)
