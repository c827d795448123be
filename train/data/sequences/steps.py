"""Columns that hold a list per row, as flat arrays of steps. n rows, s steps of all rows together,
t of one, w numbers.

A file with a row per step is first brought into that form.
"""

# pyright: reportAttributeAccessIssue=false
# pyarrow.compute makes its functions while it is imported: nothing a type checker could see.

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from train.data.columns import nearest
from train.errors import UserError


class StepNumbers(NamedTuple):
    """`lengths` int64 [n], `values` float64 [s, w], nan where missing; `flat` where a step is a
    bare number.
    """

    lengths: np.ndarray
    values: np.ndarray
    flat: bool


class StepText(NamedTuple):
    """Text: `lengths` int64 [n], `codes` [s] into the distinct `values`, -1 where missing."""

    lengths: np.ndarray
    codes: np.ndarray
    values: list[str]


@dataclass(frozen=True)
class NumberSteps:
    """A column of numbers per step: each of its `units` and `shifts`; `flat` where a step is a bare
    number.
    """

    name: str
    shifts: tuple[float, ...]
    units: tuple[float, ...]
    flat: bool

    @property
    def channels(self) -> tuple[str, ...]:
        """A name for each number of a step."""
        return (
            (self.name,)
            if self.flat
            else tuple(f"{self.name}[{i}]" for i in range(len(self.units)))
        )

    def encode(self, steps: StepNumbers, where: str) -> np.ndarray:
        """float32 [s, f], nan where missing. Raises UserError for steps of another width."""
        found = steps.values.shape[1]
        expected = len(self.units)
        if len(steps.values) and found != expected:
            numbers = (
                f"has {found} number{'s' * (found != 1)} per step, {expected} in the training rows"
            )
            raise UserError(f"{where}: column {self.name!r}: {numbers}")
        with np.errstate(over="ignore"):
            values = steps.values if len(steps.values) else np.zeros((0, expected))
            return ((values - np.array(self.shifts)) / np.array(self.units)).astype(np.float32)


def holds_lists(table: pa.Table, name: str) -> bool:
    """Whether a column has a list per row."""
    kind = table.schema.field(name).type
    return (
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    )


def check_columns(table: pa.Table, names: Sequence[str], field: str, where: str) -> None:
    """Raises UserError if the table lacks a column that the config's `field` names."""
    for name in names:
        if name not in table.column_names:
            raise UserError(
                f"config.data.{field}: {where} has no column {name!r}{nearest(name, table.column_names)}"
            )


def element_type(table: pa.Table, name: str, where: str) -> pa.DataType:
    """What the lists of a column hold at a step. Raises UserError if it holds no lists."""
    kind = table.schema.field(name).type
    if holds_lists(table, name):
        return kind.value_type
    if pa.types.is_string(kind):
        advice = "expected a list of tokens per row; split the text into tokens first"
    else:
        advice = "expected a list per row; a file with a row per step needs config.data.id and config.data.order"
    raise UserError(f"{where}: column {name!r} holds {kind}, {advice}")


def read_step_numbers(table: pa.Table, name: str, where: str) -> StepNumbers:
    """A column of lists of numbers, or of lists of equally long lists of them. Raises UserError."""
    element_type(table, name, where)
    lengths, elements = _flatten(table.column(name), name, where)
    nested = pa.types.is_list(elements.type) or pa.types.is_large_list(elements.type)
    if not nested:
        return StepNumbers(lengths, _numbers(elements, lengths, name, where)[:, None], True)
    widths = pc.list_value_length(elements)
    if widths.null_count:
        raise _error(f"{_step(pc.is_null(widths), lengths)} is missing", name, where)
    widths_s = widths.to_numpy(zero_copy_only=False)
    width = int(widths_s[0]) if len(widths_s) else 0
    if (widths_s != width).any():
        found = f"{_step(widths_s != width, lengths)} has {widths_s[widths_s != width][0]} numbers"
        raise _error(
            f"{found}, the first step has {width}; all steps must be of one width", name, where
        )
    values = _numbers(elements.flatten(), lengths * width, name, where)
    return StepNumbers(lengths, values.reshape(-1, width), False)


def read_step_text(table: pa.Table, name: str, where: str) -> StepText:
    """A column of lists of text, or of anything that can be written as text. Raises UserError."""
    element_type(table, name, where)
    lengths, elements = _flatten(table.column(name), name, where)
    if pa.types.is_nested(elements.type):
        raise _error(f"holds {elements.type} at a step, expected one text", name, where)
    if pa.types.is_null(elements.type):
        return StepText(lengths, np.full(len(elements), -1), [])
    encoded = elements.cast(pa.string()).dictionary_encode()
    return StepText(
        lengths,
        encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False),
        encoded.dictionary.to_pylist(),
    )


def _flatten(column: pa.ChunkedArray, name: str, where: str) -> tuple[np.ndarray, pa.Array]:
    array = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):  # without rows, or beyond 2 GiB
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
    if array.null_count:
        row = int(np.flatnonzero(array.is_null().to_numpy(zero_copy_only=False))[0]) + 1
        raise _error(f"row {row} has no list", name, where)
    return pc.list_value_length(array).to_numpy(zero_copy_only=False).astype(
        np.int64
    ), array.flatten()


def _numbers(elements: pa.Array, lengths: np.ndarray, name: str, where: str) -> np.ndarray:
    kind = elements.type
    number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
    if not number and elements.null_count < len(elements):
        raise _error(f"holds {kind} at a step, expected numbers", name, where)
    if pa.types.is_boolean(kind):
        elements = elements.cast(pa.int8())
    values = elements.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    if np.isinf(values).any():
        row = (
            int(
                np.searchsorted(
                    np.cumsum(lengths), np.flatnonzero(np.isinf(values))[0], side="right"
                )
            )
            + 1
        )
        raise _error(f"row {row} holds an infinite number; correct or remove it", name, where)
    return values


def _step(wrong: Any, lengths: np.ndarray) -> str:
    """ "row R, step T" of the first wrong one of all steps."""
    ends = np.cumsum(lengths)
    at = int(np.flatnonzero(np.asarray(wrong))[0])
    row = int(np.searchsorted(ends, at, side="right"))
    return f"row {row + 1}, step {at - (ends[row] - lengths[row]) + 1}"


def _error(message: str, name: str, where: str) -> UserError:
    return UserError(f"{where}: column {name!r}: {message}")


def pad_steps(values: np.ndarray, lengths: np.ndarray, width: int, fill: float = 0) -> np.ndarray:
    """Flat steps [s, ...] -> [n, width, ...], `fill` beyond each row's length."""
    padded = np.full((len(lengths), width, *values.shape[1:]), fill, values.dtype)
    padded[np.arange(width)[None] < lengths[:, None]] = values
    return padded


def check_lengths(lengths: Mapping[str, np.ndarray], where: str) -> np.ndarray:
    """The lengths [n] that all columns have. Raises UserError with the first row where one
    differs.
    """
    (first, length), *others = lengths.items()
    for name, other in others:
        differ = np.flatnonzero(length != other)
        if len(differ):
            row = differ[0]
            found = f"row {row + 1} has {other[row]} in column {name!r} and {length[row]} in column {first!r}"
            raise UserError(f"{where}: {found}; expected as many steps in both")
    return length


def to_lists(table: pa.Table, id_name: str, order_name: str, where: str) -> pa.Table:
    """A table with a row per step -> one with a row per sequence: the id, and every other column as
    lists.

    Sequences stand in the order of their first rows, steps by the `order` column. Raises UserError
    where an id or an order is missing, or an order occurs twice in a sequence.
    """
    for field, name in (("id", id_name), ("order", order_name)):
        check_columns(table, (name,), field, where)
        if table.column(name).null_count:
            row = int(np.flatnonzero(table.column(name).is_null().to_numpy())[0]) + 1
            raise _error(f"row {row} has no value, which config.data.{field} needs", name, where)
    encoded = table.column(id_name).combine_chunks().dictionary_encode()
    encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
    code = encoded.indices.to_numpy(zero_copy_only=False)
    place = pc.rank(table.column(order_name), "ascending", tiebreaker="dense").to_numpy()
    sorted_rows = np.lexsort((place, code))
    same = (np.diff(code[sorted_rows]) == 0) & (np.diff(place[sorted_rows]) == 0)
    if same.any():
        at = int(np.flatnonzero(same)[0])
        first, second = sorted(int(row) + 1 for row in sorted_rows[at : at + 2])
        shown = table.column(order_name)[first - 1].as_py()
        message = f"rows {first} and {second} of one sequence are both {shown}; steps must differ"
        raise _error(message, order_name, where)
    offsets = np.concatenate([[0], np.cumsum(np.bincount(code, minlength=len(encoded.dictionary)))])
    gathered = table.take(pa.array(sorted_rows)).combine_chunks()
    columns = {id_name: encoded.dictionary}
    for name in table.column_names:
        if name not in (id_name, order_name):
            chunks = gathered.column(name).chunks
            values = chunks[0] if len(chunks) == 1 else pa.concat_arrays(chunks)
            columns[name] = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values)
    return pa.table(columns)


def constant_lists(table: pa.Table, name: str) -> np.ndarray:
    """Which rows of a column of lists hold one value throughout [n]; a list without any does."""
    steps = read_step_text(table, name, "")
    ends = np.cumsum(steps.lengths)
    first = np.repeat(np.append(steps.codes, 0)[ends - steps.lengths], steps.lengths)
    changes = np.concatenate([[0], np.cumsum(steps.codes != first)])
    return changes[ends] == changes[ends - steps.lengths]


def first_of_lists(table: pa.Table, name: str, where: str) -> pa.Table:
    """The table with a column of lists, each of one value throughout, replaced by these values.
    Raises UserError.
    """
    varied = np.flatnonzero(~constant_lists(table, name))
    if len(varied):
        message = (
            f"sequence {varied[0] + 1} has more than one value, but the target is one per sequence"
        )
        raise _error(message, name, where)
    column = table.column(name).combine_chunks()
    column = pa.concat_arrays(column.chunks) if isinstance(column, pa.ChunkedArray) else column
    starts = pc.if_else(pc.greater(pc.list_value_length(column), 0), column.offsets[:-1], None)
    return table.set_column(table.column_names.index(name), name, column.values.take(starts))
