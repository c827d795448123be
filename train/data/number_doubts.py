"""What may be meant otherwise in a column of numbers: dates such as 20250204, codes such as 1E5."""

# pyright: reportAttributeAccessIssue=false
# pyarrow.compute makes its functions while it is imported: nothing a type checker could see.

from __future__ import annotations

import re

import numpy as np
import pyarrow.compute as pc

from train.data.columns import Numbers, RawColumn, missing_rows, text_or_null, typed_numbers
from train.data.compact_dates import EPOCHS, FIRST
from train.data.day_counts import day_count_note
from train.data.plain_marks import marks_of
from train.data.values import as_programs_write, plain_numbers

FIRST_DAY = 19000101  # of whole numbers that may be dates
LAST_DAY = 21001231
LATEST = 2e9  # seconds, of 2033; telephone numbers are beyond
MIN_SHORT_DAYS = 8  # different numbers such as 800104
MAX_VERSIONS = 50
VERSION = re.compile(r"[0-9]{1,2}\.[0-9]{1,2}")
EXPONENT = re.compile(r"[0-9]+[eE][0-9]+")


def plain_note(raw: RawColumn) -> str:
    """What may be meant otherwise in a column of text that is numbers as programs write them."""
    for note in (compact_note, exponent_note, version_note, padded_note):
        if found := note(raw):
            return found
    return ""


def compact_note(raw: RawColumn) -> str:
    """A line on numbers that could all be dates such as 20250204, or count days or seconds."""
    values = plain_numbers(raw) if raw.family == "text" else None
    if raw.family == "number":
        values = Numbers(typed_numbers(raw.data), missing_rows(raw))
    known = np.zeros(0) if values is None else values.known
    if not len(known) or known.min() == known.max():
        return ""
    if since := _since_1970(known):
        return since
    if counted := day_count_note(raw.name, known):
        return counted
    has_century = FIRST_DAY <= known.min() and known.max() <= LAST_DAY
    has_six_digits = 10**5 <= known.min() and known.max() < 10**6
    if not (has_century or has_six_digits) or np.any(known % 1):
        return ""
    days = np.unique(known).astype(np.int64)
    month_k = days // 100 % 100
    day_k = days % 100
    if month_k.min() < 1 or month_k.max() > 12 or day_k.min() < 1 or day_k.max() > 31:
        return ""
    found = f"{days[0]} could be a date, and is read as a number; config.data.dates"
    if has_century:
        return f"{found} makes it one"
    # Of fewer numbers chance could do it.
    if len(days) < MIN_SHORT_DAYS:
        return ""
    return f"{found} and config.data.date_format=%y%m%d make it one"


def _since_1970(known: np.ndarray) -> str:
    """A line on numbers that could all be moments of 2001 to 2033 as programs count them."""
    for order, microseconds in EPOCHS.items():
        if known.min() * microseconds >= FIRST * 1e6 and known.max() * microseconds <= LATEST * 1e6:
            if np.any(known % 1) and microseconds < 1e6:
                continue
            day = np.datetime64(int(known[0] * microseconds), "us").astype("datetime64[D]")
            found = f"{known[0]:.15g} could be {order} ({day}), and is read as a number"
            return f"{found}; config.data.dates makes it a date"
    return ""


def version_note(raw: RawColumn) -> str:
    """A line on few numbers such as 1.10 beside 1.9, which nobody writes but of versions.

    Programs write all decimals of a column, or none that are zeros at the end.
    """
    if as_programs_write(raw) is None:
        return ""
    text = text_or_null(raw).drop_null()
    first = text.slice(0, 1 + MAX_VERSIONS).unique()  # which tell it of most columns
    if not all(map(VERSION.fullmatch, first.to_pylist())):
        return ""
    texts = text.unique()
    if not 2 <= len(texts) <= MAX_VERSIONS:
        return ""
    cells = texts.to_pylist()
    padded = [cell for cell in cells if VERSION.fullmatch(cell) and cell.endswith("0")]
    lengths = {len(cell.partition(".")[2]) for cell in cells}
    if not padded or len(lengths) < 2 or not all(map(VERSION.fullmatch, cells)):
        return ""
    padded = [cell for cell in padded if len(cell.partition(".")[2]) > min(lengths)]
    if not padded:
        return ""
    shown = f"{padded[0]!r} is read as {float(padded[0]):g}"
    return f"{shown}; if these are versions, config.data.categorical keeps them as written"


def padded_note(raw: RawColumn) -> str:
    """A line on 1.500 beside 2500: as a program writes 1.5, or where points set thousands apart?"""
    marks = marks_of(raw)
    if marks is None or marks.decimal.total() or not (marks.either["."] and marks.long):
        return ""
    text = text_or_null(raw).drop_null()
    padded = text.filter(pc.match_substring_regex(text, r"\.[0-9]{2}0$"))
    if not len(padded):
        return ""
    shown = padded[0].as_py()
    whole = text.filter(pc.match_substring_regex(text, r"^[+-]?[0-9]{4,}$"))
    beside = f" beside {whole[0].as_py()}" if len(whole) else ""
    advice = "config.data.thousands=. makes points set thousands apart"
    return f"{shown!r} is read as {float(shown):g}{beside}; {advice}"


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
