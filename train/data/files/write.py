"""Pyarrow tables -> CSV, Parquet and JSON lines."""

# pyright: reportAttributeAccessIssue=false
# pyarrow.compute makes its functions while it is imported: nothing a type checker could see.

from __future__ import annotations

import contextlib
import itertools
import json
import math
import os
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from train.data.files.arrow import first_line
from train.data.files.read import PARQUET, TEXT, ending_of
from train.errors import StorageError, UserError

WRITE_ROWS = 65_536


def write_table(table: pa.Table, path: str | os.PathLike[str]) -> None:
    """Writes CSV (.tsv: with tabs), Parquet or JSON lines by the ending of `path`, which never
    names a partial file.

    A list in CSV is a cell of JSON text; in JSON lines a number that is not finite is null. Text
    cells that start with = + - @ are left as they are: do not open a CSV of untrusted text in a
    spreadsheet program. Raises UserError for an unknown ending, StorageError if the file cannot be
    written.
    """
    write_pieces(iter([table]), path)


def write_pieces(tables: Iterator[pa.Table], path: str | os.PathLike[str]) -> int:
    """Writes tables of the same columns one below the other, as `write_table` does, and returns the
    number of rows.
    """
    path = os.fspath(path)
    first = next(tables)
    tables = itertools.chain([first], tables)
    n_rows = 0
    ending = ending_of(path)
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        with open(temporary, "wb") as file:
            parquet = (
                pq.ParquetWriter(file, first.schema, write_page_checksum=True)
                if ending in PARQUET
                else None
            )
            with parquet or contextlib.nullcontext():
                for table in tables:
                    if parquet is not None:
                        parquet.write_table(table)
                    elif ending in TEXT:
                        file.writelines(
                            csv_lines(table, "\t" if ending == ".tsv" else ",", header=not n_rows)
                        )
                    else:
                        file.writelines(_json_lines(table))
                    n_rows += table.num_rows
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        return n_rows
    except pa.ArrowException as error:
        raise UserError(
            f"{path}: this table cannot be written there: {first_line(error)}"
        ) from None
    except OSError as error:
        raise StorageError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):
            os.unlink(temporary)


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
    kind = column.type
    if pa.types.is_nested(kind):
        values = [None if value is None else _json_text(value) for value in column.to_pylist()]
        column = pa.array(values, pa.string())
    text = column.cast(pa.string())
    if pa.types.is_floating(kind):  # 1 as 1.0, so that the column is read back as the kind it was
        whole = pc.match_substring_regex(text, r"^-?\d+$")
        return pc.if_else(whole, pc.binary_join_element_wise(text, ".0", ""), text)
    if pa.types.is_string(column.type):
        quoted = pc.binary_join_element_wise('"', pc.replace_substring(text, '"', '""'), '"', "")
        # Every character that could be a delimiter is quoted, so that which one is stays beyond
        # doubt.
        return pc.if_else(pc.match_substring_regex(text, r'["\r\n,;\t|]|^\s|\s$|^$'), quoted, text)
    return text


def _json_lines(table: pa.Table) -> Iterator[bytes]:
    for batch in table.to_batches(max_chunksize=WRITE_ROWS):
        for row in batch.to_pylist():
            yield (_json_text(row) + "\n").encode()


def _json_text(value: Any) -> str:
    return json.dumps(_finite(value), ensure_ascii=False, default=str)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
