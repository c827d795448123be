"""Ridge regression of fewer rows than features, from the products of all pairs of rows.

With centred features X, targets y and weights W the coefficients X' W^(1/2) (W^(1/2) X X' W^(1/2) +
strength I)^-1 W^(1/2) y are those of ridge regression (Saunders, Gammerman & Vovk 1998). n rows, f
features, o outputs of a head.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from train.evaluation.baselines.iterative import (
    CLEAR_GAIN,
    FOLDS,
    RIDGE,
    TINY_RIDGE,
)
from train.evaluation.baselines.linear import Features, Fitting, Floats, Linear

BLOCK_FEATURES = 4_096  # that stand in float64 at once


def fit_dual(features: Features, target_no: NDArray, weight_n: Floats, fitting: Fitting) -> Linear:
    """What `fit_ridge` gives; of each output with the penalty, or next to none, as folds ask."""
    share_n = weight_n / weight_n.sum()
    products_nn = np.zeros((len(share_n), len(share_n)))
    mean_f = np.zeros(features.shape[1])
    for columns, x_nb in _blocks(features):
        fitting.deadline.check()
        mean_f[columns] = share_n @ x_nb
        x_nb -= mean_f[columns]
        products_nn += x_nb @ x_nb.T
    rows = Rows(products_nn, target_no.astype(np.float64), weight_n)
    strength_o = np.full(target_no.shape[1], TINY_RIDGE if fitting.in_sample else RIDGE)
    if not fitting.in_sample:
        strength_o[_needs_no_penalty(rows, fitting)] = TINY_RIDGE
    everyone = np.arange(len(share_n))
    mean_o = share_n @ rows.target_no
    factor_no = np.empty(target_no.shape)
    for strength in np.unique(strength_o):
        own_o = strength_o == strength
        factor_no[:, own_o] = rows.solve(everyone, strength)[:, own_o]
    coefficients = np.empty((len(mean_f), len(mean_o)))
    for columns, x_nb in _blocks(features):
        coefficients[columns] = (x_nb - mean_f[columns]).T @ factor_no
    return Linear(coefficients, mean_o - mean_f @ coefficients)


class Rows(NamedTuple):
    """Rows by the products of their features less some means, with their targets and weights."""

    products_nn: Floats
    target_no: Floats
    weight_n: Floats

    def solve(self, rows: NDArray[np.intp], strength: float) -> Floats:
        """What each of these rows adds of its centred features to the coefficients [n, o]."""
        weight_n = self.weight_n[rows]
        share_n = weight_n / weight_n.sum()
        root_n = np.sqrt(weight_n)
        left_nn = root_n[:, None] * self._centred(rows, rows) * root_n
        target_no = self.target_no[rows]
        right_no = root_n[:, None] * (target_no - share_n @ target_no)
        penalty_nn = strength * np.eye(len(rows))
        return root_n[:, None] * np.linalg.solve(left_nn + penalty_nn, right_no)

    def errors(self, rows: NDArray[np.intp], held: NDArray[np.intp], strength: float) -> Floats:
        """The sum of squared residuals on held-out rows of what these rows are fitted by [o]."""
        weight_n = self.weight_n[rows]
        mean_o = weight_n @ self.target_no[rows] / weight_n.sum()
        fitted_ho = self._centred(held, rows) @ self.solve(rows, strength) + mean_o
        return self.weight_n[held] @ np.square(fitted_ho - self.target_no[held])

    def _centred(self, others: NDArray[np.intp], rows: NDArray[np.intp]) -> Floats:
        """Products of other rows and these, both less the mean of these [others, rows]."""
        share_n = self.weight_n[rows] / self.weight_n[rows].sum()
        among_nn = self.products_nn[np.ix_(rows, rows)]
        mean_n = share_n @ among_nn - share_n @ among_nn @ share_n
        across_hn = self.products_nn[np.ix_(others, rows)]
        return across_hn - (across_hn @ share_n)[:, None] - mean_n


def _needs_no_penalty(rows: Rows, fitting: Fitting) -> NDArray[np.bool_]:
    """Whether each output [o] is predicted clearly better on held-out rows without a penalty."""
    n = len(rows.weight_n)
    shuffled_n = np.random.default_rng(fitting.seed).permutation(n)
    n_folds = min(FOLDS, n)
    errors_o = {strength: np.zeros(rows.target_no.shape[1]) for strength in (RIDGE, TINY_RIDGE)}
    for fold in range(n_folds if n_folds > 1 else 0):
        fitting.deadline.check()
        held = np.sort(shuffled_n[fold::n_folds])
        others = np.setdiff1d(shuffled_n, held)
        for strength, error_o in errors_o.items():
            error_o += rows.errors(others, held, strength)
    return errors_o[TINY_RIDGE] < CLEAR_GAIN * errors_o[RIDGE]


def _blocks(features: Features) -> Iterator[tuple[slice, Floats]]:
    """Columns in float64, a block at a time."""
    for start in range(0, features.shape[1], BLOCK_FEATURES):
        columns = slice(start, start + BLOCK_FEATURES)
        block = features[:, columns]
        if sparse.issparse(block):
            block = cast(sparse.csr_array, block).toarray()
        yield columns, block.astype(np.float64)
