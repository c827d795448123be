"""What any forecaster should beat: the last value, the season before, a linear model.

"last" repeats the last value; "seasonal" the last season; "linear" is NLinear in closed form (Zeng
et al. 2023): ridge regression of each target's horizon on its lookback, both less the last value.
n windows, l lookback, h horizon, o targets.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from train.data.series.dataset import SeriesDataset
from train.data.series.encoder import SeriesEncoder

RIDGE = 1.0  # on sums over windows, of values in units of the training deviation
LINEAR_WINDOWS = 200_000  # that the linear baseline is fitted on at most: more would not change it
BLOCK = 8_192  # windows in float64 at a time


def forecast_baselines(dataset: SeriesDataset, split: str) -> dict[str, dict[str, np.ndarray]]:
    """`baseline_predictions` for a split, fitted on LINEAR_WINDOWS training windows at most."""
    train = dataset.splits["train"]
    if len(train) > LINEAR_WINDOWS:
        train = np.sort(np.random.default_rng(0).choice(train, LINEAR_WINDOWS, replace=False))
    return baseline_predictions(dataset, train, dataset.splits[split])


def baseline_predictions(
    dataset: SeriesDataset, train: np.ndarray, judged: np.ndarray
) -> dict[str, dict[str, np.ndarray]]:
    """{"last", "seasonal" where a season is known, "linear": predictions for windows `judged`}.

    Fitted on the windows `train`. A season that begins before its series is the last value.
    """
    encoder = dataset.encoder
    target_to = dataset.values[:, : encoder.n_targets]
    now_n = dataset.starts[judged] + encoder.lookback
    last_nh = np.repeat(now_n[:, None] - 1, encoder.horizon, axis=1)
    rows = {"last": last_nh}
    if encoder.season is not None:
        steps_h = np.arange(encoder.horizon)
        seasons_back_h = steps_h // encoder.season + 1
        wanted_nh = now_n[:, None] + steps_h - encoder.season * seasons_back_h
        group_n = np.searchsorted(dataset.flat.firsts, now_n - 1, side="right") - 1
        first_n1 = dataset.flat.firsts[group_n][:, None]
        rows["seasonal"] = np.where(wanted_nh < first_n1, last_nh, wanted_nh)
    predictions = {}
    for name, rows_nh in rows.items():
        predictions[name] = {"value": target_to[rows_nh].reshape(len(judged), -1)}
    kernel_olh = fit_linear(dataset, train)
    predictions["linear"] = {"value": predict_linear(dataset, kernel_olh, judged)}
    return predictions


def fit_linear(dataset: SeriesDataset, windows: np.ndarray) -> np.ndarray:
    """Kernels [o, l, h] of the linear baseline."""
    encoder = dataset.encoder
    n_targets = encoder.n_targets
    lookback = encoder.lookback
    horizon = encoder.horizon
    gram_oll = np.zeros((n_targets, lookback, lookback))
    moment_olh = np.zeros((n_targets, lookback, horizon))
    for past_onl, future_onh, _ in _blocks(dataset, windows):
        gram_oll += past_onl.transpose(0, 2, 1) @ past_onl
        moment_olh += past_onl.transpose(0, 2, 1) @ future_onh
    return np.linalg.solve(gram_oll + RIDGE * np.eye(lookback), moment_olh)


def predict_linear(
    dataset: SeriesDataset, kernel_olh: np.ndarray, windows: np.ndarray
) -> np.ndarray:
    """Forecasts [n, h * o] in encoded units."""
    scale_o11 = _scale(dataset.encoder)[:, None, None]
    parts = []
    for past_onl, _, last_on1 in _blocks(dataset, windows):
        future_onh = (past_onl @ kernel_olh) * scale_o11 + last_on1
        parts.append(future_onh.transpose(1, 2, 0))
    return np.concatenate(parts).reshape(len(windows), -1)


def _blocks(
    dataset: SeriesDataset, windows: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """(lookback [o, n, l], horizon [o, n, h], last value [o, n, 1]) of some windows, in float64.

    The first two less the last value, in training deviations; that in encoded units.
    """
    encoder = dataset.encoder
    lookback = encoder.lookback
    scale_o11 = _scale(encoder)[:, None, None]
    for start in range(0, len(windows), BLOCK):
        begin_n1 = dataset.starts[windows[start : start + BLOCK]][:, None]
        rows_nt = begin_n1 + np.arange(lookback + encoder.horizon)
        window_nto = dataset.values[rows_nt][:, :, : encoder.n_targets].astype(np.float64)
        window_ont = np.moveaxis(window_nto, 2, 0)
        last_on1 = window_ont[:, :, lookback - 1, None]
        moved_ont = (window_ont - last_on1) / scale_o11
        yield moved_ont[:, :, :lookback], moved_ont[:, :, lookback:], last_on1


def _scale(encoder: SeriesEncoder) -> np.ndarray:
    """The training deviation of each target in encoded units [o]."""
    return np.array([column.deviation / column.unit for column in encoder.targets])
