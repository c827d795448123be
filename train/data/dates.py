"""How dates and times are written in a column: one order for all, proved by its values. k texts."""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from train.data.centuries import in_century, split_since
from train.data.compact_dates import COMPACT_FORMATS, EPOCHS, parse_compact
from train.data.iso_dates import in_utc, parse_iso
from train.data.months import WEEKDAY, month_of
from train.data.named_date_parts import in_figures
from train.data.no_value import is_none_of_any
from train.data.numbered_parts import NUMBERED_ORDERS, SHORT_FORMATS, parse_numbered
from train.data.parsing import has_digit
from train.data.period_dates import parse_period, year_of
from train.data.zones import find_zones, with_offset_of, with_plain_offset, without_zone

ISO = ""
PERIOD = "period"  # months, quarters and weeks, such as 1949-01, Jan 1949, 1960Q1, 2020-W05
ORDERS = ("dmy", "mdy", "ymd")
MICROSECOND = datetime.timedelta(microseconds=1)
EPOCH = datetime.datetime(1970, 1, 1)
TIME = (
    r"(?:(?:[T ,:]+|-(?=[0-9]{2}\.[0-9]{2}\.))(?P<h>[0-9]{1,2})(?P<mark>[:.])(?P<mi>[0-9]{2})"
    r"(?:(?P=mark)(?P<s>[0-9]{2})(?:[.,](?P<f>[0-9]{1,9}))?)?"
    r" ?(?P<half>[aApP]\.?[mM]\.?)?)?(?: ?(?P<zone>Z|UTC|GMT|[+-][0-9]{2}:?[0-9]{2}))?"
)
NUMERIC = re.compile(r"(?P<a>[0-9]{1,4})([-./ ])(?P<b>[0-9]{1,2})\2(?P<c>[0-9]{1,4})\.?" + TIME)
DAY_FIRST = re.compile(
    WEEKDAY + r"(?P<d>[0-9]{1,2})(?:st|nd|rd|th|er|[.º°])?[-/ ]*(?:de )?(?P<m>[^\W\d_]{3,10})\.?"
    r"[-/ ,]*(?:de )?(?P<y>[0-9]{4}|[0-9]{2})" + TIME,
    re.IGNORECASE,
)
MONTH_FIRST = re.compile(
    WEEKDAY + r"(?P<m>[^\W\d_]{3,10})\.?[- ]*(?P<d>[0-9]{1,2})(?:st|nd|rd|th)?[-, ]+"
    r"(?P<y>[0-9]{4}|[0-9]{2})" + TIME,
    re.IGNORECASE,
)
C_TIME = re.compile(
    WEEKDAY + r"(?P<m>[^\W\d_]{3,10}) +(?P<d>[0-9]{1,2}) (?P<time>[0-9]{1,2}:[0-9]{2}:[0-9]{2})"
    r"(?P<zone> (?:UTC|GMT|[+-][0-9]{4}))? (?P<y>[0-9]{4})",
    re.IGNORECASE,
)
# From one moment to another, as exchanges of energy write them, perhaps with a clock's names.
FROM_TO = re.compile(
    r"(?P<begin>.*[0-9].*?) - (?P<end>.*[0-9].*?)(?: \([A-Z]{3,4}(?:/[A-Z]{3,4})?\))?"
)


class Order(NamedTuple):
    """How dates are written, how many cells fit, of how many, and the other order that fits too.

    `order`: "" for ISO, "dmy", "mdy", "ymd", "yyyymmdd", or a format of strptime.
    """

    order: str
    read: int
    asked: int
    rival: str = ""


def infer_order(texts: Sequence[str], counts: Sequence[int] | np.ndarray) -> Order:
    """The order that most cells of a column fit.

    Days come first where days and months cannot be told apart and the separator is no slash.
    """
    asked = 0
    read: dict[str, int] = dict.fromkeys((ISO, *ORDERS), 0)
    slashes = 0
    for text, count in zip(texts, counts, strict=True):
        text = text.strip()
        if is_none_of_any(text):
            continue
        asked += int(count)
        slashes += int(count) * ("/" in text)
        if not has_digit(text):
            continue
        is_iso = parse_date(text, ISO) is not None
        for order in read:
            if is_iso or parse_date(text, order) is not None:
                read[order] += int(count)
    best = max(read, key=lambda order: read[order])
    rival = ""
    if best in ("dmy", "mdy") and read["dmy"] == read["mdy"]:
        best = "mdy" if 2 * slashes > asked else "dmy"
        if _all_alike(texts):
            best = _order_of_names(texts, best)
        else:
            rival = "dmy" if best == "mdy" else "mdy"
    return Order(best, read[best], asked, rival)


def _order_of_names(texts: Sequence[str], best: str) -> str:
    """Whether days stand before named months, or behind them; `best` where no month is named."""
    for form, order in ((DAY_FIRST, "dmy"), (MONTH_FIRST, "mdy")):
        matches = (form.fullmatch(with_plain_offset(text.strip())) for text in texts)
        if any(match is not None and month_of(match["m"]) is not None for match in matches):
            return order
    return best


def _all_alike(texts: Sequence[str]) -> bool:
    """Whether day and month are the same number, or named, in all texts: then no order matters."""
    for text in texts:
        if parse_date(text.strip(), "dmy") != parse_date(text.strip(), "mdy"):
            return False
    return True


def parse_dates(texts: Sequence[str], order: str) -> tuple[np.ndarray, np.ndarray]:
    """Microseconds since 1970 UTC that texts write [k], and which of them write a time [k]."""
    parsed = np.zeros(len(texts))
    valid = np.zeros(len(texts), bool)
    for i, text in enumerate(texts):
        moment = parse_date(text.strip(), order)
        if moment is not None:
            parsed[i] = (moment - EPOCH) // MICROSECOND
            valid[i] = True
    return parsed, valid


def short_year(texts: Sequence[str], order: str) -> str:
    """What a date whose year has two digits is read as, in words; "" where all have four."""
    for text in texts:
        if not has_whole_year(with_plain_offset(text.strip())):
            moment = parse_date(text.strip(), order)
            if moment is not None:
                return f"{text.strip()[:40]!r} is of {moment.year}"
    return ""


def has_whole_year(text: str, order: str = "") -> bool:
    """Whether the year of a date has four digits."""
    if order in SHORT_FORMATS:
        return "yyyy" in order
    if (match := NUMERIC.fullmatch(text)) is not None:
        return len(match["a"]) == 4 or len(match["c"]) == 4
    if (match := DAY_FIRST.fullmatch(text) or MONTH_FIRST.fullmatch(text)) is not None:
        return len(match["y"]) == 4
    return re.search(r"[0-9]{4}", text) is not None


def has_zone(texts: Sequence[str]) -> bool:
    """Whether some time says its zone."""
    return find_zones(texts).only is not None


@lru_cache(maxsize=1 << 14)  # of some orders, of many columns that hold the same days
def parse_date(text: str, order: str) -> datetime.datetime | None:
    """The moment, in UTC and without a zone, that a text writes; None if it writes none."""
    text = with_plain_offset(text)
    order, since = split_since(order)
    if since is not None and not has_whole_year(text, order):
        return in_century(parse_date(text, order), since)
    moment = _parse(text, order)
    span = FROM_TO.fullmatch(text) if moment is None and " - " in text else None
    if span is not None:
        begin = _parse(with_offset_of(span["end"], span["begin"]), order)
        end = _parse(span["end"], order)
        return begin if begin and end and begin < end else None
    if moment is not None or (zoned := without_zone(text)) is None:
        return moment
    moment = _parse(zoned.rest, order)
    # An offset in front of the name of a zone, as Java writes, has been taken off.
    if moment is None or has_zone([zoned.rest]):
        return moment
    return in_utc(moment.replace(tzinfo=zoned.zone))


def _parse(text: str, order: str) -> datetime.datetime | None:
    """The moment of a text without the name of a zone."""
    text = in_figures(text)
    try:
        if "%" in order:
            return in_utc(datetime.datetime.strptime(text, order))
        if order in COMPACT_FORMATS or order in EPOCHS:
            return parse_compact(text, order)
        if order in NUMBERED_ORDERS:
            return parse_numbered(text, order)
        if order == PERIOD:
            return parse_period(text) or parse_iso(text)
        if order == ISO:
            return parse_iso(text)
        match = NUMERIC.fullmatch(text)
        if match is not None:
            return _numeric(match, order)
        if order == "ymd":
            return None
        if (stamp := C_TIME.fullmatch(text)) is not None:
            text = "{d} {m} {y} {time}".format(**stamp.groupdict()) + (stamp["zone"] or "")
        match = DAY_FIRST.fullmatch(text) or MONTH_FIRST.fullmatch(text)
        month = None if match is None else month_of(match["m"])
        if match is None or month is None:
            return None
        return _with_time(year_of(match["y"]), month, int(match["d"]), match)
    except (ValueError, OverflowError):
        return None


def _numeric(match: re.Match[str], order: str) -> datetime.datetime | None:
    first, second, third = match["a"], match["b"], match["c"]
    parts = {order[0]: first, order[1]: second, order[2]: third}
    if len(parts["d"]) > 2 or len(parts["m"]) > 2 or len(parts["y"]) not in (2, 4):
        return None
    if order == "ymd" and len(parts["y"]) != 4:
        return None
    return _with_time(year_of(parts["y"]), int(parts["m"]), int(parts["d"]), match)


def _with_time(year: int, month: int, day: int, match: re.Match[str]) -> datetime.datetime:
    """The moment of a date and the time behind it. Raises ValueError."""
    hour = int(match["h"] or 0)
    if match["half"]:
        if not 1 <= hour <= 12:
            raise ValueError(hour)
        hour = hour % 12 + (12 if match["half"][0] in "pP" else 0)
    fraction = int((match["f"] or "0").ljust(6, "0")[:6])
    second = int(match["s"] or 0)
    minute = int(match["mi"] or 0)
    is_end = hour == 24 and not (minute or second or fraction or match["half"])
    moment = datetime.datetime(year, month, day, 0 if is_end else hour, minute, second, fraction)
    moment += datetime.timedelta(days=is_end)
    zone = match["zone"] or "Z"
    if zone[0] not in "+-" or not match["h"]:
        return moment
    if int(zone[1:3]) > 23:
        raise ValueError(zone)
    ahead = datetime.timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))
    return moment - ahead if zone[0] == "+" else moment + ahead
