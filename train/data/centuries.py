"""Which century years of two digits are of, where the dates of a whole column tell it."""

from __future__ import annotations

import datetime
from collections.abc import Iterable

SINCE = ", years from "  # "dmy, years from 1958": those of two digits are of 1958 to 2057
# Rows that were measured do not lie behind this year: 49 is of 1949, though by POSIX of 2049.
LAST_LIKELY = 2040


def split_since(order: str) -> tuple[str, int | None]:
    """An order of dates, and the first of the hundred years of two digits, if it is told."""
    plain, mark, since = order.partition(SINCE)
    return plain, int(since) if mark else None


def with_since(order: str, moments: Iterable[datetime.datetime]) -> str:
    """The order with the first of the hundred years in which these moments lie closest together.

    `moments`: as POSIX has it, of 1969 to 2068. They are left there unless another century parts
    them less, or they all lie further ahead than rows that were measured do.
    """
    years = sorted({moment.year for moment in moments})
    if not years:
        return order
    if years[0] > LAST_LIKELY:
        return f"{order}{SINCE}{years[0] - 101}"
    places = sorted({year % 100 for year in years})
    following = [*places[1:], places[0] + 100]
    gaps = [after - place for place, after in zip(places, following, strict=True)]
    widest = max(range(len(gaps)), key=gaps.__getitem__)
    if 100 - gaps[widest] >= years[-1] - years[0]:
        return order
    # A year earlier, for what is of January by its own clock may be of December by UTC's.
    return f"{order}{SINCE}{1900 + following[widest] % 100 - 1}"


def in_century(moment: datetime.datetime | None, since: int) -> datetime.datetime | None:
    """The moment in the hundred years from `since` on; None of a 29th of February they lack."""
    if moment is None:
        return None
    try:
        return moment.replace(year=since + (moment.year - since) % 100)
    except ValueError:
        return None
