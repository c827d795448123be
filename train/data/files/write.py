"""Pyarrow tables -> CSV, Parquet and JSON lines."""

# pyright: reportAttributeAccessIssue=false
# pyarrow.compute makes its functions while it is imported: nothing a type checker could see.

from __future__ import annotations

import itertools
import json
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from train.data.files.arrow import first_line
from train.data.files.read import JSON_LINES, PARQUET, TEXT, ending_of
from train.data.files.storage import written_whole
from train.errors import StorageError, UserError

WRITE_ROWS = 65_536


def write_table(table: pa.Table, path: str | os.PathLike[str]) -> None:
    """Writes CSV (.tsv: with tabs), Parquet or JSON lines, by the ending of `path`.

    The path never names a partial file. A list in CSV is a cell of JSON text; in JSON lines a
    number that is not finite is null. Text cells that start with = + - @ are left as they are: do
    not open a CSV of untrusted text in a spreadsheet program. Raises UserError for an unknown
    ending, StorageError if the file cannot be written.
    """
    write_pieces(iter([table]), path)


def write_pieces(tables: Iterator[pa.Table], path: str | os.PathLike[str]) -> int:
    """Writes tables one below the other, as `write_table` does, and returns the number of rows.

    They have the same columns.
    """
    path = os.fspath(path)
    first = next(tables)
    tables = itertools.chain([first], tables)
    ending = ending_of(path)
    try:
        with written_whole(Path(path), Path(f"{path}.{os.getpid()}.tmp")) as file:
            if ending in PARQUET:
                n_rows = _write_parquet(file, tables, first.schema)
            else:
                n_rows = _write_lines(file, tables, ending)
        return n_rows
    except pa.ArrowException as error:
        why = f"this table cannot be written there: {first_line(error)}"
        raise UserError(f"{path}: {why}") from None
    except OSError as error:
        raise StorageError(f"{path}: cannot be written: {error.strerror or error}") from error


def _write_parquet(file: BinaryIO, tables: Iterator[pa.Table], schema: pa.Schema) -> int:
    """Writes tables into one Parquet file, and returns the number of rows."""
    n_rows = 0
    # Of numbers that hardly repeat a dictionary takes longer than it spares room.
    repeating: bool | list[str] = True
    if not any(pa.types.is_nested(field.type) for field in schema):
        repeating = [field.name for field in schema if not pa.types.is_floating(field.type)]
    with pq.ParquetWriter(
        file,
        schema,
        write_page_checksum=True,
        use_dictionary=repeating,  # type: ignore[arg-type]
    ) as writer:
        for table in tables:
            writer.write_table(table)
            n_rows += table.num_rows
    return n_rows


def _write_lines(file: BinaryIO, tables: Iterator[pa.Table], ending: str) -> int:
    """Writes tables as lines of text, and returns the number of rows."""
    n_rows = 0
    for table in tables:
        if ending in TEXT:
            delimiter = "\t" if ending == ".tsv" else ","
            file.writelines(csv_lines(table, delimiter, header=not n_rows))
        elif ending in JSON_LINES:
            file.writelines(_json_lines(table))
        else:
            raise NotImplementedError(f"nothing writes {ending}")
        n_rows += table.num_rows
    return n_rows


def csv_lines(table: pa.Table, delimiter: str, *, header: bool = True) -> Iterator[bytes]:
    """The header, then blocks of rows, as `write_table` writes them."""
    if header:
        names = _csv_cells(pa.array(table.column_names, pa.string()))
        yield (delimiter.join(names.to_pylist()) + "\n").encode()
    # In a file of one column an empty line is no row for most readers.
    null = '""' if table.num_columns == 1 else ""
    for batch in table.to_batches(max_chunksize=WRITE_ROWS):
        cells = [_csv_cells(column) for column in batch.columns]
        lines = pc.binary_join_element_wise(
            *cells, delimiter, null_handling="replace", null_replacement=null
        )
        yield ("\n".join(lines.to_pylist()) + "\n").encode()


def _csv_cells(column: pa.Array) -> pa.Array:
    """A column as the text of its cells, quoted where needed."""
    kind = column.type
    if pa.types.is_nested(kind):
        texts = []
        for value in column.to_pylist():
            texts.append(None if value is None else json_text(value))
        column = pa.array(texts, pa.string())
    text = column.cast(pa.string())
    if pa.types.is_floating(kind):  # 1 as 1.0, so that the column is read back as the kind it was
        whole = pc.match_substring_regex(text, r"^-?\d+$")
        return pc.if_else(whole, pc.binary_join_element_wise(text, ".0", ""), text)
    if pa.types.is_string(column.type):
        quoted = pc.binary_join_element_wise('"', pc.replace_substring(text, '"', '""'), '"', "")
        # Every character that could be a delimiter is quoted, so that which one is stays beyond
        # doubt, and Ctrl-Z, by which text of DOS ends.
        marks = r'["\r\n,;\t|\x1a]|^\s|\s$|^$'
        return pc.if_else(pc.match_substring_regex(text, marks), quoted, text)
    return text


def _json_lines(table: pa.Table) -> Iterator[bytes]:
    """The rows as JSON objects, a line each."""
    for batch in table.to_batches(max_chunksize=WRITE_ROWS):
        for row in batch.to_pylist():
            yield (json_text(row) + "\n").encode()


def json_text(value: object) -> str:
    """A value in JSON; numbers that are not finite are null."""
    return json.dumps(finite(value), ensure_ascii=False, default=str)


def finite(value: object) -> object:
    """The value, with null in place of numbers that are not finite, however deep."""
    if isinstance(value, dict):
        return {name: finite(item) for name, item in value.items()}
    if isinstance(value, list):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
