"""The schema of a series: raw columns -> one flat float32 array in time order, and forecasts -> raw
columns.

t flat rows, c columns (targets, then observed, then known ones, then calendar features), o targets,
k columns known ahead, g groups, l lookback, h horizon.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa

from train.data.columns import RawColumn, get_column, read_numbers, read_text, read_times
from train.data.dataset import Arrays, Columns, Head, HostArrays, Rows
from train.data.series.stamps import (
    DAY,
    SECOND,
    TimeStep,
    calendar,
    continue_stamps,
    find_step,
    show_stamp,
)
from train.errors import UserError


@dataclass(frozen=True)
class SeriesColumn:
    """A column of numbers, encoded as (raw - shift)/unit, and of its training rows: the median,
    which fills a gap that no earlier row can fill, and the standard deviation, the unit of the
    scaled metrics. Both in raw units.
    """

    name: str
    shift: float
    unit: float
    median: float
    deviation: float


@dataclass(frozen=True)
class TimeColumn:
    """The column of stamps: times or plain numbers, and the zone that times are written in."""

    name: str
    kind: Literal["time", "number"]
    zone: str | None = None
    step: TimeStep | None = None


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

    def only(self, kept: np.ndarray) -> Flat:
        """The flat rows where `kept` [t] is true; groups left without any are gone."""
        sizes = np.add.reduceat(kept.astype(np.int64), self.firsts)
        names = None if self.names is None else self.names[sizes > 0]
        return Flat(
            self.rows[kept],
            sizes[sizes > 0],
            names,
            None if self.stamps is None else self.stamps[kept],
        )

    def by_group(self, values: np.ndarray) -> list[np.ndarray]:
        """`values` [t, ...] of each group."""
        return np.split(values, np.cumsum(self.sizes)[:-1])


@dataclass(frozen=True)
class SeriesEncoder:
    """What turns the rows of a file into the arrays of the network, and its answers into columns.

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

    @property
    def targets(self) -> tuple[SeriesColumn, ...]:
        return self.columns[: self.n_targets]

    @property
    def heads(self) -> tuple[Head, ...]:
        """One: every target at every step of the horizon, step by step, [h * o]."""
        names = tuple(column.name for column in self.targets)
        return (Head("value", "regression", names, (), self.horizon * self.n_targets),)

    @property
    def n_ahead(self) -> int:
        """Columns whose future is known: the last ones, calendar features among them."""
        return self.n_known + 2 * len(self.cycles)

    @property
    def n_columns(self) -> int:
        """Columns of the flat array."""
        return len(self.columns) + 2 * len(self.cycles)

    @property
    def units(self) -> dict[str, np.ndarray]:
        """{"value": what one encoded unit is in raw ones, for each of the answers [h * o]}."""
        return {"value": np.tile([column.unit for column in self.targets], self.horizon)}

    def order(self, table: pa.Table, where: str) -> Flat:
        """The table's rows by group and time. Raises UserError unless each group's stamps increase
        from row to row.
        """
        n = table.num_rows
        rows = np.arange(n)
        sizes = np.array([n])
        names = None
        if self.group is not None:
            raw = get_column(table, self.group, where, self.markers)
            text = read_text(raw)
            if (text.codes < 0).any():
                raise raw.error(
                    f"{raw.row(int((text.codes < 0).argmax()))} has no value; every row needs its group"
                )
            rows = np.argsort(text.codes, kind="stable")
            sizes = np.bincount(text.codes)
            names = np.array(text.values)
        stamps = (
            None if self.time is None else read_stamps(table, self.time, where, self.markers)[rows]
        )
        flat = Flat(rows, sizes, names, stamps)
        if stamps is not None and self.time is not None:
            _check_order(flat, self.time, where)
        return flat

    def numbers(self, table: pa.Table, where: str, flat: Flat) -> np.ndarray:
        """The columns as float32 [t, c] in encoded units, nan where missing, without calendar
        features.
        """
        values_tc = np.empty((len(flat.rows), len(self.columns)), np.float32)
        for i, column in enumerate(self.columns):
            known = read_numbers(get_column(table, column.name, where, self.markers))
            encoded = ((known.data - column.shift) / column.unit).astype(np.float32)
            values_tc[:, i] = np.where(known.missing, np.float32(np.nan), encoded)[flat.rows]
        return values_tc

    def complete(self, numbers_tc: np.ndarray, flat: Flat) -> np.ndarray:
        """Gaps filled by the row before, or by the training median where none is; calendar features
        beside them.
        """
        place_t1 = np.arange(len(numbers_tc))[:, None]
        last_tc = np.where(
            np.isnan(numbers_tc), np.repeat(flat.firsts, flat.sizes)[:, None], place_t1
        )
        filled_tc = np.take_along_axis(numbers_tc, np.maximum.accumulate(last_tc, axis=0), axis=0)
        median_c = np.array(
            [(column.median - column.shift) / column.unit for column in self.columns], np.float32
        )
        filled_tc = np.where(np.isnan(filled_tc), median_c, filled_tc)
        if not self.cycles or flat.stamps is None:
            return filled_tc
        return np.concatenate([filled_tc, calendar(flat.stamps, self.cycles)], axis=1)

    def read(self, table: pa.Table, where: str) -> Rows:
        """What comes after the end of each group (see `read_future`): a row for each step to come.

        They are named by "group" and "time". Raises UserError.
        """
        future = read_future(self, table, where)
        names: Columns = {}
        if future.groups is not None:
            names["group"] = np.repeat(future.groups, self.horizon)
        if future.stamps is not None and self.time is not None:
            names["time"] = write_stamps(future.stamps.ravel(), self.time)
        return Rows(future.inputs, names, future.rows.ravel())

    def tabulate(self, rows: Rows, answers: Arrays) -> Columns:
        """Forecasts as columns, a row for each group and step, beside the names of the steps."""
        columns = dict(rows.names)
        for name, forecasts in self.decode(answers).items():
            columns[name] = forecasts.ravel()
        return columns

    def to_units(self, arrays: Arrays) -> HostArrays:
        """{"value": targets or answers} in raw units, float64 [n, h * o]."""
        shift = np.tile([column.shift for column in self.targets], self.horizon)
        return {"value": np.asarray(arrays["value"], np.float64) * self.units["value"] + shift}

    def decode(self, answers: Arrays) -> HostArrays:
        """{target: forecasts [n, h]} in raw units."""
        raw_nho = self.to_units(answers)["value"].reshape(-1, self.horizon, self.n_targets)
        return {column.name: raw_nho[:, :, i] for i, column in enumerate(self.targets)}

    def raw_targets(self, targets: Arrays) -> HostArrays:
        """The same of what came: {"target", or "target_NAME" where there are several: [n, h]}."""
        names = (
            ["target"]
            if self.n_targets == 1
            else [f"target_{column.name}" for column in self.targets]
        )
        return dict(zip(names, self.decode(targets).values(), strict=True))

    def to_json(self) -> dict[str, Any]:
        """As JSON has it."""
        return {"kind": "Series", **dataclasses.asdict(self)}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> SeriesEncoder:
        """What `to_json` wrote; further keys are left alone."""
        known: dict[str, Any] = {field.name: plain[field.name] for field in dataclasses.fields(cls)}
        time = known["time"]
        if time is not None:
            time = TimeColumn(**time | {"step": time["step"] and TimeStep(**time["step"])})
        columns = tuple(SeriesColumn(**column) for column in known["columns"])
        known |= {"cycles": tuple(known["cycles"]), "markers": tuple(known["markers"])}
        return cls(**known | {"columns": columns, "time": time})


def read_stamps(
    table: pa.Table, time: TimeColumn, where: str, markers: tuple[str, ...]
) -> np.ndarray:
    """The stamps of all rows, float64 [n]. Raises UserError if one is missing."""
    raw = get_column(table, time.name, where, markers)
    values = read_numbers(raw) if time.kind == "number" else read_times(raw)
    if values.missing.any():
        raise raw.error(
            f"{raw.row(int(values.missing.argmax()))} has no time; fill it in, or leave the row out"
        )
    return values.data.astype(np.float64)


def zone_of(raw: RawColumn) -> str | None:
    """The time zone that a column's stamps are written in."""
    return getattr(raw.data.type, "tz", None)


def write_stamps(stamps: np.ndarray, time: TimeColumn) -> pa.Array:
    """Stamps as the column they continue: dates, times to the second where that is exact, whole
    numbers.
    """
    if time.kind == "number":
        return pa.array(stamps.astype(np.int64) if not np.any(stamps % 1) else stamps)
    if (
        time.zone is None
        and not np.any(stamps % DAY)
        and (time.step is None or not _within_days(time.step))
    ):
        return pa.array((stamps // DAY).astype("datetime64[D]"))
    unit, size = ("s", SECOND) if not np.any(stamps % SECOND) else ("us", 1)
    return pa.array((stamps // size).astype(np.int64), pa.int64()).cast(
        pa.timestamp(unit, time.zone)
    )


def show_group(flat: Flat, g: int | np.integer) -> str:
    """A group in a message."""
    return "the series" if flat.names is None else f"group {str(flat.names[g])!r}"


def _within_days(step: TimeStep) -> bool:
    return step.kind == "time" and step.size % DAY > 0


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
    otherwise = ", or name config.data.group"
    column = f"{where}: column {time.name!r}"
    group = "" if flat.names is None else f" of {show_group(flat, g)}"
    if step_t[place] == 0:
        wrong_rows = f"rows {before} and {row}{group} have the same time {shown}"
        advice = "keep one row for each time"
    else:
        wrong_rows = f"row {row}{group}, {shown}, is earlier than row {before}"
        advice = "sort the file by time"
    raise UserError(f"{column}: {wrong_rows}; {advice}{otherwise if flat.names is None else ''}")


def last_labelled(encoder: SeriesEncoder, numbers_tc: np.ndarray, flat: Flat) -> np.ndarray:
    """The place within each group of its last row that has a target [g], -1 where none has."""
    present_t = ~np.isnan(numbers_tc[:, : encoder.n_targets]).all(axis=1)
    place_t = np.arange(len(flat.rows)) - np.repeat(flat.firsts, flat.sizes)
    return np.maximum.reduceat(np.where(present_t, place_t, -1), flat.firsts)


@dataclass(frozen=True)
class Future:
    """The window that each group ends in, and the steps after it.

    `inputs` {"past": [g, l, c], "future": [g, h, k] if any column is known ahead}, in encoded
    units. Of each step to come: `rows` [g, h], its number in the file, there or not yet; `groups`
    [g] and `stamps` [g, h], None where a file has none.
    """

    inputs: HostArrays
    rows: np.ndarray
    groups: np.ndarray | None
    stamps: np.ndarray | None


def read_future(encoder: SeriesEncoder, table: pa.Table, where: str) -> Future:
    """What comes after each group's last row with a target. Columns that are known ahead are read
    from the `horizon` rows after it, which the file then must have. Raises UserError.
    """
    flat = encoder.order(table, where)
    _check_step(encoder, flat, where)
    numbers_tc = encoder.numbers(table, where, flat)
    values_tc = encoder.complete(numbers_tc, flat)
    end_g = flat.firsts + last_labelled(encoder, numbers_tc, flat) + 1
    _check_lengths(encoder, flat, end_g, where)
    steps_h = np.arange(encoder.horizon)
    inputs = {"past": values_tc[end_g[:, None] + np.arange(-encoder.lookback, 0)]}
    if encoder.n_known:
        ahead_gh = end_g[:, None] + steps_h
        stamps = None if flat.stamps is None else flat.stamps[ahead_gh]
        rows = flat.rows[ahead_gh]
        known = [
            values_tc[ahead_gh][:, :, len(encoder.columns) - encoder.n_known : len(encoder.columns)]
        ]
    else:
        stamps = _stamps_after(encoder, flat, end_g)
        rows = table.num_rows + np.arange(len(end_g) * encoder.horizon).reshape(-1, encoder.horizon)
        known = []
    if encoder.cycles and stamps is not None:
        cycles = calendar(stamps.ravel(), encoder.cycles)
        known.append(cycles.reshape(*stamps.shape, -1))
    if known:
        inputs["future"] = np.concatenate(known, axis=2)
    return Future(inputs, rows, flat.names, stamps)


def _stamps_after(encoder: SeriesEncoder, flat: Flat, end_g: np.ndarray) -> np.ndarray | None:
    if flat.stamps is None or encoder.time is None or encoder.time.step is None:
        return None
    step = encoder.time.step
    return np.stack(
        [continue_stamps(float(last), step, encoder.horizon) for last in flat.stamps[end_g - 1]]
    )


def _check_step(encoder: SeriesEncoder, flat: Flat, where: str) -> None:
    """Raises UserError if the file's step is another than that of training: its forecasts would
    mean nothing.
    """
    if flat.stamps is None or encoder.time is None:
        return
    step = find_step(flat.by_group(flat.stamps), encoder.time.kind)
    if step is not None and step != encoder.time.step:
        found = f"the step is {step}, but the net was trained on a step of {encoder.time.step}"
        raise UserError(f"{where}: column {encoder.time.name!r}: {found}; bring it to that step")


def _check_lengths(encoder: SeriesEncoder, flat: Flat, end_g: np.ndarray, where: str) -> None:
    """Raises UserError at the first group that has too few rows before, or of what is known ahead,
    after its end.
    """
    past_g = end_g - flat.firsts
    ahead_g = flat.sizes - past_g
    for g in np.flatnonzero(past_g < encoder.lookback):
        found = f"{past_g[g]} rows with a target, but the net looks back {encoder.lookback}"
        raise UserError(
            f"{where}: {show_group(flat, g)} has {found}; give it more rows, or leave it out"
        )
    for g in np.flatnonzero(ahead_g < encoder.horizon) if encoder.n_known else ():
        names = " and ".join(repr(column.name) for column in encoder.columns[-encoder.n_known :])
        found = f"{ahead_g[g]} rows after its last target; {names} must be given for the {encoder.horizon} rows to come"
        raise UserError(f"{where}: {show_group(flat, g)} has {found}")
