"""What a trained forecaster is given: the window each series ends in, and all windows of a file."""

from __future__ import annotations

import datetime

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest
from series_tables import hours, options, small_table, write

from train.data.calendar import calendar
from train.data.series.load import load_series
from train.data.series.load_windows import load_windows
from train.errors import UserError


def test_the_next_window_ends_at_the_last_target_of_each_series(tmp_path):
    table = pa.concat_tables(
        [small_table(), small_table(40).set_column(3, "name", pa.array(["b"] * 40))]
    )
    encoder = load_series(
        options(write(table, tmp_path), group="name", valid=6, test=6, calendar=True)
    ).encoder
    future = encoder.future(table, "data")
    column = encoder.columns[0]
    last = future.inputs["past"][:, -1, 0] * column.unit + column.shift
    expected = [small_table()["load"][59].as_py(), small_table(40)["load"][39].as_py()]
    np.testing.assert_allclose(last, expected, rtol=1e-6)
    assert future.stamps is not None
    first = future.stamps[:, 0].astype(np.int64).astype("datetime64[us]").tolist()
    assert first == [hours(61)[-1], hours(41)[-1]]
    np.testing.assert_array_equal(future.rows, 100 + np.arange(8).reshape(2, 4))
    np.testing.assert_allclose(
        future.inputs["future"][0], calendar(future.stamps[0], encoder.cycles)
    )
    without = small_table(40).set_column(3, "name", pa.array(["aa"] * 40))
    without = without.set_column(1, "load", pa.nulls(40, table["load"].type))
    said: list[str] = []
    more = encoder.future(pa.concat_tables([without, table]), "data", said)
    np.testing.assert_array_equal(more.inputs["past"], future.inputs["past"])
    assert more.groups is not None and "aa" not in more.groups.tolist()
    assert said[0] == "data: 1 of 3 series have no value of a target, such as group 'aa'; left out"
    assert "1 of 2 series end before the others, such as group 'b' at 2024-01-02 15:00" in said[1]
    assert len(said) == 2


@pytest.mark.parametrize("more", [{}, {"group": "name"}, {"time": None}])
def test_a_file_without_rows_has_no_end_to_go_on_from(more: dict, tmp_path):
    table = small_table()
    encoder = load_series(options(write(table, tmp_path), **more)).encoder
    with pytest.raises(UserError, match=r"^later\.csv: has column names but no rows$"):
        encoder.future(table.slice(0, 0), "later.csv")


def test_known_columns_are_read_from_the_rows_to_come(tmp_path):
    table = small_table(64)
    load = [*table["load"].to_pylist()[:60], *[None] * 4]
    table = table.set_column(1, "load", pa.array(load))
    encoder = load_series(options(write(table, tmp_path), known=("price",))).encoder
    future = encoder.future(table, "data")
    column = encoder.columns[1]
    np.testing.assert_allclose(
        future.inputs["future"][0, :, 0] * column.unit + column.shift,
        table["price"].to_numpy()[60:],
        rtol=1e-5,
    )
    np.testing.assert_array_equal(future.rows, [[60, 61, 62, 63]])
    said = []
    short = encoder.future(table.slice(0, 62), "data", said)
    np.testing.assert_array_equal(short.rows, [[60, 61, -1, -1]])
    np.testing.assert_array_equal(short.stamps, future.stamps)
    ahead_h = short.inputs["future"][0, :, 0] * column.unit + column.shift
    wanted_h = [*table["price"].to_pylist()[60:62], column.median, column.median]
    np.testing.assert_allclose(ahead_h, wanted_h, rtol=1e-5)
    assert "the series has 2 rows after its last target, fewer than the 4 to come" in said[0]
    assert "2 of 4 values of the rows to come are missing" in said[1]
    with pytest.raises(
        UserError,
        match="the series has 0 rows after its last target; 'price' must be given for the 4",
    ):
        encoder.future(table.slice(0, 60), "data")


def test_files_that_a_trained_net_cannot_use(tmp_path):
    encoder = load_series(options(write(small_table(), tmp_path), observed=("price",))).encoder
    with pytest.raises(UserError, match="no column 'price'"):
        encoder.future(small_table().drop_columns("price"), "data")
    with pytest.raises(UserError, match="no column 'load'"):
        encoder.future(small_table().drop_columns("load"), "data")
    daily = [datetime.datetime(2024, 1, 1) + datetime.timedelta(days=i) for i in range(60)]
    with pytest.raises(
        UserError, match="the step is 1 day, but the net was trained on a step of 1 hour"
    ):
        encoder.future(small_table().set_column(0, "when", pa.array(daily)), "data")
    with pytest.raises(UserError, match="the longest series here has 11 rows"):
        load_windows(encoder, small_table(11), "data")


def test_every_window_of_a_labelled_file_is_judged(tmp_path):
    encoder = load_series(options(write(small_table(), tmp_path))).encoder
    assert len(load_windows(encoder, small_table(), "data").starts) == 60 - 12 + 1
