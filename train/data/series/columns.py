"""Columns of a series as float32 without gaps. t flat rows, c columns, g groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa

from train.data.columns import RawColumn, Reading, Source, read_text
from train.data.infer import TRUTHS
from train.data.notation import Notation
from train.data.series.flat import Flat
from train.data.table.aliases import aliases
from train.data.table.column import Column
from train.data.table.encode_column import encode_number
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
    categories = read_categories(source, columns)
    for name, codes_n in categories.items():
        if any(column.static for column in columns if column.source == name):
            codes_t = np.append(codes_n, -1)[flat.rows].astype(np.float32)
            _say_changing(source, name, np.where(codes_t < 0, np.float32(np.nan), codes_t), flat)
    for i, column in enumerate(columns):
        if column.of == "gap":
            gap_t = gaps_before(flat)
            gap_t[flat.firsts] = column.median
            values_tc[:, i] = (gap_t - column.shift) / column.unit
            continue
        if column.of == "category":
            place = categories_of(columns, column.source).index(column.category)
            encoded = (categories[column.source] == place).astype(np.float32)
            values_tc[:, i] = _static(np.append(encoded, 0)[flat.rows], flat, column)
            continue
        cells = source.column(column.name)
        if reads_text:
            cells = _with_truths(cells, column).read_by(Reading(column.notation), source.notes)
        else:
            cells = cells.as_guessed()
        encoded = encode_number(cells, read_numbers(cells), column.shift, column.unit)
        if column.log == "log1p":
            encoded = _with_log(encoded, column, source)
        # The last stands for rows that the table lacks.
        encoded_t = np.append(encoded, np.float32(np.nan))[flat.rows]
        if column.static:
            _say_changing(source, column.name, encoded_t, flat)
        values_tc[:, i] = _static(encoded_t, flat, column)
    return values_tc


def _with_truths(cells: RawColumn, column: SeriesColumn) -> RawColumn:
    """Texts that are all true and false as such, where training rows had no texts."""
    if cells.family != "text" or column.notation is not None:
        return cells
    text = read_text(cells)
    folded = [value.casefold() for value in text.values]
    if not folded or not TRUTHS.issuperset(folded):
        return cells
    truth = np.array([*(value == "true" for value in folded), False])
    return cells.with_cells(pa.chunked_array([pa.array(truth[text.codes], mask=text.codes < 0)]))


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


def _say_changing(source: Source, name: str, values_t: np.ndarray, flat: Flat) -> None:
    """Tells of series whose value [t], nan where missing, is not one in a static column."""
    with np.errstate(invalid="ignore"):
        low_g = np.fmin.reduceat(values_t, flat.firsts)
        high_g = np.fmax.reduceat(values_t, flat.firsts)
    changes_g = low_g < high_g
    if changes_g.any():
        found = f"{changes_g.sum()} of {len(changes_g)} series change their value, such as"
        which = flat.group_name(int(changes_g.argmax()))
        source.say(name, f"{found} {which}; being static, each has that of its first row")


def categories_of(columns: Sequence[SeriesColumn], name: str) -> tuple[str, ...]:
    """The categories that are read of a column of the file."""
    return tuple(column.category for column in columns if column.source == name)


def read_categories(source: Source, columns: Sequence[SeriesColumn]) -> dict[str, np.ndarray]:
    """{column of categories: the place of each cell's among those that are read, or -1 [n]}.

    Other writings of one, as 1.0 for 1 or a truth for its text, are read as it. Tells of categories
    that no training row has, and of cells without one.
    """
    found = {}
    for name in dict.fromkeys(column.source for column in columns if column.of == "category"):
        known = categories_of(columns, name)
        raw = source.column(name)
        text = read_text(raw)
        alias = aliases(raw, text, Column(name, "category", vocabulary=known))
        place = {category: i for i, category in enumerate(known)}
        places = [place.get(value, alias.get(value, -1)) for value in text.values]
        found[name] = np.array([*places, -1])[text.codes]
        n_missing = int((text.codes < 0).sum())
        if n_missing:
            lacking = f"{n_missing} of {len(text.codes)} cells are missing"
            source.say(name, f"{lacking}; read as no category")
        unknown = [value for value, at in zip(text.values, places, strict=True) if at < 0]
        if unknown:
            shown = ", ".join(repr(value[:40]) for value in unknown[:SHOWN])
            strange = f"{len(unknown)} categories are none of the {len(known)} that are read"
            those = ", ".join(repr(value[:40]) for value in known[:SHOWN])
            source.say(name, f"{strange}, as {those}: {shown}; read as no category")
    return found


def medians(columns: Sequence[SeriesColumn]) -> np.ndarray:
    """The training medians in encoded units [c]."""
    found = [(column.median - column.shift) / column.unit for column in columns]
    return np.array(found, np.float32)
