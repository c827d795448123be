"""Files of series as they come: their calendars, gaps, groups and categories, read and gone on."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from series_files import HORIZON, ahead, frame, read, stamps_of

from train.data.load import how_read
from train.errors import UserError


@pytest.mark.parametrize(
    ("frequency", "start"),
    [("B", "2024-03-01"), ("BME", "2015-01-05"), ("ME", "2015-01-31"), ("SMS", "2020-01-01")],
)
def test_days_of_a_calendar_go_on_in_it(tmp_path, frequency, start):
    index = pd.date_range(start, periods=63, freq=frequency)
    data = read(tmp_path, frame(index[:60]), calendar=frequency == "B")
    assert len(data.notes) == (frequency == "B") and data.gaps is None
    rows = ahead(data, frame(index[:60]))
    assert stamps_of(rows) == [stamp.date() for stamp in index[60:]]
    # A few rows say nothing of the calendar, which is that of training.
    rows = ahead(data, frame(index[20:22]))
    assert stamps_of(rows) == [stamp.date() for stamp in index[22:25]]
    if frequency == "B":
        assert data.encoder.season == 5 and data.encoder.cycles == ("weekday",)
        assert data.notes[0].startswith("config.data.calendar: training rows span less than a year")


@pytest.mark.parametrize(
    ("frequency", "rows", "cycles"),
    [
        ("h", 23, ()),
        ("h", 24, ("hour",)),
        ("h", 167, ("hour",)),
        ("h", 168, ("hour", "weekday")),
        ("D", 359, ("weekday",)),
        ("D", 360, ("weekday", "month")),
        ("MS", 11, ()),
        ("MS", 12, ("month",)),
    ],
)
def test_cycles_are_read_that_training_rows_go_through(tmp_path, frequency, rows, cycles):
    stamps = pd.date_range("2023-01-01", periods=rows + HORIZON, freq=frequency)
    data = read(tmp_path, frame(stamps), calendar=True, valid=0, test=HORIZON)
    assert data.encoder.cycles == cycles
    told = {"h": 3, "D": 2, "MS": 1}[frequency]
    assert sum("training rows span less than" in note for note in data.notes) == told - len(cycles)


@pytest.mark.parametrize(
    ("frequency", "rows", "cycles"),
    [
        ("h", 400, ("hour",)),
        ("30min", 400, ("hour",)),
        ("h", 23, ()),
        ("D", 400, ("weekday",)),
        ("B", 400, ("weekday",)),
        ("W", 100, ("month",)),
        ("MS", 30, ("month",)),
    ],
)
def test_the_shortest_cycle_alone_may_be_read(tmp_path, frequency, rows, cycles):
    stamps = pd.date_range("2023-01-02", periods=rows + HORIZON, freq=frequency)
    data = read(tmp_path, frame(stamps), calendar="shortest", valid=0, test=HORIZON)
    assert data.encoder.cycles == cycles
    assert data.values.shape[1] == 1 + 2 * len(cycles)


@pytest.mark.parametrize(
    ("calendar", "rows", "told"),
    [
        (False, 300, ""),
        ("shortest", 300, " in a day"),
        (True, 300, " in a day and a week"),
        (True, 13_000, " in a day, a week and a year"),
    ],
)
def test_which_places_are_read_is_said(tmp_path, calendar, rows, told):
    stamps = pd.date_range("2023-01-02", periods=rows, freq="h")
    data = read(tmp_path, frame(stamps), calendar=calendar)
    read_places = f"; the place of its stamps{told} is read" if told else ""
    line = f"column 'ts': a step is 1 hour, a season 24 steps{read_places}"
    assert how_read(data)[-1] == line


def test_holidays_are_steps_without_values(tmp_path):
    index = pd.date_range("2024-01-01", periods=80, freq="B")
    data = read(tmp_path, frame(index).drop([10, 40]))
    assert "2 stamps are missing at a step of 1 business day; rows without" in data.notes[0]
    assert data.values.shape == (80, 2) and data.encoder.marked == ("y",)
    np.testing.assert_array_equal(np.flatnonzero(data.values[:, 1]), [10, 40])
    assert data.gaps is not None and data.gaps.sum() == 2
    taken = data.take(data.arrays, np.arange(len(data.starts))).target["value"]
    assert np.isnan(taken).any() and (data.original_rows[:6] == range(4, 10)).all()


def test_readings_near_their_times_are_accepted(tmp_path):
    random = np.random.default_rng(0)
    minutes = random.integers(-15, 16, 200)
    about_8 = pd.date_range("2024-01-01 08:00", periods=200) + pd.to_timedelta(minutes, "min")
    jitter = pd.date_range("2024-01-01", periods=200, freq="min")
    jitter += pd.to_timedelta(np.round(random.normal(0, 20_000, 200)), "us")
    tenths = pd.Series(np.round(np.arange(200) * 0.1, 1))
    for stamps, step in ((about_8, "1 day"), (jitter, "1 minute"), (tenths, "0.1")):
        data = read(tmp_path, frame(stamps))
        assert data.encoder.time is not None and str(data.encoder.time.step) == step
        assert data.gaps is None and data.notes == ()
        for first in random.integers(0, 190, 3):
            ahead(data, frame(stamps[first : first + 10]))
    data = read(tmp_path, frame(tenths))
    assert stamps_of(ahead(data, frame(tenths[:100]))) == [10.0, 10.1, 10.2]


def test_months_by_a_local_clock(tmp_path):
    index = pd.date_range("2015-01-01", periods=63, freq="MS", tz="Europe/Berlin")
    data = read(tmp_path, frame(index[:60]), parquet=True, calendar=True)
    assert data.encoder.season == 12 and data.encoder.cycles == ("month",)
    rows = data.encoder.read(pa.Table.from_pandas(frame(index[:60])), "new")
    assert stamps_of(rows) == list(index[60:].to_pydatetime())
    # January is January though it begins in December by UTC.
    np.testing.assert_allclose(data.values[0, 1:], [0, 1], atol=1e-6)


@pytest.mark.parametrize(
    ("form", "frequency", "written"),
    [
        ("%Y%m", "MS", int),
        ("%Y%m%d", "D", int),
        ("%Y-%m", "MS", str),
        ("%Yq", "QS", str),
    ],
)
def test_periods_are_read_and_written_as_the_file_has_them(tmp_path, form, frequency, written):
    index = pd.date_range("1999-06-01", periods=63, freq=frequency)
    texts = [
        text.replace("q", f"Q{t.quarter}")
        for t, text in zip(index, index.strftime(form), strict=True)
    ]
    data = read(tmp_path, frame(texts[:60]))
    assert stamps_of(ahead(data, frame(texts[:60]))) == [written(text) for text in texts[60:]]
    assert data.encoder.season == {"MS": 12, "D": 7, "QS": 4}[frequency]


@pytest.mark.parametrize(
    ("form", "frequency"), [("%m/%d/%Y", "D"), ("%m/%d/%Y %I:%M %p", "h"), ("%b %Y", "MS")]
)
def test_dates_of_other_countries_are_read(tmp_path, form, frequency):
    index = pd.date_range("2021-01-01", periods=63, freq=frequency)
    data = read(tmp_path, frame(index[:60].strftime(form)))
    found = stamps_of(ahead(data, frame(index[:60].strftime(form))))
    assert pd.DatetimeIndex(found).equals(pd.DatetimeIndex(index[60:]).as_unit("us")) or (
        [pd.Timestamp(stamp) for stamp in found] == list(index[60:])
    )


@pytest.mark.parametrize("frequency", ["M", "Q", "W-SUN", "D", "h"])
def test_periods_of_pandas_are_times(tmp_path, frequency):
    periods = pd.period_range("2015-01-05", periods=60, freq=frequency)
    data = read(tmp_path, frame(periods), parquet=True)
    assert data.flat.stamps is not None
    begins = periods.start_time.as_unit("us").asi8
    np.testing.assert_array_equal(data.flat.stamps, begins)
    again = read(tmp_path, frame(periods.astype(str)))
    np.testing.assert_array_equal(again.flat.stamps, begins)


def test_a_counter_stays_a_number(tmp_path):
    data = read(tmp_path, frame(np.arange(20_200_101, 20_200_161)))
    assert data.encoder.time is not None and data.encoder.time.kind == "number"
    assert stamps_of(ahead(data, frame(np.arange(20_200_101, 20_200_161))))[0] == 20_200_161


def test_unsorted_rows_are_sorted_and_said(tmp_path):
    table = frame(pd.date_range("2024-01-01", periods=60))
    mixed = table.iloc[np.random.default_rng(0).permutation(60)]
    data = read(tmp_path, mixed)
    assert "rows are earlier than the row before them, such as row" in data.notes[0]
    assert data.notes[0].endswith("sorted by time") and len(data.notes) == 1
    np.testing.assert_array_equal(data.values, read(tmp_path, table).values)
    rows = ahead(data, mixed)
    np.testing.assert_array_equal(rows.inputs["past"], ahead(data, table).inputs["past"])
    assert any("sorted by time" in line for line in rows.notes)


def two_groups() -> pd.DataFrame:
    hourly = frame(pd.date_range("2024-01-01", periods=200, freq="h"), id="a")
    daily = frame(pd.date_range("2024-01-01", periods=60), id="b")
    return pd.concat([hourly, daily])


def test_each_group_goes_on_by_its_own_step(tmp_path):
    data = read(tmp_path, two_groups(), group="id", calendar=True)
    rows = ahead(data, two_groups())
    hours = pd.date_range("2024-01-09 08:00", periods=3, freq="h")
    days = pd.date_range("2024-03-01", periods=3)
    assert stamps_of(rows) == [*hours.to_pydatetime(), *days.to_pydatetime()]
    assert data.seasons is not None and data.seasons.tolist() == [24, 7]
    assert len(data.values) == 260 and data.gaps is None
    # A group that training did not have goes by what its stamps keep to.
    new = two_groups().replace({"id": {"b": "c"}})
    rows = ahead(data, new)
    assert stamps_of(rows)[3:] == list(days.to_pydatetime())
    assert any(
        "series are none of those of training (as 'a'), such as 'c'" in s for s in rows.notes
    )
    weekly = frame(pd.date_range("2024-01-01", periods=20, freq="W"), id="w")
    rows = ahead(data, pd.concat([two_groups(), weekly]))
    assert len(stamps_of(rows)) == 6
    assert any("1 of 3 series are left out, such as group 'w': the step is 7 days" in s
               for s in rows.notes)  # fmt: skip


def test_a_history_that_is_short_is_answered(tmp_path):
    table = frame(pd.date_range("2024-01-01", periods=60, freq="h"))
    data = read(tmp_path, table.drop([20]), calendar=True)
    whole = ahead(data, table.iloc[40:60])
    short = ahead(data, table.iloc[58:60])
    assert any("the series has fewer than the 4 rows that the net" in line for line in short.notes)
    past = short.inputs["past"][0]
    np.testing.assert_array_equal(past[2:], whole.inputs["past"][0, 2:])
    np.testing.assert_array_equal(past[:2, 0], past[2, 0])
    np.testing.assert_array_equal(past[:, 1], [1, 1, 0, 0])  # marks
    np.testing.assert_allclose(past[:, 2:], whole.inputs["past"][0, :, 2:], atol=1e-6)


def test_what_is_known_ahead_may_be_blank_and_is_said(tmp_path):
    table = frame(pd.date_range("2024-01-01", periods=63), promo=np.arange(63) % 3 * 10.0)
    data = read(tmp_path, table.iloc[:60], known=("promo",))
    table.loc[60:, "y"] = np.nan
    whole = ahead(data, table).inputs["future"]
    table.loc[[60, 62], "promo"] = np.nan
    rows = ahead(data, table)
    column = data.encoder.columns[1]
    raw = rows.inputs["future"][0, :, 0] * column.unit + column.shift
    np.testing.assert_allclose(raw, [10, 10, 10])
    assert "2 of 3 values of the rows to come are missing; 10, the training median" in rows.notes[0]
    # A row that the file lacks does not shift the others.
    lacking = ahead(data, table.drop(61))
    assert lacking.numbers is not None and lacking.numbers.tolist() == [60, -1, 61]
    assert stamps_of(lacking) == stamps_of(rows)
    marked = read(tmp_path, table[:60].assign(promo=lambda t: t.promo.where(t.index != 9)),
                  known=("promo",))  # fmt: skip
    future = ahead(marked, table).inputs["future"][0]
    np.testing.assert_array_equal(future[:, 1], [1, 0, 1])
    assert whole.shape == (1, HORIZON, 1)


def test_a_target_that_ended_long_ago_is_said(tmp_path):
    table = frame(pd.date_range("2024-01-01", periods=60), z=np.arange(60) % 5 * 1.0)
    data = read(tmp_path, table, target=("y", "z"))
    table.loc[20:, "z"] = np.nan
    said = ahead(data, table).notes
    assert any("column 'z': no value in the 40 rows before the forecasts" in line for line in said)
    table.loc[20:, "y"] = np.nan
    said = ahead(data, table).notes
    assert any("the series has up to 40 rows after the last target" in line for line in said)


def test_texts_are_categories_and_static_columns_are_of_their_group(tmp_path):
    table = two_groups()
    table["store"] = np.array(["blue", "red", None], object)[np.arange(len(table)) % 3]
    table["size"] = np.where(table["id"] == "a", 5.0, 9.0)
    table["kind"] = np.where(table["id"] == "a", 1, 2)
    data = read(tmp_path, table, group="id", observed=("store",), static=("size", "kind"),
                categorical=("kind",))  # fmt: skip
    names = [column.name for column in data.encoder.columns]
    assert names == ["y", "store=blue", "store=red", "size", "kind=1", "kind=2"]
    np.testing.assert_array_equal(data.values[:3, 1:3], [[1, 0], [0, 1], [0, 0]])
    size = data.values[:, 3] * data.encoder.columns[3].unit + data.encoder.columns[3].shift
    np.testing.assert_array_equal(np.unique(size[:200]), [5])
    np.testing.assert_array_equal(data.values[200:, 4:], np.tile([0, 1], (60, 1)))
    table["store"] = "green"
    table["size"] = np.where(np.arange(len(table)) % 200 == 0, table["size"], np.nan)
    rows = ahead(data, table)
    np.testing.assert_array_equal(rows.inputs["past"][:, :, 1:3], 0)
    np.testing.assert_array_equal(rows.inputs["past"][0, :, 3], data.values[0, 3])
    assert any("1 categories are none of the 2 that are read, as" in line and ": 'green'" in line
               for line in rows.notes)  # fmt: skip
    again = type(data.encoder).from_json(data.encoder.to_json())
    assert again == data.encoder


def test_irregular_stamps_are_rows_with_the_time_between_them_as_an_input(tmp_path):
    hours = np.cumsum(np.random.default_rng(0).exponential(1, 60)) * 3_600
    stamps = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.round(hours), "s")
    counted = read(tmp_path, frame(stamps))
    assert any("windows count rows" in note for note in counted.notes)
    at = [year + part / 100 for year in range(1990, 2010) for part in range(1, 14)]
    parts = read(tmp_path, frame(at), lookback="auto", horizon="auto")
    assert any("irregular: stamps keep to no step; windows" in note for note in parts.notes)
    data = read(tmp_path, frame(stamps), frequency="irregular")
    assert len(data.values) == 60 and data.encoder.n_columns == 2 and data.gaps is None
    column = data.encoder.columns[1]
    gap = np.expm1(data.values[1:, 1] * column.unit + column.shift)
    assert data.flat.stamps is not None
    np.testing.assert_allclose(gap, np.diff(data.flat.stamps), rtol=1e-4)
    rows = ahead(data, frame(stamps[:30]))
    np.testing.assert_allclose(rows.inputs["past"][0], data.values[26:30], rtol=1e-6)


def test_a_step_that_is_named_is_taken_or_refused(tmp_path):
    index = pd.date_range("2024-01-01", periods=60, freq="B")
    daily = read(tmp_path, frame(index), frequency="D")
    assert len(daily.values) == 82 and daily.encoder.season == 7
    rows = read(tmp_path, frame(index), frequency="rows")
    assert len(rows.values) == 60 and rows.encoder.time is not None
    assert rows.encoder.time.counts == "rows"
    with pytest.raises(UserError, match=r"config\.data\.frequency: ME, but stamps of the series"):
        read(tmp_path, frame(index), frequency="ME")
    with pytest.raises(UserError, match="holds numbers, not times; leave it out"):
        read(tmp_path, frame(np.arange(60)), frequency="D")


def test_stamps_without_a_zone_are_by_the_clock_that_is_named(tmp_path):
    index = pd.date_range("2024-10-25", periods=100, freq="h", tz="Europe/Berlin")
    shown = index.tz_localize(None)
    assert shown.has_duplicates
    data = read(tmp_path, frame(shown[:97]), zone="Europe/Berlin", calendar=True)
    assert data.flat.stamps is not None and data.gaps is None
    assert data.encoder.cycles == ("hour",) and len(data.notes) == 2
    utc = index.tz_convert("UTC").tz_localize(None).as_unit("us").asi8
    np.testing.assert_array_equal(data.flat.stamps, utc[:97])
    assert stamps_of(ahead(data, frame(shown[:97]))) == list(shown[97:].to_pydatetime())
    noon = np.flatnonzero(shown[:97].hour == 12)
    np.testing.assert_allclose(data.values[noon, 1:3], np.tile([0, -1], (len(noon), 1)), atol=1e-6)


def test_months_with_offsets_are_those_of_the_clock_that_is_named(tmp_path):
    index = pd.date_range("2015-01-01", periods=63, freq="MS", tz="Europe/Berlin")
    texts = [stamp.isoformat() for stamp in index]
    plain = read(tmp_path, frame(texts[:60]))
    assert any("offsets +01:00 and +02:00; config.data.zone names" in n for n in plain.notes)
    data = read(tmp_path, frame(texts[:60]), zone="Europe/Berlin")
    assert data.notes == () and data.encoder.season == 12
    assert stamps_of(ahead(data, frame(texts[:60]))) == list(index[60:].to_pydatetime())
    with pytest.raises(UserError, match=r"times without a zone, .* \(Europe/Berlin\); write it"):
        ahead(data, frame(index[:60].tz_localize(None)))


def test_stamps_with_the_name_of_their_zone_are_by_its_clock(tmp_path):
    index = pd.date_range("2024-03-20", periods=63, freq="D", tz="Europe/Berlin")
    texts = [f"{stamp:%Y-%m-%d %H:%M} Europe/Berlin" for stamp in index]
    data = read(tmp_path, frame(texts[:60]))
    assert data.notes == () and data.encoder.time is not None
    assert data.encoder.time.zone == "Europe/Berlin"
    assert stamps_of(ahead(data, frame(texts[:60]))) == list(index[60:].to_pydatetime())


def test_groups_of_business_days_beside_daily_ones(tmp_path):
    tables = [frame(pd.date_range("2024-01-01", periods=90), id="long")]
    for name in "abc":
        tables.append(frame(pd.date_range("2024-01-01", periods=60, freq="B"), id=name))
    gappy = frame(pd.date_range("2024-01-01", periods=60), id="gappy")
    tables.append(gappy.drop(np.random.default_rng(0).choice(np.arange(1, 59), 12, replace=False)))
    data = read(tmp_path, pd.concat(tables), group="id")
    assert data.seasons is not None and data.seasons.tolist() == [7, 5, 5, 5, 7]
    assert data.flat.sizes.tolist() == [90, 60, 60, 60, 60]
