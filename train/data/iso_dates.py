"""Dates and times as ISO 8601 writes them."""

from __future__ import annotations

import datetime
import re

from train.data.period_dates import MONTH

# What most files write: nothing of what is looked for below is in it.
PLAIN = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ](?:[01][0-9]|2[0-3]):[0-9]{2}(?::[0-9]{2})?)?"
)
# 24:00 is the end of its day. Basic dates of ISO 8601 have a time behind them.
END_OF_DAY = re.compile(
    r"(?P<day>[0-9]{4}-?[0-9]{2}-?[0-9]{2})(?P<mark>[T ])24(?P<rest>:?00(?::?00(?:[.,]0+)?)?)"
    r"(?P<zone> ?(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?))?"
)
# Behind a day without a time an offset changes nothing: it stays that day.
DAY_OFFSET = re.compile(r"^([0-9]{4}-[0-9]{2}-[0-9]{2}) ?(?:Z|[+-][0-9]{2}:?[0-9]{2})$")
BASIC = re.compile(r"[0-9]{8}[T ][0-9]{2}[0-9:]*(?:[.,][0-9]+)?(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)?")


def parse_iso(text: str) -> datetime.datetime | None:
    """The moment that a text writes, in UTC; None of none. Raises ValueError."""
    if PLAIN.fullmatch(text) is not None:
        return datetime.datetime.fromisoformat(text)
    if text[4:5] != "-" and BASIC.fullmatch(text) is None:
        return None
    if (match := END_OF_DAY.fullmatch(text)) is not None:
        begin = f"{match['day']}{match['mark']}00{match['rest']}{(match['zone'] or '').strip()}"
        return in_utc(datetime.datetime.fromisoformat(begin) + datetime.timedelta(days=1))
    text = DAY_OFFSET.sub(r"\1", text)
    month = MONTH.fullmatch(text)
    if month is not None:
        return datetime.datetime(int(month["y"]), int(month["m"]), 1)
    return in_utc(datetime.datetime.fromisoformat(text))


def in_utc(moment: datetime.datetime) -> datetime.datetime:
    """A moment in UTC, without a zone."""
    if moment.tzinfo is None:
        return moment
    return moment.astimezone(datetime.UTC).replace(tzinfo=None)
