"""Forecasts that few numbers tell, as maps of a lookback: what a map of few rows is held near.

Exponential smoothing with fixed weights (Brown, 1959), and the same of changes from season to
season (as ARIMA(0, 1, 1)(0, 1, 1) does; Box and Jenkins, 1970). Shapes: s values read, j steps
answered.
"""

from __future__ import annotations

import numpy as np

from train.data.series.dataset import SeriesDataset
from train.data.series.window_sizes import HORIZON, LOOKBACK, MIN_WINDOWS

FEW_ROWS = MIN_WINDOWS * (LOOKBACK + HORIZON)  # of the median series that train
# Of the newest value, or change; of each one before it by so much less.
SMOOTHED = (0.2, 0.5)


def prior_maps(shape: tuple[int, ...], season: int | None) -> list[np.ndarray]:
    """Maps of this shape [s, j], which forecast alike around any level, for each sums to 1.

    The last value, smoothed values; with a season that the lookback holds what was a season before,
    and where it holds more than one, this and the last, or smoothed, change from season to season.
    """
    n_read, n_answered = shape
    maps = [_of_all(_smoothing(n_read, share), n_answered) for share in (1.0, *SMOOTHED)]
    if season is None or season > n_read:
        return maps
    before_sj = np.zeros((n_read, n_answered))
    steps = np.arange(n_answered)
    before_sj[n_read - season + steps % season, steps] = 1
    maps.append(before_sj)
    n_changes = n_read - season
    if not n_changes:
        return maps
    for share in (1.0, *SMOOTHED):
        change_s = np.zeros(n_read)
        change_s[season:] += _smoothing(n_changes, share)
        change_s[:n_changes] -= _smoothing(n_changes, share)
        maps.append(before_sj + _of_all(change_s, n_answered))
    return maps


def _smoothing(n: int, share: float) -> np.ndarray:
    """Weights of n values, the newest last, that sum to 1."""
    weights = (1 - share) ** np.arange(n)[::-1]
    return weights / weights.sum()


def _of_all(weights_s: np.ndarray, n_answered: int) -> np.ndarray:
    return np.repeat(weights_s[:, None], n_answered, axis=1)


def few_rows(dataset: SeriesDataset) -> bool:
    """Whether few rows of each series train."""
    begins_g, ends_g = _training_rows(dataset)
    return float(np.median(ends_g - begins_g)) < FEW_ROWS


def halves(dataset: SeriesDataset) -> tuple[np.ndarray, np.ndarray]:
    """The training windows in the older half of their series, and those that answer the newer."""
    windows = dataset.splits["train"]
    begins_g, ends_g = _training_rows(dataset)
    middle_g = begins_g + (ends_g - begins_g) // 2
    starts_n = dataset.starts[windows]
    middle_n = middle_g[_numbered(dataset.flat.groups_of(starts_n))]
    now_n = starts_n + dataset.encoder.lookback
    is_older_n = now_n + dataset.encoder.horizon <= middle_n
    return windows[is_older_n], windows[now_n >= middle_n]


def common_season(dataset: SeriesDataset) -> int | None:
    """After how many rows all series repeat; None where they do not, or not alike."""
    season_g = dataset.seasons
    if season_g is None or len(np.unique(season_g)) > 1:
        return None
    return int(season_g[0]) or None


def _training_rows(dataset: SeriesDataset) -> tuple[np.ndarray, np.ndarray]:
    """The first row, and that behind the last, of each series that has training windows."""
    starts_n = dataset.starts[dataset.splits["train"]]
    number_n = _numbered(dataset.flat.groups_of(starts_n))
    begins_g = np.full(number_n.max() + 1, np.iinfo(np.int64).max)
    ends_g = np.zeros(len(begins_g), np.int64)
    np.minimum.at(begins_g, number_n, starts_n)
    np.maximum.at(ends_g, number_n, starts_n + dataset.encoder.lookback + dataset.encoder.horizon)
    return begins_g, ends_g


def _numbered(group_n: np.ndarray) -> np.ndarray:
    """Groups by their number among those that there are."""
    return np.unique(group_n, return_inverse=True)[1]
