"""The column of stamps of a file: read as float64, and written as it goes on. n rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from train.data.columns import RawColumn, Reading, get_column, read_text
from train.data.dates import has_zone
from train.data.notation import Notation
from train.data.series.stamps import DAY, SECOND, StampKind, TimeStep, find_step
from train.data.values import read_numbers, read_times
from train.errors import UserError


@dataclass(frozen=True)
class TimeColumn:
    """The column of stamps: times or plain numbers, and the zone that times are written in.

    `notation` and `date_order` are those of its texts in training rows.
    """

    name: str
    kind: StampKind
    zone: str | None = None
    step: TimeStep | None = None
    notation: Notation | None = None
    date_order: str = ""

    @property
    def holds_dates(self) -> bool:
        """Whether its stamps are days as far as zone and step say."""
        return self.zone is None and (self.step is None or not self.step.is_within_days)


def read_stamps(
    table: pa.Table, time: TimeColumn, where: str, markers: tuple[str, ...]
) -> np.ndarray:
    """The stamps of all rows, float64 [n]. Raises UserError if one is missing."""
    raw = get_column(table, time.name, where, markers)
    raw = raw.read_by(Reading(time.notation, time.date_order))
    values = read_numbers(raw) if time.kind == "number" else read_times(raw)
    if values.missing.any():
        row = raw.row(int(values.missing.argmax()))
        raise raw.error(f"{row} has no time; fill it in, or leave the row out")
    return values.data.astype(np.float64)


def check_step(series: Sequence[np.ndarray], time: TimeColumn, where: str) -> None:
    """Raises UserError if the stamps of a file's series have another step than in training.

    Forecasts of it would mean nothing.
    """
    step = find_step(series, time.kind)
    if step is not None and step != time.step:
        found = f"the step is {step}, but the net was trained on a step of {time.step}"
        raise UserError(f"{where}: column {time.name!r}: {found}; bring it to that step")


def zone_of(raw: RawColumn) -> str | None:
    """The time zone that a column's stamps are written in."""
    if raw.family == "text":
        return "UTC" if has_zone(read_text(raw).values) else None
    return getattr(raw.data.type, "tz", None)


def write_stamps(stamps: np.ndarray, time: TimeColumn) -> pa.Array:
    """Stamps as the column they continue, in the coarsest type that holds them.

    Dates where there are whole days, else times to the second or microsecond; whole numbers where
    numbers are whole.
    """
    if time.kind == "number":
        return pa.array(stamps if np.any(stamps % 1) else stamps.astype(np.int64))
    if time.holds_dates and not np.any(stamps % DAY):
        return pa.array((stamps // DAY).astype("datetime64[D]"))
    unit = "s"
    size = SECOND
    if np.any(stamps % SECOND):
        unit = "us"
        size = 1
    counts = pa.array((stamps // size).astype(np.int64), pa.int64())
    return counts.cast(pa.timestamp(unit, time.zone))
