"""What may be meant otherwise in a column of numbers: dates such as 20250204, codes such as 1E5."""

# pyright: reportAttributeAccessIssue=false
# pyarrow.compute makes its functions while it is imported: nothing a type checker could see.

from __future__ import annotations

import re

import numpy as np
import pyarrow.compute as pc

from train.data.columns import Numbers, RawColumn, missing_rows, text_or_null, typed_numbers
from train.data.values import plain_numbers

FIRST_DAY = 19000101  # of whole numbers that may be dates
LAST_DAY = 21001231
EXPONENT = re.compile(r"[0-9]+[eE][0-9]+")


def compact_note(raw: RawColumn) -> str:
    """A line on whole numbers that could all be dates such as 20250204."""
    values = plain_numbers(raw) if raw.family == "text" else None
    if raw.family == "number":
        values = Numbers(typed_numbers(raw.data), missing_rows(raw))
    known = np.zeros(0) if values is None else values.known
    if not len(known) or known.min() < FIRST_DAY or known.max() > LAST_DAY or np.any(known % 1):
        return ""
    days = np.unique(known).astype(np.int64)
    month_k = days // 100 % 100
    day_k = days % 100
    if len(days) < 2 or month_k.min() < 1 or month_k.max() > 12:
        return ""
    if day_k.min() < 1 or day_k.max() > 31:
        return ""
    return f"{days[0]} could be a date, and is read as a number; config.data.dates makes it one"


def exponent_note(raw: RawColumn) -> str:
    """A line on numbers such as 1E5 that could all be codes; "" of others."""
    first = next((cell.as_py() for cell in raw.data if cell.is_valid), "")
    if EXPONENT.fullmatch(first.strip()) is None:
        return ""
    text = text_or_null(raw).drop_null()
    if not pc.all(pc.match_substring_regex(text, f"^{EXPONENT.pattern}$")).as_py():
        return ""
    shown = first.strip()
    return f"{shown!r} is read as {float(shown):g}; config.data.categorical keeps it as a code"
