"""Columns without anything to be said of them, encoded at once.

They are typed numbers, texts of many columns that are plain numbers, and a few categories.

n rows.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from train.data.side_by_side import blocks_of
from train.data.table.column import MANY_ROWS, Column
from train.data.table.far import are_far
from train.data.values import writes_numbers

FLOATS = {pa.float64(), pa.float32()}
INTEGERS = {pa.int64(), pa.int32(), pa.int16(), pa.int8(), pa.uint8(), pa.uint16(), pa.uint32()}
TYPES = FLOATS | INTEGERS
EXACT = 2.0**53  # float64 holds all whole numbers below
FEW_ROWS = 16  # whose texts are looked up sooner one by one


def encode_typed(table: pa.Table, column: Column, markers: tuple[str, ...]) -> np.ndarray | None:
    """A column as `encode_number` encodes it [n]; None where it is to be looked at closely.

    Numbers beyond float32, of which numpy warns, are among it.
    """
    place = table.schema.get_field_index(column.name)  # -1 of none, and of several
    if column.kind != "number" or place < 0 or writes_numbers(markers):
        return None
    unit = column.notation.unit if column.notation is not None else ""
    data = table.column(place)
    if unit not in ("", "+") or data.num_chunks != 1 or data.type not in TYPES:
        return None
    values = data.chunk(0).to_numpy(zero_copy_only=False).astype(np.float64, copy=False)
    encoded = ((values - column.shift) / column.unit).astype(np.float32)
    is_whole = data.type in INTEGERS
    if not column.missing and len(values) >= MANY_ROWS and np.isnan(encoded).any():
        return None
    if are_far(encoded, column.reach):
        return None
    if np.isinf(encoded).any() or (is_whole and (np.abs(values) >= EXACT).any()):
        return None
    return encoded


def encode_together(
    table: pa.Table, columns: Sequence[Column], markers: tuple[str, ...]
) -> dict[str, np.ndarray]:
    """{name: as `encode_number` encodes it [n]} of columns whose texts are plain numbers.

    Those that are to be looked at closely are not among them, nor are those of a few rows.
    """
    if writes_numbers(markers) or table.num_rows <= FEW_ROWS:
        return {}
    plain = []
    texts = []
    for column in columns:
        place = table.schema.get_field_index(column.name)  # -1 of none, and of several
        is_plain = column.notation is not None and column.notation.is_plain
        if column.kind == "number" and place >= 0 and is_plain:
            plain.append(column)
            texts.append(table.column(place))
    found = {}
    for block in blocks_of(texts):
        own = [plain[place] for place in block.places]
        shift_c = np.array([column.shift for column in own])
        unit_c = np.array([column.unit for column in own])
        encoded_cn = (block.numbers_cn - shift_c[:, None]) / unit_c[:, None]
        encoded_cn = encoded_cn.astype(np.float32)
        sure_c = block.is_sure() & ~np.isinf(encoded_cn).any(1)
        encoded_cn[block.missing_cn] = np.nan
        sure_c &= ~are_far(encoded_cn, np.array([column.reach for column in own]))
        has_gaps_c: np.ndarray = np.any(block.missing_cn, axis=1)
        has_points_c: np.ndarray = np.any(block.point_cn, axis=1)
        for i in np.flatnonzero(sure_c):
            notation = own[i].notation
            assert notation is not None
            if (own[i].missing or not has_gaps_c[i]) and not (notation.whole and has_points_c[i]):
                found[own[i].name] = encoded_cn[i]
    return found


def encode_alone(
    table: pa.Table, column: Column, markers: tuple[str, ...], reads_text: bool
) -> np.ndarray | None:
    """A column that is encoded at once by itself; None where it is to be looked at closely."""
    encoded = encode_typed(table, column, markers)
    if encoded is None and reads_text:
        encoded = encode_few(table, column, markers)
    return encoded


def encode_few(table: pa.Table, column: Column, markers: tuple[str, ...]) -> np.ndarray | None:
    """A column as `encode_category` encodes it [n]; None where it is to be looked at closely.

    A few texts are encoded, all of which are categories of training rows.
    """
    place = table.schema.get_field_index(column.name)
    if column.kind != "category" or place < 0 or not 0 < table.num_rows <= FEW_ROWS:
        return None
    data = table.column(place)
    if data.type != pa.string() or data.null_count:
        return None
    texts = [cell.strip() for cell in data.to_pylist()]
    known = column.codes
    if not all(text in known and text not in markers for text in texts):
        return None
    return np.array([1 + known[text] for text in texts], np.int32)
