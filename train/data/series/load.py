"""Series in a file -> SeriesDataset: one flat array in time order, and windows of it.

t flat rows, c columns, g groups.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa

from train.config.data_options import Series
from train.data.columns import Said, get_column
from train.data.files.delimited import left_out_notes
from train.data.files.read import read_table
from train.data.hint import find_hint, hint_of
from train.data.infer import infer_number
from train.data.series.dataset import SeriesDataset
from train.data.series.encoder import SeriesEncoder
from train.data.series.fit import column_names, find_time_column, fit_columns, target_names
from train.data.series.flat import Flat, order_rows
from train.data.series.gaps import gap_notes, known_windows, marked_columns
from train.data.series.stamps import count_gaps, cycles_of, find_step, guess_season
from train.data.series.windows import all_windows, split_windows
from train.data.values import read_numbers
from train.errors import UserError


def load_series(options: Series) -> SeriesDataset:
    """Reads and orders `options.path`, cuts its windows, and encodes it by its training rows.

    Rows after the last one with a target are left out: a file may go on with columns that are known
    ahead. Raises UserError.
    """
    where = options.path
    table = read_table(where, options.missing)
    names = column_names(table, options)
    time = find_time_column(table, options)
    flat = order_rows(table, options.group, time, options.missing, where)
    flat, notes = _used_rows(table, flat, options)
    notes += left_out_notes(table, where)
    starts, train_rows_g = split_windows(flat.sizes, options)
    is_train_t = flat.places < flat.per_row(train_rows_g)
    step = None
    if flat.stamps is not None and time is not None:
        step = find_step(flat.by_group(flat.stamps), time.kind)
    encoder = SeriesEncoder(
        columns=fit_columns(table, names, flat, train_rows_g, options),
        n_targets=len(target_names(options)),
        n_known=len(options.known),
        lookback=options.lookback,
        horizon=options.horizon,
        group=options.group,
        time=None if time is None else replace(time, step=step),
        cycles=cycles_of(step) if options.calendar and step is not None else (),
        season=options.season or guess_season(step),
        markers=options.missing,
    )
    values_tc = encoder.encode(table, flat, where, notes)
    gaps_tc = np.isnan(values_tc)
    encoder = replace(encoder, marked=marked_columns(encoder, gaps_tc[is_train_t]))
    starts, window_notes = known_windows(encoder, gaps_tc, starts, where)
    notes += _stamp_notes(encoder, flat, where) + gap_notes(encoder, gaps_tc, flat, where)
    return SeriesDataset(
        encoder.complete(values_tc, flat),
        np.concatenate(list(starts.values())),
        _number_windows(starts),
        flat,
        encoder,
        (*notes, *window_notes),
        gaps_tc if gaps_tc.any() else None,
    )


def load_windows(
    encoder: SeriesEncoder, table: pa.Table, where: str, said: Said | None = None
) -> SeriesDataset:
    """Every window of a labelled file, as the split "test". Raises UserError if it holds none.

    `said` takes lines on cells that were read with a doubt.
    """
    flat = encoder.order(table, where)
    n_series = len(flat.sizes)
    flat = flat.up_to(encoder.last_labelled(encoder.encode(table, flat, where), flat))
    starts = all_windows(flat.sizes, encoder.lookback, encoder.horizon).astype(np.int32)
    if not len(starts):
        needed = f"{encoder.lookback} rows back and {encoder.horizon} ahead"
        found = f"the longest series here has {max(flat.sizes, default=0)} rows with a target"
        raise UserError(f"{where}: a window has {needed}, but {found}")
    n_short = int((np.asarray(flat.sizes) < encoder.lookback + encoder.horizon).sum())
    n_short += n_series - len(flat.sizes)
    if n_short and said is not None:
        said.append(f"{where}: {n_short} of {n_series} series are too short for a window; left out")
    values_tc = encoder.encode(table, flat, where, said)
    gaps_tc = np.isnan(values_tc)
    found, notes = known_windows(encoder, gaps_tc, {"test": starts}, where)
    return SeriesDataset(
        encoder.complete(values_tc, flat),
        found["test"],
        _number_windows(found),
        flat,
        encoder,
        (*gap_notes(encoder, gaps_tc, flat, where), *notes),
        gaps_tc if gaps_tc.any() else None,
    )


def _used_rows(table: pa.Table, flat: Flat, options: Series) -> tuple[Flat, list[str]]:
    """The first `options.rows` rows of each group, up to its last one with a target, and notes.

    Groups that are too short for a single window are left out, unless all are.
    """
    names = target_names(options)
    labelled = np.zeros(table.num_rows, bool)
    columns = column_names(table, options)
    hint = find_hint(table, columns, None, options.missing, hint_of(options))
    for name in names:
        raw = get_column(table, name, options.path, options.missing)
        raw = raw.read_by(infer_number(raw, hint).reading)
        labelled |= ~read_numbers(raw).missing
    last_g = flat.last_places(labelled[flat.rows])
    if options.rows is not None:
        last_g = np.minimum(last_g, options.rows - 1)
    if (last_g < 0).all():
        shown = " and ".join(map(repr, names))
        raise UserError(f"{options.path}: no row has a value for {shown}, the target")
    notes = []
    if (last_g < 0).any():
        notes.append(
            f"{options.path}: {(last_g < 0).sum()} of {len(last_g)} series have no value of a "
            f"target, such as {flat.group_name(int(last_g.argmin()))}; left out"
        )
    ahead = int((flat.sizes - 1 - last_g)[last_g >= 0].sum()) if options.rows is None else 0
    if ahead:
        notes.append(
            f"{options.path}: {ahead} rows after the last value of a target in their series "
            "are left out; train.predict goes on from that value"
        )
    flat = flat.up_to(last_g)
    is_short_g = flat.sizes < options.lookback + options.horizon
    if not is_short_g.any() or is_short_g.all():
        return flat, notes
    shown = "" if flat.names is None else f", such as {str(flat.names[is_short_g][0])!r}"
    found = f"{is_short_g.sum()} of {len(is_short_g)} series"
    few = f"fewer rows than the {options.lookback} + {options.horizon} of a window"
    note = f"{options.path}: {found} have {few}{shown}; left out"
    return flat.select(flat.per_row(~is_short_g)), [*notes, note]


def _number_windows(starts: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """{split: numbers of its windows [n]}, counted from split to split."""
    numbers = {}
    end = 0
    for split, found in starts.items():
        numbers[split] = np.arange(end, end + len(found), dtype=np.int32)
        end += len(found)
    return numbers


def _stamp_notes(encoder: SeriesEncoder, flat: Flat, where: str) -> list[str]:
    """What the user should know of stamps that are missing or irregular."""
    time = encoder.time
    if flat.stamps is None or time is None or time.step is None:
        return []
    notes = []
    missing, irregular = count_gaps(flat.by_group(flat.stamps), time.step)
    column = f"{where}: column {time.name!r}"
    if missing:
        found = f"{missing} stamps are missing at a step of {time.step}"
        notes.append(f"{column}: {found}; windows run over them")
    if irregular:
        n_pairs = len(flat.stamps) - len(flat.sizes)
        apart = f"{irregular} of {n_pairs} neighbours are not whole steps of {time.step} apart"
        notes.append(f"{column}: irregular: {apart}; windows count rows")
    return notes
