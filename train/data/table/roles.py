"""Which columns of a table are targets, features and weights; which of n rows have a target."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from train.config.data_options import Table
from train.config.table_options import columns_by_role
from train.data.columns import Notes, Reading, get_column, missing_rows
from train.data.files.found import index_hint
from train.data.notation import Notation
from train.data.values import read_numbers
from train.errors import UserError, nearest

MAX_WEIGHT = 1e15  # so that float32 holds the sum of any number of rows, and its square
PLAIN = Reading(Notation())  # as programs write numbers


def target_names(options: Table) -> tuple[str, ...]:
    """The columns to predict."""
    names = (options.target,) if isinstance(options.target, str) else options.target
    return tuple(name for name in names if name)


def feature_names(table: pa.Table, options: Table) -> list[str]:
    """The columns to learn from: those named, in that order, or all that have no other part."""
    if options.features is not None:
        return list(options.features)
    apart = {
        *target_names(options),
        *options.ignore,
        options.weight,
        options.label,
        options.group,
        options.time,
    }
    return [name for name in table.column_names if name not in apart]


def check_names(table: pa.Table, options: Table) -> None:
    """Raises UserError if an option names a column that is not there, or a target as a feature."""
    named = columns_by_role(options)
    for field, names in named.items():
        for name in names:
            if name is not None and name not in table.column_names:
                taken = target_names(options) if field != "target" else ()
                hint = nearest(name, [other for other in table.column_names if other not in taken])
                if table.num_columns == 1:
                    hint = (
                        f", but one column {table.column_names[0][:40]!r}; fields end with , ; tab "
                        "| or blanks, or with what a first line such as sep=: says"
                    )
                hint += index_hint(table)
                raise UserError(f"config.data.{field}: {options.path} has no column {name!r}{hint}")
    for field in ("target", "weight", "group"):
        for name in set(named["features"]) & set(named[field]):
            raise UserError(
                f"config.data.features: {name!r} is config.data.{field} too; "
                "leave it in one of them"
            )


def labelled_rows(table: pa.Table, options: Table, where: str) -> np.ndarray:
    """The rows, int64 ascending, that have every target. Raises UserError if there are none."""
    names = target_names(options)
    if not names:
        return np.arange(table.num_rows)
    missing = [missing_rows(get_column(table, name, where, options.missing)) for name in names]
    rows = np.flatnonzero(~np.any(missing, axis=0))
    if not len(rows):
        raise UserError(
            f"{where}: no row has a value for {' and '.join(map(repr, names))}, the target"
        )
    return rows


def row_weights(
    table: pa.Table,
    options: Table,
    where: str,
    reading: Reading = PLAIN,
    notes: Notes | None = None,
) -> np.ndarray:
    """What each row counts for, float32 [n]: 1, or the weight column, read as training rows were.

    Raises UserError unless all are from 0 to MAX_WEIGHT. What is too small for float32 is 0, as
    devices have it.
    """
    if options.weight is None:
        return np.ones(table.num_rows, np.float32)
    raw = get_column(table, options.weight, where, options.missing).read_by(reading, notes)
    values = read_numbers(raw)
    wrong = np.flatnonzero(values.missing | ~(values.data >= 0))
    if len(wrong):
        shown = "missing" if values.missing[wrong[0]] else f"{values.data[wrong[0]]:g}"
        raise raw.error(
            f"the weight of {raw.row(wrong[0])} is {shown}; weights are numbers from 0 up"
        )
    large = np.flatnonzero(values.data > MAX_WEIGHT)
    if len(large):
        raise raw.error(
            f"the weight of {raw.row(large[0])} is {values.data[large[0]]:g}, too large to add up; "
            f"weights are at most {MAX_WEIGHT:g}: divide all of them by one number"
        )
    tiny = float(np.finfo(np.float32).tiny)
    return np.where(values.data < tiny, 0, values.data).astype(np.float32)
