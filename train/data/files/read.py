"""Files -> pyarrow tables.

Whatever the source: a missing value is null, in every kind of column; names are there and differ;
text is `string`. Otherwise kinds are those pyarrow infers: int64, double, bool, string, date32,
time32, timestamp, list; null where a text column holds no value at all. Messages here count lines
of the file; elsewhere "row 17" is the 17th row of data, from 1.
"""

from __future__ import annotations

import codecs
import difflib
import importlib
import io
import lzma
import os
import zlib
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from train.config.data_options import MISSING
from train.data.files.arrow import PARQUET, check_names, first_line, plain
from train.data.files.builtin import read_builtin
from train.data.files.delimited import read_delimited
from train.data.files.json_lines import read_json_lines
from train.data.files.row_groups import read_folder
from train.errors import UserError

TEXT = (".csv", ".tsv", ".txt")
# Endings of packed files, and what unpacks them.
PACKED = {".gz": "gzip", ".bz2": "bz2", ".xz": "lzma"}
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

    The ending says which: .csv .tsv .txt, .parquet .pq, or .jsonl .ndjson .json; .gz .bz2 .xz may
    stand behind it. Strings in `missing`, and empty ones, become null. Text is UTF-8, or UTF-16
    with a byte order mark; its delimiter is found among , ; tab | and blanks, and all of its cells
    stay text (see `train.data.infer`). Raises UserError, with the line, for everything that could
    shift or lose a cell, for a table without rows unless it `may_be_empty`, and for names given
    twice unless they `may_repeat`.
    """
    path = os.fspath(path)
    if path.startswith("builtin:"):
        return read_builtin(path.removeprefix("builtin:"))
    if os.path.isdir(path):
        return plain(read_folder(path), missing)
    with _open(path) as file:
        ending = ending_of(_unpacked(path))
        file = _unpack(file, path)
        if ending in TEXT:
            default = b"\t" if ending == ".tsv" else b","
            table = read_delimited(_to_utf8(file.read(), path), path, missing, default)
        elif ending in JSON_LINES:
            table = plain(read_json_lines(_to_utf8(file.read(), path), path, missing), missing)
        elif ending in PARQUET:
            table = plain(_read_parquet(file, path), missing)
        else:
            raise NotImplementedError(f"{path}: nothing reads {ending}")
    check_names(table.column_names, path, may_repeat=may_repeat)
    if not table.num_rows and not may_be_empty:
        raise UserError(f"{path}: has column names but no rows")
    return table


def _unpacked(path: str) -> str:
    """The path without the ending of a packed file."""
    stem, ending = os.path.splitext(path)
    return stem if ending.lower() in PACKED else path


def _unpack(file: BinaryIO, path: str) -> BinaryIO:
    """What is packed in a file, or the file itself. Raises UserError."""
    module = PACKED.get(os.path.splitext(path)[1].lower())
    if module is None:
        return file
    packed = importlib.import_module(module)
    try:
        with packed.open(file) as unpacked:
            return io.BytesIO(unpacked.read())
    except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError) as error:
        raise UserError(f"{path}: not a readable {module} file: {first_line(error)}") from None


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


def _to_utf8(data: bytes, path: str) -> bytes:
    """Text in UTF-8, without a byte order mark. Raises UserError if it is none, or empty."""
    utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        if utf16:
            data = data.decode("utf-16").encode()
        elif not data.isascii():
            data.decode()
    except UnicodeDecodeError as error:
        where = f"{path}, line {_line(data, error.start)}: byte {error.start}"
        how = "save it as UTF-8, or for a file from Windows: iconv -f CP1252 -t UTF-8 OLD > NEW"
        raise UserError(f"{where} is not {'UTF-16' if utf16 else 'UTF-8'} text; {how}") from None
    if (nul := data.find(0)) >= 0:
        where = f"{path}, line {_line(data, nul)}: byte {nul}"
        raise UserError(
            f"{where} is NUL, which text has not; is it a binary file, or UTF-16 without a mark?"
        )
    if not data or data.isspace():
        raise UserError(f"{path}: the file is empty")
    return data


def _line(data: bytes, offset: int) -> int:
    """The line that a byte stands in, from 1."""
    return len((data[:offset] + b".").splitlines())


def _read_parquet(file: BinaryIO, path: str) -> pa.Table:
    """The table in a Parquet file, checked whole. Raises UserError."""
    try:
        # Not pq.read_table, which adds a column for a folder named like year=2020.
        table = pq.ParquetFile(file, page_checksum_verification=True).read()
        table.validate(full=True)  # text that is not UTF-8
        _ = table.column_names  # names that are not UTF-8
        return table
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not a readable Parquet file: {first_line(error)}") from None
