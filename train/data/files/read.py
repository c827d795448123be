"""Files -> pyarrow tables.

Whatever the source: a missing value is null, in every kind of column; names are there and differ;
text is `string`. Otherwise kinds are those pyarrow infers: int64, double, bool, string, date32,
time32, timestamp, list; null where a text column holds no value at all. Messages here count lines
of the file; elsewhere "row 17" is the 17th row of data, from 1.
"""

from __future__ import annotations

import difflib
import os
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from train.config.data_options import MISSING
from train.data.files.arrow import PARQUET, check_names, first_line, plain
from train.data.files.builtin import read_builtin
from train.data.files.delimited import read_delimited
from train.data.files.encoding import to_utf8
from train.data.files.found import with_notes
from train.data.files.json_lines import read_json_lines
from train.data.files.objects import of_objects
from train.data.files.packed import unpack
from train.data.files.row_groups import read_folder
from train.data.periods import with_times
from train.errors import UserError

TEXT = (".csv", ".tsv", ".txt")
SHEETS = (".xlsx", ".xls", ".ods")  # which are not read
JSON_LINES = (".jsonl", ".ndjson", ".json")


def read_table(
    path: str | os.PathLike[str],
    missing: tuple[str, ...] = MISSING,
    *,
    may_be_empty: bool = False,
    may_repeat: bool = False,
) -> pa.Table:
    """The table in a CSV, Parquet or JSON lines file, a folder of Parquet, or a `builtin:NAME`.

    The ending says which: .csv .tsv .txt, .parquet .pq, or .jsonl .ndjson .json; .gz .bz2 .xz .zip
    may stand behind it. Strings in `missing`, and empty ones, become null. Text is UTF-8, UTF-16,
    or Windows-1252; the latter, and UTF-16 without a byte order mark, are said. Its delimiter is
    found among , ; tab | and blanks, and all of its cells stay text (see `train.data.infer`).
    Raises UserError, with the line, for everything that could shift or lose a cell, for a table
    without rows unless it `may_be_empty`, and for names given twice unless they `may_repeat`.
    """
    path = os.fspath(path)
    if path.startswith("builtin:"):
        return read_builtin(path.removeprefix("builtin:"))
    if os.path.isdir(path):
        return plain(read_folder(path), missing)
    with _open(path) as file:
        file, name = unpack(file, path)
        ending = ending_of(name)
        if ending in TEXT:
            default = b"\t" if ending == ".tsv" else b","
            notes: list[str] = []
            table = read_delimited(to_utf8(file.read(), path, notes), path, missing, default)
            table = with_notes(table, notes)
        elif ending in JSON_LINES:
            table = read_json_lines(to_utf8(file.read(), path), path, missing)
            table = of_objects(plain(table, missing))
        elif ending in PARQUET:
            table = plain(_read_parquet(file, path), missing)
        else:
            raise NotImplementedError(f"{path}: nothing reads {ending}")
    check_names(table.column_names, path, may_repeat=may_repeat)
    if not table.num_rows and not may_be_empty:
        raise UserError(f"{path}: has column names but no rows")
    return table


def _open(path: str) -> BinaryIO:
    """The file, open for reading. Raises UserError, with the nearest name, if it cannot be."""
    try:
        return open(path, "rb")
    except FileNotFoundError:
        folder, name = os.path.split(path)
        folder = folder or "."
        if not os.path.isdir(folder):
            raise UserError(f"{path}: no such file; there is no folder {folder}") from None
        names = os.listdir(folder) if os.access(folder, os.R_OK) else ()
        near = difflib.get_close_matches(name, names, n=1)
        hint = f"; did you mean {os.path.join(os.path.dirname(path), near[0])}?" if near else ""
        raise UserError(f"{path}: no such file{hint}") from None
    except IsADirectoryError:
        raise UserError(f"{path}: is a folder; expected a file") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None


def ending_of(path: str) -> str:
    """The ending of a file name, in lower case. Raises UserError if no kind of file has it."""
    ending = os.path.splitext(path)[1].lower()
    known = (*TEXT, *PARQUET, *JSON_LINES)
    if ending not in known:
        hint = "; spreadsheets save and open CSV" if ending in SHEETS else ""
        expected = f"expected one of {' '.join(known)}{hint}"
        raise UserError(f"{path}: unknown ending {ending!r}; {expected}")
    return ending


def _read_parquet(file: BinaryIO, path: str) -> pa.Table:
    """The table in a Parquet file, checked whole. Raises UserError."""
    try:
        # Not pq.read_table, which adds a column for a folder named like year=2020.
        table = pq.ParquetFile(file, page_checksum_verification=True).read()
        table.validate(full=True)  # text that is not UTF-8
        _ = table.column_names  # names that are not UTF-8
        return with_times(table)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not a readable Parquet file: {first_line(error)}") from None
