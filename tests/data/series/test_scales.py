"""Scales of groups: found in training rows, said, applied by the network. Truth is numpy's."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from series_tables import hours, options, write
from small_nets import applied

import nets
from nets.series_levels import own_levels
from nets.series_scales import SeriesScales
from train.config import Config
from train.data.series.columns import SeriesColumn
from train.data.series.load import load_series
from train.data.series.load_windows import load_windows
from train.data.series.scales import (
    Levels,
    group_errors,
    how_far_apart,
    level_tables,
    levels_at,
    may_be_by_group,
    mean_changes,
)
from train.data.series.statistics import with_new_groups
from train.errors import UserError
from train.run.metadata import as_begun

SIZES = {"small": 0.1, "middle": 10.0, "large": 1e6}
LENGTH = 60


def groups_table(sizes: dict[str, float], n: int = LENGTH) -> pa.Table:
    """Hours of groups, each of its own size, with a visitor count of one size in all."""
    random = np.random.default_rng(0)
    columns: dict[str, list] = {"when": [], "name": [], "load": [], "heat": []}
    for name, size in sizes.items():
        day = np.sin(np.arange(n) * 2 * np.pi / 24)
        columns["when"] += hours(n)
        columns["name"] += [name] * n
        columns["load"] += (size * (3 + day + 0.1 * random.normal(size=n))).tolist()
        columns["heat"] += (20 + random.normal(size=n)).tolist()
    return pa.table(columns)


def loaded(tmp_path, sizes=SIZES, **changes):
    path = write(groups_table(sizes), tmp_path)
    return load_series(options(path, group="name", observed=("heat",), **changes))


def scaled(dataset, network, windows) -> dict:
    """The windows as the network takes them."""
    batch = dataset.take(dataset.arrays, windows)
    statistics = {"statistics": dataset.statistics(dataset.splits["train"])}
    inputs = applied(network, statistics, batch.inputs, method="preprocess")
    target = applied(network, statistics, batch.target, method="preprocess_target")
    return {**inputs, **target}


def network_of(dataset, **fields) -> nets.Forecaster:
    encoder = dataset.encoder
    return nets.Forecaster(nets.LSTM(hidden=(2,)), encoder.horizon, encoder.n_targets, **fields)


def test_groups_of_other_sizes_have_scales_of_their_own(tmp_path):
    dataset = loaded(tmp_path)
    by_group = [column.by_group for column in dataset.encoder.columns]
    assert by_group == [True, False]
    (line,) = [note for note in dataset.notes if "config.data.scaling" in note]
    assert "each group has its own mean and deviation in 'load'" in line
    table = groups_table(SIZES)
    train = np.array(table["load"]).reshape(3, LENGTH)[:, : LENGTH - 24]
    unit = dataset.encoder.columns[0].unit
    fitted = dataset.statistics(dataset.splits["train"])["inputs"]
    # Groups stand in the order of their names in the file.
    np.testing.assert_allclose(fitted["group_center"][:, 0] * unit, train.mean(1), rtol=1e-6)
    np.testing.assert_allclose(fitted["group_scale"][:, 0] * unit, train.std(1), rtol=1e-6)
    day = np.abs(train[:, 24:] - train[:, :-24]).mean(1)
    np.testing.assert_allclose(fitted["group_error"][:, 0] * unit, day, rtol=1e-6)
    np.testing.assert_allclose(fitted["error_ratio"], [np.median(day / train.std(1))], rtol=1e-6)
    network = network_of(dataset, scales=SeriesScales(by_group=(0,)))
    windows = dataset.splits["train"]
    found = scaled(dataset, network, windows)
    flat_row = dataset.starts[windows][:, None] + np.arange(8)
    raw = np.array(table["load"])[flat_row]
    group = dataset.series[windows]
    wanted = (raw - train.mean(1)[group][:, None]) / train.std(1)[group][:, None]
    np.testing.assert_allclose(found["past"][:, :, 0], wanted, atol=2e-5)
    answers = applied(
        network,
        {"statistics": dataset.statistics(windows)},
        {"value": found["value"], "value.level": found["level"][:, :, :1]},
        method="postprocess",
    )
    target = np.array(table["load"])[dataset.starts[windows][:, None] + 8 + np.arange(4)]
    np.testing.assert_allclose(dataset.encoder.to_units(answers)["value"], target, rtol=1e-6)
    np.testing.assert_allclose(answers["value.scale"][:, 0] * unit, train.std(1)[group], rtol=1e-6)


def test_groups_alike_share_a_scale_unless_asked(tmp_path):
    alike = {"a": 1.0, "b": 1.2}
    dataset = loaded(tmp_path, alike)
    assert not any(column.by_group for column in dataset.encoder.columns)
    assert "group_center" not in dataset.statistics(dataset.splits["train"])["inputs"]
    assert any("all groups share a scale" in note for note in dataset.notes)
    asked = loaded(tmp_path, alike, scaling="group")
    assert all(column.by_group for column in asked.encoder.columns)
    shared = loaded(tmp_path, scaling="shared")
    assert not any(column.by_group for column in shared.encoder.columns)


def test_only_training_rows_decide_the_scales(tmp_path):
    whole = loaded(tmp_path)
    table = groups_table(SIZES)
    load = np.array(table["load"].to_pylist())
    load.reshape(3, LENGTH)[:, LENGTH - 24 :] *= 1000
    path = write(table.set_column(2, "load", pa.array(load)), tmp_path)
    spoilt = load_series(options(path, group="name", observed=("heat",)))
    assert spoilt.encoder == whole.encoder
    for name, values in whole.statistics(whole.splits["train"])["inputs"].items():
        again = spoilt.statistics(spoilt.splits["train"])["inputs"][name]
        np.testing.assert_array_equal(values, again)


def test_a_group_that_training_did_not_see_is_scaled_by_its_window(tmp_path):
    dataset = loaded(tmp_path)
    network = network_of(dataset, scales=SeriesScales(by_group=(0,)))
    statistics = {"statistics": dataset.statistics(dataset.splits["train"])}
    new = groups_table({"new": 1e-3}, 20)
    said = []
    future = dataset.encoder.future(new, "data", said)
    np.testing.assert_array_equal(future.inputs["series"], [-1])
    assert "at the scale of the 8 rows that the net looks back on" in " ".join(said)
    found = applied(network, statistics, future.inputs, method="preprocess")
    past = np.array(new["load"])[-8:]
    np.testing.assert_allclose(found["past"][0, :, 0], (past - past.mean()) / past.std(), atol=1e-4)
    levels = own_levels(statistics["statistics"]["inputs"], {**found, **future.inputs}, 1)
    ratio = statistics["statistics"]["inputs"]["error_ratio"]
    unit = dataset.encoder.columns[0].unit
    np.testing.assert_allclose(levels["value.error"] * unit, [past.std() * ratio], rtol=1e-4)
    windows = load_windows(dataset.encoder, new, "data")
    np.testing.assert_array_equal(windows.series, [-1] * len(windows.starts))
    # A series that never moves is measured by its own size.
    still = dict(future.inputs, past=np.full_like(future.inputs["past"], 4.0))
    level = applied(network, statistics, still, method="preprocess")["level"]
    np.testing.assert_allclose(level[0, :, 0], [4, 4])


def test_a_net_goes_on_with_new_groups(tmp_path):
    dataset = loaded(tmp_path)
    kept = dataset.statistics(dataset.splits["train"])
    path = write(groups_table({**SIZES, "new": 1e3}), tmp_path)
    more = load_series(options(path, group="name"), encoder=dataset.encoder)
    fitted = more.statistics(more.splits["train"])
    joined = with_new_groups(kept, fitted)["inputs"]["group_scale"]
    assert joined.shape[0] == 4
    np.testing.assert_array_equal(joined[:3], kept["inputs"]["group_scale"])
    np.testing.assert_array_equal(joined[3], fitted["inputs"]["group_scale"][3])


@pytest.mark.parametrize("log", ["log1p", "signed_log"])
def test_logarithms_there_and_back(tmp_path, log):
    dataset = loaded(tmp_path, **{log: ("load",)})
    encoder = dataset.encoder
    assert (encoder.columns[0].shift, encoder.columns[0].unit) == (0, 1)
    network = network_of(dataset, scales=SeriesScales((0,), **{log: (0,)}))
    windows = dataset.splits["train"]
    found = scaled(dataset, network, windows)
    fitted = dataset.statistics(windows)
    inputs = {"value": found["value"], "value.level": found["level"][:, :, :1]}
    answers = applied(network, {"statistics": fitted}, inputs, method="postprocess")
    target = dataset.take(dataset.arrays, windows).target
    np.testing.assert_allclose(answers["value"], target["value"], rtol=2e-5)
    logs = np.log1p(np.array(groups_table(SIZES)["load"]).reshape(3, LENGTH)[:, : LENGTH - 24])
    np.testing.assert_allclose(fitted["inputs"]["group_scale"][:, 0], logs.std(1), rtol=1e-5)
    scale = logs.std(1)[dataset.series[windows]][:, None] * (1 + target["value"])
    np.testing.assert_allclose(answers["value.scale"], scale, rtol=1e-4)


def test_what_has_no_logarithm_is_told(tmp_path):
    negative = {"a": -1.0, "b": -2.0}
    with pytest.raises(UserError, match=r"name the column in config\.data\.signed_log instead"):
        loaded(tmp_path, negative, log1p=("load",))
    with pytest.raises(UserError, match=r"config\.data\.log1p: 'price' is not read as a number"):
        write(pa.table({"when": hours(9), "load": range(9), "price": range(9)}), tmp_path)
        load_series(options(str(tmp_path / "series.csv"), log1p=("price",)))


def test_groups_that_hardly_move_are_told(tmp_path):
    table = groups_table({"a": 1.0, "b": 1e6})
    load = np.array(table["load"].to_pylist())
    load[:LENGTH] += 1e7
    path = write(table.set_column(2, "load", pa.array(load)), tmp_path)
    dataset = load_series(options(path, group="name"))
    assert any(
        "1 group moves by less than 1e-05 of its size, which single precision rounds, such as 'a'"
        in note
        for note in dataset.notes
    )


def test_errors_of_groups_that_hardly_change_are_those_usual_of_others():
    nan = np.nan
    changes = np.array([[nan], [2.0], [4.0], [nan], [0.0], [0.0], [nan], [nan], [30.0]])
    group = np.array([0, 0, 0, 1, 1, 1, 2, 2, -1])
    errors = group_errors(mean_changes(changes, group, 3), np.array([[6.0], [8.0], [10.0]]))
    np.testing.assert_allclose(errors.ratio, [0.5])
    np.testing.assert_allclose(errors.of_group, [[3.0], [4.0], [5.0]])
    changes[4:6] = 1e-3
    group_1 = group_errors(mean_changes(changes, group, 3), np.array([[6.0], [8.0], [10.0]]))
    ratio = np.median([0.5, 1e-3 / 8])
    np.testing.assert_allclose(group_1.of_group[1], [0.1 * ratio * 8])


def test_a_run_that_began_with_one_scale_for_all_goes_on_so(tmp_path):
    dataset = loaded(tmp_path)
    config = Config(data=options(str(tmp_path / "series.csv"), group="name"))
    for scaling, columns in (("auto", dataset.encoder.columns), ("shared", ())):
        encoder = replace(dataset.encoder, columns=columns)
        (tmp_path / "encoder.json").write_text(json.dumps(encoder.to_json()))
        assert as_begun(config, tmp_path).data.scaling == scaling


def test_groups_lie_apart_by_deviations_or_means_but_not_for_an_odd_one():
    swing = np.array([-1.0, 1.0])
    values = np.concatenate([swing, swing + 100])
    apart = how_far_apart(values, np.array([0, 0, 1, 1]))
    assert apart.is_far and apart.factor == 1 and apart.levels == pytest.approx(90)
    assert how_far_apart(np.concatenate([swing, 4 * swing]), np.array([0, 0, 1, 1])).is_far
    odd = np.tile(swing, 101)
    odd[:2] *= 1e6
    assert not how_far_apart(odd, np.arange(101).repeat(2)).is_far


def test_flags_have_no_scales_of_groups():
    column = SeriesColumn("flag", 0.0, 1.0, 0.0, 1.0)
    flags = np.tile([0.0, 1.0], 600)
    assert not may_be_by_group(column, flags)
    assert may_be_by_group(column, np.append(flags, 2.0))


def test_groups_that_never_move_or_have_no_value_are_scaled_by_their_size_or_not_at_all():
    values = np.array([[1.0], [5.0], [7.0], [7.0], [0.0], [0.0]])
    group = np.array([0, 0, 1, 1, 2, 2])
    shared = Levels(np.zeros(1), np.ones(1))
    found = level_tables(levels_at(values, np.ones((6, 1), bool), group, 4, [0]), 4, shared)
    np.testing.assert_array_equal(found.mean[:, 0], [3, 7, 0, 0])
    np.testing.assert_array_equal(found.deviation[:, 0], [2, 7, 2, 0])


def test_a_group_without_training_rows_is_scaled_by_what_is_never_forecast(tmp_path):
    scales = []
    for factor in (1, 1000):
        tables = [groups_table({"a": 1.0, "b": 1e4})]
        late = groups_table({"late": 100.0}, 24)
        load = np.array(late["load"].to_pylist())
        load[8:] *= factor
        tables.append(late.set_column(2, "load", pa.array(load)))
        path = write(pa.concat_tables(tables), tmp_path)
        dataset = load_series(options(path, group="name", observed=("heat",)))
        fitted = dataset.statistics(dataset.splits["train"])["inputs"]
        unit = dataset.encoder.columns[0].unit
        scales.append(fitted["group_center"][2, 0] * unit)
        assert scales[-1] == pytest.approx(load[:8].mean(), rel=1e-5)
