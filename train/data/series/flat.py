"""Rows of a table in the order of groups and time. n rows of the table, t of them, g groups."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from train.data.columns import get_column, read_text
from train.data.series.stamps import show_stamp
from train.data.series.time_column import TimeColumn, read_stamps
from train.errors import UserError


class Flat(NamedTuple):
    """Rows of a table in the order of groups, each in its order of time.

    `rows` int64 [t], their numbers in the table from 0; `sizes` int64 [g], rows of each group;
    `names` [g], the groups' labels, None without a group column; `stamps` float64 [t], None without
    a time column.
    """

    rows: np.ndarray
    sizes: np.ndarray
    names: np.ndarray | None
    stamps: np.ndarray | None

    @property
    def firsts(self) -> np.ndarray:
        """Where each group begins [g]."""
        return np.cumsum(self.sizes) - self.sizes

    @property
    def places(self) -> np.ndarray:
        """The place of each row within its group [t], the first being 0."""
        return np.arange(len(self.rows)) - self.per_row(self.firsts)

    def per_row(self, values_g: np.ndarray) -> np.ndarray:
        """A value of each group [g], at each of its rows [t]."""
        return np.repeat(values_g, self.sizes)

    def by_group(self, values: np.ndarray) -> list[np.ndarray]:
        """`values` [t, ...] of each group."""
        return np.split(values, np.cumsum(self.sizes)[:-1])

    def last_places(self, mask_t: np.ndarray) -> np.ndarray:
        """The place of the last row of each group where `mask_t` is true [g], -1 where none is."""
        return np.maximum.reduceat(np.where(mask_t, self.places, -1), self.firsts)

    def select(self, mask_t: np.ndarray) -> Flat:
        """The rows where `mask_t` is true; groups left without any are gone."""
        sizes = np.add.reduceat(mask_t.astype(np.int64), self.firsts)
        filled = sizes > 0
        names = None if self.names is None else self.names[filled]
        stamps = None if self.stamps is None else self.stamps[mask_t]
        return Flat(self.rows[mask_t], sizes[filled], names, stamps)

    def up_to(self, last_g: np.ndarray) -> Flat:
        """The rows of each group up to the place `last_g`; none where that is -1."""
        return self.select(self.places <= self.per_row(last_g))

    def group_name(self, g: int | np.integer) -> str:
        """A group as messages call it."""
        return "the series" if self.names is None else f"group {str(self.names[g])!r}"


def order_rows(
    table: pa.Table,
    group: str | None,
    time: TimeColumn | None,
    markers: tuple[str, ...],
    where: str,
) -> Flat:
    """The table's rows by the column `group` and in time.

    Raises UserError unless each row has its group, and stamps increase from row to row of each.
    """
    n = table.num_rows
    rows = np.arange(n)
    sizes = np.array([n])
    names = None
    if group is not None:
        raw = get_column(table, group, where, markers)
        text = read_text(raw)
        if (text.codes < 0).any():
            row = raw.row(int((text.codes < 0).argmax()))
            raise raw.error(f"{row} has no value; every row needs its group")
        rows = np.argsort(text.codes, kind="stable")
        sizes = np.bincount(text.codes)
        names = np.array(text.values)
    if time is None:
        return Flat(rows, sizes, names, None)
    flat = Flat(rows, sizes, names, read_stamps(table, time, where, markers)[rows])
    _check_order(flat, time, where)
    return flat


def _check_order(flat: Flat, time: TimeColumn, where: str) -> None:
    """Raises UserError at the first row that is not later than the one before it in its group."""
    assert flat.stamps is not None
    step_t = np.diff(flat.stamps)
    step_t[flat.firsts[1:] - 1] = 1
    wrong = np.flatnonzero(step_t <= 0)
    if not len(wrong):
        return
    place = int(wrong[0])
    before = flat.rows[place] + 1
    row = flat.rows[place + 1] + 1
    shown = show_stamp(flat.stamps[place + 1], time.kind)
    g = int(np.searchsorted(flat.firsts, place, "right")) - 1
    group = "" if flat.names is None else f" of {flat.group_name(g)}"
    if step_t[place] == 0:
        found = f"rows {before} and {row}{group} have the same time {shown}"
        advice = "keep one row for each time"
    else:
        found = f"row {row}{group}, {shown}, is earlier than row {before}"
        advice = "sort the file by time"
    otherwise = ", or name config.data.group" if flat.names is None else ""
    raise UserError(f"{where}: column {time.name!r}: {found}; {advice}{otherwise}")
