"""A stamp that is none: named as it stands, and not all the others beside it."""

from __future__ import annotations

import datetime

import numpy as np
import pytest
from reading import refused

from train.config.data_options import Series
from train.data.period_dates import parse_period
from train.data.series.load import load_series
from train.data.series.time_column import write_stamps

NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
MONTHS = [f"{2010 + i // 12}-{1 + i % 12:02d}" for i in range(60)]
SHORT = [f"{NAMES[i % 12]}-{10 + i // 12}" for i in range(60)]


@pytest.fixture
def load(tmp_path):
    """Reads a series with these stamps."""

    def loaded(stamps: list[str], values: list[str] | None = None):
        path = tmp_path / "s.csv"
        values = values or [f"{i % 7}.5" for i in range(len(stamps))]
        lines = (f"{each},{value}\n" for each, value in zip(stamps, values, strict=True))
        path.write_text("when,y\n" + "".join(lines))
        return load_series(Series(path=str(path), target="y", time="when", lookback=4, horizon=2))

    return loaded


@pytest.mark.parametrize("months", [MONTHS, SHORT])
@pytest.mark.parametrize("odd", ["Total", "2010"])
def test_a_row_of_sums_is_named(load, months, odd):
    said = refused(load, [*months, odd])
    assert f"column 'when': {odd!r} in row 61 is no time as in the other rows" in said
    assert "Jan-10" not in said and "2010-01" not in said


@pytest.mark.parametrize("empty", ["", "NA", "-"])
def test_a_stamp_that_is_not_there_is_said_to_be_missing(load, empty):
    assert "row 61 has no time; fill it in" in refused(load, [*MONTHS, empty])


def test_short_months_beside_many_other_texts_are_none(load):
    said = refused(load, [*SHORT, *(f"no {i}" for i in range(30))])
    assert "'Jan-10' in row 1" in said


@pytest.mark.parametrize("mark", ["M", "-M", ":M", " M", "m"])
def test_months_as_statistical_offices_write_them(load, mark):
    assert parse_period(f"2010{mark}03") == datetime.datetime(2010, 3, 1)
    time = load([text.replace("-", mark) for text in MONTHS]).encoder.time
    assert time is not None
    march = np.datetime64("2010-03-01", "us").astype(np.int64).astype(float)
    assert write_stamps(np.array([march]), time).to_pylist() == [f"2010{mark}03"]


def test_a_clock_set_back_does_not_make_a_column_of_numbers_a_group(load):
    stamps = [f"2024-10-27 {h:02d}:{m:02d}" for h in (0, 1, 2, 2, 3, 4) for m in range(0, 60, 5)]
    said = refused(load, stamps, [str((7 * i) % 23) for i in range(len(stamps))])
    assert "name config.data.zone, where a clock was set back" in said
    assert "such as" not in said
