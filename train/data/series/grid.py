"""The places that a step gives stamps, whole where they stand on it, and the stamps of places.

Stamps are float64: microseconds since 1970, or plain numbers. t steps.
"""

from __future__ import annotations

import decimal
from collections.abc import Sequence

import numpy as np

from train.data.calendar import months_of
from train.data.series.local_time import to_local, to_utc
from train.data.series.step import BUSINESS_DAYS, DAY, TimeStep

# Between neighbouring stamps, a distance this near to a whole number of steps is one.
EXACT = 1e-3
NEAR = 0.25  # the same where stamps are read about a time, or with a clock that jitters
LATE = 0.75 * DAY  # from here on, a stamp may be an early one of the day after
FIRST_DATE = "1600-01-01"  # that days of the week are counted from
DIGITS = 12  # decimals that plain numbers keep


def count_gaps(
    series: Sequence[np.ndarray], step: TimeStep, zone: str | None = None, near: float = NEAR
) -> tuple[int, int]:
    """(missing stamps, neighbours that are no whole number of steps apart)."""
    missing = 0
    irregular = 0
    for stamps in series:
        distance = np.diff(place(stamps, step, zone))
        whole = np.round(distance)
        fits = (whole > 0) & (np.abs(distance - whole) < near)
        missing += int((whole[fits] - 1).sum())
        irregular += int((~fits).sum())
    return missing, irregular


def place(stamps: np.ndarray, step: TimeStep, zone: str | None = None) -> np.ndarray:
    """Steps since some stamp [t]; nan where a day, or a time of it, is none of the step's."""
    if step.kind in ("time", "number"):
        return stamps / step.size
    local = to_local(stamps, zone)
    if step.kind == "local":
        return local / step.size
    if step.kind == "month":
        return months_of(local) / step.size
    if step.is_within_days:
        number, is_off = _slot_places(local, step)
    else:
        day = _days(local, step)
        number = _day_number(day, step)
        is_off = _day_at(number, step) != day
    return np.where(is_off, np.nan, number / step.size)


def continue_stamps(last: float, step: TimeStep, n: int, zone: str | None = None) -> np.ndarray:
    """The n stamps after `last`."""
    return move(np.full(n, last), step, np.arange(1, n + 1), zone)


def move(
    stamps: np.ndarray, step: TimeStep, ahead: np.ndarray, zone: str | None = None
) -> np.ndarray:
    """The stamps that are `ahead` steps [t] after others [t], or before them."""
    if not len(stamps):
        return stamps
    if step.kind == "number":
        moved = stamps + ahead * step.size
        return np.round(moved, max(_decimals(float(stamps[0])), _decimals(step.size)))
    if step.kind == "time":
        return stamps + ahead * step.size
    local = to_local(stamps, zone)
    if step.kind == "local":
        return to_utc(local + ahead * step.size, zone)
    further = ahead * int(step.size)
    if step.kind == "month":
        month = months_of(local)
        return to_utc(month_start(month + further) + local - month_start(month), zone)
    if step.is_within_days:
        slots = np.array(step.slots)
        number = _slot_places(local, step)[0] + further
        day = _day_at(number // len(slots), step)
        return to_utc(day * DAY + slots[number % len(slots)], zone)
    day = _days(local, step)
    moved_day = _day_at(_day_number(day, step) + further, step)
    return to_utc((moved_day - day) * DAY + local, zone)


def month_start(months: np.ndarray) -> np.ndarray:
    """The stamp that each month begins at."""
    microseconds = months.astype("datetime64[M]").astype("datetime64[us]")
    return microseconds.astype(np.int64).astype(np.float64)


def first_days(months: np.ndarray) -> np.ndarray:
    """The day, since 1970, that each month begins on."""
    return months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)


def month_of_days(days: np.ndarray) -> np.ndarray:
    """The month, since January 1970, of each day."""
    return days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)


def _days(local: np.ndarray, step: TimeStep) -> np.ndarray:
    """The day, since 1970, that each stamp is of.

    Shortly before midnight the day after, where that one is of the step and the other is not.
    """
    day = np.floor_divide(local, DAY).astype(np.int64)
    after = day + 1
    is_early = local - day * DAY > LATE
    is_early &= _day_at(_day_number(day, step), step) != day
    is_early &= _day_at(_day_number(after, step), step) == after
    return np.where(is_early, after, day)


def _slot_places(local: np.ndarray, step: TimeStep) -> tuple[np.ndarray, np.ndarray]:
    """(the place of each stamp in the list of times of the days, whether it is off that list)."""
    slots = np.array(step.slots)
    day = np.floor_divide(local, DAY).astype(np.int64)
    number = _day_number(day, step)
    within = local - day * DAY
    slot = np.abs(within[:, None] - slots).argmin(axis=1)
    is_off = (_day_at(number, step) != day) | (slots[slot] != within)
    return number * len(slots) + slot, is_off


def _day_number(day: np.ndarray, step: TimeStep) -> np.ndarray:
    """Which of a step's days a day is, counted from one of them."""
    if step.kind == "weekdays":
        dates = day.astype("datetime64[D]")
        return np.busday_count(FIRST_DATE, dates, weekmask=step.weekdays).astype(np.int64)
    month = month_of_days(day)
    if step.kind != "month_days":
        return month
    within = day - first_days(month) + 1
    length = first_days(month + 1) - first_days(month)
    slots_ts = np.minimum(np.array(step.slots), length[:, None])
    slot = (slots_ts < within[:, None]).sum(axis=1)
    return month * len(step.slots) + slot


def _day_at(number: np.ndarray, step: TimeStep) -> np.ndarray:
    """The day, since 1970, of a number that `_day_number` gives."""
    if step.kind == "weekdays":
        dates = np.busday_offset(FIRST_DATE, number, "forward", weekmask=step.weekdays)
        return dates.astype(np.int64)
    if step.kind == "month_days":
        month = number // len(step.slots)
        length = first_days(month + 1) - first_days(month)
        slot = np.array(step.slots)[number % len(step.slots)]
        return first_days(month) + np.minimum(slot, length).astype(np.int64) - 1
    if step.kind == "month_end":
        return first_days(number + 1) - 1
    begin = first_days(number + (step.kind == "business_month_end")).astype("datetime64[D]")
    if step.kind == "business_month_start":
        return np.busday_offset(begin, 0, "forward", weekmask=BUSINESS_DAYS).astype(np.int64)
    return np.busday_offset(begin, -1, "forward", weekmask=BUSINESS_DAYS).astype(np.int64)


def _decimals(number: float) -> int:
    """Decimals that a number is written with."""
    exponent = decimal.Decimal(repr(float(number))).normalize().as_tuple().exponent
    return min(max(-int(exponent), 0), DIGITS)
