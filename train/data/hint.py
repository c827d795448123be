"""What a file as a whole, and the options, say of how its columns are written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pyarrow as pa

from train.config.data_options import Sequences, Series, Table
from train.data.columns import RawColumn, get_column
from train.data.files.found import delimiter_of
from train.data.marks import Marks
from train.data.notation import Mark
from train.data.plain_marks import marks_of
from train.data.side_by_side import read_together

MAX_KEPT_CELLS = 1 << 23  # of columns that are kept beside their table


@dataclass(frozen=True)
class Hint:
    """What the file as a whole, and the options, say of how its columns are written.

    `marks` of each column of text that has numbers; `decimal`, `thousands` and `date_format` are
    None where an option does not say them. `columns` are those of text, in the rows that were
    looked at, of a table that is small enough to keep what was found of each.
    """

    delimiter: str = ""
    decimal: Mark | None = None
    thousands: str | None = None
    date_format: str | None = None
    dates: tuple[str, ...] = ()
    marks: Mapping[str, Marks] = field(default_factory=dict)
    columns: Mapping[str, RawColumn] = field(default_factory=dict)

    @cached_property
    def pooled(self) -> Counter[str]:
        """Cells of all columns that prove a decimal mark."""
        pooled: Counter[str] = Counter()
        for marks in self.marks.values():
            pooled += marks.decimal
            pooled += Counter({",": marks.thousands["."], ".": marks.thousands[","]})
        return pooled


def hint_of(options: Table | Series | Sequences) -> Hint:
    """What the options say of how columns are written.

    Where a format of dates is given, the time of a series, and the order of steps, are dates.
    """
    dates: tuple[str, ...] = ()
    if isinstance(options, Table):
        dates = options.dates
    elif options.date_format is not None:
        moment = options.time if isinstance(options, Series) else options.order
        dates = () if moment is None else (moment,)
    return Hint(
        decimal=options.decimal,
        thousands=options.thousands,
        date_format=options.date_format,
        dates=dates,
    )


def find_hint(
    table: pa.Table,
    names: Iterable[str],
    rows: np.ndarray | None,
    markers: tuple[str, ...],
    options: Hint | None = None,
) -> Hint:
    """What these columns of a table, in these rows, say together, beside the options."""
    columns = {}
    marks = {}
    names = tuple(names)
    n_cells = len(names) * (table.num_rows if rows is None else len(rows))
    for name in names:
        places = table.schema.get_all_field_indices(name)
        if len(places) != 1 or not pa.types.is_string(table.schema.field(places[0]).type):
            continue
        raw = get_column(table, name, "", markers, rows)
        if n_cells <= MAX_KEPT_CELLS:
            columns[name] = raw
        else:
            marks[name] = marks_of(raw)
    read_together(list(columns.values()))
    for name, raw in columns.items():
        marks[name] = marks_of(raw)
    found = {name: own for name, own in marks.items() if own is not None}
    return replace(options or Hint(), delimiter=delimiter_of(table), marks=found, columns=columns)
