"""A column of a pyarrow table as numpy: numbers, times or text, with what of it is missing.

A message's row 17 is the 17th of the table at hand. n rows, k different texts.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa

from train.data.parsing import NUMBER, narrowed, parse_numbers, parse_times
from train.errors import UserError

# Of the values in a text column: from here on the others are taken for mistakes.
NUMBERS_SHARE = 0.9

Family: TypeAlias = Literal["number", "boolean", "text", "time", "empty", "other"]


@dataclass(frozen=True)
class RawColumn:
    """A column of a table, or its rows `rows`, and where it came from."""

    name: str
    where: str
    data: pa.ChunkedArray
    markers: tuple[str, ...]
    rows: np.ndarray | None

    def row(self, place: int | np.integer) -> str:
        """A row in a message, counted from 1 in the table."""
        return f"row {(place if self.rows is None else self.rows[place]) + 1}"

    def error(self, message: str) -> UserError:
        """A UserError that names the file and the column."""
        return UserError(f"{self.where}: column {self.name!r}: {message}")

    @property
    def family(self) -> Family:
        """What its pyarrow type holds."""
        kind = self.data.type
        if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
            return "number"
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            return "text"
        if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
            return "time"
        if pa.types.is_boolean(kind):
            return "boolean"
        return "empty" if pa.types.is_null(kind) else "other"


class Numbers(NamedTuple):
    """A column as numbers, and which of them are missing [n].

    `data` [n] is float64 or, where some are beyond 2**53, int64.
    """

    data: np.ndarray
    missing: np.ndarray

    @property
    def known(self) -> np.ndarray:
        """The numbers that are not missing."""
        return self.data[~self.missing]


class Text(NamedTuple):
    """A column as text: `values` [k], all different, and `codes` [n] into them, -1 for missing."""

    codes: np.ndarray
    values: list[str]


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name."""
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=0.0)
    return f"; did you mean {found[0]!r}?" if found else ""


def get_column(
    table: pa.Table, name: str, where: str, markers: Iterable[str], rows: np.ndarray | None = None
) -> RawColumn:
    """A column, or its rows `rows`.

    Raises UserError if none or several have this name, or if it holds e.g. lists.
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
    if rows is not None:
        data = data.take(pa.array(rows))
    raw = RawColumn(name, where, data, tuple(markers), rows)
    if raw.family == "other":
        expected = "expected numbers, text, true and false, or times"
        raise raw.error(f"holds {data.type}, {expected}; name it in config.data.ignore")
    return raw


def read_numbers(raw: RawColumn) -> Numbers:
    """Numbers, true and false as 1 and 0, and text that is numbers.

    Raises UserError for all else, and infinity.
    """
    if raw.family == "time":
        raise raw.error("holds times, expected numbers")
    if raw.family == "text":
        text = read_text(raw)
        parsed, valid = parse_numbers(text.values)
        _check_parsed(raw, text, valid, "a number")
        values = Numbers(np.append(parsed, 0)[text.codes], text.codes < 0)
    else:
        values = Numbers(_as_numpy(raw.data), missing_rows(raw))
    infinite = np.flatnonzero(np.isinf(values.data) & ~values.missing)
    if len(infinite):
        raise raw.error(f"{raw.row(infinite[0])} is infinite; correct or remove it")
    return values


def missing_rows(raw: RawColumn) -> np.ndarray:
    """Which rows have no value [n]: null, nan, or what a marker writes, such as -999 in numbers."""
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
        return narrowed(data.cast(pa.int64()).fill_null(0).to_numpy())
    except pa.ArrowInvalid:  # unsigned, and beyond 2**63
        return data.cast(pa.float64(), safe=False).to_numpy()


def read_times(raw: RawColumn) -> Numbers:
    """Microseconds since 1970 UTC of dates, times and ISO text; without a zone, UTC is meant."""
    if raw.family == "empty":
        return Numbers(np.zeros(len(raw.data)), np.ones(len(raw.data), bool))
    if raw.family == "time":
        microseconds = pa.timestamp("us", getattr(raw.data.type, "tz", None))
        ticks = raw.data.cast(microseconds, safe=False).cast(pa.int64())
        return Numbers(ticks.fill_null(0).to_numpy().astype(np.float64), missing_rows(raw))
    if raw.family != "text":
        raise raw.error(f"holds {raw.data.type}, expected times")
    text = read_text(raw)
    parsed, valid = parse_times(text.values)
    _check_parsed(raw, text, valid, "an ISO date or time")
    return Numbers(np.append(parsed, 0)[text.codes], text.codes < 0)


def _check_parsed(raw: RawColumn, text: Text, valid: np.ndarray, expected: str) -> None:
    """Raises UserError with the first rows whose text is not valid."""
    wrong = np.flatnonzero(~np.append(valid, True)[text.codes])
    if not len(wrong):
        return
    shown = []
    for place in wrong[:3]:
        shown.append(f"{text.values[text.codes[place]][:40]!r} in {raw.row(place)}")
    more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
    advice = (
        "correct it, add it to config.data.missing, or name the column in config.data.categorical"
    )
    raise raw.error(f"{', '.join(shown)}{more}: expected {expected}; {advice}")


def read_text(raw: RawColumn) -> Text:
    """Any column as text.

    Whole numbers are without a fraction, true and false in lower case, times in ISO form.
    """
    data = raw.data
    if raw.family == "empty":
        return Text(np.full(len(data), -1), [])
    if raw.family in ("boolean", "time") or pa.types.is_decimal(data.type):
        data = data.cast(pa.string())
    encoded = data.dictionary_encode().combine_chunks()
    labels = map(_as_label, encoded.dictionary.to_numpy(zero_copy_only=False))
    absent = {*raw.markers, "nan"} if raw.family == "number" else set(raw.markers)
    order = {}
    places = [-1 if label in absent else order.setdefault(label, len(order)) for label in labels]
    # The last entry is the one that -1, missing, picks.
    codes = np.array([*places, -1])[encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)]
    return Text(codes, list(order))


def _as_label(value: object) -> str:
    """A value of a column as text, a whole number without its fraction."""
    if isinstance(value, np.floating) and value.is_integer() and abs(value) < 2**53:
        return f"{value + 0.0:.0f}"
    return str(value)


def infer_kind(raw: RawColumn) -> Literal["number", "time", "category"]:
    """What a column holds.

    Raises UserError where nearly all of its texts are numbers or times, but not all: the others
    are likely mistakes.
    """
    if raw.family == "time":
        return "time"
    if raw.family == "boolean":
        return "category"
    if raw.family != "text":
        return "number"
    text = read_text(raw)
    if _nearly_all(raw, text, parse_numbers(text.values)[1], "a number"):
        return "number"
    is_time = _nearly_all(raw, text, parse_times(text.values)[1], "an ISO date or time")
    return "time" if is_time else "category"


def _nearly_all(raw: RawColumn, text: Text, valid: np.ndarray, expected: str) -> bool:
    """Whether these texts are valid. Raises UserError if nearly all are, but not all."""
    count_k = np.bincount(text.codes[text.codes >= 0], minlength=len(text.values))
    if count_k[valid].sum() < NUMBERS_SHARE * count_k.sum():
        return False
    _check_parsed(raw, text, valid, expected)
    return True
