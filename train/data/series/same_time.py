"""What is said of a file two rows of which have the same time: what else tells its rows apart."""

from __future__ import annotations

import pyarrow as pa

from train.data.columns import Source
from train.data.series.step import DAY, show_stamp
from train.data.series.time_column import TimeColumn
from train.errors import UserError

# What a column is called that says which part of a year, or of a day, its row is of, and how such a
# time is written.
PARTS = {
    "year": "2024",
    "half": "2024H1",
    "quarter": "2024Q1",
    "month": "2024-03",
    "week": "2024-W05",
    "day": "2024-03-31",
    "date": "2024-03-31",
    "hour": "2024-03-31 14:00",
    "minute": "2024-03-31 14:05",
    "time": "2024-03-31 14:05",
}
FINENESS = list(PARTS)


def same_time(
    source: Source,
    time: TimeColumn,
    stamp: float,
    rows: tuple[int, int],
    group: str | None,
    *,
    is_fitted: bool,
) -> UserError:
    """The error of two rows that have the same time, in the same group where there are any."""
    shown = show_stamp(stamp, time.kind)
    of_group = "" if group is None else f" of {group}"
    numbers = f"rows {rows[0] + 1} and {rows[1] + 1}{of_group}"
    advice = "keep one row for each time"
    train_with = "train with" if is_fitted else "name"
    others = _telling_apart(source.table, time.name) if group is None else []
    parts = [name for name in others if _part(name)] or _parts_together(source.table, time.name)
    if parts and group is None:
        finest = max((_part(time.name), *map(_part, parts)), key=_fineness)
        one = f"write {'both' if len(parts) == 1 else 'all'} in one column, as {PARTS[finest]}"
        names = " and ".join(map(repr, parts))
        with_parts = f"column{'s' if len(parts) > 1 else ''} {names}"
        advice = f"with {with_parts} each row has its own: {one}, or {advice}"
    elif group is not None:
        advice += ", or make a column for config.data.group that tells all series apart"
    else:
        such = f", such as {others[0]!r}" if others else ""
        advice += f", or {train_with} config.data.group, of several series{such}"
    if time.kind == "time" and time.zone is None and stamp % DAY:
        advice += f", or {train_with} config.data.zone, where a clock was set back"
    where = f"{source.where}: column {time.name!r}"
    return UserError(f"{where}: {numbers} have the same time {shown}; {advice}")


def _part(name: str) -> str:
    """The part of a year or a day that a column is called by; "" of other names."""
    name = name.strip().lower()
    return name if name in PARTS else ""


def _fineness(part: str) -> int:
    return FINENESS.index(part) if part else -1


def _parts_together(table: pa.Table, time: str) -> list[str]:
    """The columns that are called parts of a time, if all of them tell the rows apart; else none.

    None where there is one alone, which `_telling_apart` has looked at.
    """
    names = table.column_names
    found = [name for name in names if _part(name) and name != time and names.count(name) == 1]
    if len(found) < 2:
        return []
    columns = [time, *found]
    is_apart = table.select(columns).group_by(columns).aggregate([]).num_rows == table.num_rows
    return sorted(found, key=lambda name: _fineness(_part(name))) if is_apart else []


def _telling_apart(table: pa.Table, time: str) -> list[str]:
    """The columns beside which no time stands twice, those of few values first.

    Not those whose values mostly stand once, as numbers that are measured; none at all where
    times mostly do, which nearly any column would tell apart.
    """
    if 2 * _n_of_shared_times(table, time) < table.num_rows:
        return []
    found: list[tuple[int, str]] = []
    for name in table.column_names:
        if name == time or table.column_names.count(name) > 1:
            continue
        column = table.column(name)
        if pa.types.is_nested(column.type) or column.null_count:
            continue
        n_values = len(column.unique())
        pairs = pa.table({"time": table.column(time), "other": column})
        is_apart = pairs.group_by(["time", "other"]).aggregate([]).num_rows == table.num_rows
        if is_apart and 2 * n_values <= table.num_rows:
            found.append((n_values, name))
    return [name for _, name in sorted(found)]


def _n_of_shared_times(table: pa.Table, time: str) -> int:
    """How many rows have a time that another row has too."""
    counts = table.select([time]).group_by(time).aggregate([([], "count_all")])["count_all"]
    return sum(count for count in counts.to_pylist() if count > 1)
