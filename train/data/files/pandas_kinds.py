"""Columns of kinds that pandas alone has, as kinds that pyarrow knows."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Number
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

    What pyarrow makes of the Series itself, without the search for its kind. Numbers stay where
    they stand, and nan among them is not yet null.
    """
    kind = series.dtype
    if isinstance(kind, np.dtype):
        is_plain = kind.kind in "biu" or kind in (np.float32, np.float64)
        return pa.array(series.to_numpy()) if is_plain else None
    is_arrow = getattr(kind, "storage", None) == "pyarrow"
    return pa.array(series.array) if is_arrow else None


def numbers_as_text(cells: list[object]) -> list[object]:
    """Cells with numbers as texts where they stand among texts, as in a column of JSON lines."""
    numbers = [isinstance(cell, Number) and not isinstance(cell, bool) for cell in cells]
    texts = [isinstance(cell, str) for cell in cells]
    if not any(numbers) or not any(texts):
        return cells
    pairs = zip(cells, numbers, strict=True)
    return [str(cell) if is_number and cell == cell else cell for cell, is_number in pairs]


def items_of(data: Foreign) -> Iterable[tuple[object, Foreign]]:
    """The names and columns of a dict, records of numpy, or a DataFrame.

    Those of a frame of numbers of one type are of one array.
    """
    names = getattr(getattr(data, "dtype", None), "names", None)
    if names is not None and not hasattr(data, "items"):
        return [(name, data[name]) for name in names]
    kinds = set(data.dtypes) if hasattr(type(data), "dtypes") else set()
    kind = kinds.pop() if len(kinds) == 1 else None
    if isinstance(kind, np.dtype) and kind.kind in "fiu" and hasattr(data, "to_numpy"):
        return zip(data.columns, data.to_numpy().T, strict=True)
    return data.items()


def text_of_bytes(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column of bytes as the text in UTF-8 that they are; any other as it is."""
    if not (pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type)):
        return column
    try:
        return column.cast(pa.string())
    except pa.ArrowInvalid:
        return column
