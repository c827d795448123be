"""Time stamps of a series: their step, what is missing between them, how they go on, their place in
the calendar.

Stamps are float64: microseconds since 1970 (UTC where they have no zone), or plain numbers. t
steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

SECOND = 1_000_000
HOUR = 3_600_000_000
DAY = 86_400_000_000
CYCLES = ("hour", "weekday", "month")


@dataclass(frozen=True)
class TimeStep:
    """From one stamp to the next: `size` microseconds ("time"), numbers ("number"), or months
    ("month", and "month_end" where stamps stand on a month's last day).
    """

    kind: Literal["time", "number", "month", "month_end"]
    size: float

    def __str__(self) -> str:
        if self.kind == "number":
            return f"{self.size:g}"
        if self.kind != "time":
            return f"{self.size:g} months" if self.size > 1 else "1 month"
        units = (("day", DAY), ("hour", HOUR), ("minute", 60 * SECOND))
        name, unit = next((pair for pair in units if not self.size % pair[1]), ("second", SECOND))
        count = self.size / unit
        return f"{count:g} {name}{'s' * (count != 1)}"


def find_step(series: Sequence[np.ndarray], kind: Literal["time", "number"]) -> TimeStep | None:
    """The commonest distance of neighbouring stamps [t] over all series; None where no series has
    two.
    """
    gaps = [np.diff(stamps) for stamps in series if len(stamps) > 1]
    if not gaps:
        return None
    size = _commonest(np.concatenate(gaps))
    if kind == "time" and size >= 28 * DAY:
        for moved in (0, DAY):
            stamps = [s + moved for s in series if len(s) > 1]
            within = np.concatenate([s - _month_start(_months(s)) for s in stamps])
            if (within == within[0]).all() and (not moved or within[0] < DAY):
                months = _commonest(np.concatenate([np.diff(_months(s)) for s in stamps]))
                return TimeStep("month_end" if moved else "month", months)
    return TimeStep(kind, size)


def count_gaps(series: Sequence[np.ndarray], step: TimeStep) -> tuple[int, int]:
    """(stamps that are missing between neighbours, neighbours whose distance is no whole number of
    steps).
    """
    missing = irregular = 0
    for stamps in series:
        places = (
            stamps / step.size if step.kind in ("time", "number") else _months(stamps) / step.size
        )
        distance = np.diff(places)
        whole = np.round(distance)
        fits = (whole > 0) & (np.abs(distance - whole) < 1e-3)
        missing += int((whole[fits] - 1).sum())
        irregular += int((~fits).sum())
    return missing, irregular


def continue_stamps(last: float, step: TimeStep, n: int) -> np.ndarray:
    """The n stamps after `last`."""
    ahead = np.arange(1, n + 1)
    if step.kind in ("time", "number"):
        return last + ahead * step.size
    moved = DAY if step.kind == "month_end" else 0
    month = _months(np.array([last + moved]))
    within = last + moved - _month_start(month)
    return _month_start(month + ahead * int(step.size)) + within - moved


def guess_season(step: TimeStep | None) -> int | None:
    """Steps after which a series tends to repeat: a day of what is measured within days, a week of
    days, a year of weeks, months and quarters; None where the step does not say.
    """
    if step is None or step.kind == "number":
        return None
    if step.kind != "time":
        season = 12 / step.size
    elif step.size < DAY:
        season = DAY / step.size
    else:
        season = {DAY: 7, 7 * DAY: 52}.get(int(step.size), 0)
    return int(season) if season > 1 and season == int(season) else None


def cycles_of(step: TimeStep) -> tuple[str, ...]:
    """The cycles that stamps of this step can tell apart."""
    if step.kind != "time":
        return ("month",)
    return CYCLES if step.size < DAY else CYCLES[1:] if step.size < 7 * DAY else CYCLES[2:]


def calendar(stamps: np.ndarray, cycles: Sequence[str]) -> np.ndarray:
    """Sine and cosine of each stamp's place in its cycles, float32 [t, 2 cycles]."""
    days = np.floor_divide(stamps, DAY)
    # 1970-01-01 was a Thursday; Monday is 0.
    share = {
        "hour": stamps % DAY / DAY,
        "weekday": (days + 3) % 7 / 7,
        "month": _months(stamps) % 12 / 12,
    }
    angles = [2 * np.pi * share[cycle] for cycle in cycles]
    return np.stack([wave(angle) for angle in angles for wave in (np.sin, np.cos)], axis=1).astype(
        np.float32
    )


def show_stamp(stamp: float, kind: Literal["time", "number"]) -> str:
    """A stamp for a message."""
    if kind == "number":
        return f"{stamp:g}"
    return str(np.datetime64(int(stamp), "us").astype("datetime64[s]")).replace("T", " ")


def _months(stamps: np.ndarray) -> np.ndarray:
    """Months since January 1970."""
    return stamps.astype("int64").astype("datetime64[us]").astype("datetime64[M]").astype(np.int64)


def _month_start(months: np.ndarray) -> np.ndarray:
    return (
        months.astype("datetime64[M]").astype("datetime64[us]").astype(np.int64).astype(np.float64)
    )


def _commonest(values: np.ndarray) -> float:
    distinct, counts = np.unique(values, return_counts=True)
    return float(distinct[counts.argmax()])
