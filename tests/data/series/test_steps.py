"""Steps of time: found, named, continued as pandas does, and what is missing of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from train.config.frequency import parse_frequency
from train.data.series.find_step import find_step
from train.data.series.flat import Flat
from train.data.series.frequency import step_of
from train.data.series.grid import continue_stamps
from train.data.series.layout import lay_out
from train.data.series.step import DAY, HOUR, MINUTE, SECOND, TimeStep, guess_season
from train.errors import UserError

NAMES = (
    *("D", "B", "h", "min", "s", "W-SUN", "W-WED", "MS", "ME", "BMS", "BME", "QS-JAN", "QE-DEC"),
    *("QS-FEB", "QE-NOV", "BQS-JAN", "BQE-MAR", "YS-JAN", "YE-JUN", "BYS-JAN", "BYE-DEC"),
    *("SMS", "SME"),
)
ZONES = (
    *(None, None, "UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"),
    *("America/Sao_Paulo", "Asia/Kolkata"),
)
COUNTS = {"h": (1, 2, 3, 6, 12), "min": (1, 2, 5, 7, 15), "s": (1, 2, 5, 30), "S": (1, 1, 2)}
AHEAD = 24
LAST_YEAR = 2037  # clock changes are known up to here


def micros(index: pd.DatetimeIndex) -> np.ndarray:
    if index.tz is not None:
        index = index.tz_convert("UTC").tz_localize(None)
    return index.as_unit("us").asi8.astype(np.float64)


def draw(random: np.random.Generator) -> tuple[str, str | None, pd.DatetimeIndex]:
    """A frequency, a zone, and stamps of them from some moment on."""
    while True:
        name = str(random.choice(NAMES))
        counts = COUNTS.get(name, COUNTS["S"] if name.startswith("SM") else (1, 1, 2, 3, 4, 6))
        frequency = f"{random.choice(counts)}{name}"
        zone = ZONES[random.integers(len(ZONES))]
        start = pd.Timestamp("2003-01-01") + pd.Timedelta(days=int(random.integers(7_000)))
        start += pd.Timedelta(minutes=int(random.choice([0, 480, 840, 1_050])))
        n = int(random.integers(40, 120)) + AHEAD
        try:
            index = pd.date_range(start, periods=n, freq=frequency, tz=zone)
        except ValueError:  # an hour that is skipped, or comes twice, or beyond all stamps
            continue
        if zone in (None, "UTC") or index[-1].year < LAST_YEAR:
            return frequency, zone, index


@pytest.mark.slow
def test_steps_that_are_found_in_gappy_stamps_go_on_as_those_of_pandas():
    random = np.random.default_rng(0)
    for _ in range(200):
        frequency, zone, index = draw(random)
        stamps = micros(index)
        stays = random.random(len(stamps) - AHEAD) > random.choice([0, 0.05, 0.1])
        stays[[0, -1]] = True
        past = stamps[:-AHEAD][stays]
        step = find_step(past, "time", zone)
        assert step is not None
        found = continue_stamps(past[-1], step, AHEAD, zone)
        np.testing.assert_array_equal(found, stamps[-AHEAD:], err_msg=f"{frequency} {zone}")
        named = step_of(parse_frequency(frequency) or pytest.fail(frequency))
        found = continue_stamps(past[-1], named, AHEAD, zone)
        np.testing.assert_array_equal(found, stamps[-AHEAD:], err_msg=f"{frequency} {zone}")
        flat = Flat(np.arange(len(past)), np.array([len(past)]), None, past)
        laid = lay_out(flat, [step], zone, 1_000).flat
        assert laid.stamps is not None
        np.testing.assert_array_equal(laid.stamps, stamps[:-AHEAD], err_msg=f"{frequency} {zone}")
        np.testing.assert_array_equal(np.flatnonzero(laid.rows >= 0), np.flatnonzero(stays))


@pytest.mark.parametrize(
    ("frequency", "start", "shown", "season"),
    [
        ("B", "2024-03-05", "1 business day", 5),
        ("BME", "2020-01-05", "1 month, on the last business day", 12),
        ("SMS", "2020-01-05", "the 1 and 15 of each month", 24),
        ("SME", "2020-01-05", "the 15 and end of each month", 24),
        ("QE", "2000-01-05", "3 months", 4),
        ("W-WED", "2020-01-05", "7 days", 52),
        ("2h", "2020-01-05", "2 hours", 12),
        ("YS", "2000-01-05", "12 months", None),
    ],
)
def test_steps_are_shown_in_words_and_say_their_season(frequency, start, shown, season):
    index = pd.date_range(start, periods=30, freq=frequency)
    step = find_step(micros(index), "time")
    assert str(step) == shown and guess_season(step) == season
    named = parse_frequency(frequency)
    assert named is not None
    following = continue_stamps(micros(index)[19], step_of(named), 10)
    np.testing.assert_array_equal(following, micros(index)[20:])


def test_local_days_keep_their_hour_where_the_clock_changes():
    index = pd.date_range("2024-03-01", periods=60, freq="D", tz="Europe/Berlin")
    stamps = micros(index)
    step = find_step(stamps[:25], "time", "Europe/Berlin")
    assert step is not None
    assert step == TimeStep("local", DAY)
    found = continue_stamps(stamps[24], step, 35, "Europe/Berlin")
    np.testing.assert_array_equal(found, stamps[25:])


def test_readings_near_their_time_and_clocks_that_jitter_have_a_round_step():
    random = np.random.default_rng(0)
    for _ in range(50):
        n = int(random.integers(20, 200))
        about_8 = np.arange(n) * DAY + 8 * HOUR + random.integers(-15, 16, n) * MINUTE
        assert find_step(about_8.astype(float), "time") == TimeStep("time", DAY)
        jitter = np.arange(n) * MINUTE + np.round(random.normal(0, 0.02 * SECOND, n))
        assert find_step(jitter, "time") == TimeStep("time", MINUTE)
        tenths = np.round(random.integers(0, 10_000) + np.arange(n) * 0.1, 1)
        assert find_step(tenths, "number") == TimeStep("number", 0.1)
        following = continue_stamps(float(tenths[-1]), TimeStep("number", 0.1), 3)
        np.testing.assert_array_equal(
            following, np.round(tenths[-1] + np.array([0.1, 0.2, 0.3]), 1)
        )


def test_hours_of_some_days_are_places_in_a_list():
    index = pd.date_range("2024-01-01", periods=24 * 70, freq="h")
    open_hours = index[(index.day_of_week < 5) & (index.hour >= 9) & (index.hour < 17)]
    step = find_step(micros(open_hours[:200]), "time")
    assert step is not None and str(step) == "1 business day, 8 times a day"
    assert guess_season(step) == 8
    following = continue_stamps(micros(open_hours)[199], step, 100)
    np.testing.assert_array_equal(following, micros(open_hours)[200:300])


def test_missing_steps_are_rows_of_their_own_and_rows_off_them_are_left_out():
    hour = TimeStep("time", HOUR)
    places = [*range(30), 31.6, *range(33, 60), 60, 90]
    flat = Flat(np.arange(len(places)), np.array([len(places)]), None, np.array(places) * HOUR)
    laid = lay_out(flat, [hour], None, 10)
    assert laid.off.tolist() == [30] and laid.shortened == 1 and laid.inserted_g.tolist() == [13]
    assert laid.flat.stamps is not None
    ahead = [*range(61), 61, 62, 63, 64, 65, 85, 86, 87, 88, 89, 90]
    np.testing.assert_array_equal(laid.flat.stamps / HOUR, ahead)
    assert (laid.flat.rows >= 0).sum() == len(places) - 1
    counted = lay_out(flat, [None], None, 10)
    assert counted.flat is flat and counted.counted_g.tolist() == [True]


@pytest.mark.parametrize("name", ["X", "0h", "h5", "MS-", "Montag", ""])
def test_a_step_of_no_name_is_refused(name):
    with pytest.raises(UserError, match=r"config\.data\.frequency: .* is no name of a step"):
        parse_frequency(name)


@pytest.mark.parametrize(
    ("first", "count", "digits"),
    [
        (1949, 12, 11),
        (1949.25, 12, 2),
        (1958 + 1 / 24, 12, 4),  # the middle of each month
        (1960, 4, 2),
        (1974, 52, 4),
    ],
)
def test_numbers_that_are_years_and_their_parts_have_the_season_of_a_year(first, count, digits):
    years = np.round(first + np.arange(3 * count + 2) / count, digits)
    step = find_step(years, "number")
    assert step == TimeStep("number", 1 / count)
    assert guess_season(step) == count
    assert str(step) == f"1/{count} of a year"
    following = continue_stamps(float(years[-1]), step, 2)
    np.testing.assert_allclose(following, years[-1] + np.array([1, 2]) / count, atol=1e-9)


@pytest.mark.parametrize(
    "numbers",
    [
        np.arange(1700.0, 1990.0),  # years
        np.arange(100) / 12,  # no years
        1949 + np.arange(60) / 10,  # no part of a year that a calendar has
        1949.03 + np.arange(40) / 4,  # no quarters
        1949.02 + np.arange(40) / 12,
        1490 + np.arange(240) / 12,
        2190 + np.arange(240) / 12,
    ],
)
def test_other_numbers_have_no_season(numbers):
    assert guess_season(find_step(numbers, "number")) is None
