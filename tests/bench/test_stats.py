"""Statistics of repeated runs, against published values, scipy and definitions by hand."""

from __future__ import annotations

import itertools
import math
import statistics
import subprocess
import sys

import numpy as np
import pytest
import scipy.stats
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from graphlab.bench.stats import (
    CORRECTED_T,
    WILCOXON,
    average_ranks,
    bootstrap_interval,
    can_reject,
    critical_difference,
    friedman_test,
    holm,
    mean_std,
    paired_differences,
    paired_test,
)
from graphlab.errors import InputError

# AUC of four variants of C4.5 on 14 data sets: Demsar 2006, Table 6.
C45 = (
    0.763,
    0.599,
    0.954,
    0.628,
    0.882,
    0.936,
    0.661,
    0.583,
    0.775,
    1.0,
    0.940,
    0.619,
    0.972,
    0.957,
)
C45_M = (
    0.768,
    0.591,
    0.971,
    0.661,
    0.888,
    0.931,
    0.668,
    0.583,
    0.838,
    1.0,
    0.962,
    0.666,
    0.981,
    0.978,
)
C45_CF = (
    0.771,
    0.590,
    0.968,
    0.654,
    0.886,
    0.916,
    0.609,
    0.563,
    0.866,
    1.0,
    0.965,
    0.614,
    0.9751,
    0.946,
)
C45_M_CF = (
    0.798,
    0.569,
    0.967,
    0.657,
    0.898,
    0.931,
    0.685,
    0.625,
    0.875,
    1.0,
    0.962,
    0.669,
    0.975,
    0.970,
)
DEMSAR = list(zip(C45, C45_M, C45_CF, C45_M_CF, strict=True))

grades = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=6, max_size=9)
numbers = st.floats(-10, 10, allow_nan=False).map(lambda x: round(x, 3))
samples = st.lists(numbers, min_size=6, max_size=20)
p_values = st.lists(st.floats(0, 1), min_size=1, max_size=12)


def exact_p(differences):
    """Two-sided p-value of the signed-rank test by its definition: over all changes of sign."""
    d = [x for x in differences if x]
    ranks = scipy.stats.rankdata(np.abs(d))
    seen = sum(r for r, x in zip(ranks, d, strict=True) if x > 0)
    centre = sum(ranks) / 2
    sums = [
        sum(r for r, plus in zip(ranks, signs, strict=True) if plus)
        for signs in itertools.product((0, 1), repeat=len(d))
    ]
    return sum(abs(s - centre) >= abs(seen - centre) - 1e-9 for s in sums) / len(sums)


# -- mean, interval -------------------------------------------------------------------------------


def test_the_deviation_divides_by_one_less_than_the_number():
    assert mean_std([2, 4, 4, 4, 5, 5, 7, 9]) == (5.0, pytest.approx(math.sqrt(32 / 7)))
    assert mean_std([0.5]) == (0.5, None)


def test_the_interval_is_that_of_scipy():
    values = [0.81, 0.83, 0.80, 0.86, 0.82, 0.79, 0.84]
    expected = scipy.stats.bootstrap(
        (np.sort(values),), np.mean, method="BCa", rng=np.random.default_rng(3)
    ).confidence_interval
    assert bootstrap_interval(values, seed=3) == (expected.low, expected.high)


@given(samples, st.randoms(use_true_random=False))
@settings(max_examples=30, deadline=None)
def test_the_interval_holds_the_mean_and_knows_no_order(values, random):
    low, high = bootstrap_interval(values)
    assert min(values) <= low <= high <= max(values)
    shuffled = list(values)
    random.shuffle(shuffled)
    assert bootstrap_interval(shuffled) == (low, high)


def test_no_bound_is_rounded_past_the_values():
    assert bootstrap_interval([0.0, 0.0, 0.203, 0.203, 0.203, 0.203])[1] == 0.203


def test_a_higher_level_gives_a_wider_interval():
    values = [0.1, 0.5, 0.2, 0.9, 0.4, 0.6, 0.3]
    narrow, wide = bootstrap_interval(values, 0.8), bootstrap_interval(values, 0.99)
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


def test_equal_values_have_an_interval_of_no_width():
    assert bootstrap_interval([0.3] * 10) == (0.3, 0.3)


def test_nine_of_ten_intervals_of_ten_normal_values_hold_the_mean():
    draws = np.random.default_rng(0).normal(size=(200, 10))
    hits = sum(low <= 0 <= high for low, high in map(bootstrap_interval, draws.tolist()))
    assert 0.86 <= hits / 200 <= 0.96


# -- paired tests ---------------------------------------------------------------------------------


def test_wilcoxon_of_demsars_example():
    """Without the two ties the rank sums are 6.5 and 71.5; the paper, which splits them, rejects too."""  # noqa: E501
    test = paired_test(C45, C45_M, random_splits=False)
    assert (test.name, test.n, test.zeros, test.statistic) == (WILCOXON, 14, 2, 6.5)
    assert test.p_value == pytest.approx(exact_p(paired_differences(C45, C45_M)))
    assert test.p_value < 0.05
    assert test.note == "exact, 2 pairs without a difference left out"


@given(grades)
@settings(max_examples=60, deadline=None)
def test_wilcoxon_is_exact_with_ties_and_zeros(pairs):
    a, b = zip(*pairs, strict=True)
    differences = [x - y for x, y in pairs]
    assume(len(set(differences)) > 1)
    test = paired_test(a, b, random_splits=False)
    assert test.p_value == pytest.approx(exact_p(differences))
    assert test.zeros == differences.count(0)
    assert "exact" in test.note


@given(st.lists(st.tuples(numbers, numbers), min_size=6, max_size=40), st.booleans())
@settings(max_examples=60, deadline=None)
def test_sides_and_order_of_pairs_do_not_matter(pairs, random_splits):
    a, b = zip(*pairs, strict=True)
    made = {"random_splits": random_splits, "test_fraction": 0.25 if random_splits else None}
    test = paired_test(a, b, **made)
    assert paired_test(b, a, **made).p_value == pytest.approx(test.p_value)
    turned = paired_test(a[::-1], b[::-1], **made)
    assert turned.p_value == pytest.approx(test.p_value)
    assert test.p_value is None or 0 <= test.p_value <= 1


def test_more_than_fifty_pairs_use_the_normal_approximation_and_say_so():
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=60), rng.normal(0.2, size=60)
    test = paired_test(a.tolist(), b.tolist(), random_splits=False)
    assert test.note == "normal approximation"
    assert test.p_value == pytest.approx(scipy.stats.wilcoxon(a, b).pvalue)


def test_differences_equal_up_to_rounding_are_ties():
    a, b = [0.8, 0.9, 0.3, 0.7, 0.6, 0.2], [0.7, 0.8, 0.2, 0.6, 0.4, 0.2]
    assert len({x - y for x, y in zip(a, b, strict=True)}) > 3  # as floating point has it
    assert paired_differences(a, b) == [0.1, 0.1, 0.1, 0.1, 0.2, 0.0]
    test = paired_test(a, b, random_splits=False)
    assert test.p_value == pytest.approx(exact_p([1, 1, 1, 1, 2, 0]))


@given(grades, st.sampled_from([1e-9, 0.01, 1000.0]))
@settings(max_examples=40, deadline=None)
def test_the_unit_does_not_matter(pairs, unit):
    a, b = zip(*pairs, strict=True)
    scaled = [[x * unit for x in side] for side in (a, b)]
    plain = paired_test(a, b, random_splits=False)
    assert paired_test(*scaled, random_splits=False).p_value == plain.p_value


def test_six_wins_in_six_are_just_significant():
    a, b = [1.1, 1.2, 1.4, 1.8, 2.6, 4.2], [1.0] * 6
    assert paired_test(a, b, random_splits=False).p_value == 2 / 2**6
    assert paired_test(a[:5], b[:5], random_splits=False).p_value == 2 / 2**5  # 0.0625


def test_the_corrected_test_by_hand():
    """Nadeau and Bengio 2003: variance times (1/n + n_test/n_train), n - 1 degrees of freedom."""
    d = [0.02, 0.01, 0.03, -0.01, 0.02, 0.04, 0.00, 0.02, 0.01, 0.03]
    test = paired_test(d, [0.0] * 10, random_splits=True, test_fraction=0.1)
    t = statistics.fmean(d) / math.sqrt((1 / 10 + 1 / 9) * statistics.variance(d))
    assert (test.name, test.statistic) == (CORRECTED_T, pytest.approx(t))
    assert test.p_value == pytest.approx(2 * scipy.stats.t.sf(t, df=9))
    usual = scipy.stats.ttest_1samp(d, 0)
    assert test.p_value > usual.pvalue
    assert test.statistic / usual.statistic == pytest.approx(math.sqrt(0.1 / (0.1 + 1 / 9)))


def test_without_overlap_the_corrected_test_is_the_usual_one():
    test = paired_test(C45, C45_M, random_splits=True, test_fraction=1e-12)
    assert test.p_value == pytest.approx(scipy.stats.ttest_rel(C45, C45_M).pvalue)


def test_the_corrected_test_keeps_its_level_where_the_usual_one_does_not():
    """Results that share 1/9 of their variance, as those of overlapping training sets do."""
    rng = np.random.default_rng(5)
    n, rho, rounds = 10, 0.1, 600
    shared = rng.normal(size=(rounds, 1)) * math.sqrt(rho)
    draws = shared + rng.normal(size=(rounds, n)) * math.sqrt(1 - rho)
    zero = [0.0] * n
    corrected = [
        paired_test(d, zero, random_splits=True, test_fraction=rho).p_value < 0.05
        for d in draws.tolist()
    ]
    usual = scipy.stats.ttest_1samp(draws, 0, axis=1).pvalue < 0.05
    assert np.mean(usual) > 0.12
    assert 0.03 < np.mean(corrected) < 0.075


@pytest.mark.parametrize("random_splits", [True, False])
def test_equal_results_have_p_one(random_splits):
    test = paired_test([1, 2, 3], [1, 2, 3], random_splits=random_splits, test_fraction=0.2)
    assert (test.p_value, test.zeros) == (1.0, 3)


@pytest.mark.parametrize("random_splits", [True, False])
def test_a_difference_without_variation_is_one_observation(random_splits):
    test = paired_test([0.8] * 10, [0.7] * 10, random_splits=random_splits, test_fraction=0.2)
    assert test.p_value is None
    assert test.note == "the difference is the same in every pair"


@pytest.mark.parametrize(
    ("a", "b", "options", "message"),
    [
        ([1, 2], [1], {}, "a has 2 values, b has 1"),
        ([], [], {}, "a holds 0 numbers"),
        ([1, math.nan], [1, 2], {}, "a holds nan"),
        ([1, 2], [1, math.inf], {}, "b holds inf"),
        ([1, 2], [2, 4], {"random_splits": True}, "test_fraction is None"),
        ([1, 2], [2, 4], {"random_splits": True, "test_fraction": 1.5}, "test_fraction is 1.5"),
    ],
)
def test_bad_pairs_are_refused(a, b, options, message):
    with pytest.raises(InputError, match=message):
        paired_test(a, b, **{"random_splits": False, **options})


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mean_std([]), "holds 0 numbers"),
        (lambda: bootstrap_interval([1.0]), "expected 2 or more"),
        (lambda: bootstrap_interval([1.0, 2.0], 95), "level is 95"),
        (lambda: holm([0.5, 1.5]), r"holds 1\.5"),
        (lambda: holm([math.nan]), "holds nan"),
        (lambda: average_ranks([]), "no"),
        (lambda: average_ranks([[1, 2], [1]]), r"rows of \[1, 2\] values"),
        (lambda: friedman_test([[1, 2], [2, 1]]), "3 systems"),
        (lambda: critical_difference(1, 5), "num_systems is 1"),
        (lambda: critical_difference(3, 0), "num_datasets is 0"),
        (lambda: critical_difference(3, 5, 5), "alpha is 5"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(InputError, match=message):
        call()


# -- several systems ------------------------------------------------------------------------------


def test_holm_as_r_computes_it():
    assert holm([0.01, 0.02, 0.03, 0.04, 0.05]) == pytest.approx([0.05, 0.08, 0.09, 0.09, 0.09])
    assert holm([0.03, 0.001, 0.5]) == pytest.approx([0.06, 0.003, 0.5])
    assert holm([]) == []


@given(p_values, st.randoms(use_true_random=False))
def test_holm_only_raises_keeps_the_order_and_knows_no_place(values, random):
    adjusted = holm(values)
    assert all(p <= q <= 1 for p, q in zip(values, adjusted, strict=True))
    assert all(q <= min(1, p * len(values)) + 1e-12 for p, q in zip(values, adjusted, strict=True))
    order = sorted(range(len(values)), key=values.__getitem__)
    assert [adjusted[i] for i in order] == sorted(adjusted)
    shuffled = list(range(len(values)))
    random.shuffle(shuffled)
    assert holm([values[i] for i in shuffled]) == pytest.approx([adjusted[i] for i in shuffled])


def test_what_wilcoxon_can_find_at_all():
    assert [can_reject(n, 1) for n in (5, 6)] == [False, True]
    assert [can_reject(10, m) for m in (25, 26)] == [True, False]


def test_average_ranks_of_demsars_table():
    assert average_ranks(DEMSAR) == pytest.approx([3.143, 2.000, 2.893, 1.964], abs=5e-4)


def test_friedman_of_demsars_table():
    """The paper has 9.28 without the correction for ties, which scipy makes."""
    test = friedman_test(DEMSAR)
    ranks = average_ranks(DEMSAR)
    plain = 12 * 14 / (4 * 5) * (sum(r * r for r in ranks) - 4 * 25 / 4)
    assert plain == pytest.approx(9.28, abs=0.01)
    ties = 3 * (2**3 - 2) + (4**3 - 4)  # three pairs, and four systems alike on one data set
    assert test.statistic == pytest.approx(plain / (1 - ties / (14 * (4**3 - 4))))
    assert test.p_value == pytest.approx(scipy.stats.chi2.sf(test.statistic, 3))


def test_friedman_of_systems_that_never_differ():
    assert friedman_test([[1, 1, 1], [2, 2, 2]]).p_value == 1.0


@pytest.mark.parametrize(
    ("systems", "q"),
    [(2, 1.960), (3, 2.343), (4, 2.569), (5, 2.728), (6, 2.850), (7, 2.949), (10, 3.164)],
)
def test_nemenyi_values_of_demsars_table_5(systems, q):
    scale = math.sqrt(systems * (systems + 1) / (6 * 14))
    assert critical_difference(systems, 14) == pytest.approx(q * scale, abs=1.5e-3)


def test_the_critical_differences_of_demsars_example():
    assert critical_difference(4, 14) == pytest.approx(1.25, abs=0.005)
    assert critical_difference(4, 14, alpha=0.10) == pytest.approx(1.12, abs=0.005)


@given(st.lists(st.lists(st.integers(0, 5), min_size=4, max_size=4), min_size=1, max_size=8))
def test_ranks_are_shared_out_and_turn_with_the_direction(scores):
    ranks = average_ranks(scores)
    assert sum(ranks) == pytest.approx(10)
    assert average_ranks([[x**3 for x in row] for row in scores]) == ranks
    turned = average_ranks(scores, higher_is_better=False)
    assert [a + b for a, b in zip(ranks, turned, strict=True)] == pytest.approx([5] * 4)


def test_importing_the_module_needs_neither_scipy_nor_numpy():
    code = "import sys, graphlab.bench.stats\nassert not {'scipy', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
