"""What may be meant otherwise in a column that is read without a fault: lines for the user.

n rows, k different texts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from train.config.table_options import MISSING
from train.data.columns import Text
from train.data.no_value import is_none_of_any
from train.data.parsing import visible_text

# What stands for "no value" where files have numbers alone, after SPSS and surveys.
MISSING_CODES = frozenset((9, 99, 999, 9999, 99999))
# What databases and spreadsheets have where a day is not known, or never comes.
MISSING_DAYS = frozenset(
    (
        *("1753-01-01", "1800-01-01", "1899-12-30", "1899-12-31", "1900-01-01", "1970-01-01"),
        *("2099-12-31", "2100-12-31"),
    )
)
FIRST_YEAR = 1500
LAST_YEAR = 2200
# Words for no value that are categories as well.
CATEGORIES = frozenset(
    (
        *("*", "?", "nd", "n.d.", "nil", "none", "unknown", "unk", "not applicable", "not known"),
        *("not reported", "undefined", "tbd", "unbekannt", "inconnu", "no value", "keine angabe"),
        *("missing", "not available", "blank"),
    )
)
SHOWN = 3
MIN_CELLS = 2  # cells of such a code


def spelling_note(texts: Sequence[str]) -> str:
    """A line where texts [k] differ in case, blanks or what cannot be seen alone; else ""."""
    alike: dict[str, list[str]] = {}
    for text in texts:
        alike.setdefault(_folded(text), []).append(text)
    same = [group for group in alike.values() if len(group) > 1]
    if not same:
        return ""
    shown = " and ".join(repr(text[:40]) for text in same[0][:3])
    more = f", and {len(same) - 1} more" if len(same) > 1 else ""
    return f"{shown} differ in case or blanks alone{more}, and are apart; write them alike"


def _folded(text: str) -> str:
    return " ".join(visible_text(text).casefold().split())


def no_value_note(text: Text) -> str:
    """A line on categories such as "-" or "\\N" that may stand for none; "" without one."""
    places = [i for i, value in enumerate(text.values) if is_none_of_any(value)]
    # What is missing unless an option says otherwise was named a category.
    known = {*CATEGORIES, *map(str.casefold, MISSING)}
    places = [i for i in places if text.values[i].casefold() not in known]
    if not places or len(places) == len(text.values):
        return ""
    shown = ", ".join(f"{text.values[i]!r} ({text.counts[i]:,})" for i in places[:SHOWN])
    more = f" and {len(places) - SHOWN} more" if len(places) > SHOWN else ""
    advice = "config.data.missing takes what stands for no value"
    return f"{shown}{more} among categories, read as such; {advice}"


def date_note(known: np.ndarray) -> str:
    """A line where times [n] end in one such as 9999-12-31 that is far from all others; else "".

    So are times of years that only another calendar has now.
    """
    year = (
        int(np.datetime64(int(np.median(known)), "us").astype("datetime64[Y]").astype(int)) + 1970
    )
    if not FIRST_YEAR <= year <= LAST_YEAR:
        return f"dates are of years such as {year}; write those of another calendar by this one"
    distinct, counts = np.unique(known, return_counts=True)
    if len(distinct) < 4:
        return ""
    for place, others in ((0, distinct[1:]), (-1, distinct[:-1])):
        day = np.datetime64(int(distinct[place]), "us").astype("datetime64[D]")
        is_code = str(day) in MISSING_DAYS or not 2 <= day.item().year <= LAST_YEAR
        if is_code and np.abs(others - distinct[place]).min() > others[-1] - others[0]:
            found = (
                f"{day} stands in {counts[place]:,} of {len(known):,} cells, far from all others"
            )
            return f"{found}, and is read as a date; leave cells empty where it stands for none"
    return ""


def code_note(known: np.ndarray) -> str:
    """A line where numbers [n] end in one such as -999 that is far from all others; else ""."""
    if not MISSING_CODES & {abs(known.min()), abs(known.max())}:
        return ""
    distinct, counts = np.unique(known, return_counts=True)
    if len(distinct) < 4:
        return ""
    for place, others in ((0, distinct[1:]), (-1, distinct[:-1])):
        code = distinct[place]
        if abs(code) not in MISSING_CODES or counts[place] < MIN_CELLS:
            continue
        if np.abs(others - code).min() > others[-1] - others[0]:
            found = f"{code:g} stands in {counts[place]:,} of {len(known):,} cells, far from all "
            advice = f"config.data.missing takes '{code:g}' where it stands for none"
            return f"{found}others, and is read as a number; {advice}"
    return ""
