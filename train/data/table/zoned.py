"""Whether the times of a column say in which zone they are, as those of training rows do or not."""

from __future__ import annotations

from train.data.columns import RawColumn, read_text
from train.data.dates import has_zone
from train.data.zones import find_zones


def say_zones(raw: RawColumn, zoned: bool) -> None:
    """Says where times have a zone and those of training rows have none, or the other way."""
    count = ""
    if raw.family == "text":
        text = read_text(raw)
        bare = find_zones(text.values).bare
        others = [i for i, value in enumerate(text.values) if (value in bare) == zoned]
        n_others = int(text.counts[others].sum()) if others else 0
        n_known = int(text.counts.sum())
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
