"""Columns of kinds that pandas alone has, as kinds that pyarrow knows."""

from __future__ import annotations

import re
from collections.abc import Iterable
from numbers import Number
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

# A table or a column of any library, of which methods are asked for, and no types.
Foreign: TypeAlias = Any
Items: TypeAlias = Iterable[tuple[object, Foreign]]

# What pandas calls an index: in Parquet, and where it reads one from a file of text.
PARQUET_INDEX = re.compile(r"__index_level_[0-9]+__")
UNNAMED = "Unnamed: 0"


def is_index(name: str) -> bool:
    """Whether pandas calls an index so."""
    return name == UNNAMED or PARQUET_INDEX.fullmatch(name) is not None


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


def plain_array(column: Foreign) -> pa.Array | pa.ChunkedArray | None:
    """A column of plain numbers, or of text that pandas keeps in Arrow's form; None of another.

    It is a Series, or the array of one. What pyarrow makes of the Series itself, without the search
    for its kind. Numbers stay where they stand, and nan among them is not yet null.
    """
    kind = column.dtype
    if isinstance(kind, np.dtype):
        is_plain = kind.kind in "biu" or (kind.kind == "f" and kind.itemsize in (4, 8))
        if not is_plain:
            return None
        # In this machine's order of bytes, the only one that pyarrow takes: FITS has the other.
        return pa.array(np.asarray(column, kind.newbyteorder("=")))
    is_arrow = getattr(kind, "storage", None) == "pyarrow"
    return pa.array(getattr(column, "array", column)) if is_arrow else None


def numbers_as_text(cells: list[object]) -> list[object]:
    """Cells with numbers as texts where they stand among texts, as in a column of JSON lines."""
    numbers = [isinstance(cell, Number) and not isinstance(cell, bool) for cell in cells]
    texts = [isinstance(cell, str) for cell in cells]
    if not any(numbers) or not any(texts):
        return cells
    pairs = zip(cells, numbers, strict=True)
    return [str(cell) if is_number and cell == cell else cell for cell, is_number in pairs]


def items_of(data: Foreign) -> Items:
    """The names and columns of a dict, records of numpy, or a DataFrame.

    Those of a frame of numbers of one type are of one array.
    """
    if hasattr(type(data), "iloc") and hasattr(data, "_iter_column_arrays"):
        return _of_arrays(data.columns, data._iter_column_arrays(), data)
    names = getattr(getattr(data, "dtype", None), "names", None)
    if names is not None and not hasattr(data, "items"):
        return [(name, data[name]) for name in names]
    kinds = set(data.dtypes) if hasattr(type(data), "dtypes") else set()
    kind = kinds.pop() if len(kinds) == 1 else None
    if isinstance(kind, np.dtype) and kind.kind in "fiu" and hasattr(data, "to_numpy"):
        return zip(data.columns, data.to_numpy().T, strict=True)
    return data.items()


def _of_arrays(names: Iterable[object], arrays: Iterable[Foreign], data: Foreign) -> Items:
    """The columns of a frame by its own arrays: a Series of each takes most of a row's time.

    pandas gives them by a method that is not public; a frame without it is read by Series.
    """
    for at, (name, array) in enumerate(zip(names, arrays, strict=True)):
        made = plain_array(array)
        yield name, data.iloc[:, at] if made is None else made


def text_of_bytes(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column of bytes as the text in UTF-8 that they are; any other as it is."""
    if not (pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type)):
        return column
    try:
        return column.cast(pa.string())
    except pa.ArrowInvalid:
        return column
