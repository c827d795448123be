"""Days that are counted from a day long ago, as in workbooks of Excel and in astronomy."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

import numpy as np

# Words in the name of a column of times; "data" is one too, but of anything.
WORDS = frozenset(
    (
        *("date", "dates", "datetime", "day", "days", "time", "timestamp", "when", "datum", "tag"),
        *("zeit", "fecha", "fechas", "jour", "giorno", "dia", "julian", "jd", "mjd", "jdn"),
        *("дата", "日期", "日付", "날짜"),
    )
)
CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


class DayCount(NamedTuple):
    """Who counts days, which number 1970-01-01 has, and the first and last that are likely."""

    who: str
    of_1970: float
    first: float
    last: float


# 1954 to 2050, 1900 to 2050, 1981 to 2050.
EXCEL = DayCount("a day as Excel counts them", 25_569, 20_000, 55_000)
JULIAN = DayCount("a Julian day", 2_440_587.5, 2_415_020, 2_469_900)
MODIFIED = DayCount("a modified Julian day", 40_587, 44_600, 69_900)


def day_count_note(name: str, known: np.ndarray) -> str:
    """A line on numbers [n] that may count days, by the name of their column too; else ""."""
    words = set(re.findall(r"[^\W\d_]+", CAMEL.sub(" ", name).lower()))
    if not words & WORDS or not len(known) or known.min() == known.max():
        return ""
    for count in (MODIFIED if "mjd" in words else EXCEL, JULIAN):
        if known.min() >= count.first and known.max() <= count.last:
            day = np.datetime64(math.floor(known[0] - count.of_1970), "D")
            found = f"{known[0]:.15g} could be {count.who} ({day}), and is read as a number"
            return f"{found}; write dates where weekdays or months may matter"
    return ""
