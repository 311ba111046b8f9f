"""The 28 keys, the graphlets they belong to, and every way to ask for some of them."""

from __future__ import annotations

import numpy as np
import pytest

from graphlab.errors import InputError
from graphlab.graphlets import EDGE_ORBITS, GRAPHLETS, ORBIT_PAIRS, SEEN_BY_WALKS
from graphlab.graphlets._keys import PER_NODE, select_keys
from tests.graphlets.brute_force import occurrences

EXAMPLES = {  # one graph a graphlet
    0: [(0, 1)],
    1: [(0, 1), (1, 2)],
    2: [(0, 1), (1, 2), (0, 2)],
    3: [(0, 1), (1, 2), (2, 3)],
    4: [(0, 1), (0, 2), (0, 3)],
    5: [(0, 1), (1, 2), (2, 3), (3, 0)],
    6: [(0, 1), (1, 2), (0, 2), (2, 3)],
    7: [(0, 1), (1, 2), (0, 2), (2, 3), (0, 3)],
    8: [(0, 1), (1, 2), (0, 2), (2, 3), (0, 3), (1, 3)],
}


def test_the_28_keys_stand_in_the_order_of_the_specification():
    near = "00 12 21 33 45 54 55 67 76 88 9-11 11-9 10-10 10-11 11-10 12-13 13-12 13-13 14-14"
    far = "11 45 54 66 88 9-10 10-9 12-12"
    keys = []
    for hop, names in ((1, near), (2, far), (3, "44")):
        for name in names.split():
            i, j = name.split("-") if "-" in name else name
            keys.append((hop, int(i), int(j)))
    assert tuple(keys) == ORBIT_PAIRS
    assert len(set(ORBIT_PAIRS)) == 28


def test_pairs_of_orbits_are_mirrored():
    assert {(h, j, i) for h, i, j in ORBIT_PAIRS} == set(ORBIT_PAIRS)
    assert sum(i < j for _, i, j in ORBIT_PAIRS) == 8


@pytest.mark.parametrize("k", EXAMPLES)
def test_keys_and_partners_of_each_graphlet_are_those_of_its_picture(k):
    edges = EXAMPLES[k]
    n = 1 + max(max(edge) for edge in edges)
    (whole,) = [found for found in occurrences(n, edges) if len(found[0]) == n]
    _, orbit, distance = whole
    partners = {}
    for u in range(n):
        for v in range(n):
            if u != v:
                key = (distance[u, v], orbit[u], orbit[v])
                partners[key] = partners.get(key, 0) + 1
    assert set(GRAPHLETS[k]) == set(partners)
    alike = list(orbit.values())
    assert all(PER_NODE[key] * alike.count(key[1]) == count for key, count in partners.items())


def test_graphlets_share_no_key_and_leave_none_out():
    assert list(GRAPHLETS) == list(range(9))
    assert sorted(key for keys in GRAPHLETS.values() for key in keys) == sorted(ORBIT_PAIRS)


def test_edge_orbits_stand_in_the_order_of_orca():
    pairs = [(1, 2), (3, 3), (4, 5), (5, 5), (6, 7), (8, 8), (9, 11), (10, 10), (10, 11)]
    assert [key[1:] for key in EDGE_ORBITS] == [*pairs, (12, 13), (13, 13), (14, 14)]


def test_walks_see_eleven_keys():
    assert len(SEEN_BY_WALKS) == 11
    unseen = set(ORBIT_PAIRS) - set(SEEN_BY_WALKS)
    assert {(1, 8, 8), (2, 9, 10)}.isdisjoint(unseen)
    assert {(2, 8, 8), (1, 9, 11), (2, 4, 5), (1, 4, 5), (1, 13, 13)} <= unseen


def test_nothing_asked_for_means_all():
    assert select_keys() == ORBIT_PAIRS


@pytest.mark.parametrize(
    "asked",
    [
        [(3, 4, 4), (1, 0, 0)],
        [(1, 0, 0), (3, 4, 4), (1, 0, 0)],
        [(4, 4), (0, 0)],
        np.array([[3, 4, 4], [1, 0, 0]]),
        iter([(3, 4, 4), [1, 0, 0]]),
        {(3, 4, 4): "a", (1, 0, 0): "b"},
    ],
    ids=["list", "repeat", "pairs", "array", "iterator", "mapping"],
)
def test_keys_come_once_and_in_their_order(asked):
    assert select_keys(asked) == ((1, 0, 0), (3, 4, 4))


@pytest.mark.parametrize("one", [(2, 4, 5), [2, 4, 5], np.array([2, 4, 5])])
def test_one_key_need_not_stand_in_a_list(one):
    assert select_keys(one) == ((2, 4, 5),)
    assert select_keys((13, 13)) == ((1, 13, 13),)


def test_filters_take_from_what_was_asked_for():
    assert len(select_keys(hop=1)) == 19
    assert len(select_keys(hop=2)) == 8
    assert select_keys(hop=3) == ((3, 4, 4),)
    assert select_keys(graphlet=5) == ((1, 8, 8), (2, 8, 8))
    assert select_keys(hop=2, graphlet=3) == ((2, 4, 5), (2, 5, 4))
    assert select_keys([(1, 8, 8), (2, 8, 8), (1, 0, 0)], hop=1) == ((1, 0, 0), (1, 8, 8))


@pytest.mark.parametrize("pair", [(4, 5), (5, 4), (8, 8)])
def test_pairs_at_two_distances_are_asked_back(pair):
    with pytest.raises(InputError, match="several distances") as caught:
        select_keys([pair])
    assert all(str((h, *pair)) in str(caught.value) for h in (1, 2))


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ([(2, 0, 0)], r"\(2, 0, 0\) is no orbit pair .* Did you mean \(1, 0, 0\)"),
        ([(1, 2, 0)], r"\(1, 2, 0\) is no orbit pair"),
        ([(3, 4)], r"\(3, 4\) is no orbit pair"),
        ([(1, 4.5, 5)], "4.5"),
        ([(1, 2, 3, 4)], "is no orbit pair"),
        (["1-4-5"], "'1-4-5' is no orbit pair"),
        ([None], "None"),
        ("145", "is no orbit pair"),
        (7, "7, expected keys|7,"),
        (1.5, "orbits is 1.5, expected keys"),
        ([], "No orbit adjacency is left"),
    ],
)
def test_what_is_no_key_is_named(asked, message):
    with pytest.raises(InputError, match=message):
        select_keys(asked)


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ({"hop": 0}, "hop is 0, expected 1, 2 or 3"),
        ({"hop": "1"}, "hop is '1'"),
        ({"hop": [1]}, r"hop is \[1\]"),
        ({"graphlet": 9}, "graphlet is 9, expected a number from 0"),
        ({"graphlet": -1}, "graphlet is -1"),
        ({"graphlet": [1]}, r"graphlet is \[1\]"),
        ({"hop": 3, "graphlet": 8}, "No orbit adjacency is left .*hop=3, graphlet=8"),
    ],
)
def test_filters_that_cannot_be_are_named(filters, message):
    with pytest.raises(InputError, match=message):
        select_keys(**filters)
