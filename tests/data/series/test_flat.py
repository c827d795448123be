"""Rows of a table in the order of groups and time, and the column of their stamps."""

from __future__ import annotations

import datetime

import numpy as np
import pyarrow as pa
import pytest

from train.data.columns import Source
from train.data.series.flat import Flat, order_rows
from train.data.series.step import DAY, SECOND, TimeStep
from train.data.series.time_column import TimeColumn, write_stamps
from train.errors import UserError

THREE = Flat(np.arange(6), np.array([3, 1, 2]), np.array(["a", "b", "c"]), np.arange(6.0))


def test_rows_are_ordered_by_group_and_then_as_they_stand():
    table = pa.table({"shop": ["b", "a", "b", "a"], "at": [1, 1, 2, 5]})
    flat = order_rows(Source(table, "data"), "shop", TimeColumn("at", "number"))
    assert flat.names is not None and flat.stamps is not None
    assert flat.rows.tolist() == [0, 2, 1, 3]
    assert flat.names.tolist() == ["b", "a"]
    assert flat.stamps.tolist() == [1, 2, 1, 5]


def test_a_row_without_a_group_is_refused():
    table = pa.table({"shop": ["b", None]})
    with pytest.raises(UserError, match="row 2 has no value; every row needs its group"):
        order_rows(Source(table, "data"), "shop", None)


def test_places_count_within_groups():
    assert THREE.firsts.tolist() == [0, 3, 4]
    assert THREE.places.tolist() == [0, 1, 2, 0, 0, 1]


def test_the_last_place_of_each_group_where_something_holds():
    mask_t = np.array([True, True, False, False, False, True])
    assert THREE.last_places(mask_t).tolist() == [1, -1, 1]


def test_groups_without_a_row_left_are_gone():
    flat = THREE.up_to(np.array([1, -1, 0]))
    assert flat.rows.tolist() == [0, 1, 4]
    assert flat.sizes.tolist() == [2, 1]
    assert flat.names is not None and flat.names.tolist() == ["a", "c"]


def test_groups_are_named_in_messages():
    assert THREE.group_name(2) == "group 'c'"
    assert THREE._replace(names=None).group_name(0) == "the series"


@pytest.mark.parametrize(
    ("time", "stamps", "kind"),
    [
        (TimeColumn("at", "number"), [1.0, 2.0], pa.int64()),
        (TimeColumn("at", "number"), [1.0, 2.5], pa.float64()),
        (TimeColumn("at", "time", step=TimeStep("time", DAY)), [0.0, DAY], pa.date32()),
        (TimeColumn("at", "time", "UTC"), [0.0, DAY], pa.timestamp("s", "UTC")),
        (TimeColumn("at", "time", step=TimeStep("time", SECOND)), [0.0], pa.timestamp("s")),
        (TimeColumn("at", "time"), [0.0, 1.0], pa.timestamp("us")),
    ],
)
def test_stamps_are_written_in_the_coarsest_type(time, stamps, kind):
    assert write_stamps(np.array(stamps), time).type == kind


def test_a_row_that_stands_there_twice_counts_once_and_is_said():
    said: list[str] = []
    at = [0, 1, 2, 0, 1, 2]
    table = pa.table({"at": at, "y": [5.0, None, 7.0, 5.0, None, 7.0]})
    flat = order_rows(Source(table, "data", (), said), None, TimeColumn("at", "number"))
    assert flat.rows.tolist() == [0, 1, 2]
    assert said[-1] == (
        "data: column 'at': 3 rows are the same as another one in all columns, such as row 4; "
        "left out"
    )
    other = pa.table({"at": at, "y": [5.0, None, 7.0, 5.0, None, 8.0]})
    with pytest.raises(UserError, match="rows 3 and 6 have the same time 2; keep one row for each"):
        order_rows(Source(other, "data"), None, TimeColumn("at", "number"))
    parts = other.append_column("Quarter", [[1, 1, 1, 2, 2, 2]])
    advice = "with column 'Quarter' each row has its own: write both in one column, as 2024Q1, or"
    with pytest.raises(UserError, match=advice):
        order_rows(Source(parts, "data"), None, TimeColumn("at", "number"))
    hours = other.append_column("hour", [[1, 1, 1, 2, 2, 2]])
    with pytest.raises(UserError, match="write both in one column, as 2024-03-31 14:00, or keep"):
        order_rows(Source(hours, "data"), None, TimeColumn("at", "number"))
    days = hours.append_column("day", [[1] * 6]).append_column("month", [[1, 1, 1, 2, 1, 2]])
    days = days.rename_columns(["at", "y", "minute", "day", "month"])
    days = days.set_column(2, "minute", [[5, 5, 5, 5, 6, 5]])
    together = "with columns 'month' and 'day' and 'minute' each row has its own: write all in one"
    with pytest.raises(UserError, match=f"{together} column, as 2024-03-31 14:05, or keep"):
        order_rows(Source(days, "data"), None, TimeColumn("at", "number"))
    level = days.set_column(2, "minute", [[5] * 6])
    with pytest.raises(UserError, match="same time 0; keep one row for each time, or name config"):
        order_rows(Source(level, "data"), None, TimeColumn("at", "number"))
    clocks = other.append_column("time", [["8:00", "8:00", "8:00", "9:00", "9:00", "9:00"]])
    with pytest.raises(UserError, match="with column 'time' each row has its own: write both in"):
        order_rows(Source(clocks, "data"), None, TimeColumn("at", "number"))
    quarters = other.append_column("year", [[1, 1, 1, 2, 2, 2]]).rename_columns(
        ["quarter", "y", "year"]
    )
    with pytest.raises(
        UserError, match="each row has its own: write both in one column, as 2024Q1"
    ):
        order_rows(Source(quarters, "data"), None, TimeColumn("quarter", "number"))
    shops = other.append_column("kind", [["x"] * 6]).append_column("shop", [["a"] * 3 + ["b"] * 3])
    with pytest.raises(UserError, match=r"config\.data\.group, of several series, such as 'shop'"):
        order_rows(Source(shops, "data"), None, TimeColumn("at", "number"))
    grouped = other.append_column("g", [["a"] * 6])
    with pytest.raises(UserError, match=r"for each time, or make a column for config\.data\.group"):
        order_rows(Source(grouped, "data"), "g", TimeColumn("at", "number"))


@pytest.mark.parametrize(
    ("hour", "zone", "is_fitted", "advice"),
    [
        (2, None, False, ", or name config.data.zone, where a clock was set back"),
        (2, None, True, ", or train with config.data.zone, where a clock was set back"),
        (2, "UTC", False, ""),
        (0, None, False, ""),  # days alone
    ],
)
def test_an_hour_that_comes_twice_may_want_a_zone(hour, zone, is_fitted, advice):
    at = [datetime.datetime(2024, 10, 27, hour)] * 2
    table = pa.table({"at": pa.array(at, pa.timestamp("us", zone)), "y": [1.0, 2.0]})
    with pytest.raises(UserError) as raised:
        order_rows(Source(table, "data"), None, TimeColumn("at", "time", zone), is_fitted=is_fitted)
    group = "train with" if is_fitted else "name"
    wanted = f"keep one row for each time, or {group} config.data.group, of several series{advice}"
    assert str(raised.value).endswith(wanted)
