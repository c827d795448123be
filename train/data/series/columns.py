"""Columns of a series as float32 without gaps. t flat rows, c columns, g groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from train.data.columns import Reading, Source, read_text
from train.data.notation import Notation
from train.data.series.flat import Flat
from train.data.table.column import encode_number
from train.data.values import read_numbers

SHOWN = 3  # categories in a message


@dataclass(frozen=True)
class SeriesColumn:
    """A column of numbers, encoded as (raw - shift)/unit, and two figures of its training rows.

    The `median` fills a gap that no earlier row can fill, the standard `deviation` is the unit of
    the scaled metrics. Both in raw units. `notation` is that of its texts in training rows. One
    `of` "category" is 1 where the file's column `source` holds `category`, else 0; "gap" is
    log(1 + t) of the time t since the row before. A `static` one has the first of its group. One
    `by_group` has scales of each group; `log` is what the network takes of it first, asinh once it
    is scaled. Forecasts of a `nonnegative` one are 0 or above; of a `count` they are learned as it
    stands.
    """

    name: str
    shift: float
    unit: float
    median: float
    deviation: float
    notation: Notation | None = None
    of: Literal["numbers", "category", "gap"] = "numbers"
    source: str = ""
    category: str = ""
    static: bool = False
    by_group: bool = False
    log: Literal["", "log1p", "signed_log", "asinh"] = ""
    nonnegative: bool = False
    count: bool = False


def encode_columns(
    source: Source, columns: Sequence[SeriesColumn], flat: Flat, reads_text: bool = True
) -> np.ndarray:
    """The columns as float32 [t, c] in encoded units, nan where missing. Raises UserError.

    `reads_text` is False for a schema of 0.1.0.
    """
    values_tc = np.empty((len(flat.rows), len(columns)), np.float32)
    _say_unknown(source, columns)
    for i, column in enumerate(columns):
        if column.of == "gap":
            gap_t = gaps_before(flat)
            gap_t[flat.firsts] = column.median
            values_tc[:, i] = (gap_t - column.shift) / column.unit
            continue
        if column.of == "category":
            text = read_text(source.column(column.source))
            code = text.values.index(column.category) if column.category in text.values else -2
            encoded = (text.codes == code).astype(np.float32)
            values_tc[:, i] = _static(np.append(encoded, 0)[flat.rows], flat, column)
            continue
        cells = source.column(column.name)
        if reads_text:
            cells = cells.read_by(Reading(column.notation), source.said)
        else:
            cells = cells.as_guessed()
        encoded = encode_number(cells, read_numbers(cells), column.shift, column.unit)
        if column.log == "log1p":
            encoded = _with_log(encoded, column, source)
        # The last stands for rows that the table lacks.
        values_tc[:, i] = _static(np.append(encoded, np.float32(np.nan))[flat.rows], flat, column)
    return values_tc


def _with_log(values_n: np.ndarray, column: SeriesColumn, source: Source) -> np.ndarray:
    """The raw numbers, nan where they have no log(1 + x), which is said."""
    has_none_n = values_n <= -1
    if not has_none_n.any():
        return values_n
    found = f"{has_none_n.sum()} of {len(values_n)} values have no log(1 + x)"
    source.say(column.name, f"{found}, being -1 or less; read as missing")
    return np.where(has_none_n, np.float32(np.nan), values_n)


def gaps_before(flat: Flat) -> np.ndarray:
    """log(1 + t) of the distance t of stamps from the row before [t], nan of first rows."""
    assert flat.stamps is not None
    gap_t = np.diff(flat.stamps, prepend=flat.stamps[:1])
    gap_t[flat.firsts] = np.nan
    return np.log1p(gap_t)


def _static(values_t: np.ndarray, flat: Flat, column: SeriesColumn) -> np.ndarray:
    """The first known value of each group at that row and all after it, where a column is static.

    Rows before it are missing: what is not known yet is not read.
    """
    if not column.static:
        return values_t
    places_t = np.where(
        np.isnan(values_t) | (flat.rows < 0), len(values_t), np.arange(len(values_t))
    )
    first_t = flat.per_row(np.minimum.reduceat(places_t, flat.firsts))
    value_t = np.append(values_t, np.float32(np.nan))[first_t]
    return np.where(np.arange(len(values_t)) < first_t, np.float32(np.nan), value_t)


def _say_unknown(source: Source, columns: Sequence[SeriesColumn]) -> None:
    """Tells of categories that no training row has, and of cells without one."""
    known: dict[str, list[str]] = {}
    for column in columns:
        if column.of == "category":
            known.setdefault(column.source, []).append(column.category)
    if source.said is None:
        return
    for name, categories in known.items():
        text = read_text(source.column(name))
        n_missing = int((text.codes < 0).sum())
        if n_missing:
            found = f"{n_missing} of {len(text.codes)} cells are missing"
            source.say(name, f"{found}; read as no category")
        unknown = [value for value in text.values if value not in categories]
        if unknown:
            shown = ", ".join(repr(value[:40]) for value in unknown[:SHOWN])
            found = f"{len(unknown)} categories are none of the {len(categories)} that are read"
            source.say(name, f"{found}, such as {shown}; read as no category")


def fill_gaps(values_tc: np.ndarray, columns: Sequence[SeriesColumn], flat: Flat) -> np.ndarray:
    """Values with gaps filled by the row before, or by the training median where none is."""
    is_gap_tc = np.isnan(values_tc)
    first_t1 = flat.per_row(flat.firsts)[:, None]
    last_tc = np.where(is_gap_tc, first_t1, np.arange(len(values_tc))[:, None])
    filled_tc = np.take_along_axis(values_tc, np.maximum.accumulate(last_tc, axis=0), axis=0)
    return np.where(np.isnan(filled_tc), medians(columns), filled_tc)


def medians(columns: Sequence[SeriesColumn]) -> np.ndarray:
    """The training medians in encoded units [c]."""
    found = [(column.median - column.shift) / column.unit for column in columns]
    return np.array(found, np.float32)
