"""A column of a pyarrow table as numpy: numbers, times or text, with what of it is missing.

A message's row 17 is the 17th of the table at hand. n rows, k different texts.
"""

from __future__ import annotations

import datetime
import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa

from train.errors import UserError

# Of the values in a text column: from here on the others are taken for mistakes.
NUMBERS_SHARE = 0.9
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
INTEGER = re.compile(r"[+-]?[0-9]{1,18}")


@dataclass(frozen=True)
class RawColumn:
    """A column of a table, or its rows `rows`, and where it came from."""

    name: str
    where: str
    data: pa.ChunkedArray
    markers: tuple[str, ...]
    rows: np.ndarray | None

    def row(self, place: int) -> str:
        return f"row {(place if self.rows is None else self.rows[place]) + 1}"

    def error(self, message: str) -> UserError:
        return UserError(f"{self.where}: column {self.name!r}: {message}")

    @property
    def family(self) -> Literal["number", "boolean", "text", "time", "empty", "other"]:
        kind = self.data.type
        if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
            return "number"
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            return "text"
        if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
            return "time"
        return (
            "boolean"
            if pa.types.is_boolean(kind)
            else "empty"
            if pa.types.is_null(kind)
            else "other"
        )


class Numbers(NamedTuple):
    """A column as numbers: `data` [n], float64 or, where some are beyond 2**53, int64; and which
    are `missing` [n].
    """

    data: np.ndarray
    missing: np.ndarray

    @property
    def known(self) -> np.ndarray:
        return self.data[~self.missing]


class Text(NamedTuple):
    """A column as text: `values` [k], all different, and `codes` [n] into them, -1 where
    missing.
    """

    codes: np.ndarray
    values: list[str]


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name."""
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=0.0)
    return f"; did you mean {found[0]!r}?" if found else ""


def get_column(
    table: pa.Table, name: str, where: str, markers: Iterable[str], rows: np.ndarray | None = None
) -> RawColumn:
    """A column, or some rows of it. Raises UserError if none or several have this name, or if it
    holds e.g. lists.
    """
    places = table.schema.get_all_field_indices(name)
    if not places:
        raise UserError(f"{where}: no column {name!r}{nearest(name, table.column_names)}")
    if len(places) > 1:
        raise UserError(f"{where}: {len(places)} columns are called {name!r}; rename all but one")
    data = table.column(places[0])
    if pa.types.is_dictionary(data.type):
        data = data.cast(data.type.value_type)
    if pa.types.is_string_view(data.type):
        data = data.cast(pa.large_string())
    raw = RawColumn(
        name, where, data if rows is None else data.take(pa.array(rows)), tuple(markers), rows
    )
    if raw.family == "other":
        expected = "expected numbers, text, true and false, or times"
        raise raw.error(f"holds {data.type}, {expected}; name it in config.data.ignore")
    return raw


def read_numbers(raw: RawColumn) -> Numbers:
    """Numbers, true and false as 1 and 0, and text that is numbers. Raises UserError for all else,
    and infinity.
    """
    if raw.family == "time":
        raise raw.error("holds times, expected numbers")
    if raw.family == "text":
        text = read_text(raw)
        parsed, valid = _parse_numbers(text.values)
        _check_parsed(raw, text, valid, "a number")
        values = Numbers(np.append(parsed, 0)[text.codes], text.codes < 0)
    else:
        values = Numbers(_as_numpy(raw.data), missing_rows(raw))
    infinite = np.flatnonzero(np.isinf(values.data) & ~values.missing)
    if len(infinite):
        raise raw.error(f"{raw.row(infinite[0])} is infinite; correct or remove it")
    return values


def missing_rows(raw: RawColumn) -> np.ndarray:
    """Which rows have no value [n]: null, nan, or what a marker writes, in numbers too (such as
    -999).
    """
    if raw.family == "text":
        return read_text(raw).codes < 0
    missing = raw.data.is_null(nan_is_null=True).to_numpy()
    marked = [float(marker) for marker in raw.markers if NUMBER.fullmatch(marker)]
    if marked and raw.family == "number":
        missing = missing | np.isin(_as_numpy(raw.data), marked)
    return missing


def _as_numpy(data: pa.ChunkedArray) -> np.ndarray:
    """float64 wherever that is exact, int64 for larger integers; any number where missing."""
    if not (pa.types.is_integer(data.type) or pa.types.is_boolean(data.type)):
        return data.cast(pa.float64()).to_numpy()
    try:
        return _narrowed(data.cast(pa.int64()).fill_null(0).to_numpy())
    except pa.ArrowInvalid:  # unsigned, and beyond 2**63
        return data.cast(pa.float64(), safe=False).to_numpy()


def _narrowed(integers: np.ndarray) -> np.ndarray:
    """Integers as float64 where none of them is rounded by it, or where differences could
    overflow.
    """
    peak = max(int(integers.max()), -int(integers.min())) if len(integers) else 0
    return integers if 2**53 < peak < 2**62 else integers.astype(np.float64)


def _parse_numbers(values: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """The numbers that texts write [k], and which texts write one [k]."""
    stripped = [value.strip() for value in values]
    valid = np.array([NUMBER.fullmatch(value) is not None for value in stripped], bool)
    kept = [value if ok else "0" for value, ok in zip(stripped, valid, strict=True)]
    if all(INTEGER.fullmatch(value) for value in kept):
        return _narrowed(np.array([int(value) for value in kept], np.int64)), valid
    return np.array([float(value) for value in kept]), valid


def read_times(raw: RawColumn) -> Numbers:
    """Microseconds since 1970 UTC of dates, times and ISO text; a time without zone counts as
    UTC.
    """
    if raw.family == "empty":
        return Numbers(np.zeros(len(raw.data)), np.ones(len(raw.data), bool))
    if raw.family == "time":
        ticks = raw.data.cast(
            pa.timestamp("us", getattr(raw.data.type, "tz", None)), safe=False
        ).cast(pa.int64())
        return Numbers(ticks.fill_null(0).to_numpy().astype(np.float64), missing_rows(raw))
    if raw.family != "text":
        raise raw.error(f"holds {raw.data.type}, expected times")
    text = read_text(raw)
    parsed, valid = _parse_times(text.values)
    _check_parsed(raw, text, valid, "an ISO date or time")
    return Numbers(np.append(parsed, 0)[text.codes], text.codes < 0)


def _parse_times(values: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Microseconds since 1970 UTC that texts write [k], and which texts write a time [k]."""
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    parsed = np.zeros(len(values))
    valid = np.zeros(len(values), bool)
    for i, value in enumerate(values):
        try:
            time = datetime.datetime.fromisoformat(value.strip())
        except ValueError:
            continue
        since = (time if time.tzinfo else time.replace(tzinfo=datetime.UTC)) - epoch
        parsed[i] = since // datetime.timedelta(microseconds=1)
        valid[i] = True
    return parsed, valid


def _check_parsed(raw: RawColumn, text: Text, valid: np.ndarray, expected: str) -> None:
    """Raises UserError with the first rows whose text is not valid."""
    wrong = np.flatnonzero(~np.append(valid, True)[text.codes])
    if len(wrong):
        shown = ", ".join(
            f"{text.values[text.codes[place]][:40]!r} in {raw.row(place)}" for place in wrong[:3]
        )
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        advice = "correct it, add it to config.data.missing, or name the column in config.data.categorical"
        raise raw.error(f"{shown}{more}: expected {expected}; {advice}")


def read_text(raw: RawColumn) -> Text:
    """Any column as text: whole numbers without a fraction, true and false in lower case, times in
    ISO form.
    """
    data = raw.data
    if raw.family == "empty":
        return Text(np.full(len(data), -1), [])
    if raw.family in ("boolean", "time") or pa.types.is_decimal(data.type):
        data = data.cast(pa.string())
    encoded = data.dictionary_encode().combine_chunks()
    labels = [_as_label(value) for value in encoded.dictionary.to_numpy(zero_copy_only=False)]
    absent = {*raw.markers, "nan"} if raw.family == "number" else set(raw.markers)
    order = {}
    places = [-1 if label in absent else order.setdefault(label, len(order)) for label in labels]
    # The last entry is the one that -1, missing, picks.
    codes = np.array([*places, -1])[encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)]
    return Text(codes, list(order))


def _as_label(value: Any) -> str:
    whole = isinstance(value, np.floating) and value.is_integer() and abs(value) < 2**53
    return f"{value + 0.0:.0f}" if whole else str(value)


def infer_kind(raw: RawColumn) -> Literal["number", "time", "category"]:
    """What a column holds. Raises UserError where nearly all of its texts are numbers or times, but
    not all: the others are likely mistakes.
    """
    if raw.family != "text":
        return (
            "time" if raw.family == "time" else "category" if raw.family == "boolean" else "number"
        )
    text = read_text(raw)
    if _nearly_all(raw, text, _parse_numbers(text.values)[1], "a number"):
        return "number"
    return (
        "time"
        if _nearly_all(raw, text, _parse_times(text.values)[1], "an ISO date or time")
        else "category"
    )


def _nearly_all(raw: RawColumn, text: Text, valid: np.ndarray, expected: str) -> bool:
    count_k = np.bincount(text.codes[text.codes >= 0], minlength=len(text.values))
    if count_k[valid].sum() < NUMBERS_SHARE * count_k.sum():
        return False
    _check_parsed(raw, text, valid, expected)
    return True
