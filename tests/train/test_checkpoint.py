"""Checkpoints that are damaged, foreign, hostile, or cut short by a kill at any moment."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch

from graphlab.errors import CheckpointError
from graphlab.io import sha256_bytes, sha256_file
from graphlab.train.checkpoint import LAST, load_checkpoint, remove_checkpoints, save_checkpoint


def state(number):
    return {
        "fingerprint": "mine",
        "number": number,
        "weight": torch.full((50,), float(number)),
        "history": [{"epoch": 1, "loss": 0.5}],
    }


def write(folder, *numbers):
    for number in numbers:
        save_checkpoint(folder / LAST, state(number))


def read(folder):
    messages = []
    found = load_checkpoint(folder, "mine", report=messages.append)
    return (None if found is None else found["number"]), messages


def test_round_trip_keeps_two_generations_with_valid_checksums(tmp_path):
    write(tmp_path, 1, 2, 3)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "last.ckpt",
        "last.ckpt.1",
        "last.ckpt.1.sha256",
        "last.ckpt.sha256",
    ]
    for name in ("last.ckpt", "last.ckpt.1"):
        assert sha256_file(tmp_path / name) == (tmp_path / f"{name}.sha256").read_text()
    loaded = load_checkpoint(tmp_path, "mine")
    assert loaded["number"] == 3
    assert torch.equal(loaded["weight"], torch.full((50,), 3.0))
    (tmp_path / LAST).unlink()
    assert read(tmp_path) == (2, [])


def test_nothing_there_is_no_message(tmp_path):
    assert read(tmp_path) == (None, [])


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def truncate(path):
    path.write_bytes(path.read_bytes()[:-100])


def empty(path):
    path.write_bytes(b"")


def folder(path):
    path.unlink()
    path.mkdir()
    (path / "inside").write_text("x")


DAMAGES = [flip, truncate, empty, folder]


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_newest_is_reported_and_the_older_one_is_used(tmp_path, damage):
    write(tmp_path, 1, 2)
    damage(tmp_path / LAST)
    number, messages = read(tmp_path)
    assert number == 1
    assert len(messages) == 1
    assert "last.ckpt is damaged" in messages[0]
    assert "last.ckpt.damaged" in messages[0]
    assert (tmp_path / "last.ckpt.damaged").exists()
    # the damaged one never becomes a generation again
    write(tmp_path, 3)
    assert read(tmp_path) == (3, [])
    (tmp_path / LAST).unlink()
    assert read(tmp_path) == (1, [])


@pytest.mark.parametrize("damage", DAMAGES)
def test_all_damaged_means_a_new_start_said_aloud(tmp_path, damage):
    write(tmp_path, 1, 2)
    damage(tmp_path / LAST)
    damage(tmp_path / "last.ckpt.1")
    number, messages = read(tmp_path)
    assert number is None
    assert len(messages) == 3
    assert "starts again" in messages[-1]
    write(tmp_path, 5)
    assert read(tmp_path) == (5, [])


def test_every_flipped_bit_is_noticed(tmp_path):
    write(tmp_path, 1)
    good = (tmp_path / LAST).read_bytes()
    for place in range(0, len(good), max(1, len(good) // 25)):
        bad = bytearray(good)
        bad[place] ^= 4
        (tmp_path / LAST).write_bytes(bytes(bad))
        assert read(tmp_path)[0] is None
        (tmp_path / "last.ckpt.damaged").unlink()


def test_lost_or_garbled_checksum_makes_a_file_unusable(tmp_path):
    write(tmp_path, 1, 2)
    (tmp_path / "last.ckpt.sha256").write_bytes(b"\xff\xfe not a sum")
    number, messages = read(tmp_path)
    assert number == 1
    assert "is in no last.ckpt.sha256" in messages[0]


def test_another_configuration_is_refused(tmp_path):
    write(tmp_path, 1)
    with pytest.raises(CheckpointError, match=r"another configuration.*expected other"):
        load_checkpoint(tmp_path, "other")


def test_valid_checksum_over_no_state_is_damaged(tmp_path):
    for content in (b"plain text", b""):
        (tmp_path / LAST).write_bytes(content)
        (tmp_path / "last.ckpt.sha256").write_text(sha256_bytes(content))
        assert read(tmp_path)[0] is None
    torch.save([1, 2], tmp_path / LAST)
    (tmp_path / "last.ckpt.sha256").write_text(sha256_file(tmp_path / LAST))
    number, messages = read(tmp_path)
    assert number is None
    assert "holds no state" in messages[0]


class Payload:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return (Path.touch, (self.marker,))


def test_hostile_checkpoint_runs_nothing(tmp_path):
    marker = tmp_path / "marker"
    for write_hostile in (
        lambda path: torch.save({"fingerprint": Payload(marker)}, path),
        lambda path: path.write_bytes(pickle.dumps(Payload(marker), protocol=2)),
    ):
        write_hostile(tmp_path / LAST)
        (tmp_path / "last.ckpt.sha256").write_text(sha256_file(tmp_path / LAST))
        number, messages = read(tmp_path)
        assert number is None
        assert "could run code" in messages[0]
        assert not marker.exists()


class Killed(BaseException):
    pass


def test_kill_at_any_moment_of_writing_leaves_the_old_or_the_new_state(tmp_path, monkeypatch):
    import os

    real = {"replace": Path.replace, "fsync": os.fsync}
    seen = set()
    for moment in range(1, 40):
        place = tmp_path / str(moment)
        place.mkdir()
        write(place, 1, 2)
        left = [moment]

        def dying(name, left=left):
            def call(*arguments, **keywords):
                left[0] -= 1
                if left[0] == 0:
                    raise Killed
                return real[name](*arguments, **keywords)

            return call

        monkeypatch.setattr(Path, "replace", dying("replace"))
        monkeypatch.setattr(os, "fsync", dying("fsync"))
        try:
            write(place, 3)
            finished = True
        except Killed:
            finished = False
        monkeypatch.setattr(Path, "replace", real["replace"])
        monkeypatch.setattr(os, "fsync", real["fsync"])
        number, messages = read(place)
        assert number in {2, 3}
        assert messages == []
        seen.add(number)
        write(place, 4)
        assert read(place) == (4, [])
        if finished:
            break
    assert finished
    assert moment > 6
    assert seen == {2, 3}


def test_folder_that_cannot_be_written_gives_path_and_free_bytes(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    with pytest.raises(CheckpointError, match=r"file.last\.ckpt cannot be written: .*bytes are"):
        save_checkpoint(blocked / LAST, state(1))


def test_full_disk_keeps_the_earlier_generations(tmp_path):
    import resource
    import signal

    write(tmp_path, 1, 2)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(CheckpointError, match="cannot be written"):
            save_checkpoint(tmp_path / LAST, state(3))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert read(tmp_path) == (2, [])


def test_finished_runs_leave_no_checkpoint_files(tmp_path):
    write(tmp_path, 1, 2)
    flip(tmp_path / LAST)
    read(tmp_path)
    (tmp_path / "run.json").write_text("{}")
    remove_checkpoints(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["run.json"]
