"""Series in a file -> SeriesDataset: one flat array in time order, and windows of it.

t flat rows, c columns, g groups.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from train.config.bounded import resolved
from train.config.data_options import Series
from train.config.frequency import parse_frequency
from train.config.series_recipe import HEAVY_TAILS
from train.data.columns import Notes, Source, get_column
from train.data.files.found import left_out_notes
from train.data.files.read import read_table
from train.data.files.tables import Read
from train.data.hint import find_hint, hint_of
from train.data.infer import infer_number
from train.data.number_words import counted
from train.data.reading_of_steps import reading_of_series
from train.data.series.cycles import cycles_read
from train.data.series.dataset import SeriesDataset
from train.data.series.encoder import SeriesEncoder
from train.data.series.fills import group_fills
from train.data.series.find_group_steps import find_steps
from train.data.series.find_time import find_time_column
from train.data.series.fit import Names, column_names, fit_columns, target_names
from train.data.series.flat import Flat, order_rows
from train.data.series.gaps import gap_notes, known_windows, marked_columns
from train.data.series.group_steps import irregular_lines, on_steps
from train.data.series.load_windows import of_windows
from train.data.series.outliers import tail_ratio
from train.data.series.step import guess_season
from train.data.series.time_column import TimeColumn
from train.data.series.window_sizes import (
    long_groups,
    with_usual_window,
    with_window,
    with_window_of,
)
from train.data.series.windows import split_windows
from train.data.values import plain_numbers, read_numbers
from train.errors import UserError


def load_series(
    options: Series,
    read: Read = read_table,
    encoder: SeriesEncoder | None = None,
    loss: str = "auto",
) -> SeriesDataset:
    """Reads and orders `options.path`, cuts its windows, and encodes it by its training rows.

    Rows after the last one with a target are left out: a file may go on with columns that are known
    ahead. An `encoder` of earlier rows encodes these as it did those. Raises UserError.
    """
    table = read(options.path, options.missing)
    is_open = options.asinh == "auto"
    plain = replace(options, asinh=()) if is_open else options
    windowed = _window_rows(plain, table, encoder)
    dataset = _encode(plain, table, windowed, encoder, loss)
    is_ruled = is_open and encoder is None and loss == "auto"
    if not is_ruled or tail_ratio(dataset) <= HEAVY_TAILS:
        return dataset
    # One that is named as a logarithm stays one (`log_of`).
    return _encode(replace(options, asinh=target_names(options)), table, windowed, None, loss)


class _WindowedRows(NamedTuple):
    """The rows of a table on their steps, and their windows; no value but a blank decides on it.

    The first `train_rows_g` rows of each group train; `starts` are windows of each split.
    """

    options: Series
    """With numbers for the rows of a window."""
    names: Names
    time: TimeColumn | None
    flat: Flat
    starts: dict[str, np.ndarray]
    train_rows_g: np.ndarray
    notes: tuple[str, ...]


def _window_rows(options: Series, table: pa.Table, encoder: SeriesEncoder | None) -> _WindowedRows:
    """The rows of a table in order. Raises UserError."""
    notes: Notes = []
    names = column_names(table, options)
    time, flat = used_rows(table, names, options, notes, encoder)
    if encoder is None:
        options, window_notes = with_window(options, flat.sizes, season_of(options, time))
        notes += window_notes
    else:
        options = with_window_of(options, encoder)
    flat, short_notes = long_groups(flat, options)
    notes += short_notes + left_out_notes(table, options.path)
    return _WindowedRows(
        options, names, time, flat, *split_windows(flat.sizes, options), tuple(notes)
    )


def season_of(options: Series, time: TimeColumn | None) -> int | None:
    """After how many rows series repeat: as asked, or as their step says."""
    return options.season or guess_season(None if time is None else time.step)


def _encode(
    options: Series,
    table: pa.Table,
    windowed: _WindowedRows,
    encoder: SeriesEncoder | None,
    loss: str,
) -> SeriesDataset:
    """The data set of these rows, by options without an "auto" that goes by outliers."""
    where = options.path
    flat = windowed.flat
    notes = list(windowed.notes)
    is_train_t = flat.places < flat.per_row(windowed.train_rows_g)
    is_fitted = encoder is not None
    if encoder is None:
        encoder = _fit_encoder(table, windowed, options, notes, loss)
    values_tc = encoder.encode(table, flat, where, notes)
    gaps_tc = np.isnan(values_tc)
    fills = group_fills(values_tc, encoder.columns, flat, is_train_t)
    if is_fitted:
        encoder = _with_groups(encoder, flat, fills)
    else:
        marked = marked_columns(encoder, gaps_tc[is_train_t])
        encoder = replace(encoder, marked=marked, fills=fills)
    starts, window_notes = known_windows(encoder, gaps_tc, windowed.starts, where)
    notes += gap_notes(encoder, gaps_tc, flat, where)
    reading = reading_of_series(table, encoder)
    return of_windows(encoder, values_tc, gaps_tc, flat, starts, (*notes, *window_notes), reading)


def _with_groups(
    encoder: SeriesEncoder, flat: Flat, fills: tuple[tuple[float, ...], ...]
) -> SeriesEncoder:
    """The encoder of earlier rows with the groups that these have besides, and their `fills`."""
    names = [] if flat.names is None else flat.names.tolist()
    if not encoder.fills:
        return replace(encoder, groups=tuple(dict.fromkeys([*encoder.groups, *names])))
    own = dict(zip(names, fills, strict=True)) | dict(
        zip(encoder.groups, encoder.fills, strict=True)
    )
    groups = tuple(dict.fromkeys([*encoder.groups, *names]))
    return replace(encoder, groups=groups, fills=tuple(own[name] for name in groups))


def used_rows(
    table: pa.Table,
    names: Names,
    options: Series,
    notes: Notes,
    encoder: SeriesEncoder | None = None,
) -> tuple[TimeColumn | None, Flat]:
    """(the column of stamps, the rows on their steps up to each group's last one with a target).

    Raises UserError.
    """
    where = options.path
    time = encoder.time if encoder else find_time_column(table, options, notes)
    source = Source(table, where, options.missing, notes)
    groups = () if encoder is None else encoder.groups
    flat = order_rows(source, options.group, time, is_fitted=encoder is not None, groups=groups)
    flat, used_notes = _up_to_last_target(table, names, flat, options)
    notes += used_notes
    if encoder is not None:
        return time, encoder.on_steps(flat, where, notes)
    return (None, flat) if time is None else _on_own_steps(time, flat, options, notes)


def _fit_encoder(
    table: pa.Table, windowed: _WindowedRows, options: Series, notes: Notes, loss: str
) -> SeriesEncoder:
    """The encoder that is fitted on the training rows of each group, without marks."""
    asked, names, time, flat, _, train_rows_g, _ = windowed
    step = None if time is None else time.step
    fitted = fit_columns(table, names, flat, train_rows_g, options, notes, loss)
    return SeriesEncoder(
        columns=fitted.columns,
        n_targets=len(names.targets),
        n_known=fitted.n_known,
        lookback=resolved(asked.lookback),
        horizon=resolved(asked.horizon),
        group=options.group,
        time=time,
        cycles=cycles_read(flat, train_rows_g, step, options, notes),
        season=season_of(options, time),
        markers=options.missing,
        groups=() if flat.names is None else tuple(flat.names.tolist()),
    )


def _up_to_last_target(
    table: pa.Table, names: Names, flat: Flat, options: Series
) -> tuple[Flat, list[str]]:
    """The first `options.rows` rows of each group, up to its last one with a target, and notes."""
    labelled = np.zeros(table.num_rows, bool)
    hint = None
    for name in names.targets:
        raw = get_column(table, name, options.path, options.missing)
        # Of numbers as programs write them no notation tells another cell for missing.
        numbers = plain_numbers(raw) if raw.family == "text" else None
        if numbers is None:
            hint = hint or find_hint(table, names.all, None, options.missing, hint_of(options))
            raw = replace(raw, otherwise="").read_by(infer_number(raw, hint).reading)
            numbers = read_numbers(raw)
        labelled |= ~numbers.missing
    last_g = flat.last_places(labelled[flat.rows])
    if options.rows is not None:
        last_g = np.minimum(last_g, options.rows - 1)
    if (last_g < 0).all():
        shown = " and ".join(map(repr, names.targets))
        raise UserError(f"{options.path}: no row has a value for {shown}, the target")
    notes = []
    if (last_g < 0).any():
        notes.append(
            f"{options.path}: {(last_g < 0).sum()} of {len(last_g)} series have no value of a "
            f"target, such as {flat.group_name(int(last_g.argmin()))}; left out"
        )
    ahead = int((flat.sizes - 1 - last_g)[last_g >= 0].sum()) if options.rows is None else 0
    if ahead:
        rows = counted(ahead, "row", "rows")
        which = "its series is" if ahead == 1 else "their series are"
        notes.append(
            f"{options.path}: {rows} after the last value of a target in {which} left out; "
            "train.predict goes on from that value"
        )
    return flat.up_to(last_g), notes


def _on_own_steps(
    time: TimeColumn, flat: Flat, options: Series, notes: Notes
) -> tuple[TimeColumn, Flat]:
    """The column of stamps with its steps, and the rows on them. Raises UserError."""
    where = options.path
    asked = None if options.frequency is None else parse_frequency(options.frequency)
    if asked is not None and time.kind == "number":
        raise UserError(
            f"config.data.frequency: column {time.name!r} holds numbers, not times; leave it out"
        )
    counts_rows = options.frequency is not None and asked is None
    time, flat = find_steps(flat, time, asked, counts_rows)
    usual = with_usual_window(options)
    longest = resolved(usual.lookback) + resolved(usual.horizon)
    windowed = on_steps(flat, time, longest, where, notes, options.frequency if asked else None)
    notes += irregular_lines(flat, time, where)
    return time, windowed
