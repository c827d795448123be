"""Means and deviations of a series' columns, by which the network scales.

t flat rows, c columns of the flat array, g groups.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from train.data.dataset import HostArrays
from train.data.series.flat import Flat
from train.data.series.scales import (
    Levels,
    group_errors,
    group_levels,
    in_logs,
    level_tables,
    levels_at,
    mean_changes,
    robust_levels,
)
from train.data.series.schema import SeriesSchema

if TYPE_CHECKING:
    from nets.base import Statistics


class ScaledRows(NamedTuple):
    """The rows of all groups as the network takes them, and which of them training covers."""

    flat: Flat
    logs_tc: np.ndarray
    gaps_tc: np.ndarray | None
    covered_t: np.ndarray


class GroupStatistics(NamedTuple):
    """What the training rows of each of some groups tell.

    `levels` {number of a column with scales of groups: mean and deviation in each}, nan of a group
    without a value; `change_go` [g, o], the mean size of seasonal changes of targets, nan where
    there are none.
    """

    levels: Mapping[int, Levels]
    change_go: np.ndarray


def fit_statistics(
    schema: SeriesSchema,
    flat: Flat,
    values_tc: np.ndarray,
    gaps_tc: np.ndarray | None,
    covered_t: np.ndarray,
    seasons_g: np.ndarray | None = None,
) -> Statistics:
    """{"inputs": {"center", "scale" [c]}}, mean and deviation over the rows `covered_t`.

    Of columns that are read as asinh these are median and deviation by `robust_levels`. Values that
    are missing there count for nothing. Marks and calendar features, which lie between
    -1 and 1, are left as they are. Where columns have scales of their groups, those of each,
    "group_center" and "group_scale" [g, c], stand beside them, and how large the errors of
    repeating the last season are, "group_error" [g, o], usually "error_ratio" [o] of the scale;
    where `seasons_g` has none, those of repeating the last value.
    """
    rows = ScaledRows(flat, values_in_logs(schema, values_tc), gaps_tc, covered_t)
    shared = _shared_levels(schema, rows)
    found = {
        "center": shared.mean.astype(np.float32),
        "scale": shared.deviation.astype(np.float32),
    }
    if schema.has_group_scales:
        found |= group_statistics(schema, fit_groups(schema, rows, seasons_g, shared), shared)
    return {"inputs": found}


def fit_groups(
    schema: SeriesSchema, rows: ScaledRows, seasons_g: np.ndarray | None, shared: Levels
) -> GroupStatistics:
    """What these rows tell of each of the groups of the schema; by the `shared` levels of others.

    Columns that are read as asinh change by how far their scaled values do.
    """
    n_groups = len(schema.groups)
    found = _group_levels(schema, rows)
    levels = level_tables(_by_place(schema, found), n_groups, shared)
    changes_to = _seasonal_changes(schema, rows, seasons_g, levels)
    group_t = rows.flat.per_row(_numbers(schema, rows.flat))
    return GroupStatistics(found, mean_changes(changes_to, group_t, n_groups))


def group_statistics(schema: SeriesSchema, found: GroupStatistics, shared: Levels) -> HostArrays:
    """{"group_center", "group_scale" [g, c], "group_error" [g, o], "error_ratio" [o]}."""
    levels = level_tables(_by_place(schema, found.levels), len(schema.groups), shared)
    errors = group_errors(found.change_go, levels.deviation[:, : schema.n_targets])
    return {
        "group_center": levels.mean.astype(np.float32),
        "group_scale": levels.deviation.astype(np.float32),
        "group_error": errors.of_group.astype(np.float32),
        "error_ratio": errors.ratio.astype(np.float32),
    }


def _by_place(schema: SeriesSchema, levels: Mapping[int, Levels]) -> dict[int, Levels]:
    """Levels by where their columns stand in the flat array."""
    places = schema.places.tolist()
    return {places[i]: found for i, found in levels.items()}


def target_deviations(
    schema: SeriesSchema,
    flat: Flat,
    values_tc: np.ndarray,
    gaps_tc: np.ndarray | None,
    covered_t: np.ndarray,
) -> np.ndarray:
    """The deviation of each target in the rows `covered_t` of each group, in raw units [g, o].

    Of a group that never moves the size of its value, 1 where that is 0 too.
    """
    group_t = flat.per_row(np.arange(len(flat.sizes)))
    scales = []
    for o, column in enumerate(schema.targets):
        known_t = covered_t if gaps_tc is None else covered_t & ~gaps_tc[:, o]
        values_n = values_tc[known_t, o].astype(np.float64) * column.unit + column.shift
        levels = group_levels(values_n, group_t[known_t], len(flat.sizes))
        size_g = np.where(levels.is_flat, np.abs(levels.mean), levels.deviation)
        scales.append(np.where(size_g > 0, size_g, 1.0))
    return np.stack(scales, axis=1)


def with_new_groups(kept: Statistics, fitted: Statistics) -> Statistics:
    """Statistics of earlier rows, with the scales of groups that only the `fitted` ones have."""
    inputs: HostArrays = dict(kept["inputs"])
    for name in ("group_center", "group_scale", "group_error"):
        if name in inputs:
            old = np.asarray(inputs[name])
            inputs[name] = np.concatenate([old, fitted["inputs"][name][len(old) :]])
    return {**kept, "inputs": inputs}


def values_in_logs(schema: SeriesSchema, values_tc: np.ndarray) -> np.ndarray:
    """The values as the network takes them, logarithms where there are."""
    if not any(column.log for column in schema.columns):
        return values_tc
    logs_tc = values_tc.copy()
    for column, place in zip(schema.columns, schema.places, strict=True):
        logs_tc[:, place] = in_logs(values_tc[:, place], column.log)
    return logs_tc


def _shared_levels(schema: SeriesSchema, rows: ScaledRows) -> Levels:
    """Mean and deviation [c] of covered rows, 1 where there is no spread; 0 and 1 of features."""
    wide_tc = rows.logs_tc[rows.covered_t].astype(np.float64)
    whole = Levels(wide_tc.mean(0), wide_tc.std(0))
    found = Levels(np.zeros_like(whole.mean), np.ones_like(whole.deviation))
    for i, (column, place) in enumerate(zip(schema.columns, schema.places, strict=True)):
        known_t = _known_values(rows, wide_tc[:, place], i)
        if column.log == "asinh":
            robust = robust_levels(known_t, np.zeros(len(known_t), np.int64), 1)
            mean, deviation = robust.mean[0], robust.deviation[0]
        elif len(known_t) < len(wide_tc):
            mean, deviation = known_t.mean(), known_t.std()
        else:
            mean, deviation = whole.mean[place], whole.deviation[place]
        found.mean[place] = mean
        # The deviation of equal numbers may differ from 0 in its last bit, so "no spread" is asked
        # of the range.
        found.deviation[place] = 1 if np.ptp(known_t) == 0 else deviation
    return found


def _known_values(rows: ScaledRows, values_t: np.ndarray, i: int) -> np.ndarray:
    """Values of the i-th column in covered rows, without missing ones; all where none is known."""
    if rows.gaps_tc is None:
        return values_t
    is_known_t = ~rows.gaps_tc[rows.covered_t, i]
    return values_t[is_known_t] if is_known_t.any() else values_t


def _asinh_places(schema: SeriesSchema) -> list[int]:
    """Where columns that are read as asinh stand in the flat array."""
    is_asinh = np.array([column.log == "asinh" for column in schema.columns])
    return schema.places[is_asinh].tolist()


def _numbers(schema: SeriesSchema, flat: Flat) -> np.ndarray:
    """The numbers of groups that have names [g]."""
    numbers_g = schema.numbers_of(flat)
    assert numbers_g is not None
    return numbers_g


def _seasonal_changes(
    schema: SeriesSchema, rows: ScaledRows, seasons_g: np.ndarray | None, levels: Levels
) -> np.ndarray:
    """How far each target is from where it was a season before [t, o]; nan where not known.

    Of one that is read as asinh, the scale of its group times how far that of scaled values is.
    """
    flat, logs_tc, gaps_tc, covered_t = rows
    lag_g = np.ones(len(flat.sizes), np.int64) if seasons_g is None else np.maximum(seasons_g, 1)
    lag_t = flat.per_row(lag_g)
    before_t = np.maximum(np.arange(len(lag_t)) - lag_t, 0)
    is_known_t = covered_t & covered_t[before_t] & (flat.places >= lag_t)
    targets_to = logs_tc[:, : schema.n_targets].astype(np.float64)
    group_t = flat.per_row(_numbers(schema, flat))
    for place in _asinh_places(schema):
        if place < schema.n_targets:
            center_t = levels.mean[group_t, place]
            scale_t = levels.deviation[group_t, place]
            with np.errstate(invalid="ignore", divide="ignore"):
                asinh_t = np.arcsinh((targets_to[:, place] - center_t) / scale_t)
            targets_to[:, place] = scale_t * asinh_t
    if gaps_tc is not None:
        targets_to[gaps_tc[:, : schema.n_targets]] = np.nan
    changes_to = np.abs(targets_to - targets_to[before_t])
    changes_to[~is_known_t] = np.nan
    return changes_to


def _group_levels(schema: SeriesSchema, rows: ScaledRows) -> dict[int, Levels]:
    """{column with scales of groups: mean and deviation of each in the rows that are covered}.

    Of a group without any, in what its first window looks back on, which is never forecast.
    """
    flat, logs_tc, gaps_tc, covered_t = rows
    group_t = flat.per_row(_numbers(schema, flat))
    lacks_t = ~np.isin(group_t, np.unique(group_t[covered_t]))
    covered_t = covered_t | (lacks_t & (flat.places < schema.lookback))
    covered_t &= group_t >= 0
    known_tc = np.ones((int(covered_t.sum()), logs_tc.shape[1]), bool)
    if gaps_tc is not None:
        known_tc[:, schema.places] = ~gaps_tc[covered_t]
    numbers = {}
    for i, (column, place) in enumerate(zip(schema.columns, schema.places.tolist(), strict=True)):
        if column.by_group:
            numbers[place] = i
    found = levels_at(
        logs_tc[covered_t],
        known_tc,
        group_t[covered_t],
        len(schema.groups),
        list(numbers),
        _asinh_places(schema),
    )
    return {numbers[place]: levels for place, levels in found.items()}
