"""How stamps are written: read in any form, gone on as pandas goes on, and written alike."""

from __future__ import annotations

import datetime
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from series_files import HORIZON, ahead, frame, read, stamps_of

from train.data.compact_dates import find_compact
from train.data.dates import parse_date
from train.data.series.forms import write_since_1970
from train.errors import UserError

N = 80
HOUR = pd.Timedelta(hours=1)


def week(form: str) -> Callable[[pd.Timestamp], str]:
    return lambda stamp: form.format(*stamp.isocalendar())


def half(letters: str) -> Callable[[pd.Timestamp], str]:
    return lambda stamp: f"{stamp.year}{letters}{1 + stamp.month // 7}"


def since_1970(per_second: int) -> Callable[[pd.Timestamp], int]:
    return lambda stamp: int((stamp - pd.Timestamp(0)) / pd.Timedelta(seconds=1)) * per_second


@pytest.mark.parametrize(
    ("frequency", "write"),
    [
        ("W-MON", week("{0}-W{1:02d}")),
        ("W-MON", week("{0}W{1:02d}")),
        ("W-MON", week("{0}-W{1}")),
        ("W-MON", week("W{1:02d} {0}")),
        ("W-MON", week("KW{1:02d}/{0}")),
        ("W-MON", lambda stamp: int(week("{0}{1:02d}")(stamp))),
        ("6MS", half("H")),
        ("6MS", half("-S")),
        ("MS", lambda stamp: stamp.strftime("%b-%y")),
        ("QS", lambda stamp: stamp.strftime("%b %y")),
        ("MS", lambda stamp: stamp.strftime("%B %Y")),
        ("MS", lambda stamp: stamp.strftime("%YM%m")),
        ("MS", lambda stamp: stamp.strftime("%m-%Y")),
        ("D", lambda stamp: int(stamp.strftime("%Y%j"))),
        ("h", lambda stamp: int(stamp.strftime("%Y%m%d%H"))),
        ("15min", lambda stamp: int(stamp.strftime("%Y%m%d%H%M"))),
        ("h", since_1970(1)),
        ("7min", since_1970(1_000)),
        ("D", since_1970(1_000_000)),
        ("h", since_1970(1_000_000_000)),
    ],
)
def test_what_goes_on_is_written_as_the_file_is(tmp_path, frequency, write):
    start = "2009-01-01" if frequency in ("6MS", "MS", "QS") else "2020-11-02"
    stamps = [write(stamp) for stamp in pd.date_range(start, periods=N + HORIZON, freq=frequency)]
    data = read(tmp_path, frame(stamps[:N]))
    assert data.gaps is None
    assert stamps_of(ahead(data, frame(stamps[:N]))) == stamps[N:]


@pytest.mark.parametrize(
    "write",
    [
        lambda stamp: f"{stamp - HOUR:%Y-%m-%d} {(stamp - HOUR).hour + 1:02d}:00",
        lambda stamp: f"{stamp - HOUR:%d.%m.%Y} {(stamp - HOUR).hour + 1:02d}:00:00",
        lambda stamp: int(f"{stamp - HOUR:%Y%m%d}{(stamp - HOUR).hour + 1:02d}"),
        lambda stamp: f"{stamp:%Y%m%d %H:%M}",
        lambda stamp: f"{stamp:%Y%m%dT%H%M%S}",
        lambda stamp: f"{stamp:%d.%m.%Y %H:%M} - {stamp + HOUR:%d.%m.%Y %H:%M}",
        lambda stamp: f"{stamp:%d/%m/%Y %H:%M} - {stamp + HOUR:%d/%m/%Y %H:%M} (CET/CEST)",
    ],
)
def test_hours_are_read_however_they_are_written(tmp_path, write):
    index = pd.date_range("2024-01-29", periods=N + HORIZON, freq="h")
    data = read(tmp_path, frame([write(stamp) for stamp in index[:N]]))
    assert data.gaps is None and data.encoder.season == 24
    found = stamps_of(ahead(data, frame([write(stamp) for stamp in index[:N]])))
    assert [pd.Timestamp(stamp) for stamp in found] == list(index[N:])


@pytest.mark.parametrize(
    ("text", "order", "wanted"),
    [
        ("2023-12-31T24:00", "", "2024-01-01"),
        ("2023-12-31 24:00:00+01:00", "", "2023-12-31T23:00"),
        ("31/12/2023 24:00", "dmy", "2024-01-01"),
        ("2023-12-31 24:01", "", None),
        ("31/12/2023 24:01", "dmy", None),
        ("12/31/2023 24:00", "dmy", None),
        ("2023-W53", "period", None),  # a year of 52 weeks
        ("2020-W53", "period", "2020-12-28"),
        ("2024-01-02 - 2024-01-01", "", None),  # ends before it begins
        ("202354", "yyyyww", None),
        ("2023123124", "yyyymmddhh", "2024-01-01"),
        ("1700000000", "milliseconds since 1970", None),
    ],
)
def test_a_moment_is_read_or_it_is_none(text, order, wanted):
    found = None if wanted is None else datetime.datetime.fromisoformat(wanted)
    assert parse_date(text, order) == found


@pytest.mark.parametrize(
    ("texts", "order"),
    [
        (["202401", "202412"], "yyyymm"),
        (["202401", "202413"], "yyyyww"),
        (["202401", "202454"], ""),
        (["2024001", "2024366"], "yyyyddd"),
        (["2023001", "2023366"], ""),
        (["20240101"], ""),
        (["1000", "2000"], ""),
        (["999999999", "1000000000"], ""),  # of nine digits
        (["1000000000000", "2000000000000"], "milliseconds since 1970"),
        (["999999999000", "2000000000000"], ""),  # before 2001
    ],
)
def test_numbers_are_dates_if_all_of_them_can_be(texts, order):
    assert find_compact(texts) == order


@pytest.mark.parametrize(
    ("frequency", "form", "order"),
    [
        ("MS", "%d/%m/%Y", "dmy"),
        ("MS", "%m/%d/%Y", "mdy"),
        ("MS", "%m.%d.%Y", "mdy"),
        ("h", "%d/%m/%Y %H:%M", "dmy"),
        ("h", "%m/%d/%Y %H:%M", "mdy"),
    ],
)
def test_of_days_and_months_that_fit_both_ways_the_even_one_is_read(
    tmp_path, frequency, form, order
):
    index = pd.date_range("2019-01-01", periods=N, freq=frequency)
    data = read(tmp_path, frame([stamp.strftime(form) for stamp in index]))
    assert data.encoder.time is not None and data.encoder.time.date_order == order
    assert data.gaps is None and "config.data.date_format settles it" in data.notes[0]


@pytest.mark.parametrize(("form", "order"), [("%d/%m/%Y", "dmy"), ("%m/%d/%Y", "mdy")])
def test_first_days_of_the_months_of_one_year_are_no_days(tmp_path, form, order):
    index = pd.date_range("2019-01-01", periods=12, freq="MS")
    data = read(tmp_path, frame([stamp.strftime(form) for stamp in index]), lookback=2, horizon=1)
    assert data.encoder.time is not None and data.encoder.time.date_order == order
    found = stamps_of(ahead(data, frame([stamp.strftime(form) for stamp in index])))
    assert [pd.Timestamp(stamp) for stamp in found] == [pd.Timestamp("2020-01-01")]


def test_nanoseconds_since_1970_are_written_to_the_last_one():
    stamps = np.array([1_700_000_000_123_457.0])
    assert write_since_1970(stamps, "nanoseconds since 1970").to_pylist() == [1700000000123457000]


def test_days_without_a_year_are_no_months(tmp_path):
    days = [stamp.strftime("%b-%d") for stamp in pd.date_range("2024-01-01", periods=N)]
    with pytest.raises(UserError, match="expected an ISO date or time"):
        read(tmp_path, frame(days))


def test_a_later_file_that_counts_in_another_unit_is_refused(tmp_path):
    index = pd.date_range("2024-01-01", periods=N, freq="h")
    data = read(tmp_path, frame([since_1970(1_000)(stamp) for stamp in index]))
    said = "1704067200000 is read as milliseconds since 1970, 2024-01-01 00:00:00"
    assert data.notes[0].endswith(said)
    with pytest.raises(UserError, match="expected a date or time written in milliseconds since"):
        ahead(data, frame([since_1970(1)(stamp) for stamp in index]))
