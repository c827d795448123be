"""What the options of the data must agree on."""

from __future__ import annotations

import itertools
import zoneinfo
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from train.config.bounded import filled
from train.config.data_options import Data, Sequences, Series, Table, columns_by_log
from train.config.frequency import parse_frequency
from train.config.table_options import columns_by_role
from train.errors import UserError

DATE_ORDERS = ("dmy", "mdy", "ymd", "yyyymmdd")
FORECAST_COLUMNS = (
    "row",
    "step",
    "group",
    "time",
)  # beside the targets
Columns: TypeAlias = Sequence[str | None]


def check_table(data: Table) -> None:
    """Raises UserError if columns of a table have roles that contradict each other."""
    columns = columns_by_role(data)
    pairs = [("target", other) for other in ("features", "ignore", "weight", "group", "time")]
    pairs += [("features", "ignore"), ("features", "weight"), ("categorical", "numeric")]
    pairs += [("dates", other) for other in ("target", "categorical", "numeric", "ignore")]
    pairs += [("label", "features"), ("label", "ignore"), ("label", "weight")]
    _check_disjoint(columns, pairs)
    _check_notation(data)
    if data.split == "group" and not data.group:
        raise UserError(
            "config.data.group: config.data.split=group needs a column whose rows stay together"
        )
    if data.group and data.split != "group":
        raise UserError(
            f"config.data.group: not used by config.data.split={data.split}; "
            "set config.data.split=group"
        )


def _check_notation(data: Data) -> None:
    """Raises UserError if the marks of numbers are one, or no date could be of the format."""
    if data.decimal is not None and data.decimal == data.thousands:
        raise UserError(
            f"config.data.thousands: {data.thousands!r} is config.data.decimal too; "
            "the two marks must differ"
        )
    order = data.date_format
    if order is not None and order not in DATE_ORDERS and "%" not in order:
        known = ", ".join(DATE_ORDERS)
        raise UserError(
            f"config.data.date_format: {order!r} is none of {known}, "
            "and no format as %d.%m.%Y; give one of them"
        )


def check_series(data: Series) -> None:
    """Raises UserError if columns of series have roles that contradict each other."""
    _check_notation(data)
    columns = {
        "target": as_names(data.target),
        "known": data.known,
        "observed": data.observed or (),
        "static": data.static,
        "categorical": data.categorical,
        "ignore": data.ignore,
        "time": (data.time,),
        "group": (data.group,),
    }
    check_target(columns["target"])
    apart = ("known", "ignore", "time", "group", "static", "categorical")
    _check_disjoint(columns, [("target", other) for other in apart])
    if data.calendar and not data.time:
        raise UserError("config.data.calendar: needs config.data.time, the column of time stamps")
    for name in columns["target"]:
        if name in FORECAST_COLUMNS:
            raise UserError(
                f"config.data.target: {name!r} is the name of another column of the forecasts; "
                "rename it"
            )
    if data.frequency is not None:
        if not data.time:
            raise UserError("config.data.frequency: needs config.data.time, the column of stamps")
        parse_frequency(data.frequency)
    if data.zone is not None:
        _check_zone(data)
    pairs = [("known", "observed"), ("known", "ignore"), ("observed", "ignore"), ("time", "group")]
    pairs += [("static", other) for other in ("known", "observed", "ignore", "time", "group")]
    pairs += [("categorical", other) for other in ("ignore", "time", "group")]
    logs = columns_by_log(data)
    pairs += itertools.combinations(logs, 2)
    pairs += [(log, other) for log in logs for other in ("ignore", "time", "group", "categorical")]
    _check_disjoint({**columns, **logs}, pairs)
    if data.scaling == "group" and data.group is None:
        raise UserError(
            "config.data.scaling: group needs config.data.group, the column that names the series"
        )


def _check_zone(data: Series) -> None:
    """Raises UserError unless there are stamps, and a zone of this name."""
    if not data.time:
        raise UserError("config.data.zone: needs config.data.time, the column of stamps")
    try:
        zoneinfo.ZoneInfo(str(data.zone))
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise UserError(
            f"config.data.zone: {data.zone!r} is no time zone; name one such as Europe/Berlin"
        ) from None


def check_sequences(data: Sequences) -> None:
    """Raises UserError if columns of sequences have roles that contradict each other."""
    _check_notation(data)
    columns = {
        "inputs": as_names(data.inputs),
        "target": as_names(data.target),
        "id": (data.id,),
        "order": (data.order,),
        "weight": (data.weight,),
    }
    if not any(columns["inputs"]):
        raise UserError(
            "config.data.inputs: no inputs; "
            "name the column, or columns, of numbers or tokens per step"
        )
    if not data.next_step:
        check_target(columns["target"])
    elif any(columns["target"]):
        raise UserError(
            "config.data.target: not used by config.data.next_step=true; set one of the two"
        )
    pairs = [("inputs", "target"), ("inputs", "id"), ("target", "id"), ("id", "order")]
    pairs += [(other, "weight") for other in ("inputs", "target", "id", "order")]
    _check_disjoint(columns, pairs)
    if (data.id is None) != (data.order is None):
        lacking = "id" if data.id is None else "order"
        raise UserError(
            f"config.data.{lacking}: a file with a row per step needs config.data.id "
            "and config.data.order"
        )


def as_names(columns: str | tuple[str, ...]) -> tuple[str, ...]:
    """The names of columns, of which one may stand alone."""
    return (columns,) if isinstance(columns, str) else columns


def check_target(columns: Columns) -> None:
    """Raises UserError unless there is a column to predict."""
    if not columns or "" in columns:
        raise UserError("config.data.target: no target; name the column, or columns, to predict")


def _check_disjoint(columns: Mapping[str, Columns], pairs: Sequence[tuple[str, str]]) -> None:
    """Every field names a column once, and the fields of a pair name none in common."""
    for field, names in columns.items():
        twice = next((name for name in names if name and names.count(name) > 1), None)
        if twice:
            raise UserError(f"config.data.{field}: {twice!r} is named twice; name each column once")
    for one, other in pairs:
        shared = next((name for name in columns[one] if name and name in columns[other]), None)
        if shared:
            raise UserError(
                f"config.data.{other}: {shared!r} is in config.data.{one} too; "
                "leave it in one of them"
            )


def check_shares(data: Data) -> None:
    """Raises UserError if the shares for validation and test leave no rows to train on."""
    shares = {}
    for name in ("valid", "test"):
        share = getattr(data, name)
        if isinstance(data, Table):
            share = filled(share, Table.valid)
        if isinstance(share, float) and share >= 1:
            raise UserError(
                f"config.data.{name}: {share} is no fraction below 1; for rows write {share:.0f}"
            )
        if isinstance(share, float) and not getattr(data, f"{name}_path", None):
            shares[f"config.data.{name}"] = share
    if sum(shares.values()) >= 1:
        sums = " + ".join(map(str, shares.values()))
        raise UserError(
            f"{' + '.join(shares)}: {sums} leaves no rows to train on; their sum must be below 1"
        )
