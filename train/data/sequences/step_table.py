"""A table with a row per step, brought into the form with a row per sequence, which has lists."""

# pyright: reportAttributeAccessIssue=false
# pyarrow.compute makes its functions while it is imported: nothing a type checker could see.

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from train.data.sequences.steps import check_columns, column_error, one_array, read_step_text

VARIED_SHARE = 0.1  # of sequences, up to which those of several values may be mistakes


def to_lists(table: pa.Table, id_name: str, order_name: str, where: str) -> pa.Table:
    """A table with a row per sequence: the id, and every other column as lists.

    Sequences stand in the order of their first rows, steps by the `order` column. Raises UserError
    where an id or an order is missing, or an order occurs twice in a sequence.
    """
    for field, name in (("id", id_name), ("order", order_name)):
        check_columns(table, (name,), field, where)
        if table.column(name).null_count:
            row = int(np.flatnonzero(table.column(name).is_null().to_numpy())[0]) + 1
            found = f"row {row} has no value, which config.data.{field} needs"
            raise column_error(found, name, where)
    named = table.column(id_name)
    if pa.types.is_string(named.type):
        named = pc.utf8_trim_whitespace(named)
    encoded = one_array(named.combine_chunks().dictionary_encode())
    code = encoded.indices.to_numpy(zero_copy_only=False)
    place = pc.rank(table.column(order_name), "ascending", tiebreaker="dense").to_numpy()
    sorted_rows = np.lexsort((place, code))
    same = (np.diff(code[sorted_rows]) == 0) & (np.diff(place[sorted_rows]) == 0)
    if same.any():
        at = int(np.flatnonzero(same)[0])
        first, second = sorted(int(row) + 1 for row in sorted_rows[at : at + 2])
        # Of texts in which numbers are compared, these were filled up with zeros.
        shown = re.sub("0{10,}(?=[0-9])", "", str(table.column(order_name)[first - 1].as_py()))
        message = f"rows {first} and {second} of one sequence are both {shown}; steps must differ"
        raise column_error(message, order_name, where)
    sizes = np.bincount(code, minlength=len(encoded.dictionary))
    offsets = pa.array(np.concatenate([[0], np.cumsum(sizes)]), pa.int32())
    in_order = table.take(pa.array(sorted_rows))
    columns = {id_name: encoded.dictionary}
    for name in table.column_names:
        if name not in (id_name, order_name):
            values = one_array(in_order.column(name))
            columns[name] = pa.ListArray.from_arrays(offsets, values)
    return pa.table(columns)


def sequence_ids(table: pa.Table, id_name: str, order_name: str, where: str) -> np.ndarray:
    """The id of each sequence [n] of a table with a row per step, as `to_lists` orders them."""
    sequences = to_lists(table.select([id_name, order_name]), id_name, order_name, where)
    return sequences.column(id_name).to_numpy()


def constant_lists(table: pa.Table, name: str) -> np.ndarray:
    """Which rows of a column of lists hold one value [n], on every step or on some of them."""
    steps = read_step_text(table, name, "")
    rows = np.repeat(np.arange(len(steps.lengths)), steps.lengths)
    known = steps.codes >= 0
    first = np.full(len(steps.lengths), -1)
    first[rows[known][::-1]] = steps.codes[known][::-1]
    differ = known & (steps.codes != first[rows])
    return np.bincount(rows[differ], minlength=len(first)) == 0


def sparse_note(table: pa.Table, name: str, where: str) -> list[str]:
    """A line where the values of a column of lists, each of one value, stand on some steps only."""
    codes = read_step_text(table, name, where).codes
    n_known = int((codes >= 0).sum())
    if n_known in (0, len(codes)):
        return []
    found = f"column {name!r} has a value on {n_known} of {len(codes)} steps"
    return [f"{where}: {found}, one a sequence, and is read as what the whole sequence is"]


def varied_note(table: pa.Table, name: str, id_name: str, where: str) -> list[str]:
    """A line where few sequences have several values of a column that is one in all others.

    Where all others have the same one, it is a tag that is rare.
    """
    is_constant = constant_lists(table, name)
    varied = np.flatnonzero(~is_constant)
    steps = read_step_text(table.filter(pa.array(is_constant)), name, where)
    if len(varied) > VARIED_SHARE * len(is_constant) or len(np.unique(steps.codes)) < 2:
        return []
    first = table.column(id_name)[int(varied[0])].as_py()
    n_of_all = f"{len(varied)} of {len(is_constant)} sequences"
    found = f"{n_of_all}, such as {id_name} {first}, have several values in {name!r}"
    advice = "where it is a label of the sequence, write one value there"
    return [f"{where}: {found}, so it is read as a value of each step; {advice}"]


def first_of_lists(table: pa.Table, name: str, where: str) -> pa.Table:
    """The table with a column of lists, each of one value, replaced by these values.

    Raises UserError where a list has several.
    """
    varied = np.flatnonzero(~constant_lists(table, name))
    if len(varied):
        found = f"sequence {varied[0] + 1} has more than one value"
        raise column_error(f"{found}, but the target is one per sequence", name, where)
    steps = read_step_text(table, name, where)
    rows = np.repeat(np.arange(len(steps.lengths)), steps.lengths)
    known = np.flatnonzero(steps.codes >= 0)[::-1]
    places = np.full(len(steps.lengths), -1)
    places[rows[known]] = known
    values = one_array(table.column(name)).flatten().take(pa.array(places, mask=places < 0))
    return table.set_column(table.column_names.index(name), name, values)
