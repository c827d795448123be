"""Columns of kinds that pandas alone has, as kinds that pyarrow knows."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

# A table or a column of any library, of which methods are asked for, and no types.
Foreign: TypeAlias = Any


def of_plain_kind(values: Foreign) -> Foreign:
    """A column whose intervals are text, and whose periods the times they begin at."""
    own = getattr(values, "dtype", None)  # of numpy or pandas
    if isinstance(own, np.dtype):
        return values
    named = str(getattr(getattr(own, "categories", None), "dtype", own))
    if named.startswith("interval"):
        return values.astype("string")
    if named.startswith("period["):
        return values.dt.to_timestamp() if hasattr(values, "dt") else values.to_timestamp()
    return values


def plain_array(series: Foreign) -> pa.Array | pa.ChunkedArray | None:
    """A Series of plain numbers, or of text that pandas keeps in Arrow's form; None of another.

    What pyarrow makes of the Series itself, without the search for its kind.
    """
    kind = series.dtype
    if isinstance(kind, np.dtype):
        is_plain = kind.kind in "biu" or kind in (np.float32, np.float64)
        return pa.array(series.to_numpy(), from_pandas=True) if is_plain else None
    is_arrow = getattr(kind, "storage", None) == "pyarrow"
    return pa.array(series.array) if is_arrow else None
