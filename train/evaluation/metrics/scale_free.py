"""Errors of forecasts in no unit: MASE, RMSSE, sMAPE, MAPE and WAPE, of windows taken together.

An error is told in terms of how much its series changes from one season to the next, over all rows
before the forecast (Hyndman & Koehler 2006), or of the values themselves. n windows, h steps of the
horizon, o targets, k keys that windows are taken together by, t rows of a group.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from train.data.series.dataset import SeriesDataset
from train.data.series.encoder import SeriesEncoder

Arrays = Mapping[str, np.ndarray]

SCALE_FREE = ("mase", "rmsse", "smape", "mape", "wape")
OF_NO_UNIT = (*SCALE_FREE, "coverage")  # have a mean over targets


class Scales(NamedTuple):
    """The mean change from season to season before each window, and its mean square [n, o].

    Both in raw units; nan where a series has not moved before the window.
    """

    absolute: np.ndarray
    squared: np.ndarray


class Errors(NamedTuple):
    """Sums over the known steps of each window [n, o], in raw units.

    `known` steps, `absolute` and `squared` errors, the `size` of the values, `shares` of it that
    errors are, over `n_shares` values that are not 0, `symmetric` shares; `mase` and `rmsse` of the
    window, nan where none is defined. Of intervals the steps `within`, and the `width`s.
    """

    known: np.ndarray
    absolute: np.ndarray
    squared: np.ndarray
    size: np.ndarray
    shares: np.ndarray
    n_shares: np.ndarray
    symmetric: np.ndarray
    mase: np.ndarray
    rmsse: np.ndarray
    within: np.ndarray | None = None
    width: np.ndarray | None = None


def scale_free_metrics(
    dataset: SeriesDataset, windows: np.ndarray, predictions: Arrays, targets: Arrays
) -> dict[str, float]:
    """mase, rmsse, smape, mape and wape of the forecasts of some windows, over all steps.

    `predictions` and `targets` {"value": [n, h * o]} in encoded units. With several targets their
    means under plain names, and "TARGET.mase" and so on.
    """
    encoder = dataset.encoder
    scales = seasonal_scales(dataset, windows)
    errors = errors_of(*raw_pair(encoder, predictions, targets), scales)
    together = np.zeros(len(windows), np.int64)
    found = metrics_by(errors, together, 1)
    names = [column.name for column in encoder.targets]
    metrics = by_name({name: found[name][0] for name in SCALE_FREE}, names)
    return {name: float(value) for name, value in metrics.items()}


def raw_pair(
    encoder: SeriesEncoder, predictions: Arrays, targets: Arrays
) -> tuple[np.ndarray, np.ndarray]:
    """Predictions and targets [n, h, o] in raw units."""
    shape = (-1, encoder.horizon, encoder.n_targets)
    raw = []
    for arrays in (predictions, targets):
        raw.append(encoder.to_units({"value": arrays["value"]})["value"].reshape(shape))
    return raw[0], raw[1]


def seasonal_scales(dataset: SeriesDataset, windows: np.ndarray) -> Scales:
    """How much each window's series changes from season to season before it, where it is known.

    Steps from row to row take the place of seasons where a series has none, or less than two of
    them before the window.
    """
    encoder = dataset.encoder
    flat = dataset.flat
    now_n = dataset.starts[windows] + encoder.lookback
    group_n = np.searchsorted(flat.firsts, now_n - 1, side="right") - 1
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
    """The same over `lag` steps; nan where no change is known."""
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


class Ends(NamedTuple):
    """The ends of intervals [n, h, o], in raw units."""

    low: np.ndarray
    high: np.ndarray


def errors_of(
    prediction_nho: np.ndarray, target_nho: np.ndarray, scales: Scales, ends: Ends | None = None
) -> Errors:
    """The sums of each window; a target that is nan is missing, and counts for nothing."""
    within = width = None
    if ends is not None:
        within = ((ends.low <= target_nho) & (target_nho <= ends.high)).sum(axis=1)
        width = np.where(np.isnan(target_nho), 0, ends.high - ends.low).sum(axis=1)
    is_known = ~np.isnan(target_nho)
    error = np.where(is_known, np.abs(prediction_nho - target_nho), 0)
    size = np.where(is_known, np.abs(target_nho), 0)
    both = np.where(is_known, np.abs(prediction_nho), 0) + size
    known = is_known.sum(axis=1).astype(np.float64)
    absolute = error.sum(axis=1)
    squared = np.square(error).sum(axis=1)
    steps = np.where(known > 0, known, np.nan)
    return Errors(
        known=known,
        absolute=absolute,
        squared=squared,
        size=size.sum(axis=1),
        shares=np.divide(error, size, out=np.zeros_like(error), where=size > 0).sum(axis=1),
        n_shares=(size > 0).sum(axis=1).astype(np.float64),
        symmetric=np.divide(2 * error, both, out=np.zeros_like(error), where=both != 0).sum(axis=1),
        mase=absolute / steps / scales.absolute,
        rmsse=np.sqrt(squared / steps / scales.squared),
        within=within,
        width=width,
    )


def errors_by_step(
    prediction_nho: np.ndarray, target_nho: np.ndarray, scales: Scales, ends: Ends | None = None
) -> tuple[Errors, np.ndarray]:
    """The sums of each step as if it were a window [n * h, o], and the place of that step."""
    n, horizon, n_targets = target_nho.shape
    shape = (n * horizon, 1, n_targets)
    repeated = Scales(*(np.repeat(scale, horizon, axis=0) for scale in scales))
    if ends is not None:
        ends = Ends(ends.low.reshape(shape), ends.high.reshape(shape))
    errors = errors_of(prediction_nho.reshape(shape), target_nho.reshape(shape), repeated, ends)
    return errors, np.tile(np.arange(horizon), n)


def metrics_by(errors: Errors, key_n: np.ndarray, n_keys: int) -> dict[str, np.ndarray]:
    """The metrics [k, o] of windows with the same key, of 0 to `n_keys` - 1; nan of none.

    mae, rmse and wape are of all known steps together, smape and mape means over these, mase and
    rmsse means over windows.
    """

    def total(values_no: np.ndarray) -> np.ndarray:
        sums = [np.bincount(key_n, column, n_keys) for column in values_no.T]
        return np.stack(sums, axis=1)

    def ratio(over_no: np.ndarray, under_no: np.ndarray) -> np.ndarray:
        under = total(under_no)
        return total(over_no) / np.where(under > 0, under, np.nan)

    def mean(values_no: np.ndarray) -> np.ndarray:
        is_known = ~np.isnan(values_no)
        return ratio(np.where(is_known, values_no, 0), is_known.astype(np.float64))

    found = {
        "mae": ratio(errors.absolute, errors.known),
        "rmse": np.sqrt(ratio(errors.squared, errors.known)),
        "mase": mean(errors.mase),
        "rmsse": mean(errors.rmsse),
        "smape": ratio(errors.symmetric, errors.known),
        "mape": ratio(errors.shares, errors.n_shares),
        "wape": ratio(errors.absolute, errors.size),
    }
    if errors.within is not None and errors.width is not None:
        found["coverage"] = ratio(errors.within, errors.known)
        found["width"] = ratio(errors.width, errors.known)
    return found


def by_name(metrics: Arrays, targets: Sequence[str]) -> dict[str, np.ndarray]:
    """{metric: [..., o]} as {"mase": [...]}, of several targets their means, then "TARGET.mase".

    Only what has no unit has a mean over targets.
    """
    if len(targets) == 1:
        return {name: values[..., 0] for name, values in metrics.items()}
    found = {}
    for name, values in metrics.items():
        if name in OF_NO_UNIT:
            found[name] = _mean_over_targets(values)
    for o, target in enumerate(targets):
        for name, values in metrics.items():
            found[f"{target}.{name}"] = values[..., o]
    return found


def _mean_over_targets(values_ko: np.ndarray) -> np.ndarray:
    """The mean of the values that are defined, nan of none."""
    is_known = ~np.isnan(values_ko)
    count = is_known.sum(axis=-1)
    total = np.where(is_known, values_ko, 0).sum(axis=-1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
