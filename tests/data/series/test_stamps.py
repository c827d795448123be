"""Steps of time: found, counted, continued, and placed in the calendar."""

from __future__ import annotations

import datetime

import numpy as np
import pyarrow as pa
import pytest

from train.config import Series
from train.data.calendar import calendar
from train.data.series import grid, step
from train.data.series.find_step import find_step
from train.data.series.find_time import find_time_column
from train.errors import UserError


@pytest.mark.parametrize(
    ("stamp", "kind", "size", "after", "season"),
    [
        (
            [datetime.datetime(2024, 1, 1, i) for i in range(5)],
            "time",
            3_600_000_000,
            "2024-01-01T05:00",
            24,
        ),
        (
            [datetime.datetime(2024, 1, 1 + i) for i in range(5)],
            "time",
            step.DAY,
            "2024-01-06",
            7,
        ),
        ([datetime.datetime(2023, 10 + i, 1) for i in range(3)], "month", 1, "2024-01-01", 12),
        ([datetime.datetime(2023, m, 1) for m in (1, 4, 7, 10)], "month", 3, "2024-01-01", 4),
        (
            [datetime.datetime(2024, m, d) for m, d in ((1, 31), (2, 29), (3, 31))],
            "month_end",
            1,
            "2024-04-30",
            12,
        ),
        (
            [datetime.datetime(2024, 1, 1, 0, 5 * i) for i in range(4)],
            "time",
            300_000_000,
            "2024-01-01T00:20",
            288,
        ),
    ],
)
def test_the_step_is_found_and_goes_on(stamp, kind, size, after, season):
    micros = np.array(stamp, "datetime64[us]").astype(np.int64).astype(np.float64)
    found = find_step(micros, "time")
    assert found is not None
    assert found == step.TimeStep(kind, size)
    assert grid.count_gaps([micros], found) == (0, 0)
    following = grid.continue_stamps(micros[-1], found, 2)
    assert following.astype(np.int64).astype("datetime64[us]")[0] == np.datetime64(after)
    assert step.guess_season(found) == season


def test_missing_stamps_and_irregular_neighbours_are_counted():
    hour = step.TimeStep("time", step.HOUR)
    one = np.array([0, 1, 2, 4, 7, 7.5, 8.5]) * step.HOUR
    other = np.array([0, 3]) * step.HOUR
    assert grid.count_gaps([one, other], hour) == (1 + 2 + 2, 1)
    days = [datetime.datetime(2024, month, 31) for month in (1, 3, 7)]
    micros = np.array(days, "datetime64[us]").astype(np.int64).astype(np.float64)
    assert grid.count_gaps([micros], step.TimeStep("month", 1)) == (1 + 3, 0)


def test_calendar_features_are_places_on_circles():
    when = datetime.datetime(2024, 3, 6, 6)  # a Wednesday
    micros = np.array([when], "datetime64[us]").astype(np.int64).astype(np.float64)
    angles = 2 * np.pi * np.array([6 / 24, 2 / 7, 2 / 12])
    expected = np.stack([np.sin(angles), np.cos(angles)], axis=1).ravel()
    np.testing.assert_allclose(calendar(micros, step.CYCLES)[0], expected, atol=1e-6)


def test_a_time_of_seasons_is_refused():
    table = pa.table({"t": ["2009/10", "2010/11", "2011/12"], "y": [1.0, 2.0, 3.0]})
    with pytest.raises(UserError, match=r"'2009/10' is a season .* year it begins in, 2009$"):
        find_time_column(table, Series("clubs.csv", target="y", time="t"), [])
