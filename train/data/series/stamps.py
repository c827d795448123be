"""Stamps of a series: their step, gaps, how they go on, and their place in the calendar.

Stamps are float64: microseconds since 1970 (UTC where they have no zone), or plain numbers. t
steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

SECOND = 1_000_000
HOUR = 3_600_000_000
DAY = 86_400_000_000
CYCLES = ("hour", "weekday", "month")
# Between neighbouring stamps, a distance this near to a whole number of steps is one.
EPSILON = 1e-3

StampKind: TypeAlias = Literal["time", "number"]


@dataclass(frozen=True)
class TimeStep:
    """From one stamp to the next.

    `size` microseconds ("time"), numbers ("number"), or months ("month", and "month_end" where
    stamps stand on a month's last day).
    """

    kind: Literal["time", "number", "month", "month_end"]
    size: float

    @property
    def is_of_months(self) -> bool:
        return self.kind in ("month", "month_end")

    @property
    def is_within_days(self) -> bool:
        """Whether stamps stand at several times of the day."""
        return self.kind == "time" and self.size % DAY > 0

    def __str__(self) -> str:
        if self.kind == "number":
            return f"{self.size:g}"
        if self.is_of_months:
            return f"{self.size:g} months" if self.size > 1 else "1 month"
        units = (("day", DAY), ("hour", HOUR), ("minute", 60 * SECOND))
        name, unit = next((pair for pair in units if not self.size % pair[1]), ("second", SECOND))
        count = self.size / unit
        return f"{count:g} {name}{'s' * (count != 1)}"


def find_step(series: Sequence[np.ndarray], kind: StampKind) -> TimeStep | None:
    """The commonest distance of neighbouring stamps [t]; None where no series has two."""
    longer = [stamps for stamps in series if len(stamps) > 1]
    if not longer:
        return None
    size = _commonest(np.concatenate([np.diff(stamps) for stamps in longer]))
    if kind == "time" and size >= 28 * DAY:
        if _is_monthly(longer):
            return TimeStep("month", _commonest_months(longer))
        ends = [stamps + DAY for stamps in longer]
        if _is_monthly(ends) and _within_month(ends[0])[0] < DAY:
            return TimeStep("month_end", _commonest_months(ends))
    return TimeStep(kind, size)


def count_gaps(series: Sequence[np.ndarray], step: TimeStep) -> tuple[int, int]:
    """(missing stamps, neighbours that are no whole number of steps apart)."""
    missing = 0
    irregular = 0
    for stamps in series:
        places = (_months(stamps) if step.is_of_months else stamps) / step.size
        distance = np.diff(places)
        whole = np.round(distance)
        fits = (whole > 0) & (np.abs(distance - whole) < EPSILON)
        missing += int((whole[fits] - 1).sum())
        irregular += int((~fits).sum())
    return missing, irregular


def continue_stamps(last: float, step: TimeStep, n: int) -> np.ndarray:
    """The n stamps after `last`."""
    ahead = np.arange(1, n + 1)
    if not step.is_of_months:
        return last + ahead * step.size
    moved = DAY if step.kind == "month_end" else 0
    month = _months(np.array([last + moved]))
    within = last + moved - _month_start(month)
    return _month_start(month + ahead * int(step.size)) + within - moved


def guess_season(step: TimeStep | None) -> int | None:
    """Steps after which a series tends to repeat; None where the step does not say.

    A day of what is measured within days, a week of days, a year of weeks, months and quarters.
    """
    if step is None or step.kind == "number":
        return None
    if step.is_of_months:
        season = 12 / step.size
    elif step.size < DAY:
        season = DAY / step.size
    else:
        season = {DAY: 7, 7 * DAY: 52}.get(int(step.size), 0)
    return int(season) if season > 1 and season == int(season) else None


def cycles_of(step: TimeStep) -> tuple[str, ...]:
    """The cycles that stamps of this step can tell apart."""
    if step.kind != "time" or step.size >= 7 * DAY:
        return ("month",)
    return CYCLES if step.size < DAY else ("weekday", "month")


def calendar(stamps: np.ndarray, cycles: Sequence[str]) -> np.ndarray:
    """Sine and cosine of each stamp's place in its cycles, float32 [t, 2 cycles]."""
    days = np.floor_divide(stamps, DAY)
    # 1970-01-01 was a Thursday; Monday is 0.
    share = {
        "hour": stamps % DAY / DAY,
        "weekday": (days + 3) % 7 / 7,
        "month": _months(stamps) % 12 / 12,
    }
    waves = []
    for cycle in cycles:
        angle = 2 * np.pi * share[cycle]
        waves += [np.sin(angle), np.cos(angle)]
    return np.stack(waves, axis=1).astype(np.float32)


def show_stamp(stamp: float, kind: StampKind) -> str:
    """A stamp for a message."""
    if kind == "number":
        return f"{stamp:g}"
    return str(np.datetime64(int(stamp), "us").astype("datetime64[s]")).replace("T", " ")


def _is_monthly(series: Sequence[np.ndarray]) -> bool:
    """Whether all stamps stand at one time of one day of their months."""
    within = np.concatenate([_within_month(stamps) for stamps in series])
    return bool((within == within[0]).all())


def _commonest_months(series: Sequence[np.ndarray]) -> float:
    """The commonest number of months between neighbouring stamps."""
    return _commonest(np.concatenate([np.diff(_months(stamps)) for stamps in series]))


def _within_month(stamps: np.ndarray) -> np.ndarray:
    """Microseconds since the month of each stamp began."""
    return stamps - _month_start(_months(stamps))


def _months(stamps: np.ndarray) -> np.ndarray:
    """Months since January 1970."""
    return stamps.astype("int64").astype("datetime64[us]").astype("datetime64[M]").astype(np.int64)


def _month_start(months: np.ndarray) -> np.ndarray:
    """The stamp that each month begins at."""
    microseconds = months.astype("datetime64[M]").astype("datetime64[us]")
    return microseconds.astype(np.int64).astype(np.float64)


def _commonest(values: np.ndarray) -> float:
    distinct, counts = np.unique(values, return_counts=True)
    return float(distinct[counts.argmax()])
