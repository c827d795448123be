"""Decimal marks that could set thousands apart: what is said where cells do not prove them.

n rows.
"""

# pyright: reportAttributeAccessIssue=false
# pyarrow.compute makes its functions while it is imported: nothing a type checker could see.

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

import numpy as np
import pyarrow.compute as pc

from train.data.columns import RawColumn, Text, read_text, text_or_null
from train.data.marks import choose_marks, find_marks
from train.data.notation import Notation, other_mark, parse

SHOWN = 3
FIRST_TEXTS = 1000


def say_doubt(raw: RawColumn) -> None:
    """Says of text whose points could set thousands apart that it is read as programs write it.

    Training rows that were no text do not say how it is meant.
    """
    text = read_text(raw)
    marks = find_marks(text.values, text.counts)
    if marks.either["."] and not choose_marks(marks, Counter(), raw.delimiter)[2]:
        shown = next(value for value in text.values if "." in value)
        raw.say(f"{shown[:40]!r} is read as {float(shown):.15g}, which its cells do not prove")


def say_points(raw: RawColumn, notation: Notation) -> None:
    """Says of marks that could all set thousands apart that training rows have no such decimals."""
    mark = notation.decimal
    if raw.notes is None or not has_thousandths(raw, mark):
        return
    text = read_text(raw)
    counts = text.counts
    for end in (FIRST_TEXTS, len(text.values)):  # of most columns the first texts prove it
        marks = find_marks(text.values[:end], counts[:end])
        if marks.decimal[mark] or marks.thousands[other_mark(mark)]:
            return
    if marks.either[mark]:
        pointed = [i for i, value in enumerate(text.values) if mark in value]
        parsed = parse([text.values[pointed[0]]], notation)
        known = "have whole numbers alone" if notation.whole else "never have three decimals"
        found = f"is read as {parsed.numbers[0]:.15g}, though training rows {known}"
        raw.say(f"{shown_cells(raw, text, pointed)}: the first {found}")


def has_thousandths(raw: RawColumn, mark: str) -> bool:
    """Whether some text of a column has three digits and no more behind such a mark."""
    text = text_or_null(raw)
    if not pc.any(pc.match_substring(text, mark)).as_py():
        return False
    pattern = re.escape(mark) + r"\p{Nd}{3}(?:\P{Nd}|$)"
    return bool(pc.any(pc.match_substring_regex(text, pattern)).as_py())


def shown_cells(raw: RawColumn, text: Text, places: Iterable[int] | np.ndarray) -> str:
    """How many of all cells hold these texts, and where the first do."""
    rows = np.flatnonzero(np.isin(text.codes, np.array(list(places))))
    firsts = {}
    for row in rows:
        firsts.setdefault(text.values[text.codes[row]], row)
        if len(firsts) == SHOWN:
            break
    shown = [f"{value[:40]!r} in {raw.row(row)}" for value, row in firsts.items()]
    return f"{len(rows):,} of {len(text.codes):,} cells, such as {', '.join(shown)}"
