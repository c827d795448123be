"""What tests of files ask of a table, and of an error."""

from __future__ import annotations

import pyarrow as pa
import pytest

from train.errors import UserError


def refused(call, *arguments, error=UserError, **options) -> str:
    with pytest.raises(error) as raised:
        call(*arguments, **options)
    message = str(raised.value)
    assert message and "\n" not in message
    return message


def kinds(table: pa.Table) -> list[str]:
    return [str(column.type) for column in table.columns]
