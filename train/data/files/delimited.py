"""Text whose fields end with a delimiter -> pyarrow tables.

Blanks around a missing marker do not count. A blank line is skipped, except in a file of one
column, where it is a missing value (at the end: nothing).
"""

# pyright: reportAttributeAccessIssue=false
# pyarrow.compute makes its functions while it is imported: nothing a type checker could see.

from __future__ import annotations

import contextlib
import csv
import io
import itertools
import re
from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from train.data.files.arrow import first_line, plain
from train.data.files.dialect import SAMPLE_BYTES, Dialect, find_dialect
from train.data.files.escapes import doubled
from train.data.files.found import DELIMITER, FIRST, INDEX, SHIFT, with_notes
from train.data.files.repeated_names import without_names
from train.errors import UserError

HINT_RECORDS = 50  # that are looked at for names below a title
MAX_BLOCK_BYTES = 2**31 - 1
COUNT = re.compile(r"\d+")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def read_delimited(data: bytes, path: str, missing: tuple[str, ...], default: bytes) -> pa.Table:
    """The table in UTF-8 text with a header line, every cell as text.

    The delimiter is found; it is `default` where there is none. Raises UserError, with the line,
    for everything that could shift or lose a cell. `path` names the file there.
    """
    if b"\n" not in data:  # as old Macs write
        data = data.replace(b"\r", b"\n")
    data = data.rstrip(b"\r\n\x1a") + b"\n"  # DOS ends text with Ctrl-Z
    dialect = find_dialect(data, default)
    if b'"' in dialect.text and not _quotes_agree(dialect.text, dialect.delimiter):
        escaped = find_dialect(doubled(data), default)
        if _quotes_agree(escaped.text, escaped.delimiter):
            note = "quotes behind a backslash belong to the texts that they stand in"
            dialect = escaped._replace(notes=(*escaped.notes, note))
        _check_records(dialect, path)
    delimiter = dialect.delimiter
    names = list(dialect.names)
    if _are_data([name for name in names if name]):
        raise UserError(f"{path}: the first line holds numbers; expected column names")
    try:
        if dialect.start >= len(dialect.text):
            table = pa.table([pa.nulls(0, pa.string())] * len(names), names)
        else:
            table = _parse_csv(dialect, missing, len(names) > 1)
    except pa.ArrowInvalid as error:
        _check_records(dialect, path)
        raise UserError(f"{path}: {first_line(error)}") from None
    table, n_repeated = without_names(table, names)
    kept = _named_places(table, dialect, path)
    has_index = not names[0] and 0 not in kept
    metadata = {DELIMITER: delimiter}
    if has_index:
        index = table.column(0)
        metadata[INDEX] = b"repeated" if _repeats(index) else b"once"
        first = index.drop_null().to_pylist()[:1]
        if first and not COUNT.fullmatch(first[0]):
            metadata[FIRST] = first[0].encode()
    metadata |= {SHIFT: b"1"} if dialect.may_shift else {}
    notes = [f"{path}: {note}" for note in dialect.notes]
    if n_repeated:
        notes.append(f"{path}: rows that repeat the names: {n_repeated}, left out")
    return with_notes(table.select(kept).replace_schema_metadata(metadata), notes)


def _named_places(table: pa.Table, dialect: Dialect, path: str) -> list[int]:
    """The places of columns without empty ones, and an index in front, that have no name.

    An index is a column that counts the rows, or names each; those of files that were joined may
    count anew. Raises UserError for another one.
    """
    names = dialect.names
    kept = []
    for place, name in enumerate(names):
        if name or table.column(place).null_count < table.num_rows:
            kept.append(place)
    unnamed = [place for place in kept if not names[place]]
    if not unnamed or len(kept) == 1:
        return kept or [0]
    hint = _preamble_hint(dialect)
    if unnamed[-1]:
        raise UserError(f"{path}: column {unnamed[-1] + 1} has no name{hint or '; name it'}")
    index = table.column(0)
    are_counts = not hint and all(map(COUNT.fullmatch, index.drop_null().to_pylist()))
    if _repeats(index) and not are_counts:
        hint = hint or ", which could be an index if all of its cells differed; name it"
        raise UserError(f"{path}: column 1 has no name{hint}")
    return kept[1:]


def _repeats(index: pa.ChunkedArray) -> bool:
    """Whether cells of an index are alike, or missing."""
    return bool(index.null_count) or len(index.unique()) < len(index)


def _are_data(names: list[str]) -> bool:
    """Whether names are a first row of numbers; 0 1 2 are a header that pandas wrote.

    So are wavelengths: three numbers or more that go up, or down.
    """
    if not names or not all(map(NUMBER.fullmatch, names)):
        return False
    if len(set(names)) < len(names):
        return True
    steps = np.diff(np.array(names, float))
    if len(names) > 2 and ((steps > 0).all() or (steps < 0).all()):
        return False
    return "." in "".join(names)


def _parse_csv(dialect: Dialect, missing: tuple[str, ...], ignore_empty_lines: bool) -> pa.Table:
    """The table as pyarrow reads it, all of it text."""
    # Files with ", " between the fields are common.
    nulls = ["", " ", "  "]
    body = pa.py_buffer(dialect.text).slice(dialect.start)
    places = [str(place) for place in range(len(dialect.names))]
    table = pacsv.read_csv(
        body,
        # One block: a record longer than a block would be refused.
        read_options=pacsv.ReadOptions(
            block_size=min(body.size + 1, MAX_BLOCK_BYTES), column_names=places
        ),
        parse_options=pacsv.ParseOptions(
            delimiter=dialect.delimiter.decode(),
            newlines_in_values=True,
            ignore_empty_lines=ignore_empty_lines,
        ),
        convert_options=pacsv.ConvertOptions(
            null_values=nulls,
            strings_can_be_null=True,
            column_types=dict.fromkeys(places, pa.string()),
        ),
    )
    if b'="' in dialect.text:
        table = pa.table([_without_formula(column) for column in table.columns], places)
    return plain(table.rename_columns(list(dialect.names)), missing)


def _without_formula(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Cells that are ="007", by which spreadsheets are told to keep a text, as 007."""
    return pc.replace_substring_regex(column, r'^="([^"]*)"$', r"\1")


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


def _preamble_hint(dialect: Dialect) -> str:
    """The end of a line on a ragged file whose names seem to stand below a title."""
    reader = csv.reader(
        io.StringIO(dialect.text[:SAMPLE_BYTES].decode(errors="ignore"), newline=""),
        delimiter=dialect.delimiter.decode(),
    )
    widths: list[int] = []
    lines = [dialect.first_line]
    with contextlib.suppress(csv.Error):
        for record in itertools.islice(reader, HINT_RECORDS):
            # Comments are no rows.
            widths.append(0 if record and record[0].startswith("#") else _filled(record))
            lines.append(dialect.first_line + reader.line_num)
    width, count = Counter(widths).most_common(1)[0]
    names_at = widths.index(width)
    if width < 2 or not names_at or 2 * count < len(widths):
        return ""
    return f"; if line {lines[names_at]} holds the names, delete what stands above it"


def _filled(record: list[str]) -> int:
    """How many cells a record has, without empty ones at its end."""
    width = len(record)
    while width and not record[width - 1].strip():
        width -= 1
    return width


def _check_records(dialect: Dialect, path: str) -> None:
    """Raises UserError at the first record that is ragged or wrongly quoted.

    Pyarrow reads the latter, and shifts rows. Slow, so only for files that are suspect.
    """
    limit = csv.field_size_limit(len(dialect.text))
    line = dialect.first_line
    delimiter = dialect.delimiter
    expected = len(dialect.names)
    text = io.StringIO(dialect.text.decode(), newline="")
    reader = csv.reader(text, delimiter=delimiter.decode(), strict=True)
    try:
        for at, record in enumerate(reader):
            if at and record and len(record) != expected:
                found = f"fields: found {len(record)}, expected {expected} as in the header"
                advice = f" (quote a text that holds {delimiter.decode()!r})"
                if len(record) < expected:
                    advice = "; if it is a remark and no row, delete it"
                hint = _preamble_hint(dialect)
                raise UserError(f"{path}, line {line}: {found}{advice}{hint}")
            line = dialect.first_line + reader.line_num
    except csv.Error as error:
        what = "there is text after a closing quote"
        if "unexpected end" in str(error):
            what = "a quote is opened and never closed"
        raise UserError(f'{path}, line {line}: {what}; inside quotes, write " as ""') from None
    finally:
        csv.field_size_limit(limit)
