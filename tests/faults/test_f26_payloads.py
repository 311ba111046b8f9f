"""F26: no file runs code, whatever it is taken for. Each door is tried with three payloads."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
import torch

from graphlab import io
from graphlab.bench.config import load_suite
from graphlab.bench.store import RunStore
from graphlab.datasets import load
from graphlab.datasets.local import load_local
from graphlab.errors import ConfigError, GraphlabError, UnsafeFileError
from graphlab.graph import as_graph
from graphlab.graphlets import OrbitAdjacency, orbit_adjacency
from graphlab.models import GCN
from graphlab.models import load as load_model
from graphlab.models import save as save_model
from graphlab.tasks._hard_negatives import hard_negatives
from graphlab.train.checkpoint import LAST, load_checkpoint

pytestmark = pytest.mark.filterwarnings("ignore:Detected pickle protocol")


def object_array(payload):
    array = np.empty(2, dtype=object)
    array[:] = [payload, payload]
    return array


WRITERS = {
    "torch zip": lambda path, payload: torch.save({"w": payload}, path),
    "torch legacy": lambda path, payload: torch.save(
        {"w": payload}, path, _use_new_zipfile_serialization=False
    ),
    "pickle 2": lambda path, payload: path.write_bytes(pickle.dumps(payload, 2)),
    "pickle 5": lambda path, payload: path.write_bytes(pickle.dumps(payload, 5)),
}


def refused(call, name, error=GraphlabError):
    """The error is ours and its one line names the file."""
    with pytest.raises(error) as caught:
        call()
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("form", WRITERS)
@pytest.mark.parametrize("ending", ["pt", "pth", "ckpt", "ckpt.1"])
def test_a_file_of_tensors(tmp_path, payload, form, ending):
    path = tmp_path / f"hostile.{ending}"
    WRITERS[form](path, payload)
    refused(lambda: io.safe_load(path), path.name)


@pytest.mark.parametrize("form", ["npy", "npz", "packed npz", "pickle as npy", "pickle as npz"])
def test_a_file_of_arrays(tmp_path, payload, form):
    path = tmp_path / f"hostile.{form[-3:]}"
    if form == "npy":
        np.save(path, object_array(payload))
    elif form.startswith("pickle"):
        path.write_bytes(pickle.dumps(payload))
    else:
        (np.savez if form == "npz" else np.savez_compressed)(path, x=object_array(payload))
    refused(lambda: io.safe_load(path), path.name, UnsafeFileError)


@pytest.mark.parametrize("name", ["a.pkl", "a.pickle", "a.joblib", "a", "a.pt.pkl"])
def test_a_pickle_by_any_other_name(tmp_path, payload, name):
    path = tmp_path / name
    path.write_bytes(pickle.dumps(payload))
    refused(lambda: io.safe_load(path), name, UnsafeFileError)


@pytest.mark.parametrize("form", WRITERS)
def test_the_restricted_reader(tmp_path, payload, form):
    path = tmp_path / "ind.cora.x"
    WRITERS[form](path, payload)
    refused(lambda: io.restricted_unpickle(path), path.name, UnsafeFileError)


@pytest.mark.parametrize("form", WRITERS)
def test_a_checkpoint(tmp_path, payload, form):
    for name in (LAST, f"{LAST}.1"):
        WRITERS[form](tmp_path / name, payload)
        (tmp_path / f"{name}.sha256").write_text(io.sha256_file(tmp_path / name))
    told = []
    assert load_checkpoint(tmp_path, "", report=told.append) is None
    assert len(told) == 3  # two damaged generations, and that the run starts again
    assert f"{tmp_path / LAST} is damaged" in told[0]
    assert f"{tmp_path / LAST}.1 is damaged" in told[1]
    assert not (tmp_path / LAST).exists()


@pytest.mark.parametrize("part", ["weights", "description"])
def test_a_saved_model(tmp_path, payload, part):
    folder = tmp_path / "model"
    save_model(GCN(3, 2), folder)
    (weights,) = folder.glob("*.safetensors")
    (description,) = folder.glob("*.json")
    path = weights if part == "weights" else description
    path.write_bytes(pickle.dumps(payload))
    refused(lambda: load_model(folder), path.name)


@pytest.mark.parametrize("form", ["pt", "npz", "folder npy", "folder npz", "folder csv"])
def test_a_graph_of_the_user(tmp_path, payload, form):
    folder = tmp_path / "graph"
    folder.mkdir()
    if form == "pt":
        path = folder / "a.pt"
        torch.save({"edge_index": torch.tensor([[0], [1]]), "x": payload}, path)
    elif form == "npz":
        path = folder / "a.npz"
        np.savez(path, edge_index=np.array([[0], [1]]), x=object_array(payload))
    else:
        (folder / "edges.csv").write_text("0,1\n1,2\n")
        path = folder / f"features.{form[-3:]}"
        if form == "folder npy":
            np.save(path, object_array(payload))
        elif form == "folder npz":
            np.savez(path, data=object_array(payload), indices=[0], indptr=[0, 1], shape=[3, 1])
        else:
            path.write_bytes(pickle.dumps(payload))
    given = folder if form.startswith("folder") else path
    refused(lambda: load_local(given), path.name)


def test_a_graph_file_of_the_orbit_command(tmp_path, payload, main):
    path = tmp_path / "a.npz"
    np.savez(path, edge_index=object_array(payload))
    code, _, errors = main("orbits", str(path))
    assert code == 2
    assert str(path) in errors
    assert len(errors.splitlines()) == 1


@pytest.mark.parametrize("payload", ["subprocess.getoutput"], indirect=True)
def test_a_graph_given_to_run(tmp_path, payload, command):
    path = tmp_path / "a.pt"
    torch.save({"edge_index": torch.tensor([[0], [1]]), "y": payload}, path)
    done = command("run", "--data", path, "--model", "mlp", "--seeds", 1, cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert f"failed: {path} holds more than tensors" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_a_record_its_index_and_the_plan(tmp_path, payload):
    from graphlab.bench.report.outline import PLAN_FILE, load_outline

    store = RunStore(tmp_path / "demo")
    folder = store.run_dir("0" * 16, 0)
    folder.mkdir(parents=True)
    for path in (folder / "run.json", store.results / "index.json", store.results / PLAN_FILE):
        path.write_bytes(pickle.dumps(payload))
    assert store.scan().garbage == (folder / "run.json",)
    assert store.read(folder) is None
    assert store.history(folder) == []
    assert load_outline(store.results) is None


def test_a_record_whose_text_is_a_payload_is_text(tmp_path, payload, main):
    """Strings in a record that look like code, a template or a module stay strings."""
    store = RunStore(tmp_path / "results" / "demo")
    folder = store.run_dir("0" * 16, 0)
    folder.mkdir(parents=True)
    code = f"__import__('os').system('touch {payload.marker}')"
    (folder / "run.json").write_text(json.dumps({"identity": {"model": code}, "py/object": code}))
    main("report", "--results", str(tmp_path / "results"))


def test_a_suite(tmp_path, payload):
    path = tmp_path / "a.toml"
    path.write_bytes(pickle.dumps(payload))
    refused(lambda: load_suite(path), "a.toml", ConfigError)


def test_a_converted_copy_of_a_data_set(tmp_path, payload, monkeypatch, mirror):
    """What graphlab itself wrote is no more trusted than what it was given."""
    root = tmp_path / "root"
    monkeypatch.setenv("GRAPHLAB_DATA", str(root))
    monkeypatch.setenv("GRAPHLAB_DATA_MIRROR", str(mirror))
    expected = load("texas").graph
    # the raw files are links into the mirror: only what graphlab wrote itself may be overwritten
    copies = list(root.rglob("processed-*/*.npz"))
    assert copies
    for path in copies:
        assert not path.is_symlink()
        assert path.stat().st_nlink == 1
        assert path.resolve().is_relative_to(root.resolve())
    for path in copies:
        np.savez(path, **dict.fromkeys(np.load(path).files, object_array(payload)))
    assert torch.equal(load("texas").graph.edge_index, expected.edge_index)


@pytest.mark.parametrize("mmap", [False, True])
def test_saved_orbit_matrices(tmp_path, payload, mmap):
    folder = tmp_path / "matrices"
    orbit_adjacency(np.array([[0, 1, 2], [1, 2, 0]])).save(folder)
    index = folder / "orbits.json"
    whole, (matrix, *_) = index.read_bytes(), sorted(folder.glob("*.npy"))
    np.save(matrix, object_array(payload))
    refused(lambda: OrbitAdjacency.load(folder, mmap=mmap), matrix.name)
    index.write_bytes(pickle.dumps(payload))
    refused(lambda: OrbitAdjacency.load(folder, mmap=mmap), str(folder))
    assert whole.startswith(b"{")


def test_kept_hard_negatives(tmp_path, payload, caplog):
    positives = torch.tensor([[0, 1]])
    graph = as_graph(torch.tensor([[0, 1, 2, 3, 4], [1, 2, 3, 4, 5]]), 7).simple()

    def choose():
        return hard_negatives(graph, positives, k=2, criteria=("ra",), cache=True, root=tmp_path)

    first = choose()
    (kept,) = tmp_path.rglob("*.npz")
    np.savez(kept, nodes=object_array(payload), sha256=object_array(payload))
    assert torch.equal(choose(), first)
    assert kept.name in caplog.text
