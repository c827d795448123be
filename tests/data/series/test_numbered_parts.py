"""Years with the number of a part, short dates, and years of two digits: told by all texts."""

from __future__ import annotations

import datetime
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from series_files import HORIZON, ahead, frame, read, stamps_of

from train.data.centuries import with_since
from train.data.dates import parse_date
from train.data.numbered_parts import find_parts, find_short

N = 80
ROMAN = ("I", "II", "III", "IV")


def quarter(form: str) -> Callable[[pd.Timestamp], str]:
    return lambda stamp: form.format(y=stamp.year, q=stamp.quarter, r=ROMAN[stamp.quarter - 1])


def month(form: str) -> Callable[[pd.Timestamp], str]:
    return lambda stamp: form.format(y=stamp.year, m=stamp.month)


def week(form: str) -> Callable[[pd.Timestamp], str]:
    return lambda stamp: form.format(*stamp.isocalendar())


@pytest.mark.parametrize(
    ("frequency", "season", "write"),
    [
        *[("QS", 4, quarter("{y}" + mark + "{q}")) for mark in ("-", ".", "/", ":", " ", "")],
        ("QS", 4, quarter("{q}/{y}")),
        ("QS", 4, quarter("{y}-{r}")),
        ("QS", 4, quarter("{r}/{y}")),
        ("6MS", 2, lambda stamp: f"{stamp.year}-{1 + stamp.month // 7}"),
        ("MS", 12, month("{y}.{m:02d}")),
        ("MS", 12, month("{y}:{m}")),
        ("MS", 12, month("{y}:{m:02d}")),
        ("MS", 12, month("{y}m{m}")),
        ("MS", 12, lambda stamp: f"{stamp.year}.{stamp.month:02d}".rstrip("0")),
        ("W-MON", 52, week("{0}-{1}")),
        ("W-MON", 52, week("{0}.{1:02d}")),
        ("W-MON", 52, week("{1:02d}/{0}")),
        ("B", 5, lambda stamp: stamp.strftime("%y%m%d")),
        ("MS", 12, lambda stamp: stamp.strftime("%d%m%y")),
        ("D", 7, lambda stamp: stamp.strftime("%d%m%Y")),
        ("B", 5, lambda stamp: stamp.strftime("%m%d%Y")),
    ],
)
def test_what_goes_on_is_written_as_the_file_is(tmp_path, frequency, season, write):
    index = pd.date_range("1979-01-01", periods=N + HORIZON, freq=frequency)
    stamps = [write(stamp) for stamp in index]
    data = read(tmp_path, frame(stamps[:N]))
    assert data.gaps is None and data.encoder.season == season
    assert stamps_of(ahead(data, frame(stamps[:N]))) == stamps[N:]
    assert data.encoder.time is not None and data.encoder.time.kind == "time"
    found = [parse_date(stamp, data.encoder.time.date_order) for stamp in stamps]
    assert found == list(index.to_pydatetime())


def test_numbers_of_parquet_are_quarters_too(tmp_path):
    stamps = [stamp.year + stamp.quarter / 10 for stamp in pd.date_range("1979", None, N, "QS")]
    data = read(tmp_path, frame(stamps))
    assert data.gaps is None and data.encoder.season == 4
    assert any("'1979.1' is read as year and quarter, from 1979-01-01" in x for x in data.notes)


def test_days_of_one_month_are_no_weeks(tmp_path):
    index = pd.date_range("2020-01-01", periods=N, freq="B")
    data = read(tmp_path, frame([stamp.strftime("%y%m%d") for stamp in index]))
    assert data.encoder.time is not None and data.encoder.time.date_order == "yymmdd"
    assert data.gaps is None and data.encoder.season == 5


def test_weeks_that_could_be_short_dates_stay_weeks(tmp_path):
    index = pd.date_range("2001-01-01", periods=N + HORIZON, freq="W-MON")
    stamps = [int(week("{0}{1:02d}")(stamp)) for stamp in index]
    data = read(tmp_path, frame(stamps[:N]))  # 200152 could be the 20th of January 1952
    assert data.encoder.time is not None and data.encoder.time.date_order == "yyyyww"
    assert data.gaps is None and data.encoder.season == 52
    assert stamps_of(ahead(data, frame(stamps[:N]))) == stamps[N:]


def test_months_of_a_later_file_may_have_lost_their_last_zero(tmp_path):
    index = pd.date_range("1949-01-01", periods=N + 2, freq="MS")
    stamps = [month("{y}.{m:02d}")(stamp) for stamp in index]
    data = read(tmp_path, frame(stamps[:N]))
    said = "'1949.01' is read as year and month (1949.1 is October), from 1949-01-01 on"
    assert any(said in note for note in data.notes)
    later = frame([float(stamp) for stamp in stamps[N - 3 : N + 2]])
    assert str(later["ts"].iloc[-1]) == "1955.1"
    assert stamps_of(ahead(data, later)) == ["1955.11", "1955.12", "1956.01"]


def test_a_format_that_is_given_is_what_counts(tmp_path):
    texts = [f"{1979 + i // 4}-{1 + i % 4}" for i in range(N)]
    data = read(tmp_path, frame(texts), date_format="%Y-%m")
    assert data.encoder.time is not None and data.encoder.time.date_order == "%Y-%m"


def test_weeks_with_two_digits_are_said_once(tmp_path):
    texts = [week("{0}-{1:02d}")(x) for x in pd.date_range("2019-01-07", periods=N, freq="W-MON")]
    data = read(tmp_path, frame(texts))
    said = [note for note in data.notes if "'ts'" in note]
    assert len(said) == 1 and "'2019-02' is read as year and week, from 2019-01-07 on" in said[0]


@pytest.mark.parametrize(
    ("texts", "order"),
    [
        (["1959.1", "1959.3", "1960.4"], "year and quarter"),
        (["1959.1", "1959.3", "1959.4"], ""),  # of one year
        (["1959.1", "1959.2", "1960.1"], ""),  # months, halves or quarters
        (["1959.0", "1959.25", "1959.5", "1960.75"], ""),  # parts of a year
        (["1959.1", "1959.5", "1959.9", "1960.3", "1960.7"], ""),  # tenths
        (["1949.1", "1949.2", "1949.3", "1949.11", "1950.12"], "year and month"),
        (
            ["1949.01", "1949.02", "1949.03", "1949.1", "1949.11", "1950.12"],
            "year and month, of a number",
        ),
        (
            ["1949.08", "1949.09", "1949.1", "1949.11", "1949.12", "1950.01"],
            "year and month, of a number",
        ),
        (["1949.09", "1949.10", "1949.11", "1949.12", "1950.01"], "year and month, of a number"),
        (["1949.09", "1949.1", "1949.10", "1949.11", "1949.12", "1950.01"], ""),  # one is January
        (["1959.1", "1959.2", "1959.3", "1960.1"], ""),  # thirds
        (["959.1", "959.3", "960.4"], ""),
        (["2959.1", "2959.3", "2960.4"], ""),
        (["1959-01", "1959-02", "1959-03", "1959-04", "1960-05"], ""),  # read as periods
        (["2023-1", "2023-52", "2024-1"], ""),  # few weeks tell nothing
        ([f"2023-{n}" for n in range(1, 54)] + ["2024-1"], ""),  # that year has 52
        ([f"2020-{n}" for n in range(1, 54)] + ["2021-1"], "year and week"),
        ([f"2020-{n}" for n in range(0, 53)] + ["2021-1"], ""),
        ([f"2020-{n}" for n in range(1, 21)] + ["2021-1"], ""),  # up to the 20th tells nothing
        (["2019-1", "2019-2", "2020-1", "2021-1"], "year and half"),
        (["1959:1", "1959.3", "1960:4"], ""),  # of several marks
        (["1959 Q1", "1959 Q3", "1960 Q4"], ""),
    ],
)
def test_all_texts_tell_what_a_part_counts(texts, order):
    assert find_parts(texts) == order


@pytest.mark.parametrize(
    ("texts", "order"),
    [
        (["800130", "800131", "800201", "800204"], "yymmdd"),
        (["310180", "010280", "020280"], "ddmmyy"),
        (["013180", "020180", "020280"], "mmddyy"),
        (["31011980", "01021980", "02021980"], "ddmmyyyy"),
        (["800102", "800103", "800104"], ""),  # as even as numbers
        (["800102", "800150", "800204"], ""),  # no day
        (["120101", "120103", "120104", "120131"], ""),  # as mmddyy leap years alone differ
        (["100150", "100233", "100342", "100577", "101122"], ""),  # sorted as numbers alone
        (["020280", "010280", "310180"], "ddmmyy"),  # the newest first
        (["31010980", "01020980", "02020980"], ""),  # of no likely year
        (["31011980"], ""),
        (["1.5", "2.5"], ""),
    ],
)
def test_whole_numbers_are_short_dates_where_these_are_more_even(texts, order):
    assert find_short(texts) == order


@pytest.mark.parametrize(
    ("years", "since"),
    [
        ([*range(2059, 2069), *range(1969, 2000), *range(2000, 2010)], 1958),
        (range(2049, 2061), 1948),  # measured rows are of the past
        ([2040, 2050], None),
        (range(1985, 2017), None),
        ([1969, 2068], 1967),
        ([], None),
    ],
)
def test_the_century_is_that_in_which_rows_lie_together(years, since):
    moments = [datetime.datetime(year, 1, 1) for year in years]
    assert with_since("dmy", moments) == ("dmy" if since is None else f"dmy, years from {since}")


@pytest.mark.parametrize(
    ("text", "order", "wanted"),
    [
        ("31/12/58", "dmy, years from 1958", (1958, 12, 31)),
        ("31/12/57", "dmy, years from 1958", (2057, 12, 31)),
        ("31/12/2060", "dmy, years from 1958", (2060, 12, 31)),
        ("29/02/00", "dmy, years from 1899", None),  # 1900 had no such day
        ("31021980", "ddmmyyyy, years from 1958", None),
        ("Mar-59", "%b-%y, years from 1958", (1959, 3, 1)),
        ("1Q59", "period, years from 1958", (1959, 1, 1)),
        ("1960.5", "year and quarter", None),
        ("1960.1", "year and month, of a number", (1960, 10, 1)),
        ("1959-53", "year and week", (1959, 12, 28)),
        ("1960-53", "year and week", None),
    ],
)
def test_a_text_is_read_by_its_order(text, order, wanted):
    assert parse_date(text, order) == (None if wanted is None else datetime.datetime(*wanted))


@pytest.mark.parametrize("form", ["%b-%y", "%d/%m/%y", "%b %d, %y", "%y%m%d"])
def test_a_series_of_sixty_years_is_in_one_piece(tmp_path, form):
    index = pd.date_range("1955-01-01", periods=720 + HORIZON, freq="MS")
    data = read(tmp_path, frame([stamp.strftime(form) for stamp in index[:720]]))
    assert data.gaps is None and data.encoder.season == 12
    said = [note for note in data.notes if "years of two digits are of" in note]
    assert len(said) == 1 and "are of 1954 to 2053" in said[0] and "1955-01-01" in said[0]
    assert data.flat.stamps is not None
    assert data.flat.stamps[0] == np.datetime64("1955-01-01", "us").astype(float)
    later = frame([stamp.strftime(form) for stamp in index[:720]])
    is_written = form in ("%b-%y", "%y%m%d")
    last = index.to_pydatetime()[-1]
    wanted = last.strftime(form) if is_written else last.date()
    assert stamps_of(ahead(data, later))[-1] == wanted
