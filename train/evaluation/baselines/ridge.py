"""Ridge regression, with a penalty only where held-out rows do not refuse it.

In closed form, of fewer rows than features in its dual form; iterative where there are too many
features for the products of all pairs.

The penalty is scikit-learn's default, Ridge(alpha=1), which shrinks an exact relation of few rows.
So it competes with next to none, by cross-validation on the training rows (Stone 1974). n rows, f
features, o outputs of a head.
"""

from __future__ import annotations

from functools import reduce
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from train.evaluation.baselines.dual import fit_dual
from train.evaluation.baselines.iterative import (
    CLEAR_GAIN,
    FOLD_ROWS,
    FOLDS,
    RIDGE,
    TINY_RIDGE,
    fit_iteratively,
)
from train.evaluation.baselines.linear import (
    DENSE_FEATURES,
    NO_DEADLINE,
    Deadline,
    Features,
    Fitting,
    Floats,
    Linear,
    blocks_of,
)


class Sums(NamedTuple):
    """Weighted sums over rows, of features and targets less some means."""

    weight: float
    x_f: Floats
    y_o: Floats
    xx_ff: Floats
    xy_fo: Floats
    yy_o: Floats

    def plus(self, other: Sums, sign: float = 1.0) -> Sums:
        """The sums over both groups of rows; with sign -1, over this group without the other."""
        return Sums(
            self.weight + sign * other.weight,
            self.x_f + sign * other.x_f,
            self.y_o + sign * other.y_o,
            self.xx_ff + sign * other.xx_ff,
            self.xy_fo + sign * other.xy_fo,
            self.yy_o + sign * other.yy_o,
        )

    def solve(self, strength: float) -> Linear:
        """The coefficients under a penalty, and the intercept, which has none.

        Centring leaves the intercept unpenalised (Hastie et al., ESL, 3.4.1).
        """
        mean_f = self.x_f / self.weight
        gram_ff = self.xx_ff - np.outer(mean_f, self.x_f) + strength * np.eye(len(mean_f))
        moment_fo = self.xy_fo - np.outer(mean_f, self.y_o)
        coefficients = np.linalg.solve(gram_ff, moment_fo)
        return Linear(coefficients, self.y_o / self.weight - mean_f @ coefficients)

    def error(self, linear: Linear) -> Floats:
        """The sum of squared residuals of a linear model on these rows [o]."""
        b_o = linear.intercept
        fitted_fo = self.xx_ff @ linear.coefficients
        of_slopes_o = ((fitted_fo - 2 * self.xy_fo) * linear.coefficients).sum(0)
        of_both_o = 2 * b_o * (self.x_f @ linear.coefficients - self.y_o)
        return np.maximum(self.yy_o + of_slopes_o + of_both_o + self.weight * b_o**2, 0)


def fit_ridge(
    features: Features,
    target_no: NDArray,
    weight_n: Floats,
    fitting: Fitting,
) -> Linear:
    """Ridge regression; of each output with the penalty, or next to none, as folds ask.

    What is judged on the rows it is fitted on has always next to none. Raises LeftOutError.
    """
    weight_n = weight_n / weight_n.mean()
    if features.shape[0] < min(features.shape[1], DENSE_FEATURES):
        return fit_dual(features, target_no, weight_n, fitting)
    if sparse.issparse(features) or features.shape[1] > DENSE_FEATURES:
        return fit_iteratively(features, target_no, weight_n, fitting)
    mean_f = np.zeros(features.shape[1])
    for rows, x_bf in blocks_of(features):
        mean_f += weight_n[rows] @ x_bf
    mean_f /= weight_n.sum()
    mean_o = np.average(target_no.astype(np.float64), axis=0, weights=weight_n)
    sums = _sums(features, target_no, weight_n, mean_f, mean_o, fitting.deadline)
    # What is left of the means is rounding.
    centred = sums._replace(x_f=np.zeros_like(mean_f), y_o=np.zeros_like(mean_o))
    coefficients = centred.solve(TINY_RIDGE if fitting.in_sample else RIDGE).coefficients
    if not fitting.in_sample:
        is_exact_o = _needs_no_penalty(features, target_no, weight_n, mean_f, mean_o, fitting)
        if is_exact_o.any():
            free = centred.solve(TINY_RIDGE)
            coefficients = np.where(is_exact_o, free.coefficients, coefficients)
    return Linear(coefficients, mean_o - mean_f @ coefficients)


def _sums(
    features: NDArray,
    target_no: NDArray,
    weight_n: Floats,
    mean_f: Floats,
    mean_o: Floats,
    deadline: Deadline = NO_DEADLINE,
) -> Sums:
    n_features = len(mean_f)
    n_outputs = len(mean_o)
    x_f = np.zeros(n_features)
    y_o = np.zeros(n_outputs)
    yy_o = np.zeros(n_outputs)
    xx_ff = np.zeros((n_features, n_features))
    xy_fo = np.zeros((n_features, n_outputs))
    for rows, x_bf in blocks_of(features):
        deadline.check()
        x_bf -= mean_f
        y_bo = target_no[rows] - mean_o
        weighted_bf = x_bf * weight_n[rows, None]
        x_f += weighted_bf.sum(0)
        y_o += weight_n[rows] @ y_bo
        xx_ff += weighted_bf.T @ x_bf
        xy_fo += weighted_bf.T @ y_bo
        yy_o += weight_n[rows] @ np.square(y_bo)
    return Sums(float(weight_n.sum()), x_f, y_o, xx_ff, xy_fo, yy_o)


def _needs_no_penalty(
    features: NDArray,
    target_no: NDArray,
    weight_n: Floats,
    mean_f: Floats,
    mean_o: Floats,
    fitting: Fitting,
) -> NDArray[np.bool_]:
    """Whether each output [o] is predicted clearly better on held-out rows without a penalty."""
    shuffled_n = np.random.default_rng(fitting.seed).permutation(len(features))[:FOLD_ROWS]
    n_folds = min(FOLDS, len(shuffled_n))
    if n_folds < 2:
        return np.zeros(len(mean_o), bool)
    folds = []
    for fold in range(n_folds):
        rows = np.sort(shuffled_n[fold::n_folds])
        own = features[rows], target_no[rows], weight_n[rows]
        folds.append(_sums(*own, mean_f, mean_o, fitting.deadline))
    return no_penalty_by_folds(folds, RIDGE)


def no_penalty_by_folds(folds: list[Sums], strength: float) -> NDArray[np.bool_]:
    """Whether each output [o] is predicted clearly better across folds without a penalty."""
    whole = reduce(Sums.plus, folds)
    penalised_o = np.zeros(len(whole.y_o))
    free_o = np.zeros(len(whole.y_o))
    for fold in folds:
        others = whole.plus(fold, -1.0)
        penalised_o += fold.error(others.solve(strength))
        free_o += fold.error(others.solve(TINY_RIDGE))
    return free_o < CLEAR_GAIN * penalised_o
