"""Columns without anything to be said of them, encoded at once.

They are typed numbers, texts of many columns that are plain numbers, and known categories.

n rows.
"""

# pyright: reportAttributeAccessIssue=false
# pyarrow.compute makes its functions while it is imported: nothing a type checker could see.

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from train.data.columns import get_column
from train.data.side_by_side import blocks_of, either_of
from train.data.table.column import Column
from train.data.table.encode_column import MANY_ROWS, UNSEEN_SHARE, encode_category
from train.data.table.far import are_far, are_near
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
    values = None if writes_numbers(markers) else _typed_cells(table, column)
    if values is None:
        return None
    scaled = values - column.shift
    scaled /= column.unit
    encoded = scaled.astype(np.float32)
    if are_near(encoded, column.reach):
        return encoded
    if not column.missing and len(values) >= MANY_ROWS and np.isnan(encoded).any():
        return None
    if are_far(encoded, column.reach):
        return None
    return None if np.isinf(encoded).any() else encoded


def encode_few(
    table: pa.Table, columns: Sequence[Column], markers: tuple[str, ...]
) -> dict[str, np.ndarray]:
    """{name: as `encode_typed` encodes it [n]} of a few rows' typed numbers, all columns at once.

    Those that hold anything but plain numbers close to those of training are not among them.
    """
    if writes_numbers(markers):
        return {}
    own = []
    cells = []
    for column in columns:
        values = _typed_cells(table, column)
        if values is not None:
            own.append(column)
            cells.append(values)
    if not own:
        return {}
    scales_cs = np.array([(column.shift, column.unit, column.reach) for column in own])
    encoded_cn = (np.array(cells) - scales_cs[:, :1]) / scales_cs[:, 1:2]
    encoded_cn = encoded_cn.astype(np.float32)
    near_c = are_near(encoded_cn, scales_cs[:, 2]).tolist()
    return {
        column.name: encoded_n
        for column, encoded_n, is_near in zip(own, encoded_cn, near_c, strict=True)
        if is_near
    }


def _typed_cells(table: pa.Table, column: Column) -> np.ndarray | None:
    """The numbers of a typed column [n], in float64; None of another, and of inexact ones."""
    place = table.schema.get_field_index(column.name)  # -1 of none, and of several
    if column.kind != "number" or place < 0:
        return None
    unit = column.notation.unit if column.notation is not None else ""
    data = table.column(place)
    if unit not in ("", "+") or data.num_chunks != 1 or data.type not in TYPES:
        return None
    values = data.chunk(0).to_numpy(zero_copy_only=False).astype(np.float64, copy=False)
    return None if data.type in INTEGERS and (np.abs(values) >= EXACT).any() else values


def encode_together(
    table: pa.Table, columns: Sequence[Column], markers: tuple[str, ...]
) -> dict[str, np.ndarray]:
    """{name: as `encode_number` encodes it [n]} of columns whose texts are plain numbers.

    Those that are to be looked at closely are not among them. Of a few rows `encode_few`.
    """
    if table.num_rows <= FEW_ROWS:
        return encode_few(table, columns, markers)
    if writes_numbers(markers):
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
        either_c: np.ndarray = np.any(either_of(block), axis=1)
        for i in np.flatnonzero(sure_c):
            notation = own[i].notation
            assert notation is not None
            is_doubtful = notation.lacks_thousandths and either_c[i]
            if (own[i].missing or not has_gaps_c[i]) and not is_doubtful:
                found[own[i].name] = encoded_cn[i]
    return found


def encode_alone(
    table: pa.Table, column: Column, markers: tuple[str, ...], reads_text: bool
) -> np.ndarray | None:
    """A column that is encoded at once by itself; None where it is to be looked at closely."""
    encoded = encode_typed(table, column, markers)
    if encoded is None and reads_text:
        encoded = encode_known(table, column, markers)
    return encoded


def encode_known(table: pa.Table, column: Column, markers: tuple[str, ...]) -> np.ndarray | None:
    """A column as `encode_category` encodes it [n]; None where it is to be looked at closely.

    Texts are encoded, which are categories of training rows; of many all but so few that nothing
    is to be said of them.
    """
    place = table.schema.get_field_index(column.name)
    if column.kind != "category" or place < 0 or not table.num_rows:
        return None
    data = table.column(place)
    if data.type != pa.string():
        return None
    known = {text: 1 + code for text, code in column.codes.items() if text not in markers}
    if table.num_rows > FEW_ROWS:
        return _encode_many(data, known, column, markers)
    if data.null_count:
        return None
    texts = [cell.strip() for cell in data.to_pylist()]
    if not all(text in known for text in texts):
        return None
    return np.array([known[text] for text in texts], np.int32)


def _encode_many(
    data: pa.ChunkedArray, known: Mapping[str, int], column: Column, markers: tuple[str, ...]
) -> np.ndarray | None:
    """Texts by their codes in `known`, and as `encode_category` does a few that are not in it."""
    found = pc.index_in(data, pa.array(list(known), pa.string()))
    n_others = found.null_count
    if n_others > UNSEEN_SHARE * (len(data) - n_others):
        return None
    # The last entry is the one that -1, another text, picks.
    codes = np.array([*known.values(), 0], np.int32)
    encoded = codes.take(found.fill_null(-1).to_numpy())
    if n_others:
        is_other = found.is_null()
        rest = pa.table({column.name: data.filter(is_other)})
        raw = get_column(rest, column.name, "", markers).read_by(column.reading)
        encoded[is_other.to_numpy()] = encode_category(raw, column, 1)
    return encoded
