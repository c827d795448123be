"""Columns of text in the kind that 0.1.0 took them for, whose folders go on as they began."""

# pyright: reportAttributeAccessIssue=false
# pyarrow.compute makes its functions while it is imported: nothing a type checker could see.

from __future__ import annotations

import contextlib
from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

DECIMAL_COMMA = r"^[+-]?(\d+|\d{1,3}(\.\d{3})+)(,\d+)?$"


def guessed(column: pa.ChunkedArray, markers: Iterable[str], delimiter: str) -> pa.ChunkedArray:
    """A column of text in the kind that all of its cells are of, looked at alone.

    It is what 0.1.0 made of a column: integers, true and false, dates, times, floats, decimal
    commas where these do not delimit cells, or text.
    """
    text = pc.utf8_trim_whitespace(column.cast(pa.string()))
    text = pc.if_else(pc.is_in(text, pa.array(sorted({*markers, ""}), pa.string())), None, text)
    if text.null_count == len(text):
        return pa.chunked_array([pa.nulls(len(text))])
    kinds = [pa.int64(), pa.bool_(), pa.date32(), pa.timestamp("s"), pa.timestamp("ns")]
    for kind in (*kinds, pa.timestamp("ns", "UTC"), pa.float64()):
        with contextlib.suppress(pa.ArrowInvalid, pa.ArrowNotImplementedError):
            return text.cast(kind)
    if delimiter not in ("", ",") and pc.all(pc.match_substring_regex(text, DECIMAL_COMMA)).as_py():
        pointed = pc.replace_substring(pc.replace_substring(text, ".", ""), ",", ".")
        return pointed.cast(pa.float64())
    return pc.if_else(pc.is_null(text), None, column)
