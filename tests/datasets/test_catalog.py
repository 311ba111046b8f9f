"""The catalogue: every card is complete, names are found, nothing heavy is imported."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time

import pytest

from graphlab.datasets.card import read_card
from graphlab.datasets.catalog import cards, find_dataset
from graphlab.errors import DatasetError, UnknownDataset

NAMES = """
debdeps karate cora citeseer pubmed photo computers cs physics roman-empire
amazon-ratings minesweeper tolokers questions chameleon-filtered squirrel-filtered texas cornell
wisconsin actor tu-mutag tu-proteins tu-enzymes tu-imdb-binary csl sbm-pattern sbm-cluster zinc
ogbn-arxiv ogbn-products ogbn-proteins ogbn-papers100m ogbl-ddi ogbl-collab ogbl-ppa
ogbl-citation2 ogbl-vessel ogbg-molhiv ogbg-molpcba ogbg-molesol ogbg-molfreesolv ogbg-mollipo
ogbg-molbace ogbg-molbbbp ogbg-ppa collegemsg sbm-tiny ba-tiny
pattern-synth cluster-synth cycles-synth tsp-synth
gsm-degree gsm-cycle gsm-triangle-er gsm-triangle-reg gsm-connectivity gsm-color-count
gsm-shortest-path gsm-color-connectivity
"""
METRICS = {"acc", "sbm_acc", "f1", "rocauc", "ap", "rmse", "mae", "mrr", "auc"}


@pytest.mark.parametrize("name", NAMES.split())
def test_every_name_of_the_specification_has_a_card(name):
    assert cards()[name].name == name


@pytest.mark.parametrize("card", cards().values(), ids=lambda card: card.name)
def test_a_card_is_complete(card):
    assert card.name == card.name.lower().replace("_", "-")
    assert card.title and card.source and card.citation and card.licence
    assert card.tasks and set(card.protocols) == set(card.metrics) == set(card.tasks)
    assert all(card.protocols[task] and card.metrics[task] for task in card.tasks)
    ids = {metric for metrics in card.metrics.values() for metric in metrics}
    assert all(metric in METRICS or re.fullmatch(r"hits@\d+", metric) for metric in ids)
    assert bool(card.subdir) != card.embedded
    assert card.files or card.generator
    every = [*card.files.values(), *card.optional.values()]
    every += [file for split in card.splits.values() for file in split.files.values()]
    for file in every:
        assert not file.path.startswith("/") and ".." not in file.path
        digests = [d for d in (file.sha256, *file.also) if d is not None]
        assert all(re.fullmatch(r"[0-9a-f]{64}", digest) for digest in digests)
        assert file.url is None or file.url.startswith("https://")
    if card.download is not None:
        assert card.download.archive.startswith("https://")


def test_names_and_aliases_are_unique():
    names = [name for card in cards().values() for name in (card.name, *card.aliases)]
    assert len(names) == len(set(names))


def test_cards_hold_the_checksums_of_the_mirror(mirror):
    sums = {}
    for line in (mirror / "SHA256SUMS").read_text().splitlines():
        digest, path = line.split("  ./")
        sums[path] = digest
    compared = 0
    for card in cards().values():
        folders = [(card.subdir, card.files), (card.subdir, card.optional)]
        folders += [(split.subdir, split.files) for split in card.splits.values()]
        for subdir, files in folders:
            for path, file in files.items():
                found = sums.get(f"{subdir}/{path}")
                if found is not None and file.sha256 is not None:
                    assert found in {file.sha256, *file.also}, (card.name, path)
                    compared += 1
    assert compared > 150


@pytest.mark.parametrize(
    ("spelling", "name"),
    [("Cora", "cora"), ("PLANETOID_CORA", "cora"), ("tu_mutag", "tu-mutag"), ("MUTAG", "tu-mutag")],
)
def test_look_up_ignores_case_and_underscores(spelling, name):
    assert find_dataset(spelling).name == name


@pytest.mark.parametrize("wrong", ["citesear", "xyzzy", "q", ""])
def test_an_unknown_name_is_answered_with_the_nearest_ones(wrong):
    with pytest.raises(UnknownDataset) as caught:
        find_dataset(wrong)
    message = str(caught.value)
    assert repr(wrong) in message
    assert wrong != "citesear" or "citeseer" in message
    assert re.search(r"Nearest names: [^,]+, [^,]+, [^,.]+\.", message)
    assert "graphlab-bench data list" in message
    assert isinstance(caught.value, KeyError)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("name = 'a'\n", "title|counts"),
        ("name = ", "not a valid"),
        ("name='a'\ncounts = 3\ntasks = {}", "not a valid|lacks"),
        (
            "name='a'\ntitle='b'\nloader='npz'\ncounts={}\ntasks={}\n[files]\n'../x'={}\n",
            "leads out",
        ),
    ],
)
def test_a_broken_card_is_named(tmp_path, text, word):
    path = tmp_path / "card.toml"
    path.write_text(text)
    with pytest.raises(DatasetError, match=word) as caught:
        read_card(path)
    assert str(path) in str(caught.value)


def run_python(code, **environment):
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_catalogue_is_read_fast_and_without_torch_or_numpy():
    code = """
import sys, time
start = time.process_time()
from graphlab.datasets.catalog import cards, status
for card in cards().values():
    status(card)
print(time.process_time() - start)
print([m for m in ("torch", "numpy", "scipy", "rich", "urllib.request") if m in sys.modules])
"""
    seconds, loaded = run_python(code).splitlines()
    assert float(seconds) < 0.5
    assert loaded == "[]"


def test_the_package_imports_nothing_heavy_and_knows_its_names():
    code = """
import sys
import graphlab.datasets as datasets
assert "load" in dir(datasets)
assert not {"torch", "numpy"} & set(sys.modules)
try:
    datasets.nonsense
except AttributeError as error:
    print(error)
"""
    assert "nonsense" in run_python(code)


def test_find_dataset_is_fast_when_repeated():
    find_dataset("cora")
    start = time.perf_counter()
    for _ in range(100):
        find_dataset("cora")
    assert time.perf_counter() - start < 0.5
