"""Forecasting as a whole: from a file to forecasts, and the scores and baselines beside them."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import jax
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
import sklearn.metrics
from finished_runs import undeclared
from series_tables import shops

from nets.kernels import library
from train import config as configs
from train import evaluate, loop, predict
from train.config import LSTM, Config, Optim, Series, Train
from train.errors import UserError
from train.inference.load import read_start
from train.results.comparison.finished import read_runs
from train.results.comparison.paired import Difference, difference

HOURS = 700
LOOKBACK = 48
HORIZON = 12
HELD = 120
# Told in terms of all rows before a window, of which a file may have fewer.
BY_HISTORY = {"mase", "rmsse"}


def shop_config(path: Path, **changes) -> Config:
    data = Series(
        path=str(path),
        target="sales",
        time="when",
        group="shop",
        known=("promotion",),
        lookback=LOOKBACK,
        horizon=HORIZON,
        valid=HELD,
        test=HELD,
    )
    net = LSTM(hidden=(16,), patch="auto", window="last", columns="independent", shortcut=True)
    config = Config(name="shops", data=data, net=net, optim=Optim(name="adam", learning_rate=1e-2))
    return dataclasses.replace(config, train=Train(epochs=8, batch_size=64, patience=4), **changes)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> tuple[Path, dict]:
    root = tmp_path_factory.mktemp("forecast")
    pa.csv.write_csv(shops(HOURS), root / "shops.csv")
    return root / "run", loop.fit(shop_config(root / "shops.csv"), root / "run")


def test_the_type_of_a_result_declares_what_is_in_that_of_forecasts(run):
    assert undeclared(run[1]) == set()


def test_a_run_is_paired_with_another_on_its_windows(run, tmp_path):
    again = shutil.copytree(run[0], tmp_path / "again")
    own, other = read_runs([str(run[0]), str(again)])[0]
    rows = own.answers
    assert rows is not None
    target = rows["target"].to_numpy()
    sales = rows["sales"].to_numpy()
    worse = rows.set_column(rows.column_names.index("sales"), "sales", [sales + 1])
    other.__dict__["answers"] = worse  # in place of what the folder holds
    found = difference(own, other, "rmse")
    assert isinstance(found, Difference)
    rmse, other_rmse = (np.sqrt(np.mean((each - target) ** 2)) for each in (sales, sales + 1))
    assert found.value == pytest.approx(rmse - other_rmse)
    assert rmse == pytest.approx(run[1]["metrics"]["test"]["rmse"], rel=1e-4)
    assert (found.n_apart, found.n_rows) == (0, len(target))


def test_a_net_that_is_told_what_is_ahead_beats_what_is_not(run):
    metrics = run[1]["metrics"]["test"]
    baselines = run[1]["baselines"]["test"]
    assert set(baselines) == {"last", "seasonal", "linear"}
    assert metrics["mse_scaled"] < 0.6 * min(
        baseline["mse_scaled"] for baseline in baselines.values()
    )
    assert metrics["rmse"] < 1.0  # the promotion alone has a standard deviation of 1.2


def test_the_result_says_what_computed_its_lstm(run):
    assert json.loads((run[0] / "result.json").read_text())["lstm"] == library.core()


def test_scores_are_there_for_every_step_of_the_horizon(run):
    by_step = run[1]["horizon"]["test"]
    assert set(by_step) == {"net", "last", "seasonal", "linear"}
    assert [len(values) for values in by_step["net"].values()] == [HORIZON] * 3
    for name, metrics in {"net": run[1]["metrics"]["test"], **run[1]["baselines"]["test"]}.items():
        assert np.mean(by_step[name]["mse_scaled"]) == pytest.approx(metrics["mse_scaled"])


def test_predictions_hold_every_window_and_step_of_the_test_rows(run):
    rows = pq.read_table(run[0] / "predictions.parquet").to_pandas()
    assert list(rows.columns) == ["row", "step", "group", "time", "shop", "when", "target", "sales"]
    assert len(rows) == 2 * (HELD - HORIZON + 1) * HORIZON
    table = shops(HOURS)
    for name, column in (("target", "sales"), ("group", "shop"), ("time", "when")):
        truth = table[column].take(pa.array(rows["row"])).to_pylist()
        if name == "target":
            np.testing.assert_allclose(rows[name], truth, rtol=1e-5)
        else:
            assert rows[name].tolist() == truth
    assert sklearn.metrics.mean_squared_error(rows["target"], rows["sales"]) == pytest.approx(
        run[1]["metrics"]["test"]["mse"]
    )


def test_evaluate_on_the_last_rows_gives_the_scores_of_the_test_rows(run):
    table = shops(HOURS)
    model = predict.load(run[0])
    written = []
    held = table.slice(2 * (HOURS - HELD - LOOKBACK))
    scores = evaluate.evaluate(model, held, interval=0.8, write=written.extend)
    assert scores.pop("rows") == run[1]["rows"]["test"]
    baselines = scores.pop("baselines")
    for name in ("last", "seasonal"):
        for metric in baselines[name].keys() - BY_HISTORY:
            value = baselines[name][metric]
            assert value == pytest.approx(run[1]["baselines"]["test"][name][metric], rel=1e-5)
    rows = written[0].to_pandas()
    assert rows["sales"].sub(rows["target"]).pow(2).mean() == pytest.approx(scores["mse"])
    inside = rows["target"].between(rows["lower"], rows["upper"]).mean()
    assert inside == pytest.approx(scores.pop("coverage"))
    width = scores.pop("width")
    assert width == pytest.approx((rows["upper"] - rows["lower"]).mean())
    beyond = (rows["lower"] - rows["target"]).clip(0) + (rows["target"] - rows["upper"]).clip(0)
    assert scores.pop("interval_score") == pytest.approx(width + 2 / 0.2 * beyond.mean())
    groups = scores.pop("groups")
    by_shop = rows.groupby("group").apply(lambda shop: (shop["sales"] - shop["target"]).abs().sum())
    wape = by_shop / rows.groupby("group")["target"].sum()
    assert groups["wape"]["max"] == pytest.approx(wape.max())
    assert run[1]["groups"]["test"]["count"] == 2
    for name in scores.keys() - BY_HISTORY:
        assert scores[name] == pytest.approx(run[1]["metrics"]["test"][name], rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("refits", [False, True])
def test_training_goes_on_from_the_net_of_another_folder(run, tmp_path, refits):
    longer = shops(HOURS + 50)
    pa.csv.write_csv(longer, tmp_path / "longer.csv")
    changes = {"train.epochs": "1", "optim.learning_rate": "1e-9", "optim.ema": "0"}
    config = configs.override(shop_config(tmp_path / "longer.csv"), changes)
    lines = []
    start = read_start(run[0], refits=refits)
    loop.fit(config, tmp_path / "next", start=start, echo=lines.append)
    assert any(f"training goes on from {run[0]}: its columns and weights" in line for line in lines)
    before, after = (predict.load(folder) for folder in (run[0], tmp_path / "next"))
    assert before.encoder == after.encoder
    for one, other in zip(
        jax.tree.leaves(before.variables["params"]),
        jax.tree.leaves(after.variables["params"]),
        strict=True,
    ):
        np.testing.assert_allclose(one, other, atol=1e-6)
    centers = [model.variables["statistics"]["inputs"]["center"] for model in (before, after)]
    assert np.array_equal(*centers) is not refits


def test_predict_goes_on_from_the_end_of_each_series(run, tmp_path):
    table = shops(HOURS + HORIZON)
    n_known = 2 * HOURS
    sales = [value if i < n_known else None for i, value in enumerate(table["sales"].to_pylist())]
    pa.csv.write_csv(table.set_column(3, "sales", pa.array(sales)), tmp_path / "next.csv")
    flags = [f"--workdir={run[0]}", f"--data={tmp_path / 'next.csv'}", "--interval=0.8"]
    assert predict.main([*flags, f"--out={tmp_path / 'out.parquet'}"]) == 0
    answers = pq.read_table(tmp_path / "out.parquet").to_pandas()
    assert list(answers.columns) == [
        "row",
        "group",
        "time",
        "shop",
        "when",
        "sales",
        "lower",
        "upper",
    ]
    assert (answers["lower"] < answers["sales"]).all()
    assert (answers["sales"] < answers["upper"]).all()
    assert answers["group"].tolist() == ["north"] * HORIZON + ["south"] * HORIZON
    truth = table.take(pa.array(answers["row"])).to_pandas()
    assert answers["time"].tolist() == truth["when"].tolist()
    assert np.abs(answers["sales"] - truth["sales"]).mean() < 1.2
    promoted = truth["promotion"] == 1
    assert promoted.any() and np.abs(answers["sales"] - truth["sales"])[promoted].mean() < 1.5
    in_python = predict.load(run[0])(table.set_column(3, "sales", pa.array(sales)))
    assert isinstance(in_python, dict)
    np.testing.assert_array_equal(in_python["sales"], answers["sales"])
    assert predict.main([*flags, f"--out={tmp_path / 'few.csv'}", "--horizon=5"]) == 0
    few = pa.csv.read_csv(tmp_path / "few.csv").to_pandas()
    firsts = answers["sales"].to_numpy().reshape(2, HORIZON)[:, :5]
    np.testing.assert_allclose(few["sales"], firsts.ravel(), rtol=1e-12)


def test_a_longer_horizon_is_a_loop_over_predict(run, capsys):
    n_steps = 2 * HORIZON - 2
    table = shops(HOURS + 2 * HORIZON)
    is_known = np.arange(table.num_rows) < 2 * HOURS
    sales = np.where(is_known, table["sales"].to_numpy(), np.nan)
    model = predict.load(run[0])
    model.tell = print
    named = table.set_column(3, "sales", pa.array(sales, from_pandas=True))
    answers = pa.table(model.columns(named, horizon=n_steps, interval=0.8))
    assert "22 steps by a net that forecasts 12 at once: 2 blocks" in capsys.readouterr().out
    for _ in range(2):
        block = model.columns(table.set_column(3, "sales", pa.array(sales, from_pandas=True)))
        sales[np.asarray(block["row"])] = np.asarray(block["sales"])
    np.testing.assert_array_equal(answers["sales"], sales[np.asarray(answers["row"])])
    assert answers["time"].to_pylist() == [
        table["when"][row].as_py() for row in answers["row"].to_pylist()
    ]
    is_null = answers["lower"].is_null().to_numpy().reshape(2, n_steps)
    np.testing.assert_array_equal(is_null, np.arange(n_steps) >= HORIZON * np.ones((2, 1)))


def test_the_report_draws_forecasts_and_the_error_by_step(run):
    page = (run[0] / "report.html").read_text()
    for words in (
        "Error by step",
        "Forecast of sales against the truth",
        "north, from 2024",
        ">truth<",
        "the last season",
    ):
        assert words in page, words


@pytest.mark.slow
def test_a_run_of_forecasts_resumes_in_the_bits_of_the_straight_one(run, tmp_path):
    config = configs.from_json(json.loads((run[0] / "config.json").read_text())["config"])
    two, three = (
        dataclasses.replace(config, train=dataclasses.replace(config.train, epochs=n))
        for n in (2, 3)
    )
    loop.fit(two, tmp_path / "stopped")
    resumed = loop.fit(three, tmp_path / "stopped")
    straight = loop.fit(three, tmp_path / "straight")
    assert resumed["metrics"] == straight["metrics"]


@pytest.mark.slow
def test_a_run_with_gaps_trains_and_is_judged_on_what_is_known(tmp_path):
    random = np.random.default_rng(3)
    table = shops(400)
    masks = {"sales": random.random(800) < 0.1, "promotion": random.random(800) < 0.05}
    masks["sales"][2 * 330 : 2 * 350] = True
    masks["sales"][-2] = True
    masks["sales"][-1] = False
    for name, mask in masks.items():
        column = pa.array(table[name].to_numpy(), mask=mask)
        table = table.set_column(table.column_names.index(name), name, column)
    pa.csv.write_csv(table, tmp_path / "shops.csv")
    changes = {"data.valid": "60", "data.test": "60", "net.window": "last_deviation"}
    config = configs.override(shop_config(tmp_path / "shops.csv"), {**changes, "train.epochs": "3"})
    result = loop.fit(config, tmp_path / "run")
    rows = pq.read_table(tmp_path / "run" / "predictions.parquet")
    missing = rows["target"].is_null().to_numpy()
    np.testing.assert_array_equal(missing, masks["sales"][rows["row"].to_numpy()])
    error = rows["target"].to_numpy() - rows["sales"].to_numpy()
    assert np.nanmean(error**2) == pytest.approx(result["metrics"]["test"]["mse"])
    assert any("column 'sales': 119 of 799 values are missing" in n for n in result["notes"])
    held = result["interval"]["coverage"] * (~missing).sum()
    assert held == pytest.approx(round(held))
    scores = evaluate.evaluate(predict.load(tmp_path / "run"), table)
    # Rows of the two shops come in turns; of each the first ones are read and not forecast.
    n_read = 2 * config.data.lookback
    assert masks["sales"][:n_read].any()
    assert scores["missing_targets"] == 119 - masks["sales"][:n_read].sum()
    assert scores["baselines"]["last"]["rmse"] > 0
    page = (tmp_path / "run" / "report.html").read_text()
    assert f"{missing.sum()} more have no known target" in page


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"data.calendar": "true", "data.time": "none"},
            "config.data.calendar: needs config.data.time",
        ),
        ({"net.patch": "49"}, "config.net.patch: 49 rows at once, but config.data.lookback is 48"),
        (
            {"net.shortcut": "true", "net.shortcut_period": "49"},
            "config.net.shortcut_period: 49 rows, but config.data.lookback is 48",
        ),
        ({"net.cycle": "day"}, "config.net.cycle: a day is found by the calendar; set config.data"),
        ({"loss": "poisson"}, "config.loss: poisson is not for forecasts"),
        ({"loss": "gamma"}, "config.loss: gamma is not for forecasts"),
        ({"data.target": "time"}, "config.data.target: 'time' is the name of another column"),
    ],
)
def test_options_that_do_not_fit_are_refused(tmp_path, changes, message):
    with pytest.raises(UserError, match=message):
        configs.validate(configs.override(shop_config(tmp_path / "shops.csv"), changes))
