"""What is said of a category whose texts look like dates, or like numbers. k different texts."""

from __future__ import annotations

import re

from train.data.columns import Text
from train.data.marks import find_marks
from train.data.months import month_of
from train.data.notation import CELL, MARKS, PLAIN, prefix_of
from train.data.parsing import visible_text
from train.data.unit_names import as_one_unit

LIKE_A_DATE = re.compile(
    r"(?:19|20)[0-9]{2}[-/. ][0-9]{1,2}[-/. ][0-9]{1,2}(?![0-9])|[0-9]{1,2}[-/. ]"
    r"(?:[0-9]{1,2}|[^\W\d_]{3,12})[-/., ]{1,2}(?:19|20)[0-9]{2}(?![0-9])"
    r"|[0-9元]{1,4} ?[年년] ?[0-9]{1,2} ?[月월]|^(?:19|20)[0-9]{10,12}(?:\.[0-9]+)?Z$"
)
NAMED_MONTH = re.compile(
    r"(?P<m>[^\W\d_]{3,12})\.?[- ][0-9]{1,2}|[0-9]{1,2}\.?[- ](?P<m2>[^\W\d_]{3,12})\.?"
)
# A number, and a further one behind what sets them apart: 3-11, 1.2±0.1, 5'10", 8m 31s.
TWO_NUMBERS = re.compile(r"[+-]?[0-9]+[.,]?[0-9]*(?:[^\W\d]{1,4})?\W+[0-9]")
FEW = 10  # different ones, below which nothing is said
OPENING = "([{<>=\u2264\u2265~'\" "  # in front of a number: bins such as [0, 10), texts such as '12


def unread_note(text: Text) -> str:
    """A line on a category most of whose cells look like dates, or begin with numbers; else ""."""
    total = text.counts.sum()
    dates = [i for i, value in enumerate(text.values) if _is_like_a_date(value)]
    if 2 * text.counts[dates].sum() > total:
        return (
            f"{text.values[dates[0]][:40]!r} looks like a date, but is read as a category; "
            "config.data.date_format says how dates are written"
        )
    if note := units_note(text):
        return note
    numbers = [i for i, value in enumerate(text.values) if _holds_number(value)]
    if len(numbers) < FEW or 2 * text.counts[numbers].sum() <= total:
        return ""
    return (
        f"{text.values[numbers[0]][:40]!r} begins with a number, but is read as a category; "
        "write the number alone if it is meant"
    )


def both_marks_note(text: Text) -> str:
    """A line on numbers some of which have decimal points and others decimal commas; else ""."""
    marks = find_marks(text.values, text.counts)
    if not all(marks.decimal[mark] for mark in MARKS):
        return ""
    if 2 * (marks.decimal.total() + marks.short + marks.long) <= text.counts.sum():
        return ""
    shown = []
    for mark in MARKS:
        alone = (find_marks([value], [1]).decimal[mark] for value in text.values)
        shown.append(next(value for value, ok in zip(text.values, alone, strict=True) if ok))
    found = f"decimal points as in {shown[0]!r}, and decimal commas as in {shown[1]!r}"
    return f"{found}: a category; write all numbers alike"


def _is_like_a_date(text: str) -> bool:
    """Whether a text has a year, month and day, or a month by its name and a number."""
    if LIKE_A_DATE.search(text) is not None:
        return True
    match = NAMED_MONTH.fullmatch(text)
    return match is not None and month_of(match["m"] or match["m2"]) is not None


def _holds_number(text: str) -> bool:
    """Whether a text begins with a number, and goes on as no code does, or hides its digits."""
    visible = visible_text(text).lstrip(OPENING)
    hidden = visible != text and PLAIN.fullmatch(visible.rstrip("'\"")) is not None
    return hidden or TWO_NUMBERS.match(visible) is not None


def units_note(text: Text) -> str:
    """A line on numbers most of which bear units, of several kinds; else ""."""
    places: dict[str, list[int]] = {}
    for place, value in enumerate(text.values):
        match = CELL.fullmatch(value)
        suffix = "" if match is None else (match["suffix"] or "").strip()
        unit = suffix if match is None else prefix_of(match) or suffix
        # A letter right behind a number makes a code such as 1A.
        if match is not None and unit and (match["gap"] or unit != suffix or len(unit) > 1):
            places.setdefault(as_one_unit(unit), []).append(place)
    cells = [place for found in places.values() for place in found]
    if len(places) < 2 or len(cells) < FEW or 2 * text.counts[cells].sum() <= text.counts.sum():
        return ""
    shown = " and ".join(repr(text.values[found[0]][:40]) for found in list(places.values())[:2])
    return f"{shown} have different units, and are read as categories; write all in one unit"
