"""Rows of a text file that are its names again, as files that were joined have."""

# pyright: reportAttributeAccessIssue=false
# pyarrow.compute makes its functions while it is imported: nothing a type checker could see.

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def without_names(table: pa.Table, names: list[str]) -> tuple[pa.Table, int]:
    """The table without rows that are its names again, as joined files have, and how many."""
    named = [place for place, name in enumerate(names) if name]
    if len(named) < 2 or not table.num_rows:
        return table, 0
    again = np.ones(table.num_rows, bool)
    for place in named:
        column = table.column(place)
        if not pa.types.is_string(column.type):
            return table, 0
        same = pc.equal(pc.utf8_trim_whitespace(column), names[place]).fill_null(False)
        again &= same.to_numpy()
        if not again.any():
            return table, 0
    return table.filter(pa.array(~again)), int(again.sum())
