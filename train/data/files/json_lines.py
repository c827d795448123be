"""JSON lines -> pyarrow tables: one object a line, its names the columns."""

from __future__ import annotations

import contextlib
import json
import re
from collections import Counter

import pyarrow as pa
import pyarrow.json as pajson

from train.config.data_options import MISSING
from train.data.files.arrow import first_line, unmarked
from train.data.files.delimited import MAX_BLOCK_BYTES
from train.errors import UserError


def read_json_lines(data: bytes, path: str, missing: tuple[str, ...]) -> pa.Table:
    """The table in JSON lines. Raises UserError, with the line."""
    if data.lstrip().startswith(b"["):
        how = "pandas: to_json(path, orient='records', lines=True)"
        raise UserError(f"{path}: holds one JSON array; expected one object per line ({how})")
    with contextlib.suppress(pa.ArrowInvalid):
        return _parse_json_lines(data)
    # Either a line is broken, or a column has strings among its numbers, which may all be missing
    # markers.
    lines = []
    rows = []
    for at, line in enumerate(data.splitlines(), 1):
        if line.strip():
            rows.append(_json_object(line, f"{path}, line {at}"))
            lines.append(at)
    cleaned = _without_markers(rows, {*missing, ""})
    try:
        return _parse_json_lines("\n".join(map(json.dumps, cleaned)).encode())
    except pa.ArrowInvalid as error:
        change = re.search(r"Column\(/(.*)\) changed from (\w+) to (\w+) in row (\d+)", str(error))
        if change is None:
            raise UserError(f"{path}: {first_line(error)}") from None
        name, before, after, row = change.groups()
        where = f"{path}, line {lines[int(row)]}: column {name!r}"
        change = f"changes from {before} to {after}"
        raise UserError(f"{where} {change}; expected one kind per column") from None


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
    return isinstance(value, int | float) and not isinstance(value, bool)


def _unmarked_steps(value: object, markers: set[str], depth: int = 2) -> object:
    """The value, or its lists, with None for a string that is a missing marker."""
    if isinstance(value, list) and depth > 0:
        return [_unmarked_steps(item, markers, depth - 1) for item in value]
    return unmarked(value, markers)


def _parse_json_lines(data: bytes) -> pa.Table:
    """The table as pyarrow reads it."""
    options = pajson.ReadOptions(block_size=min(len(data) + 1, MAX_BLOCK_BYTES))
    table = pajson.read_json(pa.py_buffer(data), read_options=options)
    # Text of dates alone: in another file the same column may hold other text beside them.
    dates = [field.name for field in table.schema if pa.types.is_timestamp(field.type)]
    if not dates:
        return table
    schema = pa.schema([(name, pa.string()) for name in dates])
    as_text = pajson.ParseOptions(explicit_schema=schema)
    return pajson.read_json(pa.py_buffer(data), read_options=options, parse_options=as_text).select(
        table.column_names
    )


def _json_object(line: bytes, where: str) -> dict[str, object]:
    """The object that a line holds. Raises UserError for all else, and for a name given twice."""

    def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
        for name, count in Counter(name for name, _ in pairs).items():
            if count > 1:
                raise ValueError(f"{name!r} is given twice")
        return dict(pairs)

    try:
        value = json.loads(line, object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where}: not a JSON object: {error}") from None
    if not isinstance(value, dict):
        raise UserError(f"{where}: expected a JSON object, found {first_line(line.decode())[:40]}")
    return value
