"""Tables in memory -> pyarrow tables, in few kinds, with every missing value null."""

# pyright: reportAttributeAccessIssue=false
# pyarrow.compute makes its functions while it is imported: nothing a type checker could see.

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence, Set
from functools import lru_cache
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from train.config.data_options import MISSING
from train.data.files.objects import of_objects
from train.data.files.pandas_kinds import (
    Foreign,
    items_of,
    numbers_as_text,
    of_plain_kind,
    plain_array,
    text_of_bytes,
)
from train.data.files.words import WORDS, words_marked
from train.data.periods import with_times
from train.errors import UserError

FEW_ROWS = 16  # of which Python knows sooner than a call of pyarrow begins
PLAIN_KINDS = frozenset((pa.float64(), pa.int64(), pa.string(), pa.bool_()))
PARQUET = (".parquet", ".pq")
ARRAYS = (pa.Array, pa.ChunkedArray)
NUMBERS = (int, float, np.integer, np.floating)
T = TypeVar("T")


def as_table(
    data: Foreign, missing: tuple[str, ...] = MISSING, *, may_repeat: bool = False
) -> pa.Table:
    """Rows in memory as a table.

    They are a pyarrow table or batch, a dict of columns, a pandas or polars DataFrame, or a list of
    dicts, a row each. Strings in `missing`, empty ones and nan become null; a column of rank 2
    becomes one of lists. Names that are numbers become text. Raises UserError, also for names that
    are given twice unless they `may_repeat`.
    """
    if isinstance(data, pa.Table | pa.RecordBatch):
        table = with_times(data if isinstance(data, pa.Table) else pa.Table.from_batches([data]))
    elif isinstance(data, list | tuple):
        table = _from_columns(_columns_of(data).items(), missing)
    elif hasattr(type(data), "iloc") and not hasattr(data, "columns"):
        raise UserError(
            "data: a Series is no table; a row of a frame is frame.iloc[[0]], a column frame[['a']]"
        )
    # A dict, records of numpy, or a pandas DataFrame, whose columns pyarrow reads one by one.
    elif hasattr(data, "items") or getattr(getattr(data, "dtype", None), "names", None):
        table = _from_columns(items_of(data), missing)
    elif hasattr(data, "to_arrow") and hasattr(data, "columns"):  # polars
        has_objects = "Object" in map(str, getattr(data, "dtypes", ()))
        named = ((name, data[name]) for name in data.columns)
        table = _from_columns(named, missing) if has_objects else data.to_arrow()
    else:
        expected = "a dict of columns, a pyarrow, pandas or polars table, or a list of dicts"
        raise UserError(f"data: cannot read type {type(data).__name__}; expected {expected}")
    check_names(table.schema.names, "data", may_repeat=may_repeat)
    return of_objects(plain(table, missing), isinstance(data, list | tuple))


def plain(table: pa.Table, missing: tuple[str, ...]) -> pa.Table:
    """The table in few kinds, with nan and missing markers null; a struct as its fields."""
    markers = frozenset((*missing, ""))
    columns = []
    words = {}
    for place, column in enumerate(table.columns):
        if pa.types.is_struct(column.type):
            return plain(table.flatten(), missing)
        whole = _cast(column)
        columns.append(_unmark(whole, markers))
        if columns[-1] is not whole and (found := words_marked(whole, columns[-1])):
            words[place] = found
    whole = pa.Table.from_arrays(columns, table.schema.names)
    for place, found in words.items():
        field = whole.schema.field(place).with_metadata({WORDS: json.dumps(found)})
        whole = whole.set_column(place, field, columns[place])
    return whole


@lru_cache
def _as_column(markers: frozenset[str]) -> pa.Array:
    """Markers as a column."""
    return pa.array(sorted(markers), pa.string())


def plain_kinds(table: pa.Table) -> pa.Table:
    """The table in few kinds; what is missing stays as it is."""
    table = with_times(table)
    return pa.Table.from_arrays(list(map(_cast, table.columns)), table.column_names)


def check_names(names: list[str], where: str, *, may_repeat: bool = False) -> None:
    """Raises UserError unless there are names, none is empty, and they differ or `may_repeat`."""
    if not names:
        raise UserError(f"{where}: has no columns")
    first: dict[str, int] = {}
    for at, name in enumerate(names, 1):
        if not name:
            hint = "(if it is an index that pandas wrote: index=False)"
            raise UserError(f"{where}: column {at} has no name {hint}")
        if first.setdefault(name, at) != at and not may_repeat:
            both = f"columns {first[name]} and {at} are both named {name!r}"
            raise UserError(f"{where}: {both}; names must differ")


def unmarked(value: T, markers: Set[str]) -> T | None:
    """The value, or None for a string that is a missing marker."""
    return None if isinstance(value, str) and value.strip() in markers else value


def first_line(text: object) -> str:
    """The first line of a message: pyarrow's may have several, a UserError has one."""
    return str(text).partition("\n")[0]


def _columns_of(rows: Sequence[object]) -> dict[object, list[object]]:
    """The columns of dicts, a row each; None where a row lacks one. Raises UserError."""
    columns: dict[object, list[object]] = {}
    for at, row in enumerate(rows):
        if not isinstance(row, Mapping):
            kind = type(row).__name__
            raise UserError(f"data: row {at + 1} is no dict of columns but of type {kind}")
        for name, value in row.items():
            columns.setdefault(name, [None] * len(rows))[at] = value
    return columns


def _from_columns(columns: Iterable[tuple[object, Foreign]], missing: tuple[str, ...]) -> pa.Table:
    """Named columns as a table. Raises UserError if lengths differ."""
    names: list[str] = []
    arrays: list[pa.Array | pa.ChunkedArray] = []
    markers = {*missing, ""}
    for name, values in columns:
        if isinstance(name, NUMBERS):  # as pandas writes it
            name = str(name)
        if not isinstance(name, str):
            raise UserError(f"data: a column is named {name!r}; expected a string")
        names.append(name)
        arrays.append(_to_arrow(name, values, markers))
        if len(arrays[-1]) != len(arrays[0]):
            own = f"column {name!r} has {len(arrays[-1])} rows"
            first = f"column {names[0]!r} has {len(arrays[0])}"
            raise UserError(f"data: {own}, {first}; all columns must be of one length")
    return pa.Table.from_arrays(arrays, names)


def _to_arrow(name: str, values: Foreign, markers: set[str]) -> pa.Array | pa.ChunkedArray:
    """A column of any library as one of pyarrow. Raises UserError."""
    if isinstance(values, ARRAYS):
        return values
    kind = type(values)  # asked itself, pandas' Series would look among its labels
    if hasattr(kind, "to_arrow"):  # polars, whose objects would be bare addresses
        if str(values.dtype) != "Object":
            return values.to_arrow()
        values = values.to_list()
        kind = list
    if hasattr(kind, "iloc") and (plain_values := plain_array(values)) is not None:
        return plain_values
    values = of_plain_kind(values)
    # Numpy, jax; pyarrow knows a pandas Series itself.
    if hasattr(kind, "__array__") and not hasattr(kind, "iloc"):
        values = np.asanyarray(values)  # so that a masked array stays one
    scalar = isinstance(values, np.ndarray) and values.ndim == 0
    if scalar or isinstance(values, str | bytes | set | Mapping) or not hasattr(kind, "__len__"):
        one = f"column {name!r} is one {type(values).__name__}"
        raise UserError(f"data: {one}; expected a list, one value per row; one row is [{{...}}]")
    try:
        return pa.array(values)
    # Among them pandas' NaT and NA in a list: ValueError, or TypeError.
    except (pa.ArrowException, OverflowError, TypeError, ValueError):
        try:  # markers among numbers, or rows that are arrays
            rows = (value.tolist() if getattr(value, "ndim", 0) > 1 else value for value in values)
            cells = numbers_as_text([unmarked(value, markers) for value in rows])
            return pa.array(cells, from_pandas=True)
        except (pa.ArrowException, OverflowError, TypeError, ValueError) as error:
            what = f"column {name!r} is not of one kind: {first_line(error)}"
            raise UserError(f"data: {what}") from None


def _cast(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column in one of the few kinds."""
    if column.type in PLAIN_KINDS:
        return column
    column = text_of_bytes(column)
    kind = column.type
    if _plain_kind(kind) == kind:
        return column
    # In two steps: there is no cast from a dictionary of string_view.
    return column.cast(_with_plain_values(kind)).cast(_plain_kind(kind))


def _with_plain_values(kind: pa.DataType) -> pa.DataType:
    """The kind with the values of its dictionaries, in lists too, in one of the few kinds."""
    if pa.types.is_dictionary(kind):
        return pa.dictionary(kind.index_type, _plain_kind(kind.value_type))
    if pa.types.is_list(kind):
        return pa.list_(_with_plain_values(kind.value_type))
    return kind


def _plain_kind(kind: pa.DataType) -> pa.DataType:
    """The one of the few kinds that stands for a kind of pyarrow."""
    types = pa.types
    if types.is_dictionary(kind):
        return _plain_kind(kind.value_type)
    if types.is_large_string(kind) or types.is_string_view(kind):
        return pa.string()
    if types.is_decimal(kind):
        return pa.float64()
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return pa.list_(_plain_kind(kind.value_type))
    return kind


def _unmark(column: pa.ChunkedArray, markers: frozenset[str]) -> pa.ChunkedArray:
    """A column with nan and markers null, and of no kind where nothing else is left."""
    kind = column.type
    if kind == pa.float64() and len(column) <= FEW_ROWS:
        cells = column.to_pylist()
        if all(cell == cell for cell in cells):
            return column
        return pa.chunked_array([pa.array([c if c == c else None for c in cells], kind)])
    if pa.types.is_floating(kind):
        if not column.null_count and not np.isnan(column.to_numpy()).any():
            return column
        nan = pc.is_nan(column)
        return pc.if_else(nan, None, column) if pc.any(nan).as_py() else column
    if not pa.types.is_string(kind):
        return column
    cells = column.to_pylist() if len(column) <= FEW_ROWS else [""]
    if all(cell is None or cell.strip() not in markers for cell in cells):
        return column
    text = pc.utf8_trim_whitespace(column)
    marked = pc.is_in(text, _as_column(markers))
    if not pc.any(marked).as_py():
        return column
    if pc.sum(marked).as_py() == len(column) - column.null_count:
        return pa.chunked_array([pa.nulls(len(column))])
    return pc.if_else(marked, None, column)
