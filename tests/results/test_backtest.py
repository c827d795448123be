"""Backtests of a stand-in for a net: scores, files and the search for leaks."""

from __future__ import annotations

import dataclasses
import sys
import types
from typing import cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from train import backtest as command
from train.config import Config, Population, Series, Table
from train.config.plan import Plan
from train.data.dataset import Head
from train.data.files.tables import in_memory
from train.data.series.encoder import SeriesEncoder
from train.data.series.load import load_series
from train.data.series.origins import find_origins
from train.errors import UserError
from train.evaluation.baselines.forecasts import fit_linear
from train.evaluation.metrics.probabilistic import probabilistic_metrics
from train.inference.predictor import Predictor
from train.results.backtest import answers, leaks
from train.results.backtest.answers import answer
from train.results.backtest.finish import finish_backtest, first_metric
from train.results.backtest.leaks import find_leaks
from train.results.backtest.record import check_begun, groups_table
from train.results.backtest.scores import BacktestScores, score_backtest

COUNT = 4
STEP = 5
HORIZON = 6
LEVEL = 0.8


class Net:
    """Answers by the weekday before and the mean of what is read; its intervals are one wide."""

    def __init__(self, encoder: SeriesEncoder):
        self.config = Config(data=Series())
        self.encoder = encoder

    def answers(self, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        past = inputs["past"].astype(np.float64)
        ahead = inputs["future"].sum(axis=2) if "future" in inputs else 0
        n_targets = self.encoder.n_targets
        value = past[:, -7:-1, :n_targets] + past.mean(axis=(1, 2))[:, None, None]
        value = value + np.broadcast_to(ahead, value.shape[:2])[:, :, None] / 50
        return {"value": value.reshape(len(past), -1)}

    def needed_score(self, level: float) -> tuple[Head, np.ndarray]:
        if level != LEVEL:
            raise UserError("--interval: no scores")
        return self.encoder.heads[0], np.full(HORIZON * self.encoder.n_targets, 0.5)


def shops() -> pa.Table:
    random = np.random.default_rng(0)
    frames = []
    for i, size in enumerate((90, 70, 60)):
        when = pd.date_range("2024-01-01", periods=size + i)[i:]
        sales = 20 + 10 * i + 3 * np.sin(2 * np.pi * np.arange(size) / 7)
        sales += random.normal(size=size)
        sales[random.random(size) < 0.05] = np.nan
        price = random.normal(size=size)
        kind = np.where(np.arange(size) % 3, "big", "small")
        frame = pd.DataFrame({"when": when, "shop": f"s{i}", "sales": sales, "price": price})
        frames.append(frame.assign(kind=kind))
    return pa.Table.from_pandas(pd.concat(frames), preserve_index=False)


def by_shop():
    return shops().to_pandas().groupby("shop")["sales"]


def made(tmp_path, plan: Plan | None = None, **changes):
    """(the stand-in, the table, its origins, its answers)."""
    base = {"target": "sales", "time": "when", "group": "shop", "lookback": 14, "horizon": HORIZON}
    data = Series(**base | {"valid": 8, "test": 0, "calendar": True} | changes)
    table = shops()
    origins = find_origins(table, data, COUNT, STEP)
    config, read = in_memory(Config(data=data), table.filter(origins.before(0)))
    assert isinstance(config.data, Series)
    net = cast(Predictor, Net(load_series(config.data, read).encoder))
    plan = plan or Plan(COUNT, STEP, interval=LEVEL)
    answered = answer(net, table, "data", origins, range(COUNT), plan)
    return net, table, origins, answered


def test_scores_are_those_of_the_written_forecasts_by_origin_step_and_group(tmp_path):
    net, _, _, answered = made(tmp_path)
    plan = Plan(COUNT, STEP, interval=LEVEL)
    content, lines = finish_backtest(net.config, tmp_path, [answered], plan, [], began=0.0)
    rows = pq.read_table(tmp_path / "forecasts.parquet").to_pandas()
    first = ["origin", "cutoff", "row", "step", "group", "time", "shop", "when"]
    first += ["target", "sales"]
    assert list(rows.columns) == [*first, "lower", "upper", "last", "seasonal", "linear"]
    assert rows["origin"].unique().tolist() == [1, 2, 3, 4]
    assert len(rows) == 3 * COUNT * HORIZON
    assert content["season"] == 7
    cutoffs = pd.to_datetime([each.get("cutoff") for each in content["origins"]])
    assert (cutoffs == pd.to_datetime(rows["cutoff"]).groupby(rows["origin"]).max()).all()
    apart = pd.to_datetime(rows["time"]) - pd.to_datetime(rows["cutoff"])
    assert (apart.dt.days == rows["step"]).all()
    truth = shops()["sales"].to_pandas()
    np.testing.assert_allclose(rows["target"], truth[rows["row"]], rtol=1e-6)
    known = rows[rows["target"].notna()]
    for name, column in {"net": "sales", "seasonal": "seasonal", "linear": "linear"}.items():
        error = (known[column] - known["target"]).abs()
        overall = content["metrics"] if name == "net" else content["baselines"][name]
        assert overall["mae"] == pytest.approx(error.mean())
        assert overall["wape"] == pytest.approx(error.sum() / known["target"].abs().sum())
        by_origin = error.groupby(known["origin"]).mean()
        assert content["by_origin"][name]["mae"] == pytest.approx(by_origin.tolist())
        by_step = (error**2).groupby(known["step"]).mean() ** 0.5
        assert content["by_step"][name]["rmse"] == pytest.approx(by_step.tolist())
        by_group = error.groupby(known["group"]).mean()
        groups = pd.read_csv(tmp_path / "groups.csv").set_index("group")
        label = "mae" if name == "net" else f"{name}_mae"
        np.testing.assert_allclose(groups[label], by_group)
        assert "by_group" in content
        median = content["by_group"][name]["mae"]["median"]
        assert median == pytest.approx(by_group.median())
    inside = known["target"].between(known["lower"], known["upper"])
    assert content["metrics"]["coverage"] == pytest.approx(inside.mean())
    assert content["metrics"]["width"] == pytest.approx(1.0)
    assert any(line.startswith("12 windows of 4 origins") for line in lines)
    check_begun(tmp_path, plan)
    for changes in ({"refit": "full"}, {"step": 6}, {"origins": 3}):
        with pytest.raises(UserError, match="a backtest of 4 origins, 5 steps apart, refit never;"):
            check_begun(tmp_path, dataclasses.replace(plan, **changes))
    page = (tmp_path / "backtest.html").read_text()
    for words in ("By origin", "Coverage", "Forecast worst", "80% interval", "4, 5 steps apart"):
        assert words in page


def test_what_a_net_says_of_its_spread_is_scored_by_origin_and_over_all(tmp_path):
    _, _, _, answered = made(tmp_path)
    values = answered.predicted.predictions["value"]
    quantiles = np.stack([values - 0.1, values, values + 0.2], axis=-1)
    predictions = {"value": values, "value.quantiles": quantiles}
    predicted = answered.predicted._replace(predictions=predictions)
    answered = dataclasses.replace(answered, predicted=predicted, quantiles=(0.1, 0.5, 0.9))
    scores = score_backtest([answered], COUNT)
    encoder = answered.dataset.encoder
    target = answered.predicted.target
    whole = probabilistic_metrics(encoder, predictions, target, None, (0.1, 0.5, 0.9))
    for name in ("crps", "pinball", "mean_weighted_quantile_loss"):
        assert scores.overall["net"][name] == pytest.approx(whole[name])
    last = answered.origin_w == COUNT - 1
    own = probabilistic_metrics(
        encoder,
        {name: array[last] for name, array in predictions.items()},
        {name: array[last] for name, array in target.items()},
        None,
        (0.1, 0.5, 0.9),
    )
    assert scores.by_origin["net"]["crps"][-1] == own["crps"]
    nothing = np.zeros(len(last))
    none = probabilistic_metrics(encoder, predictions, target, nothing, (0.1, 0.5, 0.9))
    assert np.isnan([none["crps"], none["coverage"]]).all()
    _, _, _, answered = made(tmp_path, target=("sales", "price"))
    values = answered.predicted.predictions["value"]
    quantiles = np.stack([values - 0.1, values, values + 0.2], axis=-1)
    predictions = {"value": values, "value.quantiles": quantiles}
    predicted = answered.predicted._replace(predictions=predictions)
    answered = dataclasses.replace(answered, predicted=predicted, quantiles=(0.1, 0.5, 0.9))
    scores = score_backtest([answered], COUNT)
    encoder = answered.dataset.encoder
    whole = probabilistic_metrics(encoder, predictions, predicted.target, None, (0.1, 0.5, 0.9))
    for name in ("price.crps", "sales.pinball", "price.mean_weighted_quantile_loss"):
        assert scores.overall["net"][name] == pytest.approx(whole[name])


def test_a_score_that_is_not_defined_is_blank_and_not_told_first():
    curves = {"net": {"mase": np.array([np.nan, 2.0]), "mae": np.array([1.0, 3.0])}}
    overall = {"net": {"mase": np.nan, "mae": 2.0}}
    windows = np.array([1, 1])
    scores = BacktestScores(["a", "b"], windows, windows, overall, curves, curves, curves)
    assert first_metric(scores) == "mae"
    assert groups_table(scores)["mase"].to_pylist() == [None, 2.0]


def test_a_net_reads_what_new_rows_would_have_and_intervals_that_are_asked_for(
    tmp_path, monkeypatch
):
    net, _, _, answered = made(tmp_path)
    before = answers.predict_windows(net, answered.dataset).predictions["value"]
    np.testing.assert_array_equal(before, answered.predicted.predictions["value"])

    def blank(dataset, windows, inputs):
        return {**inputs, "future": np.zeros_like(inputs["future"])}

    monkeypatch.setattr(answers, "as_foretold", blank)
    after = answers.predict_windows(net, answered.dataset).predictions["value"]
    assert (before != after).any()
    with pytest.raises(UserError, match="no scores"):
        made(tmp_path, Plan(COUNT, STEP, interval=0.5))


def test_the_linear_model_is_fitted_on_windows_that_end_before_the_first_origin(
    tmp_path, monkeypatch
):
    fitted = []

    def spied(dataset, windows):
        fitted.append(dataset.starts[windows])
        return fit_linear(dataset, windows)

    monkeypatch.setattr(answers, "fit_linear", spied)
    _, _, _, answered = made(tmp_path)
    ahead = HORIZON + (COUNT - 1) * STEP
    expected = []
    flat = answered.dataset.flat
    for first, size in zip(flat.firsts.tolist(), flat.sizes.tolist(), strict=True):
        expected += range(first, first + size - ahead - HORIZON - 14 + 1)
    assert fitted[0].tolist() == expected


def test_what_only_some_origins_have_is_not_scored_and_said(tmp_path, monkeypatch):
    plan = Plan(COUNT, STEP, refit="full")
    monkeypatch.setattr(answers, "GAPPY_WINDOWS", 50)
    net, _, _, answered = made(tmp_path, Plan(COUNT, STEP, interval=LEVEL))
    sampled = "linear: fitted on 50 of the windows before an origin that has more"
    assert answered.notes.count(sampled) == 1
    rivals = {name: answered.rivals[name] for name in ("last", "linear")}
    bare = dataclasses.replace(answered, ends={}, level=None, rivals=rivals)
    for parts in ([bare, answered], [answered, bare]):
        content, lines = finish_backtest(net.config, tmp_path, parts, plan, [], began=0.0)
        assert content.get("interval") == LEVEL and "coverage" not in content["metrics"]
        assert set(content["baselines"]) == {"last", "linear"}
        for name in ("seasonal", "intervals"):
            found = "at 1 of 2 origins alone, in forecasts.parquet; left out of the scores"
            assert f"{name}: {found}" in lines and f"{name}: {found}" in content["notes"]
        rows = pq.read_table(tmp_path / "forecasts.parquet").to_pandas()
        assert rows["seasonal"].isna().sum() == rows["lower"].isna().sum() == len(rows) / 2


def test_a_baseline_that_is_naive_has_the_scaled_error_of_its_changes(tmp_path):
    _, _, _, answered = made(tmp_path)
    scores = score_backtest([answered], COUNT)
    expected = []
    for _, sales in by_shop():
        values = sales.to_numpy()
        for origin in range(COUNT):
            now = len(values) - HORIZON - (COUNT - 1 - origin) * STEP
            past = pd.Series(values[:now])
            last = past.ffill().iloc[-1]
            error = np.nanmean(np.abs(values[now : now + HORIZON] - last))
            expected.append(error / np.nanmean(np.abs(past.diff(7))))
    assert scores.overall["last"]["mase"] == pytest.approx(np.mean(expected), rel=1e-5)


def test_several_targets_have_their_own_scores_and_columns(tmp_path):
    plan = Plan(COUNT, STEP, interval=LEVEL)
    net, table, origins, answered = made(tmp_path, target=("sales", "price"))
    found = [find_leaks(net, table, "data", origins, answered, seed=0)] * 2
    content, lines = finish_backtest(net.config, tmp_path, [answered], plan, found, began=0.0)
    assert content.get("leaks") == {
        "origins": [],
        "spoiled_cells": 2 * found[0].n_cells,
        "columns": ["sales", "price"],
    }
    (head,) = [line for line in lines if line.startswith("12 windows of 4 origins")]
    assert "mase" in head and "sales.mase" not in head
    rows = pq.read_table(tmp_path / "forecasts.parquet").to_pandas()
    metrics = content["metrics"]
    for name in ("sales", "price"):
        error = (rows[name] - rows[f"target_{name}"]).abs()
        assert metrics[f"{name}.mae"] == pytest.approx(error.mean())
        assert {f"{name}_lower", f"{name}_upper", f"{name}_linear"} <= set(rows.columns)
        inside = rows[f"target_{name}"].between(rows[f"{name}_lower"], rows[f"{name}_upper"])
        known = rows[f"target_{name}"].notna()
        assert metrics[f"{name}.coverage"] == pytest.approx(inside[known].mean())
    both = np.array([metrics["sales.mase"], metrics["price.mase"]], np.float64)
    assert metrics["mase"] == pytest.approx(both.mean())
    assert lines[-2].startswith("no leak: ")


def test_leaks_are_found_where_there_are_any_and_only_there(tmp_path, monkeypatch):
    net, table, origins, answered = made(tmp_path, known=("price", "kind"))
    found = find_leaks(net, table, "data", origins, answered, seed=0)
    assert found.origins == () and found.columns == ("sales", "price", "kind")
    later = sum(HORIZON + STEP * k for k in range(COUNT)) * 3
    assert found.n_cells == later + 2 * (later - HORIZON * 3 * COUNT)
    # A window that is no longer there is another answer.
    assert not leaks._is_same(answered, 0, np.zeros(0, np.int32), {})
    assert "no leak: with other values in the" in found.line
    encode = SeriesEncoder.encode

    def centred(self, *arguments, **options):
        values_tc = encode(self, *arguments, **options)
        return values_tc - np.nanmean(values_tc, axis=0)

    monkeypatch.setattr(SeriesEncoder, "encode", centred)
    net, table, origins, answered = made(tmp_path, known=("price",))
    found = find_leaks(net, table, "data", origins, answered, seed=0)
    assert found.origins == (0, 1, 2, 3)
    assert "LEAK: " in found.line and "of 4 of 4 origins change (origins 1, 2, 3, 4)" in found.line


def test_models_of_statsforecast_see_what_is_before_an_origin_alone(tmp_path, monkeypatch):
    seen = []

    class Mean:
        def __init__(self, *, season_length: int):
            self.season = season_length

        def forecast(self, y: np.ndarray, h: int) -> dict[str, np.ndarray]:
            seen.append((self.season, len(y)))
            assert np.isfinite(y).all()
            if len(y) == 60 - HORIZON:
                raise ValueError("nothing to be done")
            return {"mean": np.full(h, y.mean())}

    module = types.ModuleType("statsforecast.models")
    vars(module)["AutoETS"] = Mean
    monkeypatch.setitem(sys.modules, "statsforecast", types.ModuleType("statsforecast"))
    monkeypatch.setitem(sys.modules, "statsforecast.models", module)
    plan = Plan(COUNT, STEP, models=("ets",))
    _, _, _, answered = made(tmp_path, plan)
    lengths = []
    first = [sales.notna().to_numpy().argmax() for _, sales in by_shop()]
    for origin in range(COUNT):
        ahead = HORIZON + (COUNT - 1 - origin) * STEP
        lengths += [n - ahead - i for n, i in zip((90, 70, 60), first, strict=True)]
    assert seen == [(7, length) for length in lengths]
    line = "ets: 2 of 12 forecasts failed (ValueError: nothing to be done); the last value stands"
    assert any(line in each for each in answered.notes)
    assert any("no intervals: no scores" in each for each in answered.notes)
    values = next(iter(by_shop()))[1].ffill()
    raw = answered.dataset.encoder.decode(answered.rivals["ets"])["sales"]
    before = values[: 90 - HORIZON - (COUNT - 1) * STEP]
    np.testing.assert_allclose(raw[0], before.mean(), rtol=1e-5)


def test_what_cannot_be_backtested_is_one_line(tmp_path):
    with pytest.raises(UserError, match=r"of forecasts, of Series\(\.\.\.\), got Table"):
        command.backtest(Config(data=Table(path="a.csv", target="y")))
    config = Config(data=Series(path="a.csv", target="y"))
    several = dataclasses.replace(config, population=Population(seeds=2))
    with pytest.raises(UserError, match="--refit: warm goes on with one net"):
        command.backtest(several, plan=Plan(refit="warm"))
    if "statsforecast" not in sys.modules:
        with pytest.raises(UserError, match="not installed: pip install statsforecast"):
            command.backtest(config, plan=Plan(models=("arima",)))
    assert dataclasses.replace(Plan(), refit="warm").is_refitted
