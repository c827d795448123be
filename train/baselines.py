"""What any model should beat: a constant and a linear model, fitted in closed form or to convergence, in float64.

The constant answers the training mean ("mean"), or for classes their training frequencies ("majority": its accuracy
is that of the commonest class, its log loss the entropy). "linear" is ridge regression, or logistic regression.
Strengths are scikit-learn's defaults: Ridge(alpha=1), LogisticRegression(C=1); intercepts are not penalised.
n rows, b rows of a block, f features, o outputs of a head, k classes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.optimize
import scipy.special
from numpy.typing import ArrayLike, NDArray

from train import metrics

if TYPE_CHECKING:
    from train.data.encode import Head

Floats = NDArray[np.float64]

# On sums over rows whose weights average 1: |coefficients|^2 * RIDGE + sum of squared residuals.
RIDGE = 1.0
# |coefficients|^2 / (2 INVERSE_STRENGTH) + sum of log losses: the C of scikit-learn.
INVERSE_STRENGTH = 1.0
LOGISTIC_ROWS = 100_000
LOGISTIC_ITERATIONS = 500
BLOCK_ROWS = 16_384


@dataclass(frozen=True)
class Linear:
    """x_f -> x_f @ coefficients [f, o] + intercept [o]."""

    coefficients: NDArray[np.floating]
    intercept: NDArray[np.floating]


@dataclass(frozen=True)
class Baselines:
    """By head name: the constant (mean [o], or class frequencies [k]) and the linear model."""

    constant: dict[str, Floats]
    linear: dict[str, Linear]


def fit_baselines(
    features: NDArray,
    targets: Mapping[str, ArrayLike],
    weight: ArrayLike | None,
    heads: Sequence[Head],
    seed: int = 0,
) -> Baselines:
    """Fits both on the training rows: `features` [n, f], standardised and one-hot, without nan.

    `targets` by head name: [n, o] numbers, or class indices [n]. Only the ratios of `weight` [n] matter. Logistic
    regression sees at most LOGISTIC_ROWS rows, drawn by `seed`.
    """
    weight_n = np.ones(len(features)) if weight is None else np.asarray(weight, np.float64)
    counted_n = weight_n > 0
    if not counted_n.all():
        features, weight_n = features[counted_n], weight_n[counted_n]
    constant, linear = {}, {}
    for head in heads:
        target = np.asarray(targets[head.name])[counted_n]
        if head.kind == "regression":
            constant[head.name] = np.average(target.astype(np.float64), axis=0, weights=weight_n)
            linear[head.name] = _ridge(features, target, weight_n)
        else:
            mass_k = np.bincount(target, weight_n, 2 if head.kind == "binary" else head.size)
            constant[head.name] = mass_k / mass_k.sum()
            linear[head.name] = _logistic(features, target, weight_n, head, seed)
    return Baselines(constant, linear)


def baseline_metrics(
    baselines: Baselines,
    features: NDArray,
    targets: Mapping[str, ArrayLike],
    weight: ArrayLike | None,
    heads: Sequence[Head],
    units: Mapping[str, ArrayLike] | None = None,
) -> dict[str, dict[str, float]]:
    """{"mean" and, or, "majority": {...}, "linear": {...}} on the rows given, each as `metrics.evaluate` names them."""
    constant = metrics.evaluate(heads, _constant_answers(baselines, heads, len(features)), targets, weight, units)
    result: dict[str, dict[str, float]] = {}
    for name, members in (
        ("mean", [head for head in heads if head.kind == "regression"]),
        ("majority", [head for head in heads if head.kind != "regression"]),
    ):
        # A metric's name is "METRIC" or "COLUMN.METRIC"; the first only where there is a single column.
        columns = {"", *(column for head in members for column in head.columns)}
        if members:
            result[name] = {key: value for key, value in constant.items() if key.rpartition(".")[0] in columns}
    answers = {head.name: _linear_answer(baselines.linear[head.name], features, head) for head in heads}
    return result | {"linear": metrics.evaluate(heads, answers, targets, weight, units)}


def _constant_answers(baselines: Baselines, heads: Sequence[Head], rows: int) -> dict[str, Floats]:
    answers = {}
    for head in heads:
        constant = baselines.constant[head.name]
        answer = constant[1] if head.kind == "binary" else constant
        answers[head.name] = np.broadcast_to(answer, (rows, *answer.shape))
    return answers


def _linear_answer(linear: Linear, features: NDArray, head: Head) -> Floats:
    """Values [n, o], the probability of class 1 [n], or probabilities [n, k]."""
    scores = np.empty((len(features), len(linear.intercept)))
    for rows, x_bf in _blocks(features):
        scores[rows] = x_bf @ linear.coefficients + linear.intercept
    if head.kind == "regression":
        return scores
    return scipy.special.expit(scores[:, 0]) if head.kind == "binary" else scipy.special.softmax(scores, axis=1)


def _ridge(features: NDArray, target_no: NDArray, weight_n: Floats) -> Linear:
    """Normal equations of centred columns, which leaves the intercept unpenalised (Hastie et al., ESL, 3.4.1)."""
    weight_n = weight_n / weight_n.mean()
    mean_f = sum((weight_n[rows] @ x_bf for rows, x_bf in _blocks(features)), np.zeros(features.shape[1]))
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


def _logistic(features: NDArray, target_n: NDArray, weight_n: Floats, head: Head, seed: int) -> Linear:
    """Logistic (one score) or multinomial (k scores) regression by L-BFGS, on the mean over rows as scikit-learn."""
    if len(features) > LOGISTIC_ROWS:
        chosen = np.sort(np.random.default_rng(seed).choice(len(features), LOGISTIC_ROWS, replace=False))
        features, target_n, weight_n = features[chosen], target_n[chosen], weight_n[chosen]
    weight_n = weight_n / weight_n.sum()
    penalty = 1 / (INVERSE_STRENGTH * len(features))
    shape = (features.shape[1] + 1, head.size)

    def objective(flat: Floats) -> tuple[float, Floats]:
        coefficients, intercept = np.split(flat.reshape(shape), [-1])
        loss = penalty / 2 * float(np.vdot(coefficients, coefficients))
        gradient = np.concatenate([penalty * coefficients, np.zeros_like(intercept)])
        for rows, x_bf in _blocks(features):
            scores = x_bf @ coefficients + intercept
            if head.kind == "binary":  # the score of class 0 is 0
                scores = np.pad(scores, ((0, 0), (1, 0)))
            log_bk = scipy.special.log_softmax(scores, axis=1)
            at_target = np.arange(len(log_bk)), target_n[rows]
            loss -= float(weight_n[rows] @ log_bk[at_target])
            slope = np.exp(log_bk)
            slope[at_target] -= 1
            slope = slope[:, -head.size :] * weight_n[rows, None]
            gradient[:-1] += x_bf.T @ slope
            gradient[-1] += slope.sum(axis=0)
        return loss, gradient.ravel()

    options = {"maxiter": LOGISTIC_ITERATIONS, "gtol": 1e-6, "ftol": 64 * np.finfo(float).eps, "maxls": 50}
    found = scipy.optimize.minimize(
        objective, np.zeros(shape[0] * shape[1]), method="L-BFGS-B", jac=True, options=options
    )
    coefficients, intercept = np.split(found.x.reshape(shape), [-1])
    return Linear(coefficients, intercept[0])


def _blocks(features: NDArray) -> Iterator[tuple[slice, Floats]]:
    """Rows in float64, a block at a time: a million rows never stand in memory twice."""
    for start in range(0, len(features), BLOCK_ROWS):
        rows = slice(start, start + BLOCK_ROWS)
        yield rows, features[rows].astype(np.float64)
