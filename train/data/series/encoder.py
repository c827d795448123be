"""The schema of a series: raw columns -> one flat array in time order, forecasts -> raw columns.

t flat rows, c columns (targets, observed, known ones, then calendar features), o targets,
k columns known ahead, g groups, l lookback, h horizon.

Of each of the columns `marked` a mark stands in the flat array, 1 where its value is missing:
behind the targets, behind the observed and behind the known ones. Where one target is marked, all
are.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from train.data.answer_names import AnswerNames, name_answers
from train.data.columns import Said
from train.data.dataset import Arrays, Columns, Head, HostArrays, Rows
from train.data.schema import read_record
from train.data.series.columns import SeriesColumn, encode_columns, fill_gaps
from train.data.series.flat import Flat, order_rows
from train.data.series.future import Future, check_ahead, check_past
from train.data.series.stamps import calendar, continue_stamps
from train.data.series.time_column import TimeColumn, check_step, write_stamps

# Columns that say which step of which series a forecast is.
STEP_NAMES = ("row", "step", "group", "time")


@dataclass(frozen=True)
class SeriesEncoder:
    """What turns the rows of a file into the arrays of the network, and forecasts into columns.

    `season` is the number of steps after which the series repeats, None where nothing says so.
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

    @property
    def targets(self) -> tuple[SeriesColumn, ...]:
        """The columns that are forecast."""
        return self.columns[: self.n_targets]

    @property
    def heads(self) -> tuple[Head, ...]:
        """One: every target at every step of the horizon, step by step, [h * o]."""
        names = tuple(column.name for column in self.targets)
        return (Head("value", "regression", names, (), self.horizon * self.n_targets),)

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

    @property
    def units(self) -> HostArrays:
        """{"value": what one encoded unit is in raw ones, for each of the forecasts [h * o]}."""
        return {"value": np.tile([column.unit for column in self.targets], self.horizon)}

    def order(self, table: pa.Table, where: str) -> Flat:
        """The table's rows by group and time. Raises UserError (see `order_rows`)."""
        return order_rows(table, self.group, self.time, self.markers, where)

    def encode(
        self, table: pa.Table, flat: Flat, where: str, said: Said | None = None
    ) -> np.ndarray:
        """The columns as float32 [t, c] in encoded units, nan where missing; without a calendar.

        `said` takes lines on cells that were read with a doubt.
        """
        return encode_columns(table, self.columns, flat, self.markers, where, self.reads_text, said)

    def complete(self, values_tc: np.ndarray, flat: Flat) -> np.ndarray:
        """Encoded columns without gaps, marks of these and calendar features beside them."""
        filled_tc = fill_gaps(values_tc, self.columns, flat)
        parts = [filled_tc]
        if self.marked:
            parts = []
            for part in self._parts:
                marks = np.isnan(values_tc[:, self._marked_of(part)]).astype(np.float32)
                parts += [filled_tc[:, part], marks]
        if self.cycles and flat.stamps is not None:
            parts.append(calendar(flat.stamps, self.cycles))
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)

    def last_labelled(self, values_tc: np.ndarray, flat: Flat) -> np.ndarray:
        """The place within each group of its last row that has a target [g], -1 where none has."""
        n_missing_t = np.isnan(values_tc[:, : self.n_targets]).sum(axis=1)
        return flat.last_places(n_missing_t < self.n_targets)

    def read(self, table: pa.Table, where: str) -> Rows:
        """What comes after the end of each group (see `future`): a row for each step to come.

        They are named by "group" and "time". Raises UserError.
        """
        said: Said = []
        future = self.future(table, where, said)
        names: Columns = {}
        if future.groups is not None:
            names["group"] = np.repeat(future.groups, self.horizon)
        if future.stamps is not None and self.time is not None:
            names["time"] = write_stamps(future.stamps.ravel(), self.time)
        return Rows(future.inputs, names, future.rows.ravel(), tuple(said))

    def future(self, table: pa.Table, where: str, said: Said | None = None) -> Future:
        """What comes after each group's last row with a target.

        Columns that are known ahead are read from the `horizon` rows after it, which the file then
        must have. Raises UserError.
        """
        flat = self.order(table, where)
        if flat.stamps is not None and self.time is not None:
            check_step(flat.by_group(flat.stamps), self.time, where)
        values_tc = self.encode(table, flat, where, said)
        last_g = self.last_labelled(values_tc, flat)
        if (last_g < 0).any() and (last_g >= 0).any():
            if said is not None:
                which = f"such as {flat.group_name(int(last_g.argmin()))}"
                found = f"{(last_g < 0).sum()} of {len(last_g)} series have no value of a target"
                said.append(f"{where}: {found}, {which}; left out")
            has_target_t = flat.per_row(last_g >= 0)
            flat = flat.select(has_target_t)
            values_tc = values_tc[has_target_t]
            last_g = last_g[last_g >= 0]
        end_g = flat.firsts + last_g + 1
        check_past(flat, end_g, self.lookback, where)
        values_tc = self.complete(values_tc, flat)
        inputs = {"past": values_tc[end_g[:, None] + np.arange(-self.lookback, 0)]}
        if not self.n_known:
            return self._after_file(inputs, flat, end_g, table.num_rows)
        known = [column.name for column in self.columns[-self.n_known :]]
        check_ahead(flat, end_g, self.horizon, known, where)
        ahead_gh = end_g[:, None] + np.arange(self.horizon)
        inputs["future"] = values_tc[ahead_gh][:, :, -self.n_ahead :]
        stamps = None if flat.stamps is None else flat.stamps[ahead_gh]
        return Future(inputs, flat.rows[ahead_gh], flat.names, stamps)

    def _after_file(self, inputs: HostArrays, flat: Flat, end_g: np.ndarray, n_rows: int) -> Future:
        """Steps that follow a file of `n_rows` rows, of which the calendar alone is known."""
        stamps = None
        if flat.stamps is not None and self.time is not None and self.time.step is not None:
            ahead = []
            for last in flat.stamps[end_g - 1]:
                ahead.append(continue_stamps(float(last), self.time.step, self.horizon))
            stamps = np.stack(ahead)
            if self.cycles:
                cycles = calendar(stamps.ravel(), self.cycles)
                inputs = inputs | {"future": cycles.reshape(*stamps.shape, -1)}
        rows = n_rows + np.arange(len(end_g) * self.horizon).reshape(-1, self.horizon)
        return Future(inputs, rows, flat.names, stamps)

    def tabulate(self, rows: Rows, answers: Arrays) -> Columns:
        """Forecasts as columns, a row for each group and step, beside the names of the steps."""
        columns = dict(rows.names)
        for name, forecasts in zip(
            self.answer_names.targets, self.decode(answers).values(), strict=True
        ):
            columns[name] = forecasts.ravel()
        return columns

    @property
    def answer_names(self) -> AnswerNames:
        """What the columns of forecasts are called, beside those that say which step each is."""
        return name_answers([column.name for column in self.targets], (), STEP_NAMES)

    def to_units(self, arrays: Arrays) -> HostArrays:
        """{"value": targets or forecasts} in raw units, float64 [n, h * o]."""
        shift = np.tile([column.shift for column in self.targets], self.horizon)
        return {"value": np.asarray(arrays["value"], np.float64) * self.units["value"] + shift}

    def decode(self, answers: Arrays) -> HostArrays:
        """{target: forecasts [n, h]} in raw units."""
        raw_nho = self.to_units(answers)["value"].reshape(-1, self.horizon, self.n_targets)
        return {column.name: raw_nho[:, :, i] for i, column in enumerate(self.targets)}

    def raw_targets(self, targets: Arrays) -> HostArrays:
        """The same of what came: {"target", or "target_NAME" where there are several: [n, h]}."""
        raw = self.decode(targets)
        if len(raw) == 1:
            return {"target": next(iter(raw.values()))}
        return {f"target_{name}": values for name, values in raw.items()}

    def to_json(self) -> dict[str, Any]:
        """As JSON has it; `marked` only where something is, as folders of 0.1.0 have it."""
        plain = {"kind": "Series", **dataclasses.asdict(self)}
        if not self.marked:
            del plain["marked"]
        return plain

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> SeriesEncoder:
        """What `to_json` wrote; further keys are left alone."""
        return read_record(cls, {"reads_text": False, **plain}, "encoder.json", further=True)
