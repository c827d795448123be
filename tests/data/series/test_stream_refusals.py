"""Series larger than memory: what is refused, and what is said of the rest."""

from __future__ import annotations

import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from streamed_series import (
    HORIZON,
    LOOKBACK,
    a_series,
    in_memory,
    make_series,
    options,
    small_pieces,
    write,
)

from train.data.series.load_stream import load_series_stream
from train.errors import UserError


def test_series_that_stand_apart_are_refused_with_both_places(tmp_path: Path) -> None:
    tables = make_series(4)
    tables["again"] = tables["g1"][:40]
    path = write(tables, tmp_path / "apart", files=2)
    with pytest.raises(UserError) as error:
        load_series_stream(options(path), "auto")
    assert str(error.value) == (
        f"{path}: rows of group 'g1' stand apart, from row 61 of {path}/0.parquet and row 82 of "
        f"{path}/1.parquet on; a stream reads whole series: sort by 'name' and time, each series "
        "in one file"
    )
    mixed = pa.concat_tables([tables["g0"][:20], tables["g2"], tables["g0"][20:]])
    path = write({"all": mixed}, tmp_path / "mixed", files=1)
    with pytest.raises(UserError, match=r"group 'g0' stand apart, from row 1 of .* and row 95 of"):
        load_series_stream(options(path), "auto")


def test_a_row_without_its_series_is_refused(tmp_path: Path) -> None:
    table = make_series(1)["g0"]
    names = pa.array([*["g0"] * 50, None, *["g0"] * 9], pa.string())
    path = write({"g0": table.set_column(0, "name", names)}, tmp_path / "rows", files=1)
    with pytest.raises(UserError, match="column 'name': row 1 has no value; every row needs"):
        load_series_stream(options(path), "auto")


def test_cells_that_no_training_row_may_hold_are_refused_wherever_they_are(
    tmp_path: Path, monkeypatch
) -> None:
    """A series that is not in memory holds a number that is no count, or has no logarithm."""
    small_pieces(monkeypatch)
    tables = make_series()
    names = load_series_stream(options(write(tables, tmp_path / "all")), "auto").flat.names
    assert names is not None
    chosen = next(name for name in tables if name not in names)
    for name, table in tables.items():
        counts = np.arange(table.num_rows) % 7.0
        if name == chosen:
            counts[5] = 2.5
        tables[name] = table.set_column(2, "load", pa.array(counts))
    path = write(tables, tmp_path / "counts")
    with pytest.raises(UserError, match=r"column 'load': 2.5 in row 6: config.loss=negative_bin"):
        load_series_stream(options(path, scaling="shared"), "negative_binomial")
    price = tables[chosen]["price"].to_numpy().copy()
    for name, table in tables.items():
        price = np.abs(table["price"].to_numpy())
        price[5] = -1 if name == chosen else price[5]
        tables[name] = table.set_column(3, "price", pa.array(price))
    path = write(tables, tmp_path / "logarithms")
    with pytest.raises(UserError, match=r"column 'price': -1 in a training row has no log"):
        load_series_stream(options(path, known=("price",), log1p=("price",)), "auto")


def test_what_is_streamed_left_out_and_judged_is_said(tmp_path: Path, monkeypatch) -> None:
    small_pieces(monkeypatch)
    tables = make_series()
    tables["short"] = a_series("short", LOOKBACK + HORIZON - 1, 1, step=datetime.timedelta(hours=1))
    blank = a_series("blank", 50, 1, step=datetime.timedelta(hours=1))
    tables["blank"] = blank.set_column(2, "load", pa.nulls(50, pa.float64()))
    path = write(tables, tmp_path / "rows", files=1)
    dataset = load_series_stream(options(path, shuffle_window=16), "auto")
    whole = in_memory(options(path))
    assert dataset.encoder.groups == whole.encoder.groups
    assert not {"short", "blank"} & set(dataset.encoder.groups)
    said = "\n".join(dataset.notes)
    assert f"{whole.n_train:,} training windows of 14 series are streamed from 1 file; in" in said
    n_valid = (len(dataset.splits["valid"]), len(whole.splits["valid"]))
    assert n_valid[0] < n_valid[1]
    assert f"{n_valid[0]} of {n_valid[1]} windows valid and " in said
    assert "1 of 14 series have no value of a target; left out" in said
    assert "1 of 14 series have fewer rows than a window; left out" in said
    assert whole.gaps is not None
    n_gaps = int(whole.gaps[:, 0].sum())
    assert f"column 'load': {n_gaps} of {len(whole.values):,} values of all series are" in said
    assert "config.data.shuffle_window: 16 windows are shuffled at once, of about" in said
