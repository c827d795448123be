"""One series or many in a file -> SeriesDataset: one flat array in time order, windows of it by the
row they begin at.

t flat rows, c columns, n windows, b windows of a batch, l lookback, h horizon, k columns known
ahead, o targets.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa

from train.config.data_options import Series
from train.data.columns import get_column, infer_kind, nearest, read_numbers
from train.data.files.read import read_table
from train.data.series.dataset import SeriesDataset
from train.data.series.encoder import (
    Flat,
    SeriesColumn,
    SeriesEncoder,
    TimeColumn,
    last_labelled,
    zone_of,
)
from train.data.series.stamps import count_gaps, cycles_of, find_step, guess_season
from train.data.series.windows import split_windows
from train.data.units import shift_and_unit
from train.errors import UserError


def load_series(options: Series) -> SeriesDataset:
    """Reads and orders `options.path`, cuts its windows, and encodes it by its training rows.
    Raises UserError.

    Rows after the last one with a target are left out: a file may go on with columns that are known
    ahead.
    """
    where = options.path
    table = read_table(where, options.missing)
    names = column_names(table, options)
    time = _time_column(table, options)
    target_count = len(_targets(options))
    bare = tuple(SeriesColumn(name, 0.0, 1.0, 0.0, 1.0) for name in names)
    reader = SeriesEncoder(
        bare,
        target_count,
        len(options.known),
        options.lookback,
        options.horizon,
        options.group,
        time,
        markers=options.missing,
    )
    flat = reader.order(table, where)
    flat, notes = _cut(table, flat, reader, options)
    splits, train_rows_g = split_windows(flat.sizes, options)
    step = (
        None
        if flat.stamps is None or time is None
        else find_step(flat.by_group(flat.stamps), time.kind)
    )
    cycles = cycles_of(step) if options.calendar and step is not None else ()
    encoder = replace(
        reader,
        columns=_fit_columns(table, flat, reader, train_rows_g),
        time=None if time is None else replace(time, step=step),
        cycles=cycles,
        season=options.season or guess_season(step),
    )
    numbers_tc = encoder.numbers(table, where, flat)
    starts = np.concatenate(list(splits.values()))
    ends = np.cumsum([len(found) for found in splits.values()])[:-1]
    windows = dict(zip(splits, np.split(np.arange(len(starts), dtype=np.int32), ends), strict=True))
    notes += _gap_notes(encoder, flat, numbers_tc, where)
    return SeriesDataset(
        encoder.complete(numbers_tc, flat), starts, windows, flat, encoder, tuple(notes)
    )


def _targets(options: Series) -> tuple[str, ...]:
    return (options.target,) if isinstance(options.target, str) else tuple(options.target)


def column_names(table: pa.Table, options: Series) -> list[str]:
    """The columns that are read: targets, observed, known. Raises UserError if the table lacks
    one.
    """
    targets = _targets(options)
    observed = options.observed
    apart = {*targets, *options.known, *options.ignore, options.time, options.group}
    if observed is None:
        rest = (name for name in table.column_names if name not in apart)
        raws = [get_column(table, name, options.path, options.missing) for name in rest]
        observed = tuple(raw.name for raw in raws if infer_kind(raw) == "number")
    named = {
        "target": targets,
        "observed": observed,
        "known": options.known,
        "ignore": options.ignore,
        "time": (options.time,),
        "group": (options.group,),
    }
    for field, names in named.items():
        for name in names:
            if name is not None and name not in table.column_names:
                hint = nearest(name, table.column_names)
                raise UserError(f"config.data.{field}: {options.path} has no column {name!r}{hint}")
    return [*targets, *observed, *options.known]


def _time_column(table: pa.Table, options: Series) -> TimeColumn | None:
    if options.time is None:
        return None
    raw = get_column(table, options.time, options.path, options.missing)
    kind = "number" if raw.family == "number" else "time"
    if kind == "number" and options.calendar:
        raise UserError(
            f"config.data.calendar: column {raw.name!r} holds numbers, not times; set it to false"
        )
    return TimeColumn(raw.name, kind, zone_of(raw))


def _cut(
    table: pa.Table, flat: Flat, reader: SeriesEncoder, options: Series
) -> tuple[Flat, list[str]]:
    """The rows that are used: the first `options.rows` of each group, up to its last one with a
    target; groups that are too short for a single window are left out, unless all are.
    """
    targets = replace(reader, columns=reader.targets)
    place_t = np.arange(len(flat.rows)) - np.repeat(flat.firsts, flat.sizes)
    last_g = last_labelled(reader, targets.numbers(table, options.path, flat), flat)
    if options.rows is not None:
        last_g = np.minimum(last_g, options.rows - 1)
    if (last_g < 0).all():
        shown = " and ".join(repr(column.name) for column in reader.targets)
        raise UserError(f"{options.path}: no row has a value for {shown}, the target")
    flat = flat.only(place_t <= np.repeat(last_g, flat.sizes))
    short_g = flat.sizes < options.lookback + options.horizon
    if not short_g.any() or short_g.all():
        return flat, []
    shown = "" if flat.names is None else f", such as {str(flat.names[short_g][0])!r}"
    few = f"fewer rows than the {options.lookback} + {options.horizon} of a window"
    note = f"{options.path}: {short_g.sum()} of {len(short_g)} series have {few}{shown}; left out"
    return flat.only(np.repeat(~short_g, flat.sizes)), [note]


def _fit_columns(
    table: pa.Table, flat: Flat, reader: SeriesEncoder, train_rows_g: np.ndarray
) -> tuple[SeriesColumn, ...]:
    """Shift, unit, median and deviation of each column over the training rows. Raises UserError."""
    place_t = np.arange(len(flat.rows)) - np.repeat(flat.firsts, flat.sizes)
    train_rows = flat.rows[place_t < np.repeat(train_rows_g, flat.sizes)]
    fitted = []
    for i, column in enumerate(reader.columns):
        raw = get_column(table, column.name, "data", reader.markers, train_rows)
        known = read_numbers(raw).known
        what = "the target" if i < reader.n_targets else "the column"
        if not len(known):
            raise raw.error(f"{what} has no value in any training row")
        if i < reader.n_targets and known.min() == known.max():
            raise raw.error(
                f"the target is {known[0]:g} in all training rows; there is nothing to learn"
            )
        shift, unit = shift_and_unit(known)
        wide = known.astype(np.float64)
        deviation = float(wide.std()) if wide.min() < wide.max() else 1.0
        fitted.append(SeriesColumn(column.name, shift, unit, float(np.median(wide)), deviation))
    return tuple(fitted)


def _gap_notes(encoder: SeriesEncoder, flat: Flat, numbers_tc: np.ndarray, where: str) -> list[str]:
    """What the user should know of stamps and values that are not there."""
    notes = []
    if flat.stamps is not None and encoder.time is not None and encoder.time.step is not None:
        time = encoder.time
        step = encoder.time.step
        missing, irregular = count_gaps(flat.by_group(flat.stamps), step)
        column = f"{where}: column {time.name!r}"
        n_pairs = len(flat.stamps) - len(flat.sizes)
        if missing:
            notes.append(
                f"{column}: {missing} stamps are missing at a step of {step}; windows run over them"
            )
        if irregular:
            apart = f"{irregular} of {n_pairs} neighbours are not whole steps of {step} apart"
            notes.append(f"{column}: irregular: {apart}; windows count rows")
    for column, gaps in zip(encoder.columns, np.isnan(numbers_tc).sum(0), strict=True):
        if gaps:
            filled = "filled by the value before, at the start of a series by the training median"
            notes.append(
                f"{where}: column {column.name!r}: {gaps} of {len(numbers_tc)} values are missing; {filled}"
            )
    return notes
