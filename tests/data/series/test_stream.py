"""Series larger than memory: what the pass fits, against series in memory."""

from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from streamed_series import (
    HORIZON,
    a_series,
    epoch_of,
    in_memory,
    joined,
    make_series,
    options,
    small_pieces,
    write,
)

from train.data.series.dataset import SeriesDataset
from train.data.series.fills import own_columns
from train.data.series.load_stream import load_series_stream


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> str:
    return write(make_series(), tmp_path_factory.mktemp("stream") / "parts")


def in_order(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Windows sorted by what they hold."""
    n = len(arrays["weight"])
    keys = [np.nan_to_num(arrays[name], nan=-9).reshape(n, -1) for name in sorted(arrays)]
    order = np.lexsort(np.round(np.concatenate(keys, 1), 3).T[::-1])
    return {name: array[order] for name, array in arrays.items()}


KINDS: dict[str, dict[str, Any]] = {
    "one scale": {"scaling": "shared"},
    "scales of groups": {},
    "known ahead, observed, static": {
        "known": ("price",),
        "observed": ("heat",),
        "static": ("area", "kind"),
        "calendar": True,
    },
    "all other numbers": {"observed": None, "ignore": ("area",)},
    "asinh": {"asinh": ("load",)},
    "asinh by outliers": {"asinh": "auto"},
    "logarithms": {"signed_log": ("load",), "known": ("price",)},
    "rows count": {"frequency": "rows"},
    "irregular": {"frequency": "irregular", "calendar": True},
    "two targets, a stride": {"target": ("load", "heat"), "stride": 3, "rows": 70},
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_that_fits_in_one_part_is_what_the_rows_in_memory_are(
    path: str, kind: str
) -> None:
    """Encoder, statistics, the windows of an epoch, and those that are judged."""
    given = options(path, **KINDS[kind])
    dataset = load_series_stream(given, "auto")
    whole = in_memory(given)
    for own, truth in zip(dataset.encoder.columns, whole.encoder.columns, strict=True):
        assert own.deviation == pytest.approx(truth.deviation, rel=1e-6)
        assert replace(own, deviation=truth.deviation) == truth
    assert replace(dataset.encoder, columns=whole.encoder.columns) == whole.encoder
    assert dataset.n_train == whole.n_train == len(dataset.splits["train"])
    found = dataset.statistics(dataset.splits["train"])["inputs"]
    fitted = whole.statistics(whole.splits["train"])["inputs"]
    assert found.keys() == fitted.keys()
    for name, array in fitted.items():
        np.testing.assert_allclose(found[name], array, rtol=1.2e-7, atol=1e-12, err_msg=name)
    own = in_order(joined(epoch_of(dataset)))
    batch = whole.take(whole.arrays, whole.splits["train"])
    weight_n = whole.weight[whole.splits["train"]]
    truth = in_order(joined([batch._replace(weight=weight_n)]))
    assert own.keys() == truth.keys()
    for name, array in truth.items():
        np.testing.assert_array_equal(own[name], array, err_msg=name)
    assert dataset.stream.weight_sum == pytest.approx(float(weight_n.sum(dtype=np.float64)))
    for split in ("train", "valid", "test"):
        for name, array in joined([whole.take(whole.arrays, whole.splits[split])]).items():
            judged = joined([dataset.take(dataset.arrays, dataset.splits[split])])
            np.testing.assert_array_equal(judged[name], array)


@pytest.mark.parametrize("kind", ["one scale", "known ahead, observed, static", "irregular"])
def test_a_small_sample_leaves_exact_what_is_counted(path: str, monkeypatch, kind: str) -> None:
    given = options(path, **KINDS[kind], shuffle_window=64)
    whole = in_memory(given)
    small_pieces(monkeypatch)
    dataset = load_series_stream(given, "auto")
    assert len(dataset.flat.sizes) == 3
    assert len(dataset.stream.counts) > 6
    assert dataset.encoder.groups == whole.encoder.groups
    assert dataset.encoder.marked == whole.encoder.marked
    assert dataset.encoder.time == whole.encoder.time
    np.testing.assert_allclose(raw_fills(dataset), raw_fills(whole), rtol=1e-5)
    assert dataset.n_train == whole.n_train > len(dataset.splits["train"])
    found = raw_levels(dataset)
    for name, (center, scale) in raw_levels(whole).items():
        np.testing.assert_allclose(found[name][0], center, rtol=1e-5, atol=1e-5, err_msg=name)
        np.testing.assert_allclose(found[name][1], scale, rtol=1e-5, err_msg=name)
    own = in_order(raw_windows(dataset, joined(epoch_of(dataset))))
    batch = whole.take(whole.arrays, whole.splits["train"])
    batch = batch._replace(weight=whole.weight[whole.splits["train"]])
    truth = in_order(raw_windows(whole, joined([batch])))
    for name, array in truth.items():
        np.testing.assert_allclose(own[name], array, rtol=1e-5, atol=1e-4, err_msg=name)


def test_a_run_from_before_goes_on_where_no_value_is_missing(tmp_path):
    """Its fingerprint says nothing of the medians that its folder has not."""
    hour = datetime.timedelta(hours=1)
    tables = {f"g{i}": a_series(f"g{i}", 60, i, step=hour) for i in range(3)}
    whole = load_series_stream(options(write(tables, tmp_path / "whole")), "auto")
    load = [None, *tables["g1"]["load"].to_pylist()[1:]]
    tables["g1"] = tables["g1"].set_column(2, "load", pa.array(load, pa.float64()))
    gaps = load_series_stream(options(write(tables, tmp_path / "gaps")), "auto")
    for dataset, is_same in ((whole, True), (gaps, False)):
        assert dataset.encoder.fills
        before = replace(dataset, encoder=replace(dataset.encoder, fills=()))
        assert (before.fingerprint == dataset.fingerprint) == is_same


def raw_fills(dataset: SeriesDataset) -> np.ndarray:
    """What stands before the first value of each group, in raw units."""
    columns = dataset.encoder.columns
    units = [columns[i].unit for i in own_columns(columns)]
    return np.array(dataset.encoder.fills) * units


def raw_levels(dataset: SeriesDataset) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """{statistic of a column: centers and scales, in raw units}."""
    fitted = dataset.statistics(dataset.splits["train"])["inputs"]
    levels = {}
    for column, place in zip(dataset.encoder.columns, dataset.encoder.places, strict=True):
        tables = {"": ("center", "scale"), " of groups": ("group_center", "group_scale")}
        for of, (center, scale) in tables.items():
            if center in fitted:
                own_center = fitted[center][..., place].astype(np.float64) * column.unit
                own_scale = fitted[scale][..., place].astype(np.float64) * column.unit
                levels[column.name + of] = (own_center + column.shift, own_scale)
    unit = np.array([column.unit for column in dataset.encoder.targets])
    if "group_error" in fitted:
        levels["errors"] = (fitted["group_error"] * unit, fitted["error_ratio"])
    return levels


def raw_windows(dataset: SeriesDataset, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Windows in raw units, float64: encoders of other samples have other units."""
    raw = {name: array.astype(np.float64) for name, array in arrays.items()}
    n_columns = dataset.encoder.n_columns
    shift_c = np.zeros(n_columns)
    unit_c = np.ones(n_columns)
    for column, place in zip(dataset.encoder.columns, dataset.encoder.places, strict=True):
        shift_c[place] = column.shift
        unit_c[place] = column.unit
    for name in ("past", "future"):
        if name in raw:
            width = raw[name].shape[-1]
            raw[name] = raw[name] * unit_c[-width:] + shift_c[-width:]
    n_targets = dataset.encoder.n_targets
    own = np.tile(unit_c[:n_targets], HORIZON), np.tile(shift_c[:n_targets], HORIZON)
    raw["target value"] = raw["target value"] * own[0] + own[1]
    return raw


def odd_stamps(name: str, n: int, seed: int) -> pa.Table:
    """A series that keeps to no step."""
    minutes = np.cumsum(np.random.default_rng(seed).integers(1, 5000, n))
    when = np.datetime64("2024-01-01", "us") + minutes * np.timedelta64(1, "m")
    table = a_series(name, n, seed, step=datetime.timedelta(hours=1))
    return table.set_column(1, "when", pa.array(when))


def test_steps_of_groups_are_those_that_are_found_in_memory(tmp_path: Path, monkeypatch) -> None:
    """Fewer series are hourly, of more rows; some keep to no step, in blocks of their own."""
    day = datetime.timedelta(days=1)
    tables = {"long": a_series("long", 400, 1, step=day / 24)}
    for i in range(4):
        tables[f"day{i}"] = a_series(f"day{i}", 60 + i, i, step=day)
        tables[f"odd{i}"] = odd_stamps(f"odd{i}", 70 + i, i)
    names = ["day0", "day1", "odd0", "odd1", "odd2", "long", "day2", "odd3", "day3"]
    tables = {name: tables[name] for name in names}
    small_pieces(monkeypatch)
    for part in (names, ["odd0", "odd1", "odd2", "odd3"]):
        own = {name: tables[name] for name in part}
        path = write(own, tmp_path / f"of{len(part)}", files=1)
        given = options(path, scaling="group")
        dataset = load_series_stream(given, "auto")
        whole = in_memory(given)
        assert dataset.encoder.time == whole.encoder.time
        assert dataset.encoder.season == whole.encoder.season
        assert dataset.n_train == whole.n_train
        np.testing.assert_allclose(
            raw_levels(dataset)["errors"][0], raw_levels(whole)["errors"][0], rtol=1e-5
        )
    assert whole.encoder.time is not None and whole.encoder.time.counts == "rows"


def test_nothing_is_fitted_on_rows_that_judge(path: str, tmp_path: Path, monkeypatch) -> None:
    """Their values are others; neither what is learned before training nor any window changes."""
    small_pieces(monkeypatch)
    kind = {"known": ("price",), "observed": ("heat",), "shuffle_window": 64}
    one = load_series_stream(options(path, **kind), "auto")
    spoiled = {}
    for name, table in make_series().items():
        n_trained = table.num_rows - 24
        for column in ("load", "price", "heat"):
            place = table.column_names.index(column)
            values = table[column].to_numpy().copy()
            values[n_trained:] = 1e6 - 3 * values[n_trained:]
            table = table.set_column(place, column, pa.array(values, from_pandas=True))
        spoiled[name] = table
    other = load_series_stream(options(write(spoiled, tmp_path / "rows"), **kind), "auto")
    assert one.encoder == other.encoder
    fitted = [d.statistics(d.splits["train"])["inputs"] for d in (one, other)]
    for name, array in fitted[0].items():
        np.testing.assert_array_equal(fitted[1][name], array)
    found = joined(epoch_of(other))
    for name, array in joined(epoch_of(one)).items():
        np.testing.assert_array_equal(found[name], array)
    judged = [d.take(d.arrays, d.splits["valid"]).target["value"] for d in (one, other)]
    assert np.nanmax(judged[1]) > 10 * np.nanmax(judged[0])
