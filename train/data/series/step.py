"""From one stamp of a series to the next: kind, size and name of that step, and its season.

Messages show stamps, float64, by `show_stamp`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
MONTH = 30.44 * DAY
BUSINESS_DAYS = "1111100"  # Monday to Friday
CYCLES = ("hour", "weekday", "month")
NAMES = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

StampKind: TypeAlias = Literal["time", "number"]
StepKind: TypeAlias = Literal[
    "time",
    "number",
    "month",
    "month_end",
    "local",
    "weekdays",
    "month_days",
    "business_month_start",
    "business_month_end",
]
# Steps from month to month, and where in a month they stand.
MONTHLY = {
    "month": "",
    "month_end": "",
    "business_month_start": ", on the first business day",
    "business_month_end": ", on the last business day",
}


@dataclass(frozen=True)
class TimeStep:
    """From one stamp to the next.

    `size` microseconds that pass ("time") or that a zone's clock shows ("local"), numbers
    ("number"), or months ("month"; "month_end" where stamps stand on a month's last day,
    "business_month_start" and "business_month_end" on its first or last business day). Or `size`
    places in a list of days: those of the week that are 1 in `weekdays`, Monday first, or the days
    `slots` of each month ("month_days", 31 being its last). On `weekdays`, `slots` are times of the
    day in microseconds, one each day where there are none. Where numbers are years and their parts,
    as 1949.25, `per_year` steps are one.
    """

    kind: StepKind
    size: float
    weekdays: str = ""
    slots: tuple[float, ...] = ()
    per_year: int = field(default=0, compare=False)

    @property
    def is_of_months(self) -> bool:
        """Whether steps are whole months."""
        return self.kind in MONTHLY

    @property
    def is_within_days(self) -> bool:
        """Whether stamps stand at several times of the day."""
        if self.kind == "weekdays":
            return len(self.slots) > 1
        return self.kind in ("time", "local") and self.size % DAY > 0

    @property
    def rough_size(self) -> float:
        """About how far apart stamps are."""
        if self.kind in ("time", "local", "number"):
            return self.size
        if self.kind == "weekdays":
            return self.size * 7 * DAY / self.weekdays.count("1") / max(len(self.slots), 1)
        return self.size * MONTH / max(len(self.slots), 1)

    def __str__(self) -> str:
        if self.kind == "number":
            shown = f"{self.size:.12g}"
            return f"1/{self.per_year} of a year" if self.per_year else shown
        if self.kind in MONTHLY:
            return f"{_counted(self.size, 'month')}{MONTHLY[self.kind]}"
        if self.kind == "month_days":
            days = " and ".join("end" if day == 31 else f"{day:g}" for day in self.slots)
            return f"{_times(self.size)}the {days} of each month"
        if self.kind == "weekdays":
            return f"{_times(self.size)}{self._days()}{self._times_of_day()}"
        units = (("day", DAY), ("hour", HOUR), ("minute", MINUTE))
        name, unit = next((pair for pair in units if not self.size % pair[1]), ("second", SECOND))
        return _counted(self.size / unit, name)

    def _days(self) -> str:
        if self.weekdays == BUSINESS_DAYS:
            return "1 business day" if self.size == 1 else "business days"
        names = [name for name, on in zip(NAMES, self.weekdays, strict=True) if on == "1"]
        return f"a day of {', '.join(names)}"

    def _times_of_day(self) -> str:
        return f", {len(self.slots)} times a day" if len(self.slots) > 1 else ""


def _counted(count: float, name: str) -> str:
    return f"{count:g} {name}{'s' * (count != 1)}"


def _times(size: float) -> str:
    return "" if size == 1 else f"{size:g} x "


def guess_season(step: TimeStep | None) -> int | None:
    """Steps after which a series tends to repeat; None where the step does not say.

    A day of what is measured within days, a week of days, a year of weeks, months and quarters.
    """
    if step is None:
        return None
    if step.kind == "number":
        return step.per_year or None
    if step.kind == "weekdays":
        places = len(step.slots) if step.is_within_days else step.weekdays.count("1")
    elif step.kind == "month_days":
        places = 12 * len(step.slots)
    elif step.is_of_months:
        places = 12
    elif step.size < DAY:
        return _whole(DAY / step.size)
    else:
        return {DAY: 7, 7 * DAY: 52}.get(int(step.size))
    return _whole(places / step.size)


def _whole(season: float) -> int | None:
    return int(season) if season > 1 and season == int(season) else None


def show_stamp(stamp: float, kind: StampKind) -> str:
    """A stamp for a message: of microseconds since 1970 (UTC without a zone), or a plain number."""
    if kind == "number":
        return f"{stamp:.12g}"
    return str(np.datetime64(int(stamp), "us").astype("datetime64[s]")).replace("T", " ")


def cycles_of(step: TimeStep) -> tuple[str, ...]:
    """The cycles that stamps of this step can tell apart."""
    if step.is_within_days:
        return CYCLES
    if step.kind == "weekdays" or (step.kind in ("time", "local") and step.size < 7 * DAY):
        return ("weekday", "month")
    return ("month",)
