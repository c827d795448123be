"""Dates and times that are written as one whole number: 20250204, 2025020416, or since 1970."""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence

from train.data.period_dates import week_start

COMPACT = "yyyymmdd"
COMPACT_MONTH = "yyyymm"
COMPACT_WEEK = "yyyyww"
# Each with its form, as strptime has it, in the order in which they are tried: what could be months
# is no week. An hour may be 24, the end of its day.
COMPACT_FORMATS = {
    COMPACT: "%Y%m%d",
    COMPACT_MONTH: "%Y%m",
    COMPACT_WEEK: "%G%V",
    "yyyyddd": "%Y%j",
    "yyyymmddhh": "%Y%m%d%H",
    "yyyymmddhhmm": "%Y%m%d%H%M",
    "yyyymmddhhmmss": "%Y%m%d%H%M%S",
}
CENTURIES = ("19", "20")
# Units of a number of them since 1970, in microseconds.
EPOCHS = {
    "seconds since 1970": 1e6,
    "milliseconds since 1970": 1e3,
    "microseconds since 1970": 1.0,
    "nanoseconds since 1970": 1e-3,
}
FIRST = 1e9  # seconds, of 2001: fewer may count something else
LAST = 4.1e9  # of 2099
NUMBER = re.compile(r"[0-9]{10,19}(?:\.[0-9]+)?")
START = datetime.datetime(1970, 1, 1)


def find_compact(texts: Sequence[str]) -> str:
    """How all of these texts can be dates, two of them at the least; "" if they cannot."""
    if len(texts) < 2:
        return ""
    for order in (*COMPACT_FORMATS, *EPOCHS):
        if order in COMPACT_FORMATS and not all(text[:2] in CENTURIES for text in texts):
            continue
        if all(_parses(text, order) for text in texts):
            return order
    return ""


def parse_compact(text: str, order: str) -> datetime.datetime | None:
    """The moment, in UTC, of a number in an order; None of other texts. Raises ValueError."""
    if order in EPOCHS:
        return _since_1970(text, EPOCHS[order])
    if len(text) != len(order) or not text.isascii() or not text.isdigit():
        return None
    if order == COMPACT_WEEK:
        return week_start(int(text[:4]), int(text[4:]))
    if order == "yyyyddd":
        first = datetime.datetime(int(text[:4]), 1, 1)
        moment = first + datetime.timedelta(days=int(text[4:]) - 1)
        return moment if moment.year == first.year else None
    if text[8:10] == "24" and not text[10:].strip("0"):
        midnight = datetime.datetime.strptime(text[:8], "%Y%m%d")
        return midnight + datetime.timedelta(days=1)
    return datetime.datetime.strptime(text, COMPACT_FORMATS[order])


def _since_1970(text: str, microseconds: float) -> datetime.datetime | None:
    """The moment of a number of units since 1970, of this century."""
    if NUMBER.fullmatch(text) is None:
        return None
    ticks = float(text) * microseconds
    if not FIRST <= ticks / 1e6 <= LAST:
        return None
    return START + datetime.timedelta(microseconds=round(ticks))


def _parses(text: str, order: str) -> bool:
    try:
        return parse_compact(text, order) is not None
    except ValueError:
        return False
