"""What forecasts are worth: metrics over all steps of the horizon and by step, beside forecasts
that need no net.

The baselines: "last" repeats the last value; "seasonal" the last season; "linear" is NLinear in
closed form (Zeng et al. 2023): ridge regression of each target's horizon on its lookback, both less
the last value. n windows, l lookback, h horizon, o targets.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from train.data.series.dataset import SeriesDataset
from train.data.series.encoder import SeriesEncoder, write_stamps
from train.evaluation.metrics.supervised import interval_metrics, own_interval, regression_metrics

Arrays = Mapping[str, np.ndarray]


def forecast_metrics(
    encoder: SeriesEncoder, answers: Arrays, targets: Arrays, weight: np.ndarray | None = None
) -> dict[str, float]:
    """rmse, mse, mae and r2 in the targets' units over all windows and steps; mse_scaled and
    mae_scaled in units of the training rows' standard deviation; coverage and width as in
    `metrics.evaluate`. With several targets: "TARGET.rmse", and the means of the scaled ones over
    targets under their plain names. `answers` and `targets` {"value": [n, h * o]} in encoded
    units.
    """
    answer_nho, target_nho = (_by_target(encoder, arrays) for arrays in (answers, targets))
    own = own_interval(answers, "value")
    weight = None if weight is None else np.repeat(weight, encoder.horizon)
    by_target = {}
    for i, column in enumerate(encoder.targets):
        pair = answer_nho[:, :, i].ravel(), target_nho[:, :, i].ravel()
        metrics = regression_metrics(*pair, weight, column.unit)
        scaled = {
            "mse_scaled": metrics["mse"] / column.deviation**2,
            "mae_scaled": metrics["mae"] / column.deviation,
        }
        by_target[column.name] = metrics | scaled
        if own is not None:
            lower, upper = (_by_target(encoder, {"value": end})[:, :, i].ravel() for end in own)
            by_target[column.name] |= interval_metrics(lower, upper, pair[1], weight, column.unit)
    return _over_targets(by_target)


def step_metrics(
    encoder: SeriesEncoder, answers: Arrays, targets: Arrays
) -> dict[str, list[float]]:
    """rmse, mse_scaled and mae_scaled at each step of the horizon, [h] each, named as in
    `forecast_metrics`.
    """
    error_nho = _by_target(encoder, answers).astype(np.float64) - _by_target(encoder, targets)
    by_target = {}
    for i, column in enumerate(encoder.targets):
        raw_nh = error_nho[:, :, i] * column.unit
        mse_h = np.square(raw_nh).mean(0)
        mae_h = np.abs(raw_nh).mean(0)
        scaled = {"mse_scaled": mse_h / column.deviation**2, "mae_scaled": mae_h / column.deviation}
        by_target[column.name] = {"rmse": np.sqrt(mse_h), **scaled}
    return {
        name: [float(value) for value in values]
        for name, values in _over_targets(by_target).items()
    }


def _by_target(encoder: SeriesEncoder, arrays: Arrays) -> np.ndarray:
    return np.asarray(arrays["value"]).reshape(-1, encoder.horizon, encoder.n_targets)


def _over_targets(by_target: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    if len(by_target) == 1:
        return dict(next(iter(by_target.values())))
    means = {
        name: np.mean([m[name] for m in by_target.values()], axis=0)
        for name in ("mse_scaled", "mae_scaled")
    }
    means = {name: float(mean) if np.ndim(mean) == 0 else mean for name, mean in means.items()}
    return means | {
        f"{target}.{name}": value for target, m in by_target.items() for name, value in m.items()
    }


def forecast_rows(
    dataset: SeriesDataset, windows: np.ndarray, targets: Arrays, answers: Arrays
) -> pa.Table:
    """A row for each window and step: "row" of the file (from 0) that is forecast, "step" of the
    horizon (from 1), "group" and "time" where the file has them, the true value and the forecast of
    each target.
    """
    encoder = dataset.encoder
    flat = dataset.flat
    place_n = dataset.starts[windows] + encoder.lookback
    flat_t = (place_n[:, None] + np.arange(encoder.horizon)).ravel()
    steps = np.tile(np.arange(1, encoder.horizon + 1), len(windows))
    columns: dict[str, Any] = {"row": flat.rows[flat_t], "step": steps}
    if flat.names is not None:
        columns["group"] = flat.names[np.searchsorted(flat.firsts, flat_t, side="right") - 1]
    if flat.stamps is not None and encoder.time is not None:
        columns["time"] = write_stamps(flat.stamps[flat_t], encoder.time)
    known = encoder.raw_targets(targets) | encoder.decode(answers)
    return pa.table(columns | {name: values.ravel() for name, values in known.items()})
