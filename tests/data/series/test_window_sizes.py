"""How many rows a window reads and forecasts where the options say "auto"."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from series_tables import options, write

from train.config import LSTM, Config
from train.config.bounded import resolved
from train.config.data_options import Series
from train.data.resolve import resolve_config
from train.data.series.load import load_series
from train.data.series.origins import window_for
from train.data.series.window_sizes import with_window, with_window_before
from train.data.series.windows import split_windows
from train.errors import UserError
from train.run.metadata import as_begun

OPEN = Series(lookback="auto", horizon="auto")


def months(n: int) -> pa.Table:
    places = [1 + i for i in range(n)]
    stamps = [f"{1949 + i // 12}-{i % 12 + 1:02d}" for i in range(n)]
    return pa.table({"when": stamps, "load": [float(i % 12 + i / 10) for i in places]})


@pytest.mark.parametrize(
    ("n", "season", "window"),
    [
        (144, 12, (24, 12)),  # 100 train, 22 validate
        (84, 4, (8, 4)),
        (98, None, (12, 6)),
        (36, 12, (10, 5)),  # 26 train, 5 validate: half of what is left is read
        (25, None, (6, 4)),
        (289, 48, (89, 24)),
        (400, 12, (96, 24)),
    ],
)
def test_few_rows_are_read_two_seasons_back_and_forecast_one_ahead(n, season, window):
    found, lines = with_window(OPEN, np.array([n]), season)
    assert (found.lookback, found.horizon) == window
    assert len(lines) == (window != (96, 24))


@pytest.mark.parametrize("season", [None, 4, 12, 52])
def test_every_length_from_eight_rows_on_has_windows_in_all_parts(season):
    for n in range(8, 420):
        found, _ = with_window(OPEN, np.array([n]), season)
        splits, _ = split_windows(np.array([n]), found)
        assert all(map(len, splits.values()))


def test_rows_that_hold_two_usual_windows_are_not_few():
    asked = replace(OPEN, valid=0, test=0)
    few, lines = with_window(asked, np.array([239]), 12)
    assert (few.lookback, few.horizon) == (24, 12)
    (line,) = lines
    for part in (
        "config.data.lookback=24",
        "config.data.horizon=12",
        "239 rows train",
        "from 240 on it is 96 and 24",
    ):
        assert part in line
    enough, lines = with_window(asked, np.array([240]), 12)
    assert (enough.lookback, enough.horizon, lines) == (96, 24, [])


def test_a_number_that_is_asked_for_stays():
    found, (line,) = with_window(replace(OPEN, horizon=18), np.array([144]), 12)
    assert (found.lookback, found.horizon) == (24, 18)
    assert "horizon" not in line
    assert line.endswith("from 228 on it is 96")
    given = Series(lookback=7, horizon=3)
    assert with_window(given, np.array([20]), 12) == (given, [])


def test_the_median_series_of_many_decides():
    few, lines = with_window(OPEN, np.array([60, 60, 1000]), 12)
    assert (few.lookback, few.horizon) == (16, 9)
    assert "for 42 rows of the median of 3 series train" in lines[0]
    many, _ = with_window(OPEN, np.array([60, 1000, 1000]), 12)
    assert (many.lookback, many.horizon) == (96, 24)


def test_a_file_of_months_is_read_by_the_season_of_its_stamps_and_says_so(tmp_path):
    asked = options(write(months(144), tmp_path), lookback="auto", horizon="auto", valid=0.15)
    dataset = load_series(asked)
    assert (dataset.encoder.lookback, dataset.encoder.horizon) == (24, 12)
    assert [note for note in dataset.notes if "few rows" in note]
    config = resolve_config(Config(data=asked, net=LSTM(patch="auto")), dataset)
    assert isinstance(config.data, Series)
    assert (config.data.lookback, config.data.horizon) == (24, 12)


@pytest.mark.parametrize(
    ("n", "origins", "step", "window"),
    [
        (60, 3, None, (15, 6)),  # 42 rows before the first origin, of which 6 validate
        (60, 1, None, (18, 8)),  # 52, of which 8 validate
        (60, 8, 1, (16, 7)),  # 46
        (144, 2, None, (24, 12)),
        (330, 2, None, (96, 24)),  # 282 rows, 42 of which validate
        (329, 2, None, (24, 12)),
    ],
)
def test_a_backtest_has_the_window_that_fits_before_its_oldest_origin(n, origins, step, window):
    asked = replace(OPEN, test=0.15)
    found, lines = with_window_before(asked, np.array([n]), 12, origins, step)
    assert (found.lookback, found.horizon, found.test) == (*window, 0.15)
    assert len(lines) == (window != (96, 24))


@given(
    n=st.integers(20, 420),
    origins=st.integers(1, 6),
    step=st.none() | st.integers(1, 12),
    season=st.sampled_from([None, 4, 12, 52]),
)
def test_every_backtest_that_leaves_eight_rows_has_windows_to_train_and_validate(
    n, origins, step, season
):
    found, lines = with_window_before(OPEN, np.array([n]), season, origins, step)
    horizon = resolved(found.horizon)
    before = n - horizon - (origins - 1) * (step or horizon)
    if before < 8:
        assert horizon == 1  # and find_origins says what to ask for
        return
    splits, train_rows_g = split_windows(np.array([before]), replace(found, test=0))
    assert len(splits["train"]) and len(splits["valid"])
    assert all(f"for {train_rows_g[0]} rows train" in line for line in lines)


def test_the_window_of_a_backtest_goes_by_the_season_of_its_file(tmp_path):
    asked = options(write(months(144), tmp_path), lookback="auto", horizon="auto", valid=0.15)
    found, _ = window_for(asked, months(144), 2, None)
    assert (found.lookback, found.horizon) == (24, 12)


def test_a_patch_that_is_longer_than_what_auto_reads_is_refused(tmp_path):
    asked = options(write(months(144), tmp_path), lookback="auto", horizon="auto", valid=0.15)
    config = Config(data=asked, net=LSTM(patch=48))
    with pytest.raises(UserError, match=r"config.net.patch: 48 .* config.data.lookback is 24"):
        resolve_config(config, load_series(asked))


def test_a_net_reads_later_files_by_its_own_window(tmp_path):
    asked = options(write(months(144), tmp_path), lookback="auto", horizon="auto", valid=0.15)
    encoder = load_series(asked).encoder
    later = load_series(asked, lambda *_, **__: months(900), encoder=encoder)
    assert (later.encoder.lookback, later.encoder.horizon) == (24, 12)
    assert len(later.splits["test"]) == 12 - 12 + 1


def test_what_a_run_began_with_stays_where_it_goes_on(tmp_path):
    encoder = load_series(options(write(months(144), tmp_path), lookback=30, horizon=5)).encoder
    (tmp_path / "encoder.json").write_text(json.dumps(encoder.to_json()))
    asked = Series(path="x.csv", target="load", lookback="auto", scaling="shared", observed=())
    begun = as_begun(Config(data=asked, net=LSTM(), loss="mse"), tmp_path).data
    assert isinstance(begun, Series)
    assert (begun.lookback, begun.horizon) == (30, asked.horizon)
