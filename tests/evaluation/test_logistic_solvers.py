"""Searches for multinomial coefficients, held to scikit-learn's and to sums over rows by hand."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.datasets
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from train.evaluation.baselines import logistic_solvers
from train.evaluation.baselines.linear import NO_DEADLINE
from train.evaluation.baselines.logistic_solvers import newton_of_classes


@pytest.fixture
def rows():
    """Three kinds of iris, of which two overlap: features, a column of ones, classes, weights."""
    data = sklearn.datasets.load_iris()
    x_nf = (data.data - data.data.mean(0)) / data.data.std(0)
    weight_n = np.random.default_rng(0).choice([0.5, 1.0, 3.0], 150)
    return np.column_stack([x_nf, np.ones(150)]), data.target, weight_n / weight_n.sum()


def search_for(search, rows, inverse_strength):
    x_nf, target_n, weight_n = rows
    penalty_f = np.append(np.full(4, 1 / (inverse_strength * 150)), 0)
    return search(x_nf, target_n, weight_n, penalty_f, np.zeros((5, 3)), NO_DEADLINE)


@pytest.mark.parametrize("inverse_strength", [1.0, 1e2, 1e3])
@pytest.mark.parametrize("block_numbers", [1 << 22, 64])
def test_newton_finds_what_sklearn_does(rows, inverse_strength, block_numbers, monkeypatch):
    monkeypatch.setattr(logistic_solvers, "BLOCK_NUMBERS", block_numbers)
    x_nf, target_n, weight_n = rows
    found_fk = search_for(newton_of_classes, rows, inverse_strength)
    truth = LogisticRegression(
        C=inverse_strength, solver="newton-cholesky", tol=1e-12, max_iter=1_000
    )
    truth.fit(x_nf[:, :4], target_n, 150 * weight_n)
    np.testing.assert_allclose(found_fk[:4].T, truth.coef_, rtol=1e-5, atol=1e-7)
    level_k = truth.intercept_ - truth.intercept_.mean()
    np.testing.assert_allclose(found_fk[4], level_k, rtol=1e-5)


def test_few_steps_are_enough_even_where_the_penalty_is_weak(rows, monkeypatch):
    exact_fk = search_for(newton_of_classes, rows, 1e4)
    monkeypatch.setattr(logistic_solvers, "NEWTON_ITERATIONS", 18)
    np.testing.assert_allclose(search_for(newton_of_classes, rows, 1e4), exact_fk, atol=1e-6)


def test_curvature_is_the_sum_over_rows():
    random = np.random.default_rng(3)
    x_nf = random.normal(size=(9, 2))
    p_nk = random.dirichlet(np.ones(3), 9)
    weight_n = random.uniform(0.5, 2, 9)
    penalty_f = np.array([0.25, 0.0])
    wanted = np.zeros((2, 3, 2, 3))
    for f, a, g, b in np.ndindex(wanted.shape):
        for n in range(9):
            pair = p_nk[n, a] * ((a == b) - p_nk[n, b])
            wanted[f, a, g, b] += weight_n[n] * x_nf[n, f] * x_nf[n, g] * pair
        if (f, a) == (g, b):
            wanted[f, a, g, b] += penalty_f[f]
    found = logistic_solvers._curvature_of_classes(x_nf, p_nk, weight_n, penalty_f)
    np.testing.assert_allclose(found, wanted.reshape(6, 6), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("inverse_strength", [1.0, 1e3])
@pytest.mark.parametrize("is_sparse", [True, False])
def test_steps_without_all_derivatives_end_there_too(
    rows, is_sparse, inverse_strength, monkeypatch
):
    x_nf, *others = rows
    wanted_fk = search_for(newton_of_classes, rows, inverse_strength)
    monkeypatch.setattr(logistic_solvers, "MAX_PRODUCTS", 150 * 15**2 - 1)
    monkeypatch.setattr(logistic_solvers, "_curvature_of_classes", None)
    rows = sparse.csr_array(x_nf) if is_sparse else x_nf, *others
    found_fk = search_for(newton_of_classes, rows, inverse_strength)
    np.testing.assert_allclose(found_fk, wanted_fk, rtol=1e-5, atol=1e-5)


def test_many_classes_of_few_rows_have_all_derivatives(rows, monkeypatch):
    monkeypatch.setattr(logistic_solvers, "MAX_PRODUCTS", 150 * 15**2)
    monkeypatch.setattr(logistic_solvers, "solve_iteratively", None)
    assert search_for(newton_of_classes, rows, 1.0).shape == (5, 3)


def test_a_step_that_goes_too_far_is_halved(rows):
    """From here whole steps of Newton's method lead to ever larger coefficients."""
    x_nf, target_n, weight_n = rows
    start_fk = np.outer(np.ones(5), [8.0, -4.0, -4.0])
    penalty_f = np.append(np.full(4, 1 / 150), 0)
    found_fk = newton_of_classes(x_nf, target_n, weight_n, penalty_f, start_fk, NO_DEADLINE)
    wanted_fk = search_for(newton_of_classes, rows, 1.0)
    np.testing.assert_allclose(found_fk, wanted_fk, atol=1e-6)
