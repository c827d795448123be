"""Text whose fields end with a delimiter -> pyarrow tables.

Blanks around a missing marker do not count. A blank line is skipped, except in a file of one
column, where it is a missing value (at the end: nothing).
"""

# pyright: reportAttributeAccessIssue=false
# pyarrow.compute makes its functions while it is imported: nothing a type checker could see.

from __future__ import annotations

import csv
import io
import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from train.data.files.arrow import first_line, plain
from train.errors import UserError

DELIMITERS = (b",", b";", b"\t", b"|")
SAMPLE_BYTES = 65_536
MAX_BLOCK_BYTES = 2**31 - 1
# A quote opens a field only at its start, as in RFC 4180; elsewhere it is a character like any
# other.
QUOTED_FIELD = re.compile(rb'(?<![^,;\t|\r\n])"(?:[^"]|"")*+"')
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
DECIMAL_COMMA = r"^[+-]?(\d+|\d{1,3}(\.\d{3})+)(,\d+)?$"


def read_delimited(data: bytes, path: str, missing: tuple[str, ...], default: bytes) -> pa.Table:
    """The table in UTF-8 text with a header line.

    The delimiter is found; it is `default` where there is none. Raises UserError, with the line,
    for everything that could shift or lose a cell. `path` names the file there.
    """
    data = data.rstrip(b"\r\n") + b"\n"
    delimiter = _sniff(data, default)
    if b'"' in data and not _quotes_agree(data, delimiter):
        _check_records(data, delimiter, path)
    try:
        table = _parse_csv(data, delimiter, missing)
        if table.num_columns == 1:
            table = _parse_csv(data.lstrip(b"\r\n"), delimiter, missing, ignore_empty_lines=False)
    except pa.ArrowInvalid as error:
        _check_records(data, delimiter, path)
        raise UserError(f"{path}: {first_line(error)}") from None
    names = [name.strip() for name in table.column_names]
    if _are_data(names):
        raise UserError(f"{path}: the first line holds numbers; expected column names")
    table = plain(table.rename_columns(names), missing)
    return table if delimiter == b"," else _decimal_commas(table, path)


def _are_data(names: list[str]) -> bool:
    """Whether names are a first row of numbers; 0 1 2 are a header that pandas wrote."""
    if not all(map(NUMBER.fullmatch, names)):
        return False
    return len(set(names)) < len(names) or "." in "".join(names)


def _parse_csv(
    data: bytes, delimiter: bytes, missing: tuple[str, ...], ignore_empty_lines: bool = True
) -> pa.Table:
    """The table as pyarrow reads it."""
    # Files with ", " between the fields are common; pyarrow drops blanks around a number, but not
    # around a marker.
    nulls = []
    for marker in {*missing, ""}:
        nulls += [marker, f"{marker} ", f" {marker}", f" {marker} "]
    return pacsv.read_csv(
        pa.py_buffer(data),
        # One block: a record longer than a block would be refused.
        read_options=pacsv.ReadOptions(block_size=min(len(data) + 1, MAX_BLOCK_BYTES)),
        parse_options=pacsv.ParseOptions(
            delimiter=delimiter.decode(),
            newlines_in_values=True,
            ignore_empty_lines=ignore_empty_lines,
        ),
        convert_options=pacsv.ConvertOptions(null_values=nulls),
    )


def _sniff(data: bytes, default: bytes) -> bytes:
    """The delimiter that splits the header, by preference all first lines into as many fields."""
    head = data[:SAMPLE_BYTES]
    lines = [line for line in QUOTED_FIELD.sub(b".", head).splitlines() if line.strip()]
    if len(head) < len(data) and len(lines) > 1:
        lines.pop()
    best = default
    best_rank = _rank(lines, default)
    for delimiter in DELIMITERS:
        rank = _rank(lines, delimiter)
        if rank > best_rank:
            best = delimiter
            best_rank = rank
    splits_header, _, _ = best_rank
    return best if splits_header else default


def _rank(lines: list[bytes], delimiter: bytes) -> tuple[bool, bool, int]:
    """How likely a delimiter is: it stands in the header, equally often in all lines, and often."""
    counts = [line.count(delimiter) for line in lines]
    return counts[0] > 0, len(set(counts)) == 1, counts[0]


def _quotes_agree(data: bytes, delimiter: bytes) -> bool:
    """Whether quotes open, close and stand doubled only where RFC 4180 has them.

    `data` ends with a newline, so that the first quote has a byte before it (index -1) and the last
    one a byte after it.
    """
    bytes_n = np.frombuffer(data, np.uint8)
    quotes = np.flatnonzero(bytes_n == ord('"'))
    edges = np.frombuffer(delimiter + b'\r\n"', np.uint8)
    before = bytes_n[quotes[::2] - 1]
    after = bytes_n[quotes[1::2] + 1]
    at_edges = np.isin(before, edges).all() and np.isin(after, edges).all()
    return len(quotes) % 2 == 0 and bool(at_edges)


def _check_records(data: bytes, delimiter: bytes, path: str) -> None:
    """Raises UserError at the first record that is ragged or wrongly quoted.

    Pyarrow reads the latter, and shifts rows. Slow, so only for files that are suspect.
    """
    limit = csv.field_size_limit(len(data))
    line = 1
    expected = 0
    text = io.StringIO(data.decode(), newline="")
    reader = csv.reader(text, delimiter=delimiter.decode(), strict=True)
    try:
        for record in reader:
            expected = expected or len(record)
            if record and len(record) != expected:
                found = f"fields: found {len(record)}, expected {expected} as in the header"
                raise UserError(
                    f"{path}, line {line}: {found} (quote a text that holds {delimiter.decode()!r})"
                )
            line = reader.line_num + 1
    except csv.Error as error:
        what = "there is text after a closing quote"
        if "unexpected end" in str(error):
            what = "a quote is opened and never closed"
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
            # "1,234" beside "1.234": whichever is meant, one of the two would be read a thousand
            # times too small.
            commas = f"decimal commas in column {field.name!r}"
            points = f"decimal points in column {pointed[0]!r}"
            raise UserError(f"{path}: has {commas} and {points}; write all numbers one way")
        pointed_text = pc.replace_substring(pc.replace_substring(text, ".", ""), ",", ".")
        table = table.set_column(at, field.name, pointed_text.cast(pa.float64()))
    return table
