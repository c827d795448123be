"""Columns of a series as float32 without gaps. t flat rows, c columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from train.data.columns import get_column, read_numbers
from train.data.series.flat import Flat


@dataclass(frozen=True)
class SeriesColumn:
    """A column of numbers, encoded as (raw - shift)/unit, and two figures of its training rows.

    The `median` fills a gap that no earlier row can fill, the standard `deviation` is the unit of
    the scaled metrics. Both in raw units.
    """

    name: str
    shift: float
    unit: float
    median: float
    deviation: float


def encode_columns(
    table: pa.Table,
    columns: Sequence[SeriesColumn],
    flat: Flat,
    markers: tuple[str, ...],
    where: str,
) -> np.ndarray:
    """The columns as float32 [t, c] in encoded units, nan where missing. Raises UserError."""
    values_tc = np.empty((len(flat.rows), len(columns)), np.float32)
    for i, column in enumerate(columns):
        raw = read_numbers(get_column(table, column.name, where, markers))
        encoded = ((raw.data - column.shift) / column.unit).astype(np.float32)
        values_tc[:, i] = np.where(raw.missing, np.float32(np.nan), encoded)[flat.rows]
    return values_tc


def fill_gaps(values_tc: np.ndarray, columns: Sequence[SeriesColumn], flat: Flat) -> np.ndarray:
    """The same with gaps filled by the row before, or by the training median where none is."""
    is_gap_tc = np.isnan(values_tc)
    first_t1 = flat.per_row(flat.firsts)[:, None]
    last_tc = np.where(is_gap_tc, first_t1, np.arange(len(values_tc))[:, None])
    filled_tc = np.take_along_axis(values_tc, np.maximum.accumulate(last_tc, axis=0), axis=0)
    medians = [(column.median - column.shift) / column.unit for column in columns]
    return np.where(np.isnan(filled_tc), np.array(medians, np.float32), filled_tc)
