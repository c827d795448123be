"""Times of a year and the number of a part of it, as 1959.1 to 1959.4 or 1975-53, and short dates.

What a number counts, quarters, months or weeks, is told by all texts of a column.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence

import numpy as np

from train.data.centuries import in_century, split_since, with_since
from train.data.period_dates import week_start

QUARTERS = "year and quarter"
HALVES = "year and half"
MONTHS = "year and month"
TRIMMED_MONTHS = "year and month, of a number"  # 1949.1 is October: 1949.10 without its zero
WEEKS = "year and week"
PART_ORDERS = (QUARTERS, HALVES, MONTHS, TRIMMED_MONTHS, WEEKS)
# Whole numbers that begin with a day or a month, or write two digits of a year.
SHORT_FORMATS = {
    "yymmdd": "%y%m%d",
    "ddmmyy": "%d%m%y",
    "mmddyy": "%m%d%y",
    "ddmmyyyy": "%d%m%Y",
    "mmddyyyy": "%m%d%Y",
}
NUMBERED_ORDERS = (*PART_ORDERS, *SHORT_FORMATS)
PART = re.compile(
    r"(?P<y>[0-9]{4})(?P<mark>[-./: ]?)(?P<p>[0-9]{1,2}|IV|I{1,3})"
    r"|(?P<p2>[0-9]{1,2}|IV|I{1,3})(?P<mark2>[-./: ])(?P<y2>[0-9]{4})"
)
ROMAN = {"I": 1, "II": 2, "III": 3, "IV": 4}
FIRST_YEAR = 1500
LAST_YEAR = 2200
MIN_QUARTERS = 3  # distinct ones: two could be halves, or months
MIN_MONTHS = 5
MAX_UNEVEN = 0.9  # of dates, in terms of the numbers that write them: leap years alone change it
LATE_WEEK = 50  # without the last weeks of a year it may be something else that is counted


def find_parts(texts: Sequence[str]) -> str:
    """How all of these texts are years with a part; "" where they are not, or may be else."""
    matches = [PART.fullmatch(text) for text in texts]
    if not all(matches):
        return ""
    found = [_parts(match) for match in matches if match is not None]
    marks = {mark for _, mark, _ in found}
    years = {year for year, _, _ in found}
    written = {part for _, _, part in found}
    if len(marks) > 1 or len(years) < 2:
        return ""
    if min(years) < FIRST_YEAR or max(years) > LAST_YEAR:
        return ""
    order = _order(written, len(years), is_bare=marks == {""}, is_point=marks == {"."})
    if order == MONTHS and marks <= {"-", "/"}:
        return ""  # any period is read as what it says
    return order if all(_parse_part(text, order) is not None for text in texts) else ""


def _order(written: set[str], n_years: int, *, is_bare: bool, is_point: bool) -> str:
    """What the distinct parts of years count; "" where nothing tells it."""
    numbers = {ROMAN.get(part) or int(part) for part in written}
    are_single = all(len(part) == 1 or part in ROMAN for part in written)
    if are_single and numbers <= {1, 2, 3, 4} and len(numbers) >= MIN_QUARTERS:
        return QUARTERS if 4 in numbers else ""  # of three they would be thirds
    if is_bare or written & set(ROMAN):
        return ""
    if are_single and numbers == {1, 2} and n_years > 2:
        return HALVES
    if min(numbers) < 1 or max(numbers) > 53 or len(numbers) < MIN_MONTHS:
        return ""
    if max(numbers) > 12:
        return WEEKS if len(numbers) > 12 and max(numbers) >= LATE_WEEK else ""
    if is_point and any(part.startswith("0") for part in written):
        # A single 1 can only be October, in later files too.
        return "" if {"1", "10"} <= written else TRIMMED_MONTHS
    # Tenths of a number are no months.
    return "" if is_point and are_single else MONTHS


def parse_numbered(text: str, order: str) -> datetime.datetime | None:
    """The moment that a text writes in one of `NUMBERED_ORDERS`; None of other texts."""
    return _parse_short(text, order) if order in SHORT_FORMATS else _parse_part(text, order)


def _parse_part(text: str, order: str) -> datetime.datetime | None:
    """The moment at which the part of a year begins; None of other texts."""
    match = PART.fullmatch(text)
    if match is None:
        return None
    year, _, part = _parts(match)
    if order == TRIMMED_MONTHS:
        part = part.ljust(2, "0")
    number = ROMAN.get(part) or int(part)
    if order == WEEKS:
        return _week(year, number)
    months = {QUARTERS: 3, HALVES: 6, MONTHS: 1, TRIMMED_MONTHS: 1}.get(order)
    if months is None or not 1 <= number <= 12 // months:
        return None
    return datetime.datetime(year, months * number - months + 1, 1)


def _week(year: int, week: int) -> datetime.datetime | None:
    try:
        return week_start(year, week)
    except ValueError:
        return None


def _parts(match: re.Match[str]) -> tuple[int, str, str]:
    """The year, the mark and the part of a text."""
    if match["y"] is not None:
        return int(match["y"]), match["mark"], match["p"]
    return int(match["y2"]), match["mark2"], match["p2"]


def find_short(texts: Sequence[str], rival: np.ndarray | None = None) -> str:
    """How all of these whole numbers are dates of `SHORT_FORMATS`; "" unless they all can be.

    They must follow each other more evenly as dates than as numbers, or than as `rival` has them,
    for many a number can be a date, and be sorted as dates if they are as numbers; of several
    orders the most even one is taken.
    """
    if len(texts) < 2 or not all(text.isascii() and text.isdigit() for text in texts):
        return ""
    numbers = np.array(texts, float)
    least = MAX_UNEVEN * unevenness(numbers if rival is None else rival)
    best = ""
    for order in SHORT_FORMATS:
        moments = [_parse_short(text, order) for text in texts]
        known = [moment for moment in moments if moment is not None]
        if len(known) < len(texts):
            continue
        since = split_since(with_since(order, known))[1] if "yyyy" not in order else None
        if since is not None:
            known = [in_century(moment, since) or moment for moment in known]
        days = np.array([float(moment.toordinal()) for moment in known])
        uneven = unevenness(days)
        if uneven < least and _n_unsorted(days) <= _n_unsorted(numbers):
            least = uneven
            best = order
    return best


def _n_unsorted(stamps: np.ndarray) -> int:
    """How many neighbours go the rarer way, up or down."""
    steps = np.diff(stamps)
    return int(min(np.count_nonzero(steps < 0), np.count_nonzero(steps > 0)))


def _parse_short(text: str, order: str) -> datetime.datetime | None:
    """The day that a whole number writes; None of other texts."""
    if len(text) != len(order) or not (text.isascii() and text.isdigit()):
        return None
    try:
        moment = datetime.datetime.strptime(text, SHORT_FORMATS[order])
    except ValueError:
        return None
    return moment if FIRST_YEAR <= moment.year <= LAST_YEAR else None


def unevenness(stamps: np.ndarray) -> float:
    """How much distances of neighbours differ, in terms of their mean."""
    distances = np.diff(np.unique(stamps))
    return float(distances.std() / distances.mean()) if len(distances) else 0.0
