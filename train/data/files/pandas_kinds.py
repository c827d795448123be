"""Columns of kinds that pandas alone has, as kinds that pyarrow knows."""

from __future__ import annotations

from typing import Any, TypeAlias

# A table or a column of any library, of which methods are asked for, and no types.
Foreign: TypeAlias = Any


def of_plain_kind(values: Foreign) -> Foreign:
    """A column whose intervals are text, and whose periods the times they begin at."""
    own = getattr(values, "dtype", None)  # of numpy or pandas
    named = str(getattr(getattr(own, "categories", None), "dtype", own))
    if named.startswith("interval"):
        return values.astype("string")
    if named.startswith("period["):
        return values.dt.to_timestamp() if hasattr(values, "dt") else values.to_timestamp()
    return values
