"""What sequences count for: a column with one weight for each of them. n sequences."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from train.config.data_options import Sequences, Table
from train.data.columns import Notes, Reading
from train.data.sequences.step_table import constant_lists, first_of_lists, to_lists
from train.data.sequences.steps import check_columns, column_error, holds_lists
from train.data.table.column import Column
from train.data.table.fit import fit_weight
from train.data.table.roles import PLAIN, row_weights


def fit_sequence_weight(
    table: pa.Table, rows: np.ndarray, options: Sequences
) -> tuple[Column | None, list[str]]:
    """The column of weights, how these sequences write it, and lines on that. Raises UserError."""
    if options.weight is None:
        return None, []
    return fit_weight(_one_each(table, options, options.path), rows, _as_table(options))


def sequence_weights(
    table: pa.Table,
    options: Sequences,
    where: str,
    reading: Reading = PLAIN,
    notes: Notes | None = None,
) -> np.ndarray:
    """What each sequence counts for, float32 [n], by the column of weights. Raises UserError."""
    return row_weights(_one_each(table, options, where), _as_table(options), where, reading, notes)


def _as_table(options: Sequences) -> Table:
    """How a table of nothing but weights is read."""
    return Table(
        path=options.path,
        target=(),
        weight=options.weight,
        missing=options.missing,
        decimal=options.decimal,
        thousands=options.thousands,
    )


def _one_each(table: pa.Table, options: Sequences, where: str) -> pa.Table:
    """The weights alone, a row for each sequence. Raises UserError."""
    name = str(options.weight)
    check_columns(table, (name,), "weight", where)
    if options.id is None or options.order is None or options.order not in table.column_names:
        if holds_lists(table, name):
            raise column_error("a weight is one number for each sequence, no list", name, where)
        return table.select([name])
    by_step = table.select([options.id, options.order, name])
    lists = to_lists(by_step, options.id, options.order, where)
    varied = np.flatnonzero(~constant_lists(lists, name))
    if len(varied):
        found = f"sequence {varied[0] + 1} has more than one weight"
        raise column_error(f"{found}; write the same at all of its steps", name, where)
    return first_of_lists(lists, name, where).select([name])
