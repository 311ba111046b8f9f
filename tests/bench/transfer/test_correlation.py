"""Correlations within tasks: textbook values, p-values that hold what they promise."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr

from graphlab.bench.transfer.correlation import correlate, without
from graphlab.errors import InputError


def tables(seed=0, sources=9, tasks=4):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(sources, tasks)), rng.normal(size=(sources, tasks))


@pytest.mark.parametrize(("kind", "textbook"), [("pearson", pearsonr), ("spearman", spearmanr)])
def test_each_task_has_the_textbook_correlation_and_the_pool_their_mean(kind, textbook):
    one, two = tables()
    one = one.round(1)  # ties
    found = correlate(one, two, kind=kind, permutations=9)
    expected = [textbook(one[:, t], two[:, t])[0] for t in range(4)]
    np.testing.assert_allclose(found.by_task, expected, atol=1e-12)
    assert found.pooled == pytest.approx(np.mean(expected))
    assert found.points == 36


def test_pool_is_the_correlation_of_all_points_standardised_within_tasks():
    one, two = tables(1)
    parts = [(a - a.mean(0)) / a.std(0) for a in (one, two)]
    pooled = pearsonr(*(part.ravel() for part in parts))[0]
    assert correlate(one, two, permutations=0).pooled == pytest.approx(pooled, abs=1e-12)


def test_levels_and_units_of_tasks_do_not_matter():
    one, two = tables(2)
    shifted = correlate(one * [1, 5, 2, 3] + [0, 9, -4, 1], two * 100 + 3, permutations=99)
    plain = correlate(one, two, permutations=99)
    assert shifted.pooled == pytest.approx(plain.pooled)
    assert (shifted.p_within, shifted.p_sources) == (plain.p_within, plain.p_sources)


def test_perfect_agreement_has_the_smallest_p_values():
    one, _ = tables(3)
    found = correlate(one, -one, permutations=499)
    assert found.pooled == pytest.approx(-1)
    assert found.p_within == found.p_sources == pytest.approx(1 / 500)
    assert found.p_by_task.max() <= 0.01


def test_p_values_are_level_under_their_null():
    """Of 300 unrelated pairs of tables about 5 % may fall below 0.05."""
    share = np.mean(
        [
            [found.p_within < 0.05, found.p_sources < 0.05]
            for found in (correlate(*tables(seed), permutations=99) for seed in range(300))
        ],
        axis=0,
    )
    assert (share > 0.01).all()
    assert (share < 0.10).all()


def test_what_sources_have_in_common_over_tasks_is_no_evidence():
    """One number a source, the same in all tasks: 30 tasks are then worth one."""
    rng = np.random.default_rng(5)
    within, whole = [], []
    for seed in range(40):
        one, two = (np.repeat(rng.normal(size=(8, 1)), 30, 1) for _ in range(2))
        noise = 1e-3 * rng.normal(size=one.shape)
        found = correlate(one + noise, two, permutations=99, seed=seed)
        within.append(found.p_within < 0.05)
        whole.append(found.p_sources < 0.05)
    assert np.mean(within) > 0.5, "shuffling within tasks takes copies for evidence"
    assert np.mean(whole) < 0.2


def test_remainders_correlate_by_the_formula_of_partial_correlation():
    (one, two), (three, _) = tables(7), tables(8)
    found = correlate(without(one, three), without(two, three), permutations=0).by_task
    pairs = ((one, two), (one, three), (two, three))
    ab, ac, bc = (correlate(a, b, permutations=0).by_task for a, b in pairs)
    expected = (ab - ac * bc) / np.sqrt((1 - ac**2) * (1 - bc**2))
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert np.isnan(correlate(without(2 * one + 1, one), two, permutations=0).pooled)
    np.testing.assert_allclose(without(one, np.ones_like(one)), one - one.mean(0), atol=1e-15)


def test_constant_tasks_are_left_out():
    one, two = tables(6)
    one[:, 1] = 0.1 + 0.2
    found = correlate(one, two, permutations=9)
    assert np.isnan(found.by_task[1])
    assert np.isnan(found.p_by_task[1])
    assert found.points == 27
    assert found.pooled == pytest.approx(np.nanmean(found.by_task))
    none = correlate(np.ones((4, 2)), two[:4, :2], permutations=9)
    assert np.isnan(none.pooled)
    assert none.points == 0


@pytest.mark.parametrize(
    ("one", "two", "message"),
    [
        (np.ones((4, 2)), np.ones((4, 3)), "expected two tables"),
        (np.ones((2, 2)), np.ones((2, 2)), "at least 3 sources"),
        (np.full((4, 2), np.nan), np.ones((4, 2)), "not finite"),
    ],
)
def test_wrong_tables_are_named(one, two, message):
    with pytest.raises(InputError, match=message):
        correlate(one, two)
