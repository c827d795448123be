"""What any forecaster should beat: the last value, the season before, a linear model.

"last" repeats the last value; "seasonal" the last season; "linear" is NLinear in closed form (Zeng
et al. 2023): ridge regression of each target's horizon on its lookback, both less the last value.
Where values are missing, the last known one stands in for them in what is repeated and in what
the linear model reads; what it is fitted to are known values alone.
n windows, l lookback, h horizon, o targets.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from train.data.blocks import sample_rows
from train.data.series.dataset import SeriesDataset

# The penalty is this share of the mean square of what is read, once: alike in any unit, and less
# the more windows there are.
RIDGE = 1.0
LINEAR_WINDOWS = 200_000  # that the linear baseline is fitted on at most, which is said
GAPPY_WINDOWS = 20_000  # the same where targets are missing: each step then has a fit of its own
BLOCK = 8_192  # windows in float64 at a time


def windows_to_fit(dataset: SeriesDataset) -> np.ndarray:
    """The training windows of the linear model: all, or LINEAR_WINDOWS of them."""
    most = LINEAR_WINDOWS if dataset.target_gaps is None else GAPPY_WINDOWS
    return sample_rows(dataset.splits["train"], most)


class ForecastBaselines:
    """What a forecast stands beside: its linear model is fitted once, whatever windows are judged.

    To all training windows, or a part of them, unless it is given others.
    """

    def __init__(self, windows: np.ndarray | None = None):
        self._windows = windows
        self._kernel_olh: np.ndarray | None = None

    def predictions(
        self, dataset: SeriesDataset, judged: np.ndarray
    ) -> dict[str, dict[str, np.ndarray]]:
        """{"last", "seasonal" where a season is known, "linear": predictions of these windows}."""
        if self._kernel_olh is None:
            own = windows_to_fit(dataset) if self._windows is None else self._windows
            self._kernel_olh = fit_linear(dataset, own)
        predictions = repeated_predictions(dataset, judged)
        predictions["linear"] = {"value": predict_linear(dataset, self._kernel_olh, judged)}
        return predictions


def repeated_predictions(
    dataset: SeriesDataset, judged: np.ndarray
) -> dict[str, dict[str, np.ndarray]]:
    """{"last", "seasonal" where a season is known: predictions for windows `judged`}.

    A season that begins before its series is the last value; where a value of the last season is
    missing, that of the season before it is repeated.
    """
    encoder = dataset.encoder
    now_n = dataset.starts[judged] + encoder.lookback
    last_no = dataset.values[now_n - 1, : encoder.n_targets]
    answers = {"last": np.repeat(last_no, encoder.horizon, axis=0)}
    if dataset.seasons is not None:
        answers["seasonal"] = _season_before(dataset, now_n, dataset.seasons)
    predictions = {}
    for name, values in answers.items():
        predictions[name] = {"value": values.reshape(len(judged), -1)}
    return predictions


def _season_before(dataset: SeriesDataset, now_n: np.ndarray, season_g: np.ndarray) -> np.ndarray:
    """The value [n, h, o] that is known whole seasons before each step from the rows `now_n` on.

    That of the row before `now_n` where the series begins later, or has no season.
    """
    encoder = dataset.encoder
    steps_h = np.arange(encoder.horizon)
    group_n = dataset.flat.groups_of(now_n - 1)
    first_n1 = dataset.flat.firsts[group_n][:, None]
    season_n1 = season_g[group_n][:, None]
    repeat_n1 = np.maximum(season_n1, 1)
    wanted_nh = now_n[:, None] + steps_h - repeat_n1 * (steps_h // repeat_n1 + 1)
    found = []
    for o in range(encoder.n_targets):
        rows_nh = wanted_nh
        if dataset.target_gaps is not None:
            is_gap_t = dataset.target_gaps[:, o]
            while (is_gap_nh := (rows_nh >= first_n1) & is_gap_t[rows_nh]).any():
                rows_nh = np.where(is_gap_nh, rows_nh - repeat_n1, rows_nh)
        rows_nh = np.where(rows_nh < first_n1, now_n[:, None] - 1, rows_nh)
        found.append(dataset.values[rows_nh, o])
    return np.stack(found, axis=-1)


def fit_linear(dataset: SeriesDataset, windows: np.ndarray) -> np.ndarray:
    """Kernels [o, l, h] of the linear baseline."""
    encoder = dataset.encoder
    n_targets = encoder.n_targets
    lookback = encoder.lookback
    horizon = encoder.horizon
    if dataset.target_gaps is not None:
        return np.stack([_fit_steps(dataset, windows, o) for o in range(n_targets)])
    gram_oll = np.zeros((n_targets, lookback, lookback))
    moment_olh = np.zeros((n_targets, lookback, horizon))
    for past_onl, future_onh, _, _ in _blocks(dataset, windows):
        gram_oll += past_onl.transpose(0, 2, 1) @ past_onl
        moment_olh += past_onl.transpose(0, 2, 1) @ future_onh
    return _solve_ridge(gram_oll, moment_olh, np.full(n_targets, len(windows)))


def _fit_steps(dataset: SeriesDataset, windows: np.ndarray, o: int) -> np.ndarray:
    """The kernel [l, h] of one target, each step fitted to the windows that know its value."""
    lookback = dataset.encoder.lookback
    horizon = dataset.encoder.horizon
    gram_hll = np.zeros((horizon, lookback, lookback))
    moment_hl = np.zeros((horizon, lookback))
    count_h = np.zeros(horizon)
    for past_onl, future_onh, _, _ in _blocks(dataset, windows):
        for h in range(horizon):
            is_known_n = ~np.isnan(future_onh[o, :, h])
            past_nl = past_onl[o, is_known_n]
            gram_hll[h] += past_nl.T @ past_nl
            moment_hl[h] += past_nl.T @ future_onh[o, is_known_n, h]
            count_h[h] += is_known_n.sum()
    return _solve_ridge(gram_hll, moment_hl[:, :, None], count_h)[:, :, 0].T


def _solve_ridge(gram_kll: np.ndarray, moment_klm: np.ndarray, count_k: np.ndarray) -> np.ndarray:
    """Kernels [k, l, m] of sums over `count_k` windows; zeros of a past that never moved."""
    lookback = gram_kll.shape[-1]
    mean_square_k = np.trace(gram_kll, axis1=1, axis2=2) / (lookback * np.maximum(count_k, 1))
    strength_k = RIDGE * np.where(mean_square_k > 0, mean_square_k, 1)
    return np.linalg.solve(gram_kll + strength_k[:, None, None] * np.eye(lookback), moment_klm)


def predict_linear(
    dataset: SeriesDataset, kernel_olh: np.ndarray, windows: np.ndarray
) -> np.ndarray:
    """Forecasts [n, h * o] in encoded units."""
    parts = []
    for past_onl, _, last_on1, scale_on1 in _blocks(dataset, windows):
        future_onh = (past_onl @ kernel_olh) * scale_on1 + last_on1
        parts.append(future_onh.transpose(1, 2, 0))
    return np.concatenate(parts).reshape(len(windows), -1)


def _blocks(
    dataset: SeriesDataset, windows: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """(lookback [o, n, l], horizon [o, n, h], last value, scale [o, n, 1]) of windows, in float64.

    The first two less the last value, in training deviations, those of the window's group where
    groups have scales of their own; these and the last value in encoded units. What is missing of
    the horizon is nan.
    """
    encoder = dataset.encoder
    lookback = encoder.lookback
    scale_no = dataset.target_scales(windows)
    for start in range(0, len(windows), BLOCK):
        scale_on1 = scale_no[start : start + BLOCK].T[:, :, None]
        begin_n1 = dataset.starts[windows[start : start + BLOCK]][:, None]
        rows_nt = begin_n1 + np.arange(lookback + encoder.horizon)
        window_nto = dataset.values[rows_nt][:, :, : encoder.n_targets].astype(np.float64)
        window_ont = np.moveaxis(window_nto, 2, 0)
        last_on1 = window_ont[:, :, lookback - 1, None]
        if dataset.target_gaps is not None:
            is_gap_nto = dataset.target_gaps[rows_nt]
            is_gap_nto[:, :lookback] = False
            window_ont[np.moveaxis(is_gap_nto, 2, 0)] = np.nan
        moved_ont = (window_ont - last_on1) / scale_on1
        yield moved_ont[:, :, :lookback], moved_ont[:, :, lookback:], last_on1, scale_on1
