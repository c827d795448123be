"""Scales of the groups of a series: which columns have their own, and what these are.

t flat rows, n values, g groups, c columns of the flat array.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from train.config.data_options import Series, columns_by_log
from train.data.number_words import counted
from train.data.series.columns import SeriesColumn

FACTOR = 3.0  # between deviations of groups, beyond which each has scales of its own,
LEVELS = 10.0  # or deviations within groups that their means lie apart
MIDDLE = (0.05, 0.95)  # of the groups that are compared, so that an odd one decides nothing
FLAT = 1e-12  # a deviation below this share of the mean is none
FINE = 1e-5  # a deviation below this share of the mean loses digits in single precision
NORMAL = 1.4826  # deviations of a normal distribution in the median distance from its median
MIN_ERROR = 0.1  # of what is usual of groups: one that repeats itself exactly may yet change
SHOWN = 3  # columns that a line names


class Levels(NamedTuple):
    """Mean and deviation of each group [g]; nan of one without values.

    Of a column that is read as asinh the median, and what a normal distribution with the same
    median distance from it would deviate; where most values are equal, the deviation all the same.
    """

    mean: np.ndarray
    deviation: np.ndarray

    @property
    def is_flat(self) -> np.ndarray:
        """Which groups hold one number over and over."""
        return self.deviation <= FLAT * np.abs(self.mean)


class ScaleSpread(NamedTuple):
    """How far the scales of groups lie apart: the factor between their deviations, and levels."""

    factor: float
    levels: float

    @property
    def is_far(self) -> bool:
        """Whether one scale does not fit them all."""
        return self.factor > FACTOR or self.levels > LEVELS


def in_logs(values: np.ndarray, log: str) -> np.ndarray:
    """Raw numbers as the network scales them: logarithms where there are."""
    if log in ("", "asinh"):
        return values
    if log == "log1p":
        return np.log1p(values)
    return np.sign(values) * np.log1p(np.abs(values))


def log_of(name: str, options: Series) -> str:
    """The logarithm, or "asinh", that a column is read by; "" for none."""
    for log, names in columns_by_log(options).items():
        if name in names:
            return log
    return ""


def group_levels(values_n: np.ndarray, group_n: np.ndarray, n_groups: int) -> Levels:
    """Mean and deviation of the values of each group, in two passes."""
    wide_n = values_n.astype(np.float64)
    count_g = np.bincount(group_n, minlength=n_groups)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean_g = np.bincount(group_n, wide_n, n_groups) / count_g
        square_n = np.square(wide_n - mean_g[group_n])
        deviation_g = np.sqrt(np.bincount(group_n, square_n, n_groups) / count_g)
    return Levels(mean_g, deviation_g)


def robust_levels(values_n: np.ndarray, group_n: np.ndarray, n_groups: int) -> Levels:
    """The medians of the values of each group, and deviations that outliers do not stretch."""
    wide_n = values_n.astype(np.float64)
    median_g = np.full(n_groups, np.nan)
    deviation_g = group_levels(values_n, group_n, n_groups).deviation
    order = np.argsort(group_n, kind="stable")
    names, firsts = np.unique(group_n[order], return_index=True)
    for g, own_n in zip(names.tolist(), np.split(wide_n[order], firsts[1:]), strict=True):
        median_g[g] = np.median(own_n)
        distance = float(np.median(np.abs(own_n - median_g[g])))
        if distance > FLAT * abs(median_g[g]):
            deviation_g[g] = NORMAL * distance
    return Levels(median_g, deviation_g)


def how_far_apart(values_n: np.ndarray, group_n: np.ndarray) -> ScaleSpread:
    """How far the scales of the groups of these values lie apart."""
    levels = group_levels(values_n, group_n, int(group_n.max(initial=-1)) + 1)
    moves_g = ~np.isnan(levels.mean) & ~levels.is_flat
    if moves_g.sum() < 2:
        return ScaleSpread(1.0, 0.0)
    deviation_g = levels.deviation[moves_g]
    low, high = np.quantile(np.log(deviation_g), MIDDLE)
    below, above = np.quantile(levels.mean[moves_g], MIDDLE)
    return ScaleSpread(float(np.exp(high - low)), float((above - below) / np.median(deviation_g)))


def may_be_by_group(column: SeriesColumn, values_n: np.ndarray) -> bool:
    """Whether a column of numbers can have scales of groups: not what is constant in them."""
    is_flag = len(values_n) == 0 or len(np.unique(values_n[:1000])) <= 2
    return not (is_flag and len(np.unique(values_n)) <= 2) and column.of == "numbers"


def scaling_line(
    columns: Sequence[SeriesColumn], apart: Mapping[str, ScaleSpread], where: str
) -> str | None:
    """What was chosen for the groups' scales; None where there is one group."""
    if not apart:
        return None
    own = [column.name for column in columns if column.by_group]
    name = max(own or apart, key=lambda name: apart[name].factor)
    far = f"deviations of {name!r} differ by a factor of {apart[name].factor:.3g} between groups"
    if not own:
        return f"{where}: all groups share a scale ({far}); config.data.scaling=group parts them"
    shown = ", ".join(repr(name) for name in own[:SHOWN])
    more = f" and {len(own) - SHOWN} more columns" if len(own) > SHOWN else ""
    return (
        f"{where}: each group has its own mean and deviation in {shown}{more} ({far}); "
        "config.data.scaling=shared has one for all"
    )


def coarse_line(levels: Levels, names: np.ndarray, column: str, where: str) -> str | None:
    """A line on groups whose values lie so close together that single precision rounds them."""
    is_coarse_g = (levels.deviation < FINE * np.abs(levels.mean)) & ~levels.is_flat
    if not is_coarse_g.any():
        return None
    found = counted(int(is_coarse_g.sum()), "group moves", "groups move")
    shown = f"such as {str(names[int(is_coarse_g.argmax())])!r}"
    what = f"by less than {FINE:g} of its size, which single precision rounds"
    return f"{where}: column {column!r}: {found} {what}, {shown}; subtract a constant there"


class Errors(NamedTuple):
    """How large errors are in each group [g, o], and how large beside its deviation [o]."""

    of_group: np.ndarray
    ratio: np.ndarray


def mean_changes(changes_to: np.ndarray, group_t: np.ndarray, n_groups: int) -> np.ndarray:
    """The mean size of the changes of each group [g, o], nan of one that has none.

    A change is nan where it is not known, a group -1 where it has no number.
    """
    change_go = np.empty((n_groups, changes_to.shape[1]))
    for o in range(changes_to.shape[1]):
        known_t = ~np.isnan(changes_to[:, o]) & (group_t >= 0)
        change_go[:, o] = group_levels(changes_to[known_t, o], group_t[known_t], n_groups).mean
    return change_go


def group_errors(change_go: np.ndarray, scale_go: np.ndarray) -> Errors:
    """How large errors are by the mean size of changes, nan being none.

    What is usual beside its scale where a group has none, and a tenth of that at the least.
    """
    found_go = np.empty_like(scale_go)
    ratio_o = np.ones(scale_go.shape[1])
    for o in range(scale_go.shape[1]):
        mean_g = change_go[:, o]
        moves_g = (mean_g > 0) & (scale_go[:, o] > 0)
        if moves_g.any():
            ratio_o[o] = np.median(mean_g[moves_g] / scale_go[moves_g, o])
        usual_g = ratio_o[o] * scale_go[:, o]
        found_go[:, o] = np.maximum(np.where(moves_g, mean_g, usual_g), MIN_ERROR * usual_g)
    return Errors(found_go, ratio_o)


def levels_at(
    values_tc: np.ndarray,
    known_tc: np.ndarray,
    group_t: np.ndarray,
    n_groups: int,
    places: Sequence[int],
    robust: Sequence[int] = (),
) -> dict[int, Levels]:
    """{place: the levels of each group there}, nan of a group without a value; some `robust`."""
    found = {}
    for place in places:
        known_t = known_tc[:, place]
        levels_of = robust_levels if place in robust else group_levels
        found[place] = levels_of(values_tc[known_t, place], group_t[known_t], n_groups)
    return found


def level_tables(by_place: Mapping[int, Levels], n_groups: int, shared: Levels) -> Levels:
    """Mean and deviation [g, c] of the columns `by_place`; of others the `shared`.

    A deviation is 0 where a group has no value, which is scaled by its own window. Of a group that
    never moves it is the size of its value, or what is usual of the others.
    """
    mean_gc = np.tile(shared.mean, (n_groups, 1))
    deviation_gc = np.tile(shared.deviation, (n_groups, 1))
    for place, found in by_place.items():
        is_empty_g = np.isnan(found.mean)
        is_flat_g = ~is_empty_g & found.is_flat
        usual = 1.0
        if (moves_g := ~is_empty_g & ~is_flat_g).any():
            usual = float(np.median(found.deviation[moves_g]))
        size_g = np.abs(found.mean)
        scale_g = np.where(is_flat_g, np.where(size_g > 0, size_g, usual), found.deviation)
        mean_gc[:, place] = np.where(is_empty_g, 0, found.mean)
        deviation_gc[:, place] = np.where(is_empty_g, 0, scale_g)
    return Levels(mean_gc, deviation_gc)
