"""Whether the times of a column say in which zone they are, as those of training rows do or not."""

from __future__ import annotations

import numpy as np

from train.data.columns import RawColumn, read_text
from train.data.dates import ISO, has_zone, parse_dates
from train.data.zones import find_zones


def say_zones(raw: RawColumn, zoned: bool) -> None:
    """Says where times have a zone and those of training rows have none, or the other way."""
    count = ""
    if raw.family == "text":
        text = read_text(raw)
        bare = find_zones(text.values).bare
        n_known = int(text.counts.sum())
        others = np.array([(value in bare) == zoned for value in text.values], bool)
        if others.any():
            known = (
                parse_dates(text.values, raw.reading.order)[1] | parse_dates(text.values, ISO)[1]
            )
            others &= known
            n_known = int(text.counts[known].sum())
        n_others = int(text.counts[others].sum())
        if n_others < n_known:
            count = f"{n_others:,} of {n_known:,} "
    else:
        n_others = int(has_zones(raw) != zoned)
    if n_others:
        lacks = "without a zone, which those of training rows have"
        has = "with a zone, which those of training rows lack"
        raw.say(f"{count}times {lacks if zoned else has}; read as UTC")


def has_zones(raw: RawColumn) -> bool:
    """Whether the times of a column say in which zone they are."""
    if raw.family == "text":
        return has_zone(read_text(raw).values)
    return getattr(raw.data.type, "tz", None) is not None
