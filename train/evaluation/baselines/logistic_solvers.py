"""Searches for the coefficients of logistic regression. n rows, f features, k classes.

Losses are convex: whatever the search begins from, it ends at the same ones.
"""

from __future__ import annotations

import numpy as np
import scipy
from numpy.typing import NDArray
from scipy import sparse

from train.evaluation.baselines.linear import (
    DENSE_FEATURES,
    Deadline,
    Features,
    Floats,
    column_sums,
    solve_iteratively,
)

NEWTON_ITERATIONS = 50
# Rows times squared coefficients up to which all second derivatives cost less than the hundreds of
# products that conjugate gradients take where columns are nearly dependent.
MAX_PRODUCTS = 4_000_000_000
BLOCK_NUMBERS = 1 << 22  # that a block of rows makes of its curvature
# Of the gradient's length, or its square root where that is less: what is left of it by a step
# that is searched for (Nash, "A survey of truncated-Newton methods", 2000).
MAX_LEFT = 0.5
MAX_GRADIENT = 1e-7  # of the mean loss by a coefficient, where a search for many classes ends


def newton(
    x_nf: Features,
    target_n: NDArray,
    weight_n: Floats,
    penalty_f: Floats,
    start_fo: Floats,
    deadline: Deadline,
) -> Floats:
    """Coefficients [f, 1] by Newton's method, its step halved until the loss falls."""
    w_f = start_fo[:, 0]

    def loss(w_f: Floats) -> float:
        score_n = x_nf @ w_f
        row_loss_n = np.logaddexp(0, score_n) - target_n * score_n
        return float(weight_n @ row_loss_n + penalty_f @ np.square(w_f) / 2)

    for _ in range(NEWTON_ITERATIONS):
        deadline.check()
        p_n = scipy.special.expit(x_nf @ w_f)
        gradient_f = x_nf.T @ (weight_n * (p_n - target_n)) + penalty_f * w_f
        if np.abs(gradient_f).max() < 1e-9:
            break
        curvature_n = weight_n * p_n * (1 - p_n)
        step_f = _newton_step(x_nf, curvature_n, penalty_f + 1e-12, gradient_f, deadline)
        before = loss(w_f)
        size_of_step = 1.0
        while loss(w_f - size_of_step * step_f) > before and size_of_step > 1e-6:
            size_of_step /= 2
        w_f = w_f - size_of_step * step_f
    return w_f[:, None]


def _newton_step(
    x_nf: Features,
    curvature_n: Floats,
    penalty_f: Floats,
    gradient_f: Floats,
    deadline: Deadline,
) -> NDArray[np.floating]:
    """The inverse of the curvature of the loss, times its gradient [f]."""
    if not sparse.issparse(x_nf) and x_nf.shape[1] <= DENSE_FEATURES + 1:
        curvature_ff = (x_nf * curvature_n[:, None]).T @ x_nf + np.diag(penalty_f)
        return np.linalg.solve(curvature_ff, gradient_f)

    def product(v_f: Floats) -> Floats:
        return x_nf.T @ (curvature_n * (x_nf @ v_f)) + penalty_f * v_f

    _, square_f = column_sums(x_nf, curvature_n)
    return solve_iteratively(product, square_f + penalty_f, gradient_f, deadline)


def newton_of_classes(
    x_nf: Features,
    target_n: NDArray,
    weight_n: Floats,
    penalty_f: Floats,
    start_fo: Floats,
    deadline: Deadline,
) -> Floats:
    """Coefficients [f, k] by Newton's method, its step halved until the loss falls.

    What a feature adds to all classes alike changes no probability: it is 0.
    """
    at_target = np.arange(x_nf.shape[0]), target_n
    w_fk = start_fo

    def log_probabilities_and_loss(w_fk: Floats) -> tuple[Floats, float]:
        log_nk = scipy.special.log_softmax(x_nf @ w_fk, axis=1)
        penalty = penalty_f @ np.square(w_fk).sum(1) / 2
        return log_nk, float(penalty - weight_n @ log_nk[at_target])

    log_nk, loss = log_probabilities_and_loss(w_fk)
    for _ in range(NEWTON_ITERATIONS):
        deadline.check()
        p_nk = np.exp(log_nk)
        slope_nk = p_nk.copy()
        slope_nk[at_target] -= 1
        gradient_fk = x_nf.T @ (slope_nk * weight_n[:, None]) + penalty_f[:, None] * w_fk
        if np.abs(gradient_fk).max() < MAX_GRADIENT:
            break
        step_fk = _step_of_classes(x_nf, p_nk, weight_n, penalty_f + 1e-12, gradient_fk, deadline)
        before = loss
        size_of_step = 1.0
        log_nk, loss = log_probabilities_and_loss(w_fk - step_fk)
        while loss > before and size_of_step > 1e-6:
            size_of_step /= 2
            log_nk, loss = log_probabilities_and_loss(w_fk - size_of_step * step_fk)
        if loss > before:
            break
        w_fk = w_fk - size_of_step * step_fk
    return w_fk - w_fk.mean(1, keepdims=True)


def _step_of_classes(
    x_nf: Features,
    p_nk: Floats,
    weight_n: Floats,
    penalty_f: Floats,
    gradient_fk: Floats,
    deadline: Deadline,
) -> NDArray[np.floating]:
    """The inverse of the curvature of the loss, times its gradient [f, k]; or nearly that."""
    gradient = gradient_fk.ravel()
    if not sparse.issparse(x_nf) and len(x_nf) * len(gradient) ** 2 <= MAX_PRODUCTS:
        curvature = _curvature_of_classes(x_nf, p_nk, weight_n, penalty_f)
        return np.linalg.solve(curvature, gradient).reshape(gradient_fk.shape)
    weighted_nk = weight_n[:, None] * p_nk

    def product(v: Floats) -> Floats:
        v_fk = v.reshape(gradient_fk.shape)
        score_nk = x_nf @ v_fk
        score_nk -= (p_nk * score_nk).sum(1, keepdims=True)
        return (x_nf.T @ (weighted_nk * score_nk) + penalty_f[:, None] * v_fk).ravel()

    square_nf = x_nf * x_nf
    diagonal_fk = square_nf.T @ (weighted_nk * (1 - p_nk)) + penalty_f[:, None]
    tolerance = min(MAX_LEFT, float(np.sqrt(np.linalg.norm(gradient))))
    step = solve_iteratively(product, diagonal_fk.ravel(), gradient, deadline, tolerance)
    return step.reshape(gradient_fk.shape)


def _curvature_of_classes(
    x_nf: Features, p_nk: Floats, weight_n: Floats, penalty_f: Floats
) -> NDArray[np.floating]:
    """Second derivatives of the loss by all pairs of coefficients [f k, f k].

    Those of a pair of classes a and b are sums over rows of weight x x' p_a ((a is b) - p_b).
    """
    n_rows, n_classes = p_nk.shape
    n_features = len(penalty_f)
    size = n_features * n_classes
    products = np.zeros((size, size))
    curvature_fkfk = np.zeros((n_features, n_classes, n_features, n_classes))
    rows_at_once = max(1, BLOCK_NUMBERS // size)
    for start in range(0, n_rows, rows_at_once):
        rows = slice(start, start + rows_at_once)
        root_n1 = np.sqrt(weight_n[rows])[:, None]
        scaled_nfk = (root_n1 * x_nf[rows])[:, :, None] * p_nk[rows][:, None, :]
        scaled_nc = scaled_nfk.reshape(len(scaled_nfk), size)
        products += scaled_nc.T @ scaled_nc
    for k in range(n_classes):
        curvature_n1 = (weight_n * p_nk[:, k])[:, None]
        curvature_fkfk[:, k, :, k] = (x_nf * curvature_n1).T @ x_nf + np.diag(penalty_f)
    return curvature_fkfk.reshape(size, size) - products
