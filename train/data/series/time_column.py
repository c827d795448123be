"""The column of stamps of a file: read as float64, and written as it goes on. n rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, TypeAlias

import numpy as np
import pyarrow as pa

from train.data.columns import RawColumn, Reading, Source, read_text
from train.data.compact_dates import EPOCHS
from train.data.dates import parse_dates
from train.data.no_value import is_none_of_any
from train.data.notation import Notation
from train.data.series.forms import WITH_TIME, write_form, write_since_1970
from train.data.series.local_time import to_local, to_utc
from train.data.series.step import DAY, SECOND, StampKind, TimeStep
from train.data.values import read_numbers, read_times
from train.data.zones import find_zones

Counting: TypeAlias = Literal["rows", "steps"]


@dataclass(frozen=True)
class GroupStep:
    """The step of one group, and whether rows that are missing between others stand for steps."""

    group: str
    step: TimeStep | None
    counts: Counting = "steps"


@dataclass(frozen=True)
class TimeColumn:
    """The column of stamps: times or plain numbers, and the zone that times are written in.

    `notation` and `date_order` are those of its texts in training rows, `form` how months,
    quarters and compact dates among them are written. `by_clock`: days, hours and months are those
    of the zone's clock, not of UTC; `naive`: its stamps are what that clock shows. Where it
    `counts` "steps", a row stands for each step, also for those that are missing; `others` are the
    steps of groups that keep to another.
    """

    name: str
    kind: StampKind
    zone: str | None = None
    step: TimeStep | None = None
    notation: Notation | None = None
    date_order: str = ""
    form: str = ""
    by_clock: bool = False
    counts: Counting = "rows"
    others: tuple[GroupStep, ...] = ()
    naive: bool = False

    @cached_property
    def of_group(self) -> dict[str, GroupStep]:
        """{group: its step} of those that keep to another."""
        return {each.group: each for each in self.others}

    @property
    def clock(self) -> str | None:
        """The zone by whose clock steps are counted; None for UTC."""
        return self.zone if self.by_clock else None

    def local(self, stamps: np.ndarray) -> np.ndarray:
        """What the clock shows at these stamps."""
        return to_local(stamps, self.clock)

    @property
    def holds_dates(self) -> bool:
        """Whether its stamps are days as far as zone and step say."""
        has_zone = self.zone is not None and not self.naive
        return not has_zone and (self.step is None or not self.step.is_within_days)


def read_stamps(source: Source, time: TimeColumn) -> np.ndarray:
    """The stamps of all rows, float64 [n]. Raises UserError if one, or its zone, is missing."""
    otherwise = " or the order of dates in config.data.date_format"
    raw = replace(source.column(time.name), otherwise=otherwise)
    raw = raw.read_by(Reading(time.notation, time.date_order))
    values = read_numbers(raw) if time.kind == "number" else read_times(raw)
    if values.missing.any():
        place = int(values.missing.argmax())
        cell = str(raw.data[place].as_py() or "").strip()
        if cell and not is_none_of_any(cell):
            found = f"{cell[:40]!r} in {raw.row(place)} is no time as in the other rows"
            raise raw.error(f"{found}; correct it, or leave the row out")
        raise raw.error(f"{raw.row(place)} has no time; fill it in, or leave the row out")
    stamps = values.data.astype(np.float64)
    if time.kind == "number" or not len(stamps):
        return stamps
    is_zoned = _say_zones(raw, source, time)
    return to_utc(stamps, time.zone) if time.naive and not is_zoned else stamps


def _say_zones(raw: RawColumn, source: Source, time: TimeColumn) -> bool:
    """Whether the times of a file have a zone; says where those of training rows differ in that.

    Raises UserError where times must be by a clock that is not theirs.
    """
    if raw.family == "text":
        text = read_text(raw)
        zones = find_zones(text.values)
        zone = zones.only
        if zone is not None and zones.bare:
            n_bare = int(text.counts[np.isin(text.values, list(zones.bare))].sum())
            found = f"{n_bare} of {len(text.codes)} times have no zone, such as"
            source.say(time.name, f"{found} {min(zones.bare)!r}; read as UTC")
        if time.date_order in EPOCHS and parse_dates(text.values, time.date_order)[1].all():
            zone = "UTC"
    elif raw.family == "number" and time.date_order in EPOCHS:
        zone = "UTC"
    else:
        zone = getattr(raw.data.type, "tz", None)
    if zone is None and time.by_clock and not time.naive:
        raise raw.error(
            f"times without a zone, which those of training rows have ({time.zone}); write it "
            "behind them, such as +01:00"
        )
    if time.form or time.naive:
        return zone is not None
    if zone is None and time.zone is not None:
        source.say(
            time.name, "times without a zone, which those of training rows have; read as UTC"
        )
    elif zone is not None and time.zone is None:
        found = f"times with a zone ({zone}), which those of training rows lack"
        source.say(time.name, f"{found}; read as UTC, which config.data.zone settles in training")
    elif time.zone is not None and time.zone[0] in "+-" and zone != time.zone:
        found = f"times of {zone}, those of training rows of {time.zone}"
        source.say(time.name, f"{found}, whose clock days and hours go by")
    return zone is not None


def zone_of(raw: RawColumn) -> str | None:
    """The time zone that a column's stamps are written in; of several offsets UTC."""
    if raw.family == "text":
        return find_zones(read_text(raw).values).only
    return getattr(raw.data.type, "tz", None)


def grain_of(stamps: np.ndarray, time: TimeColumn) -> float:
    """The coarsest of days, seconds and microseconds that these are whole in, or 1; else 0.

    Days are those that the clock shows which they are written by. Numbers are whole in 1 or 0.
    """
    if time.naive:
        stamps = time.local(stamps)
    for grain in (1,) if time.kind == "number" else (DAY, SECOND, 1):
        if not np.any(stamps % grain):
            return float(grain)
    return 0.0


def write_stamps(stamps: np.ndarray, time: TimeColumn, grain: float | None = None) -> pa.Array:
    """Stamps as the column they continue, in the coarsest type that holds them.

    In the form of its texts where these are months or the like, or a count since 1970; dates where
    there are whole days, else times to the second or microsecond; whole numbers where numbers are
    whole. `grain`: what all stamps of the column are whole in, where these are some of them.
    """
    zone = time.zone
    grain = grain_of(stamps, time) if grain is None else grain
    if time.naive:
        stamps = time.local(stamps)
        zone = None
    if time.form and (time.form in WITH_TIME or grain == DAY):
        return write_form(stamps, time.form)
    if time.date_order in EPOCHS:
        return write_since_1970(stamps, time.date_order)
    if time.kind == "number":
        return pa.array(stamps.astype(np.int64) if grain else stamps)
    if time.holds_dates and grain == DAY:
        return pa.array((stamps // DAY).astype("datetime64[D]"))
    unit = "s"
    size = SECOND
    if grain < SECOND:
        unit = "us"
        size = 1
    counts = pa.array((stamps // size).astype(np.int64), pa.int64())
    return counts.cast(pa.timestamp(unit, zone))
