"""How many rows a window of a series reads and forecasts, where the options say "auto"."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from train.config.bounded import filled, resolved
from train.config.data_options import Series
from train.data.series.flat import Flat
from train.data.series.schema import SeriesSchema
from train.data.series.windows import split_sizes

LOOKBACK = 96
HORIZON = 24
# What short series without a season are read by, and forecast.
SHORT_LOOKBACK = 12
SHORT_HORIZON = 6
# Training rows are few where they hold fewer windows than this side by side.
MIN_WINDOWS = 2


def with_window(
    options: Series, sizes_g: np.ndarray, season: int | None
) -> tuple[Series, list[str]]:
    """The options with a number for each "auto", and a line where that is not the usual one.

    `sizes_g`: rows of each series; their median decides. `season`: after how many rows they repeat.
    Few rows are read two seasons back and forecast one ahead, as far as their splits hold that.
    """
    if "auto" not in (options.lookback, options.horizon):
        return options, []
    n_rows = int(np.median(sizes_g))
    if _is_enough(options, n_rows):
        return with_usual_window(options), []
    found = _with_few(options, n_rows, season)
    return found, _lines(options, found, n_rows, len(sizes_g))


def with_window_before(
    options: Series, sizes_g: np.ndarray, season: int | None, origins: int, step: int | None
) -> tuple[Series, list[str]]:
    """As `with_window`, for the rows before the oldest of so many origins of a backtest.

    Origins are `step` rows apart, a horizon where that is None. No rows test. Where too few rows
    are left for any window the options have a horizon of 1.
    """
    if "auto" not in (options.lookback, options.horizon):
        return options, []
    untested = replace(options, test=0)
    n_rows = int(np.median(sizes_g))
    usual = with_usual_window(options)
    longest = resolved(usual.horizon)

    def rows_before(horizon: int) -> int:
        return max(n_rows - horizon - (origins - 1) * (step or horizon), 0)

    def fits(horizon: int) -> bool:
        few = _with_few(untested, rows_before(horizon), season)
        return horizon <= resolved(few.horizon)

    if _is_enough(untested, rows_before(longest)):
        return usual, []
    horizon = longest
    if options.horizon == "auto":
        # The longer a horizon is, the fewer rows stand before the oldest origin to hold it.
        horizon = next(filter(fits, range(longest, 0, -1)), 1)
    n_before = rows_before(horizon)
    found = _with_few(replace(untested, horizon=horizon), n_before, season)
    lines = _lines(untested, found, n_before, len(sizes_g))
    return replace(found, test=options.test), lines


def with_usual_window(options: Series) -> Series:
    """The options with the numbers that "auto" stands for where rows are not few."""
    lookback = filled(options.lookback, LOOKBACK)
    return replace(options, lookback=lookback, horizon=filled(options.horizon, HORIZON))


def with_window_of(options: Series, schema: SeriesSchema) -> Series:
    """The options with the numbers of a schema for each "auto"."""
    lookback = filled(options.lookback, schema.lookback)
    return replace(options, lookback=lookback, horizon=filled(options.horizon, schema.horizon))


def long_groups(flat: Flat, options: Series) -> tuple[Flat, list[str]]:
    """The groups that hold a window, unless none does, and a note on the others."""
    lookback = resolved(options.lookback)
    horizon = resolved(options.horizon)
    is_short_g = flat.sizes < lookback + horizon
    if not is_short_g.any() or is_short_g.all():
        return flat, []
    shown = "" if flat.names is None else f", such as {str(flat.names[is_short_g][0])!r}"
    found = f"{is_short_g.sum()} of {len(is_short_g)} series"
    few = f"fewer rows than the {lookback} + {horizon} of a window"
    note = f"{options.path}: {found} have {few}{shown}; left out"
    return flat.select(flat.per_row(~is_short_g)), [note]


def _is_enough(options: Series, n_rows: int) -> bool:
    """Whether the training rows of so many hold windows of the usual size."""
    return split_sizes(n_rows, options)[0] >= _rows_enough(options)


def _rows_enough(options: Series) -> int:
    usual = with_usual_window(options)
    return MIN_WINDOWS * (resolved(usual.lookback) + resolved(usual.horizon))


def _with_few(options: Series, n_rows: int, season: int | None) -> Series:
    """The options with two seasons and one, as far as the splits of a series of few rows hold."""
    train, valid, test = split_sizes(n_rows, options)
    judged = [rows for rows in (valid, test) if rows]
    most = min([*judged, max(train // 4, 1), HORIZON])
    horizon = filled(options.horizon, max(min(season or SHORT_HORIZON, most), 1))
    fitting = (train - horizon) // 2
    wanted = 2 * season if season else SHORT_LOOKBACK
    lookback = filled(options.lookback, max(min(wanted, fitting, LOOKBACK), 1))
    return replace(options, lookback=lookback, horizon=horizon)


def _lines(options: Series, found: Series, n_rows: int, n_series: int) -> list[str]:
    """A line on the numbers that stand for "auto" where rows are few, unless they are the usual."""
    if found == with_usual_window(options):
        return []
    chosen = []
    usual = []
    for name, number in (("lookback", LOOKBACK), ("horizon", HORIZON)):
        if getattr(options, name) == "auto":
            chosen.append(f"config.data.{name}={getattr(found, name)}")
            usual.append(str(number))
    train = split_sizes(n_rows, options)[0]
    of_series = "" if n_series == 1 else f" of the median of {n_series} series"
    rows = f"for {train} rows{of_series} train"
    enough = f"from {_rows_enough(options)} on it is {' and '.join(usual)}"
    return [f"few rows: auto is {' and '.join(chosen)}, {rows}; {enough}"]
