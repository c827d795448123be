"""Which marks the numbers of a column have: what its cells prove, and those of all columns.

k different texts of a column.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from train.data.notation import (
    BLANKS,
    CELL,
    QUOTES,
    Mark,
    are_groups,
    other_mark,
)
from train.data.parsing import ascii_digits

Counts = Sequence[int] | np.ndarray
MANY = 10  # cells that could be either before they are taken for thousands


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
