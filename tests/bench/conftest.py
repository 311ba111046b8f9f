"""Records and run folders for the tests of tables and reports."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from graphlab.bench.record import (
    Code,
    Config,
    Cost,
    Data,
    Failure,
    Identity,
    Lineage,
    Machine,
    Result,
    RunRecord,
)
from graphlab.bench.store import RunStore
from graphlab.io import sha256_bytes

_START = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def make_run():
    """Return a function that makes a record; keyword arguments change what a test is about."""
    count = iter(range(1_000_000))

    def make(
        system="GCN",
        dataset="cora",
        seed=0,
        acc=0.8,
        *,
        status="done",
        model=None,
        protocol="public",
        task="node",
        fold=None,
        suite="demo",
        variant="",
        metrics=None,
        recipe=None,
        options=None,
        overridden=(),
        model_file=None,
        seconds=1.5,
        parameters=1000,
        error=None,
        title="Demo suite",
        **result,
    ):
        key = f"{system}|{dataset}|{protocol}|{task}|{variant}"
        number = next(count)
        if status != "done" and error is None:
            error = Failure(type="NonFiniteError", message="loss is nan at epoch 3", log_tail="nan")
        if status == "done" and metrics is None:
            metrics = {"val": {"acc": acc - 0.01, "loss": 0.6}, "test": {"acc": acc, "loss": 0.7}}
        return RunRecord(
            identity=Identity(
                run_id=sha256_bytes(f"{key}|{seed}|{fold}".encode("utf-8", "surrogatepass"))[:16],
                cell_id=sha256_bytes(key.encode("utf-8", "surrogatepass"))[:16],
                suite=suite,
                system=system,
                dataset=dataset,
                task=task,
                protocol=protocol,
                seed=seed,
                fold=fold,
            ),
            config=Config(
                model=model or system.lower(),
                title=title,
                model_file=model_file,
                options=options or {},
                recipe={"monitor": "loss", "select": "best"} if recipe is None else recipe,
                overridden=tuple(overridden),
            ),
            result=Result(
                status=status,
                metrics=metrics or {},
                best_epoch=7 if status == "done" else None,
                epochs_run=10,
                error=error,
                **result,
            ),
            cost=Cost(
                seconds={"load": 0.1, "train": seconds},
                seconds_per_epoch=seconds / 10,
                peak_rss_bytes=2**28,
                parameters=parameters,
            ),
            code=Code(graphlab="0.1.0", python="3.11.7", torch="2.13.0"),
            data=Data(dataset_sha256="ab" * 32, num_nodes=10, num_edges=20),
            machine=Machine(cpu="Test CPU", cores=2, threads=1),
            lineage=Lineage(
                started=_START + timedelta(minutes=number),
                ended=_START + timedelta(minutes=number, seconds=seconds),
            ),
        )

    return make


@pytest.fixture
def save_runs(tmp_path, write_runs):
    """Return a function that writes records and their learning curves into run folders."""

    def save(records, folder=None, epochs=6):
        return write_runs(records, folder or tmp_path / "results" / "demo", epochs)

    return save


@pytest.fixture(scope="session")
def write_runs():
    """The same for a folder that outlives a test."""

    def write(records, folder, epochs=6):
        store = RunStore(folder)
        for record in records:
            identity = record.identity
            run_dir = store.run_dir(identity.cell_id, identity.seed, identity.fold)
            run_dir.mkdir(parents=True, exist_ok=True)
            lines = [
                {
                    "event": "evaluation",
                    "epoch": epoch,
                    "loss": 2.0 / epoch,
                    "val_loss": 2.1 / epoch + 0.01 * identity.seed,
                    "val_acc": 1 - 0.5 / epoch,
                }
                for epoch in range(1, epochs + 1)
            ]
            text = "".join(json.dumps(line) + "\n" for line in lines)
            (run_dir / "events.jsonl").write_text(text, encoding="utf-8")
            store.write(run_dir, record)
        return store.results

    return write
