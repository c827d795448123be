"""Levels of an index of pandas as columns of series: times, and the names of groups."""

from __future__ import annotations

from typing import Literal, TypeAlias

import pyarrow as pa

from train.config.data_options import Series
from train.data.answer_names import free_names
from train.data.files.arrow import Foreign, as_table
from train.errors import UserError
from train.estimators.rows import Rows

Role: TypeAlias = Literal["time", "group"]  # fields of the data that a level may stand for
ROLES: tuple[Role, ...] = ("time", "group")


def name_levels(data: Series, table: pa.Table, X: Rows) -> None:
    """Names the times and the groups of data that names none, by the index of its rows X.

    Raises UserError for an index of which it is open which level says what.
    """
    for role in ROLES:
        level = None if getattr(data, role) else _level_for(role, X)
        if level is not None:
            setattr(data, role, *free_names([str(level.name or role)], table.column_names))


def with_levels(table: pa.Table, X: Rows, data: Series) -> pa.Table:
    """The table with those levels of the index of X as columns that data names and it lacks."""
    for role in ROLES:
        name = getattr(data, role)
        if name is None or name in table.column_names:
            continue
        named = [level for level in _levels(X) if level.name == name]
        level = named[0] if len(named) == 1 else _level_for(role, X)
        if level is not None:
            table = table.append_column(name, as_table({name: level.to_series()}, ())[name])
    return table


def _level_for(role: Role, X: Rows) -> Foreign | None:
    """The level of X that stands for this; None where there is none. Raises UserError."""
    levels = _levels(X)
    found = [level for level in levels if _holds_times(level) == (role == "time")]
    if role == "group" and len(levels) == 1:  # mere labels of rows
        return None
    if len(found) > 1:
        names = ", ".join(repr(level.name) for level in found)
        raise UserError(f"X: its index has several levels for data__{role}: {names}; name one")
    return next(iter(found), None)


def _levels(X: Rows) -> list[Foreign]:
    """The levels of the index of X; none where it is not of pandas."""
    index: Foreign = getattr(X, "index", None)
    if not hasattr(index, "get_level_values"):  # a list has an index that is a method
        return []
    return [index.get_level_values(i) for i in range(index.nlevels)]


def _holds_times(level: Foreign) -> bool:
    """Whether a level holds times or periods."""
    return level.dtype.kind == "M" or str(level.dtype).startswith("period[")
