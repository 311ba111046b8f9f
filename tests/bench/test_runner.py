"""One run in this process: its record, resuming, and every way it can end."""

from __future__ import annotations

import json
import math
import threading
import time

import numpy as np
import pytest
import torch

from graphlab.bench import runner
from graphlab.bench._inputs import CellData
from graphlab.bench._process import output_to
from graphlab.bench.config import load_suite
from graphlab.bench.journal import Journal, read_events, read_history
from graphlab.bench.plan import RunSpec, make_plan
from graphlab.bench.runner import run_spec
from graphlab.bench.store import RunLockedError, RunStore
from graphlab.bench.suite import Overrides
from graphlab.io import sha256_bytes

MODELS = '''
"""Models that behave badly on purpose."""
from __future__ import annotations
import random
import warnings
import numpy as np
import torch
from torch import nn
from graphlab.errors import ResourceError
from graphlab.registry import register_model

@register_model("faulty", tasks=("node",), paper="none")
class Faulty(nn.Module):
    """A linear layer with a fault."""

    def __init__(self, in_channels: int, out_channels: int, fault: str = "none") -> None:
        super().__init__()
        self.layer = nn.Linear(in_channels, out_channels)
        print("built", random.random(), np.random.rand())
        self.fault = fault
        self.calls = 0
        if fault == "constructor":
            raise KeyError("no such key")

    def forward(self, x, graph, edge_weight=None):
        self.calls += 1
        if self.fault == "warn":
            warnings.warn("a doubtful thing", stacklevel=1)
        if self.calls > 2:
            if self.fault == "raise":
                raise ValueError("a fault in the model")
            if self.fault == "allocate":
                torch.empty(2**48)
            if self.fault == "resource":
                raise ResourceError("needs 9 GB, 1 GB is free; use memory='low'")
            if self.fault == "nan":
                return self.layer(x) * float("nan")
        return self.layer(x)
'''


@pytest.fixture(scope="module")
def cell():
    """The data set, loaded once for all tests here."""
    return CellData()


@pytest.fixture
def plan(tmp_path):
    """Return a function that plans runs of one system."""

    def make(model="mlp", seeds=1, recipe=None, **options):
        file = tmp_path / "faulty.py"
        file.write_text(MODELS)
        suite = {
            "task": "node",
            "datasets": ["debdeps"],
            "seeds": seeds,
            "recipe": {"epochs": 6, "checkpoint_seconds": 0, **(recipe or {})},
            "system": [{"model": model, "options": options}],
        }
        checked = load_suite(suite, overrides=Overrides(files=(file,)))
        return make_plan(checked, tmp_path / "results")

    return make


@pytest.fixture
def one(plan, cell):
    """Return a function that plans and executes one run."""

    def execute(model="mlp", recipe=None, keep=False, **options):
        made = plan(model, recipe=recipe, **options)
        store, spec = RunStore(made.results), made.runs[0]
        return run_spec(spec, store, cell=cell, keep=keep), store.folder(spec)

    return execute


class StopAfter:
    """Asks to stop at the n-th question of the trainer."""

    def __init__(self, steps):
        self.left = steps

    def __call__(self):
        self.left -= 1
        return self.left < 0


def without_time(record):
    payload = record.to_json()
    for part in ("lineage", "cost"):
        payload.pop(part)
    return payload


def test_record_of_a_finished_run_is_complete(plan, cell):
    made = plan(hidden_channels=8)
    store, spec = RunStore(made.results), made.runs[0]
    events = []
    record = run_spec(spec, store, cell=cell, emit=events.append)
    folder = store.folder(spec)
    assert store.read(folder) == record
    assert record.identity.run_id == spec.run_id
    assert record.identity.system == "mlp"
    assert record.done
    assert set(record.result.metrics) == {"train", "val", "test"}
    assert 0.0 < record.metric("acc") < 1.0
    assert record.config.options["hidden_channels"] == 8
    assert record.config.recipe["epochs"] == 6
    assert "options.hidden_channels" in record.config.overridden
    assert record.result.epochs_run == 6
    assert 1 <= record.result.best_epoch <= 6
    assert record.cost.parameters > 1000
    assert set(record.cost.seconds) == {"load", "prepare", "train", "evaluate", "total"}
    assert record.cost.seconds["total"] >= record.cost.seconds["train"] > 0
    assert record.cost.seconds_per_epoch > 0
    assert record.cost.peak_rss_bytes > 5e7
    assert len(record.data.split_sha256) == len(record.data.dataset_sha256) == 64
    assert record.data.num_nodes > 4000
    assert record.machine.determinism == "exact"
    assert record.machine.threads == torch.get_num_threads()
    assert record.lineage.resumed_times == 0
    assert record.lineage.started < record.lineage.ended
    names = {path.name for path in folder.iterdir()}
    assert names <= {"config.json", "events.jsonl", "log.txt", "run.json", "run.lock"}
    assert json.loads((folder / "config.json").read_text()) == spec.to_json()
    assert [event["epoch"] for event in read_history(folder)] == [1, 2, 3, 4, 5, 6]
    assert [event["event"] for event in events][:2] == ["start", "train"]
    assert events[-1]["event"] == "done"
    assert events[-1]["values"]["acc"] == record.metric("acc")


def test_same_seed_is_equal_and_another_differs(plan, cell, tmp_path):
    made = plan(seeds=2)
    first, again = (
        run_spec(made.runs[0], RunStore(tmp_path / name), cell=cell) for name in ("a", "b")
    )
    other = run_spec(made.runs[1], RunStore(tmp_path / "a"), cell=cell)
    assert without_time(first) == without_time(again)
    assert other.result.metrics != first.result.metrics


def test_the_callers_torch_is_left_as_it_was(one):
    before = (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled())
    filled = torch.utils.deterministic.fill_uninitialized_memory
    state = torch.get_rng_state()
    one()
    assert (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()) == before
    assert torch.utils.deterministic.fill_uninitialized_memory == filled
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("steps", [1, 4])
def test_resumed_run_equals_an_uninterrupted_one(plan, cell, tmp_path, steps):
    spec = plan().runs[0]
    whole = run_spec(spec, RunStore(tmp_path / "whole"), cell=cell)
    store = RunStore(tmp_path / "parts")
    folder = store.folder(spec)
    assert run_spec(spec, store, cell=cell, stop_requested=StopAfter(steps)) is None
    assert (folder / "last.ckpt").exists()
    assert store.read(folder) is None
    record = run_spec(spec, store, cell=cell)
    assert record.lineage.resumed_times == 1
    assert record.lineage.resumed_epochs == (steps,)
    assert without_time(record) == without_time(whole)
    assert read_history(folder) == read_history(RunStore(tmp_path / "whole").folder(spec))
    assert not list(folder.glob("last.ckpt*"))
    kinds = [event["event"] for event in read_events(folder)]
    assert kinds.count("started") == 2
    assert kinds.count("interrupted") == kinds.count("resumed") == 1
    assert kinds.count("evaluation") == 6


def test_every_resumption_is_in_the_record(plan, cell, tmp_path):
    spec, store = plan().runs[0], RunStore(tmp_path / "r")
    for steps in (2, 1):
        assert run_spec(spec, store, cell=cell, stop_requested=StopAfter(steps)) is None
    assert run_spec(spec, store, cell=cell).lineage.resumed_epochs == (2, 3)


def test_damaged_checkpoint_is_said_and_the_older_one_is_used(plan, cell, tmp_path):
    spec, store = plan().runs[0], RunStore(tmp_path / "r")
    run_spec(spec, store, cell=cell, stop_requested=StopAfter(4))
    newest = store.folder(spec) / "last.ckpt"
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    newest.write_bytes(content)
    record = run_spec(spec, store, cell=cell)
    assert record.lineage.resumed_epochs[0] < 5
    assert any("damaged" in text for text in record.result.warnings.texts)
    assert "damaged" in (store.folder(spec) / "log.txt").read_text()
    assert (
        without_time(record)["result"]["metrics"]
        == (without_time(run_spec(spec, RunStore(tmp_path / "w"), cell=cell))["result"]["metrics"])
    )


def test_stop_before_training_starts_nothing(plan, cell):
    made = plan()
    store = RunStore(made.results)
    assert run_spec(made.runs[0], store, cell=cell, stop_requested=lambda: True) is None
    assert store.records() == []


# -- ways to end ------------------------------------------------------------------------------


def test_divergence_names_the_epoch(one):
    record, folder = one("mlp", recipe={"lr": 1e20})
    assert record.result.status == "diverged"
    assert record.result.error.epoch >= 1
    assert record.result.error.type == "TrainingDiverged"
    assert record.metric("acc") is None
    assert not list(folder.glob("last.ckpt*"))


def test_nan_scores_end_a_run_as_diverged(one):
    assert one("faulty", fault="nan")[0].result.status == "diverged"


@pytest.mark.parametrize(
    ("fault", "status", "kind", "text"),
    [
        ("raise", "failed", "ValueError", "a fault in the model"),
        ("constructor", "failed", "KeyError", "no such key"),
        ("allocate", "out-of-memory", "RuntimeError", "allocate memory"),
        ("resource", "out-of-memory", "ResourceError", "memory='low'"),
    ],
)
def test_an_error_ends_its_run_with_message_and_log(one, fault, status, kind, text):
    record, folder = one("faulty", fault=fault)
    assert record.result.status == status
    assert record.result.error.type == kind
    assert text in record.result.error.message
    assert "faulty.py" in record.result.error.log_tail
    assert kind in (folder / "log.txt").read_text()
    assert record.data.num_nodes > 4000, "what was known must be recorded"


def test_the_next_seed_runs_after_a_failed_one(plan, cell):
    made = plan("faulty", seeds=2, fault="raise")
    store = RunStore(made.results)
    assert [run_spec(s, store, cell=cell).result.status for s in made.runs] == ["failed"] * 2
    assert len(store.records()) == 2


def test_time_limit_gives_the_metrics_there_are(one):
    record, _ = one(recipe={"epochs": 10_000, "max_seconds": 0.2})
    assert record.result.status == "timeout"
    assert record.metric("acc", "val") is not None
    assert record.result.epochs_run < 10_000


def test_warnings_are_counted_and_written_once(one):
    record, folder = one("faulty", fault="warn")
    (text,) = [text for text in record.result.warnings.texts if "doubtful" in text]
    assert record.result.warnings.texts[text] > 6
    assert record.result.warnings.count >= record.result.warnings.texts[text]
    assert (folder / "log.txt").read_text().count("a doubtful thing") == 1


def test_changed_data_are_refused(plan):
    made = plan()
    spec = RunSpec.from_json({**made.runs[0].to_json(), "dataset_sha256": "0" * 64})
    record = run_spec(spec, RunStore(made.results), cell=CellData())
    assert record.result.status == "failed"
    assert record.result.error.type == "DatasetCorrupt"
    assert "changed since the run was planned" in record.result.error.message


def test_own_graph_is_run_and_a_changed_one_is_refused(tmp_path):
    draw = np.random.default_rng(0)
    labels = np.arange(60) % 3
    graph = {
        "edge_index": draw.integers(0, 60, (2, 240)),
        "x": np.eye(3)[labels] + draw.normal(size=(60, 3)),
        "y": labels,
        **{f"{part}_mask": np.arange(60) // 20 == i for i, part in enumerate(("train", "val"))},
        "test_mask": np.arange(60) >= 40,
    }
    path = tmp_path / "mine.npz"
    np.savez(path, **graph)
    overrides = Overrides(models=("mlp",), data=path, settings=(("recipe.epochs", 5),))
    plan = make_plan(load_suite(None, overrides=overrides), tmp_path / "results")
    store = RunStore(plan.results)
    record = run_spec(plan.runs[0], store)
    assert record.done
    assert record.data.num_nodes == 60
    assert record.config.data_path == plan.runs[0].data_path
    np.savez(path, **{**graph, "y": labels[::-1]})
    error = run_spec(plan.runs[1], store).result.error
    assert error.type == "DatasetCorrupt"


def test_changed_model_file_is_refused(plan, cell, tmp_path):
    made = plan("faulty")
    (tmp_path / "faulty.py").write_text(MODELS + "\n# changed\n")
    record = run_spec(made.runs[0], RunStore(made.results), cell=cell)
    assert record.result.error.type == "ConfigError"
    assert "faulty.py has changed" in record.result.error.message


def test_damaged_events_of_a_killed_run_are_no_obstacle(plan, cell):
    made = plan()
    store = RunStore(made.results)
    folder = store.folder(made.runs[0])
    folder.mkdir(parents=True)
    (folder / "events.jsonl").write_bytes(b'{"event": "started"}\n{"event": "eval')
    assert run_spec(made.runs[0], store, cell=cell).done
    assert [event["epoch"] for event in read_history(folder)] == [1, 2, 3, 4, 5, 6]


def test_events_never_hold_nan(tmp_path):
    journal = Journal(tmp_path)
    journal.evaluation({"event": "evaluation", "epoch": 1, "loss": math.nan, "x": [math.inf, 1]})
    journal.flush()
    assert read_history(tmp_path) == [{"epoch": 1, "loss": None, "x": [None, 1]}]


# -- keeping ----------------------------------------------------------------------------------


def test_kept_predictions_give_the_metric_again(one):
    record, folder = one(keep=True)
    content = (folder / "predictions.npz").read_bytes()
    assert sha256_bytes(content) == record.result.predictions.sha256
    with np.load(folder / "predictions.npz", allow_pickle=False) as arrays:
        right = arrays["test_scores"].argmax(1) == arrays["test_target"]
        assert right.mean() == pytest.approx(record.metric("acc"))
    from graphlab.io import safe_load

    assert set(safe_load(folder / "best.ckpt")) == {"model"}


def test_executed_again_a_run_starts_afresh(plan, cell):
    made = plan()
    store, spec = RunStore(made.results), made.runs[0]
    first = run_spec(spec, store, cell=cell, keep=True)
    folder = store.folder(spec)
    (folder / "last.ckpt").write_bytes(b"of an execution that was cut short")
    second = run_spec(spec, store, cell=cell)
    assert without_time(second)["result"]["metrics"] == without_time(first)["result"]["metrics"]
    assert second.lineage.started > first.lineage.ended
    assert not (folder / "predictions.npz").exists(), "they belong to the former execution"
    assert [event["event"] for event in read_events(folder)].count("started") == 1


def test_output_of_a_run_executed_again_is_that_of_the_last_execution(plan, cell, capfd):
    made = plan("faulty")
    store, spec = RunStore(made.results), made.runs[0]
    log = store.folder(spec) / "log.txt"
    log.parent.mkdir(parents=True)
    texts = []
    for _ in range(2):
        with capfd.disabled(), output_to(log):
            run_spec(spec, store, cell=cell)
        texts.append(log.read_text())
    assert texts[0].count("built") == 1
    assert texts[1] == texts[0], "seeded, so that even a careless model prints the same"


# -- two processes ----------------------------------------------------------------------------


def test_run_finished_meanwhile_is_not_executed_again(plan, cell):
    made = plan()
    store, spec = RunStore(made.results), made.runs[0]
    seen = store.mark(store.folder(spec))
    first = run_spec(spec, store, cell=cell, seen=seen)
    events = []
    assert run_spec(spec, store, cell=cell, seen=seen, emit=events.append) == first
    assert [event["event"] for event in events] == ["skipped"]


def test_locked_run_is_left_alone_or_waited_for(plan, cell):
    made = plan()
    store, spec = RunStore(made.results), made.runs[0]
    free, held = threading.Event(), threading.Event()

    def hold():
        with store.lock(store.folder(spec)):
            held.set()
            free.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(30)
    with pytest.raises(RunLockedError):
        run_spec(spec, store, cell=cell)
    threading.Timer(0.3, free.set).start()
    begin = time.monotonic()
    assert run_spec(spec, store, cell=cell, wait=30.0).done
    assert time.monotonic() - begin > 0.2
    thread.join()


def test_runner_needs_no_torch_to_be_imported():
    """The launcher's side must stay cheap: torch comes with the first run."""
    import subprocess
    import sys

    code = f"import sys, {runner.__name__}; print('torch' in sys.modules)"
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "False"
