"""How a text file of a table is laid out: its delimiter, its names, and where its rows begin."""

from __future__ import annotations

import contextlib
import csv
import io
import re
from collections.abc import Iterator
from typing import NamedTuple

DELIMITERS = (b",", b";", b"\t", b"|")
SAMPLE_BYTES = 65_536
# A quote opens a field only at its start, as in RFC 4180; elsewhere it is a character like any
# other.
QUOTED_FIELD = re.compile(rb'(?<![^,;\t|\r\n])"(?:[^"]|"")*+"')
SAID = re.compile(rb'"?sep=(.)"?\r?\n', re.IGNORECASE)  # the first line that Excel reads and writes
STARTS_NUMBER = re.compile(r"[+-]?[.,]?[0-9]")
LINE_END = re.compile(rb"\r\n|\n|\r")
COMMENT = re.compile(rb"#|//|%")
BLANK_LINES = re.compile(rb"[\r\n]*")
# Between blanks: a text in quotes, or what holds no blank.
BLANK_FIELD = re.compile(rb'"(?:[^"]|"")*"(?![^ \t])|[^ \t]+')
NUMBER = re.compile(rb"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


class Dialect(NamedTuple):
    """`text` is a header, in line `first_line` of its file, and from `start` on rows.

    Their fields are called `names`; a name is "" where the header has none: for row names in front,
    or a delimiter at the end. `may_shift`: rows end with a delimiter that the header lacks, though
    their first cells could as well be names of rows. `notes` are for the user.
    """

    delimiter: bytes
    names: tuple[str, ...]
    text: bytes
    start: int
    first_line: int
    may_shift: bool = False
    notes: tuple[str, ...] = ()


def find_dialect(data: bytes, default: bytes) -> Dialect:
    """The layout of UTF-8 text that ends with a newline; `default` delimits where nothing does."""
    stripped = data.lstrip(b"\r\n")
    line = data[: len(data) - len(stripped)].count(b"\n") + 1
    notes = ()
    if end := _end_of_comments(stripped):
        n_comments = stripped.count(b"\n", 0, end)
        lines = "1 line" if n_comments == 1 else f"{n_comments} lines"
        notes = (f"{lines} of comments, before the names, left out",)
        line += n_comments
        stripped = stripped[end:]
    if stripped.startswith(b"# ") and not any(mark in _first_line(stripped) for mark in DELIMITERS):
        stripped = stripped[2:]  # names that numpy wrote
    said = SAID.match(stripped)
    if said is not None:
        stripped = stripped[said.end() :]
        line += 1
    delimiter = said[1] if said is not None else _sniff(stripped, default)
    if said is None and _is_set_apart_by_blanks(stripped, delimiter):
        rows = [b"\t".join(BLANK_FIELD.findall(row)) for row in stripped.splitlines()]
        stripped = b"\n".join(rows) + b"\n"
        delimiter = b"\t"
    head = stripped[:SAMPLE_BYTES]
    if len(head) < len(stripped):
        head = stripped[: max(stripped.find(b"\n", SAMPLE_BYTES), SAMPLE_BYTES)]
    text = io.StringIO(head.decode(errors="ignore"), newline="")
    reader = csv.reader(text, delimiter=delimiter.decode())
    names: list[str] = []
    records: list[list[str]] = []
    lines = 1
    with contextlib.suppress(csv.Error):  # a field beyond its limit
        names = _without_apostrophes([name.strip() for name in next(reader)])
        lines = reader.line_num
        records = _some_records(reader)
    start = _after_lines(stripped, lines)
    names_one = len(records) == 1 and _names_one_row(stripped, start, delimiter)
    fitted = tuple(_fitted(names, records, names_one))
    may_shift = len(fitted) > len(names) and not fitted[-1] and _names_rows(records)
    return Dialect(delimiter, fitted, stripped, start, line, may_shift, notes)


def _without_apostrophes(names: list[str]) -> list[str]:
    """Names that all stand in apostrophes, as some programs quote, without these."""
    quoted = [len(name) > 2 and name[0] == name[-1] == "'" for name in names if name]
    return [name[1:-1] for name in names] if quoted and all(quoted) else names


def _first_line(data: bytes) -> bytes:
    return data[: data.find(b"\n")]


def _end_of_comments(data: bytes) -> int:
    """Where the comments at the beginning end, of # or // or %; 0 if they hold the names.

    They do if the last of them has as many fields as the line behind it.
    """
    end = 0
    last = b""
    while COMMENT.match(data, end) and (stop := data.find(b"\n", end)) >= 0:
        last = data[end:stop]
        end = stop + 1
    end += len(blank[0]) if end and (blank := BLANK_LINES.match(data, end)) else 0
    first = _first_line(data[end : end + SAMPLE_BYTES] + b"\n")
    for delimiter in DELIMITERS:
        if delimiter in first:
            return end if last.count(delimiter) != first.count(delimiter) else 0
    return end if first.strip() and len(last.lstrip(b"#/% ").split()) != len(first.split()) else 0


def _some_records(reader: Iterator[list[str]]) -> list[list[str]]:
    """The first rows that are not blank; the last that is read may be cut, and is left out."""
    records = []
    try:
        for record in reader:
            if record:
                records.append(record)
            if len(records) > 50:
                break
    except csv.Error:
        pass
    return records[:-1] if len(records) > 50 else records


def _fitted(names: list[str], records: list[list[str]], names_one: bool) -> list[str]:
    """Names for the fields that rows have: one more, in front or at the end, or one less.

    `names_one`: the first cell of the only row is its name.
    """
    widths = {len(record) for record in records}
    if len(widths) != 1:
        return names
    (width,) = widths
    if width == len(names) + 1:
        # A header that ends with a delimiter as rows do lacks a name in front.
        if names[-1] and _ends_are_empty(records):
            return [*names, ""]
        has_index = len(names) > 1 and (names_one or _names_rows(records))
        return ["", *names] if has_index else names
    if width < len(names) and not any(names[width:]):
        return names[:width]
    return names


def _ends_are_empty(records: list[list[str]]) -> bool:
    return all(not record[-1].strip() for record in records)


def _names_rows(records: list[list[str]]) -> bool:
    """Whether the first cell of each row is its name: counted from 0 or 1, or a text of its own."""
    first = [record[0].strip() for record in records]
    if len(first) < 2 or len(set(first)) < len(first):
        return False
    counted = [str(place) for place in range(len(first) + 1)]
    return first in (counted[:-1], counted[1:]) or not any(map(STARTS_NUMBER.match, first))


def _names_one_row(data: bytes, start: int, delimiter: bytes) -> bool:
    """Whether the only row, from `start` on, begins with its name, as R writes it.

    It is 0 or 1, or stands in quotes as all names of columns do. Unquoted between commas 1,2.5
    may be a number.
    """
    row = data[start:].lstrip(b"\r\n")
    names = data[:start].split(delimiter)
    if row.startswith(b'"') and all(name.lstrip().startswith(b'"') for name in names):
        return True
    return delimiter != b"," and row.partition(delimiter)[0].strip() in (b"0", b"1")


def _after_lines(data: bytes, count: int) -> int:
    """Where in the text this many lines end, each with a newline, a return or both."""
    ends = LINE_END.finditer(data)
    at = 0
    for _ in range(count):
        end = next(ends, None)
        at = len(data) if end is None else end.end()
    return at


def _is_set_apart_by_blanks(data: bytes, delimiter: bytes) -> bool:
    """Whether runs of blanks set fields apart: equally many in all first lines.

    The fields are mostly numbers, or the names are quoted, as by R, which then quotes all texts.
    The header may lack the name of a column in front that names the rows, as R's does.
    """
    lines = [line for line in data[:SAMPLE_BYTES].splitlines() if line.strip()][:50]
    if len(lines) < 2 or lines[0].startswith(b"\t"):
        return False  # a tab in front has an empty name before it
    if delimiter in lines[0] and not (delimiter == b"\t" and _is_ragged(lines)):
        return False
    names, *rows = map(BLANK_FIELD.findall, lines)
    widths = {len(row) for row in rows}
    quoted = all(name.startswith(b'"') for name in names)
    named = quoted or all(row[0].isdigit() for row in rows)
    if len(names) < 2 or widths not in ({len(names)}, {len(names) + named}):
        return False
    cells = [cell for row in rows for cell in row]
    n_numbers = sum(NUMBER.fullmatch(cell) is not None for cell in cells)
    return quoted or 2 * n_numbers >= len(cells)


def _is_ragged(lines: list[bytes]) -> bool:
    """Whether lines have different numbers of tabs, but for those in quotes."""
    return len({QUOTED_FIELD.sub(b"", line).count(b"\t") for line in lines}) > 1


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
