"""Ridge regression of very many features: steps of conjugate gradients, no products of all pairs.

n rows, f features, o outputs of a head.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from train.evaluation.baselines.linear import (
    Deadline,
    Features,
    Fitting,
    Floats,
    Linear,
    blocks_of,
    column_sums,
    solve_iteratively,
)

# On sums over rows whose weights average 1: |coefficients|^2 * RIDGE + sum of squared residuals.
RIDGE = 1.0
# So little that only columns which say the same share their coefficients.
TINY_RIDGE = 1e-6
# Of the held-out error: a smaller gain than the rest of it is chance, and the penalty stays.
CLEAR_GAIN = 0.99
FOLDS = 5
FOLD_ROWS = 10_000  # that folds are made of at most


def fit_iteratively(
    features: Features,
    target_no: NDArray,
    weight_n: Floats,
    fitting: Fitting,
) -> Linear:
    """Ridge regression without products of pairs; the penalty is chosen by one fold of rows."""
    strengths_o = np.full(target_no.shape[1], TINY_RIDGE if fitting.in_sample else RIDGE)
    n = features.shape[0]
    shuffled_n = np.random.default_rng(fitting.seed).permutation(n)[:FOLD_ROWS]
    held = np.sort(shuffled_n[::FOLDS])
    if not fitting.in_sample and len(held) < len(shuffled_n):
        others = np.sort(np.setdiff1d(shuffled_n, held))
        error = {}
        for strength in (RIDGE, TINY_RIDGE):
            linear = _conjugate(
                features[others],
                target_no[others],
                weight_n[others],
                np.full(len(strengths_o), strength),
                fitting.deadline,
            )
            fitted_no = features[held] @ linear.coefficients + linear.intercept
            error[strength] = weight_n[held] @ np.square(fitted_no - target_no[held])
        is_exact_o = error[TINY_RIDGE] < CLEAR_GAIN * error[RIDGE]
        strengths_o = np.where(is_exact_o, TINY_RIDGE, RIDGE)
    return _conjugate(features, target_no, weight_n, strengths_o, fitting.deadline)


def _conjugate(
    features: Features,
    target_no: NDArray,
    weight_n: Floats,
    strengths_o: Floats,
    deadline: Deadline,
) -> Linear:
    """Ridge regression of each output under its own penalty, by conjugate gradients."""
    total = weight_n.sum()
    sum_f, square_f = column_sums(features, weight_n)
    mean_f = sum_f / total
    spread_f = np.maximum(square_f - total * mean_f**2, 0)
    mean_o = weight_n @ target_no.astype(np.float64) / total
    columns = []
    for output, strength in enumerate(strengths_o):

        def product(v_f: Floats, strength: float = strength) -> Floats:
            """The Gram matrix of centred features, and the penalty, times a vector."""
            along_f = strength * v_f
            shift = mean_f @ v_f
            rest = 0.0
            for rows, x_bf in blocks_of(features):
                weighted_b = weight_n[rows] * (x_bf @ v_f - shift)
                along_f += x_bf.T @ weighted_b
                rest += weighted_b.sum()
            return along_f - mean_f * rest

        residual_n = weight_n * (target_no[:, output] - mean_o[output])
        right_f = -mean_f * residual_n.sum()
        for rows, x_bf in blocks_of(features):
            right_f += x_bf.T @ residual_n[rows]
        columns.append(solve_iteratively(product, spread_f + strength, right_f, deadline))
    coefficients = np.stack(columns, 1)
    return Linear(coefficients, mean_o - mean_f @ coefficients)
