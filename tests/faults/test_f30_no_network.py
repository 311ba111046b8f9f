"""F30: without a network shipped sets work, and others say which file to put where."""

from __future__ import annotations

import re
import socket

import pytest

from graphlab.datasets import load
from graphlab.datasets.catalog import cards
from graphlab.errors import DatasetError, DatasetNotFound

SHIPPED = ("debdeps", "karate", "sbm-tiny")


@pytest.fixture
def bare(tmp_path, monkeypatch):
    """No data root, no mirror."""
    monkeypatch.setenv("GRAPHLAB_DATA", str(tmp_path / "root"))
    monkeypatch.delenv("GRAPHLAB_DATA_MIRROR", raising=False)
    return tmp_path / "root"


@pytest.mark.parametrize("call", ["connect", "connect_ex", "create_connection", "sendto"])
def test_the_whole_suite_runs_with_closed_sockets(call):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram, socket.socket() as stream:
        address = ("192.0.2.1", 443)
        with pytest.raises(OSError, match="no network"):
            if call == "create_connection":
                socket.create_connection(address, timeout=0.1)
            elif call == "sendto":
                datagram.sendto(b"x", address)
            else:
                getattr(stream, call)(address)


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_and_generated_sets_need_none(bare, name):
    assert load(name).graph.num_nodes > 0


def missing():
    return sorted(name for name, card in cards().items() if not card.embedded)


@pytest.mark.parametrize("name", missing())
def test_every_other_set_says_what_to_put_where(bare, name):
    card = cards()[name]
    if name in SHIPPED:
        return
    with pytest.raises(DatasetNotFound) as caught:
        load(name)
    message = str(caught.value)
    assert str(bare) in message
    assert f"data fetch {name}" in message
    assert any(path in message for path in card.required_files)
    known = [digest for digest in card.sha256.values() if digest]
    listed = re.findall(r"[0-9a-f]{64}", message)
    assert set(listed) <= set(known)
    if known and len(card.required_files) <= 3:
        assert listed, message


def test_a_download_that_was_asked_for_says_the_same(bare):
    with pytest.raises(DatasetError, match=r"cora cannot be fetched.*Put by hand into .*Cora"):
        load("cora", download=True)
