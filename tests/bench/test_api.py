"""``graphlab.bench.run`` and ``graphlab-bench run`` on a small model, in real worker processes."""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys

import pytest

import graphlab.bench
from graphlab.errors import ConfigError, InputError

MODEL = '''
import torch
from graphlab.registry import register_model


@register_model("tiny", tasks=("node",), paper="none")
class Tiny(torch.nn.Module):
    """A linear layer."""

    def __init__(self, in_channels: int, out_channels: int, fail: bool = False) -> None:
        super().__init__()
        self.lin = torch.nn.Linear(in_channels, out_channels)
        if fail:
            raise ValueError("this model was told to fail")

    def forward(self, x, graph, edge_weight=None):
        return self.lin(x)
'''
SECOND_CALL_SECONDS = 3.0


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a model file and the results of one call."""
    folder = tmp_path_factory.mktemp("a folder")
    (folder / "tiny.py").write_text(MODEL, encoding="utf-8")
    return folder


SUITE = {
    "name": "small",
    "title": "A small <suite>",
    "task": "node",
    "seeds": 2,
    "datasets": ["karate"],
    "optional": ["cora"],
    "recipe": {"epochs": 3},
    "system": [{"model": "tiny", "name": "<b>Tiny</b>"}],
}


def run_suite(place, **arguments):
    given = {"files": place / "tiny.py", "results": place / "results", **arguments}
    return graphlab.bench.run(SUITE, **given)


@pytest.fixture(scope="module")
def first(place):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRAPHLAB_DATA", str(place / "data"))
        patch.delenv("GRAPHLAB_DATA_MIRROR", raising=False)
        events = []
        return run_suite(place, on_event=events.append), events


@pytest.fixture
def stripped(monkeypatch):
    monkeypatch.delenv("GRAPHLAB_DATA_MIRROR", raising=False)


def children_seconds():
    """CPU seconds of ended child processes: wall time would measure the machine's other work."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def command(place, *arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "graphlab.bench.cli", "run", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=place,
        **options,
    )


def test_a_call_runs_every_run_and_returns_records_and_table(first):
    result, events = first
    assert (result.executed, result.exit_code, len(result)) == (2, 0, 2)
    assert [record.identity.seed for record in result] == [0, 1]
    assert all(record.done for record in result.records)
    assert {event["event"] for event in events} >= {"start", "done"}
    assert [skip.name for skip in result.plan.skipped] == ["cora"]


def test_a_result_is_a_frame_a_text_and_a_page(first):
    result, _ = first
    frame = result.to_frame()
    assert len(frame) == 2
    assert frame["test.acc"].between(0, 1).all()
    assert "Tiny" in repr(result)
    html = result._repr_html_()
    assert "&lt;b&gt;Tiny&lt;/b&gt;" in html
    assert "<b>Tiny" not in html
    assert html.startswith("<pre>")


def test_results_lie_in_the_folder_of_the_suite(first, place):
    result, _ = first
    assert result.results == place / "results" / "small"
    assert len(list(result.results.glob("*/*/run.json"))) == 2


@pytest.mark.usefixtures("first", "stripped")
def test_a_second_call_executes_nothing_and_loads_neither_torch_nor_numpy(place):
    code = (
        "import json, sys\n"
        "import graphlab.bench\n"
        f"suite = json.loads({json.dumps(SUITE)!r})\n"
        "result = graphlab.bench.run(suite, files='tiny.py')\n"
        "print(result.executed, result.exit_code, len(result))\n"
        "print(len(repr(result)) > 0)\n"
        "heavy = {'torch', 'numpy', 'pandas', 'scipy', 'matplotlib'} & set(sys.modules)\n"
        "sys.exit(', '.join(heavy) or 0)\n"
    )
    begin = children_seconds()
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=place
    )
    assert children_seconds() - begin < SECOND_CALL_SECONDS
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["0", "0", "2", "True"]


@pytest.mark.usefixtures("first", "stripped")
def test_more_seeds_execute_the_new_runs_alone(place):
    copy = place / "copy"
    shutil.copytree(place / "results", copy)
    result = run_suite(place, results=copy, seeds=3, models="tiny")
    assert (result.executed, len(result)) == (1, 3)


@pytest.mark.usefixtures("stripped")
def test_problems_of_a_suite_are_one_exception(place):
    broken = {**SUITE, "task": "nod", "seeds": 0}
    with pytest.raises(ConfigError) as caught:
        graphlab.bench.run(broken, files=place / "tiny.py", results=place / "none")
    assert len(caught.value.problems) == 2
    assert not (place / "none").exists()


@pytest.mark.usefixtures("stripped")
def test_a_file_in_place_of_the_results_folder_ends_before_any_training(place):
    (place / "file").write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match="cannot be written to"):
        run_suite(place, results=place / "file")
    done = command(place, "--file", "tiny.py", "--dataset", "karate", "--results", "file")
    assert done.returncode == 2
    assert done.stderr.startswith("error: Results cannot be written to file/adhoc")
    assert (place / "file").read_text(encoding="utf-8") == "mine"


@pytest.mark.usefixtures("stripped")
def test_a_missing_gpu_ends_before_any_training(place):
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(InputError, match="this machine has 0 cuda devices"):
        run_suite(place, device="cuda", results=place / "gpu")
    assert not list((place / "gpu").glob("*/*/*"))


@pytest.mark.usefixtures("stripped")
def test_the_command_prints_plan_lines_table_and_places(place):
    """One failing and one good system: exit code 1, and the table says so."""
    arguments = ["two.toml", "--file", "tiny.py", "--seeds", "1", "--jobs", "2", "--threads", "1"]
    (place / "two.toml").write_text(
        'task = "node"\ndatasets = ["karate"]\nrecipe.epochs = 2\n'
        '[[system]]\nmodel = "tiny"\nname = "good"\n'
        '[[system]]\nmodel = "tiny"\nname = "bad"\noptions.fail = true\n',
        encoding="utf-8",
    )
    done = command(place, *arguments)
    assert done.returncode == 1, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "two: two"
    assert lines[1].startswith("1 data set, 2 systems, 1 seed: 2 runs (0 finished, 2 to run")
    assert any(line.startswith("bad on karate, seed 0: failed: ") for line in lines)
    assert any("good on karate: 1 run, test acc" in line for line in lines)
    assert any("failed 1/1" in line for line in lines)
    assert lines[-1].startswith("Executed 2 runs. Results: results/two, report: results/two/")
    assert "\x1b" not in done.stdout
    assert (place / "results" / "two" / "report.html").is_file()

    begin = children_seconds()
    again = command(place, *arguments)
    assert children_seconds() - begin < SECOND_CALL_SECONDS
    assert again.returncode == 1
    assert "2 finished, 0 to run; --rerun failed repeats 1" in again.stdout
    assert "Executed 0 runs." in again.stdout
    second = again.stdout.splitlines()
    assert second[second.index("") : -2] == lines[lines.index("") : -2]

    quiet = command(place, *arguments, "--quiet")
    assert quiet.stdout.splitlines()[0] == "two"
    assert "Executed" not in quiet.stdout
    values = json.loads(command(place, *arguments, "--json").stdout)
    assert (values["executed"], values["exit_code"]) == (0, 1)
    assert {run["status"] for run in values["runs"]} == {"done", "failed"}


@pytest.mark.usefixtures("stripped")
def test_a_dry_run_starts_and_writes_nothing(place):
    arguments = ["--file", "tiny.py", "--dataset", "karate", "--results", "dry", "--dry-run"]
    done = command(place, *arguments)
    assert done.returncode == 0
    assert "3 runs (0 finished, 3 to run, unknown time)" in done.stdout
    assert "tiny on karate (public): 0 finished, 3 to run" in done.stdout
    values = json.loads(command(place, *arguments, "--json").stdout)
    assert values["pending"] == 3
    assert values["cells"][0]["seeds"] == [0, 1, 2]
    assert values["cells"][0]["recipe"]["epochs"] == 200
    assert not (place / "dry").exists()
