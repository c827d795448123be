"""Parquet files that need not fit in memory: their row groups, and the rows some at a time."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from train.data.files.arrow import PARQUET, check_names, first_line, plain_kinds
from train.data.files.partitions import KEY, Keys, key_type, keys_of, repeated
from train.errors import UserError

# Of a piece: they bound the memory of reading, however wide the table.
READ_CELLS = 1 << 22
MAX_ROWS = 65_536
# Of each column read at once, so that a long row group is never in memory as a whole.
READ_BYTES = 1 << 18


class RowGroup(NamedTuple):
    """A part of a file that can be read alone.

    `number` is its place in the file; `first` counts the rows before it in all files, `in_file` in
    its own. `keys` are columns that folders on its way are named after, as a=1, and `casts` those
    of another type than in the file. `span` are its bytes in a file of JSON lines, whose `casts`
    are the types of all columns.
    """

    path: str
    number: int
    first: int
    in_file: int
    n_rows: int
    keys: Keys = ()
    casts: tuple[tuple[str, pa.DataType], ...] = ()
    span: tuple[int, int] | None = None


class Piece(NamedTuple):
    """Some rows of a row group; `first` is the number of the first, `where` names them."""

    table: pa.Table
    first: int
    where: str


class Files(NamedTuple):
    """What a path holds. `fingerprint` is of the names, sizes and footers of the files."""

    groups: tuple[RowGroup, ...]
    schema: pa.Schema
    fingerprint: str

    @property
    def n_rows(self) -> int:
        """Rows of all files."""
        return sum(group.n_rows for group in self.groups)


def find_files(path: str) -> Files:
    """The row groups of a Parquet file, or of all those of a folder, in the order of their names.

    Folders named as a=1 within it give their files a column (Hive's partitions). Numbers that are
    whole in some files and fractions in others are float64. Raises UserError if there are no rows,
    or if files differ in the names or other types of their columns.
    """
    paths = _paths(path)
    footers = [_footer(name) for name in paths]
    keys = keys_of(path, paths)
    schema = _common_schema(paths, [own for _, own in footers])
    groups: list[RowGroup] = []
    digest = hashlib.sha256()
    first = 0
    for name, (metadata, own), own_keys in zip(paths, footers, keys, strict=True):
        within = os.path.relpath(name, path) if os.path.isdir(path) else os.path.basename(name)
        known_by = f"{within} {os.path.getsize(name)} {_footer_digest(name)}\n"
        digest.update(known_by.encode())
        own_keys = tuple(key for key in own_keys if key[0] not in own.names)
        casts = tuple((field.name, field.type) for field in schema if field not in own)
        in_file = 0
        for index in range(metadata.num_row_groups):
            n_rows = metadata.row_group(index).num_rows
            if n_rows:
                groups.append(RowGroup(name, index, first, in_file, n_rows, own_keys, casts))
            first = first + n_rows
            in_file = in_file + n_rows
    if not groups:
        raise UserError(f"{path}: has column names but no rows")
    for name, _ in keys[0]:
        if name not in schema.names:
            values = [dict(own)[name] for own in keys]
            schema = schema.append(pa.field(name, key_type(values)))
    return Files(tuple(groups), schema, digest.hexdigest())


def rows_from(path: str, row: int) -> str:
    """What messages call the rows of a file from its `row`-th on, counted from 0."""
    return f"{path}, counted from row {row + 1} on" if row else path


def read_folder(path: str) -> pa.Table:
    """All rows of the Parquet files of a folder, in memory. Raises UserError."""
    files = find_files(path)
    tables = []
    for group in files.groups:
        tables += [piece.table for piece in read_pieces(group, files.schema.names)]
    return pa.concat_tables(tables, promote_options="default")


def read_pieces(
    group: RowGroup, columns: Sequence[str], n_rows: int | None = None
) -> Iterator[Piece]:
    """The rows of a group in order, these columns of them; `n_rows` at a time. Raises UserError."""
    if n_rows is None:
        n_rows = int(np.clip(READ_CELLS // max(len(columns), 1), 256, MAX_ROWS))
    try:
        how = {"buffer_size": READ_BYTES, "page_checksum_verification": True}
        with pq.ParquetFile(group.path, **how) as file:
            start = 0
            keys = dict(group.keys)
            names = [name for name in columns if name not in keys]
            for batch in file.iter_batches(n_rows, row_groups=[group.number], columns=names):
                where = rows_from(group.path, group.in_file + start)
                table = plain_kinds(pa.Table.from_batches([batch]).select(names))
                for name, kind in group.casts:
                    if name in names:
                        place = names.index(name)
                        table = table.set_column(place, name, table[name].cast(kind))
                for name in columns:
                    if name in keys:
                        table = table.append_column(name, repeated(keys[name], table.num_rows))
                table = table.select(list(columns))
                yield Piece(table, group.first + start, where)
                start += batch.num_rows
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(group.path, error) from None


def _paths(path: str) -> list[str]:
    """The file, or the Parquet files of a folder, by name. Raises UserError if there are none."""
    if not os.path.isdir(path):
        return [path]
    found = []
    for folder, within, names in os.walk(path):
        within[:] = sorted(name for name in within if KEY.fullmatch(name))
        for name in sorted(names):
            if name.lower().endswith(PARQUET) and name[0] not in "._":
                found.append(os.path.join(folder, name))
    if not found:
        endings = " or ".join(PARQUET)
        raise UserError(
            f"{path}: a folder without Parquet files; expected some that end in {endings}"
        )
    return found


def _footer(path: str) -> tuple[pq.FileMetaData, pa.Schema]:
    """What a file says of its row groups and columns. Raises UserError."""
    try:
        with pq.ParquetFile(path) as file:
            return file.metadata, plain_kinds(file.schema_arrow.empty_table()).schema
    except FileNotFoundError:
        raise UserError(f"{path}: no such file or folder") from None
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from None


def _unreadable(path: str, error: Exception) -> UserError:
    return UserError(f"{path}: not a readable Parquet file: {first_line(error)}")


def _footer_digest(path: str) -> str:
    """SHA-256 of where each column stands in the file, how long it is, and its statistics."""
    with open(path, "rb") as file:
        file.seek(-8, os.SEEK_END)
        n_bytes = int.from_bytes(file.read(4), "little")
        file.seek(-8 - n_bytes, os.SEEK_END)
        return hashlib.sha256(file.read(n_bytes)).hexdigest()


def _common_schema(paths: Sequence[str], schemas: Sequence[pa.Schema]) -> pa.Schema:
    """The columns of the first file, in types that hold those of all. Raises UserError."""
    common = schemas[0]
    for path, own in zip(paths, schemas, strict=True):
        check_names(own.names, path)
        _check_same(common, own, paths[0], path)
        for place, field in enumerate(common):
            wider = _wider(field.type, own.field(field.name).type)
            if wider is not None and wider != field.type:
                common = common.set(place, field.with_type(wider))
    return common


def _wider(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    """The type that holds the values of both; None where there is none that reads the same."""
    if one == other or pa.types.is_null(other):
        return one
    if pa.types.is_null(one):
        return other
    numbers = [kind for kind in (one, other) if pa.types.is_integer(kind) or _is_float(kind)]
    if len(numbers) < 2:
        return None
    return pa.float64() if any(map(_is_float, numbers)) else pa.int64()


def _is_float(kind: pa.DataType) -> bool:
    return pa.types.is_floating(kind)


def _check_same(schema: pa.Schema, own: pa.Schema, first: str, path: str) -> None:
    """Raises UserError unless names are those of the first file, in any order, and types go."""
    for name in sorted({*schema.names, *own.names}):
        for file, names, other in ((path, own.names, first), (first, schema.names, path)):
            if name not in names:
                what = f"no column {name!r}, which {other} has"
                raise UserError(f"{file}: {what}; the files of a folder must agree")
        if _wider(own.field(name).type, schema.field(name).type) is None:
            types = f"is {own.field(name).type} here and {schema.field(name).type} in {first}"
            raise UserError(f"{path}: column {name!r} {types}; write all files with one type")
