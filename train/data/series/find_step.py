"""The step of one series, found in its stamps: the simplest that few of them contradict.

Stamps are float64: microseconds since 1970, or plain numbers. t steps, d distances.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from train.data.calendar import months_of
from train.data.series.grid import (
    EXACT,
    LATE,
    NEAR,
    count_gaps,
    first_days,
    month_of_days,
    month_start,
    place,
)
from train.data.series.local_time import has_clock, to_local
from train.data.series.step import DAY, HOUR, MINUTE, SECOND, StampKind, TimeStep

OFF_COST = 3.0  # of two neighbours whose distance is off the step; a missing stamp costs 1
# How much less a step must cost, by neighbours, than the best of the simpler ones before it.
MIN_GAIN = 0.01
MIN_GAIN_WITHIN_DAYS = 0.2
WINDOW = 1.5  # distances of one step differ by this factor at most
ROUND = (
    *(DAY, 12 * HOUR, 6 * HOUR, 4 * HOUR, 3 * HOUR, 2 * HOUR, HOUR, 30 * MINUTE, 20 * MINUTE),
    *(15 * MINUTE, 10 * MINUTE, 5 * MINUTE, 2 * MINUTE, MINUTE, 30 * SECOND, 15 * SECOND),
    *(10 * SECOND, 5 * SECOND, SECOND, SECOND // 10, SECOND // 100, SECOND // 1000),
)
MAX_DAYS = 6  # of a month that a series stands on
MAX_SLOTS = 1_440  # times of a day
FEW_DAYS = 5  # fewer do not tell that some times of the day have no stamp
YEARS = (1500, 2200)  # that numbers may be
PARTS_OF_YEAR = (2, 4, 12, 52)
NEAR_PART = 0.1  # of a part, how near to it a year's decimals must be, as in 1949.08
FEW = 0.1  # a day of the week, or of the month, that fewer stamps than this stand on is odd


class Candidate(NamedTuple):
    """A step that may be meant."""

    step: TimeStep
    near: float = EXACT
    """How near to it stamps must be."""
    min_gain: float = MIN_GAIN
    """How much less it must cost than simpler steps."""


def find_step(stamps: np.ndarray, kind: StampKind, zone: str | None = None) -> TimeStep | None:
    """The step that stamps [t], each later than the one before, keep to; None of a single one."""
    if len(stamps) < 2:
        return None
    size = _size(np.diff(stamps), kind, stamps)
    if kind == "number":
        per_year = _per_year(stamps, size)
        return TimeStep(kind, 1 / per_year if per_year else size, per_year=per_year)
    best = None
    least = math.inf
    for candidate in _candidates(stamps, size, zone):
        missing, off = count_gaps([stamps], candidate.step, zone, candidate.near)
        cost = (missing + OFF_COST * off) / (len(stamps) - 1)
        if cost < least - candidate.min_gain:
            least = cost
            best = candidate.step
    return best


def _per_year(stamps: np.ndarray, size: float) -> int:
    """How many steps a year has, where numbers are years and their parts, as 1949.25; else 0."""
    if stamps[0] < YEARS[0] or stamps[-1] > YEARS[1]:
        return 0
    count = round(1 / size)
    if count not in PARTS_OF_YEAR:
        return 0
    # Stamps are where a part begins, or in its middle.
    for begins in (0, 0.5):
        places = stamps * count - begins
        if np.abs(places - np.round(places)).max() < NEAR_PART:
            return count
    return 0


def _candidates(stamps: np.ndarray, size: float, zone: str | None) -> Iterator[Candidate]:
    """Steps that may be meant, simple ones first."""
    local = to_local(stamps, zone)
    by_clock = TimeStep("local", _size(np.diff(local), "time", local))
    elapsed = TimeStep("time", size)
    is_of_days = by_clock.size % DAY == 0
    near = EXACT * min(1, DAY / elapsed.size)  # a year is not one day longer than another
    if has_clock(zone) and is_of_days:
        yield Candidate(by_clock, near)
    yield Candidate(elapsed, near)
    if has_clock(zone) and not is_of_days and by_clock.size > HOUR:
        yield Candidate(by_clock)
    if elapsed.size < 0.9 * DAY:
        step = _times_of_day(local)
        if step is not None:
            yield Candidate(step, min_gain=MIN_GAIN_WITHIN_DAYS)
    else:
        day = _whole_days(local)
        yield from _of_months(local, day)
        yield from _of_weekdays(local, day)
    yield Candidate(by_clock if has_clock(zone) and is_of_days else elapsed, near=NEAR)


def _of_months(local: np.ndarray, day: np.ndarray) -> Iterator[Candidate]:
    """Steps of months, and of days of a month."""
    month = month_of_days(day)
    if len(np.unique(month)) < 2:
        return
    distance = np.diff(month)
    size = _commonest(distance[distance > 0]) if distance.any() else 1.0
    within = local - month_start(months_of(local))
    if (within == within[0]).all():
        yield Candidate(TimeStep("month", size))
    for kind in ("month_end", "business_month_end", "business_month_start"):
        yield Candidate(TimeStep(kind, size))
    from_start = day - first_days(month) + 1
    length = first_days(month + 1) - first_days(month)
    for days in (from_start, np.where(from_start == length, 31, from_start)):
        distinct, counts = np.unique(days, return_counts=True)
        common = distinct[counts >= FEW * len(days)]
        if not 0 < len(common) <= MAX_DAYS:
            continue
        step = TimeStep("month_days", 1.0, slots=tuple(common.astype(float).tolist()))
        yield Candidate(_sized(step, local))


def _of_weekdays(local: np.ndarray, day: np.ndarray) -> Iterator[Candidate]:
    """The step of days of the week that nearly all stamps stand on."""
    step = TimeStep("weekdays", 1.0, weekdays=_weekdays(day))
    if 1 < step.weekdays.count("1") < 7:
        yield Candidate(_sized(step, local))


def _times_of_day(local: np.ndarray) -> TimeStep | None:
    """The step of some times of some days of the week; None where there are none of it."""
    day = np.floor_divide(local, DAY).astype(np.int64)
    within = local - day * DAY
    distinct, counts = np.unique(within, return_counts=True)
    n_days = len(np.unique(day))
    common = distinct[counts >= n_days / 2]
    if (
        n_days < FEW_DAYS
        or not 1 < len(common) <= MAX_SLOTS
        or counts[counts < n_days / 2].sum() > len(local) / 10
    ):
        return None
    return TimeStep("weekdays", 1.0, _weekdays(day), tuple(common.tolist()))


def _weekdays(day: np.ndarray) -> str:
    """The days of the week that stamps stand on, but for few of them, as ones and zeros."""
    counts = np.bincount((day + 3) % 7, minlength=7)  # 1970-01-01 was a Thursday
    return "".join("1" if count > FEW / 7 * len(day) else "0" for count in counts)


def _sized(step: TimeStep, local: np.ndarray) -> TimeStep:
    """The step with the commonest distance of its places as its size."""
    distance = np.diff(place(local, step))
    distance = distance[distance > 0]
    return replace(step, size=_commonest(distance) if len(distance) else 1.0)


def _whole_days(local: np.ndarray) -> np.ndarray:
    """The day of each stamp, since 1970, where readings about midnight are of the nearest."""
    angle = 2 * np.pi * (local % DAY) / DAY
    middle = np.arctan2(np.sin(angle).mean(), np.cos(angle).mean()) / (2 * np.pi) * DAY % DAY
    return np.round((local - middle) / DAY).astype(np.int64) + (middle > LATE)


def _size(distance: np.ndarray, kind: StampKind, stamps: np.ndarray) -> float:
    """The distance of neighbours [d], where they differ a little that of their long run."""
    commonest = _commonest(distance)
    steps = distance / commonest
    whole = np.round(steps)
    is_exact = bool(((whole > 0) & (np.abs(steps - whole) < EXACT)).all())
    if kind == "time" and is_exact and 2 * (whole == 1).sum() >= len(whole):
        return commonest
    ordered = np.sort(distance)
    within = np.searchsorted(ordered, WINDOW * ordered, "right") - np.arange(len(ordered))
    densest = int(within.argmax())
    middle = float(np.median(ordered[densest : densest + within[densest]]))
    whole = np.round(distance / middle)
    fits = (whole > 0) & (np.abs(distance / middle - whole) < NEAR)
    if 2 * fits.sum() < len(fits):
        return float(np.median(distance))
    size = float(distance[fits].sum() / whole[fits].sum())
    # What the long run cannot tell, nor single distances: up to here a rounder size is meant.
    drift = NEAR * size / float(whole[fits].sum())
    doubt = min(drift, float(np.abs(distance[fits] - whole[fits] * size).max()))
    if kind == "number":
        digits = 4 * np.finfo(float).eps * float(np.abs(stamps).max())
        return _shortest(size, max(1e-9 * size, digits, doubt))
    for unit in ROUND:
        rounded = round(size / unit) * unit
        if rounded and abs(rounded - size) <= doubt:
            return float(rounded)
    return round(size)


def _shortest(number: float, tolerance: float) -> float:
    """The number of fewest digits that is this near."""
    for digits in range(1, 17):
        short = float(f"{number:.{digits}g}")
        if abs(short - number) <= tolerance:
            return short
    return number


def _commonest(values: np.ndarray) -> float:
    distinct, counts = np.unique(values, return_counts=True)
    return float(distinct[counts.argmax()])
