"""Numbers of steps as float32: a shift and a unit for each.

n rows, t steps of one, s of all together, f numbers of a step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from train.data.dataset import Head
from train.data.sequences.steps import (
    StepNumbers,
    check_lengths,
    column_error,
    column_of_lists,
    read_step_numbers,
    row_of_step,
    unlike_steps,
)
from train.errors import UserError


@dataclass(frozen=True)
class NumberSteps:
    """A column of numbers per step, encoded as (raw - shift)/unit, which are one for each number.

    `flat` where a step is a bare number.
    """

    name: str
    shifts: tuple[float, ...]
    units: tuple[float, ...]
    flat: bool

    @property
    def head(self) -> Head:
        """The output of the network that predicts it, where it is a target."""
        return Head(self.name, "step_numbers", (self.name,), (), len(self.units))

    def encode(self, steps: StepNumbers, where: str) -> np.ndarray:
        """float32 [s, f], nan where missing.

        Raises UserError for steps of another width, and for numbers beyond float32.
        """
        found = steps.values.shape[1]
        expected = len(self.units)
        if len(steps.values) and found != expected:
            numbers = f"{found} number{'s' * (found != 1)} per step"
            raise UserError(
                f"{where}: column {self.name!r}: has {numbers}, {expected} in the training rows"
            )
        values = steps.values if len(steps.values) else np.zeros((0, expected))
        with np.errstate(over="ignore"):
            encoded = ((values - np.array(self.shifts)) / np.array(self.units)).astype(np.float32)
        large = np.argwhere(np.isinf(encoded))
        if len(large):
            step, place = large[0]
            shown = f"{values[step, place]} in row {row_of_step(step, steps.lengths) + 1}"
            far = f"{shown} is too far from the training rows for a float32; correct it"
            raise column_error(far, self.name, where)
        return encoded


def encode_numbers(
    table: pa.Table, columns: Sequence[NumberSteps], where: str
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """(the numbers of all columns float32 [s, f], {column: steps of each row [n]}).

    Raises UserError.
    """
    lengths = {}
    encoded = []
    for column in columns:
        steps = read_step_numbers(table, column.name, where)
        lengths[column.name] = steps.lengths
        encoded.append(column.encode(steps, where))
    check_lengths(lengths, where)
    return np.concatenate(encoded, 1), lengths


def missing_numbers_note(numbers_sf: np.ndarray, where: str) -> list[str]:
    """A line on numbers of steps that are missing."""
    n_missing = int(np.isnan(numbers_sf).sum())
    if not n_missing:
        return []
    return [f"{where}: {n_missing} numbers of steps are missing; read as their column's mean"]


def read_step_targets(
    table: pa.Table, column: NumberSteps, lengths: np.ndarray, beside: str, where: str
) -> tuple[np.ndarray, np.ndarray]:
    """(the numbers of all steps [s, f], nan in rows without; which rows have them [n]).

    Raises UserError unless a row has as many steps of them as its `lengths` [n], of `beside`.
    """
    mask_n = table.column(column.name).is_valid().to_numpy()
    steps = read_step_numbers(table.filter(pa.array(mask_n)), column.name, where)
    if wrong := unlike_steps(mask_n, steps.lengths, lengths, "numbers", beside):
        raise column_error(wrong, column.name, where)
    values = np.full((int(lengths.sum()), len(column.units)), np.nan, np.float32)
    values[np.repeat(mask_n, lengths)] = column.encode(steps, where)
    return values, mask_n


def all_units(columns: Sequence[NumberSteps]) -> np.ndarray:
    """The unit of each number of a step, over all columns [f]."""
    return np.array([unit for column in columns for unit in column.units])


def all_shifts(columns: Sequence[NumberSteps]) -> np.ndarray:
    """The shift of each number of a step, over all columns [f]."""
    return np.array([shift for column in columns for shift in column.shifts])


def next_steps(numbers_ntf: np.ndarray) -> np.ndarray:
    """At every step the numbers of the one after it; nan at the last."""
    following = np.full_like(numbers_ntf, np.nan)
    following[:, :-1] = numbers_ntf[:, 1:]
    return following


def lists_of_numbers(values_ntf: np.ndarray, columns: Sequence[NumberSteps]) -> np.ndarray:
    """Lists [n] of the raw numbers of each row's steps, up to the last that has one.

    A step is a bare number if those of the file are.
    """
    raw_ntf = values_ntf.astype(np.float64) * all_units(columns) + all_shifts(columns)
    is_flat = len(columns) == 1 and columns[0].flat
    lists = []
    for raw_tf in raw_ntf:
        known = np.flatnonzero(~np.isnan(raw_tf).all(-1))
        present_tf = raw_tf[: known[-1] + 1 if len(known) else 0]
        lists.append((present_tf[:, 0] if is_flat else present_tf).tolist())
    return column_of_lists(lists)
