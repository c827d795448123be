"""Errors of forecasts without a unit, by hand: the figures of two short series are worked out."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from train.config import Config
from train.config.data_options import Series
from train.data.files.tables import in_memory
from train.data.series.load import load_series
from train.evaluation.kinds import score
from train.evaluation.metrics.scale_free import (
    by_name,
    by_step,
    by_window,
    cells_of,
    metrics_by,
)
from train.evaluation.metrics.seasonal_scales import Scales, seasonal_scales

# Of season 2: the changes before the last two values are |3-1|, |6-2|, |4-3|, |10-6| of the first
# series and 0 of the second, which has not moved.
FIRST = [1.0, 2.0, 3.0, 6.0, 4.0, 10.0, 8.0, 0.0]
SECOND = [5.0, 5.0, 5.0, 5.0, 5.0, 5.0, 4.0, 8.0]


def dataset(first: list[float | None], **changes):
    table = pa.table(
        {"name": ["a"] * 8 + ["b"] * 8, "y": [*first, *SECOND], "z": [*SECOND, *FIRST]}
    )
    base = {"target": "y", "group": "name", "lookback": 2, "horizon": 2, "valid": 0, "test": 2}
    config, read = in_memory(Config(data=Series(**base | {"season": 2} | changes)), table)
    return load_series(config.data, read)


def scores(data, raw_nho) -> dict[str, float]:
    encoder = data.encoder
    windows = data.splits["test"]
    units = np.tile([column.unit for column in encoder.targets], encoder.horizon)
    shift = np.tile([column.shift for column in encoder.targets], encoder.horizon)
    predicted = {"value": ((np.reshape(raw_nho, (len(windows), -1)) - shift) / units)}
    target = data.take(data.arrays, windows).target
    scales = seasonal_scales(data, windows)
    return score(encoder, predicted, target, np.ones(len(windows)), scales)


def test_the_errors_of_two_windows_are_those_worked_out_by_hand():
    found = scores(dataset(FIRST), [[[7.0], [2.0]], [[5.0], [6.0]]])
    # Errors 1, 2 and 1, 2 at values 8, 0 and 4, 8.
    assert found["mae"] == pytest.approx(1.5)
    assert found["mase"] == pytest.approx(1.5 / ((2 + 4 + 1 + 4) / 4))  # the second has none
    assert found["rmsse"] == pytest.approx(np.sqrt(2.5 / ((4 + 16 + 1 + 16) / 4)))
    assert found["smape"] == pytest.approx((2 / 15 + 2 + 2 / 9 + 4 / 14) / 4)
    assert found["mape"] == pytest.approx((1 / 8 + 1 / 4 + 2 / 8) / 3)  # none of a value of 0
    assert found["wape"] == pytest.approx(6 / 20)


def test_what_is_missing_counts_for_nothing():
    data = dataset([1.0, 2.0, None, 6.0, 4.0, 10.0, None, 1.0])
    found = scores(data, [[[100.0], [2.0]], [[4.0], [8.0]]])
    assert found["mae"] == pytest.approx(1 / 3)
    assert found["mase"] == pytest.approx(1 / ((4 + 4) / 2))
    assert found["rmsse"] == pytest.approx(1 / 4)
    assert found["smape"] == pytest.approx(2 / 3 / 3)
    assert found["wape"] == pytest.approx(1 / 13)


def test_a_series_shorter_than_its_season_is_judged_by_its_steps():
    data = dataset(FIRST, season=7)
    scales = seasonal_scales(data, data.splits["test"])
    np.testing.assert_allclose(scales.absolute[0], (1 + 1 + 3 + 2 + 6) / 5)
    np.testing.assert_allclose(scales.squared[0], (1 + 1 + 9 + 4 + 36) / 5)
    assert np.isnan(scales.absolute[1]).all()


def test_several_targets_have_their_own_and_a_mean_of_what_has_no_unit():
    data = dataset(FIRST, target=("y", "z"))
    found = scores(data, np.full((2, 2, 2), 5.0))
    for name in ("mase", "rmsse", "smape", "mape", "wape"):
        assert found[name] == pytest.approx((found[f"y.{name}"] + found[f"z.{name}"]) / 2)
    assert "mae" not in found
    assert found["y.wape"] == pytest.approx((3 + 5 + 1 + 3) / 20)
    undefined = {"mase": np.array([[1.0, np.nan], [np.nan, np.nan], [1.0, 2.0]])}
    np.testing.assert_array_equal(by_name(undefined, ["y", "z"])["mase"], [1, np.nan, 1.5])


def test_scores_by_key_and_by_step_are_those_of_the_windows_alone():
    random = np.random.default_rng(0)
    predicted = random.normal(size=(6, 3, 2))
    target = random.normal(size=(6, 3, 2))
    target[0, 1, 0] = target[4, :, 1] = np.nan
    scales = Scales(random.random((6, 2)), random.random((6, 2)))
    scales.absolute[2, 0] = scales.squared[2, 0] = np.nan  # a series that has not moved
    key = np.array([0, 2, 0, 2, 1, 0])
    cells = cells_of(predicted, target)
    by_key = metrics_by(by_window(cells, scales), key, 4)
    of_steps = metrics_by(by_step(cells, scales), np.arange(3), 3)
    for k in range(3):
        rows = key == k
        own = Scales(*(scale[rows] for scale in scales))
        alone = by_window(cells_of(predicted[rows], target[rows]), own)
        for name, values in metrics_by(alone, np.zeros(rows.sum(), int), 1).items():
            np.testing.assert_allclose(by_key[name][k], values[0], err_msg=name)
        step = slice(k, k + 1)
        alone = by_window(cells_of(predicted[:, step], target[:, step]), scales)
        for name, values in metrics_by(alone, np.zeros(6, int), 1).items():
            np.testing.assert_allclose(of_steps[name][k], values[0], err_msg=name)
    assert np.isnan(by_key["mae"][3]).all() and np.isnan(by_key["mae"][1, 1])
