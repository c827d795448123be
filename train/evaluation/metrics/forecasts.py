"""Metrics of forecasts, over all steps of the horizon and by step.

n windows, h horizon, o targets.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from train.data.series.encoder import SeriesEncoder
from train.evaluation.metrics.means import AllMeans, Means
from train.evaluation.metrics.numbers import (
    interval_means,
    interval_of,
    own_interval,
    regression_means,
    regression_of,
)

Arrays = Mapping[str, np.ndarray]

ERROR = "error"  # the means of errors,
OWN = "own interval"  # and of the intervals that a net predicts by itself
SCALED = ("mse_scaled", "mae_scaled")  # the metrics that mean something over several targets


def forecast_metrics(
    encoder: SeriesEncoder, predictions: Arrays, targets: Arrays, weight: np.ndarray | None = None
) -> dict[str, float]:
    """rmse, mse, mae and r2 in the targets' units, and mse_scaled and mae_scaled, over all steps.

    The scaled ones are in units of the training rows' standard deviation; coverage and width as in
    `score_heads`. With several targets: "TARGET.rmse", and the means of the scaled ones over
    targets under their plain names. `predictions` and `targets` {"value": [n, h * o]} in encoded
    units; a target that is nan is missing, and counts for nothing.
    """
    return forecast_metrics_of(encoder, forecast_means(encoder, predictions, targets, weight))


def forecast_means(
    encoder: SeriesEncoder, predictions: Arrays, targets: Arrays, weight: np.ndarray | None = None
) -> AllMeans:
    """What `forecast_metrics_of` tells the metrics by, of each target."""
    prediction_nho = _by_target(encoder, predictions["value"])
    target_nho = _by_target(encoder, targets["value"])
    own = own_interval(predictions, "value")
    weight = None if weight is None else np.repeat(weight, encoder.horizon)
    found: dict[tuple[str, str], Means] = {}
    for i, column in enumerate(encoder.targets):
        target_m = target_nho[:, :, i].ravel()
        prediction_m = prediction_nho[:, :, i].ravel()
        found[ERROR, column.name] = regression_means(prediction_m, target_m, weight)
        if own is not None:
            lower_m = _by_target(encoder, own[0])[:, :, i].ravel()
            upper_m = _by_target(encoder, own[1])[:, :, i].ravel()
            found[OWN, column.name] = interval_means(lower_m, upper_m, target_m, weight)
    return found


def forecast_metrics_of(encoder: SeriesEncoder, means: AllMeans) -> dict[str, float]:
    """The metrics of `forecast_metrics`."""
    by_target = {}
    has_values = []
    for column in encoder.targets:
        error = means[ERROR, column.name]
        has_values.append(error.n > 0)
        metrics = regression_of(error, column.unit)
        metrics["mse_scaled"] = metrics["mse"] / column.deviation**2
        metrics["mae_scaled"] = metrics["mae"] / column.deviation
        if (OWN, column.name) in means:
            metrics |= interval_of(means[OWN, column.name], column.unit)
        by_target[column.name] = metrics
    found = _over_targets(by_target, np.array(has_values))
    return {name: float(value) for name, value in found.items()}


def step_metrics(
    encoder: SeriesEncoder, predictions: Arrays, targets: Arrays
) -> dict[str, list[float]]:
    """rmse, mse_scaled and mae_scaled at each step of the horizon, [h] each.

    Named as in `forecast_metrics`.
    """
    prediction_nho = _by_target(encoder, predictions["value"]).astype(np.float64)
    target_nho = _by_target(encoder, targets["value"])
    known_nho = ~np.isnan(target_nho)
    error_nho = prediction_nho - target_nho
    by_target = {}
    for i, column in enumerate(encoder.targets):
        raw_nh = error_nho[:, :, i] * column.unit
        mse_h = _mean_of_known(np.square(raw_nh), known_nho[:, :, i])
        mae_h = _mean_of_known(np.abs(raw_nh), known_nho[:, :, i])
        by_target[column.name] = {
            "rmse": np.sqrt(mse_h),
            "mse_scaled": mse_h / column.deviation**2,
            "mae_scaled": mae_h / column.deviation,
        }
    metrics = _over_targets(by_target, _has_values(target_nho))
    return {name: values.tolist() for name, values in metrics.items()}


def _by_target(encoder: SeriesEncoder, values: np.ndarray) -> np.ndarray:
    """Forecasts [n, h * o] as [n, h, o]."""
    return np.asarray(values).reshape(-1, encoder.horizon, encoder.n_targets)


def _has_values(target_nho: np.ndarray) -> np.ndarray:
    """Whether any value of each target is known [o]."""
    return np.asarray((~np.isnan(target_nho)).any(axis=(0, 1)))


def _mean_of_known(values_nh: np.ndarray, known_nh: np.ndarray) -> np.ndarray:
    """The mean over windows of the values that are known [h]; nan where none is."""
    if known_nh.all():
        return values_nh.mean(0)
    n_known_h = known_nh.sum(0)
    total_h = np.where(known_nh, values_nh, 0).sum(0)
    return np.where(n_known_h > 0, total_h / np.maximum(n_known_h, 1), np.nan)


def _over_targets(
    by_target: Mapping[str, Mapping[str, ArrayLike]], known_o: np.ndarray
) -> dict[str, np.ndarray]:
    """The metrics of the only target; of several the means of the scaled ones, then all.

    The means are over targets of which `known_o` says that they have a known value.
    """
    found: dict[str, np.ndarray] = {}
    if len(by_target) > 1:
        for name in SCALED:
            values = [np.asarray(metrics[name]) for metrics in by_target.values()]
            found[name] = np.mean(np.stack(values)[known_o], axis=0)
    for target, metrics in by_target.items():
        prefix = f"{target}." if len(by_target) > 1 else ""
        for name, value in metrics.items():
            found[f"{prefix}{name}"] = np.asarray(value)
    return found
