"""Metrics and baselines of forecasts against those made by hand, with gaps and without."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest
import sklearn.metrics
from series_tables import shops
from sklearn.linear_model import Ridge

from train.config import Series
from train.data.series.dataset import SeriesDataset
from train.data.series.load import load_series
from train.evaluation.baselines import forecasts as forecast_baselines
from train.evaluation.baselines.forecasts import ForecastBaselines, _solve_ridge
from train.evaluation.metrics import forecasts as forecast

HOURS = 700
LOOKBACK = 48
HORIZON = 12
HELD = 120


def load_targets(table: pa.Table, folder: Path) -> SeriesDataset:
    """Two targets of a table of shops, through a file."""
    pa.csv.write_csv(table, folder / "shops.csv")
    data = Series(
        path=str(folder / "shops.csv"),
        target=("sales", "visits"),
        time="when",
        group="shop",
        lookback=LOOKBACK,
        horizon=HORIZON,
        valid=HELD,
        test=HELD,
    )
    return load_series(data)


@pytest.mark.parametrize("step", [1.0, 1e-3])
def test_small_moves_are_not_taken_for_none(step):
    """A ramp goes on, however little of the training rows' deviation a step is."""
    past_nl = step * np.tile(np.arange(-9.0, 1.0), (500, 1))
    future_nh = step * np.tile(np.arange(1.0, 4.0), (500, 1))
    kernel_lh = _solve_ridge((past_nl.T @ past_nl)[None], (past_nl.T @ future_nh)[None], [500])[0]
    np.testing.assert_allclose(past_nl[:1] @ kernel_lh, future_nh[:1], rtol=1e-3)


def two_targets(tmp_path: Path) -> SeriesDataset:
    return load_targets(shops(HOURS), tmp_path)


def test_metrics_are_those_of_scikit_learn_and_scaled_by_the_training_rows(tmp_path):
    dataset = two_targets(tmp_path)
    encoder = dataset.encoder
    targets = dataset.take(dataset.arrays, dataset.splits["test"]).target
    noise = np.random.default_rng(0).normal(size=targets["value"].shape).astype(np.float32)
    answers = {"value": targets["value"] + noise}
    scores = forecast.forecast_metrics(encoder, answers, targets)
    truth = encoder.decode(targets)
    said = encoder.decode(answers)
    n_train = 2 * (HOURS - 2 * HELD)
    scaled = {"mse": [], "mae": []}
    for name in ("sales", "visits"):
        pair = truth[name].ravel(), said[name].ravel()
        deviation = shops(HOURS)[name].to_numpy()[:n_train].std()
        mse = sklearn.metrics.mean_squared_error(*pair)
        mae = sklearn.metrics.mean_absolute_error(*pair)
        assert scores[f"{name}.rmse"] == pytest.approx(mse**0.5)
        assert scores[f"{name}.mae"] == pytest.approx(mae)
        assert scores[f"{name}.r2"] == pytest.approx(sklearn.metrics.r2_score(*pair))
        assert scores[f"{name}.mse_scaled"] == pytest.approx(mse / deviation**2)
        scaled["mse"].append(mse / deviation**2)
        scaled["mae"].append(mae / deviation)
    assert scores["mse_scaled"] == pytest.approx(np.mean(scaled["mse"]))
    assert scores["mae_scaled"] == pytest.approx(np.mean(scaled["mae"]))
    third = forecast.step_metrics(encoder, answers, targets)["visits.rmse"][2]
    assert third == pytest.approx(np.sqrt(np.square(said["visits"] - truth["visits"])[:, 2].mean()))


def test_baselines_repeat_the_last_value_and_the_last_season(tmp_path):
    dataset = two_targets(tmp_path)
    long = dataclasses.replace(dataset, encoder=dataclasses.replace(dataset.encoder, season=5))
    windows = dataset.splits["test"][[0, 40, -1]]
    encoded = ForecastBaselines(windows).predictions(long, windows)
    answers = {name: long.encoder.decode(values) for name, values in encoded.items()}
    raw = shops(HOURS).to_pandas().sort_values("shop", kind="stable")["visits"].to_numpy()
    for i, start in enumerate(dataset.starts[windows]):
        now = start + LOOKBACK
        np.testing.assert_allclose(
            answers["last"]["visits"][i], np.full(HORIZON, raw[now - 1]), rtol=1e-5
        )
        season = [raw[now - 5 + h % 5] for h in range(HORIZON)]
        np.testing.assert_allclose(answers["seasonal"]["visits"][i], season, rtol=1e-5)


def test_the_linear_baseline_is_fitted_once_to_training_windows(tmp_path, monkeypatch):
    dataset = two_targets(tmp_path)
    beside = ForecastBaselines()
    found = {part: beside.predictions(dataset, dataset.splits[part]) for part in ("valid", "test")}
    monkeypatch.setattr(forecast_baselines, "fit_linear", lambda *_: pytest.fail("fitted again"))
    again = beside.predictions(dataset, dataset.splits["test"])
    monkeypatch.undo()
    for part, answers in (("valid", found["valid"]), ("test", found["test"]), ("test", again)):
        alone = ForecastBaselines(dataset.splits["train"])
        truth = alone.predictions(dataset, dataset.splits[part])
        np.testing.assert_array_equal(answers["linear"]["value"], truth["linear"]["value"])


def test_a_season_longer_than_its_series_is_the_last_value(tmp_path):
    dataset = two_targets(tmp_path)
    long = dataclasses.replace(dataset, encoder=dataclasses.replace(dataset.encoder, season=10_000))
    answers = ForecastBaselines(dataset.splits["test"]).predictions(long, dataset.splits["test"])
    np.testing.assert_array_equal(answers["seasonal"]["value"], answers["last"]["value"])


def test_the_linear_baseline_is_ridge_on_what_is_left_of_the_last_value(tmp_path):
    dataset = two_targets(tmp_path)
    train = dataset.splits["train"]
    test = dataset.splits["test"]
    answers = dataset.encoder.decode(ForecastBaselines(train).predictions(dataset, test)["linear"])
    raw = shops(HOURS).to_pandas().sort_values("shop", kind="stable")["visits"].to_numpy()
    deviation = dataset.encoder.columns[1].deviation
    x, y = (
        [raw[s + a : s + b] for s in dataset.starts]
        for a, b in ((0, LOOKBACK), (LOOKBACK, LOOKBACK + HORIZON))
    )
    x = np.array(x) / deviation
    y = np.array(y) / deviation
    last = x[:, -1:]
    strength = np.square((x - last)[train]).mean()
    model = Ridge(strength, fit_intercept=False).fit((x - last)[train], (y - last)[train])
    expected = (model.predict((x - last)[test]) + last[test]) * deviation
    np.testing.assert_allclose(answers["visits"], expected, rtol=1e-4, atol=1e-4)


def gappy_targets(tmp_path: Path) -> tuple[SeriesDataset, dict[str, np.ndarray]]:
    """Two targets of which a tenth is missing, and the truth of each, nan where it is [t]."""
    random = np.random.default_rng(4)
    table = shops(HOURS)
    raw = {}
    for name in ("sales", "visits"):
        mask = random.random(2 * HOURS) < 0.1
        column = pa.array(table[name].to_numpy(), mask=mask)
        table = table.set_column(table.column_names.index(name), name, column)
        in_order = np.argsort(table["shop"].to_numpy(), kind="stable")
        raw[name] = np.where(mask, np.nan, table[name].to_numpy())[in_order]
    return load_targets(table, tmp_path), raw


def test_metrics_and_baselines_with_gaps_are_those_of_known_values(tmp_path):
    dataset, raw = gappy_targets(tmp_path)
    dataset = dataclasses.replace(dataset, encoder=dataclasses.replace(dataset.encoder, season=5))
    encoder = dataset.encoder
    train = dataset.splits["train"][::3]
    test = dataset.splits["test"]
    targets = dataset.take(dataset.arrays, test).target
    answers = ForecastBaselines(train).predictions(dataset, test)
    rows = dataset.starts[test][:, None] + LOOKBACK + np.arange(HORIZON)
    for name, truth_t in raw.items():
        truth = truth_t[rows]
        known = ~np.isnan(truth)
        assert 0.05 < 1 - known.mean() < 0.15
        for baseline, predicted in answers.items():
            said = encoder.decode(predicted)[name]
            scores = forecast.forecast_metrics(encoder, predicted, targets)
            by_step = forecast.step_metrics(encoder, predicted, targets)
            error = (said - truth)[known]
            assert scores[f"{name}.mse"] == pytest.approx(np.square(error).mean(), rel=1e-5)
            r2 = sklearn.metrics.r2_score(truth[known], said[known])
            assert scores[f"{name}.r2"] == pytest.approx(r2, rel=1e-5), baseline
            third = np.nanmean(np.square(said - truth)[:, 2]) ** 0.5
            assert by_step[f"{name}.rmse"][2] == pytest.approx(third, rel=1e-5)
            # A target without any known value has no part in what is said of all.
            lacks = targets["value"].reshape(len(test), HORIZON, -1).copy()
            lacks[:, :, 1 - list(raw).index(name)] = np.nan
            alone = {"value": lacks.reshape(len(test), -1)}
            scores = forecast.forecast_metrics(encoder, predicted, alone)
            assert scores["mse_scaled"] == scores[f"{name}.mse_scaled"]
        last = encoder.decode(answers["last"])[name]
        seasonal = encoder.decode(answers["seasonal"])[name]
        for i, start in enumerate(dataset.starts[test]):
            past = truth_t[: start + LOOKBACK]
            wanted = past[~np.isnan(past)][-1]
            np.testing.assert_allclose(last[i], wanted, rtol=1e-5)
            for h in range(HORIZON):
                seasons = past[len(past) - 5 + h % 5 :: -5]
                np.testing.assert_allclose(
                    seasonal[i, h], seasons[~np.isnan(seasons)][0], rtol=1e-5
                )


def test_the_linear_baseline_is_fitted_to_known_values(tmp_path):
    dataset, raw = gappy_targets(tmp_path)
    train = dataset.splits["train"][::3]
    test = dataset.splits["test"][::5]
    answers = dataset.encoder.decode(ForecastBaselines(train).predictions(dataset, test)["linear"])
    column = dataset.encoder.columns[1]
    filled = dataset.values[:, 1].astype(np.float64) * column.unit + column.shift
    past, future = (
        np.array([array[s + a : s + b] for s in dataset.starts]) / column.deviation
        for array, a, b in (
            (filled, 0, LOOKBACK),
            (raw["visits"], LOOKBACK, LOOKBACK + HORIZON),
        )
    )
    last = past[:, -1]
    for h in (0, 7):
        rows = train[~np.isnan(future[train, h])]
        assert len(rows) < len(train)
        strength = np.square((past - last[:, None])[rows]).mean()
        model = Ridge(strength, fit_intercept=False)
        model.fit((past - last[:, None])[rows], (future[:, h] - last)[rows])
        wanted = (model.predict((past - last[:, None])[test]) + last[test]) * column.deviation
        np.testing.assert_allclose(answers["visits"][:, h], wanted, rtol=1e-4, atol=1e-4)
