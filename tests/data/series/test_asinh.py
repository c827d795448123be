"""Columns of series read as asinh: what is fitted for them, and where a rule takes them so."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from series_tables import hours, options, write
from small_nets import applied

import nets
from nets.series_scales import SeriesScales
from train import config as configs
from train.config import LSTM, Config, to_json
from train.data.resolve import loss_lines, resolve_config
from train.data.series.dataset import SeriesDataset
from train.data.series.load import load_series
from train.data.series.scales import NORMAL, robust_levels
from train.errors import UserError
from train.run.metadata import as_begun

LENGTH = 200
TRAINED = LENGTH - 24  # rows of each group, before those that validate and test
SIZES = {"small": 0.1, "large": 1e4}


def prices(sizes: dict[str, float], *, is_heavy: bool) -> pa.Table:
    """Hours of groups of these sizes: normal numbers, or every tenth of them far out."""
    random = np.random.default_rng(0)
    columns: dict[str, list] = {"when": [], "name": [], "load": []}
    for name, size in sizes.items():
        load = random.normal(size=LENGTH)
        load[::10] *= 30 if is_heavy else 1
        columns["when"] += hours(LENGTH)
        columns["name"] += [name] * LENGTH
        columns["load"] += (size * (5 + load)).tolist()
    return pa.table(columns)


def loaded(folder: Path, table: pa.Table, loss: str = "auto", **changes) -> SeriesDataset:
    path = write(table, folder)
    return load_series(options(path, group="name", **changes), loss=loss)


def of_training(table: pa.Table) -> np.ndarray:
    return np.array(table["load"]).reshape(-1, LENGTH)[:, :TRAINED]


def median_and_spread(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    median = np.median(values, axis=-1)
    return median, 1.4826 * np.median(np.abs(values - median[..., None]), axis=-1)


def test_each_group_has_median_and_median_distance_of_its_training_rows(tmp_path):
    table = prices(SIZES, is_heavy=True)
    dataset = loaded(tmp_path, table, asinh=("load",))
    (column,) = dataset.encoder.columns
    assert column.by_group and column.log == "asinh"
    train = of_training(table)
    median, spread = median_and_spread(train)
    fitted = dataset.statistics(dataset.splits["train"])["inputs"]
    np.testing.assert_allclose(fitted["group_center"][:, 0] * column.unit, median, rtol=1e-6)
    np.testing.assert_allclose(fitted["group_scale"][:, 0] * column.unit, spread, rtol=1e-5)
    z = np.arcsinh((train - median[:, None]) / spread[:, None])
    changes = spread * np.abs(z[:, 24:] - z[:, :-24]).mean(1)
    np.testing.assert_allclose(fitted["group_error"][:, 0] * column.unit, changes, rtol=1e-4)
    # No other row moves them.
    load = np.array(table["load"]).reshape(2, LENGTH).copy()
    load[:, TRAINED:] *= -1000
    spoilt_table = table.set_column(2, "load", pa.array(load.ravel()))
    spoilt = loaded(tmp_path, spoilt_table, asinh=("load",))
    assert spoilt.encoder == dataset.encoder
    again = spoilt.statistics(spoilt.splits["train"])["inputs"]
    for name, values in fitted.items():
        np.testing.assert_array_equal(values, again[name])


def test_groups_alike_share_both_and_gaps_count_for_nothing(tmp_path):
    table = prices({"a": 1.0, "b": 1.1}, is_heavy=True)
    load = np.array(table["load"])
    is_gap = np.arange(len(load)) % 7 == 2
    holed = table.set_column(2, "load", pa.array(load, mask=is_gap))
    dataset = loaded(tmp_path, holed, asinh=("load",))
    (column,) = dataset.encoder.columns
    assert not column.by_group
    known = of_training(table)[~is_gap.reshape(2, LENGTH)[:, :TRAINED]]
    median, spread = median_and_spread(known)
    fitted = dataset.statistics(dataset.splits["train"])["inputs"]
    found = fitted["center"][0] * column.unit + column.shift
    np.testing.assert_allclose(found, median, rtol=1e-6)
    np.testing.assert_allclose(fitted["scale"][0] * column.unit, spread, rtol=1e-5)


def test_the_network_takes_asinh_and_answers_in_units(tmp_path):
    table = prices(SIZES, is_heavy=True)
    dataset = loaded(tmp_path, table, asinh=("load",))
    network = nets.Forecaster(nets.LSTM(hidden=(2,)), 4, 1, scales=SeriesScales((0,), asinh=(0,)))
    windows = dataset.splits["train"]
    batch = dataset.take(dataset.arrays, windows)
    fitted = {"statistics": dataset.statistics(windows)}
    inputs = applied(network, fitted, batch.inputs, method="preprocess")
    target = applied(network, fitted, batch.target, method="preprocess_target")
    median, spread = median_and_spread(of_training(table))
    group = dataset.series[windows]
    rows = dataset.starts[windows][:, None] + 8 + np.arange(4)
    raw = np.array(table["load"])[rows]
    z = np.arcsinh((raw - median[group][:, None]) / spread[group][:, None])
    np.testing.assert_allclose(target["value"], z, atol=2e-5)
    level = inputs["level"][:, :, :1]
    outputs = {"value": z.astype(np.float32), "value.level": level}
    answers = applied(network, fitted, outputs, method="postprocess")
    np.testing.assert_allclose(dataset.encoder.to_units(answers)["value"], raw, rtol=1e-5)
    slope = spread[group][:, None] * np.cosh(z)
    unit = dataset.encoder.columns[0].unit
    np.testing.assert_allclose(answers["value.scale"] * unit, slope, rtol=1e-4)


def test_a_group_whose_values_mostly_repeat_is_scaled_by_its_deviation():
    values = np.array([2.0, 2, 2, 2, 12, 1, 2, 4])
    found = robust_levels(values, np.array([0, 0, 0, 0, 0, 2, 2, 2]), 3)
    np.testing.assert_allclose(found.mean, [2, np.nan, 2])
    np.testing.assert_allclose(found.deviation, [4, np.nan, NORMAL])


@pytest.mark.parametrize(
    ("is_heavy", "loss", "named", "wanted"),
    [
        (True, "auto", {}, ("load",)),
        (False, "auto", {}, ()),
        (True, "mse", {}, ()),
        (True, "auto", {"asinh": ()}, ()),
        (True, "auto", {"signed_log": ("load",)}, ()),
        (False, "mse", {"asinh": ("load",)}, ("load",)),
    ],
)
def test_auto_is_the_targets_where_outliers_reach_far_unless_a_loss_is_set(
    is_heavy, loss, named, wanted, tmp_path
):
    asked = {"asinh": "auto", **named}
    dataset = loaded(tmp_path, prices({"a": 1.0}, is_heavy=is_heavy), loss, **asked)
    assert dataset.encoder.asinh == wanted
    data = options(str(tmp_path / "series.csv"), group="name", **asked)
    config = Config(data=data, net=LSTM(), loss=loss)
    configs.validate(config)
    resolved = resolve_config(config, dataset)
    assert resolved.data.asinh == wanted
    assert configs.from_json(to_json(resolved)).data.asinh == wanted
    is_by_rule = wanted != () and asked["asinh"] == "auto"
    lines = [line for line in loss_lines(config, dataset) if "config.data.asinh" in line]
    assert len(lines) == is_by_rule
    if is_by_rule:
        assert resolved.loss == "mae"
        assert lines[0].startswith("config.data.asinh: auto reads 'load' as asinh of deviations")
        assert lines[0].endswith("config.data.asinh=() does not")


def test_a_run_goes_on_with_what_it_began_with(tmp_path):
    table = prices({"a": 1.0}, is_heavy=True)
    encoder = loaded(tmp_path, table, asinh="auto").encoder
    plain = loaded(tmp_path, table).encoder  # as of a run that began before there was a rule
    data = options(str(tmp_path / "series.csv"), group="name", asinh="auto")
    for begun, wanted in ((encoder, ("load",)), (plain, ())):
        (tmp_path / "encoder.json").write_text(json.dumps(begun.to_json()))
        assert as_begun(Config(data=data), tmp_path).data.asinh == wanted
    assert type(encoder).from_json(encoder.to_json()) == encoder


def test_what_asinh_does_not_go_with_is_told(tmp_path):
    data = options(str(tmp_path / "series.csv"), asinh=("load",))
    config = Config(data=data, net=LSTM(), loss="gaussian")
    with pytest.raises(UserError, match=r"config\.data\.asinh: 'load' is a target, whose density"):
        configs.validate(config)
    twice = replace(config, loss="auto", data=replace(data, log1p=("load",)))
    with pytest.raises(UserError, match=r"config\.data\.(log1p|asinh): .*'load'"):
        configs.validate(twice)
    write(prices({"a": 1.0}, is_heavy=False), tmp_path)
    with pytest.raises(UserError, match=r"config\.data\.asinh: .* has no column 'price'"):
        load_series(replace(data, asinh=("price",)))
