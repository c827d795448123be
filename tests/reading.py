"""What tests of files ask of a table, and of an error."""

from __future__ import annotations

import pyarrow as pa
import pytest

from train.data.files.arrow import plain
from train.data.files.found import delimiter_of
from train.data.files.guessed import guessed
from train.errors import UserError


def refused(call, *arguments, error=UserError, **options) -> str:
    with pytest.raises(error) as raised:
        call(*arguments, **options)
    message = str(raised.value)
    assert message and "\n" not in message
    return message


def kinds(table: pa.Table) -> list[str]:
    return [str(column.type) for column in table.columns]


def as_kinds(table: pa.Table) -> pa.Table:
    """The table with every column of text in the kind that all of its cells are of."""
    delimiter = delimiter_of(table)
    columns = []
    for column in table.columns:
        is_text = delimiter and pa.types.is_string(column.type)
        columns.append(guessed(column, (), delimiter) if is_text else column)
    return plain(pa.Table.from_arrays(columns, table.column_names), ())
