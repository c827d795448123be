"""Texts that write a month, a quarter, a half-year or a week, as the moment that it begins."""

from __future__ import annotations

import datetime
import re

from train.data.months import month_of

CENTURY = 69  # two digits of a year: from here on of 19.., as POSIX has it
MONTH = re.compile(r"(?P<y>[0-9]{4})-(?P<m>[0-9]{2})")
QUARTER = re.compile(
    r"(?P<y>[0-9]{4})[-: /]?Q(?P<q>[1-4])|Q?(?P<q2>[1-4])[-: /]?Q?[-: /]?(?P<y2>[0-9]{4})", re.I
)
HALF = re.compile(
    r"(?P<y>[0-9]{4})[-: /]?[HS](?P<h>[12])|[HS](?P<h2>[12])[-: /]?(?P<y2>[0-9]{4})", re.I
)
WEEK_LETTERS = r"(?:W|KW|CW|WK|week)"
WEEK = re.compile(
    rf"(?P<y>[0-9]{{4}})[-: /]?{WEEK_LETTERS} ?-?(?P<w>[0-9]{{1,2}})"
    rf"|{WEEK_LETTERS} ?-?(?P<w2>[0-9]{{1,2}})[-: /]+(?P<y2>[0-9]{{4}})",
    re.I,
)
MONTH_AND_YEAR = re.compile(
    r"(?P<m>[^\W\d_]{3,10})\.?[-/ ,]*(?:de )?(?P<y>[0-9]{4})"
    r"|(?P<y2>[0-9]{4})[-/ ,]*(?P<m2>[^\W\d_]{3,10})\.?",
    re.I,
)
NUMBERED_MONTH = re.compile(
    r"(?P<m>[0-9]{1,2})[-/.](?P<y>[0-9]{4})|(?P<y2>[0-9]{4})(?:[-/.]|[- :]?[mM])(?P<m2>[0-9]{1,2})"
)
SHORT_QUARTER = re.compile(r"(?:Q(?P<q>[1-4])[-/ ]?['-/ ]|(?P<q2>[1-4])Q'?)(?P<y>[0-9]{2})", re.I)
# Jan '24; without the apostrophe it may be a day.
SHORT_MONTH = re.compile(r"(?P<m>[^\W\d_]{3,10})\.? ?'(?P<y>[0-9]{2})")
SPAN = re.compile(r"(?P<first>[0-9]{4}-[0-9]{2}-[0-9]{2})/[0-9]{4}-[0-9]{2}-[0-9]{2}")


def parse_period(text: str) -> datetime.datetime | None:
    """The moment that a month, a quarter, a half-year or a week of ISO 8601 begins.

    None for other texts. Raises ValueError for a month or a week that does not exist.
    """
    if (span := SPAN.fullmatch(text)) is not None:
        return datetime.datetime.fromisoformat(span["first"])
    if (match := QUARTER.fullmatch(text)) is not None and "q" in text.lower():
        return datetime.datetime(_first(match, "y"), 3 * _first(match, "q") - 2, 1)
    if (match := SHORT_QUARTER.fullmatch(text)) is not None:
        return datetime.datetime(year_of(match["y"]), 3 * _first(match, "q") - 2, 1)
    if (match := SHORT_MONTH.fullmatch(text)) is not None:
        month = month_of(match["m"])
        return None if month is None else datetime.datetime(year_of(match["y"]), month, 1)
    if (match := HALF.fullmatch(text)) is not None:
        return datetime.datetime(_first(match, "y"), 6 * _first(match, "h") - 5, 1)
    if (match := WEEK.fullmatch(text)) is not None:
        return week_start(_first(match, "y"), _first(match, "w"))
    if (match := NUMBERED_MONTH.fullmatch(text)) is not None:
        return datetime.datetime(_first(match, "y"), _first(match, "m"), 1)
    if (match := MONTH_AND_YEAR.fullmatch(text)) is None:
        return None
    month = month_of(match["m"] or match["m2"])
    return None if month is None else datetime.datetime(_first(match, "y"), month, 1)


def year_of(text: str) -> int:
    """The year that four digits write, or two."""
    year = int(text)
    if len(text) == 4:
        return year
    return year + (1900 if year >= CENTURY else 2000)


def week_start(year: int, week: int) -> datetime.datetime:
    """The Monday of a week of ISO 8601. Raises ValueError of one that a year has not."""
    return datetime.datetime.fromisocalendar(year, week, 1)


def _first(match: re.Match[str], name: str) -> int:
    """The number of a part that may stand at two places."""
    return int(match[name] or match[f"{name}2"])
