"""Rows of a table in the order of groups and time. n rows of the table, t of them, g groups."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from train.data.columns import RawColumn, Source, Text, read_text
from train.data.files.words import marked_words
from train.data.number_words import counted
from train.data.series.local_time import to_utc
from train.data.series.same_time import same_time
from train.data.series.time_column import TimeColumn, read_stamps
from train.data.table.aliases import aliases
from train.data.table.column import Column
from train.errors import UserError


class NoSeries(UserError):
    """None of the series at hand can be used; other series of the same file may be."""


class Flat(NamedTuple):
    """Rows of a table in the order of groups, each in its order of time.

    `rows` int64 [t], their numbers in the table from 0, or -1 of a step that it lacks; `sizes`
    int64 [g], rows of each group; `names` [g], the groups' labels, None without a group column;
    `stamps` float64 [t], None without a time column. `steps` [g] are the TimeSteps that groups go
    on by, None where that is not known.
    """

    rows: np.ndarray
    sizes: np.ndarray
    names: np.ndarray | None
    stamps: np.ndarray | None
    steps: np.ndarray | None = None

    @property
    def firsts(self) -> np.ndarray:
        """Where each group begins [g]."""
        return np.cumsum(self.sizes) - self.sizes

    @property
    def places(self) -> np.ndarray:
        """The place of each row within its group [t], the first being 0."""
        return np.arange(len(self.rows)) - self.per_row(self.firsts)

    def groups_of(self, rows: np.ndarray | int) -> np.ndarray:
        """The group that each of these flat rows is of, by its place."""
        return np.searchsorted(self.firsts, rows, side="right") - 1

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
        steps = None if self.steps is None else self.steps[filled]
        return Flat(self.rows[mask_t], sizes[filled], names, stamps, steps)

    def up_to(self, last_g: np.ndarray) -> Flat:
        """The rows of each group up to the place `last_g`; none where that is -1."""
        return self.select(self.places <= self.per_row(last_g))

    def group_name(self, g: int | np.integer) -> str:
        """A group as messages call it."""
        return "the series" if self.names is None else f"group {str(self.names[g])!r}"


def order_rows(
    source: Source,
    group: str | None,
    time: TimeColumn | None,
    *,
    is_fitted: bool = False,
    groups: tuple[str, ...] = (),
) -> Flat:
    """The table's rows by the column `group` and in time; that they were not sorted is said.

    So are rows that stand there twice, one of which is left out. `is_fitted`: a net was trained by
    these columns, on these `groups`. Raises UserError unless there are rows, and each has its
    group, and a time that no other row of it has.
    """
    n = source.table.num_rows
    if not n:
        raise NoSeries(f"{source.where}: has column names but no rows")
    rows = np.arange(n)
    sizes = np.array([n])
    names = None
    if group is not None:
        raw = source.column(group)
        text = read_text(raw)
        if (text.codes < 0).any():
            raise _without_group(source, raw, int((text.codes < 0).argmax()))
        rows = np.argsort(text.codes, kind="stable")
        sizes = np.bincount(text.codes)
        names = np.array(_as_known(raw, text, groups))
    if time is None:
        return Flat(rows, sizes, names, None)
    flat = Flat(rows, sizes, names, read_stamps(source, time)[rows])
    if time.naive:
        flat = _told_apart(flat, time)
    flat = _without_copies(_in_order(flat, time, source), time, source)
    again = np.flatnonzero(_is_again(flat))
    if len(again):
        assert flat.stamps is not None
        place = int(again[0])
        rows = (int(flat.rows[place - 1]), int(flat.rows[place]))
        g = int(flat.groups_of(place))
        group = None if flat.names is None else flat.group_name(g)
        raise same_time(source, time, flat.stamps[place], rows, group, is_fitted=is_fitted)
    return flat


def _as_known(raw: RawColumn, text: Text, groups: tuple[str, ...]) -> list[str]:
    """The names of groups as training has them, where they are written otherwise, as 1.0 for 1."""
    names = known_names(raw, text, groups)
    return names if len(set(names)) == len(names) else text.values


def known_names(raw: RawColumn, text: Text, groups: tuple[str, ...]) -> list[str]:
    """What training calls each of the texts, several of which may be one name; others as is."""
    alias = aliases(raw, text, Column(raw.name, "category", vocabulary=groups))
    return [groups[alias[value]] if value in alias else value for value in text.values]


def _without_group(source: Source, raw: RawColumn, place: int) -> UserError:
    """The error of a row without a group; says so where its name may have been read as missing."""
    cell = raw.data[place].as_py()
    words = [cell.strip()] if cell and isinstance(cell, str) else []
    words += marked_words(source.table, raw.name)
    found = f"{raw.row(place)} has no value; every row needs its group"
    if words and words[0]:
        found += f"; if {words[0]!r}, read as missing, is one, train without it in "
        found += "config.data.missing"
    return raw.error(found)


def _told_apart(flat: Flat, time: TimeColumn) -> Flat:
    """Flat rows where of two equal stamps, in an hour that clocks pass twice, one is moved on."""
    assert flat.stamps is not None
    later_t = to_utc(time.local(flat.stamps), time.zone, "latest")
    group_t = flat.per_row(np.arange(len(flat.sizes)))
    order = np.lexsort((flat.stamps, group_t))
    is_same = np.diff(group_t[order], prepend=-1) == 0
    is_same &= np.diff(flat.stamps[order], prepend=np.nan) == 0
    second = order[is_same]
    stamps = flat.stamps.copy()
    stamps[second] = later_t[second]
    return flat._replace(stamps=stamps)


def _in_order(flat: Flat, time: TimeColumn, source: Source) -> Flat:
    """The flat rows with those of each group sorted by time."""
    assert flat.stamps is not None
    step_t = np.diff(flat.stamps)
    step_t[flat.firsts[1:] - 1] = 1
    n_early = int((step_t < 0).sum())
    if not n_early:
        return flat
    first = int((step_t < 0).argmax())
    shown = f"such as row {flat.rows[first + 1] + 1}"
    found = counted(
        n_early,
        "row is earlier than the row before it",
        "rows are earlier than the row before them",
    )
    source.say(time.name, f"{found}, {shown}; sorted by time")
    group_t = np.repeat(np.arange(len(flat.sizes)), flat.sizes)
    order = np.lexsort((flat.stamps, group_t))
    return flat._replace(rows=flat.rows[order], stamps=flat.stamps[order])


def _without_copies(flat: Flat, time: TimeColumn, source: Source) -> Flat:
    """The flat rows without those that say the same as the row before them, which is said."""
    assert flat.stamps is not None
    second = np.flatnonzero(_is_again(flat))
    if not len(second):
        return flat
    is_copy = _are_alike(source.table, flat.rows[second - 1], flat.rows[second])
    if not is_copy.any():
        return flat
    first = flat.rows[second[is_copy][0]] + 1
    found = counted(int(is_copy.sum()), "row is", "rows are")
    found += f" the same as another one in all columns, such as row {first}"
    source.say(time.name, f"{found}; left out")
    stays_t = np.ones(len(flat.rows), bool)
    stays_t[second[is_copy]] = False
    return flat.select(stays_t)


def _is_again(flat: Flat) -> np.ndarray:
    """Which rows have the time of the row before them in their group [t]."""
    assert flat.stamps is not None
    is_again_t = np.diff(flat.stamps, prepend=np.nan) == 0
    is_again_t[flat.firsts] = False
    return is_again_t


def _are_alike(table: pa.Table, first_n: np.ndarray, second_n: np.ndarray) -> np.ndarray:
    """Whether two rows of a table hold the same in all columns [n]."""
    is_alike_n = np.ones(len(first_n), bool)
    for column in table.columns:
        first = column.take(pa.array(first_n)).to_pylist()
        second = column.take(pa.array(second_n)).to_pylist()
        is_alike_n &= [one == other for one, other in zip(first, second, strict=True)]
    return is_alike_n
