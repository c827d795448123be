"""JSON lines that need not fit in memory: groups of lines, which are read as row groups are."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence

import pyarrow as pa

from train.data.files.arrow import PARQUET, plain_kinds
from train.data.files.encoding import to_utf8
from train.data.files.json_lines import read_json_lines
from train.data.files.read import JSON_LINES
from train.data.files.row_groups import Files, Piece, RowGroup, find_files, read_pieces, rows_from
from train.errors import UserError

GROUP_BYTES = 1 << 20  # of lines, about


def find_rows(path: str, columns: Sequence[str]) -> Files:
    """The groups of rows of a Parquet or JSON lines file, or of all files of a folder.

    They come in the order of the files' names. Raises UserError as `find_files`, for files of both
    kinds in a folder, and for JSON lines that are no objects or hold values of several kinds in one
    of these columns.
    """
    if not os.path.isdir(path):
        is_lines = path.lower().endswith(JSON_LINES)
        return _find_lines([path], path, columns) if is_lines else find_files(path)
    names = sorted(name for name in os.listdir(path) if name[0] not in "._")
    lines = [name for name in names if name.lower().endswith(JSON_LINES)]
    if not lines:
        return find_files(path)
    if others := [name for name in names if name.lower().endswith(PARQUET)]:
        found = f"holds {lines[0]} and {others[0]}"
        raise UserError(f"{path}: {found}; keep Parquet or JSON lines in it, not both")
    return _find_lines([os.path.join(path, name) for name in lines], path, columns)


def read_rows(
    group: RowGroup, columns: Sequence[str], n_rows: int | None = None
) -> Iterator[Piece]:
    """The rows of a group of either kind, as `read_pieces` has them. Raises UserError."""
    if group.span is None:
        yield from read_pieces(group, columns, n_rows)
        return
    start, end = group.span
    try:
        with open(group.path, "rb") as file:
            file.seek(start)
            data = file.read(end - start)
    except OSError as error:
        raise UserError(f"{group.path}: cannot be read: {error.strerror}") from None
    table = _parsed(data, group.path, group.in_file)
    if table.num_rows != group.n_rows:
        raise UserError(f"{group.path}: changed while it was read; begin again")
    kinds = dict(group.casts)
    arrays = []
    for name in columns:
        has = name in table.column_names
        array = table[name] if has else pa.nulls(table.num_rows, kinds[name])
        arrays.append(array.cast(kinds[name]))
    table = pa.Table.from_arrays(arrays, list(columns))
    for place in range(0, group.n_rows, n_rows or group.n_rows):
        where = rows_from(group.path, group.in_file + place)
        yield Piece(table.slice(place, n_rows), group.first + place, where)


def _find_lines(paths: Sequence[str], path: str, columns: Sequence[str]) -> Files:
    """The groups of lines of these files. Raises UserError."""
    groups: list[RowGroup] = []
    kinds: dict[str, pa.DataType] = {}
    digest = hashlib.sha256()
    first = 0
    for name in paths:
        in_file = 0
        known_by = os.path.relpath(name, path) if os.path.isdir(path) else os.path.basename(name)
        digest.update(known_by.encode())
        for start, data in _blocks(name):
            digest.update(data)
            table = _parsed(data, name, in_file)
            _widen(kinds, table, columns, name)
            if table.num_rows:
                span = start, start + len(data)
                groups.append(
                    RowGroup(name, len(groups), first, in_file, table.num_rows, span=span)
                )
            first += table.num_rows
            in_file += table.num_rows
    if not groups:
        raise UserError(f"{path}: has no rows")
    casts = tuple(kinds.items())
    whole = tuple(group._replace(casts=casts) for group in groups)
    return Files(whole, pa.schema(casts), digest.hexdigest())


def _blocks(path: str) -> Iterator[tuple[int, bytes]]:
    """Where each block of whole lines begins, and its bytes. Raises UserError."""
    try:
        with open(path, "rb") as file:
            start = 0
            rest = b""
            while more := file.read(GROUP_BYTES):
                data = rest + more
                if not start and data.lstrip().startswith(b"["):
                    raise UserError(f"{path}: holds one JSON array; write an object a line")
                end = data.rfind(b"\n") + 1
                if end:
                    yield start, data[:end]
                start += end
                rest = data[end:]
            if rest:
                yield start, rest
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None


def _parsed(data: bytes, path: str, in_file: int) -> pa.Table:
    """The rows of a block of lines. Raises UserError."""
    where = rows_from(path, in_file)
    if not data.strip():
        return pa.table({})
    return plain_kinds(read_json_lines(to_utf8(data, where), where, ()))


def _widen(
    kinds: dict[str, pa.DataType], table: pa.Table, columns: Sequence[str], path: str
) -> None:
    """Lets the kinds of columns so far hold those of a block too.

    Raises UserError where that of one of `columns` cannot.
    """
    for field in table.schema:
        before = kinds.get(field.name, pa.null())
        wider = _wider(before, field.type)
        if wider is None and field.name not in columns:
            continue
        if wider is None:
            change = f"changes from {before} to {field.type}"
            raise UserError(f"{path}: column {field.name!r} {change}; expected one kind per column")
        kinds[field.name] = wider


def _wider(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    """The kind that holds values of both; None without one that reads the same."""
    if one == other or pa.types.is_null(other):
        return one
    if pa.types.is_null(one):
        return other
    if pa.types.is_list(one) and pa.types.is_list(other):
        within = _wider(one.value_type, other.value_type)
        return None if within is None else pa.list_(within)
    if {one, other} == {pa.int64(), pa.float64()}:
        return pa.float64()
    return None
