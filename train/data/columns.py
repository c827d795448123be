"""A column of a pyarrow table as numpy: numbers, times or text, with what of it is missing.

A message's row 17 is the 17th of the table at hand. n rows, k different texts.
"""

# pyright: reportAttributeAccessIssue=false
# pyarrow.compute makes its functions while it is imported: nothing a type checker could see.

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from train.data.column_cache import CachedOnColumn
from train.data.files.found import delimiter_of
from train.data.files.guessed import guessed
from train.data.notation import PLAIN, Notation
from train.data.parsing import narrowed
from train.data.periods import as_times
from train.errors import UserError, nearest

Family: TypeAlias = Literal["number", "clock", "boolean", "text", "time", "empty", "other"]
Notes: TypeAlias = list[str]  # lines for the user; who reads cells with a doubt appends to them


class Reading(NamedTuple):
    """How the texts of a column are read: its numbers, and the order of its dates.

    `notation` is None where training rows held no text: then texts are read as programs write them.
    """

    notation: Notation | None = None
    order: str = ""


UNKNOWN = Reading()


@dataclass(frozen=True)
class RawColumn:
    """A column of a table, or its rows `rows`, and where it came from.

    `notes` take the lines for the user, where somebody listens; `otherwise` ends a message on
    cells that cannot be read. `cache` has what is known of these cells (`CachedOnColumn`).
    """

    name: str
    where: str
    data: pa.ChunkedArray
    markers: tuple[str, ...]
    rows: np.ndarray | None
    reading: Reading = UNKNOWN
    delimiter: str = ""
    notes: Notes | None = None
    otherwise: str = " or the column in config.data.categorical"
    cache: dict[object, Any] = field(default_factory=dict, repr=False, compare=False)

    def row(self, place: int | np.integer) -> str:
        """A row in a message, counted from 1 in the table."""
        return f"row {(place if self.rows is None else self.rows[place]) + 1}"

    def error(self, message: str) -> UserError:
        """A UserError that names the file and the column."""
        return UserError(f"{self.where}: column {self.name!r}: {message}")

    def say(self, message: str) -> None:
        """Tells the user something of the column."""
        if self.notes is not None:
            self.notes.append(f"{self.where}: column {self.name!r}: {message}")

    def read_by(self, reading: Reading, notes: Notes | None = None) -> RawColumn:
        """The column, to be read by this reading."""
        return replace(self, reading=reading, notes=notes)

    def as_guessed(self) -> RawColumn:
        """The column in the kind that 0.1.0 took its cells for, which looked at one file alone."""
        if self.family != "text" or not self.delimiter:
            return self
        return self.with_cells(guessed(self.data, self.markers, self.delimiter))

    def with_cells(self, data: pa.ChunkedArray) -> RawColumn:
        """The column with other cells."""
        return replace(self, data=data, cache={})

    @property
    def family(self) -> Family:
        """What its pyarrow type holds."""
        kind = self.data.type
        types = pa.types
        if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
            return "number"
        if types.is_string(kind) or types.is_large_string(kind):
            return "text"
        if types.is_date(kind) or types.is_timestamp(kind):
            return "time"
        if types.is_time(kind) or types.is_duration(kind):
            return "clock"
        if types.is_boolean(kind):
            return "boolean"
        return "empty" if types.is_null(kind) else "other"


class Source(NamedTuple):
    """A table that is read: what messages call it, and what in it stands for missing.

    `notes` take the lines for the user, where somebody listens.
    """

    table: pa.Table
    where: str
    markers: tuple[str, ...] = ()
    notes: Notes | None = None

    def column(self, name: str) -> RawColumn:
        """A column of it. Raises UserError as `get_column`."""
        return get_column(self.table, name, self.where, self.markers)

    def say(self, name: str, message: str) -> None:
        """Tells the user something of a column."""
        if self.notes is not None:
            self.notes.append(f"{self.where}: column {name!r}: {message}")


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

    @property
    def counts(self) -> np.ndarray:
        """How often each text stands [k]."""
        return np.bincount(self.codes[self.codes >= 0], minlength=len(self.values))


def get_column(
    table: pa.Table, name: str, where: str, markers: Iterable[str], rows: np.ndarray | None = None
) -> RawColumn:
    """A column, or its rows `rows`.

    Raises UserError if none or several have this name, or if it holds e.g. lists.
    """
    raw = find_column(table, name, where, markers, rows)
    if raw.family == "other":
        expected = "expected numbers, text, true and false, or times"
        raise raw.error(f"holds {raw.data.type}, {expected}; name it in config.data.ignore")
    return raw


def find_column(
    table: pa.Table, name: str, where: str, markers: Iterable[str], rows: np.ndarray | None = None
) -> RawColumn:
    """A column of any type, or its rows `rows`. Raises UserError if not one has this name."""
    places = table.schema.get_all_field_indices(name)
    if not places:
        raise UserError(f"{where}: no column {name!r}{nearest(name, table.column_names)}")
    if len(places) > 1:
        raise UserError(f"{where}: {len(places)} columns are called {name!r}; rename all but one")
    data = as_times(table.column(places[0]), table.schema.field(places[0]))
    if pa.types.is_dictionary(data.type):
        data = data.cast(data.type.value_type)
    if pa.types.is_string_view(data.type):
        data = data.cast(pa.large_string())
    if rows is not None:
        data = data.take(pa.array(rows))
    return RawColumn(name, where, data, tuple(markers), rows, delimiter=delimiter_of(table))


@CachedOnColumn
def missing_rows(raw: RawColumn) -> np.ndarray:
    """Which rows have no value [n]: null, nan, or what a marker writes, such as -999 in numbers."""
    if raw.family == "text":
        return text_or_null(raw).is_null().to_numpy()
    missing = raw.data.is_null(nan_is_null=True).to_numpy()
    marked = [float(marker) for marker in raw.markers if PLAIN.fullmatch(marker)]
    if marked and raw.family == "number":
        missing = missing | np.isin(typed_numbers(raw.data), marked)
    return missing


@CachedOnColumn
def text_or_null(raw: RawColumn) -> pa.ChunkedArray:
    """A column of text without blanks around it, null where a marker stands, or nothing."""
    text = pc.utf8_trim_whitespace(raw.data.cast(pa.string()))
    return pc.if_else(pc.is_in(text, _as_column(raw.markers)), None, text)


@lru_cache
def _as_column(markers: tuple[str, ...]) -> pa.Array:
    """Markers, and empty text."""
    return pa.array(sorted({*markers, ""}), pa.string())


def typed_numbers(data: pa.ChunkedArray) -> np.ndarray:
    """float64 wherever that is exact, int64 for larger integers; any number where missing.

    Times of day and durations are seconds.
    """
    kind = data.type
    if pa.types.is_time(kind) or pa.types.is_duration(kind):
        per_second = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}[kind.unit]
        counts = data.cast(pa.int32()) if pa.types.is_time32(kind) else data
        return counts.cast(pa.int64()).fill_null(0).to_numpy() / per_second
    if not (pa.types.is_integer(kind) or pa.types.is_boolean(kind)):
        return data.cast(pa.float64()).to_numpy()
    try:
        return narrowed(data.cast(pa.int64()).fill_null(0).to_numpy())
    except pa.ArrowInvalid:  # unsigned, and beyond 2**63
        return data.cast(pa.float64(), safe=False).to_numpy()


@CachedOnColumn
def read_text(raw: RawColumn) -> Text:
    """Any column as text, without blanks around it.

    Typed whole numbers are without a fraction, true and false in lower case, times in ISO form.
    """
    data = raw.data
    if raw.family == "empty":
        return Text(np.full(len(data), -1), [])
    if raw.family in ("boolean", "time", "clock") or pa.types.is_decimal(data.type):
        data = data.cast(pa.string())
    encoded = data.dictionary_encode().combine_chunks()
    labels = map(label_of, encoded.dictionary.to_numpy(zero_copy_only=False))
    absent = {*raw.markers, ""} | ({"nan"} if raw.family == "number" else set())
    order = {}
    places = [-1 if label in absent else order.setdefault(label, len(order)) for label in labels]
    # The last entry is the one that -1, missing, picks.
    codes = np.array([*places, -1])[encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)]
    return Text(codes, list(order))


def label_of(value: object) -> str:
    """A value of a column as text, a whole number without its fraction."""
    if isinstance(value, np.floating) and value.is_integer() and abs(float(value)) < 2**53:
        return f"{value + 0.0:.0f}"
    return str(value).strip()
