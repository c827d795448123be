"""JSON lines -> pyarrow tables: one object a line, or in one array, its names the columns."""

from __future__ import annotations

import contextlib
import json
import re
from collections import Counter
from collections.abc import Mapping

import pyarrow as pa
import pyarrow.json as pajson

from train.config.data_options import MISSING
from train.config.values import is_number
from train.data.files.arrow import first_line, unmarked
from train.data.files.delimited import MAX_BLOCK_BYTES
from train.errors import UserError


def read_json_lines(data: bytes, path: str, missing: tuple[str, ...]) -> pa.Table:
    """The table in JSON lines, or in one JSON array of objects. Raises UserError, with the line.

    A column that holds numbers and texts is one of text.
    """
    is_array = data.lstrip().startswith(b"[")
    if not is_array:
        with contextlib.suppress(pa.ArrowInvalid):
            return _parse_json_lines(data)
    # Either a line is broken, or a column has strings among its numbers, which may all be missing
    # markers.
    places = []
    rows = []
    if is_array:
        rows = _json_array(data, path)
        places = [f"object {at}" for at in range(1, len(rows) + 1)]
    for at, line in enumerate(() if is_array else data.splitlines(), 1):
        if line.strip():
            rows.append(_json_object(line, f"{path}, line {at}"))
            places.append(f"line {at}")
    cleaned = _as_one_kind(_without_markers(rows, {*missing, ""}))
    try:
        return _parse_json_lines("\n".join(map(json.dumps, cleaned)).encode())
    except pa.ArrowInvalid as error:
        change = re.search(r"Column\(/(.*)\) changed from (\w+) to (\w+) in row (\d+)", str(error))
        if change is None:
            raise UserError(f"{path}: {first_line(error)}") from None
        name, before, after, row = change.groups()
        column, is_list, _ = name.partition("/[]")
        within = " within its lists" if is_list else ""
        where = f"{path}, {places[int(row)]}: column {column!r}{within}"
        change = f"changes from {before} to {after}"
        raise UserError(f"{where} {change}; expected one kind per column") from None


def _as_one_kind(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    """The rows with numbers as texts in columns that hold both."""
    numbers = {name for row in rows for name in row if is_number(row[name])}
    texts = {name for row in rows for name in row if isinstance(row[name], str)}
    mixed = numbers & texts
    if not mixed:
        return rows
    alike = []
    for row in rows:
        as_text = {
            name: json.dumps(row[name]) for name in mixed & row.keys() if is_number(row[name])
        }
        alike.append(row | as_text)
    return alike


def _without_markers(rows: list[dict[str, object]], markers: set[str]) -> list[dict[str, object]]:
    """The rows with null for missing markers, in columns that hold numbers for any usual one."""
    numbers = {name for row in rows for name in row if _holds_number(row[name])}
    cleaned = []
    for row in rows:
        unmarked_row = {}
        for name, value in row.items():
            if name in numbers:
                unmarked_row[name] = _unmarked_steps(value, {*markers, *MISSING})
            else:
                unmarked_row[name] = unmarked(value, markers)
        cleaned.append(unmarked_row)
    return cleaned


def _holds_number(value: object, depth: int = 2) -> bool:
    """Whether a value is a number, or a list of numbers or of lists of them."""
    if isinstance(value, list):
        return depth > 0 and any(_holds_number(item, depth - 1) for item in value)
    return is_number(value)


def _unmarked_steps(value: object, markers: set[str], depth: int = 2) -> object:
    """The value, or its lists, with None for a string that is a missing marker."""
    if isinstance(value, list) and depth > 0:
        return [_unmarked_steps(item, markers, depth - 1) for item in value]
    return unmarked(value, markers)


def _parse_json_lines(data: bytes) -> pa.Table:
    """The table as pyarrow reads it."""
    table = _read_as(data, {})
    # Text of dates alone: in another file the same column may hold other text beside them.
    kinds = {field.name: _without_times(field.type) for field in table.schema}
    if not _is_whole(table):
        table = _read_as(data, {name: _with_numbers(kind) for name, kind in kinds.items()})
        for name, kind in kinds.items():
            if _with_numbers(kind) != kind:
                place = table.column_names.index(name)
                column = pa.array(table[name].to_pylist(), kind)
                table = table.set_column(place, name, column)
        return table.select(list(kinds))
    dates = {name: kind for name, kind in kinds.items() if kind != table.schema.field(name).type}
    return _read_as(data, dates).select(list(kinds)) if dates else table


def _read_as(data: bytes, kinds: Mapping[str, pa.DataType]) -> pa.Table:
    """The table, these columns of these kinds."""
    options = pajson.ReadOptions(block_size=min(len(data) + 1, MAX_BLOCK_BYTES))
    parsing = pajson.ParseOptions(explicit_schema=pa.schema(list(kinds.items())) if kinds else None)
    return pajson.read_json(pa.py_buffer(data), read_options=options, parse_options=parsing)


def _is_whole(table: pa.Table) -> bool:
    """Whether the lists of a table have all of their values.

    Until its kind is known pyarrow (26.0) loses nulls within lists, if it is not told the kind.
    """
    try:
        table.validate()
    except pa.ArrowInvalid:
        return False
    return True


def _without_times(kind: pa.DataType) -> pa.DataType:
    """The kind with text for times, in lists too."""
    if pa.types.is_list(kind):
        return pa.list_(_without_times(kind.value_type))
    return pa.string() if pa.types.is_timestamp(kind) else kind


def _with_numbers(kind: pa.DataType) -> pa.DataType:
    """The kind with numbers for what is null in all lists."""
    if not pa.types.is_list(kind):
        return kind
    within = pa.float64() if pa.types.is_null(kind.value_type) else kind.value_type
    return pa.list_(_with_numbers(within))


def _json_object(line: bytes, where: str) -> dict[str, object]:
    """The object that a line holds. Raises UserError for all else, and for a name given twice."""
    value = _parsed(line, f"{where}: not a JSON object")
    if not isinstance(value, dict):
        raise UserError(f"{where}: expected a JSON object, found {first_line(line.decode())[:40]}")
    return value


def _json_array(data: bytes, path: str) -> list[dict[str, object]]:
    """The objects of a JSON array. Raises UserError for all else."""
    value = _parsed(data, f"{path}: neither JSON lines nor a JSON array")
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        how = "pandas: to_json(path, orient='records', lines=True)"
        raise UserError(f"{path}: holds a JSON array, but not of objects, a row each ({how})")
    return value


def _parsed(text: bytes, what: str) -> object:
    """What JSON says. Raises UserError, which begins with `what`."""

    def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
        for name, count in Counter(name for name, _ in pairs).items():
            if count > 1:
                raise ValueError(f"{name!r} is given twice")
        return dict(pairs)

    try:
        return json.loads(text, object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{what}: {error}") from None
