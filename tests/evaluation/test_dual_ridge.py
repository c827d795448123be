"""Ridge regression of fewer rows than columns, against scikit-learn and the form of all pairs."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import sparse
from sklearn.linear_model import Ridge

from train.evaluation.baselines import dual, ridge
from train.evaluation.baselines.linear import Deadline, Fitting, LeftOutError

RANDOM = np.random.default_rng(0)
N, F = 30, 90
X = (RANDOM.normal(size=(N, F)) + RANDOM.normal(size=F) * 3).astype(np.float32)
SLOPES = RANDOM.normal(size=(F, 2)) * [1.0, 0.1]
# Two of the 90 columns tell the first target exactly, and 88 say nothing; the second is noise.
EXACT = np.repeat(X[:, :2].sum(1, keepdims=True), 1, 1)
NOISY = RANDOM.normal(size=(N, 1)) * 5 + 2
TARGET = np.concatenate([EXACT, NOISY], 1)
WEIGHT = RANDOM.choice([0.0, 0.5, 1.0, 4.0], N)


@pytest.mark.parametrize("is_sparse", [False, True])
def test_few_rows_are_fitted_as_by_sklearn(is_sparse, monkeypatch):
    monkeypatch.setattr(dual, "BLOCK_FEATURES", 40)  # the last block is not full
    features = cast(NDArray, sparse.csr_array(X)) if is_sparse else X
    for in_sample, strength in ((True, 1e-6), (False, 1.0)):
        fitted = ridge.fit_ridge(features, NOISY, WEIGHT, Fitting(in_sample=in_sample))
        truth = Ridge(strength, solver="svd")
        truth.fit(X.astype(float), NOISY, WEIGHT / WEIGHT.mean())
        np.testing.assert_allclose(fitted.coefficients.T, truth.coef_.reshape(1, -1), rtol=1e-5)
        np.testing.assert_allclose(fitted.intercept, truth.intercept_, rtol=1e-6)


def test_folds_choose_the_penalty_as_those_of_all_pairs_do():
    # A line through all columns, of which there are hardly more than rows: exact for other rows.
    few = np.concatenate([X[:, :5], X[:, :5] @ RANDOM.normal(size=(5, 40))], 1).astype(np.float32)
    target = np.concatenate([few[:, :1] - 2 * few[:, 1:2], NOISY], 1)
    weight = WEIGHT / WEIGHT.mean()
    mean_f = np.average(few.astype(float), axis=0, weights=weight)
    mean_o = (weight @ target / weight.sum()).astype(np.float64)
    wanted_o = ridge._needs_no_penalty(few, target, weight, mean_f, mean_o, Fitting(3))
    assert wanted_o.tolist() == [True, False]
    fitted = ridge.fit_ridge(few, target, weight, Fitting(3))
    for output, strength in enumerate((1e-6, 1.0)):
        truth = Ridge(strength, solver="svd").fit(few.astype(float), target[:, output], weight)
        fitted_n = few @ fitted.coefficients[:, output] + fitted.intercept[output]
        np.testing.assert_allclose(fitted_n, truth.predict(few.astype(float)), atol=1e-5)


def test_a_held_out_error_is_that_of_a_fit_by_hand():
    rows = dual.Rows(X.astype(float) @ X.T.astype(float), TARGET, WEIGHT)
    others, held = np.arange(0, 24), np.arange(24, N)
    truth = Ridge(0.7, solver="svd").fit(X[others].astype(float), TARGET[others], WEIGHT[others])
    left = truth.predict(X[held].astype(float)) - TARGET[held]
    np.testing.assert_allclose(
        rows.errors(others, held, 0.7), WEIGHT[held] @ np.square(left), rtol=1e-4
    )


def test_a_fit_of_few_rows_ends_in_time():
    with pytest.raises(LeftOutError, match="takes longer than 10 s"):
        ridge.fit_ridge(X, NOISY, WEIGHT, Fitting(deadline=Deadline(0.0, 10.0)))
