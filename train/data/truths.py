"""True and false in a column of numbers, as texts."""

from __future__ import annotations

import numpy as np

from train.data.columns import Numbers, RawColumn, read_text


def truths(raw: RawColumn) -> Numbers | None:
    """1 and 0 of a column of text that holds true and false, as of one of that type; else None."""
    text = read_text(raw)
    folded = [value.casefold() for value in text.values]
    if not {"true", "false"} & set(folded) or not set(folded) <= {"true", "false", "1", "0"}:
        return None
    raw.say("holds true and false, which are read as 1 and 0")
    numbers = np.array([*(float(value in ("true", "1")) for value in folded), 0.0])[text.codes]
    return Numbers(numbers, text.codes < 0)
