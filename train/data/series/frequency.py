"""The step that `config.data.frequency` names."""

from __future__ import annotations

from train.config.frequency import Frequency
from train.data.series.step import BUSINESS_DAYS, DAY, HOUR, MINUTE, SECOND, TimeStep

ELAPSED = {"us": 1, "ms": 1_000, "s": SECOND, "min": MINUTE, "h": HOUR}
OF_MONTHS = {"M": 1, "Q": 3, "Y": 12}
HALF_MONTH = {"SMS": (1.0, 15.0), "SME": (15.0, 31.0)}


def step_of(frequency: Frequency) -> TimeStep:
    """The step by its parts; anchors of weeks, quarters and years are those of the stamps."""
    count = float(frequency.times)
    unit = frequency.unit
    if unit in ELAPSED:
        return TimeStep("time", count * ELAPSED[unit])
    if unit in ("D", "W"):
        return TimeStep("local", count * DAY * (7 if unit == "W" else 1))
    if unit in ("B", "weekdays"):
        return TimeStep("weekdays", count, frequency.weekdays or BUSINESS_DAYS)
    if unit in HALF_MONTH:
        slots = HALF_MONTH[unit]
        if frequency.anchor:
            day = float(frequency.anchor)
            slots = (1.0, day) if unit == "SMS" else (day, 31.0)
        return TimeStep("month_days", count, slots=slots)
    months = OF_MONTHS[unit.removeprefix("B")[0]] * count
    is_start = unit.endswith("S")
    if unit.startswith("B"):
        return TimeStep("business_month_start" if is_start else "business_month_end", months)
    return TimeStep("month" if is_start else "month_end", months)
