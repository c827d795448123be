"""What a file as a whole, and the options, say of how its columns are written."""


# pyright: reportAttributeAccessIssue=false
# pyarrow.compute makes its functions while it is imported: nothing a type checker could see.

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from train.config.data_options import Sequences, Series, Table
from train.data.columns import (
    RawColumn,
    get_column,
    read_text,
    text_or_null,
)
from train.data.files.delimited import delimiter_of
from train.data.marks import Marks, find_marks
from train.data.notation import Mark
from train.data.values import plain_numbers


@dataclass(frozen=True)
class Hint:
    """What the file as a whole, and the options, say of how its columns are written.

    `marks` of each column of text that has numbers; `decimal`, `thousands` and `date_format` are
    None where an option does not say them.
    """

    delimiter: str = ""
    decimal: Mark | None = None
    thousands: str | None = None
    date_format: str | None = None
    dates: tuple[str, ...] = ()
    marks: Mapping[str, Marks] = field(default_factory=dict)

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
    found = {}
    for name in names:
        places = table.schema.get_all_field_indices(name)
        if len(places) != 1 or not pa.types.is_string(table.schema.field(places[0]).type):
            continue
        raw = get_column(table, name, "", markers, rows)
        marks = marks_of(raw)
        if marks is not None:
            found[name] = marks
    return replace(options or Hint(), delimiter=delimiter_of(table), marks=found)


def marks_of(raw: RawColumn) -> Marks | None:
    """What a column of text proves of decimal marks; None where it has none."""
    text = text_or_null(raw)
    if plain_numbers(raw) is None:
        values = read_text(raw)
        return find_marks(values.values, values.counts)
    pointed = pc.sum(pc.match_substring(text, ".")).as_py() or 0
    either = _count(text, r"^[+-]?[1-9][0-9]{0,2}\.[0-9]{3}$") if pointed else 0
    short = _count(text, r"^[+-]?[0-9]{1,3}$")
    whole = len(text) - text.null_count - pointed
    decimal = Counter({".": pointed - either})
    return Marks(decimal, Counter(), Counter({".": either}), short, whole - short)


def _count(text: pa.ChunkedArray, pattern: str) -> int:
    return pc.sum(pc.match_substring_regex(text, pattern)).as_py() or 0
