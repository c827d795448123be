"""Metrics of numbers over a whole split in float64; they agree with scikit-learn's.

Never a mean over batches: rows may come in parts, whose means are merged by their weights. Every
function takes optional row weights, of which only the ratios matter. Rows of weight 0 (padding), or
whose target is nan (missing), do not exist. With no rows left every metric is nan. n rows, o
targets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from train.evaluation.metrics.means import Means

NAN = float("nan")
BLOCK = 1 << 20  # rows whose errors are in memory at a time
# Ends of the interval that a normal distribution fills to 90 %, in deviations.
HALF_WIDTH = NormalDist().inv_cdf(0.95)


def regression_metrics(
    prediction: ArrayLike, target: ArrayLike, weight: ArrayLike | None = None, unit: float = 1.0
) -> dict[str, float]:
    """rmse, mse, mae and r2 in raw units, of `prediction` [n] and `target` [n] in encoded ones.

    Both are (raw - shift)/unit. A shift cancels in all four, so a target at 1e6 +- 1 loses nothing.
    r2 as in scikit-learn: for a constant target 1 if every prediction is exact, otherwise 0; nan
    for a single row.
    """
    return regression_of(regression_means(prediction, target, weight), unit)


def regression_means(
    prediction: ArrayLike, target: ArrayLike, weight: ArrayLike | None = None
) -> Means:
    """What `regression_of` tells the metrics by: the mean errors, and the target's own spread."""
    weight_n, prediction_n, target_n = counted(weight, prediction, target)
    if not len(target_n):
        return Means(0, 0.0, {})
    # From the first row on, not from 0: a constant target then has a variance of exactly 0.
    first = np.float64(target_n[0])
    mean = _mean(lambda y, _: y - first, weight_n, target_n, prediction_n)
    variance = _mean(lambda y, _: (y - first - mean) ** 2, weight_n, target_n, prediction_n)
    values = {
        "center": float(first) + mean,
        "variance": variance,
        "mse": _mean(lambda y, p: (p - y) ** 2, weight_n, target_n, prediction_n),
        "mae": _mean(lambda y, p: np.abs(p - y), weight_n, target_n, prediction_n),
    }
    return Means(len(target_n), float(weight_n.sum()), values)


def regression_of(means: Means, unit: float = 1.0) -> dict[str, float]:
    """The metrics of `regression_metrics`."""
    if not means.n:
        return dict.fromkeys(("rmse", "mse", "mae", "r2"), NAN)
    mse = means.values["mse"]
    variance = means.values["variance"]
    if means.n < 2:
        r2 = NAN
    elif variance == 0:
        r2 = NAN if np.isnan(mse) else float(mse == 0)
    else:
        r2 = 1 - mse / variance
    return {
        "rmse": mse**0.5 * unit,
        "mse": mse * unit * unit,
        "mae": means.values["mae"] * unit,
        "r2": r2,
    }


def own_interval(predictions: Mapping[str, ArrayLike], name: str) -> tuple[NDArray, NDArray] | None:
    """The ends [n, o] of the interval that a net predicts by itself, None where it predicts none.

    From its lowest quantile to its highest, or the central 90 % of its normal distribution.
    """
    if f"{name}.quantiles" in predictions:
        quantiles_noq = np.asarray(predictions[f"{name}.quantiles"])
        return quantiles_noq[..., 0], quantiles_noq[..., -1]
    is_normal = f"{name}.deviation" in predictions
    if not is_normal or any(f"{name}.{part}" in predictions for part in ("freedom", "dispersion")):
        return None  # what is not normal is judged by `metrics.probabilistic`
    mean_no = np.asarray(predictions[name])
    reach_no = HALF_WIDTH * np.asarray(predictions[f"{name}.deviation"])
    return mean_no - reach_no, mean_no + reach_no


def interval_metrics(
    lower: ArrayLike,
    upper: ArrayLike,
    target: ArrayLike,
    weight: ArrayLike | None = None,
    unit: float = 1.0,
) -> dict[str, float]:
    """coverage, the share of `target` [n] within the ends, and width, their mean raw distance."""
    return interval_of(interval_means(lower, upper, target, weight), unit)


def interval_means(
    lower: ArrayLike, upper: ArrayLike, target: ArrayLike, weight: ArrayLike | None = None
) -> Means:
    """What `interval_of` tells the metrics by: how far targets are `off` the ends is one of it."""
    weight_n, lower_n, target_n = counted(weight, lower, target)
    _, upper_n, _ = counted(weight, upper, target)
    if not len(target_n):
        return Means(0, 0.0, {})
    within_n = (lower_n <= target_n) & (target_n <= upper_n)
    off_n = np.maximum(lower_n - target_n, target_n - upper_n).clip(0)
    values = {
        "coverage": _mean(lambda within, _: within, weight_n, within_n, within_n),
        "width": _mean(lambda lower, upper: upper - lower, weight_n, lower_n, upper_n),
        "off": _mean(lambda off, _: off, weight_n, off_n, off_n),
    }
    return Means(len(target_n), float(weight_n.sum()), values)


def interval_of(means: Means, unit: float = 1.0, level: float | None = None) -> dict[str, float]:
    """The metrics of `interval_metrics`, with the `level` of the ends also interval_score.

    That is the width, and what targets beyond the ends are off, times 2 / (1 - level).
    """
    if not means.n:
        names = ("coverage", "width") if level is None else ("coverage", "width", "interval_score")
        return dict.fromkeys(names, NAN)
    found = {"coverage": means.values["coverage"], "width": means.values["width"] * unit}
    if level is not None:
        off = means.values["off"] * unit
        found["interval_score"] = found["width"] + 2 / (1 - level) * off
    return found


def counted(
    weight: ArrayLike | None, prediction: ArrayLike, target: ArrayLike
) -> tuple[NDArray[np.float64], NDArray, NDArray]:
    """The weights, predictions and targets of the rows that count.

    They are those of positive weight whose target is known: not nan.
    """
    prediction_n = np.asarray(prediction)
    target_n = np.asarray(target)
    is_missing_n = np.isnan(target_n)
    if weight is None and not is_missing_n.any():
        return np.ones(len(target_n)), prediction_n, target_n
    weight_n = np.ones(len(target_n)) if weight is None else np.asarray(weight, np.float64)
    rows = (weight_n > 0) & ~is_missing_n
    if rows.all():
        return weight_n, prediction_n, target_n
    return weight_n[rows], prediction_n[rows], target_n[rows]


def _mean(
    values_of: Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]],
    weight_n: NDArray[np.float64],
    one_n: NDArray,
    other_n: NDArray,
) -> float:
    """The weighted mean of a function of two arrays [n], a block of BLOCK rows in memory at a time.

    Exact to float64 rounding: sums over blocks, divided once.
    """
    total = 0.0
    weight = 0.0
    for start in range(0, len(weight_n), BLOCK):
        block = slice(start, start + BLOCK)
        values = values_of(one_n[block].astype(np.float64), other_n[block].astype(np.float64))
        total += np.multiply(values, weight_n[block]).sum()
        weight += weight_n[block].sum()
    return float(total / weight)
