"""Metrics of forecasts, over all steps of the horizon and by step.

n windows, h horizon, o targets.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from train.data.series.encoder import SeriesEncoder
from train.evaluation.metrics.supervised import interval_metrics, own_interval, regression_metrics

Arrays = Mapping[str, np.ndarray]

SCALED = ("mse_scaled", "mae_scaled")  # the metrics that mean something over several targets


def forecast_metrics(
    encoder: SeriesEncoder, predictions: Arrays, targets: Arrays, weight: np.ndarray | None = None
) -> dict[str, float]:
    """rmse, mse, mae and r2 in the targets' units, and mse_scaled and mae_scaled, over all steps.

    The scaled ones are in units of the training rows' standard deviation; coverage and width as in
    `score_heads`. With several targets: "TARGET.rmse", and the means of the scaled ones over
    targets under their plain names. `predictions` and `targets` {"value": [n, h * o]} in encoded
    units.
    """
    prediction_nho = _by_target(encoder, predictions["value"])
    target_nho = _by_target(encoder, targets["value"])
    own = own_interval(predictions, "value")
    weight = None if weight is None else np.repeat(weight, encoder.horizon)
    by_target = {}
    for i, column in enumerate(encoder.targets):
        target_m = target_nho[:, :, i].ravel()
        metrics = regression_metrics(prediction_nho[:, :, i].ravel(), target_m, weight, column.unit)
        metrics["mse_scaled"] = metrics["mse"] / column.deviation**2
        metrics["mae_scaled"] = metrics["mae"] / column.deviation
        if own is not None:
            lower_m = _by_target(encoder, own[0])[:, :, i].ravel()
            upper_m = _by_target(encoder, own[1])[:, :, i].ravel()
            metrics |= interval_metrics(lower_m, upper_m, target_m, weight, column.unit)
        by_target[column.name] = metrics
    return {name: float(value) for name, value in _over_targets(by_target).items()}


def step_metrics(
    encoder: SeriesEncoder, predictions: Arrays, targets: Arrays
) -> dict[str, list[float]]:
    """rmse, mse_scaled and mae_scaled at each step of the horizon, [h] each.

    Named as in `forecast_metrics`.
    """
    prediction_nho = _by_target(encoder, predictions["value"]).astype(np.float64)
    error_nho = prediction_nho - _by_target(encoder, targets["value"])
    by_target = {}
    for i, column in enumerate(encoder.targets):
        raw_nh = error_nho[:, :, i] * column.unit
        mse_h = np.square(raw_nh).mean(0)
        mae_h = np.abs(raw_nh).mean(0)
        by_target[column.name] = {
            "rmse": np.sqrt(mse_h),
            "mse_scaled": mse_h / column.deviation**2,
            "mae_scaled": mae_h / column.deviation,
        }
    metrics = _over_targets(by_target)
    return {name: values.tolist() for name, values in metrics.items()}


def _by_target(encoder: SeriesEncoder, values: np.ndarray) -> np.ndarray:
    """Of each window, the steps of each target [n, h, o]."""
    return np.asarray(values).reshape(-1, encoder.horizon, encoder.n_targets)


def _over_targets(by_target: Mapping[str, Mapping[str, ArrayLike]]) -> dict[str, np.ndarray]:
    """The metrics of the only target; of several the means of the scaled ones, then all."""
    found: dict[str, np.ndarray] = {}
    if len(by_target) > 1:
        for name in SCALED:
            values = [np.asarray(metrics[name]) for metrics in by_target.values()]
            found[name] = np.mean(values, axis=0)
    for target, metrics in by_target.items():
        prefix = f"{target}." if len(by_target) > 1 else ""
        for name, value in metrics.items():
            found[f"{prefix}{name}"] = np.asarray(value)
    return found
