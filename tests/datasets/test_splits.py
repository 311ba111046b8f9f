"""Splits: fixed digests, stored masks, drawn ones, and what cannot be split."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from graphlab.datasets import load, load_local
from graphlab.datasets.splits import PROTOCOLS, make_split, part_digest, split_digest
from graphlab.errors import DatasetNotFound, InputError

STAGES = ("train", "val", "test")


def sizes(split):
    return tuple(int(split[stage].sum()) for stage in STAGES)


def test_public_split_of_debdeps_has_the_specified_digests():
    split = load("debdeps").split
    assert sizes(split) == (240, 500, 1000)
    assert split["train"].nonzero().squeeze(1)[:5].tolist() == [1, 2, 15, 76, 86]
    starts = [part_digest(split[stage])[:16] for stage in STAGES]
    assert starts == ["fbc4341b5f916c7f", "69906303c32429d1", "23cadd71434c9f9f"]


def test_public_split_does_not_depend_on_the_seed():
    data = load("debdeps")
    first = split_digest(make_split(data, "public", 0))
    assert split_digest(make_split(data, "planetoid_public", 7)) == first


def test_public_split_of_debdeps_does_not_depend_on_the_labels_in_memory():
    data = load("debdeps")
    turned = replace(load("debdeps"), graph=data.graph.with_labels(data.graph.y.flip(0)))
    assert split_digest(turned.split) == split_digest(data.split)


def test_a_split_is_the_callers_own(root):
    data = load("debdeps")
    make_split(data, "public", 0)["train"][:] = True
    assert sizes(make_split(data, "public", 0)) == (240, 500, 1000)


def test_digests_of_drawn_splits_never_change():
    data = load("sbm-tiny")
    digests = [split_digest(make_split(data, "random-20-30", seed))[:16] for seed in range(3)]
    assert digests == ["67f54adf998be315", "20306fcf91c4cbd4", "0c01daeaf8bbfb80"]


def test_planetoid_masks(in_shared_root):
    assert sizes(load("cora").split) == (140, 500, 1000)
    assert sizes(load("citeseer").split) == (120, 500, 1000)


def test_geom_gcn_uses_the_ten_stored_masks(in_shared_root):
    data = load("cora", split="geom-gcn")
    assert sizes(data.split) == (1192, 796, 497)
    raw = np.load(in_shared_root / "splits" / "geom_gcn" / "cora_split_0.6_0.2_3.npz")
    third = make_split(data, "geom-gcn", seed=13)
    for stage in STAGES:
        assert np.array_equal(third[stage].numpy(), raw[f"{stage}_mask"])
    assert torch.equal(make_split(data, "geom-gcn", 0, fold=3)["val"], third["val"])


def test_geom_gcn_without_its_files_names_them(own_copy):
    own_copy("cora")
    data = load("cora")
    with pytest.raises(DatasetNotFound, match="splits/geom_gcn"):
        make_split(data, "geom-gcn", 0)


def test_stored_masks_are_chosen_by_seed_modulo_ten(in_shared_root):
    data = load("minesweeper", seed=12)
    assert data.metric == "rocauc"
    assert sizes(data.split) == (5000, 2500, 2500)
    for stage in STAGES:
        column = data.stored_splits["stored-10"][stage][:, 2]
        assert torch.equal(data.split[stage], column)
    assert torch.equal(load("minesweeper", split=2).split["val"], data.split["val"])
    with pytest.raises(InputError, match=r"0\.\.9"):
        make_split(data, "stored-10", 0, fold=10)


@pytest.mark.parametrize("protocol", ["random-20-30", "random-20-30-lcc"])
def test_random_split_takes_20_and_30_of_each_class(protocol, in_shared_root):
    data = load("photo")
    split = make_split(data, protocol, seed=4)
    y = data.graph.y
    for label in range(8):
        assert int((y[split["train"]] == label).sum()) == 20
        assert int((y[split["val"]] == label).sum()) == 30
    total = sum(split[stage].int() for stage in STAGES)
    assert int(total.max()) == 1
    assert int(total.sum()) == (7650 if protocol == "random-20-30" else 7487)


def test_seeds_differ_and_repeat():
    data = load("sbm-tiny")
    digests = {split_digest(make_split(data, "random-20-30", seed)) for seed in range(10)}
    assert len(digests) == 10
    assert split_digest(make_split(data, "random-20-30", 3)) in digests


def two_components(tmp_path):
    """A ring of 120 nodes behind a ring of 10; labels alternate."""
    first, second = np.arange(10), np.arange(10, 130)
    source = np.concatenate([first, second])
    target = np.concatenate([np.roll(first, 1), np.roll(second, 1)])
    np.savez(
        tmp_path / "rings.npz",
        edges=np.stack([source, target], 1),
        x=np.ones((130, 2)),
        y=np.arange(130) % 2,
    )
    return load_local(tmp_path / "rings.npz")


def test_largest_component_maps_positions_back_to_node_ids(tmp_path):
    data = two_components(tmp_path)
    split = make_split(data, "random-20-30-lcc", seed=0)
    total = sum(split[stage].int() for stage in STAGES)
    assert not total[:10].any() and total[10:].all()
    for label in range(2):
        assert int((data.graph.y[split["train"]] == label).sum()) == 20
        assert int((data.graph.y[split["val"]] == label).sum()) == 30


def test_too_small_classes_are_told_with_their_sizes(root):
    with pytest.raises(InputError, match=r"class 0: 13, class 1: 12, class 2: 4, class 3: 5"):
        make_split(load("karate"), "random-20-30", 0)


def test_what_a_set_does_not_have_is_refused(root):
    data = load("karate")
    with pytest.raises(InputError, match=r"no geom-gcn split \(it offers: public\)"):
        make_split(data, "geom-gcn", 0)
    with pytest.raises(InputError, match="no stored-10"):
        make_split(data, "stored-10", 0)
    with pytest.raises(InputError, match="no public"):
        make_split(load("sbm-tiny"), "public", 0)
    with pytest.raises(InputError, match="Did you mean random-20-30"):
        make_split(data, "random-2030", 0)
    for seed in (-1, 1.5, "0"):
        with pytest.raises(InputError, match="expected an integer >= 0"):
            make_split(data, "public", seed)
    with pytest.raises(InputError, match="drawn from a seed"):
        load("sbm-tiny", split=1)


def test_protocols_are_those_of_the_task():
    from graphlab.registry import task_cards

    assert set(PROTOCOLS) == set(task_cards()["node"].protocols)


def test_karate_trains_on_the_first_node_of_each_community():
    split = load("karate").split
    assert sizes(split) == (4, 4, 26)
    assert split["train"].nonzero().squeeze(1).tolist() == [0, 4, 8, 24]


def test_digest_follows_the_nodes_alone():
    split = make_split(load("sbm-tiny"), "random-20-30", 0)
    other = {stage: mask.clone() for stage, mask in split.items()}
    assert split_digest(other) == split_digest(split)
    other["val"][other["val"].nonzero()[0]] = False
    assert split_digest(other) != split_digest(split)
