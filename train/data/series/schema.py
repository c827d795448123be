"""The columns of a series: which there are, where they stand in the flat array, how they are read.

t flat rows, c columns (targets, observed, known ones, then calendar features), o targets,
k columns known ahead, g groups, l lookback, h horizon.

Of each of the columns `marked` a mark stands in the flat array, 1 where its value is missing:
behind the targets, behind the observed and behind the known ones. Where one target is marked, all
are.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from train.data.calendar import calendar
from train.data.columns import Notes, Source
from train.data.series.columns import SeriesColumn, encode_columns, medians
from train.data.series.fills import fill_gaps, own_columns, with_fills
from train.data.series.flat import Flat, order_rows
from train.data.series.grid import move
from train.data.series.group_steps import look_up_steps, on_steps
from train.data.series.step import guess_season
from train.data.series.time_column import TimeColumn


@dataclass(frozen=True)
class SeriesSchema:
    """How the rows of a file become the flat array that windows are taken from.

    `season` is the number of steps after which the series repeats, None where nothing says so;
    `groups` are the names of those of training, `fills` what `group_fills` found of each.
    """

    columns: tuple[SeriesColumn, ...]
    n_targets: int
    n_known: int
    lookback: int
    horizon: int
    group: str | None = None
    time: TimeColumn | None = None
    cycles: tuple[str, ...] = ()
    season: int | None = None
    markers: tuple[str, ...] = ()
    marked: tuple[str, ...] = ()
    reads_text: bool = True
    groups: tuple[str, ...] = ()
    fills: tuple[tuple[float, ...], ...] = ()

    @property
    def grain(self) -> float | None:
        """What all stamps of a file are whole in, where some of its series are read at a time."""
        return None

    @property
    def has_ahead(self) -> bool:
        """Whether series of the file that are not at hand have rows after their last target."""
        return False

    @property
    def targets(self) -> tuple[SeriesColumn, ...]:
        """The columns that are forecast."""
        return self.columns[: self.n_targets]

    @property
    def observed(self) -> tuple[str, ...]:
        """The columns of the file that are read beside targets, neither known nor static."""
        read = [self.columns[i] for i in self._parts[1]]
        own = [column for column in read if column.of != "gap" and not column.static]
        return tuple(dict.fromkeys(column.source or column.name for column in own))

    @property
    def has_group_scales(self) -> bool:
        """Whether a column has scales of its groups."""
        return any(column.by_group for column in self.columns)

    @property
    def asinh(self) -> tuple[str, ...]:
        """The columns that are read as asinh."""
        return tuple(column.name for column in self.columns if column.log == "asinh")

    def numbers_of(self, flat: Flat) -> np.ndarray | None:
        """Groups by their numbers in training, int32 [g], -1 of a new one; None without names."""
        if flat.names is None or not self.groups:
            return None
        found = [self._group_numbers.get(name, -1) for name in flat.names.tolist()]
        return np.array(found, np.int32)

    @cached_property
    def _group_numbers(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self.groups)}

    def seasons_of(self, flat: Flat) -> np.ndarray | None:
        """Steps after which each group repeats, 0 where nothing says so [g]; None where of none."""
        season = self.season
        if season is None:
            return None
        if flat.steps is None or self.time is None or season != guess_season(self.time.step):
            return np.full(len(flat.sizes), season)
        own = {step: guess_season(step) or 0 for step in flat.steps}
        return np.array([own[step] for step in flat.steps])

    @property
    def n_ahead(self) -> int:
        """Columns whose future is known: the last, with their marks and calendar features."""
        return self.n_known + len(self._marked_of(self._parts[2])) + 2 * len(self.cycles)

    @property
    def n_columns(self) -> int:
        """Columns of the flat array."""
        return len(self.columns) + len(self.marked) + 2 * len(self.cycles)

    @property
    def marks_targets(self) -> bool:
        """Whether a mark stands beside each target."""
        return self.columns[0].name in self.marked

    @property
    def places(self) -> np.ndarray:
        """Where each of `columns` stands in the flat array."""
        places = []
        begin = 0
        for part in self._parts:
            places += range(begin, begin + len(part))
            begin += len(part) + len(self._marked_of(part))
        return np.array(places)

    @property
    def _parts(self) -> tuple[list[int], list[int], list[int]]:
        """The numbers of the columns that are targets, observed and known."""
        n = len(self.columns)
        edges = (0, self.n_targets, n - self.n_known, n)
        first, second, third = (list(range(*pair)) for pair in itertools.pairwise(edges))
        return first, second, third

    def _marked_of(self, columns: list[int]) -> list[int]:
        return [i for i in columns if self.columns[i].name in self.marked]

    def order(self, table: pa.Table, where: str, notes: Notes | None = None) -> Flat:
        """The table's rows by group and time, with rows for steps that are missing between them.

        `notes` get lines on what is done with them. Raises UserError (see `order_rows`), and if no
        group keeps to the steps of training.
        """
        lines: Notes = [] if notes is None else notes
        source = Source(table, where, self.markers, lines)
        flat = order_rows(source, self.group, self.time, is_fitted=True, groups=self.groups)
        return self.on_steps(flat, where, lines)

    def on_steps(self, flat: Flat, where: str, notes: Notes) -> Flat:
        """The rows with those for steps that are missing. Raises UserError if none keeps to one."""
        if self.time is None:
            return flat
        flat = look_up_steps(flat, self.time, self.groups, where, notes)
        return on_steps(flat, self.time, self.lookback + self.horizon, where, notes)

    def encode(
        self, table: pa.Table, flat: Flat, where: str, notes: Notes | None = None
    ) -> np.ndarray:
        """The columns as float32 [t, c] in encoded units, nan where missing; without a calendar.

        `notes` take lines on cells that were read with a doubt.
        """
        source = Source(table, where, self.markers, notes)
        return encode_columns(source, self.columns, flat, self.reads_text)

    def fills_of(self, flat: Flat) -> np.ndarray:
        """What stands for values that no row before has, in encoded units [g, c].

        The training median, of columns with scales of their own that of a group of training.
        """
        fills_gc = np.tile(medians(self.columns), (len(flat.sizes), 1))
        numbers_g = self.numbers_of(flat)
        if self.fills and numbers_g is not None:
            known_g = np.flatnonzero((numbers_g >= 0) & (numbers_g < len(self.fills)))
            own_gs = np.array(self.fills, np.float32)[numbers_g[known_g]]
            fills_gc[known_g[:, None], own_columns(self.columns)] = own_gs
        return fills_gc

    def complete(
        self, values_tc: np.ndarray, flat: Flat, is_ahead_t: np.ndarray | None = None
    ) -> np.ndarray:
        """Encoded columns without gaps, marks of these and calendar features beside them.

        Gaps without a mark in the rows `is_ahead_t`, which are yet to come, are training medians.
        """
        fills_gc = self.fills_of(flat)
        filled_tc = fill_gaps(values_tc, fills_gc, flat)
        if is_ahead_t is not None:
            is_marked_c = np.array([column.name in self.marked for column in self.columns])
            is_blank_tc = np.isnan(values_tc) & is_ahead_t[:, None] & ~is_marked_c
            filled_tc = with_fills(filled_tc, is_blank_tc, fills_gc, flat)
        parts = [filled_tc]
        if self.marked:
            parts = []
            for part in self._parts:
                marks = np.isnan(values_tc[:, self._marked_of(part)]).astype(np.float32)
                parts += [filled_tc[:, part], marks]
        if self.cycles and flat.stamps is not None and self.time is not None:
            parts.append(calendar(self.time.local(flat.stamps), self.cycles))
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)

    @property
    def mark_places(self) -> list[int]:
        """Where marks stand in the flat array."""
        places = set(self.places.tolist())
        return [i for i in range(len(self.columns) + len(self.marked)) if i not in places]

    def last_labelled(self, values_tc: np.ndarray, flat: Flat) -> np.ndarray:
        """The place within each group of its last row that has a target [g], -1 where none has."""
        n_missing_t = np.isnan(values_tc[:, : self.n_targets]).sum(axis=1)
        return flat.last_places(n_missing_t < self.n_targets)

    def past(self, values_tc: np.ndarray, flat: Flat, end_g: np.ndarray) -> np.ndarray:
        """The `lookback` rows before the end of each group [g, l, c].

        Rows before its first are missing: it stands in for them, with marks.
        """
        before_gl = end_g[:, None] + np.arange(-self.lookback, 0)
        first_g1 = flat.firsts[:, None]
        past_glc = values_tc[np.maximum(before_gl, first_g1)]
        lacks_gl = before_gl < first_g1
        if not lacks_gl.any():
            return past_glc
        past_glc[:, :, self.mark_places] = np.where(
            lacks_gl[:, :, None], 1, past_glc[:, :, self.mark_places]
        )
        if self.cycles and self.time is not None:
            n_cycles = 2 * len(self.cycles)
            for g in np.flatnonzero(lacks_gl.any(axis=1)):
                stamps = _before(flat, int(g), int(lacks_gl[g].sum()), self.time)
                cycles = calendar(self.time.local(stamps), self.cycles)
                past_glc[g, : len(stamps), -n_cycles:] = cycles
        return past_glc


def _before(flat: Flat, g: int, n: int, time: TimeColumn) -> np.ndarray:
    """The n stamps before the first of a group."""
    assert flat.stamps is not None and flat.steps is not None
    step = flat.steps[g] or time.step
    first = np.full(n, flat.stamps[flat.firsts[g]])
    return first if step is None else move(first, step, np.arange(-n, 0), time.clock)
