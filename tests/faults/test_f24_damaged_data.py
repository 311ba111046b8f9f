"""F24: a data file with any byte changed is refused at its first load."""

from __future__ import annotations

import shutil

import pytest

from graphlab.datasets.card import read_card
from graphlab.datasets.catalog import find_dataset
from graphlab.datasets.files import locate
from graphlab.errors import DatasetCorrupt, DatasetError
from graphlab.testing.faults import bit_flip


@pytest.fixture
def shipped(tmp_path):
    """A copy of the shipped set."""
    folder = tmp_path / "debdeps"
    shutil.copytree(find_dataset("debdeps").folder, folder)
    return folder, read_card(folder / "card.toml")


def test_each_of_fifty_flipped_bits_of_the_shipped_set_is_noticed(shipped):
    folder, card = shipped
    (name,) = card.required_files
    path = folder / name
    for seed in range(50):
        with bit_flip(path, bit=seed % 8, seed=seed):
            with pytest.raises(DatasetCorrupt) as caught:
                locate(card)
            message = str(caught.value)
            assert str(path) in message
            assert card.sha256[name] in message
    assert locate(card) == folder


@pytest.mark.parametrize("damage", ["cut", "empty", "longer", "another file", "folder", "link"])
def test_other_damage_is_noticed(shipped, damage):
    folder, card = shipped
    (name,) = card.required_files
    path = folder / name
    whole = path.read_bytes()
    path.unlink()
    if damage == "folder":
        path.mkdir()
    elif damage == "link":
        path.symlink_to(folder / "gone.npz")
    else:
        new = {"cut": whole[:-1], "empty": b"", "longer": whole + b"\0"}
        path.write_bytes(new.get(damage, b"PK\x03\x04 not this file"))
    with pytest.raises(DatasetError) as caught:
        locate(card)
    assert "\n" not in str(caught.value)
    assert "debdeps" in str(caught.value)
