"""The more of a source is drawn like the target, the higher its score: seven pairs of families."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from scipy.stats import spearmanr

from graphlab.graph import as_graph
from graphlab.pretraining import feasibility

GRAPHS = 120
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
PAIRS = (
    ("random 6", "blocks"),
    ("hubs", "small world"),
    ("tree", "clustered hubs"),
    ("random 12", "geometric"),
    ("small world", "hubs"),
    ("geometric", "tree"),
    ("clustered hubs", "random 6"),
)


def four_blocks(n, seed):
    """Four equal blocks of mean degree 6, of which 4.8 within the block."""
    sizes = [n // 4 + (k < n % 4) for k in range(4)]
    chance = np.full((4, 4), 1.2 / (n - n / 4))
    np.fill_diagonal(chance, 4.8 / (n / 4 - 1))
    return nx.stochastic_block_model(sizes, np.minimum(chance, 1).tolist(), seed=seed)


FAMILIES = {
    "random 6": lambda n, s: nx.gnp_random_graph(n, 6 / (n - 1), seed=s),
    "random 12": lambda n, s: nx.gnp_random_graph(n, 12 / (n - 1), seed=s),
    "hubs": lambda n, s: nx.barabasi_albert_graph(n, 3, seed=s),
    "small world": lambda n, s: nx.watts_strogatz_graph(n, 6, 0.1, seed=s),
    "blocks": four_blocks,
    "geometric": lambda n, s: nx.random_geometric_graph(n, np.sqrt(6 / (np.pi * (n - 1))), seed=s),
    "tree": lambda n, s: nx.barabasi_albert_graph(n, 1, seed=s),
    "clustered hubs": lambda n, s: nx.powerlaw_cluster_graph(n, 4, 0.8, seed=s),
}


def draws(family, stream):
    rng = np.random.default_rng([0, stream])
    return [
        as_graph(FAMILIES[family](int(rng.integers(24, 60)), int(rng.integers(2**31))))
        for _ in range(GRAPHS)
    ]


def correlation(pair, **options):
    """Spearman of the share of fresh draws of the target's family against the score."""
    far, near = pair
    target, other, fresh = draws(near, 1), draws(far, 2), draws(near, 3)
    scores = []
    for share in SHARES:
        count = round(share * GRAPHS)
        scores.append(feasibility(other[: GRAPHS - count] + fresh[:count], target, **options).score)
    return spearmanr(SHARES, scores).statistic


def test_score_rises_with_the_share_of_target_like_graphs():
    found = {pair: correlation(pair) for pair in PAIRS}
    assert np.mean(list(found.values())) >= 0.99, found


@pytest.mark.parametrize("pair", [PAIRS[1], PAIRS[4]], ids=" to ".join)
def test_one_pooled_graphon_suffices(pair):
    assert correlation(pair, families="integrated") >= 0.99
