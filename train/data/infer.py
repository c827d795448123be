"""What the texts of a column are, and how they are written: found in its training rows.

n rows, k different texts.
"""

# pyright: reportAttributeAccessIssue=false
# pyarrow.compute makes its functions while it is imported: nothing a type checker could see.

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from typing import Literal, NamedTuple, TypeAlias

import numpy as np

from train.data.clock import seconds_of
from train.data.columns import (
    RawColumn,
    Reading,
    Text,
    read_text,
)
from train.data.compact_dates import COMPACT, find_compact
from train.data.dates import ISO, PERIOD, Order, infer_order, parse_dates, short_year
from train.data.hint import Hint
from train.data.infer_notation import FoundNotation, infer_notation
from train.data.marks import Marks, choose_marks
from train.data.no_value import is_no_value
from train.data.notation import CODE, Mark, Notation, parse
from train.data.number_doubts import compact_note, plain_note
from train.data.order_doubts import orders_note
from train.data.parsing import has_digit
from train.data.period_dates import WEEK
from train.data.plain_marks import marks_of
from train.data.point_doubts import has_thousandths
from train.data.seasons import are_seasons
from train.data.several_answers import answers_note
from train.data.truth_names import as_two, two_note
from train.data.unread_numbers import both_marks_note, units_note, unread_note
from train.data.values import allowed_odd, plain_numbers
from train.data.zones import zones_note

Kind: TypeAlias = Literal["number", "time", "category"]
CODES_SHARE = 0.01  # of cells that begin with zeros, from which on they are codes
USUAL_CENTURY = "; years of two digits"  # begins what is said of those of a column
TRUTHS = frozenset(("true", "false"))


class Inferred(NamedTuple):
    """What a column holds, how its texts are read, and a line for the user where it is a guess."""

    kind: Kind
    reading: Reading
    note: str = ""


def infer(raw: RawColumn, hint: Hint) -> Inferred:
    """What a column holds. Its `name` may be among the `dates` of the hint."""
    named = raw.name in hint.dates
    if raw.family == "time":
        return Inferred("time", Reading())
    if raw.family == "number" and named:
        order = hint.date_format or find_compact(read_text(raw).values) or COMPACT
        return Inferred("time", Reading(order=order))
    if raw.family == "boolean":
        return Inferred("category", Reading())
    if raw.family != "text":
        return Inferred("number", Reading(), compact_note(raw))
    if named:
        return _dates(raw, read_text(raw), hint)
    return _infer_text(raw, hint)


def infer_in_table(raw: RawColumn, hint: Hint) -> Inferred:
    """What a column of a table holds, whose months, quarters and weeks are times."""
    inferred = infer(raw, hint)
    if raw.family != "text" or inferred.kind == "number":
        return inferred
    text = read_text(raw)
    if inferred.kind == "time" and not all(map(WEEK.fullmatch, text.values)):
        return inferred  # weeks are of ISO 8601, but are written otherwise too
    if are_seasons(text.values):
        return inferred
    periods, valid = parse_dates(text.values, PERIOD)
    n_valid = int(text.counts[valid].sum())
    n_other = int(text.counts[~valid].sum())
    if not n_valid or n_other > allowed_odd(n_valid, n_other, 9):
        return inferred
    place = int(valid.argmax())
    day = np.datetime64(int(periods[place]), "us").astype("datetime64[D]")
    note = f"{text.values[place][:40]!r} is read as its first day, {day}"
    return Inferred("time", Reading(order=PERIOD), note)


def infer_number(raw: RawColumn, hint: Hint, *, whatever: bool = False) -> Inferred:
    """How a column that is named as one of numbers writes them, `whatever` else stands there."""
    if raw.family != "text":
        return Inferred("number", Reading())
    if (plain := _plain(raw, hint)) is not None:
        return plain
    text = read_text(raw)
    found = infer_notation(text.values, text.counts, _chosen(raw, hint))
    return _numbers(text, found, whatever) or Inferred("number", Reading())


def _infer_text(raw: RawColumn, hint: Hint) -> Inferred:
    if (plain := _plain(raw, hint)) is not None:
        return plain._replace(note=plain_note(raw))
    text = read_text(raw)
    folded = {value.casefold() for value in text.values}
    if not text.values or folded <= TRUTHS:
        return Inferred("category", Reading())
    if as_two(text) is not text:
        return Inferred("category", Reading(), two_note(text.values))
    codes = [i for i, value in enumerate(text.values) if CODE.fullmatch(value)]
    if codes and text.counts[codes].sum() >= CODES_SHARE * text.counts.sum():
        shown = f"codes such as {text.values[codes[0]]!r} begin with zeros"
        return Inferred("category", Reading(), f"{shown}, a category; config.data.numeric keeps it")
    if hint.date_format is None and are_seasons(text.values):
        note = f"{text.values[0]!r} is read as a season that ends in another year: a category"
        return Inferred("category", Reading(), note)
    found = infer_notation(text.values, text.counts, _chosen(raw, hint))
    numbers = _numbers(text, found)
    if numbers is not None:
        return numbers
    dates = _dates(raw, text, hint)
    if dates.kind == "time":
        return dates
    note = dates.note or _mixed_note(text, found) or unread_note(text)
    note = note or two_note(text.values) or answers_note(text.values)
    return Inferred("category", Reading(), note)


def _plain(raw: RawColumn, hint: Hint) -> Inferred | None:
    """The inferred column if it is written as programs write numbers."""
    if hint.decimal == "," or plain_numbers(raw) is None:
        return None
    decimal, thousands, sure = _chosen(raw, hint)
    if decimal != "." or thousands or not sure:
        return None
    marks = hint.marks.get(raw.name)
    is_whole = False
    if marks is not None and marks.long:
        is_whole = not (marks.decimal + marks.either).total()
    is_told = is_whole or (marks is not None and marks.either["."] > 0)
    has_three = is_told or has_thousandths(raw, ".")
    return Inferred("number", Reading(Notation(whole=is_whole, thousandths=has_three)))


def _chosen(raw: RawColumn, hint: Hint) -> tuple[Mark, str, bool]:
    """The marks of a column, by the options if they say them."""
    marks = hint.marks.get(raw.name)
    if marks is None:
        marks = marks_of(raw) or Marks(Counter(), Counter(), Counter(), 0, 0)
    decimal, thousands, sure = choose_marks(marks, hint.pooled, hint.delimiter or raw.delimiter)
    if hint.decimal is not None:
        other: Mark = "," if hint.decimal == "." else "."
        apart = thousands if thousands in (" ", "'") else ""
        has_other = marks.either[other] or marks.thousands[other]
        return hint.decimal, hint.thousands or apart or (other if has_other else ""), True
    if hint.thousands is not None:
        decimal = "," if hint.thousands == "." else "."
        return decimal, hint.thousands, True
    return decimal, thousands, sure


def _numbers(text: Text, found: FoundNotation, whatever: bool = False) -> Inferred | None:
    """The inferred column if nearly all of its texts are numbers of one notation, or `whatever`."""
    notation = found.notation
    parsed = parse(text.values, notation)
    strange = [
        i for i, value in enumerate(text.values) if not parsed.valid[i] and not is_no_value(value)
    ]
    n_strange = found.asked - found.read
    is_odd = n_strange > allowed_odd(found.read, n_strange, len(strange))
    if not found.read or (is_odd and not whatever):
        return None
    if not any(
        ok and has_digit(value) for value, ok in zip(text.values, parsed.valid, strict=True)
    ):
        return None  # a currency and a dash alone are no numbers
    odd = [text.values[i] for i in strange] if is_odd else []
    if len(strange) <= 2 and not is_odd:
        odd = [text.values[i] for i in strange if not any(map(str.isdigit, text.values[i]))]
    three = re.compile(rf"[0-9]*{re.escape(notation.decimal)}[0-9]{{3}}(?![0-9.,])")
    has_three = any(three.search(value) for value in text.values)
    notation = replace(notation, odd=tuple(odd), thousandths=has_three)
    return Inferred("number", Reading(notation), _notation_note(text, notation))


def _notation_note(text: Text, notation: Notation) -> str:
    """A line on how numbers are read that programs do not write so, or that could be otherwise."""
    shown = notation.shown()
    parsed = parse(text.values, notation)
    below = parsed.numbers < 0 if notation.negative else np.zeros(len(text.values), bool)
    marked = np.array([any(mark in value for mark in ".,") for value in text.values], bool)
    place = int(np.argmax(parsed.valid * (1 + 2 * below + marked)))
    if not any(mark in value for value in text.values for mark in "., '") and not notation.clock:
        if not (notation.unit or notation.scaled or notation.negative):
            return ""
    example = f"{text.values[place]!r} is read as {parsed.numbers[place]:.15g}"
    if not notation.sure:
        advice = "config.data.decimal or config.data.thousands says otherwise"
        return f"{example}, which its cells do not prove; {advice}"
    return f"{example} ({shown})" if shown else ""


def _dates(raw: RawColumn, text: Text, hint: Hint) -> Inferred:
    """The column as one of times, or as a category if too few of its texts are times."""
    counts = text.counts
    named = raw.name in hint.dates
    if hint.date_format is not None:
        valid = parse_dates(text.values, hint.date_format)[1] | parse_dates(text.values, ISO)[1]
        found = Order(hint.date_format, int(counts[valid].sum()), int(counts.sum()))
    else:
        found = infer_order(text.values, counts)
        if named and 2 * found.read < found.asked:
            order = find_compact(text.values) or COMPACT
            valid = parse_dates(text.values, order)[1]
            compact = Order(order, int(counts[valid].sum()), found.asked)
            found = max(found, compact, key=lambda order: order.read)
    n_strange = found.asked - found.read
    if not named and (not found.read or n_strange > allowed_odd(found.read, n_strange, 9)):
        note = orders_note(raw, text) if 0 < found.read < found.asked else ""
        return Inferred("category", Reading(), note)
    note = ""
    if found.order:
        note = f"dates are written {found.order}"
    if found.read < found.asked and (mixed := orders_note(raw, text, found.order)):
        note = mixed
    if found.rival:
        note = f"dates are read {found.order}, and {found.rival} fits them too; "
        note += "config.data.date_format settles it"
    if found.order and (short := short_year(text.values, found.order)):
        note = f"{note}{USUAL_CENTURY} are of 1969 to 2068: {short}"
    if zones := zones_note(text.values):
        note = f"{note}; {zones}" if note else zones
    return Inferred("time", Reading(order=found.order), note)


def _mixed_note(text: Text, found: FoundNotation) -> str:
    """A line on a column in which many cells are numbers, though not enough."""
    if 2 * found.read <= found.asked or found.read == found.asked:
        return both_marks_note(text)
    if found.notation.unit and (note := units_note(text)):
        return note
    valid = parse(text.values, found.notation).valid
    if found.notation.clock and not found.notation.minutes:  # which reads plain numbers as seconds
        valid &= np.array([seconds_of(value) is not None for value in text.values])
    others = (value for value, ok in zip(text.values, valid, strict=True) if not ok)
    other = next(value for value in others if not is_no_value(value))
    share = f"{found.read:,} of {found.asked:,} cells are numbers, but others are as {other[:40]!r}"
    return f"{share}: a category; config.data.missing or config.data.numeric says otherwise"
