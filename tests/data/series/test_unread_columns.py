"""Columns of series that nothing reads: their kind is shown, and an index of pandas is none."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd

from train.config import LSTM, Config
from train.config.data_options import Series
from train.data.inspection import inspection_lines
from train.data.series.load import load_series
from train.run.metadata import as_begun


def table(n: int = 60) -> pd.DataFrame:
    day = pd.date_range("2024-01-01", periods=n)
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"day": day, "y": rng.random(n), "heat": rng.random(n).round(2)})
    return frame.assign(note=[f"n{i}" for i in range(n)], seen=day + pd.Timedelta(days=3))


def options(path, **more) -> Series:
    return Series(path=str(path), target="y", time="day", lookback=4, horizon=2, **more)


def test_a_column_that_is_not_read_is_shown_as_what_it_holds(tmp_path):
    path = tmp_path / "days.csv"
    table().to_csv(path, index=False)
    lines = inspection_lines(Config(data=options(path, observed=()), net=LSTM()))
    kinds = {line.split()[0]: line.split()[1] for line in lines[1:6]}
    assert kinds == {"y": "number", "day": "time", "heat": "number", "note": "text", "seen": "time"}


def test_an_index_that_pandas_wrote_is_no_other_number(tmp_path):
    frame = table().iloc[10:]
    frame.to_parquet(tmp_path / "days.parquet")
    frame.to_csv(tmp_path / "days.csv", index_label="Unnamed: 0")
    for name in ("days.parquet", "days.csv"):
        path = tmp_path / name
        read = [column.name for column in load_series(options(path, observed=None)).encoder.columns]
        assert read == ["y", "heat"], name
        lines = inspection_lines(Config(data=options(path, observed=()), net=LSTM()))
        assert any(line.lstrip().startswith("--config.data.observed=heat,note") for line in lines)


def test_a_run_that_began_with_an_index_goes_on_with_it(tmp_path):
    path = tmp_path / "days.csv"
    table().to_csv(path, index_label="Unnamed: 0")
    config = Config(data=options(path, observed=None), net=LSTM())
    for observed, wanted in ((("Unnamed: 0", "heat"), ("Unnamed: 0", "heat")), (("heat",), None)):
        begun = load_series(options(path, observed=observed))
        (tmp_path / "encoder.json").write_text(json.dumps(begun.encoder.to_json()))
        found = as_begun(config, tmp_path).data
        assert isinstance(found, Series) and found.observed == wanted
        assert load_series(found).fingerprint == begun.fingerprint
