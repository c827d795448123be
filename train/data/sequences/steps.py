"""Columns that hold a list per row, as flat arrays of steps.

n rows, s steps of all rows together, t of one, w numbers.
"""

# pyright: reportAttributeAccessIssue=false
# pyarrow.compute makes its functions while it is imported: nothing a type checker could see.

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from train.data.files.found import index_hint
from train.errors import UserError, nearest

# Padded widths are multiples of it, so that files of nearly the same length share a compiled
# program.
WIDTH = 8
OPENING = ("[", "(")  # what begins a list that is written as text
SHOWN = 40  # letters of a text in a message
AS_LISTS = (
    "write the lists themselves, as JSON lines (of pandas: "
    "to_json(path, orient='records', lines=True)) or Parquet"
)
LAYOUT = (
    "; sequences are lists, as JSON lines have them, or rows of one step each, with config.data.id "
    "and config.data.order"
)
OF_ROWS = (
    "; what is of the whole sequence is a list of the names of its labels, such as ['a', 'c'], "
    "or a number in a column of its own"
)


class StepNumbers(NamedTuple):
    """`lengths` int64 [n] and `values` float64 [s, w], nan where missing.

    `flat` where a step is a bare number.
    """

    lengths: np.ndarray
    values: np.ndarray
    flat: bool


class StepText(NamedTuple):
    """`lengths` int64 [n] and `codes` [s] into the distinct `values`, -1 where missing."""

    lengths: np.ndarray
    codes: np.ndarray
    values: list[str]


def column_error(message: str, name: str, where: str) -> UserError:
    """The error that says `message` of a column."""
    return UserError(f"{where}: column {name!r}: {message}")


def unlike_steps(
    mask_n: np.ndarray, found: np.ndarray, lengths: np.ndarray, what: str, beside: str
) -> str | None:
    """What is wrong where a row with targets has another number of them than steps; else None.

    `found` are those of the rows of the mask [n], in their order; `lengths` [n] of the column
    `beside`.
    """
    counts_n = np.full(len(lengths), -1)
    counts_n[mask_n] = found
    differ = np.flatnonzero(mask_n & (counts_n != lengths))
    if not len(differ):
        return None
    row = differ[0]
    counts = f"row {row + 1} has {counts_n[row]} {what} for {lengths[row]} steps of {beside!r}"
    are_of_rows = 2 * len(differ) > mask_n.sum()
    return f"{counts}; expected one for each{OF_ROWS if are_of_rows else ''}"


def holds_lists(table: pa.Table, name: str) -> bool:
    """Whether a column, or one of several of the name, has a list per row."""
    places = table.schema.get_all_field_indices(name)
    return any(_is_any_list(table.schema.field(place).type) for place in places)


def _is_any_list(kind: pa.DataType) -> bool:
    return _is_list(kind) or pa.types.is_fixed_size_list(kind)


def _is_list(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) or pa.types.is_large_list(kind)


def check_columns(table: pa.Table, names: Iterable[str], field: str, where: str) -> None:
    """Raises UserError if the table lacks a column that the config's `field` names."""
    for name in names:
        if name not in table.column_names:
            hint = nearest(name, table.column_names) + index_hint(table)
            if field == "inputs" and not any(map(_is_any_list, table.schema.types)):
                hint += LAYOUT
            raise UserError(f"config.data.{field}: {where} has no column {name!r}{hint}")


def element_type(table: pa.Table, name: str, where: str) -> pa.DataType:
    """What the lists of a column hold at a step. Raises UserError if it holds no lists."""
    kind = table.schema.field(name).type
    if holds_lists(table, name):
        return kind.value_type
    if not table.num_rows:
        raise UserError(f"{where}: has column names but no rows")
    column = f"{where}: column {name!r}"
    by_step = "train with config.data.id and config.data.order where a file has a row per step"
    if not pa.types.is_string(kind):
        raise UserError(f"{column} holds {kind}, expected a list per row; {by_step}")
    first = next((text.strip() for text in _texts(table, name) if text.strip()), "")
    if first[:1] in OPENING:
        raise UserError(f"{column} holds lists as text, {first[:SHOWN]!r}; {AS_LISTS}")
    found = f"{column} holds string, expected a list of tokens per row"
    raise UserError(f"{found}; split the text into tokens first, or {by_step}")


def _texts(table: pa.Table, name: str) -> list[str]:
    """The first texts of a column."""
    return pc.drop_null(table.column(name)).slice(0, 100).to_pylist()


def read_step_numbers(table: pa.Table, name: str, where: str) -> StepNumbers:
    """A column of lists of numbers, or of lists of equally long lists of them. Raises UserError."""
    element_type(table, name, where)
    lengths, elements = _flatten(table.column(name), name, where)
    if not _is_list(elements.type):
        return StepNumbers(lengths, _numbers(elements, lengths, name, where)[:, None], True)
    widths = pc.list_value_length(elements)
    if widths.null_count:
        missing = pc.is_null(widths).to_numpy(zero_copy_only=False)
        raise column_error(f"{_first_step(missing, lengths)} is missing", name, where)
    widths_s = widths.to_numpy(zero_copy_only=False)
    width = int(widths_s[0]) if len(widths_s) else 0
    wrong = widths_s != width
    if wrong.any():
        found = f"{_first_step(wrong, lengths)} has {widths_s[wrong][0]} numbers"
        advice = f"the first step has {width}; all steps must be of one width"
        raise column_error(f"{found}, {advice}", name, where)
    values = _numbers(elements.flatten(), lengths * width, name, where)
    return StepNumbers(lengths, values.reshape(len(widths_s), width), False)


def read_step_text(table: pa.Table, name: str, where: str) -> StepText:
    """A column of lists of text, or of anything that can be written as text. Raises UserError."""
    element_type(table, name, where)
    lengths, elements = _flatten(table.column(name), name, where)
    if pa.types.is_nested(elements.type):
        raise column_error(f"holds {elements.type} at a step, expected one text", name, where)
    if pa.types.is_null(elements.type):
        return StepText(lengths, np.full(len(elements), -1), [])
    encoded = elements.cast(pa.string()).dictionary_encode()
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return StepText(lengths, codes, encoded.dictionary.to_pylist())


def one_array(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """The column as a single array."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if isinstance(column, pa.ChunkedArray):  # without rows, or beyond 2 GiB
        return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    return column


def _flatten(column: pa.ChunkedArray, name: str, where: str) -> tuple[np.ndarray, pa.Array]:
    """The lengths of the lists, int64 [n], and all that they hold [s]."""
    array = one_array(column)
    if array.null_count:
        row = int(np.flatnonzero(array.is_null().to_numpy(zero_copy_only=False))[0]) + 1
        raise column_error(f"row {row} has no list; give it one, or leave it out", name, where)
    lengths = pc.list_value_length(array).to_numpy(zero_copy_only=False)
    return lengths.astype(np.int64), array.flatten()


def _numbers(elements: pa.Array, lengths: np.ndarray, name: str, where: str) -> np.ndarray:
    """The elements as float64, nan where missing. `lengths` [n] are of the rows they stand in."""
    kind = elements.type
    is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind)
    is_number = is_number or pa.types.is_boolean(kind)
    if not is_number and elements.null_count < len(elements):
        raise column_error(f"holds {kind} at a step, expected numbers", name, where)
    if pa.types.is_boolean(kind):
        elements = elements.cast(pa.int8())
    values = elements.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    infinite = np.flatnonzero(np.isinf(values))
    if len(infinite):
        row = row_of_step(int(infinite[0]), lengths) + 1
        raise column_error(f"row {row} holds an infinite number; correct or remove it", name, where)
    return values


def row_of_step(step: int, lengths: np.ndarray) -> int:
    """The row, of rows of these lengths [n], that this one of all their steps is in."""
    return int(np.searchsorted(np.cumsum(lengths), step, side="right"))


def _first_step(mask_s: np.ndarray, lengths: np.ndarray) -> str:
    """ "row R, step T" of the first of all steps where `mask_s` is true."""
    step = int(np.flatnonzero(mask_s)[0])
    row = row_of_step(step, lengths)
    start = lengths[:row].sum()
    return f"row {row + 1}, step {step - start + 1}"


def padded_width(lengths: np.ndarray) -> int:
    """The number of steps that all rows are padded to."""
    return -(-max(int(lengths.max(initial=1)), 1) // WIDTH) * WIDTH


def pad_steps(values: np.ndarray, lengths: np.ndarray, width: int, fill: float = 0) -> np.ndarray:
    """Flat steps [s, ...] -> [n, width, ...], `fill` beyond each row's length."""
    padded = np.full((len(lengths), width, *values.shape[1:]), fill, values.dtype)
    padded[np.arange(width)[None] < lengths[:, None]] = values
    return padded


def check_lengths(lengths: Mapping[str, np.ndarray], where: str) -> np.ndarray:
    """The lengths [n] that all columns have. Raises UserError with the first row that differs."""
    (first, length), *others = lengths.items()
    for name, other in others:
        differ = np.flatnonzero(length != other)
        if len(differ):
            row = differ[0]
            counts = f"{other[row]} in column {name!r} and {length[row]} in column {first!r}"
            raise UserError(f"{where}: row {row + 1} has {counts}; expected as many steps in both")
    return length


def empty_notes(lengths: np.ndarray, name: str, where: str) -> list[str]:
    """What the user should know of sequences without steps, if a label is to be told of them."""
    empty = np.flatnonzero(lengths == 0)
    if not len(empty):
        return []
    found = f"{len(empty)} of {len(lengths)} sequences are empty, such as row {empty[0] + 1}"
    answer = "nothing tells them apart, so they are answered by what the training rows are"
    return [f"{where}: column {name!r}: {found}; {answer}"]


def column_of_lists(lists: Sequence[list]) -> np.ndarray:
    """An array [n] of lists, which numpy must not take for a matrix."""
    array = np.empty(len(lists), object)
    array[:] = lists
    return array
