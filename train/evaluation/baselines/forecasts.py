"""What stands beside forecasts: the last value, the season before, a linear model.

n windows, l lookback, h horizon, o targets.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from train.data.series.dataset import SeriesDataset
from train.data.series.encoder import SeriesEncoder
from train.evaluation.metrics.forecasts import forecast_metrics, step_metrics

Arrays = Mapping[str, np.ndarray]

RIDGE = 1.0  # on sums over windows, of values in units of the training deviation
LINEAR_WINDOWS = 200_000  # that the linear baseline is fitted on at most: more would not change it
BLOCK = 8_192  # windows in float64 at a time


def baseline_answers(
    dataset: SeriesDataset, train: np.ndarray, judged: np.ndarray
) -> dict[str, dict[str, np.ndarray]]:
    """{"last", "seasonal" where a season is known, "linear": answers for the windows `judged`},
    fitted on the windows `train`. A season that begins before its series is the last value.
    """
    encoder = dataset.encoder
    target_to = dataset.values[:, : encoder.n_targets]
    now_n = dataset.starts[judged] + encoder.lookback
    steps_h = np.arange(encoder.horizon)
    rows = {"last": np.repeat(now_n[:, None] - 1, encoder.horizon, axis=1)}
    if encoder.season is not None:
        seasons_back = steps_h // encoder.season + 1
        wanted_nh = now_n[:, None] + steps_h - encoder.season * seasons_back
        group_n = np.searchsorted(dataset.flat.firsts, now_n - 1, side="right") - 1
        rows["seasonal"] = np.where(
            wanted_nh < dataset.flat.firsts[group_n][:, None], rows["last"], wanted_nh
        )
    answers = {name: target_to[rows_nh].reshape(len(judged), -1) for name, rows_nh in rows.items()}
    answers["linear"] = linear_answers(dataset, fit_linear(dataset, train), judged)
    return {name: {"value": answer} for name, answer in answers.items()}


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


def linear_answers(
    dataset: SeriesDataset, kernel_olh: np.ndarray, windows: np.ndarray
) -> np.ndarray:
    """Answers [n, h * o] in encoded units."""
    scale_o = _scale(dataset.encoder)[:, None, None]
    parts = [
        ((past_onl @ kernel_olh) * scale_o + last_on1).transpose(1, 2, 0)
        for past_onl, _, last_on1 in _blocks(dataset, windows)
    ]
    return np.concatenate(parts).reshape(len(windows), -1)


def _blocks(dataset: SeriesDataset, windows: np.ndarray):
    """(lookback [o, n, l] and horizon [o, n, h] less the last value, in training deviations, the
    last value [o, n, 1] in encoded units), in float64.
    """
    encoder = dataset.encoder
    scale_o = _scale(encoder)[:, None, None]
    for start in range(0, len(windows), BLOCK):
        begin_n1 = dataset.starts[windows[start : start + BLOCK]][:, None]
        rows_nt = begin_n1 + np.arange(encoder.lookback + encoder.horizon)
        window_ont = np.moveaxis(
            dataset.values[rows_nt][:, :, : encoder.n_targets].astype(np.float64), 2, 0
        )
        last_on1 = window_ont[:, :, encoder.lookback - 1, None]
        moved_ont = (window_ont - last_on1) / scale_o
        yield moved_ont[:, :, : encoder.lookback], moved_ont[:, :, encoder.lookback :], last_on1


def _scale(encoder: SeriesEncoder) -> np.ndarray:
    """The training deviation of each target in encoded units [o]."""
    return np.array([column.deviation / column.unit for column in encoder.targets])


def judge_beside(
    dataset: SeriesDataset, split: str, targets: Arrays, answers: Arrays
) -> dict[str, dict[str, dict[str, dict[str, Any]]]]:
    """{"baselines": {split: {baseline: metrics}}, "horizon": {split: {"net" or baseline: metrics by
    step}}}.
    """
    encoder = dataset.encoder
    train = dataset.splits["train"]
    if len(train) > LINEAR_WINDOWS:
        train = np.sort(np.random.default_rng(0).choice(train, LINEAR_WINDOWS, replace=False))
    others = baseline_answers(dataset, train, dataset.splits[split])
    return {
        "baselines": {
            split: {
                name: forecast_metrics(encoder, other, targets) for name, other in others.items()
            }
        },
        "horizon": {
            split: {
                name: step_metrics(encoder, other, targets)
                for name, other in {"net": answers, **others}.items()
            }
        },
    }
