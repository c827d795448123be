"""Ridge and logistic regression, fitted in closed form or to convergence, in float64.

Strengths are scikit-learn's defaults: Ridge(alpha=1), LogisticRegression(C=1); intercepts are not
penalised. n rows, b rows of a block, f features, o outputs of a head, k classes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy.optimize
import scipy.special
from numpy.typing import NDArray

from train.data.dataset import Head

Floats = NDArray[np.float64]

# On sums over rows whose weights average 1: |coefficients|^2 * RIDGE + sum of squared residuals.
RIDGE = 1.0
# |coefficients|^2 / (2 INVERSE_STRENGTH) + sum of log losses: the C of scikit-learn.
INVERSE_STRENGTH = 1.0
LOGISTIC_ROWS = 20_000
NEWTON_ITERATIONS = 50
LBFGS_ITERATIONS = 500
BLOCK_ROWS = 16_384


@dataclass(frozen=True)
class Linear:
    """x_f -> x_f @ coefficients [f, o] + intercept [o]."""

    coefficients: NDArray[np.floating]
    intercept: NDArray[np.floating]


def predict_linear(linear: Linear, features: NDArray, head: Head) -> Floats:
    """Values [n, o], the probability of class 1 [n], or probabilities [n, k]."""
    scores = np.empty((len(features), len(linear.intercept)))
    for rows, x_bf in _blocks(features):
        scores[rows] = x_bf @ linear.coefficients + linear.intercept
    if head.kind == "regression":
        return scores
    if head.kind == "binary":
        return scipy.special.expit(scores[:, 0])
    return scipy.special.softmax(scores, axis=1)


def fit_ridge(features: NDArray, target_no: NDArray, weight_n: Floats) -> Linear:
    """Ridge regression, by the normal equations of centred columns.

    Centring leaves the intercept unpenalised (Hastie et al., ESL, 3.4.1).
    """
    weight_n = weight_n / weight_n.mean()
    mean_f = np.zeros(features.shape[1])
    for rows, x_bf in _blocks(features):
        mean_f += weight_n[rows] @ x_bf
    mean_f /= weight_n.sum()
    mean_o = np.average(target_no.astype(np.float64), axis=0, weights=weight_n)
    gram_ff = RIDGE * np.eye(len(mean_f))
    moment_fo = np.zeros((len(mean_f), len(mean_o)))
    for rows, x_bf in _blocks(features):
        x_bf -= mean_f
        weighted_bf = x_bf * weight_n[rows, None]
        gram_ff += weighted_bf.T @ x_bf
        moment_fo += weighted_bf.T @ (target_no[rows] - mean_o)
    coefficients = np.linalg.solve(gram_ff, moment_fo)
    return Linear(coefficients, mean_o - mean_f @ coefficients)


def fit_logistic(
    features: NDArray, target_n: NDArray, weight_n: Floats, head: Head, seed: int
) -> Linear:
    """Logistic (one score) or multinomial (k scores) regression, fitted as scikit-learn's.

    Of more than LOGISTIC_ROWS rows as many are drawn by `seed`.
    """
    if len(features) > LOGISTIC_ROWS:
        random = np.random.default_rng(seed)
        chosen = np.sort(random.choice(len(features), LOGISTIC_ROWS, replace=False))
        features = features[chosen]
        target_n = target_n[chosen]
        weight_n = weight_n[chosen]
    weight_n = weight_n / weight_n.sum()
    # Searched for in units of each column's spread, in which the rare categories of a one-hot block
    # do not lag behind.
    spread_f = features.std(axis=0, dtype=np.float64)
    scale_f = 1 / np.where(spread_f > 0, spread_f, 1)
    x_nf = np.column_stack([features * scale_f, np.ones(len(features))])
    penalty_f = np.append(np.square(scale_f) / (INVERSE_STRENGTH * len(features)), 0)
    fit = _newton if head.kind == "binary" else _multinomial
    weights_fo = fit(x_nf, target_n, weight_n, penalty_f, head.size)
    return Linear(weights_fo[:-1] * scale_f[:, None], weights_fo[-1])


def _newton(
    x_nf: Floats, target_n: NDArray, weight_n: Floats, penalty_f: Floats, size: int
) -> Floats:
    """Coefficients [f, 1] by Newton's method, its step halved until the loss falls.

    The loss is convex, so there is nothing to choose.
    """
    w_f = np.zeros(x_nf.shape[1])

    def loss(w_f: Floats) -> float:
        score_n = x_nf @ w_f
        row_loss_n = np.logaddexp(0, score_n) - target_n * score_n
        return float(weight_n @ row_loss_n + penalty_f @ np.square(w_f) / 2)

    for _ in range(NEWTON_ITERATIONS):
        p_n = scipy.special.expit(x_nf @ w_f)
        gradient_f = x_nf.T @ (weight_n * (p_n - target_n)) + penalty_f * w_f
        if np.abs(gradient_f).max() < 1e-9:
            break
        curvature_n = weight_n * p_n * (1 - p_n)
        curvature_ff = (x_nf * curvature_n[:, None]).T @ x_nf + np.diag(penalty_f + 1e-12)
        step_f = np.linalg.solve(curvature_ff, gradient_f)
        before = loss(w_f)
        size_of_step = 1.0
        while loss(w_f - size_of_step * step_f) > before and size_of_step > 1e-6:
            size_of_step /= 2
        w_f = w_f - size_of_step * step_f
    return w_f.reshape(-1, size)


def _multinomial(
    x_nf: Floats, target_n: NDArray, weight_n: Floats, penalty_f: Floats, size: int
) -> Floats:
    """Coefficients [f, k] by L-BFGS on the cross-entropy of a softmax."""
    at_target = np.arange(len(x_nf)), target_n

    def objective(flat: Floats) -> tuple[float, Floats]:
        w_fk = flat.reshape(-1, size)
        log_nk = scipy.special.log_softmax(x_nf @ w_fk, axis=1)
        slope_nk = np.exp(log_nk)
        slope_nk[at_target] -= 1
        gradient_fk = x_nf.T @ (slope_nk * weight_n[:, None]) + penalty_f[:, None] * w_fk
        loss = penalty_f @ np.square(w_fk).sum(1) / 2 - weight_n @ log_nk[at_target]
        return float(loss), gradient_fk.ravel()

    options = {"maxiter": LBFGS_ITERATIONS, "gtol": 1e-6, "ftol": 1e-8, "maxls": 50}
    start = np.zeros(x_nf.shape[1] * size)
    found = scipy.optimize.minimize(objective, start, method="L-BFGS-B", jac=True, options=options)
    return found.x.reshape(-1, size)


def _blocks(features: NDArray) -> Iterator[tuple[slice, Floats]]:
    """Rows in float64, a block at a time: a million rows never stand in memory twice."""
    for start in range(0, len(features), BLOCK_ROWS):
        rows = slice(start, start + BLOCK_ROWS)
        yield rows, features[rows].astype(np.float64)
