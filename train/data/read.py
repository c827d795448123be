"""Files and in-memory tables to pyarrow tables, and back.

Whatever the source: a missing value is null, in every kind of column; names are there and differ; text is `string`.
Otherwise kinds are those pyarrow infers: int64, double, bool, string, date32, time32, timestamp, list; null where a
text column holds no value at all. A string of blanks is missing, and blanks around a missing marker do not count.
A blank line is skipped, except in a text file of one column, where it is a missing value (at the end: nothing).
Messages here count lines of the file; elsewhere "row 17" is the 17th row of data, from 1.
"""

# pyright: reportAttributeAccessIssue=false
# pyarrow.compute makes its functions while it is imported: nothing a type checker could see.

from __future__ import annotations

import codecs
import contextlib
import csv
import difflib
import io
import json
import math
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.json as pajson
import pyarrow.parquet as pq

from train.data.builtin import read_builtin
from train.errors import StorageError, UserError
from train.options import MISSING

TEXT, PARQUET, JSON_LINES = (".csv", ".tsv", ".txt"), (".parquet", ".pq"), (".jsonl", ".ndjson", ".json")
DELIMITERS = (b",", b";", b"\t", b"|")
SAMPLE_BYTES = 65_536
MAX_BLOCK_BYTES = 2**31 - 1
WRITE_ROWS = 65_536
# A quote opens a field only at its start, as in RFC 4180; elsewhere it is a character like any other.
QUOTED_FIELD = re.compile(rb'(?<![^,;\t|\r\n])"(?:[^"]|"")*+"')
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
DECIMAL_COMMA = r"^[+-]?(\d+|\d{1,3}(\.\d{3})+)(,\d+)?$"


def read_table(path: str | os.PathLike[str], missing: tuple[str, ...] = MISSING) -> pa.Table:
    """The table in a CSV (.csv .tsv .txt), Parquet (.parquet .pq) or JSON lines (.jsonl .ndjson .json) file, or a
    `builtin:NAME`; strings in `missing`, and empty ones, become null.

    Text is UTF-8, or UTF-16 with a byte order mark; its delimiter is found among , ; tab |. Where it is not the
    comma, columns like "1.234,5" are numbers. A string column of numbers and missing markers becomes numeric.
    Raises UserError, with the line, for everything that could shift or lose a cell.
    """
    path = os.fspath(path)
    if path.startswith("builtin:"):
        return read_builtin(path.removeprefix("builtin:"))
    with _open(path) as file:
        ending = _ending(path)
        if ending in TEXT:
            table = _read_text(_to_utf8(file.read(), path), path, missing)
        elif ending in JSON_LINES:
            table = _plain(_read_json_lines(_to_utf8(file.read(), path), path, missing), missing)
        else:
            table = _plain(_read_parquet(file, path), missing)
    _check_names(table.column_names, path)
    if not table.num_rows:
        raise UserError(f"{path}: has column names but no rows")
    return table


def as_table(data: Any, missing: tuple[str, ...] = MISSING) -> pa.Table:
    """A pyarrow table or batch, a dict of columns, a pandas or polars DataFrame or a list of row dicts as a table.

    Strings in `missing`, empty ones and nan become null; a column of rank 2 becomes one of lists. Raises UserError.
    """
    if isinstance(data, pa.Table | pa.RecordBatch):
        table = data if isinstance(data, pa.Table) else pa.Table.from_batches([data])
    elif isinstance(data, list | tuple):
        for at, row in enumerate(data, 1):
            if not isinstance(row, Mapping):
                raise UserError(f"data: row {at} is no dict of columns but of type {type(row).__name__}")
        names = dict.fromkeys(name for row in data for name in row)
        table = _from_columns(((name, [row.get(name) for row in data]) for name in names), missing)
    elif hasattr(data, "items"):  # a dict, or a pandas DataFrame, whose columns pyarrow reads one by one
        table = _from_columns(data.items(), missing)
    elif hasattr(data, "to_arrow") and hasattr(data, "columns"):  # polars
        table = data.to_arrow()
    else:
        expected = "a dict of columns, a pyarrow, pandas or polars table, or a list of dicts"
        raise UserError(f"data: cannot read type {type(data).__name__}; expected {expected}")
    _check_names(table.column_names, "data")
    return _plain(table, missing)


def write_table(table: pa.Table, path: str | os.PathLike[str]) -> None:
    """Writes CSV (.tsv: with tabs), Parquet or JSON lines by the ending of `path`, which never names a partial file.

    A list in CSV is a cell of JSON text; in JSON lines a number that is not finite is null. Text cells that start
    with = + - @ are left as they are: do not open a CSV of untrusted text in a spreadsheet program.
    Raises UserError for an unknown ending, StorageError if the file cannot be written.
    """
    path = os.fspath(path)
    ending = _ending(path)
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        with open(temporary, "wb") as file:
            if ending in PARQUET:
                pq.write_table(table, file, write_page_checksum=True)
            elif ending in TEXT:
                file.writelines(csv_lines(table, "\t" if ending == ".tsv" else ","))
            else:
                file.writelines(_json_lines(table))
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except pa.ArrowException as error:
        raise UserError(f"{path}: this table cannot be written there: {_first_line(error)}") from None
    except OSError as error:
        raise StorageError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):
            os.unlink(temporary)


def _open(path: str) -> BinaryIO:
    try:
        return open(path, "rb")
    except FileNotFoundError:
        folder, name = os.path.split(path)
        folder = folder or "."
        if not os.path.isdir(folder):
            raise UserError(f"{path}: no such file; there is no folder {folder}") from None
        near = difflib.get_close_matches(name, os.listdir(folder) if os.access(folder, os.R_OK) else (), n=1)
        hint = f"; did you mean {os.path.join(os.path.dirname(path), near[0])}?" if near else ""
        raise UserError(f"{path}: no such file{hint}") from None
    except IsADirectoryError:
        raise UserError(f"{path}: is a folder; expected a file") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None


def _ending(path: str) -> str:
    ending = os.path.splitext(path)[1].lower()
    known = (*TEXT, *PARQUET, *JSON_LINES)
    if ending not in known:
        raise UserError(f"{path}: unknown ending {ending!r}; expected one of {' '.join(known)}")
    return ending


def _to_utf8(data: bytes, path: str) -> bytes:
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
        raise UserError(f"{where} is NUL, which text has not; is it a binary file, or UTF-16 without a mark?")
    if not data or data.isspace():
        raise UserError(f"{path}: the file is empty")
    return data


def _line(data: bytes, offset: int) -> int:
    return len((data[:offset] + b".").splitlines())


def _read_text(data: bytes, path: str, missing: tuple[str, ...]) -> pa.Table:
    data = data.rstrip(b"\r\n") + b"\n"
    delimiter = _sniff(data, b"\t" if _ending(path) == ".tsv" else b",")
    if b'"' in data and not _quotes_agree(data, delimiter):
        _check_records(data, delimiter, path)
    try:
        table = _parse_csv(data, delimiter, missing)
        if table.num_columns == 1:
            table = _parse_csv(data.lstrip(b"\r\n"), delimiter, missing, ignore_empty_lines=False)
    except pa.ArrowInvalid as error:
        _check_records(data, delimiter, path)
        raise UserError(f"{path}: {_first_line(error)}") from None
    names = [name.strip() for name in table.column_names]
    # Names like 0 1 2 are a header that pandas wrote; these are a first row of data.
    if all(map(NUMBER.fullmatch, names)) and (len(set(names)) < len(names) or any("." in name for name in names)):
        raise UserError(f"{path}: the first line holds numbers; expected column names")
    table = _plain(table.rename_columns(names), missing)
    return table if delimiter == b"," else _decimal_commas(table, path)


def _parse_csv(data: bytes, delimiter: bytes, missing: tuple[str, ...], ignore_empty_lines: bool = True) -> pa.Table:
    # Files with ", " between the fields are common; pyarrow drops blanks around a number, but not around a marker.
    nulls = [before + marker + after for marker in {*missing, ""} for before in ("", " ") for after in ("", " ")]
    return pacsv.read_csv(
        pa.py_buffer(data),
        # One block: a record longer than a block would be refused.
        read_options=pacsv.ReadOptions(block_size=min(len(data) + 1, MAX_BLOCK_BYTES)),
        parse_options=pacsv.ParseOptions(
            delimiter=delimiter.decode(), newlines_in_values=True, ignore_empty_lines=ignore_empty_lines
        ),
        convert_options=pacsv.ConvertOptions(null_values=nulls),
    )


def _sniff(data: bytes, default: bytes) -> bytes:
    """The delimiter that splits the header, by preference all first lines into equally many fields."""
    head = data[:SAMPLE_BYTES]
    lines = [line for line in QUOTED_FIELD.sub(b".", head).splitlines() if line.strip()]
    if len(head) < len(data) and len(lines) > 1:
        lines.pop()
    counts = {delimiter: [line.count(delimiter) for line in lines] for delimiter in (default, *DELIMITERS)}
    best = max(counts, key=lambda d: (counts[d][0] > 0, len(set(counts[d])) == 1, counts[d][0]))
    return best if counts[best][0] else default


def _quotes_agree(data: bytes, delimiter: bytes) -> bool:
    """Whether quotes open, close and stand doubled only where RFC 4180 has them. `data` ends with a newline, so that
    the first quote has a byte before it (index -1) and the last one a byte after it."""
    bytes_n = np.frombuffer(data, np.uint8)
    quotes = np.flatnonzero(bytes_n == ord('"'))
    edges = np.frombuffer(delimiter + b'\r\n"', np.uint8)
    before, after = bytes_n[quotes[::2] - 1], bytes_n[quotes[1::2] + 1]
    return len(quotes) % 2 == 0 and bool(np.isin(before, edges).all() and np.isin(after, edges).all())


def _check_records(data: bytes, delimiter: bytes, path: str) -> None:
    """Raises UserError at the first record that is ragged or wrongly quoted: pyarrow reads the latter, and shifts rows.
    Slow, so only for files that are suspect."""
    limit, line, expected = csv.field_size_limit(len(data)), 1, 0
    reader = csv.reader(io.StringIO(data.decode(), newline=""), delimiter=delimiter.decode(), strict=True)
    try:
        for record in reader:
            expected = expected or len(record)
            if record and len(record) != expected:
                found = f"fields: found {len(record)}, expected {expected} as in the header"
                raise UserError(f"{path}, line {line}: {found} (quote a text that holds {delimiter.decode()!r})")
            line = reader.line_num + 1
    except csv.Error as error:
        unclosed = "unexpected end" in str(error)
        what = "a quote is opened and never closed" if unclosed else "there is text after a closing quote"
        raise UserError(f'{path}, line {line}: {what}; inside quotes, write " as ""') from None
    finally:
        csv.field_size_limit(limit)


def _decimal_commas(table: pa.Table, path: str) -> pa.Table:
    """The table with every column of numbers like "1,5" or "1.234,5" parsed."""
    pointed = [field.name for field in table.schema if pa.types.is_floating(field.type)]
    for at, field in enumerate(table.schema):
        if not pa.types.is_string(field.type):
            continue
        text = pc.utf8_trim_whitespace(table.column(at))
        if not pc.all(pc.match_substring_regex(text, DECIMAL_COMMA)).as_py():
            continue
        if pointed:
            # "1,234" beside "1.234": whichever is meant, one of the two would be read a thousand times too small.
            both = f"decimal commas in column {field.name!r} and decimal points in column {pointed[0]!r}"
            raise UserError(f"{path}: has {both}; write all numbers one way")
        number = pc.replace_substring(pc.replace_substring(text, ".", ""), ",", ".").cast(pa.float64())
        table = table.set_column(at, field.name, number)
    return table


def _read_json_lines(data: bytes, path: str, missing: tuple[str, ...]) -> pa.Table:
    if data.lstrip().startswith(b"["):
        how = "pandas: to_json(path, orient='records', lines=True)"
        raise UserError(f"{path}: holds one JSON array; expected one object per line ({how})")
    with contextlib.suppress(pa.ArrowInvalid):
        return _parse_json_lines(data)
    # Either a line is broken, or a column has strings among its numbers, which may all be missing markers.
    numbered = ((at, line) for at, line in enumerate(data.splitlines(), 1) if line.strip())
    rows = {at: _json_object(line, f"{path}, line {at}") for at, line in numbered}
    markers = {*missing, ""}
    clean = ({name: _unmarked(value, markers) for name, value in row.items()} for row in rows.values())
    try:
        return _parse_json_lines("\n".join(map(json.dumps, clean)).encode())
    except pa.ArrowInvalid as error:
        change = re.search(r"Column\(/(.*)\) changed from (\w+) to (\w+) in row (\d+)", str(error))
        if change is None:
            raise UserError(f"{path}: {_first_line(error)}") from None
        name, before, after, row = change.groups()
        where = f"{path}, line {list(rows)[int(row)]}: column {name!r}"
        raise UserError(f"{where} changes from {before} to {after}; expected one kind per column") from None


def _parse_json_lines(data: bytes) -> pa.Table:
    options = pajson.ReadOptions(block_size=min(len(data) + 1, MAX_BLOCK_BYTES))
    return pajson.read_json(pa.py_buffer(data), read_options=options)


def _json_object(line: bytes, where: str) -> dict[str, Any]:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        for name, count in Counter(name for name, _ in pairs).items():
            if count > 1:
                raise ValueError(f"{name!r} is given twice")
        return dict(pairs)

    try:
        value = json.loads(line, object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where}: not a JSON object: {error}") from None
    if not isinstance(value, dict):
        raise UserError(f"{where}: expected a JSON object, found {_first_line(line.decode())[:40]}")
    return value


def _unmarked(value: Any, markers: set[str]) -> Any:
    return None if isinstance(value, str) and value.strip() in markers else value


def _read_parquet(file: BinaryIO, path: str) -> pa.Table:
    try:
        # Not pq.read_table, which adds a column for a folder named like year=2020.
        table = pq.ParquetFile(file, page_checksum_verification=True).read()
        table.validate(full=True)  # text that is not UTF-8
        _ = table.column_names  # names that are not UTF-8
        return table
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not a readable Parquet file: {_first_line(error)}") from None


def _from_columns(columns: Iterable[tuple[Any, Any]], missing: tuple[str, ...]) -> pa.Table:
    names: list[str] = []
    arrays: list[pa.Array | pa.ChunkedArray] = []
    for name, values in columns:
        if not isinstance(name, str):
            raise UserError(f"data: a column is named {name!r}; expected a string")
        names.append(name)
        arrays.append(_to_arrow(name, values, {*missing, ""}))
        if len(arrays[-1]) != len(arrays[0]):
            found = f"column {name!r} has {len(arrays[-1])} rows, column {names[0]!r} has {len(arrays[0])}"
            raise UserError(f"data: {found}; all columns must be of one length")
    return pa.Table.from_arrays(arrays, names)


def _to_arrow(name: str, values: Any, markers: set[str]) -> pa.Array | pa.ChunkedArray:
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values
    if hasattr(values, "to_arrow"):  # polars
        return values.to_arrow()
    if hasattr(values, "__array__") and not hasattr(values, "iloc"):  # numpy, jax; pyarrow knows a pandas Series itself
        values = np.asanyarray(values)  # so that a masked array stays one
    scalar = isinstance(values, np.ndarray) and values.ndim == 0
    if scalar or isinstance(values, str | bytes | set | Mapping) or not hasattr(values, "__len__"):
        raise UserError(f"data: column {name!r} is one {type(values).__name__}; expected a list, one value per row")
    try:
        return pa.array(values)
    except (pa.ArrowException, OverflowError, TypeError):
        try:  # markers among numbers, or the rows of an array of rank 2
            return pa.array([_unmarked(value, markers) for value in values])
        except (pa.ArrowException, OverflowError, TypeError) as error:
            raise UserError(f"data: column {name!r} is not of one kind: {_first_line(error)}") from None


def _check_names(names: list[str], where: str) -> None:
    if not names:
        raise UserError(f"{where}: has no columns")
    first: dict[str, int] = {}
    for at, name in enumerate(names, 1):
        if not name:
            raise UserError(f"{where}: column {at} has no name (if it is an index that pandas wrote: index=False)")
        if first.setdefault(name, at) != at:
            raise UserError(f"{where}: columns {first[name]} and {at} are both named {name!r}; names must differ")


def _plain(table: pa.Table, missing: tuple[str, ...]) -> pa.Table:
    """The table in few kinds, with nan and missing markers null."""
    markers = pa.array(sorted({*missing, ""}), pa.string())
    return pa.Table.from_arrays([_unmark(_cast(column), markers) for column in table.columns], table.column_names)


def _cast(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    if pa.types.is_dictionary(kind):  # in two steps: there is no cast from a dictionary of string_view
        column = column.cast(pa.dictionary(kind.index_type, _plain_kind(kind.value_type)))
    return column.cast(_plain_kind(kind)) if _plain_kind(kind) != kind else column


def _plain_kind(kind: pa.DataType) -> pa.DataType:
    types = pa.types
    if types.is_dictionary(kind):
        return _plain_kind(kind.value_type)
    if types.is_large_string(kind) or types.is_string_view(kind):
        return pa.string()
    if types.is_decimal(kind):
        return pa.float64()
    if types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return pa.list_(_plain_kind(kind.value_type))
    return kind


def _unmark(column: pa.ChunkedArray, markers: pa.Array) -> pa.ChunkedArray:
    if pa.types.is_floating(column.type):
        nan = pc.is_nan(column)
        return pc.if_else(nan, None, column) if pc.any(nan).as_py() else column
    if not pa.types.is_string(column.type):
        return column
    text = pc.utf8_trim_whitespace(column)
    marked = pc.is_in(text, markers)
    if not pc.any(marked).as_py():
        return column
    text = pc.if_else(marked, None, text)
    if text.null_count == len(text):
        return pa.chunked_array([pa.nulls(len(text))])
    for number in (pa.int64(), pa.float64()):
        with contextlib.suppress(pa.ArrowInvalid):
            return text.cast(number)
    return pc.if_else(marked, None, column)


def _first_line(text: object) -> str:
    return str(text).partition("\n")[0]


def csv_lines(table: pa.Table, delimiter: str) -> Iterator[bytes]:
    """The header, then blocks of rows, as `write_table` writes them."""
    names = _csv_cells(pa.array(table.column_names, pa.string()))
    yield (delimiter.join(names.to_pylist()) + "\n").encode()
    # In a file of one column an empty line is no row for most readers.
    null = '""' if table.num_columns == 1 else ""
    for batch in table.to_batches(max_chunksize=WRITE_ROWS):
        cells = [_csv_cells(column) for column in batch.columns]
        lines = pc.binary_join_element_wise(*cells, delimiter, null_handling="replace", null_replacement=null)
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
        # Every character that could be a delimiter is quoted, so that which one is stays beyond doubt.
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
