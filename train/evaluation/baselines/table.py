"""What any model should beat: a constant and a linear model, fitted in closed form or to
convergence, in float64.

The constant answers the training mean ("mean"), or for classes their training frequencies
("majority": its accuracy is that of the commonest class, its log loss the entropy). "linear" is
ridge regression, or logistic regression. Strengths are scikit-learn's defaults: Ridge(alpha=1),
LogisticRegression(C=1); intercepts are not penalised. n rows, b rows of a block, f features, o
outputs of a head, k classes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.optimize
import scipy.special
from numpy.typing import ArrayLike, NDArray

from train.evaluation.score import score_heads

if TYPE_CHECKING:
    from train.data.dataset import Head
from train.data.dataset import Batch
from train.data.table.encoder import TableEncoder

Arrays = Mapping[str, np.ndarray]

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

    `targets` by head name: [n, o] numbers, or class indices [n]. Only the ratios of `weight` [n]
    matter. Logistic regression sees at most LOGISTIC_ROWS rows, drawn by `seed`.
    """
    weight_n = np.ones(len(features)) if weight is None else np.asarray(weight, np.float64)
    counted_n = weight_n > 0
    if not counted_n.all():
        features = features[counted_n]
        weight_n = weight_n[counted_n]
    constant = {}
    linear = {}
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
    """{"mean" and, or, "majority": {...}, "linear": {...}} on the rows given, each as
    `metrics.evaluate` names them.
    """
    constant = score_heads(
        heads, _constant_answers(baselines, heads, len(features)), targets, weight, units
    )
    result: dict[str, dict[str, float]] = {}
    for name, members in (
        ("mean", [head for head in heads if head.kind == "regression"]),
        ("majority", [head for head in heads if head.kind != "regression"]),
    ):
        # A metric's name is "METRIC" or "COLUMN.METRIC"; the first only where there is a single
        # column.
        columns = {"", *(column for head in members for column in head.columns)}
        if members:
            result[name] = {
                key: value for key, value in constant.items() if key.rpartition(".")[0] in columns
            }
    answers = {
        head.name: _linear_answer(baselines.linear[head.name], features, head) for head in heads
    }
    return result | {"linear": score_heads(heads, answers, targets, weight, units)}


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
    return (
        scipy.special.expit(scores[:, 0])
        if head.kind == "binary"
        else scipy.special.softmax(scores, axis=1)
    )


def _ridge(features: NDArray, target_no: NDArray, weight_n: Floats) -> Linear:
    """Normal equations of centred columns, which leaves the intercept unpenalised (Hastie et al.,
    ESL, 3.4.1).
    """
    weight_n = weight_n / weight_n.mean()
    mean_f = sum(
        (weight_n[rows] @ x_bf for rows, x_bf in _blocks(features)), np.zeros(features.shape[1])
    )
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


def _logistic(
    features: NDArray, target_n: NDArray, weight_n: Floats, head: Head, seed: int
) -> Linear:
    """Logistic (one score, by Newton) or multinomial (k scores, by L-BFGS) regression, fitted as
    scikit-learn's.
    """
    if len(features) > LOGISTIC_ROWS:
        chosen = np.sort(
            np.random.default_rng(seed).choice(len(features), LOGISTIC_ROWS, replace=False)
        )
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
    """Newton's method, its step halved until the loss falls; convex, so there is nothing to
    choose.
    """
    w_f = np.zeros(x_nf.shape[1])

    def loss(w_f: Floats) -> float:
        score_n = x_nf @ w_f
        return float(
            weight_n @ (np.logaddexp(0, score_n) - target_n * score_n)
            + penalty_f @ np.square(w_f) / 2
        )

    for _ in range(NEWTON_ITERATIONS):
        p_n = scipy.special.expit(x_nf @ w_f)
        gradient_f = x_nf.T @ (weight_n * (p_n - target_n)) + penalty_f * w_f
        if np.abs(gradient_f).max() < 1e-9:
            break
        curvature_ff = (x_nf * (weight_n * p_n * (1 - p_n))[:, None]).T @ x_nf + np.diag(
            penalty_f + 1e-12
        )
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
    """L-BFGS on the cross-entropy of a softmax."""
    at_target = np.arange(len(x_nf)), target_n

    def objective(flat: Floats) -> tuple[float, Floats]:
        w_fk = flat.reshape(-1, size)
        log_nk = scipy.special.log_softmax(x_nf @ w_fk, axis=1)
        slope_nk = np.exp(log_nk)
        slope_nk[at_target] -= 1
        gradient_fk = x_nf.T @ (slope_nk * weight_n[:, None]) + penalty_f[:, None] * w_fk
        return float(
            penalty_f @ np.square(w_fk).sum(1) / 2 - weight_n @ log_nk[at_target]
        ), gradient_fk.ravel()

    options = {"maxiter": LBFGS_ITERATIONS, "gtol": 1e-6, "ftol": 1e-8, "maxls": 50}
    start = np.zeros(x_nf.shape[1] * size)
    found = scipy.optimize.minimize(objective, start, method="L-BFGS-B", jac=True, options=options)
    return found.x.reshape(-1, size)


def _blocks(features: NDArray) -> Iterator[tuple[slice, Floats]]:
    """Rows in float64, a block at a time: a million rows never stand in memory twice."""
    for start in range(0, len(features), BLOCK_ROWS):
        rows = slice(start, start + BLOCK_ROWS)
        yield rows, features[rows].astype(np.float64)


def table_baselines(
    encoder: TableEncoder, train: Batch, judged: Batch
) -> dict[str, dict[str, float]]:
    """Metrics on the judged rows of what is fitted on the training rows: {"mean" or "majority",
    "linear": {...}}.
    """
    features = linear_features(train.inputs, judged.inputs, encoder.category_sizes)
    baselines = fit_baselines(features[0], train.target, train.weight, encoder.heads)
    return baseline_metrics(
        baselines, features[1], judged.target, judged.weight, encoder.heads, encoder.units
    )


def linear_features(
    train: Arrays, judged: Arrays, category_sizes: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """What a linear model is given [n, d]: numbers filled by the median and standardised, flags of
    missing ones, and one-hot categories, all by the training rows.
    """
    parts: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    if "numbers" in train:
        gaps = np.isnan(train["numbers"])
        fill = np.array(
            [
                np.median(column[~gap])
                for column, gap in zip(train["numbers"].T, gaps.T, strict=True)
            ]
        )
        filled = np.where(gaps, fill.astype(np.float32), train["numbers"])
        mean = filled.mean(0, dtype=np.float64)
        sd = filled.std(0, dtype=np.float64)
        for part, inputs in zip(parts, (train, judged), strict=True):
            numbers = np.where(np.isnan(inputs["numbers"]), fill, inputs["numbers"])
            part.append(((numbers - mean) / np.where(sd > 0, sd, 1)).astype(np.float32))
            part.append(np.isnan(inputs["numbers"][:, gaps.any(0)]).astype(np.float32))
    for i, size in enumerate(category_sizes):
        for part, inputs in zip(parts, (train, judged), strict=True):
            part.append((inputs["codes"][:, i, None] == np.arange(size + 1)).astype(np.float32))
    return np.concatenate(parts[0], 1), np.concatenate(parts[1], 1)
