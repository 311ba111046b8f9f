"""Sequences on disk: what is read is what was made, and nothing else is."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import torch

from graphlab.errors import CheckpointError, UnsafeFileError
from graphlab.tokenizers import (
    HAC,
    TOKENIZERS,
    Edge,
    KHop,
    Node,
    cached_batch,
    load_tokens,
    make_tokenizer,
    save_tokens,
    tokens_key,
)
from tests.tokenizers.samples import parts, some_graph, union


def same(one, two):
    assert one.kind == two.kind
    for name in ("index", "mask", "owner", "graph", "x", "pe", "level"):
        a, b = getattr(one, name), getattr(two, name)
        assert (a is None) == (b is None), name
        assert a is None or torch.equal(a, b), name
    assert (one.members is None) == (two.members is None)
    if one.members is not None:
        assert all(torch.equal(a, b) for a, b in zip(one.members, two.members, strict=True))


@pytest.mark.parametrize("name", [*TOKENIZERS, "hac_bfs", "hac_order", "tokengt"])
def test_what_is_read_is_what_was_made(name, tmp_path, monkeypatch):
    tokenizer = Edge(style="tokengt") if name == "tokengt" else make_tokenizer(name)
    batch = union(parts())
    made = cached_batch(tokenizer, batch, tmp_path / "new" / "folder")
    same(made, tokenizer.batch(batch))
    monkeypatch.setattr(type(tokenizer), "batch", None)  # to make them again would fail
    same(cached_batch(tokenizer, batch, tmp_path / "new" / "folder"), made)


def test_keys_tell_structure_features_and_options_apart():
    graph = some_graph(12, 20, seed=0)
    other, more, turned = (some_graph(12, 20, seed=0) for _ in range(3))
    other.x = other.x + 1
    more.num_nodes, more.x = 13, torch.cat([more.x, more.x[:1]])
    turned.edge_index = turned.edge_index.flip(1)
    weight = torch.arange(20.0)
    keys = [
        tokens_key(HAC(), graph),
        tokens_key(HAC(), other),
        tokens_key(HAC(), more),
        tokens_key(HAC(), turned),
        tokens_key(HAC(traversal="bfs"), graph),
        tokens_key(HAC(tie_seed=1), graph),
        tokens_key(HAC(weight=weight), graph),
        tokens_key(HAC(weight=weight.flip(0)), graph),
        tokens_key(Node(), graph),
        tokens_key(Node(order="hac", hac=HAC(tie_seed=1)), graph),
        tokens_key(Node(order="hac"), graph),
    ]
    assert len(set(keys)) == len(keys)
    assert tokens_key(HAC(weight=weight.clone()), some_graph(12, 20, seed=0)) == keys[6]


def test_a_damaged_file_is_told_and_made_anew(tmp_path, caplog):
    graph = some_graph(12, 20, seed=0)
    made = cached_batch(KHop(), graph, tmp_path)
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with caplog.at_level(logging.WARNING, logger="graphlab"):
        same(cached_batch(KHop(), graph, tmp_path), made)
    assert "made anew" in caplog.text
    assert file.read_bytes() == whole
    arrays = dict(np.load(file))
    arrays["x"] = arrays["x"] + 1e-9
    np.savez(file, **arrays)
    with pytest.raises(CheckpointError, match="is damaged: sha256"):
        load_tokens(file)


def test_another_key_and_other_files_are_refused(tmp_path):
    file = tmp_path / "a.npz"
    tokens = Node().batch(some_graph(5, 5, seed=0))
    save_tokens(file, tokens, key="abc")
    same(load_tokens(file), tokens)
    same(load_tokens(file, key="abc"), tokens)
    with pytest.raises(CheckpointError, match=r"another graph or with other options: key abc"):
        load_tokens(file, key="abd")
    np.savez(file, index=np.zeros(3))
    with pytest.raises(CheckpointError, match="holds no token sequences"):
        load_tokens(file)
    np.savez(file, index=np.array([{}], dtype=object))
    with pytest.raises(UnsafeFileError):
        load_tokens(file)
