"""Distances of graphons and weights of bases: bounds by the authors' arrays and by POT."""

from __future__ import annotations

import numpy as np
import pytest

from graphlab.errors import InputError
from graphlab.pretraining import Graphon, fit_basis_weights, gw_distance
from graphlab.pretraining._simplex import minimise_on_simplex

PAIRS = [(i, j) for i in range(3) for j in range(3)]


@pytest.fixture(scope="module")
def arrays(golden):
    return np.load(golden / "w2pgnn" / "graphons.npz")


def step(arrays, number, name):
    return arrays[f"set{number}_{name}_r32"].astype(np.float64)


def random_step(n, seed):
    values = np.random.default_rng(seed).random((n, n))
    return (values + values.T) / 2


@pytest.mark.parametrize("name", ["SAS", "LG", "MC", "USVT", "SBA", "GWB"])
@pytest.mark.parametrize("pair", PAIRS)
def test_square_objective_is_never_worse_than_the_golden_one(arrays, pair, name):
    one, two = (step(arrays, number, name) for number in pair)
    found = gw_distance(one, two)
    assert found.objective <= arrays[f"gw_sq_{name}"][pair] + 1e-7
    difference = (one[:, None, :, None] - two[None, :, None, :]) ** 2
    told = np.einsum("ijkl,ij,kl->", difference, found.coupling, found.coupling, optimize=True)
    assert found.objective == pytest.approx(told, abs=1e-9)
    np.testing.assert_allclose(found.coupling.sum(1), 1 / 32, atol=1e-12)
    np.testing.assert_allclose(found.coupling.sum(0), 1 / 32, atol=1e-12)


@pytest.mark.parametrize("name", ["SAS", "LG", "MC", "USVT", "SBA", "GWB"])
@pytest.mark.parametrize("pair", PAIRS)
def test_kl_number_is_that_of_the_authors(arrays, pair, name):
    found = gw_distance(*(step(arrays, number, name) for number in pair), loss="kl")
    expected = arrays[f"gw_kl_sqrt_{name}"][pair]
    # where the authors' root is NaN, the objective is a negative rounding of 0
    assert found.distance == pytest.approx(0.0 if np.isnan(expected) else expected, abs=1e-6)


@pytest.mark.parametrize(("r", "s"), [(12, 12), (9, 14)])
def test_objective_is_not_worse_than_that_of_pot(r, s):
    import ot

    rng = np.random.default_rng(r)
    p, q = rng.dirichlet(np.ones(r)), rng.dirichlet(np.ones(s))
    one, two = random_step(r, 1), random_step(s, 2)
    found = gw_distance(one, two, p, q)
    theirs = float(ot.gromov.gromov_wasserstein2(one, two, p, q, "square_loss"))
    assert found.objective <= theirs + 1e-9
    np.testing.assert_allclose(found.coupling.sum(1), p, atol=1e-9)


def test_order_of_cells_does_not_matter_from_the_right_start():
    one = random_step(10, 0)
    order = np.random.default_rng(1).permutation(10)
    warm = np.zeros((10, 10))
    warm[order, np.arange(10)] = 0.1
    found = gw_distance(one, one[np.ix_(order, order)], warm=warm)
    assert found.objective == pytest.approx(0, abs=1e-12)
    assert found.starts == 3


@pytest.mark.parametrize("name", ["USVT", "GWB"])
@pytest.mark.parametrize("case", ["vertex", "mix", "unrelated"])
def test_fit_is_never_worse_than_reference_and_authors(arrays, name, case):
    key = f"alpha_{name}_{case}_"
    bases = [step(arrays, number, name) for number in arrays[key + "bases"]]
    found = fit_basis_weights(bases, arrays[key + "target"])
    assert found.objective <= arrays[key + "reference_sq"] + 1e-9
    assert found.objective <= arrays[key + "official40_sq"] + 1e-8
    assert found.alpha.sum() == pytest.approx(1) and found.alpha.min() >= 0
    if case != "unrelated":
        np.testing.assert_allclose(found.alpha, arrays[key + "reference_alpha"], atol=1e-5)
    mixture = np.tensordot(found.alpha, np.stack(bases), 1)
    target = arrays[key + "target"]
    loss = (mixture[:, None, :, None] - target[None, :, None, :]) ** 2
    told = np.einsum("ijkl,ij,kl->", loss, found.coupling, found.coupling, optimize=True)
    assert found.objective == pytest.approx(told, abs=1e-9)
    assert all(b <= a for a, b in zip(found.history, found.history[1:], strict=False))


def test_one_basis_needs_no_weights():
    found = fit_basis_weights([random_step(6, 0)], random_step(8, 1))
    assert found.alpha.tolist() == [1.0]
    expected = gw_distance(random_step(6, 0), random_step(8, 1))
    assert found.objective == pytest.approx(expected.objective, abs=1e-9)


def test_equal_bases_share_their_weight():
    one, two = random_step(6, 0), random_step(6, 1)
    found = fit_basis_weights([one, two, one], 0.6 * one + 0.4 * two)
    np.testing.assert_allclose(found.alpha, [0.3, 0.4, 0.3], atol=1e-6)


def test_zero_graphons_are_at_no_distance():
    zero = np.zeros((5, 5))
    assert gw_distance(zero, zero).objective == 0
    assert fit_basis_weights([zero, np.ones((5, 5))], zero).alpha.tolist() == [1.0, 0.0]


def test_graphons_are_taken_and_kl_is_told(arrays):
    bases = [
        Graphon(step(arrays, number, "GWB"), "gwb", 6, np.array([6] * 6), None) for number in (0, 1)
    ]
    target = step(arrays, 2, "GWB")
    square, kl = (fit_basis_weights(bases, target, loss) for loss in ("square", "kl"))
    np.testing.assert_array_equal(square.alpha, kl.alpha)
    assert kl.loss == "kl" and kl.objective != square.objective


@pytest.mark.parametrize("seed", range(40))
def test_simplex_program_meets_its_conditions(seed):
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 8))
    factor = rng.normal(size=(int(rng.integers(1, 9)), count))  # often singular
    H, c = factor.T @ factor, rng.normal(size=count)
    if seed % 2:
        c = H @ rng.dirichlet(np.ones(count))
    start = np.eye(count)[0] if seed % 3 else np.full(count, 1 / count)
    found = minimise_on_simplex(H, c, start)
    gradient = 2 * (H @ found - c)
    assert found.min() >= 0 and found.sum() == pytest.approx(1)
    # no corner lies below the tangent plane: for a convex function, the global minimum
    assert gradient.min() >= gradient @ found - 1e-8 * max(1, np.abs(H).max())


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda m: gw_distance(m, np.zeros((2, 3))), "C2 has shape"),
        (lambda m: gw_distance([[0, 1.0], [0, 0]], m), "C1 is not symmetric"),
        (lambda m: gw_distance(m, m, p=[0.5, 0.5]), "p has shape"),
        (lambda m: gw_distance(m, m, q=[0.5, 0.5, 0.5]), "q sums to 1.5"),
        (lambda m: gw_distance(m, m, loss="cosine"), "loss is 'cosine'"),
        (lambda m: gw_distance(m, m, warm=np.ones((2, 2))), "warm has shape"),
        (lambda m: fit_basis_weights([], m), "bases is empty"),
        (lambda m: fit_basis_weights([m, np.zeros((4, 4))], m), "3 and 4 cells"),
        (lambda m: fit_basis_weights([m], m, "l1"), "loss is 'l1'"),
        (lambda m: fit_basis_weights([m], m, max_iter=0), "max_iter is 0"),
    ],
)
def test_wrong_arguments_are_named(call, told):
    with pytest.raises(InputError, match=told):
        call(random_step(3, 0))
