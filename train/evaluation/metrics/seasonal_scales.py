"""How much series change from season to season, by which errors of forecasts are told.

Over all rows before the forecast (Hyndman & Koehler 2006). n and m windows, o targets, t rows of a
group.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from train.data.dataset import Dataset
from train.data.series.dataset import SeriesDataset


class Scales(NamedTuple):
    """The mean change from season to season before each window, and its mean square [n, o].

    Both in raw units; nan where a series has not moved before the window.
    """

    absolute: np.ndarray
    squared: np.ndarray


def scales_of(dataset: Dataset, rows: np.ndarray) -> Scales | None:
    """The scales of these rows where they are windows of series; None of other kinds of data."""
    return seasonal_scales(dataset, rows) if isinstance(dataset, SeriesDataset) else None


def seasonal_scales(dataset: SeriesDataset, windows: np.ndarray) -> Scales:
    """How much each window's series changes from season to season before it, where it is known.

    Steps from row to row take the place of seasons where a series has none, or less than two of
    them before the window.
    """
    encoder = dataset.encoder
    flat = dataset.flat
    now_n = dataset.starts[windows] + encoder.lookback
    group_n = flat.groups_of(now_n - 1)
    season_g = dataset.seasons
    targets_to = dataset.targets
    absolute_no = np.empty((len(windows), encoder.n_targets))
    squared_no = np.empty_like(absolute_no)
    order = np.argsort(group_n, kind="stable")
    groups, begins = np.unique(group_n[order], return_index=True)
    for g, chosen in zip(groups, np.split(order, begins[1:]), strict=True):
        first = flat.firsts[g]
        place_m = now_n[chosen] - first
        rows = slice(first, first + int(place_m.max()))
        season = 1 if season_g is None else max(int(season_g[g]), 1)
        for o, column in enumerate(encoder.targets):
            values_t = targets_to[rows, o].astype(np.float64) * column.unit
            absolute_no[chosen, o], squared_no[chosen, o] = _changes(values_t, season, place_m)
    return Scales(absolute_no, squared_no)


def _changes(
    values_t: np.ndarray, season: int, place_m: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mean absolute and mean squared change over a season among the first `place_m` values [m]."""
    absolute_m, squared_m = _means(values_t, season, place_m)
    lacks_m = np.isnan(absolute_m)
    if season > 1 and lacks_m.any():
        by_step = _means(values_t, 1, place_m)
        absolute_m = np.where(lacks_m, by_step[0], absolute_m)
        squared_m = np.where(lacks_m, by_step[1], squared_m)
    absolute_m[absolute_m == 0] = np.nan
    squared_m[squared_m == 0] = np.nan
    return absolute_m, squared_m


def _means(values_t: np.ndarray, lag: int, place_m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean absolute and squared changes over `lag` steps [m]; nan where none is known."""
    change_t = np.abs(values_t[lag:] - values_t[:-lag])
    is_known_t = ~np.isnan(change_t)
    change_t = np.where(is_known_t, change_t, 0)
    n_m = np.maximum(place_m - lag, 0)
    count_m = _first(is_known_t.astype(np.float64), n_m)
    divisor_m = np.where(count_m > 0, count_m, np.nan)
    return _first(change_t, n_m) / divisor_m, _first(change_t**2, n_m) / divisor_m


def _first(values_t: np.ndarray, n_m: np.ndarray) -> np.ndarray:
    """The sums of the first `n_m` values [m]."""
    return np.concatenate([[0.0], np.cumsum(values_t)])[n_m]
