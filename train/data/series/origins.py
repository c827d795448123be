"""Rolling origins: moments that forecasts are made at, as if no later row were there.

Each series has its own, counted back from its end as the rows are that test. n rows of the table,
w windows, t flat rows, h horizon, k columns known ahead.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from train.config.bounded import resolved
from train.config.data_options import Series
from train.data.calendar import calendar
from train.data.columns import Notes
from train.data.dataset import HostArrays
from train.data.series.dataset import SeriesDataset
from train.data.series.encoder import SeriesEncoder
from train.data.series.fit import column_names
from train.data.series.flat import Flat
from train.data.series.grid import move
from train.data.series.load import season_of, used_rows
from train.data.series.load_windows import windows_at
from train.data.series.window_sizes import with_window_before
from train.errors import UserError


@dataclass(frozen=True)
class Origins:
    """`count` origins, `step` steps apart, the last one a `horizon` before each series' end.

    `left_n`: how many steps each row of the table is from the end of its series, 1 of the last; 0
    of rows that are not used. Origins are numbered from 0, the oldest.
    """

    count: int
    step: int
    horizon: int
    left_n: np.ndarray

    def ahead(self, origin: int | np.ndarray) -> int | np.ndarray:
        """Steps from an origin to the end of a series."""
        return self.horizon + (self.count - 1 - origin) * self.step

    def before(self, origin: int) -> np.ndarray:
        """The rows that an origin may know: those before it [n]."""
        return self.left_n > self.ahead(origin)

    def after_horizon(self, origin: int) -> np.ndarray:
        """The rows behind what is forecast at an origin, and those that are not used [n]."""
        return self.left_n <= self.ahead(origin) - self.horizon


def window_for(
    options: Series, table: pa.Table, count: int, step: int | None
) -> tuple[Series, list[str]]:
    """See `with_window_before`. Raises UserError."""
    time, flat = used_rows(table, column_names(table, options), options, [])
    return with_window_before(options, flat.sizes, season_of(options, time), count, step)


def find_origins(table: pa.Table, options: Series, count: int, step: int) -> Origins:
    """The origins of a file. Raises UserError where no series is long enough for the oldest."""
    _, flat = used_rows(table, column_names(table, options), options, [])
    left_n = np.zeros(table.num_rows, np.int64)
    left_t = flat.per_row(flat.sizes) - flat.places
    there_t = flat.rows >= 0
    left_n[flat.rows[there_t]] = left_t[there_t]
    lookback = resolved(options.lookback)
    horizon = resolved(options.horizon)
    origins = Origins(count, step, horizon, left_n)
    longest = int(flat.sizes.max())
    needed = int(origins.ahead(0)) + lookback
    if needed >= longest:
        apart = f"{count} origins, {step} steps apart, a horizon of {horizon}"
        found = f"a lookback of {lookback} need {needed} rows and some to train on"
        which = "series" if len(flat.sizes) == 1 else f"longest of {len(flat.sizes)} series"
        advice = "ask for fewer"
        if horizon + lookback >= longest:
            advice = "shorten config.data.lookback or config.data.horizon"
        raise UserError(f"--origins: {apart} and {found}, but the {which} has {longest}; {advice}")
    return origins


@dataclass(frozen=True)
class OriginWindows:
    """The windows of a file that begin to forecast at an origin, and which origin that is [w]."""

    dataset: SeriesDataset
    origin_w: np.ndarray


def origin_windows(
    encoder: SeriesEncoder,
    table: pa.Table,
    origins: Origins,
    chosen: range,
    where: str,
    notes: Notes | None = None,
) -> OriginWindows:
    """The windows of the `chosen` origins; what is left out is said. Raises UserError."""
    flat = encoder.order(table, where, notes)
    is_used_t = (flat.rows >= 0) & (origins.left_n[flat.rows] > 0)
    flat = flat.up_to(flat.last_places(is_used_t))
    _check_steps(flat, origins, where)
    starts, origin_w, n_short = _starts(flat, origins, chosen, encoder.lookback)
    n_windows = len(flat.sizes) * len(chosen)
    if n_short and notes is not None:
        found = f"{n_short} of {n_windows} windows begin less than {encoder.lookback} rows after"
        notes.append(f"{where}: {found} the first of their series; left out")
    if not len(starts):
        needed = f"an origin needs {encoder.lookback} rows before it"
        raise UserError(f"{where}: {needed}, but no series has as many; ask for fewer --origins")
    dataset = windows_at(encoder, table, flat, starts.astype(np.int32), where, notes)
    if notes is not None:
        notes += dataset.notes
    of_start = dict(zip(starts.tolist(), origin_w.tolist(), strict=True))
    kept = [of_start[start] for start in dataset.starts.tolist()]
    return OriginWindows(dataset, np.array(kept))


def _starts(
    flat: Flat, origins: Origins, chosen: range, lookback: int
) -> tuple[np.ndarray, np.ndarray, int]:
    """(flat rows that windows begin at, their origins, how many windows would begin too early)."""
    origin_c = np.array(chosen)
    place_gc = flat.sizes[:, None] - origins.ahead(origin_c)
    fits_gc = place_gc >= lookback
    starts_gc = flat.firsts[:, None] + place_gc - lookback
    origin_gc = np.broadcast_to(origin_c, place_gc.shape)
    return starts_gc.T[fits_gc.T], origin_gc.T[fits_gc.T], int((~fits_gc).sum())


def _check_steps(flat: Flat, origins: Origins, where: str) -> None:
    """Raises UserError where rows are other steps apart than where the origins were found."""
    left_t = flat.per_row(flat.sizes) - flat.places
    there_t = flat.rows >= 0
    if np.array_equal(origins.left_n[flat.rows[there_t]], left_t[there_t]):
        return
    raise UserError(
        f"{where}: the step that was found before the origin is not that of the whole file; "
        "name it in config.data.frequency"
    )


def as_foretold(dataset: SeriesDataset, windows: np.ndarray, inputs: HostArrays) -> HostArrays:
    """The inputs of windows, with no more of their horizons than forecasts of new rows would have.

    Where no column is known ahead, stamps go on in whole steps from the last one before the
    horizon; what is missing of known columns without a mark is the training median.
    """
    encoder = dataset.encoder
    if "future" not in inputs:
        return inputs
    now_w = dataset.starts[windows] + encoder.lookback
    if not encoder.n_known:
        return {**inputs, "future": _calendar_ahead(dataset, now_w)}
    if dataset.gaps is None:
        return inputs
    known = np.arange(len(encoder.columns) - encoder.n_known, len(encoder.columns))
    unmarked = [i for i in known if encoder.columns[i].name not in encoder.marked]
    rows_wh = now_w[:, None] + np.arange(encoder.horizon)
    blank_whu = dataset.gaps[rows_wh][:, :, unmarked]
    places = encoder.places[unmarked] - (encoder.n_columns - encoder.n_ahead)
    future_whk = np.array(inputs["future"])
    fills_wu = encoder.fills_of(dataset.flat)[dataset.flat.groups_of(now_w - 1)][:, unmarked]
    future_whk[:, :, places] = np.where(blank_whu, fills_wu[:, None], future_whk[:, :, places])
    return {**inputs, "future": future_whk}


def _calendar_ahead(dataset: SeriesDataset, now_w: np.ndarray) -> np.ndarray:
    """The calendar features of the horizons that begin at the flat rows `now_w` [w, h, k]."""
    encoder = dataset.encoder
    flat = dataset.flat
    time = encoder.time
    assert flat.stamps is not None and flat.steps is not None and time is not None
    group_w = flat.groups_of(now_w - 1)
    steps_w = [step or time.step for step in flat.steps[group_w]]
    stamps_wh = np.empty((len(now_w), encoder.horizon))
    for step in dict.fromkeys(steps_w):
        assert step is not None
        of_step = np.flatnonzero([each == step for each in steps_w])
        last = np.repeat(flat.stamps[now_w[of_step] - 1], encoder.horizon)
        ahead = np.tile(np.arange(1, encoder.horizon + 1), len(of_step))
        stamps_wh[of_step] = move(last, step, ahead, time.clock).reshape(-1, encoder.horizon)
    cycles = calendar(time.local(stamps_wh.ravel()), encoder.cycles)
    return cycles.reshape(*stamps_wh.shape, -1)
