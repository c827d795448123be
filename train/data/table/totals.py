"""Rows that sum up others, which train as any: they are said.

n rows. The last is one if all its numbers are sums, or if a cell says so and a number of it is one;
others are if a cell says so, and half of their numbers are sums or means.
"""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa

from train.data.columns import get_column, read_text
from train.data.table.column import Column
from train.data.table.encoder import TableEncoder
from train.data.values import read_numbers

TOTAL = re.compile(
    r"(?:grand |sub)?totals?|totale?|totaal|razem|sum|summe|(?:gesamt|end)summe|gesamt|insgesamt"
    r"|somme|somma|suma|soma|summa|итого|всего|合計|合计|总计|總計|小計|小计|averages?"
    r"|durchschnitt|mittelwert|moyenne|promedio|gemiddelde|平均",
    re.IGNORECASE,
)
MIN_ROWS = 3  # above it
EXACT = 1e-9  # of the sum of sizes: numbers that were added up
ROUNDED = 1e-3  # and those that were rounded then
SHOWN = 3
MAX_COLUMNS = 100  # that are added up


def total_notes(table: pa.Table, rows: np.ndarray, encoder: TableEncoder, where: str) -> list[str]:
    """Lines on a last row that is the total of those above it, and on sums or means elsewhere."""
    notes = _last_row_notes(table, rows, encoder, where)
    label = _label(table) if notes else ""
    for column in encoder.columns:
        names = [name for name in column.vocabulary if TOTAL.fullmatch(name.removesuffix(":"))]
        if len(names) == len(column.vocabulary):
            continue
        found = (name for name in names if name != label)
        if name := next((name for name in found if _sum_up(table, encoder, column, name)), ""):
            line = f"column {column.name!r}: rows of {name!r} sum up others, or are their means"
            notes.append(f"{where}: {line}, and are read as any; leave them out")
    return notes


def _sum_up(table: pa.Table, encoder: TableEncoder, column: Column, name: str) -> bool:
    """Whether rows of a category have the sums or means of the rows that are not called so.

    They do in half of the columns of numbers at the least: Total may be a kind of loss, and Average
    a grade.
    """
    raw = get_column(table, column.name, "", encoder.markers).read_by(column.reading)
    text = read_text(raw)
    is_other = np.array([TOTAL.fullmatch(value.removesuffix(":")) is None for value in text.values])
    is_other_n = np.append(is_other, False)[text.codes]
    is_named_n = np.append([value == name for value in text.values], False)[text.codes]
    numbers = _numbers(encoder)
    n_found = 0
    for number in numbers:
        raw = get_column(table, number.name, "", encoder.markers).read_by(number.reading)
        values = read_numbers(raw)
        named = values.data[is_named_n & ~values.missing]
        others = values.data[is_other_n & ~values.missing]
        if not len(named) or np.count_nonzero(others) < MIN_ROWS:
            continue
        least = ROUNDED * np.abs(others).sum()
        # Parts and the whole may both be called totals: twice the sum.
        sums = (others.sum(), 2 * others.sum(), len(named) * others.mean())
        n_found += any(abs(named.sum() - each) <= least for each in sums)
    return n_found > 0 and 2 * n_found >= len(numbers)


def _numbers(encoder: TableEncoder) -> list[Column]:
    """The columns of numbers that are added up."""
    columns = (*encoder.targets, *encoder.columns)
    return [column for column in columns if column.kind == "number"][:MAX_COLUMNS]


def _last_row_notes(
    table: pa.Table, rows: np.ndarray, encoder: TableEncoder, where: str
) -> list[str]:
    """A line if the last of these rows of a table is the table's last, and a total of it."""
    n = table.num_rows
    if n <= MIN_ROWS or not len(rows) or rows[-1] != n - 1:
        return []
    label = _label(table)
    sums = []
    for column in _numbers(encoder):
        is_sum = _is_sum(table, column, encoder.markers, ROUNDED if label else EXACT)
        if is_sum:
            sums.append(column.name)
        elif is_sum is False and not label:
            return []
    if not sums or (not label and len(sums) < 2):
        return []
    named = f" ({label!r})" if label else ""
    shown = ", ".join(map(repr, sums[:SHOWN])) + (", ..." if len(sums) > SHOWN else "")
    found = f"row {n}{named} is the sum of the rows above in {shown}"
    return [f"{where}: {found}, and is read as a row like them; take it out of the file"]


def _label(table: pa.Table) -> str:
    """The cell of the last row that calls it a total, and stands in no other row; "" if none."""
    last = table.slice(table.num_rows - 1)
    for place, field in enumerate(table.schema):
        if not pa.types.is_string(field.type) and not pa.types.is_large_string(field.type):
            continue
        cell = (last.column(place)[0].as_py() or "").strip()
        if TOTAL.fullmatch(cell.removesuffix(":")) is not None:
            others = table.column(place).slice(0, table.num_rows - 1).unique().to_pylist()
            if cell not in [(other or "").strip() for other in others]:
                return cell
    return ""


def _is_sum(
    table: pa.Table, column: Column, markers: tuple[str, ...], tolerance: float
) -> bool | None:
    """Whether a column's last number is the sum of the others; None if it has none there."""
    raw = get_column(table, column.name, "", markers).read_by(column.reading)
    values = read_numbers(raw)
    if values.missing[-1]:
        return None
    above = np.where(values.missing, 0, values.data)[:-1]
    if np.count_nonzero(above) < MIN_ROWS:
        return False
    return bool(abs(values.data[-1] - above.sum()) <= tolerance * np.abs(above).sum())
