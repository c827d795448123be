"""What is said of a category whose texts look like dates, or like numbers. k different texts."""

from __future__ import annotations

import re

from train.data.columns import Text
from train.data.notation import PLAIN
from train.data.parsing import visible_text

LIKE_A_DATE = re.compile(
    r"(?:19|20)[0-9]{2}[-/. ][0-9]{1,2}[-/. ][0-9]{1,2}(?![0-9])|[0-9]{1,2}[-/. ]"
    r"(?:[0-9]{1,2}|[^\W\d_]{3,12})[-/., ]{1,2}(?:19|20)[0-9]{2}(?![0-9])"
)
# A number, and a further one behind what sets them apart: 3-11, 1.2±0.1, 5'10", 8m 31s.
TWO_NUMBERS = re.compile(r"[+-]?[0-9]+[.,]?[0-9]*(?:[^\W\d]{1,4})?\W+[0-9]")
FEW = 10  # different ones, below which nothing is said


def unread_note(text: Text) -> str:
    """A line on a category most of whose cells look like dates, or begin with numbers; else ""."""
    total = text.counts.sum()
    dates = [i for i, value in enumerate(text.values) if LIKE_A_DATE.search(value)]
    if 2 * text.counts[dates].sum() > total:
        return (
            f"{text.values[dates[0]][:40]!r} looks like a date, but is read as a category; "
            "config.data.date_format says how dates are written"
        )
    numbers = [i for i, value in enumerate(text.values) if _holds_number(value)]
    if len(numbers) < FEW or 2 * text.counts[numbers].sum() <= total:
        return ""
    return (
        f"{text.values[numbers[0]][:40]!r} begins with a number, but is read as a category; "
        "write the number alone if it is meant"
    )


def _holds_number(text: str) -> bool:
    """Whether a text begins with a number, and goes on as no code does, or hides its digits."""
    visible = visible_text(text)
    hidden = visible != text and PLAIN.fullmatch(visible) is not None
    return hidden or TWO_NUMBERS.match(visible) is not None
