"""The schema of a series: raw columns -> one flat array in time order, forecasts -> raw columns.

t flat rows, c columns (targets, observed, known ones, then calendar features), o targets,
k columns known ahead, g groups, l lookback, h horizon.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from train.data.answer_names import AnswerNames, name_answers
from train.data.calendar import calendar
from train.data.columns import Notes
from train.data.dataset import Arrays, Columns, Head, HostArrays, Rows
from train.data.schema import read_record
from train.data.series.flat import Flat
from train.data.series.future import Ends, Future, find_ends
from train.data.series.grid import continue_stamps
from train.data.series.newer import without_newer
from train.data.series.schema import SeriesSchema
from train.data.series.time_column import write_stamps

# Columns that say which step of which series a forecast is.
STEP_NAMES = ("row", "step", "group", "time")


@dataclass(frozen=True)
class SeriesEncoder(SeriesSchema):
    """What turns the rows of a file into the arrays of the network, and forecasts into columns."""

    @property
    def heads(self) -> tuple[Head, ...]:
        """One: every target at every step of the horizon, step by step, [h * o]."""
        names = tuple(column.name for column in self.targets)
        return (Head("value", "regression", names, (), self.horizon * self.n_targets),)

    @property
    def units(self) -> HostArrays:
        """{"value": what one encoded unit is in raw ones, for each of the forecasts [h * o]}."""
        return {"value": np.tile([column.unit for column in self.targets], self.horizon)}

    def read(self, table: pa.Table, where: str) -> Rows:
        """What comes after the end of each group (see `future`): a row for each step to come.

        They are named by "group" and "time". Raises UserError.
        """
        notes: Notes = []
        future = self.future(table, where, notes)
        return self.rows_of(future, notes)

    def rows_of(self, future: Future, notes: Notes) -> Rows:
        """The steps to come, with their names."""
        n_steps = future.rows.shape[1]
        groups = None if future.groups is None else np.repeat(future.groups, n_steps)
        names = self.name_steps(groups, future.stamps)
        return Rows(future.inputs, names, future.rows.ravel(), tuple(notes))

    def name_steps(
        self, groups: np.ndarray | pa.Array | None, stamps: np.ndarray | None
    ) -> Columns:
        """Columns that say which step is which: "group" and "time" where there are, of all steps.

        Beside them the same under the names that the file has for them.
        """
        names: Columns = {}
        if groups is not None:
            names["group"] = groups
        if stamps is not None and self.time is not None:
            names["time"] = write_stamps(stamps.ravel(), self.time, self.grain)
        own = {"group": self.group, "time": None if self.time is None else self.time.name}
        for name, column in list(names.items()):
            if (called := own[name]) is not None and called not in STEP_NAMES:
                names[called] = column
        return names

    def future(self, table: pa.Table, where: str, notes: Notes | None = None) -> Future:
        """What comes after each group's last row with a target.

        Columns that are known ahead are read from the `horizon` rows after it; those that the file
        lacks stand as missing, which is said. Raises UserError where it has none.
        """
        lines: Notes = [] if notes is None else notes
        return self.after(find_ends(self, table, where, lines))

    def after(self, ends: Ends) -> Future:
        """What comes after these ends of groups; of columns known ahead all rows are there."""
        flat = ends.flat
        end_g = ends.end_g
        is_ahead_t = flat.places > flat.per_row(ends.last_g)
        completed_tc = self.complete(ends.values_tc, flat, is_ahead_t)
        inputs = {"past": self.past(completed_tc, flat, end_g)}
        numbers_g = self.numbers_of(flat)
        if numbers_g is not None:
            inputs["series"] = numbers_g
        if not self.n_known:
            return self._after_file(inputs, flat, end_g, ends.n_rows)
        ahead_gh = end_g[:, None] + np.arange(self.horizon)
        inputs["future"] = completed_tc[ahead_gh][:, :, -self.n_ahead :]
        stamps = None if flat.stamps is None else flat.stamps[ahead_gh]
        return Future(inputs, flat.rows[ahead_gh], flat.names, stamps)

    def _after_file(self, inputs: HostArrays, flat: Flat, end_g: np.ndarray, n_rows: int) -> Future:
        """Steps that follow a file of `n_rows` rows, of which the calendar alone is known."""
        stamps = None
        if flat.stamps is not None and self.time is not None and self.time.step is not None:
            assert flat.steps is not None
            ahead = []
            for last, step in zip(flat.stamps[end_g - 1], flat.steps, strict=True):
                step = step or self.time.step
                ahead.append(continue_stamps(float(last), step, self.horizon, self.time.clock))
            stamps = np.stack(ahead)
            if self.cycles:
                cycles = calendar(self.time.local(stamps.ravel()), self.cycles)
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
        """The schema as JSON has it; fields newer than 0.1.0 only where they say something."""
        return {"kind": "Series", **without_newer(dataclasses.asdict(self))}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> SeriesEncoder:
        """What `to_json` wrote; further keys are left alone."""
        return read_record(cls, {"reads_text": False, **plain}, "encoder.json", further=True)
