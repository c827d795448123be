"""Where the tables of a run are: in files, or in memory under the name of a path."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Protocol

import pyarrow as pa

from train.config.data_options import MISSING, Table
from train.config.options import Config
from train.data.files.arrow import Foreign, as_table
from train.data.files.read import read_table
from train.errors import UserError

IN_MEMORY = "data"  # what `config.data.path` calls a table in memory


class Read(Protocol):
    """Gives the table of a path, as `train.data.files.read.read_table` does."""

    def __call__(
        self,
        path: str | os.PathLike[str],
        missing: tuple[str, ...] = MISSING,
        *,
        may_repeat: bool = False,
    ) -> pa.Table:
        """A table with missing values null. Raises UserError."""
        ...


def number_categories(data: Foreign) -> list[str]:
    """The columns of numbers that a frame of pandas, or a table of Arrow, calls categories."""
    types = pa.types
    if isinstance(data, pa.Table | pa.RecordBatch):
        coded = [field for field in data.schema if types.is_dictionary(field.type)]
        return [field.name for field in coded if types.is_primitive(field.type.value_type)]
    names = []
    if hasattr(data, "iloc") and hasattr(data, "columns"):
        for name, kind in zip(data.columns, data.dtypes, strict=True):
            categories = getattr(kind, "categories", None)
            if getattr(getattr(categories, "dtype", None), "kind", "") in ("i", "u", "f"):
                names.append(str(name))
    return names


def with_categories(data: Table, rows: object) -> Table:
    """Data whose features are categories where their rows call them so, and nothing else is said.

    A column of numbers is meant.
    """
    said = {*(data.categorical or ()), *data.numeric, *data.dates, *data.ignore}
    said |= {data.weight, data.label, data.group, data.time}
    said |= {data.target} if isinstance(data.target, str) else set(data.target)
    more = [name for name in number_categories(rows) if name not in said]
    if not more:
        return data
    return replace(data, categorical=(*(data.categorical or ()), *more))


def index_note(data: object) -> str | None:
    """A line on times in the index of a DataFrame, which are read by nobody; None without any."""
    index = getattr(data, "index", None)
    kinds = getattr(index, "dtypes", None)  # of the levels, where there are several
    kinds = [getattr(index, "dtype", None)] if kinds is None else list(kinds)
    if not any(str(kind).startswith(("datetime64", "period[")) for kind in kinds):
        return None
    return (
        f"{IN_MEMORY}: its index holds times, and an index is not read; data.reset_index() makes a "
        "column of it, for config.data.time"
    )


def in_memory(config: Config, data: object) -> tuple[Config, Read]:
    """The config with these rows, of any library, in place of its file; and what reads them.

    Raises UserError if the file was to be streamed.
    """
    if config.data.stream:
        raise UserError(
            "config.data.stream: reads files, but the data is in memory; set it to false"
        )

    def read(
        path: str | os.PathLike[str],
        missing: tuple[str, ...] = MISSING,
        *,
        may_repeat: bool = False,
    ) -> pa.Table:
        if path != IN_MEMORY:
            return read_table(path, missing, may_repeat=may_repeat)
        table = as_table(data, missing, may_repeat=may_repeat)
        if not table.num_rows:
            raise UserError(f"{IN_MEMORY}: has column names but no rows")
        return table

    options = config.data
    if isinstance(options, Table):
        options = with_categories(options, data)
    return replace(config, data=replace(options, path=IN_MEMORY)), read
