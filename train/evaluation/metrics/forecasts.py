"""What forecasts are worth: metrics over all steps of the horizon and by step, beside forecasts that need no net.

The baselines: "last" repeats the last value; "seasonal" the last season; "linear" is NLinear in closed form (Zeng et
al. 2023): ridge regression of each target's horizon on its lookback, both less the last value.
n windows, l lookback, h horizon, o targets.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from train.data.series.encoder import SeriesEncoder, write_stamps
from train.data.series.load import SeriesDataset
from train.evaluation.metrics.supervised import interval_metrics, own_interval, regression_metrics

Arrays = Mapping[str, np.ndarray]
RIDGE = 1.0  # on sums over windows, of values in units of the training deviation
LINEAR_WINDOWS = 200_000  # that the linear baseline is fitted on at most: more would not change it
BLOCK = 8_192  # windows in float64 at a time


def forecast_metrics(
    encoder: SeriesEncoder, answers: Arrays, targets: Arrays, weight: np.ndarray | None = None
) -> dict[str, float]:
    """rmse, mse, mae and r2 in the targets' units over all windows and steps; mse_scaled and mae_scaled in units of the
    training rows' standard deviation; coverage and width as in `metrics.evaluate`. With several targets: "TARGET.rmse",
    and the means of the scaled ones over targets under their plain names. `answers` and `targets` {"value": [n, h * o]}
    in encoded units."""
    answer_nho, target_nho = (_by_target(encoder, arrays) for arrays in (answers, targets))
    own = own_interval(answers, "value")
    weight = None if weight is None else np.repeat(weight, encoder.horizon)
    by_target = {}
    for i, column in enumerate(encoder.targets):
        pair = answer_nho[:, :, i].ravel(), target_nho[:, :, i].ravel()
        metrics = regression_metrics(*pair, weight, column.unit)
        scaled = {"mse_scaled": metrics["mse"] / column.deviation**2, "mae_scaled": metrics["mae"] / column.deviation}
        by_target[column.name] = metrics | scaled
        if own is not None:
            lower, upper = (_by_target(encoder, {"value": end})[:, :, i].ravel() for end in own)
            by_target[column.name] |= interval_metrics(lower, upper, pair[1], weight, column.unit)
    return _over_targets(by_target)


def step_metrics(encoder: SeriesEncoder, answers: Arrays, targets: Arrays) -> dict[str, list[float]]:
    """rmse, mse_scaled and mae_scaled at each step of the horizon, [h] each, named as in `forecast_metrics`."""
    error_nho = _by_target(encoder, answers).astype(np.float64) - _by_target(encoder, targets)
    by_target = {}
    for i, column in enumerate(encoder.targets):
        raw_nh = error_nho[:, :, i] * column.unit
        mse_h, mae_h = np.square(raw_nh).mean(0), np.abs(raw_nh).mean(0)
        scaled = {"mse_scaled": mse_h / column.deviation**2, "mae_scaled": mae_h / column.deviation}
        by_target[column.name] = {"rmse": np.sqrt(mse_h), **scaled}
    return {name: [float(value) for value in values] for name, values in _over_targets(by_target).items()}


def _by_target(encoder: SeriesEncoder, arrays: Arrays) -> np.ndarray:
    return np.asarray(arrays["value"]).reshape(-1, encoder.horizon, encoder.n_targets)


def _over_targets(by_target: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    if len(by_target) == 1:
        return dict(next(iter(by_target.values())))
    means = {name: np.mean([m[name] for m in by_target.values()], axis=0) for name in ("mse_scaled", "mae_scaled")}
    means = {name: float(mean) if np.ndim(mean) == 0 else mean for name, mean in means.items()}
    return means | {f"{target}.{name}": value for target, m in by_target.items() for name, value in m.items()}


def baseline_answers(dataset: SeriesDataset, train: np.ndarray, judged: np.ndarray) -> dict[str, dict[str, np.ndarray]]:
    """{"last", "seasonal" where a season is known, "linear": answers for the windows `judged`}, fitted on the windows
    `train`. A season that begins before its series is the last value."""
    encoder = dataset.encoder
    target_to, now_n = dataset.values[:, : encoder.n_targets], dataset.starts[judged] + encoder.lookback
    steps_h = np.arange(encoder.horizon)
    rows = {"last": np.repeat(now_n[:, None] - 1, encoder.horizon, axis=1)}
    if encoder.season is not None:
        seasons_back = steps_h // encoder.season + 1
        wanted_nh = now_n[:, None] + steps_h - encoder.season * seasons_back
        group_n = np.searchsorted(dataset.flat.firsts, now_n - 1, side="right") - 1
        rows["seasonal"] = np.where(wanted_nh < dataset.flat.firsts[group_n][:, None], rows["last"], wanted_nh)
    answers = {name: target_to[rows_nh].reshape(len(judged), -1) for name, rows_nh in rows.items()}
    answers["linear"] = linear_answers(dataset, fit_linear(dataset, train), judged)
    return {name: {"value": answer} for name, answer in answers.items()}


def fit_linear(dataset: SeriesDataset, windows: np.ndarray) -> np.ndarray:
    """Kernels [o, l, h] of the linear baseline."""
    encoder = dataset.encoder
    n_targets, lookback, horizon = encoder.n_targets, encoder.lookback, encoder.horizon
    gram_oll = np.zeros((n_targets, lookback, lookback))
    moment_olh = np.zeros((n_targets, lookback, horizon))
    for past_onl, future_onh, _ in _blocks(dataset, windows):
        gram_oll += past_onl.transpose(0, 2, 1) @ past_onl
        moment_olh += past_onl.transpose(0, 2, 1) @ future_onh
    return np.linalg.solve(gram_oll + RIDGE * np.eye(lookback), moment_olh)


def linear_answers(dataset: SeriesDataset, kernel_olh: np.ndarray, windows: np.ndarray) -> np.ndarray:
    """Answers [n, h * o] in encoded units."""
    scale_o = _scale(dataset.encoder)[:, None, None]
    parts = [
        ((past_onl @ kernel_olh) * scale_o + last_on1).transpose(1, 2, 0)
        for past_onl, _, last_on1 in _blocks(dataset, windows)
    ]
    return np.concatenate(parts).reshape(len(windows), -1)


def _blocks(dataset: SeriesDataset, windows: np.ndarray):
    """(lookback [o, n, l] and horizon [o, n, h] less the last value, in training deviations, the last value [o, n, 1]
    in encoded units), in float64."""
    encoder = dataset.encoder
    scale_o = _scale(encoder)[:, None, None]
    for start in range(0, len(windows), BLOCK):
        begin_n1 = dataset.starts[windows[start : start + BLOCK]][:, None]
        rows_nt = begin_n1 + np.arange(encoder.lookback + encoder.horizon)
        window_ont = np.moveaxis(dataset.values[rows_nt][:, :, : encoder.n_targets].astype(np.float64), 2, 0)
        last_on1 = window_ont[:, :, encoder.lookback - 1, None]
        moved_ont = (window_ont - last_on1) / scale_o
        yield moved_ont[:, :, : encoder.lookback], moved_ont[:, :, encoder.lookback :], last_on1


def _scale(encoder: SeriesEncoder) -> np.ndarray:
    """The training deviation of each target in encoded units [o]."""
    return np.array([column.deviation / column.unit for column in encoder.targets])


def forecast_rows(dataset: SeriesDataset, windows: np.ndarray, targets: Arrays, answers: Arrays) -> pa.Table:
    """A row for each window and step: "row" of the file (from 0) that is forecast, "step" of the horizon (from 1),
    "group" and "time" where the file has them, the true value and the forecast of each target."""
    encoder, flat = dataset.encoder, dataset.flat
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


def judge_beside(
    dataset: SeriesDataset, split: str, targets: Arrays, answers: Arrays
) -> dict[str, dict[str, dict[str, dict[str, Any]]]]:
    """{"baselines": {split: {baseline: metrics}}, "horizon": {split: {"net" or baseline: metrics by step}}}."""
    encoder, train = dataset.encoder, dataset.splits["train"]
    if len(train) > LINEAR_WINDOWS:
        train = np.sort(np.random.default_rng(0).choice(train, LINEAR_WINDOWS, replace=False))
    others = baseline_answers(dataset, train, dataset.splits[split])
    return {
        "baselines": {split: {name: forecast_metrics(encoder, other, targets) for name, other in others.items()}},
        "horizon": {
            split: {name: step_metrics(encoder, other, targets) for name, other in {"net": answers, **others}.items()}
        },
    }
