"""What stands for values that are missing at the start of a series, in encoded units.

Shapes: t flat rows, g groups, c columns, s of these those with scales of their groups.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from train.data.series.columns import SeriesColumn, medians
from train.data.series.flat import Flat


def own_columns(columns: Sequence[SeriesColumn]) -> list[int]:
    """The columns that have scales of their groups."""
    return [i for i, column in enumerate(columns) if column.by_group]


def group_fills(
    values_tc: np.ndarray, columns: Sequence[SeriesColumn], flat: Flat, is_train_t: np.ndarray
) -> tuple[tuple[float, ...], ...]:
    """The median of each group's training rows in the columns with scales of their own [g, s].

    That of all training rows where a group has no value; () where no column has such scales: at
    the scale of a group of small numbers the median of all would lie far from all of its values.
    """
    own = own_columns(columns)
    if not own:
        return ()
    group_t = np.repeat(np.arange(len(flat.sizes)), flat.sizes)
    fills_gs = np.tile(medians(columns)[own], (len(flat.sizes), 1))
    for place, i in enumerate(own):
        is_known_t = is_train_t & ~np.isnan(values_tc[:, i])
        found_g = _medians_of(values_tc[is_known_t, i], group_t[is_known_t], len(flat.sizes))
        fills_gs[:, place] = np.where(np.isnan(found_g), fills_gs[:, place], found_g)
    return tuple(tuple(map(float, fills_s)) for fills_s in fills_gs)


def _medians_of(value_n: np.ndarray, group_n: np.ndarray, n_groups: int) -> np.ndarray:
    """The median of each group's values [g], nan of a group without one."""
    sorted_n = value_n[np.lexsort((value_n, group_n))]
    count_g = np.bincount(group_n, minlength=n_groups)
    first_g = np.cumsum(count_g) - count_g
    has_g = count_g > 0
    median_g = np.full(n_groups, np.nan)
    low_g = sorted_n[(first_g + (count_g - 1) // 2)[has_g]]
    median_g[has_g] = (low_g + sorted_n[(first_g + count_g // 2)[has_g]]) / 2
    return median_g


def fill_gaps(values_tc: np.ndarray, fills_gc: np.ndarray, flat: Flat) -> np.ndarray:
    """Values with gaps filled by the row before, or where none is by what stands for them."""
    is_gap_tc = np.isnan(values_tc)
    first_t1 = flat.per_row(flat.firsts)[:, None]
    last_tc = np.where(is_gap_tc, first_t1, np.arange(len(values_tc))[:, None])
    filled_tc = np.take_along_axis(values_tc, np.maximum.accumulate(last_tc, axis=0), axis=0)
    return with_fills(filled_tc, np.isnan(filled_tc), fills_gc, flat)


def with_fills(
    values_tc: np.ndarray, is_blank_tc: np.ndarray, fills_gc: np.ndarray, flat: Flat
) -> np.ndarray:
    """The values with what stands for missing ones in the cells that are blank."""
    t, c = np.nonzero(is_blank_tc)
    if len(t):
        values_tc = values_tc.copy()
        values_tc[t, c] = fills_gc[flat.groups_of(t), c]
    return values_tc
