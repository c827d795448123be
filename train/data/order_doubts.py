"""Dates of one column in several orders, which contradict each other: said with their rows."""

from __future__ import annotations

import numpy as np

from train.data.columns import RawColumn, Text
from train.data.dates import ISO, parse_dates


def orders_note(raw: RawColumn, text: Text, chosen: str = "") -> str:
    """A line on dates some of which fit dmy alone and others mdy alone; "" of other columns.

    They are most of the texts; `chosen` is the order that they are read by, if they are.
    """
    counts = text.counts
    fits = {order: parse_dates(text.values, order)[1] for order in ("dmy", "mdy")}
    both = fits["dmy"] | fits["mdy"] | parse_dates(text.values, ISO)[1]
    alone = {"dmy": fits["dmy"] & ~fits["mdy"], "mdy": fits["mdy"] & ~fits["dmy"]}
    if 2 * counts[both].sum() <= counts.sum() or not all(each.any() for each in alone.values()):
        return ""
    shown = []
    for order in sorted(alone, key=lambda order: -counts[alone[order]].sum()):
        row = int(np.append(alone[order], False)[text.codes].argmax())
        cell = f"{text.values[text.codes[row]][:40]!r} in {raw.row(row)}"
        n_cells = int(counts[alone[order]].sum())
        shown.append(f"{cell} is {order} alone (as are {n_cells:,} cells)")
    found = f"dates have no one order: {', and '.join(shown)}"
    if chosen:
        return f"{found}; all are read {chosen}, cells that fit both among them"
    return f"{found}: no dates; write all in one order"
