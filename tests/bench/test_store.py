"""Run folders: layout, atomic records, the kernel's lock, the cache, what is skipped and said."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime

import pytest

from graphlab.bench import provenance
from graphlab.bench._outcome import identity_of
from graphlab.bench.plan import RunSpec
from graphlab.bench.record import Code, Config, Lineage, Result, RunRecord, sealed
from graphlab.bench.store import RunLockedError, RunStore
from graphlab.errors import InputError


def spec(seed=0, system="gcn", fold=None, **options):
    return RunSpec(
        suite="quick",
        title="Quick",
        system=system,
        model=system,
        dataset="debdeps",
        dataset_sha256="ab" * 32,
        task="node",
        protocol="random-20-30",
        seed=seed,
        fold=fold,
        options=options,
        recipe={"epochs": 3},
        task_options={},
    )


def record(of, status="done", acc=0.5, code=None):
    return RunRecord(
        identity=identity_of(of),
        config=Config(model=of.model, recipe=dict(of.recipe)),
        result=Result(status=status, metrics={"test": {"acc": acc}} if status == "done" else {}),
        code=code or Code(),
        lineage=Lineage(ended=datetime.now(UTC)),
    )


@pytest.fixture
def store(tmp_path):
    return RunStore(tmp_path / "results" / "quick")


def put(store, of, **values):
    folder = store.folder(of)
    folder.mkdir(parents=True, exist_ok=True)
    made = record(of, **values)
    store.write(folder, made)
    return made


def age_everything(store, seconds=60):
    """Make every record certain for the cache, which doubts files as new as itself."""
    old = time.time_ns() - int(seconds * 1e9)
    for path in store.results.glob("*/*/run.json"):
        os.utime(path, ns=(old, old))


# -- layout -----------------------------------------------------------------------------------


def test_folder_is_cell_then_seed_then_fold(store):
    assert store.run_dir("c", 3) == store.results / "c" / "3"
    assert store.run_dir("c", 3, fold=0) == store.results / "c" / "3-f0"
    one = spec(seed=7)
    assert store.folder(one) == store.results / one.cell_id / "7"


def test_records_come_in_the_order_asked_for_or_by_seed(store):
    specs = [spec(seed) for seed in (10, 2, 1)]
    for one in specs:
        put(store, one)
    assert [r.identity.seed for r in store.records(specs)] == [10, 2, 1]
    assert [r.identity.seed for r in store.records()] == [1, 2, 10]


def test_folds_of_a_seed_are_runs_of_their_own(store):
    for fold in (11, 2):
        put(store, spec(0, fold=fold))
    assert [r.identity.fold for r in store.records()] == [2, 11]


def test_record_of_another_configuration_is_not_taken(store):
    one = spec(0)
    put(store, one)
    other = RunSpec.from_json({**one.to_json(), "recipe": {"epochs": 4}})
    folder = store.folder(other)
    folder.mkdir(parents=True)
    (folder / "run.json").write_bytes((store.folder(one) / "run.json").read_bytes())
    assert store.records([other]) == []
    assert not store.is_finished(other)


# -- writing ----------------------------------------------------------------------------------


def test_write_makes_the_checkpoint_go_after_the_record_is_there(store):
    one = spec()
    folder = store.folder(one)
    folder.mkdir(parents=True)
    for name in ("last.ckpt", "last.ckpt.1", "last.ckpt.sha256", "best.ckpt", "log.txt"):
        (folder / name).write_text("x")
    put(store, one)
    assert sorted(p.name for p in folder.iterdir()) == ["best.ckpt", "log.txt", "run.json"]


def test_full_disk_leaves_the_old_record_and_the_checkpoint(store, tmp_path):
    """A limit on file sizes stands for a full disk: it needs no special rights."""
    one = spec()
    before = put(store, one, acc=0.25)
    folder = store.folder(one)
    (folder / "last.ckpt").write_text("state")
    code = f"""
import resource, sys
from graphlab.bench.record import parse_record
from graphlab.bench.store import RunStore
from pathlib import Path
import json
folder = Path({str(folder)!r})
record = parse_record(json.loads((folder / "run.json").read_text()))
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
try:
    RunStore({str(store.results)!r}).write(folder, record)
except OSError as error:
    sys.exit(error.errno)
"""
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 27, answer.stderr  # EFBIG
    assert store.read(folder) == before
    assert (folder / "last.ckpt").exists()
    assert not list(folder.glob(".*.tmp"))


def test_file_in_place_of_the_results_folder_is_bad_input(tmp_path):
    (tmp_path / "results").write_text("a file")
    with pytest.raises(InputError, match="--results"):
        RunStore(tmp_path / "results" / "quick").prepare()
    with pytest.raises(InputError, match="--results"):
        RunStore(tmp_path / "results").prepare()


def test_prepare_makes_the_folder_and_leaves_nothing_in_it(store):
    store.prepare()
    assert list(store.results.iterdir()) == []


def test_free_bytes_of_a_folder_that_does_not_exist_yet(store, tmp_path):
    assert store.free_bytes() == pytest.approx(RunStore(tmp_path).free_bytes(), rel=0.1)


def test_only_old_temporaries_are_swept(store):
    put(store, spec())
    folder = store.folder(spec())
    old, new = folder / ".run.json.a1.tmp", folder / ".run.json.b2.tmp"
    top = store.results / ".index.json.c3.tmp"
    for path in (old, new, top):
        path.write_text("half")
    for path in (old, top):
        os.utime(path, (time.time() - 4000, time.time() - 4000))
    assert store.sweep_temporaries() == 2
    assert new.exists()
    assert store.read(folder) is not None


# -- skipping ---------------------------------------------------------------------------------


def test_newer_records_are_counted_and_garbage_is_named(store, caplog):
    good = put(store, spec(0))
    for seed in (1, 2):
        put(store, spec(seed))
        path = store.folder(spec(seed)) / "run.json"
        payload = json.loads(path.read_text())
        payload["identity"]["schema"] = 99
        path.write_text(json.dumps(payload))
    broken = []
    for seed, content in ((3, b""), (4, b'{"identity": {"sch'), (5, b"\xff\x00"), (6, b"[]")):
        put(store, spec(seed))
        broken.append(store.folder(spec(seed)) / "run.json")
        broken[-1].write_bytes(content)
    scan = store.scan()
    assert scan.records == (good,)
    assert scan.newer == 2
    assert list(scan.garbage) == broken
    assert "2 records of a newer graphlab" in caplog.text
    assert str(broken[0]) in caplog.text
    assert store.read(store.folder(spec(3))) is None


def test_a_folder_in_place_of_a_record_is_garbage(store):
    folder = store.folder(spec()) / "run.json"
    folder.mkdir(parents=True)
    assert store.scan().garbage == (folder,)


# -- finished ---------------------------------------------------------------------------------


def test_what_finishes_a_run(store):
    done, failed = spec(0), spec(1)
    code = Code(source_sha256=provenance.source_digest())
    put(store, done, code=code)
    put(store, failed, status="diverged", code=Code(source_sha256="0" * 64))
    expected = {None: (True, True), "failed": (True, False), "stale": (True, False)}
    expected["all"] = (False, False)
    for rerun, finished in expected.items():
        assert tuple(store.is_finished(s, rerun) for s in (done, failed)) == finished, rerun
    assert not store.is_finished(spec(2))


# -- cache ------------------------------------------------------------------------------------


def test_cache_gives_the_same_records(store):
    for seed in range(5):
        put(store, spec(seed), acc=seed / 10)
    first = store.records()
    age_everything(store)
    assert store.records() == first
    assert store.records() == first
    cached = json.loads((store.results / "index.json").read_text())
    assert len(cached["entries"]) == 5


def test_cache_is_really_used(store):
    put(store, spec(), acc=0.5)
    age_everything(store)
    store.records()
    path = store.results / "index.json"
    content = json.loads(path.read_text())
    (entry,) = content["entries"].values()
    entry["record"]["result"]["metrics"]["test"]["acc"] = 0.99
    path.write_text(json.dumps(content))
    scan = store.scan()
    assert scan.records[0].metric("acc") == 0.5, "an edited cache is not believed"
    assert scan.altered == (), "the record itself is as written"
    entry["record"] = sealed(entry["record"])
    path.write_text(json.dumps(content))
    assert store.records()[0].metric("acc") == 0.99


def test_record_edited_by_hand_is_read_again(store):
    put(store, spec(), acc=0.5)
    age_everything(store)
    store.records()
    path = store.folder(spec()) / "run.json"
    path.write_text(path.read_text().replace('"acc": 0.5', '"acc": 0.9'))
    assert store.records()[0].metric("acc") == 0.9


def test_record_as_new_as_the_cache_is_in_doubt(store):
    """Same size, same inode, same time: only the doubt about young files can tell."""
    put(store, spec(), acc=0.5)
    store.records()
    path = store.folder(spec()) / "run.json"
    stat = path.stat()
    with path.open("r+b") as file:
        content = file.read().replace(b'"acc": 0.5', b'"acc": 0.7')
        file.seek(0)
        file.write(content)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert path.stat().st_ino == stat.st_ino
    assert store.records()[0].metric("acc") == 0.7


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"version": 1}', b'{"version": 77}'])
def test_damaged_cache_is_rebuilt(store, content):
    put(store, spec())
    (store.results / "index.json").write_bytes(content)
    assert len(store.records()) == 1
    assert json.loads((store.results / "index.json").read_text())["version"] == 1


def test_deleted_runs_leave_the_cache(store):
    for seed in range(2):
        put(store, spec(seed))
    store.records()
    (store.folder(spec(1)) / "run.json").unlink()
    assert [r.identity.seed for r in store.records()] == [0]
    assert len(json.loads((store.results / "index.json").read_text())["entries"]) == 1


def test_results_that_cannot_be_written_can_be_read(store):
    put(store, spec())
    (store.results / "index.json").mkdir()
    assert len(store.records()) == 1


def test_empty_or_missing_results(store):
    assert store.records() == []
    assert not store.results.exists()


# -- frame ------------------------------------------------------------------------------------


def test_frame_has_a_row_a_run(store):
    put(store, spec(0), acc=0.5)
    put(store, spec(1), status="failed")
    frame = store.to_frame(store.records())
    assert list(frame["seed"]) == [0, 1]
    assert list(frame["status"]) == ["done", "failed"]
    assert frame["test.acc"][0] == 0.5
    assert frame["test.acc"].isna()[1]


# -- lock -------------------------------------------------------------------------------------

HOLD = """
import sys, time
from graphlab.bench.store import RunStore
from pathlib import Path
with RunStore(sys.argv[1]).lock(Path(sys.argv[2])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(store):
    folder = store.folder(spec())
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(store.results), str(folder)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_lock_of_another_process_is_seen_and_named(store, holder):
    folder = store.folder(spec())
    expected = pytest.raises(RunLockedError, match=f"process {holder.pid} on ")
    with expected as caught, store.lock(folder):
        raise AssertionError("the lock was given twice")
    assert set(caught.value.holder) == {"host", "pid", "started"}
    assert store.holder(folder)["pid"] == holder.pid


def test_lock_is_free_at_once_after_kill_9(store, holder):
    folder = store.folder(spec())
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert store.holder(folder) is None
    with store.lock(folder):
        assert store.holder(folder)["pid"] == os.getpid()


def test_waiting_for_a_lock_ends_when_it_is_free(store, holder):
    threading.Timer(0.3, holder.kill).start()
    with store.lock(store.folder(spec()), wait=30.0):
        pass


def test_lock_can_be_taken_again_after_an_error(store):
    folder = store.folder(spec())
    with pytest.raises(KeyError), store.lock(folder):
        raise KeyError
    with store.lock(folder):
        pass
    assert store.holder(store.results / "nowhere") is None


# -- cost -------------------------------------------------------------------------------------


def test_reading_needs_no_torch_numpy_pandas(store):
    put(store, spec())
    code = (
        "import sys\nfrom graphlab.bench.store import RunStore\n"
        f"assert len(RunStore({str(store.results)!r}).records()) == 1\n"
        "print([n for n in ('torch', 'numpy', 'pandas') if n in sys.modules])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert answer.stdout.strip() == "[]", answer.stderr


def test_a_thousand_records_open_fast(store):
    payload = record(spec()).to_json()
    for seed in range(1000):
        one = spec(seed)
        folder = store.folder(one)
        folder.mkdir(parents=True)
        payload["identity"] |= {"seed": seed, "run_id": one.run_id}
        (folder / "run.json").write_text(json.dumps(sealed(payload)))
    age_everything(store)
    assert len(store.records()) == 1000
    seconds = []
    for _ in range(3):  # the best of three: a busy machine stretches CPU time too
        begin = time.process_time()
        scan = store.scan()
        seconds.append(time.process_time() - begin)
        assert (len(scan.records), scan.altered) == (1000, ())
    assert min(seconds) < 0.6
