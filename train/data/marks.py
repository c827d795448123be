"""Which notation the numbers of a column have: what its cells prove, and those of all columns.

k different texts of a column.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from train.data.clock import MINUTES, is_clock, length_of, seconds_of
from train.data.notation import (
    BLANKS,
    CELL,
    PLAIN,
    QUOTES,
    SCALES,
    Mark,
    Notation,
    are_groups,
    is_no_value,
    is_of_accounts,
    other_mark,
    parse,
    prefix_of,
)
from train.data.parsing import ascii_digits
from train.data.unit_names import as_one_unit

Counts = Sequence[int] | np.ndarray
FEW = 5  # different numbers, below which letters behind them are taken for codes
MANY = 10  # cells that could be either before they are taken for thousands
METRE = "m"  # millions only beside other factors or a currency
ALONE = "%‰°+"  # units of one character; a letter would make units of codes such as 1A and 2A


class Marks(NamedTuple):
    """Cells that prove a decimal mark, by mark, and how many could be either, by their separator.

    `short` are whole numbers below 1000 without separators, `long` others.
    """

    decimal: Counter[str]
    thousands: Counter[str]
    either: Counter[str]
    short: int
    long: int


def find_marks(texts: Sequence[str], counts: Counts) -> Marks:
    """What the cells of a column say of its marks; `counts` [k] is how often each text stands."""
    marks = Marks(Counter(), Counter(), Counter(), 0, 0)
    short = 0
    long = 0
    for text, count in zip(texts, counts, strict=True):
        match = CELL.fullmatch(ascii_digits(text.strip()))
        if match is None:
            continue
        count = int(count)
        body = match["body"]
        for mark in _thousands_of(body):
            marks.thousands[mark] += count
        points = body.count(".")
        commas = body.count(",")
        if points and commas:
            last: Mark = "." if body.rfind(".") > body.rfind(",") else ","
            marks.decimal[last] += count
            marks.thousands[other_mark(last)] += count
        elif points + commas == 1:
            mark = "." if points else ","
            whole, _, rest = body.partition(mark)
            grouped = len(rest) == 3 and 0 < len(whole) <= 3 and whole[0] != "0"
            if grouped and not match["exp"]:
                marks.either[mark] += count
            else:
                marks.decimal[mark] += count
        elif points + commas > 1:
            mark = "." if points else ","
            if are_groups(body.split(mark)):  # no date such as 01.02.2024
                marks.thousands[mark] += count
        elif len(body) <= 3:
            short += count
        else:
            long += count
    return marks._replace(short=short, long=long)


def _thousands_of(body: str) -> list[str]:
    """The blank or the apostrophe that sets thousands apart in a number, if one does."""
    found = []
    if any(blank in body for blank in BLANKS):
        found.append(" ")
    if any(quote in body for quote in QUOTES):
        found.append("'")
    return found


def choose_marks(marks: Marks, pooled: Counter[str], delimiter: str) -> tuple[Mark, str, bool]:
    """The decimal mark of a column, what sets its thousands apart, and whether cells prove it.

    `pooled` are the proofs of all columns of the file, which speak where the column's own do not.
    """
    apart = next((mark for mark in (" ", "'") if marks.thousands[mark]), "")
    own = marks.decimal + Counter({",": marks.thousands["."], ".": marks.thousands[","]})
    if own["."] != own[","]:
        decimal: Mark = "." if own["."] > own[","] else ","
        other = other_mark(decimal)
        has_other = bool(marks.thousands[other] or marks.either[other])
        return decimal, apart or (other if has_other else ""), True
    # 987 beside 71,586: whoever writes three decimals writes them always, and a number above 999
    # without its mark is none whose thousands are set apart.
    grouped = marks.short > 0 and marks.long == 0
    mark: Mark = "," if marks.either[","] > marks.either["."] else "."
    if pooled["."] != pooled[","]:
        proven: Mark = "." if pooled["."] > pooled[","] else ","
        other = other_mark(proven)
        doubtful = grouped and marks.either[proven] > 0
        return proven, apart or (other if marks.either[other] else ""), not doubtful
    if not marks.either:
        return ".", apart, True
    if marks.either["."] and marks.either[","]:
        return ".", apart or ",", False
    if mark == ",":
        decimals = marks.long > 0 or (delimiter == ";" and not grouped)
        return (",", apart, False) if decimals else (".", apart or ",", False)
    thousands = delimiter in (";", "\t") and grouped and marks.either["."] >= MANY
    sure = delimiter not in (";", "\t") and not grouped
    return (",", apart or ".", False) if thousands else (".", apart, sure)


class Inferred(NamedTuple):
    """A notation, and how many cells it reads of those that are not "no value"."""

    notation: Notation
    read: int
    asked: int


def infer_notation(
    texts: Sequence[str],
    counts: Counts,
    marks: tuple[Mark, str, bool],
) -> Inferred:
    """The notation that reads most cells of a column whose marks are chosen."""
    decimal, thousands, sure = marks
    asked = 0
    clocks = 0
    plain = 0
    proven = 0
    units: Counter[str] = Counter()
    spelled: Counter[str] = Counter()
    lengths = set()
    prefixes = 0
    scaled = 0
    matched = 0
    bare = set()
    apart = set()
    has_minutes = False
    negative = False
    for text, count in zip(texts, counts, strict=True):
        text = text.strip()
        if is_no_value(text):
            continue
        count = int(count)
        asked += count
        text = ascii_digits(text)
        clocks += count * (seconds_of(text) is not None)
        if is_clock(text):
            proven += count
            has_minutes |= MINUTES.fullmatch(text) is not None
        plain += count * (PLAIN.fullmatch(text) is not None)
        lengths.add(length_of(text))
        match = CELL.fullmatch(text)
        if match is None:
            continue
        matched += count
        bare.add(match["body"])
        negative |= is_of_accounts(match)
        suffix = (match["suffix"] or "").strip()
        if suffix:
            spelled[suffix] += count
        if suffix in SCALES:
            scaled += count
        elif suffix:
            units[as_one_unit(suffix)] += count
        if suffix and match["gap"]:
            apart.add(as_one_unit(suffix))
        if prefix := prefix_of(match):
            prefixes += count
            spelled[prefix] += count
            units[as_one_unit(prefix)] += count
            apart.add(as_one_unit(prefix))
    # 8 min beside 2 h are durations.
    is_mixed = len(lengths - {""}) > 1 and len(bare) >= FEW
    if (proven or is_mixed) and 2 * clocks > asked:
        # 59.9 beside 1:23.4 are seconds; 59 beside 9:30 may be anything.
        read = clocks + plain * has_minutes
        return Inferred(Notation(clock=True, minutes=has_minutes), read, asked)
    if scaled and scaled == spelled[METRE] and not prefixes:
        units[METRE] = scaled
        scaled = 0
    one, n_unit = next(iter(units.most_common(1)), ("", 0))
    unit = next((text for text, _ in spelled.most_common() if as_one_unit(text) == one), "")
    is_unit = one in apart or one in ALONE
    is_unit |= (len(unit) > 1 or unit == METRE) and len(bare) >= FEW
    if 2 * n_unit < matched or not is_unit:
        unit = ""
    is_scaled = 2 * scaled > matched and (len(bare) >= FEW or bool(unit))
    notation = Notation(decimal, thousands, unit, is_scaled, sure=sure, negative=negative)
    valid = parse(texts, notation).valid
    read = 0
    for text, count, ok in zip(texts, counts, valid, strict=True):
        if ok and not is_no_value(text):
            read += count
    return Inferred(notation, read, asked)
