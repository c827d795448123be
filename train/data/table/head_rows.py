"""First rows of a file that are no rows: units, or a second line of names, as surveys have it."""

# pyright: reportAttributeAccessIssue=false
# pyarrow.compute makes its functions while it is imported: nothing a type checker could see.

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

from train.data.dates import ISO, parse_date
from train.data.no_value import is_no_value
from train.data.notation import Notation, parse
from train.data.table.column import Column
from train.data.table.encoder import TableEncoder

MAX_ROWS = 3  # that may stand between the names and the first row
SHOWN = 3
RULE = re.compile(r":?-{3,}:?")  # below the names of a table in Markdown
MIN_WORDS = 3  # columns of categories that tell it without one of numbers


def head_notes(table: pa.Table, encoder: TableEncoder, where: str) -> list[str]:
    """A line on first rows that have words, which stand there once, in all columns of numbers."""
    found: list[str] = []
    n = 0
    while n < min(MAX_ROWS, table.num_rows - 1):
        cells = _odd_cells(table, n, encoder)
        if not cells:
            break
        found = found or cells
        n += 1
    if not n:
        return []
    shown = ", ".join(repr(cell[:40]) for cell in found[:SHOWN])
    if n == 1:
        what = f"row 1 looks like a line of names or of units ({shown}), and is read as any other"
        return [f"{where}: {what}; delete it"]
    what = f"rows 1 to {n} look like lines of names or of units ({shown} in the first)"
    return [f"{where}: {what}, and are read as any others; delete them"]


def _odd_cells(table: pa.Table, row: int, encoder: TableEncoder) -> list[str]:
    """The cells of a row that are no numbers, and its categories; [] if it is a row as others."""
    words: list[str] = []
    categories: list[tuple[int, str]] = []
    for column in (*encoder.targets, *encoder.columns):
        place = table.schema.get_field_index(column.name)
        if place < 0 or not pa.types.is_string(table.schema.field(place).type):
            return []
        cell = (table.column(place)[row].as_py() or "").strip()
        if not cell:
            continue
        if column.kind == "category":
            categories.append((place, cell))
        elif _is_read(cell, column):
            return []
        elif RULE.fullmatch(cell) or not is_no_value(cell):
            words.append(cell)
    if len(words) + len(categories) < 2 or (not words and len(categories) < MIN_WORDS):
        return []
    if not all(_is_alone(table, place, cell, repeats=not words) for place, cell in categories):
        return []
    return [*words, *(cell for _, cell in categories)]


def _is_read(cell: str, column: Column) -> bool:
    """Whether a cell holds a number, or a time, of its column."""
    if column.kind == "time":
        moment = parse_date(cell, column.date_order) or parse_date(cell, ISO)
        return moment is not None
    return bool(parse([cell], column.notation or Notation()).valid[0])


def _is_alone(table: pa.Table, place: int, cell: str, *, repeats: bool) -> bool:
    """Whether a text stands in one row only, of a column whose other texts mostly do not."""
    data = table.column(place)
    if (pc.sum(pc.equal(pc.utf8_trim_whitespace(data), cell)).as_py() or 0) > 1:
        return False
    return not repeats or 2 * len(data.unique()) < len(data)
