"""Columns of pandas' Periods, which Arrow holds as whole numbers, as the times that these begin."""

from __future__ import annotations

import json
import re

import numpy as np
import pyarrow as pa

EXTENSION = "pandas.period"
# Months that a period has, or numpy's unit of it.
OF_MONTHS = {"M": 1, "Q": 3, "A": 12, "Y": 12}
UNITS = {"D": "D", "h": "h", "H": "h", "min": "m", "T": "m", "s": "s", "S": "s", "ms": "ms"}
UNITS |= {"us": "us", "ns": "ns"}
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")


def as_times(data: pa.ChunkedArray, field: pa.Field) -> pa.ChunkedArray:
    """The column as times where it holds Periods, else as it is."""
    frequency = _frequency(data, field)
    if frequency is None:
        return data
    match = re.fullmatch(r"[0-9]*([A-Za-z]+?)(?:[SE])?(?:-([A-Z]{3}))?", frequency)
    if match is None:
        return data
    chunks = []
    for chunk in data.chunks:
        whole = chunk.storage if isinstance(chunk, pa.ExtensionArray) else chunk
        numbers = whole.cast(pa.int64())
        begins = _begins(numbers.fill_null(0).to_numpy(), match[1], match[2] or "")
        if begins is None:
            return data
        missing = numbers.is_null().to_numpy(zero_copy_only=False)
        chunks.append(pa.array(begins.astype("datetime64[us]"), mask=missing))
    return pa.chunked_array(chunks, pa.timestamp("us"))


def with_times(table: pa.Table) -> pa.Table:
    """The table with Periods as times, which its fields alone tell where pandas is not loaded."""
    for place, field in enumerate(table.schema):
        column = table.column(place)
        times = as_times(column, field)
        if times is not column:
            table = table.set_column(place, field.name, times)
    return table


def _frequency(data: pa.ChunkedArray, field: pa.Field) -> str | None:
    """The frequency of Periods; None of other columns."""
    name = getattr(data.type, "extension_name", None)
    if name == EXTENSION:
        return str(getattr(data.type, "freq", ""))
    found = field.metadata or {}
    if found.get(b"ARROW:extension:name") != EXTENSION.encode():
        return None
    try:
        described = json.loads(found.get(b"ARROW:extension:metadata", b""))
    except ValueError:  # no JSON, or no UTF-8
        return None
    return str(described.get("freq", "")) if isinstance(described, dict) else None


def _begins(numbers: np.ndarray, unit: str, anchor: str) -> np.ndarray | None:
    """When periods begin, by their numbers; None of a unit that is not known."""
    if unit in OF_MONTHS:
        months = OF_MONTHS[unit]
        # A quarter, or a year, that ends in its anchor.
        last = MONTHS.index(anchor) + 1 if anchor in MONTHS else 12
        first = numbers * months - (12 - last if months > 1 else 0)
        return first.astype("datetime64[M]")
    if unit == "W":
        last_day = WEEKDAYS.index(anchor) if anchor in WEEKDAYS else 6
        # Week 0 of those that end on Sundays began on 1969-12-22, ten days before 1970.
        return (numbers * 7 - 10 + (last_day + 1) % 7).astype("datetime64[D]")
    if unit in UNITS:
        return numbers.astype(f"datetime64[{UNITS[unit]}]")
    return None
