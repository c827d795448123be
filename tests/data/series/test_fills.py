"""What stands for values missing at the start of a series whose group has a scale of its own."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from train.config.data_options import Series
from train.data.series.dataset import SeriesDataset
from train.data.series.encoder import SeriesEncoder
from train.data.series.fills import group_fills
from train.data.series.load import load_series

N = 60
LEAD = 12
SIZES = {"a": 1.0, "b": 1000.0, "c": 1e-3}


def table() -> pd.DataFrame:
    """Three series of different sizes, whose first values are missing."""
    rng = np.random.default_rng(0)
    parts = []
    for name, size in SIZES.items():
        load = (10 + rng.normal(size=N)) * size
        load[:LEAD] = np.nan
        day = pd.date_range("2024-01-01", periods=N)
        parts.append(pd.DataFrame({"name": name, "day": day, "load": load}))
    return pd.concat(parts, ignore_index=True)


def load(path, frame: pd.DataFrame, **more) -> SeriesDataset:
    frame.to_csv(path, index=False)
    options = Series(path=str(path), target="load", time="day", group="name", **more)
    return load_series(dataclasses.replace(options, lookback=4, horizon=2, valid=10, test=10))


@pytest.fixture
def dataset(tmp_path) -> SeriesDataset:
    return load(tmp_path / "days.csv", table())


def in_units(dataset: SeriesDataset, values: np.ndarray) -> np.ndarray:
    [column] = dataset.encoder.targets
    return values * column.unit + column.shift


def test_the_training_median_of_the_group_stands_at_its_start(dataset):
    frame = table()
    values = in_units(dataset, dataset.values[:, 0])
    for place, name in enumerate(SIZES):
        own = frame[frame.name == name].load
        median = own.iloc[: N - 20].median()  # of pandas, over the rows that train
        begin = place * N
        assert_allclose(values[begin : begin + LEAD], median, rtol=1e-5)
        assert_allclose(values[begin + LEAD], own.iloc[LEAD], rtol=1e-5)
    assert any("by the training median of its group, with a mark" in n for n in dataset.notes)


def test_rows_that_judge_decide_nothing(dataset, tmp_path):
    spoilt = table()
    spoilt.loc[spoilt.groupby("name").cumcount() >= N - 20, "load"] *= 7
    assert load(tmp_path / "spoilt.csv", spoilt).encoder.fills == dataset.encoder.fills


def test_columns_that_groups_share_are_filled_as_ever(tmp_path):
    shared = load(tmp_path / "days.csv", table(), scaling="shared")
    frame = table()
    of_all = frame[frame.groupby("name").cumcount() < N - 20].load.median()
    values = in_units(shared, shared.values[:, 0])
    assert shared.encoder.fills == ()
    assert_allclose(values[:LEAD], of_all, rtol=1e-5)
    assert "fills" not in shared.encoder.to_json()


def test_a_saved_schema_knows_them_and_a_new_group_has_the_median_of_all(dataset):
    encoder = SeriesEncoder.from_json(dataset.encoder.to_json())
    assert encoder.fills == dataset.encoder.fills and len(encoder.fills) == 3
    flat = dataset.flat._replace(names=np.array(["b", "new", "a"], object))
    fills = in_units(dataset, encoder.fills_of(flat)[:, 0])
    [column] = encoder.targets
    own = in_units(dataset, np.array(encoder.fills)[:, 0])
    assert_allclose(fills, [own[1], column.median, own[0]], rtol=1e-5)


def test_new_groups_of_a_net_that_goes_on_have_their_own(dataset, tmp_path):
    more = table().replace({"name": {"c": "d"}})
    more.loc[more.name == "d", "load"] *= 1e7
    path = tmp_path / "more.csv"
    more.to_csv(path, index=False)
    options = Series(path=str(path), target="load", time="day", group="name", lookback=4)
    options = dataclasses.replace(options, horizon=2, valid=10, test=10)
    encoder = load_series(options, encoder=dataset.encoder).encoder
    assert encoder.groups == ("a", "b", "c", "d")
    assert encoder.fills[:3] == dataset.encoder.fills
    of_new = in_units(dataset, np.array(encoder.fills[3]))[0]
    assert of_new == pytest.approx(more[more.name == "d"].load.iloc[: N - 20].median(), rel=1e-5)


def test_a_group_without_a_value_has_the_median_of_all(dataset):
    encoder = dataset.encoder
    values = np.full((len(dataset.flat.rows), 1), np.nan, np.float32)
    values[:N, 0] = np.arange(N)
    is_train = np.ones(len(values), bool)
    found = in_units(
        dataset, np.array(group_fills(values, encoder.columns, dataset.flat, is_train))
    )
    [column] = encoder.targets
    wanted = [in_units(dataset, np.array((N - 1) / 2)), column.median, column.median]
    assert_allclose(found[:, 0], wanted, rtol=1e-5)


def test_a_run_from_before_goes_on_where_no_value_is_missing_at_a_start(dataset, tmp_path):
    """Its folder has no fills, and its fingerprint says nothing of them."""
    whole = table().assign(load=lambda frame: frame.load.bfill())
    dense = load(tmp_path / "whole.csv", whole)
    for own, is_same in ((dense, True), (dataset, False)):
        without = dataclasses.replace(own.encoder, fills=())
        before = dataclasses.replace(own, encoder=without)
        if own.gaps is not None:
            read = np.where(own.gaps, np.nan, own.values[:, :1])
            before = dataclasses.replace(before, values=without.complete(read, own.flat))
        assert (before.fingerprint == own.fingerprint) == is_same
