"""Errors of forecasts in no unit: MASE, RMSSE, sMAPE, MAPE and WAPE, of windows taken together.

An error is told in terms of how much its series changes from one season to the next, or of the
values themselves. n windows, h steps of the horizon, o targets, k keys that windows are taken
together by.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

from train.data.series.encoder import SeriesEncoder
from train.evaluation.metrics.seasonal_scales import Scales

Arrays = Mapping[str, np.ndarray]
Totals: TypeAlias = Mapping[str, np.ndarray]  # sums [k, o] over what has the same key

SCALE_FREE = ("mase", "rmsse", "smape", "mape", "wape")
UNITLESS = (*SCALE_FREE, "coverage")  # have a mean over targets


class Ends(NamedTuple):
    """The ends of intervals [n, h, o], in raw units."""

    low: np.ndarray
    high: np.ndarray


class Cells(NamedTuple):
    """What each step of each window adds to sums [n, h, o], in raw units; 0 where it is not known.

    Whether it is `known`, its `absolute` error, the `size` of its value, the `share` of that that
    the error is, whether it `has_share`, not being 0, and the `symmetric` share. Of intervals
    whether they hold it, `within`, and their `width`.
    """

    known: np.ndarray
    absolute: np.ndarray
    size: np.ndarray
    share: np.ndarray
    has_share: np.ndarray
    symmetric: np.ndarray
    within: np.ndarray | None = None
    width: np.ndarray | None = None


class Errors(NamedTuple):
    """Sums of cells over the steps of each window, or over the windows of each step [n, o].

    `squared` is that of squared errors; `mase` and `rmsse` are those of the window, or the means of
    the step, nan where none is defined.
    """

    cells: Cells
    squared: np.ndarray
    mase: np.ndarray
    rmsse: np.ndarray


def scale_free_metrics(
    encoder: SeriesEncoder, predictions: Arrays, targets: Arrays, scales: Scales
) -> dict[str, float]:
    """mase, rmsse, smape, mape and wape of the forecasts of some windows, over all steps.

    `predictions` and `targets` {"value": [n, h * o]} in encoded units, `scales` those of these
    windows. With several targets their means under plain names, and "TARGET.mase" and so on.
    """
    errors = by_window(cells_of(*raw_pair(encoder, predictions, targets)), scales)
    return scale_free_of(encoder, totals_of_all(errors))


def scale_free_of(encoder: SeriesEncoder, totals: Totals) -> dict[str, float]:
    """The metrics of `scale_free_metrics`, by the totals of all windows."""
    found = metrics_of(totals)
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


def cells_of(prediction_nho: np.ndarray, target_nho: np.ndarray, ends: Ends | None = None) -> Cells:
    """What each step of each window adds; a target that is nan is missing, and adds nothing."""
    is_known = ~np.isnan(target_nho)
    error = np.where(is_known, np.abs(prediction_nho - target_nho), 0)
    size = np.where(is_known, np.abs(target_nho), 0)
    both = np.where(is_known, np.abs(prediction_nho), 0) + size
    within = width = None
    if ends is not None:
        within = (ends.low <= target_nho) & (target_nho <= ends.high)
        width = np.where(is_known, ends.high - ends.low, 0)
    return Cells(
        known=is_known,
        absolute=error,
        size=size,
        share=np.divide(error, size, out=np.zeros_like(error), where=size > 0),
        has_share=size > 0,
        symmetric=np.divide(2 * error, both, out=np.zeros_like(error), where=both != 0),
        within=within,
        width=width,
    )


def by_window(cells: Cells, scales: Scales) -> Errors:
    """The sums of each window [n, o]."""
    sums = _summed(cells, axis=1)
    squared = np.square(cells.absolute).sum(axis=1)
    steps = np.where(sums.known > 0, sums.known, np.nan)
    mase = sums.absolute / steps / scales.absolute
    return Errors(sums, squared, mase, np.sqrt(squared / steps / scales.squared))


def join_errors(parts: Sequence[Errors]) -> Errors:
    """The sums of the windows of all parts, one after the other."""
    joined = []
    for values in zip(*(part.cells for part in parts), strict=True):
        joined.append(None if values[0] is None else np.concatenate(values))
    rest = [np.concatenate(values) for values in zip(*(part[1:] for part in parts), strict=True)]
    return Errors(Cells(*joined), *rest)


def add_totals(one: Totals, other: Totals) -> Totals:
    """The totals of both; either may have none yet."""
    if not one or not other:
        return other or one
    return {name: total_ko + other[name] for name, total_ko in one.items()}


def by_step(cells: Cells, scales: Scales) -> Errors:
    """The sums of each step [h, o]."""
    squared = np.square(cells.absolute).sum(axis=0)
    scaled = []
    for scale_no in (scales.absolute, np.sqrt(scales.squared)):
        is_defined = cells.known & ~np.isnan(scale_no)[:, None]
        total = np.where(is_defined, cells.absolute / scale_no[:, None], 0).sum(axis=0)
        count = is_defined.sum(axis=0)
        scaled.append(total / np.where(count > 0, count, np.nan))
    return Errors(_summed(cells, axis=0), squared, *scaled)


def _summed(cells: Cells, axis: int) -> Cells:
    sums = []
    for values in cells:
        sums.append(None if values is None else values.sum(axis=axis, dtype=np.float64))
    return Cells(*sums)


def metrics_by(errors: Errors, key_n: np.ndarray, n_keys: int) -> dict[str, np.ndarray]:
    """The metrics [k, o] of windows (or steps) with the same key, 0 to `n_keys` - 1; nan of none.

    mae, rmse and wape are of all known steps together, smape and mape means over these, mase and
    rmsse means over windows.
    """
    return metrics_of(totals_by(errors, key_n, n_keys))


def totals_of_all(errors: Errors) -> Totals:
    """The totals of all windows together, whose key is 0."""
    return totals_by(errors, np.zeros(len(errors.squared), np.int64), 1)


def totals_by(errors: Errors, key_n: np.ndarray, n_keys: int) -> Totals:
    """What `metrics_of` tells the metrics by: sums over windows (or steps) with the same key."""

    def total(values_no: np.ndarray) -> np.ndarray:
        sums = [np.bincount(key_n, column, n_keys) for column in values_no.T]
        return np.stack(sums, axis=1)

    found = {}
    for name, values_no in errors.cells._asdict().items():
        if values_no is not None:
            found[name] = total(values_no)
    found["squared"] = total(errors.squared)
    for name, values_no in (("mase", errors.mase), ("rmsse", errors.rmsse)):
        is_known = ~np.isnan(values_no)
        found[name] = total(np.where(is_known, values_no, 0))
        found[f"has_{name}"] = total(is_known.astype(np.float64))
    return found


def metrics_of(totals: Totals) -> dict[str, np.ndarray]:
    """The metrics of `metrics_by`."""

    def ratio(over: str, under: str) -> np.ndarray:
        under_ko = totals[under]
        return totals[over] / np.where(under_ko > 0, under_ko, np.nan)

    found = {
        "mae": ratio("absolute", "known"),
        "rmse": np.sqrt(ratio("squared", "known")),
        "mase": ratio("mase", "has_mase"),
        "rmsse": ratio("rmsse", "has_rmsse"),
        "smape": ratio("symmetric", "known"),
        "mape": ratio("share", "has_share"),
        "wape": ratio("absolute", "size"),
    }
    if "within" in totals:
        found["coverage"] = ratio("within", "known")
        found["width"] = ratio("width", "known")
    return found


def by_name(metrics: Arrays, targets: Sequence[str]) -> dict[str, np.ndarray]:
    """{metric: [..., o]} as {"mase": [...]}, of several targets their means, then "TARGET.mase".

    Only what has no unit has a mean over targets.
    """
    if len(targets) == 1:
        return {name: values[..., 0] for name, values in metrics.items()}
    found = {}
    for name, values in metrics.items():
        if name in UNITLESS:
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
