"""Days counted since a day long ago: said, with the day that pandas has for the number."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from train.config.data_options import Series, Table
from train.data.day_counts import day_count_note
from train.data.series.load import load_series
from train.data.table.load import load_table

ORIGINS = {"as Excel": "1899-12-30", "a Julian day": "julian", "a modified": "1858-11-17"}


@pytest.mark.parametrize(
    ("name", "first", "who"),
    [
        ("OrderDate", 45_295, "as Excel"),
        ("order_date", 45_295.75, "as Excel"),
        ("Datum", 30_000, "as Excel"),
        ("date", 25_000.75, "as Excel"),  # before 1970
        ("jdn", 2_440_586, "a Julian day"),
        ("jd", 2_460_000.5, "a Julian day"),
        ("day", 2_451_545, "a Julian day"),
        ("mjd", 60_000.25, "a modified"),
    ],
)
def test_a_count_of_days_is_said_with_its_first_day(name, first, who):
    note = day_count_note(name, first + np.arange(9))
    day = pd.to_datetime(first, unit="D", origin=ORIGINS[who]).date()
    assert note.startswith(f"{first:.15g} could be {who}" if who != "as Excel" else f"{first:.15g}")
    assert who in note and f"({day})" in note


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("price", [45_295, 45_296]),  # a name that tells of no time
        ("updated", [45_295, 45_296]),
        ("day", [1, 45_296]),
        ("day", [45_295, 45_295]),
        ("day_of_year", [1, 365]),
        ("date", [20_240_105, 20_240_106]),
        ("date", []),
    ],
)
def test_nothing_is_said_of_other_numbers(name, numbers):
    assert day_count_note(name, np.array(numbers, float)) == ""


def test_a_table_and_a_series_say_it(tmp_path):
    path = tmp_path / "days.csv"
    rows = "".join(f"{45_295 + 3 * i},{i % 7}.5\n" for i in range(80))
    path.write_text(f"date,y\n{rows}")
    said = "column 'date': 45295 could be a day as Excel counts them (2024-01-04)"
    table = load_table(Table(path=str(path), target="y", valid=0, test=0), "auto")
    series = load_series(Series(path=str(path), target="y", time="date", lookback=4, horizon=2))
    for notes in (table.notes, series.notes):
        assert sum(said in note for note in notes) == 1
