"""Columns of a series as float32 without gaps. t flat rows, c columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from train.data.columns import Reading, Said, get_column
from train.data.notation import Notation
from train.data.series.flat import Flat
from train.data.values import read_numbers


@dataclass(frozen=True)
class SeriesColumn:
    """A column of numbers, encoded as (raw - shift)/unit, and two figures of its training rows.

    The `median` fills a gap that no earlier row can fill, the standard `deviation` is the unit of
    the scaled metrics. Both in raw units. `notation` is that of its texts in training rows.
    """

    name: str
    shift: float
    unit: float
    median: float
    deviation: float
    notation: Notation | None = None


def encode_columns(
    table: pa.Table,
    columns: Sequence[SeriesColumn],
    flat: Flat,
    markers: tuple[str, ...],
    where: str,
    reads_text: bool = True,
    said: Said | None = None,
) -> np.ndarray:
    """The columns as float32 [t, c] in encoded units, nan where missing. Raises UserError.

    `reads_text` is False for a schema of 0.1.0; `said` takes lines on doubtful cells.
    """
    values_tc = np.empty((len(flat.rows), len(columns)), np.float32)
    for i, column in enumerate(columns):
        cells = get_column(table, column.name, where, markers)
        cells = cells.read_by(Reading(column.notation), said) if reads_text else cells.as_guessed()
        raw = read_numbers(cells)
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
