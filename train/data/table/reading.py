"""How the columns of a table are read, a line each: for a terminal, a report, and `train.inspect`.

n training rows.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from train.config.values import parse as parse_option
from train.data.columns import RawColumn, Text, find_column, missing_rows, read_text
from train.data.dates import ISO, parse_dates
from train.data.notation import CELL, PLAIN, parse
from train.data.table.column import Column
from train.data.table.distinct import distinct_numbers
from train.data.table.encoder import TableEncoder
from train.data.values import plain_numbers

SHOWN = 40  # columns
WIDTH = 28  # of a name or an example in a terminal
WEIGHT = "what rows count for"
Names = tuple[str, ...] | None
HEAD = ("column", "kind", "missing", "distinct", "example", "what is done with it")


class ColumnReading(NamedTuple):
    """How a column is read, from its training rows, and what is done with it."""

    name: str
    kind: str
    missing: int
    distinct: int | None
    """None of lists and bytes, which are not told apart."""
    example: str
    use: str

    def cells(self) -> tuple[str, ...]:
        """The reading as texts, below HEAD."""
        return (
            self.name,
            self.kind,
            f"{self.missing:,}",
            "" if self.distinct is None else f"{self.distinct:,}",
            self.example,
            self.use,
        )


class Reading(NamedTuple):
    """The first SHOWN columns of a table, its targets before them, and how many more there are."""

    columns: tuple[ColumnReading, ...] = ()
    n_more: int = 0


NOTHING = Reading()  # of data that is no table, or not in memory


def reading_of(table: pa.Table, rows: np.ndarray, encoder: TableEncoder, where: str) -> Reading:
    """How the training rows `rows` of a table are read by the encoder that was fitted on them."""
    read = {column.name: column for column in encoder.columns}
    targets = {column.name: column for column in encoder.targets}
    rest = [name for name in dict.fromkeys(table.column_names) if name not in targets]
    names = [*targets, *rest]
    shown = []
    for name in names[:SHOWN]:
        if len(table.schema.get_all_field_indices(name)) > 1:
            continue
        column = targets.get(name) or read.get(name)
        use = "target" if name in targets else _use(column, encoder.dropped.get(name))
        if encoder.weight_column is not None and name == encoder.weight_column.name:
            column = encoder.weight_column
            use = WEIGHT
        shown.append(_read_column(table, rows, name, encoder, column, use, where))
    return Reading(tuple(shown), max(0, len(names) - SHOWN))


def _use(column: Column | None, dropped: str | None) -> str:
    """What is done with a column that is no target."""
    if dropped is not None:
        return f"left out: {dropped}"
    if column is None:
        return "not learned from"
    return {"number": "scaled", "time": "scaled, with its place in year, week and day"}.get(
        column.kind, f"{len(column.vocabulary):,} categories"
    )


def _read_column(
    table: pa.Table,
    rows: np.ndarray,
    name: str,
    encoder: TableEncoder,
    column: Column | None,
    use: str,
    where: str,
) -> ColumnReading:
    raw = find_column(table, name, where, encoder.markers, rows)
    if raw.family == "other":
        return ColumnReading(name, str(raw.data.type), raw.data.null_count, None, "", use)
    n_missing = int(missing_rows(raw).sum())
    if (found := distinct_numbers(raw)) is not None:
        return ColumnReading(name, _kind(raw, column), n_missing, *found, use)
    text = read_text(raw)
    n_missing += _odd_cells(text, column)
    example = text.values[0] if text.values else ""
    return ColumnReading(name, _kind(raw, column), n_missing, len(text.values), example, use)


def _odd_cells(text: Text, column: Column | None) -> int:
    """How many cells are read as missing, for they hold no number, or no time."""
    if column is None or column.kind == "category" or all(map(PLAIN.fullmatch, text.values)):
        return 0
    if column.kind == "number":
        valid = parse(text.values, column.notation).valid if column.notation else None
    else:
        valid = parse_dates(text.values, column.date_order)[1]
        valid |= parse_dates(text.values, ISO)[1]
    return 0 if valid is None else int(text.counts[~valid].sum())


def _kind(raw: RawColumn, column: Column | None) -> str:
    """What a column holds, and how that is written where programs write it otherwise."""
    if column is None:
        is_number = raw.family == "text" and plain_numbers(raw) is not None
        return "number" if is_number else raw.family
    written = column.notation.shown() if column.notation else column.date_order
    kind = column.kind
    if kind == "category" and len(column.vocabulary) == 2:
        kind = "category (two)"
    return f"{kind} ({written})" if written else kind


def reading_lines(reading: Reading) -> list[str]:
    """The reading as aligned lines of text."""
    if not reading.columns:
        return []
    cells: list[list[str]] = [[*HEAD]]
    for column in reading.columns:
        name, kind, *counts, example, use = column.cells()
        cells.append([_short(name), " ".join(kind.split()), *counts, _short(example), use])
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = []
    for row in cells:
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        lines.append(line.rstrip())
    if reading.n_more:
        lines.append(f"and {reading.n_more:,} more")
    return lines


def use_lines(reading: Reading, width: int) -> list[str]:
    """The names of the columns by what is done with them, a line of at most `width` for each use.

    For a terminal that is too low for a line a column.
    """
    names: dict[str, list[str]] = {}
    for column in reading.columns:
        names.setdefault(column.use, []).append(_short(column.name))
    lines = []
    longest = max(map(len, names), default=0)
    before = "columns  "
    for use, found in names.items():
        room = width - len(before) - longest - 2
        lines.append(f"{before}{use.ljust(longest)}  {_listed(found, room)}")
        before = " " * len(before)
    if reading.n_more:
        lines.append(f"{before}and {reading.n_more:,} more")
    return lines


def _listed(names: Sequence[str], room: int) -> str:
    """As many names as there is room for, and how many more there are."""
    for n in range(len(names), 1, -1):
        more = f" and {len(names) - n:,} more" if n < len(names) else ""
        said = ", ".join(names[:n]) + more
        if len(said) <= room:
            return said
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1:,} more"


def _short(text: str) -> str:
    """A text in one line that fills no terminal."""
    line = " ".join(text.split())
    return line if len(line) <= WIDTH else line[: WIDTH - 3] + "..."


def config_lines(reading: Reading) -> list[str]:
    """The options that would change how columns are read, as flags for a shell with their names."""
    lines = []
    learned = [c for c in reading.columns if c.use not in ("not learned from", WEIGHT)]
    for flag, about, kinds in (
        ("categorical", "each value a category of its own", ("number",)),
        ("numeric", "numbers, whatever else stands there", ("category", "text")),
        ("date_format", "the order that dates are written in: dmy, mdy, ymd", ("time",)),
    ):
        able = learned
        if flag == "numeric":  # what begins with no number would be refused
            able = [c for c in learned if CELL.fullmatch(c.example)]
        if flag == "date_format":  # of typed times, and of ISO dates, no order changes anything
            able = [c for c in learned if "(" in c.kind]
        names = [c.name for c in able if c.kind.partition(" ")[0] in kinds][:3]
        if names:
            value = "dmy" if flag == "date_format" else _as_option(names)
            lines.append(f"--config.data.{flag}={shlex.quote(value)}  ({about})")
    inputs = [c.name for c in learned if c.use != "target"]
    if inputs:
        value = shlex.quote(_as_option(inputs[-1:]))
        lines.append(f"--config.data.ignore={value}  (not learned from)")
    lines.append("--config.data.decimal=,  --config.data.thousands=.  (how numbers are written)")
    return lines


def _as_option(names: Sequence[str]) -> str:
    """Names as an option has them: with commas, and quoted where they would be read otherwise."""
    plain = ",".join(names)
    quoted = str(tuple(names))
    try:
        return plain if parse_option(plain, Names) == tuple(names) else quoted
    except ValueError:
        return quoted
